"""Whether a winner of the search is worth taking: measured against the shipped default on questions never searched.

The best of many trials looks better than it is, and in about one study of ten it is worse than the default
(arXiv 2506.19540). So both answer the held-out questions, and the winner is promoted only if the 95% interval of the
paired difference lies above zero. The interval is over conversations (locomo/bootstrap.py) from five on. With fewer it
is over the questions within each conversation, which leaves out how conversations differ: there, none of them may lose
by it either.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from locomo.bootstrap import CONFIDENCE, MIN_CLUSTERS, NUM_RESAMPLES, as_pair, clustered_interval


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the held-out questions say; `difference` is winner minus default, in shares of questions (or the measure's
    unit), `ci95` its interval, None where nothing differs. `resampled`: what the interval is over."""

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

    def as_json(self) -> dict[str, Any]:
        """For the parameters file and tune.py's last line."""
        return asdict(self)


def judge_promotion(
    default: Mapping[str, float],
    winner: Mapping[str, float],
    conversation_of: Mapping[str, str],
    *,
    split: str,
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
