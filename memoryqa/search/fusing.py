"""Puts together what a question and its supporting queries match, by who said it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from memoryqa.arrays import Flags, Floats


@dataclass(frozen=True, slots=True)
class Preference:
    """Whose passages count more than others', and how: their match times 1 + `share` (of others: 1 - `share`), that of
    supporting queries by `query_share`, plus `weight` (of others: minus), plus `first_person` where they speak of
    themselves."""

    speakers: Collection[str]
    weight: float
    share: float = 0.0
    query_share: float = 0.0
    first_person: float = 0.0


def fuse(matches: Sequence[Floats], support: float, preferred: Preference, named: Flags | None) -> Floats:
    """The match of the question, the first of `matches`, and of its supporting queries, which weigh `support`.

    All are 0 or more. Returns a new array.
    """
    match = _by_speaker(matches[0], preferred.share, named)
    if len(matches) == 1:
        return match.copy()
    root = np.sqrt(sum(one**2 for one in matches[1:]))
    return match + support * _by_speaker(root, preferred.query_share, named)


def _by_speaker(match: Floats, share: float, named: Flags | None) -> Floats:
    return match if named is None else np.where(named, (1 + share) * match, (1 - share) * match)
