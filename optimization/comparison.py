"""Before and after, on questions that the search has not seen: how much it gained, and whether by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from dspy.utils.exceptions import LMError

from harness.progress import counting
from harness.runs import Run
from locomo.asking import ask_for_answer
from locomo.benchmark import RowList, ask_programs
from locomo.kinds import LOCOMO
from locomo.questions import Selection
from locomo.rows import ScoredRow
from locomo.schema import Question
from locomo.statistics import paired_difference
from memory_system import MemoryQA
from memoryqa.lms.usage import measure_usage
from optimization.metric import Metric
from reports.search_record import AFTER, BEFORE

ScoredRows = Mapping[tuple[str, str], ScoredRow]
"""By (BEFORE or AFTER, question id)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The search's metric on the same `questions`, 0..1; None where there are none.

    ci95: of the difference, by the paired bootstrap over *questions*: val has too few conversations for the bootstrap
    over those (locomo/statistics.py), so the interval does not cover how conversations differ. None when all
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


def compare(questions: Sequence[Question], rows: ScoredRows) -> Comparison:
    """Compare scores; a question without one on either side (its verdict was unreadable) is left out of both."""
    scored = [(one, rows[BEFORE, one.id]["score"], rows[AFTER, one.id]["score"]) for one in questions]
    pairs = [(one, old, new) for one, old, new in scored if old is not None and new is not None]
    found = paired_difference(
        {one.id: old for one, old, _ in pairs},
        {one.id: new for one, _, new in pairs},
        {one.id: one.conversation_id for one, *_ in pairs},
        resample="questions",
    )
    by_category = {}
    for number, name in (questions[0].kinds if questions else LOCOMO).names.items():
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


class HeldBackRows(RowList):
    """Rows of this process, kept in the folder of `run` too.

    A resumed run asks everything again, which the cache answers, so that its limits end it at the same place.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def append(self, row: Mapping[str, Any]) -> None:
        """Keep `row`, first in the run folder."""
        self._run.append(row)
        super().append(row)

    def scored(self) -> ScoredRows:
        """All of them."""
        return self.latest_rows("program", "question_id")


def ask_held_back(
    name: str, program: MemoryQA, held_back: Selection, metric: Metric, rows: HeldBackRows, *, num_threads: int
) -> None:
    """Ask `program`, which is BEFORE or AFTER, the held-back questions; `rows` gets each row as it completes.

    Raises SearchStopped when the meter refuses a call, BenchmarkStoppedError when too many questions fail.
    """
    with counting(f"asking {name}", total=len(held_back.questions)) as advance:
        ask_programs(
            {name: program},
            held_back,
            ask=partial(ask_and_score, metric=metric),
            rows=rows,
            num_threads=num_threads,
            on_progress=lambda progress: advance(f"{progress.failed} failed" if progress.failed else ""),
        )


def ask_and_score(
    name: str, program: Any, question: Question, *, metric: Metric
) -> tuple[ScoredRow, BaseException | None]:
    """An `Ask` of locomo.asking whose row also has the metric's `score`.

    The score is None when the verdict was unreadable or the judge's LM failed; the metric counts both.
    """
    row, failure = ask_for_answer(name, program, question, measure_usage=measure_usage)
    try:
        return {**row, "score": metric.value(question, row)}, failure
    except LMError:
        return {**row, "score": None}, failure
