"""What a passage's score has that no question, or hardly one, changes: habits of conversation, code, brevity."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from memoryqa.arrays import Flags, Floats, Ints
from memoryqa.config import RankingConfig
from memoryqa.search.passage_reading import (
    ENDS_IN_QUESTION,
    FLAGS,
    FOLLOWS_QUESTION,
    NAMES_TIME,
    OPENS_SESSION,
    SAYS_NAME,
)
from memoryqa.search.postings import IndexedPassages

NAME_PRIOR = 0.2  # of a passage that says a name, where the question asks for one
PERSON_PRIOR = 0.4  # of what a person said, where the question is about the person as a whole
_CODE_FROM, _CODE_SPAN = 0.05, 0.2  # share of code signs that prose may have, and what more makes a passage all code
_USUAL_TOKENS = 30  # of a line
_MOST_BREVITY = 2.0


class Priors:
    """Keeps what no question changes of all passages, as far as they were added, until some are changed."""

    def __init__(self, config: RankingConfig) -> None:
        self._config = config
        self._kept, self._version = array("d"), 0

    def of(self, index: IndexedPassages) -> Floats:
        """What no question changes, by passage."""
        config = self._config
        if index.version != self._version:
            self._kept, self._version = array("d"), index.version
        if (known := len(self._kept)) < len(index):
            passages = np.arange(known, len(index))
            flags = index.flags_of(passages)
            priors = config.question_prior * ((flags & ENDS_IN_QUESTION) != 0)
            priors += config.reply_prior * ((flags & FOLLOWS_QUESTION) != 0)
            priors += config.opening_prior * ((flags & OPENS_SESSION) != 0)
            priors -= config.code_weight * np.clip((index.code_share(passages) - _CODE_FROM) / _CODE_SPAN, 0.0, 1.0)
            if config.brevity_weight:
                priors += config.brevity_weight * _brevity(index.tokens(passages))
            self._kept.frombytes(priors.tobytes())
        return np.frombuffer(self._kept)

    def bound(self, index: IndexedPassages, asks_when: bool, asks_name: bool) -> Floats:
        """The most, by chunk, with what a passage gets for a time or a name where the question asks for one."""
        config = self._config
        priors = {
            ENDS_IN_QUESTION: config.question_prior,
            FOLLOWS_QUESTION: config.reply_prior,
            OPENS_SESSION: config.opening_prior,
            NAMES_TIME: config.time_prior if asks_when else 0.0,
            SAYS_NAME: NAME_PRIOR if asks_name else 0.0,
        }
        flags = np.arange(FLAGS)
        shortest = config.brevity_weight * _MOST_BREVITY
        by_flags = shortest + sum(max(prior, 0.0) * ((flags & flag) != 0) for flag, prior in priors.items())
        return np.asarray(by_flags[index.chunk_flags()])


def _brevity(tokens: Ints) -> Floats:
    """How often a passage's tokens halve to those of a usual line, from -2 (four times as long) to 2."""
    return np.clip(-np.log2(np.maximum(tokens, 1) / _USUAL_TOKENS), -_MOST_BREVITY, _MOST_BREVITY)


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
