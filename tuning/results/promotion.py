"""Whether the winner of a search is worth taking: promotion on held-out questions, and cross-validation.

The best of many trials looks better than it is, and in about one study of ten it is worse than the default
(arXiv 2506.19540). So both answer the held-out questions, and the winner is promoted only if the 95% interval of the
paired difference lies above zero. The interval resamples conversations (locomo/bootstrap.py) from five on. With fewer
it resamples the questions within each conversation, which leaves out how conversations differ: then no conversation may
lose by it either.

Cross-validation holds out each conversation in turn: the trial that is best on the others is compared with the default
on it. Questions of one conversation share its memory, so folds of single questions would leak. No trial is run again.
The sampler has seen all conversations during the search, so this gain is still somewhat too high; the promotion's is
not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np

from locomo.bootstrap import CONFIDENCE, MIN_CLUSTERS, NUM_RESAMPLES, as_pair, clustered_interval
from tuning.results.document import CrossValidationDocument, PromotionDocument

Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the held-out questions say; `difference` is winner minus default, in shares of questions (or the measure's
    unit), `ci95` its interval, None where nothing differs.

    budget_tokens: size of the evidence, or of the working memory, that both had. resampled: what the interval is over.
    """

    promote: bool
    difference: float
    ci95: list[float] | None
    split: str
    questions: int
    conversations: int
    resampled: str
    default_value: float
    winner_value: float
    reason: str
    budget_tokens: int | None = None

    def as_json(self) -> PromotionDocument:
        return cast(PromotionDocument, asdict(self))


def judge_promotion(
    default: Mapping[str, float],
    winner: Mapping[str, float],
    conversation_of: Mapping[str, str],
    *,
    split: str,
    budget_tokens: int | None = None,
    is_default: bool = False,
) -> Promotion:
    """Compare scores by question id, higher is better. `is_default`: the winner is the shipped default itself.

    Raises ValueError when the two were not asked the same questions, or none.
    """
    if not default or default.keys() != winner.keys():
        raise ValueError(f"{len(default)} and {len(winner)} scores: both must answer the same questions, at least one")
    ids = sorted(default)
    differences = [winner[one] - default[one] for one in ids]
    conversations = [conversation_of[one] for one in ids]
    by_conversation = defaultdict(list)
    for name, difference in zip(conversations, differences, strict=True):
        by_conversation[name].append(difference)
    over_conversations = len(by_conversation) >= MIN_CLUSTERS
    if over_conversations:
        interval = as_pair(clustered_interval(differences, conversations))
    else:
        interval = _stratified_interval(by_conversation)
    losing = [name for name, ones in by_conversation.items() if math.fsum(ones) < 0]
    reason = _reason(is_default, interval, [] if over_conversations else losing)
    return Promotion(
        promote=reason == "",
        difference=math.fsum(differences) / len(ids),
        ci95=interval,
        split=split,
        questions=len(ids),
        conversations=len(by_conversation),
        resampled="conversations" if over_conversations else "questions within conversations",
        default_value=math.fsum(default.values()) / len(ids),
        winner_value=math.fsum(winner.values()) / len(ids),
        reason=reason or "the whole interval is above zero",
        budget_tokens=budget_tokens,
    )


def _reason(is_default: bool, interval: list[float] | None, losing: list[str]) -> str:
    """Why not; "" for a promotion."""
    if is_default:
        return "keep defaults: no trial beat them on the questions that were searched"
    if interval is None:
        return "keep defaults: no held-out question tells the two apart"
    if interval[0] <= 0:
        return "keep defaults: the interval of the difference holds zero, or lies below"
    if losing:
        return (
            f"keep defaults: {', '.join(sorted(losing))} loses by it, and there are too few conversations to say more"
        )
    return ""


def _stratified_interval(by_conversation: Mapping[str, list[float]], seed: int = 0) -> list[float] | None:
    """95% percentile interval of the mean, questions drawn anew within each conversation; None if nothing differs."""
    rng = np.random.default_rng(seed)
    total = sum(map(len, by_conversation.values()))
    sums = np.zeros(NUM_RESAMPLES)
    for name in sorted(by_conversation):
        differences = np.array(by_conversation[name])
        values, counts = np.unique(differences, return_counts=True)  # few distinct ones: a multinomial draw is the same
        sums += rng.multinomial(len(differences), counts / len(differences), size=NUM_RESAMPLES) @ values
    if np.ptp(sums) < 1e-12:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(sums / total, (tail, 1 - tail))
    return [float(low), float(high)]


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

    def as_json(self) -> CrossValidationDocument:
        return cast(CrossValidationDocument, {**asdict(self), "folds": [asdict(fold) for fold in self.folds]})


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
