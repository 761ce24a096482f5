"""Whether the winner of a search is worth taking: promotion on held-out questions, and cross-validation.

The best of many trials looks better than it is, and in about one study of ten it is worse than the default
(arXiv 2506.19540). So both answer the held-out questions, and the winner is promoted only if the 95% interval of the
paired difference lies above zero. The interval resamples conversations (locomo/statistics.py) from five on. With fewer
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

from locomo.statistics import MIN_CLUSTERS, Resample, as_pair, paired_difference
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
    by_conversation = defaultdict(list)
    for one, score in default.items():
        by_conversation[conversation_of[one]].append(winner[one] - score)
    over_conversations = len(by_conversation) >= MIN_CLUSTERS
    resample: Resample = "conversations" if over_conversations else "questions within conversations"
    found = paired_difference(default, winner, conversation_of, resample=resample)
    assert found is not None
    losing = [name for name, ones in by_conversation.items() if math.fsum(ones) < 0]
    reason = _reason(is_default, as_pair(found.interval), [] if over_conversations else losing)
    return Promotion(
        promote=reason == "",
        difference=found.difference,
        ci95=as_pair(found.interval),
        split=split,
        questions=found.n,
        conversations=found.clusters,
        resampled=found.resampled,
        default_value=found.mean_a,
        winner_value=found.mean_b,
        reason=reason or "the whole interval is above zero",
        budget_tokens=budget_tokens,
    )


def _reason(is_default: bool, interval: list[float] | None, losing: list[str]) -> str:
    """The reason against a promotion; "" for none."""
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


@dataclass(frozen=True, slots=True)
class Fold:
    """One held-out conversation: `trial`, the best on the others, scores `chosen_value` on it, the default
    `default_value`."""

    conversation: str
    questions: int
    trial: int
    chosen_value: float
    default_value: float


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """All folds, and the means over all their questions; `difference` is the chosen trials minus the default."""

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
    compared with. The first of equally good trials is chosen. None with fewer than two conversations."""
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
