"""Which lines say most in the fewest tokens: an order in which each adds the most that is not yet said.

A line is worth the rare terms, numbers, dates and names in it. Each further line with the same term adds less, so that
ten lines on one subject do not push out the only line on another. That is greedy maximisation of a submodular coverage
per token, as in Lin and Bilmes 2010, "Multi-document summarization via budgeted maximization of submodular functions",
https://aclanthology.org/N10-1134/, and lazy (Minoux 1978, "Accelerated greedy algorithms for maximizing submodular set
functions"): most lines are never looked at twice.

The order depends on the lines alone, never on how many of them are wanted: what a larger budget keeps contains what a
smaller one keeps. It is made anew whenever the lines have grown by a quarter, since what was rare may be common then. A
line that comes in between is put where the greedy choice would have taken it, the others staying as they are.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain
from typing import Any

import numpy as np

from memoryqa.arrays import Floats, Ints
from memoryqa.config import CoverageConfig
from memoryqa.language.facts import probes
from memoryqa.language.terms import terms
from memoryqa.rendering import Line

_MOST_REPEATS = 8  # of a term are counted against a line that comes between rankings: more made no difference
_PROBE = "\0"  # before a probe: another feature than the term of the same letters
_NOTHING = ""  # the feature of every line, worth nothing, so that none is without features


class CoverageChain:
    """The best of `lines`, in the order of their coverage: `rank` and `insert` take lines in, `pop` takes the last out.

    `lines` belongs to the caller, who only appends to it; a place is a position in it. Empty lines are never taken. A
    long line waits until a few times its length is held: where it does not fit, it would keep all others out.
    """

    def __init__(self, lines: Sequence[Line], config: CoverageConfig | None = None) -> None:
        self.ranked = 0  # lines that the order was made of
        self._lines = lines
        self._config = config or CoverageConfig()
        self._numbers: dict[str, int] = {}  # feature -> its number
        self._is_probe = array("b")  # by feature
        self._features = array("i")  # line after line
        self._starts = array("q", [0])  # of each line in _features, and the end of the last one
        self._tokens = array("i")  # of each line
        self._per_token = array("d")  # of each line
        self._number(_NOTHING)
        self._begin([])

    # -- what is in the chain ------------------------------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether the lines have grown by a quarter since they were ranked."""
        return len(self._lines) > self.ranked * 5 // 4

    def rank(self) -> Iterator[int]:
        """Empty the chain and take in the best lines one by one, as far as this is read; gives their places.

        Ranked are the lines up to the last time that they had grown by a quarter, counted from the first one, whoever
        asks and when. Those that came after are for `insert`.
        """
        while self.is_due:
            self.ranked = self.ranked * 5 // 4 + 1
        self._read_up_to(self.ranked)
        worth = self._worth_when_ranked()
        self._begin(worth.tolist())
        return self._take(*self._in_order(worth), worth.tolist())

    def _in_order(self, worth: Floats) -> tuple[list[float], list[int]]:
        """Ranks before any line is taken, ascending, and the places of the lines with text that have them."""
        features, starts = np.array(self._features), np.array(self._starts[:-1])
        ranks = -np.array(self._per_token) * np.add.reduceat(worth[features], starts)
        places = np.flatnonzero(self._tokens)
        order = places[np.argsort(ranks[places], kind="stable")]
        return ranks[order].tolist(), order.tolist()

    def _take(self, first_ranks: list[float], places: list[int], worth: list[float]) -> Iterator[int]:
        """Take in the lines at `places`, always the best of those left. `worth` sinks by what they say.

        The rank of a line only ever falls back while others are taken: its last known one says how good it is at best,
        and it is computed anew when it is the best of those.
        """
        ready: list[tuple[float, int]] = []  # a heap of the lines that may be next, of those looked at
        waiting: list[tuple[float, float, int]] = []  # a heap of the long ones: tokens to be held before, rank, place
        looked_at = 0
        while True:
            while looked_at < len(places) and (not ready or first_ranks[looked_at] <= ready[0][0]):
                rank, place = first_ranks[looked_at], places[looked_at]
                looked_at += 1
                if (wanted := self._wanted(self._tokens[place])) > self._held_tokens:
                    heappush(waiting, (wanted, rank, place))
                else:
                    heappush(ready, (rank, place))
            if not ready and not waiting:
                return
            held = self._held_tokens if ready else max(self._held_tokens, waiting[0][0])
            while waiting and waiting[0][0] <= held:
                heappush(ready, heappop(waiting)[1:])
            known, place = heappop(ready)
            features = self._features_of(place)
            rank = -self._per_token[place] * sum(map(worth.__getitem__, features))
            if rank > known:
                heappush(ready, (rank, place))
                continue
            self._put(len(self._places), place, rank)
            for feature in features:
                worth[feature] *= self._config.repeat_share
            yield place

    def _wanted(self, tokens: int) -> float:
        """Tokens that are to be held before a line of so many is taken."""
        return self._config.wait_lengths * tokens if tokens > self._config.short_tokens else 0

    def insert(self, place: int) -> bool:
        """Take in the line at `place`, the next one after those read. False where it stands behind one left out."""
        self._read_up_to(place + 1)
        tokens, rank = self._tokens[place], self._rank_among_taken(place)
        wanted = self._wanted(tokens)
        held = first = 0
        while held < wanted and first < len(self._places):
            held += self._tokens[self._places[first]]
            first += 1
        is_behind = rank >= self._left_out or (held < wanted and self._left_out < math.inf)
        if not tokens or is_behind:
            return False
        self._put(max(first, bisect_right(self._ranks, rank)), place, rank)
        return True

    def pop(self) -> int:
        """Take the last line out, until the next ranking. Gives its place."""
        place, self._left_out = self._places.pop(), self._ranks.pop()
        self._held_tokens -= self._tokens[place]
        for feature in self._features_of(place):
            self._ranks_with[feature].pop()
        return place

    def _begin(self, first_worth: list[float]) -> None:
        self._worth_of_new = float(_idf(1, self.ranked)) if self.ranked else 0.0  # of a term that no ranked line has
        self._first_worth = first_worth  # by feature, as far as ranked lines have it: what its first mention adds
        self._places: list[int] = []  # the chain, best first
        self._ranks: list[float] = []  # of the chain, ascending: minus the worth per token with which each was taken
        self._held_tokens = 0
        self._ranks_with: defaultdict[int, list[float]] = defaultdict(list)  # feature -> ranks in the chain, ascending
        self._left_out = math.inf  # rank of the best line that was taken out

    def _put(self, at: int, place: int, rank: float) -> None:
        rank = max([rank, *self._ranks[max(0, at - 1) : at]])  # one that waited for its place ranks as those before it
        self._places.insert(at, place)
        self._ranks.insert(at, rank)
        self._held_tokens += self._tokens[place]
        for feature in self._features_of(place):
            insort(self._ranks_with[feature], rank)

    # -- worth ---------------------------------------------------------------------------------------------------------

    def _rank_among_taken(self, place: int) -> float:
        """The rank with which the line would have been taken, had it been there: after what better lines say."""
        worth = {feature: self._worth_of(feature) for feature in self._features_of(place)}
        left, per_token = sum(worth.values()), self._per_token[place]
        repeat_share = self._config.repeat_share
        if -left * per_token >= self._left_out:  # too far back already
            return -left * per_token
        better = sorted((rank, one) for one in worth for rank in self._ranks_with[one][:_MOST_REPEATS])
        for other, feature in better:
            if not other <= -left * per_token < self._left_out:  # its place is found, or too far back
                break
            left -= worth[feature] * (1 - repeat_share)
            worth[feature] *= repeat_share
        return -left * per_token

    def _worth_of(self, feature: int) -> float:
        """Of its first mention; of one that no ranked line has, as if one had it."""
        if feature < len(self._first_worth):
            return self._first_worth[feature]
        return self._config.probe_worth if self._is_probe[feature] else self._worth_of_new

    def _worth_when_ranked(self) -> Floats:
        """By feature; a term's is its idf in the ranked lines, which are all that were read so far."""
        held = np.bincount(self._features, minlength=len(self._numbers))
        worth = np.where(np.array(self._is_probe), self._config.probe_worth, _idf(held, self.ranked))
        worth[self._numbers[_NOTHING]] = 0.0
        return worth

    # -- features ------------------------------------------------------------------------------------------------------

    def _features_of(self, place: int) -> array[int]:
        return self._features[self._starts[place] : self._starts[place + 1]]

    def _read_up_to(self, end: int) -> None:
        """Number the features of the lines before `end`."""
        for place in range(len(self._tokens), end):
            line = self._lines[place]
            said = line.text.partition(": ")[2]  # without the speaker
            # questions ask for facts and seldom state one
            share = self._config.question_share if line.turn.text.rstrip().endswith("?") else 1.0
            self._tokens.append(line.tokens)
            self._per_token.append(share / (line.tokens + self._config.header_tokens))
            found = chain((_NOTHING,), terms(said), (_PROBE + probe for probe in sorted(probes(said))))
            self._features.extend(map(self._number, dict.fromkeys(found)))
            self._starts.append(len(self._features))

    def _number(self, feature: str) -> int:
        number = self._numbers.setdefault(feature, len(self._numbers))
        if number == len(self._is_probe):
            self._is_probe.append(feature.startswith(_PROBE))
        return number


def _idf(held: Ints | int, lines: int) -> Any:
    """As of BM25 in Lucene: terms that every line holds are worth little, and none less than nothing."""
    return np.log(1 + (lines - held + 0.5) / (held + 0.5))
