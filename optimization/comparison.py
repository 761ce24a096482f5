"""Before and after, on questions that the search has not seen: what it gained, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dspy.utils.exceptions import LMError

from locomo.asking import Row, ask_for_answer
from locomo.schema import CATEGORY_NAMES, Question
from locomo.statistics import paired_difference
from memoryqa.lms.usage import measure_usage
from optimization.metric import Metric
from reports.search_record import AFTER, BEFORE


@dataclass(frozen=True, slots=True)
class Comparison:
    """The search's metric on the same `questions`, 0..1; None where there are none.

    ci95: of the difference, by the paired bootstrap over *questions*: val has too few conversations for the bootstrap
    over those (locomo/statistics.py), so it does not cover what another conversation would add. None when all
    differences are equal, or there are fewer than five. shown: whether the interval leaves out zero.
    by_category: (questions, before, after).
    """

    questions: int
    before: float | None
    after: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    by_category: Mapping[str, tuple[int, float, float]]

    @property
    def shown(self) -> bool:
        """Whether the difference is more than chance, in either direction."""
        return self.ci95 is not None and not self.ci95[0] <= 0 <= self.ci95[1]

    def verdict(self) -> str:
        """One line for people."""
        if self.difference is None:
            return "no question could be compared"
        points = f"{100 * self.difference:+.1f} points on {self.questions} held-back questions"
        low, high = self.ci95 or (0.0, 0.0)
        between = f", 95% interval over questions {100 * low:+.1f} to {100 * high:+.1f}" if self.ci95 else ""
        if not self.shown:
            return f"gain not shown: {points}{between}"
        return f"{'gain' if self.difference > 0 else 'LOSS'} shown: {points}{between}"


def compare(questions: Sequence[Question], rows: Mapping[tuple[str, str], Row]) -> Comparison:
    """`rows` of `ask_and_score` by (BEFORE or AFTER, question id). A question without a score on either side (a verdict
    that could not be read) is left out of both."""
    scored = [(one, rows[BEFORE, one.id]["score"], rows[AFTER, one.id]["score"]) for one in questions]
    pairs = [(one, old, new) for one, old, new in scored if old is not None and new is not None]
    found = paired_difference(
        {one.id: old for one, old, _ in pairs},
        {one.id: new for one, _, new in pairs},
        {one.id: one.conversation_id for one, *_ in pairs},
        resample="questions",
    )
    by_category = {}
    for number, name in CATEGORY_NAMES.items():
        of_category = [(old, new) for one, old, new in pairs if one.category == number]
        if of_category:
            before, after = (math.fsum(side) / len(side) for side in zip(*of_category, strict=True))
            by_category[name] = (len(of_category), before, after)
    if found is None:
        return Comparison(0, None, None, None, None, {})
    return Comparison(
        questions=found.n,
        before=found.mean_a,
        after=found.mean_b,
        difference=found.difference,
        ci95=None if found.interval is None else (found.interval.low, found.interval.high),
        by_category=by_category,
    )


def ask_and_score(name: str, program: Any, question: Question, *, metric: Metric) -> tuple[Row, BaseException | None]:
    """An `Ask` of locomo.asking whose row has the metric's `score` besides; None when the judge could not be read or
    its LM failed, which the metric counts."""
    row, failure = ask_for_answer(name, program, question, measure_usage=measure_usage)
    try:
        return {**row, "score": metric.value(question, row)}, failure
    except LMError:
        return {**row, "score": None}, failure
