"""What choosing by these trials is worth on a conversation that was not chosen by: cross-validation by conversation.

Each conversation in turn is held out: the trial that is best on the others is compared with the default on it.
Questions of one conversation share its memory, so folds of single questions would know the held-out ones. No trial is
run again. The sampler has seen all conversations while it searched, so the gain is still somewhat too good; the
promotion's (tuning/results/promotion.py) is not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fold:
    """One held-out conversation: `trial` was best on the others; on it, it has `chosen_value`, the default its own."""

    conversation: str
    questions: int
    trial: int
    chosen_value: float
    default_value: float


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """All folds, and over all their questions: `difference` is of the chosen trials minus the default."""

    folds: tuple[Fold, ...]
    chosen_value: float
    default_value: float
    difference: float

    def as_json(self) -> dict[str, Any]:
        """For tune.py's document."""
        return asdict(self)


def cross_validate(
    trials: Mapping[int, Scores], conversation_of: Mapping[str, str], *, default: int = 0
) -> CrossValidation | None:
    """Scores by trial and question id, higher is better, all trials on the same questions; `default`: the trial that is
    compared with. Of equally good trials the first is chosen. None with fewer than two conversations."""
    by_conversation: defaultdict[str, list[str]] = defaultdict(list)
    for question_id in sorted(trials[default]):
        by_conversation[conversation_of[question_id]].append(question_id)
    if len(by_conversation) < 2:
        return None
    folds, chosen_sum, default_sum = [], 0.0, 0.0
    for name, held_out in sorted(by_conversation.items()):
        rest = [one for other, ids in by_conversation.items() if other != name for one in ids]
        best = max(trials, key=lambda number: (_mean(trials[number], rest), -number))
        chosen, shipped = _mean(trials[best], held_out), _mean(trials[default], held_out)
        folds.append(Fold(name, len(held_out), best, chosen, shipped))
        chosen_sum += chosen * len(held_out)
        default_sum += shipped * len(held_out)
    n = len(trials[default])
    return CrossValidation(tuple(folds), chosen_sum / n, default_sum / n, (chosen_sum - default_sum) / n)


def _mean(scores: Scores, ids: list[str]) -> float:
    return math.fsum(scores[one] for one in ids) / len(ids)
