"""Which lines say most in the fewest tokens: an order in which each line adds the most that is not yet said.

A line is worth the rare terms, numbers, dates and names in it. Each further line with the same term adds less, so that
ten lines on one subject do not push out the only line on another. The lists and code of a long answer hold many names
and numbers that nobody asks for: a passage counts less the longer its turn is, less again when it does not open it, and
less when an assistant said it to a user. This is greedy maximisation of a submodular coverage
per token, as in Lin and Bilmes 2010, "Multi-document summarization via budgeted maximization of submodular functions",
https://aclanthology.org/N10-1134/. It is lazy (Minoux 1978, "Accelerated greedy algorithms for maximizing submodular
set functions"): most lines are looked at once.

The order depends on the lines alone, never on how many of them are wanted: a larger budget keeps all that a smaller one
keeps. The lines are ranked again when their number has grown by a quarter, since what was rare may be common then. A
line that comes in between goes where the greedy choice would have taken it; the others keep their places.

`RecencyChain` gives the newest lines instead: the simplest way to forget, for comparison.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain

import numpy as np

from memoryqa.arrays import Floats
from memoryqa.config import CoverageConfig
from memoryqa.language.facts import probes
from memoryqa.language.question import users_among
from memoryqa.language.terms import idfs, terms
from memoryqa.rendering import Line
from memoryqa.working.known import KnownLines

_MOST_REPEATS = 8  # earlier mentions that lower the worth of a term in an inserted line: more made no difference
_REPEATED_SHARE = 0.25  # what a line is worth that was said before word by word
_PROBE = "\0"  # prefix of a probe's feature, which keeps it apart from the term of the same letters
_READ_AT_ONCE = 100  # lines
_NOTHING = ""  # a feature of every line, worth nothing, so that each line has one


class CoverageChain:
    """The best of `lines`, best first: `rank` and `insert` take lines in, `pop` takes the last one out.

    `lines` belongs to the caller, who only appends to it; a place is a position in it. Empty lines are never taken. A
    long line waits until a few times its length is held: where it does not fit, it would keep all others out.

    The cost of a line is minus its new worth per token: what it says that the lines before it do not say. The chain is
    in ascending order of cost, and no line costs more when it is taken than lines that are taken later.
    """

    def __init__(
        self, lines: Sequence[Line], config: CoverageConfig | None = None, known: KnownLines | None = None
    ) -> None:
        """known: what was read of the first of `lines` before; it belongs to this object then."""
        self.ranked = 0  # number of lines, from the first on, that were ranked together
        self._lines = lines
        self._config = config or CoverageConfig()
        self._numbers: dict[str, int] = {}  # feature -> its number
        self._is_probe = array("b")  # by feature
        self._features = array("i")  # of all lines, one line after the other
        self._starts = array("q", [0])  # where each line begins in _features, and the end of the last one
        self._tokens = array("i")  # by place
        self._per_token = array("d")  # by place: what to multiply a worth by
        self._speakers: set[str] = set()  # of the lines read so far
        self._users: frozenset[str] = frozenset()  # those of them who talk to an assistant
        self._number(_NOTHING)
        self._known = known  # what is not yet taken from there
        self._clear([])

    # -- what is in the chain ------------------------------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether the lines have grown by a quarter since they were ranked."""
        return len(self._lines) > self.ranked * 5 // 4

    def rank(self) -> Iterator[int]:
        """Empty the chain, then take in the best lines one by one, as far as the caller reads; yields their places.

        Ranking happens at fixed numbers of lines, each a quarter larger, so the result does not depend on when this is
        called. `insert` takes the lines after that number.
        """
        while self.is_due:
            self.ranked = self.ranked * 5 // 4 + 1
        self._read_up_to(self.ranked)
        worth = self._worth_when_ranked()
        self._clear(worth.tolist())
        return self._take(self._candidates(worth), worth.tolist())

    def _candidates(self, worth: Floats) -> _Candidates:
        """The ranked lines that have text, each with its cost while the chain is empty.

        Lines that say the same always cost the same, and the earlier one is taken first. So each waits for the one
        before it: thousands of them would be computed again whenever one is taken.
        """
        features, starts = np.array(self._features), np.array(self._starts[:-1])
        costs = -np.array(self._per_token) * np.add.reduceat(worth[features], starts)
        places = np.flatnonzero(self._tokens)
        order = places[np.argsort(costs[places], kind="stable")].tolist()
        alike: dict[tuple[bytes, float, int], list[int]] = {}
        for place in order:
            said = self._features_of(place).tobytes()
            alike.setdefault((said, self._per_token[place], self._tokens[place]), []).append(place)
        groups = list(alike.values())
        return _Candidates(costs[[group[0] for group in groups]].tolist(), groups, self._tokens_before)

    def _take(self, candidates: _Candidates, new_worth: list[float]) -> Iterator[int]:
        """Take in the candidate that costs least, again and again.

        `new_worth` is by feature what the next mention adds; it falls with every mention. So costs only rise while
        lines are taken: a known cost is a lower bound, and one that is still right when computed again is the least.
        """
        while (best := candidates.pop(self._held_tokens)) is not None:
            known_cost, place = best
            features = self._features_of(place)
            cost = -self._per_token[place] * sum(map(new_worth.__getitem__, features))
            if cost > known_cost:
                candidates.put_back(cost, place)
                continue
            self._put(len(self._places), place, cost)
            for feature in features:
                new_worth[feature] *= self._config.repeat_share
            candidates.follow(cost, place)
            yield place

    def _tokens_before(self, place: int) -> float:
        """Tokens that must be held before the line at `place` is taken."""
        tokens = self._tokens[place]
        return self._config.wait_lengths * tokens if tokens > self._config.short_tokens else 0

    def insert(self, place: int) -> bool:
        """Take in the line at `place`, which follows those read so far. False when it costs more than a line left out.

        An empty line is not taken either.
        """
        self._read_up_to(place + 1)
        tokens, cost = self._tokens[place], self._cost_among_taken(place)
        wanted = self._tokens_before(place)
        held = first = 0  # `first`: the first position in the chain that has enough tokens before it
        while held < wanted and first < len(self._places):
            held += self._tokens[self._places[first]]
            first += 1
        is_behind = cost >= self._left_out or (held < wanted and self._left_out < math.inf)
        if not tokens or is_behind:
            return False
        self._put(max(first, bisect_right(self._costs, cost)), place, cost)
        return True

    def pop(self) -> int:
        """Take the last line out, until the next ranking. Returns its place."""
        place, self._left_out = self._places.pop(), self._costs.pop()
        self._held_tokens -= self._tokens[place]
        for feature in self._features_of(place):
            self._costs_with[feature].pop()
        return place

    def _clear(self, first_worth: list[float]) -> None:
        self._worth_of_new = float(idfs(1, self.ranked)) if self.ranked else 0.0  # of a term that no ranked line has
        self._first_worth = first_worth  # by feature that ranked lines have: what its first mention adds
        self._places: list[int] = []  # the chain, best first
        self._costs: list[float] = []  # of the chain, ascending
        self._held_tokens = 0
        self._costs_with: defaultdict[int, list[float]] = defaultdict(list)  # by feature: costs in the chain, ascending
        self._left_out = math.inf  # cost of the best line that was taken out

    def _put(self, at: int, place: int, cost: float) -> None:
        cost = max([cost, *self._costs[max(0, at - 1) : at]])  # a line that waited costs what the one before it does
        self._places.insert(at, place)
        self._costs.insert(at, cost)
        self._held_tokens += self._tokens[place]
        for feature in self._features_of(place):
            insort(self._costs_with[feature], cost)

    # -- worth ---------------------------------------------------------------------------------------------------------

    def _cost_among_taken(self, place: int) -> float:
        """The cost with which `rank` would have taken the line: lines that cost less have said some of it before.

        Exact unless the cost is that of a line left out or higher; then it is a lower bound.
        """
        new_worth = {feature: self._worth_of(feature) for feature in self._features_of(place)}
        total, per_token = sum(new_worth.values()), self._per_token[place]
        repeat_share = self._config.repeat_share
        if -total * per_token >= self._left_out:
            return -total * per_token
        mentions = sorted((cost, one) for one in new_worth for cost in self._costs_with[one][:_MOST_REPEATS])
        for cost_of_other, feature in mentions:
            if not cost_of_other <= -total * per_token < self._left_out:
                break
            total -= new_worth[feature] * (1 - repeat_share)
            new_worth[feature] *= repeat_share
        return -total * per_token

    def _worth_of(self, feature: int) -> float:
        """Worth of a feature's first mention; a feature that no ranked line has counts as if one line had it."""
        if feature < len(self._first_worth):
            return self._first_worth[feature]
        return self._config.probe_worth if self._is_probe[feature] else self._worth_of_new

    def _worth_when_ranked(self) -> Floats:
        """Worth of each feature's first mention; for a term its idf among the ranked lines (all lines read so far)."""
        held = np.bincount(self._features, minlength=len(self._numbers))
        worth = np.where(np.array(self._is_probe), self._config.probe_worth, idfs(held, self.ranked))
        worth[self._numbers[_NOTHING]] = 0.0
        return worth

    # -- features ------------------------------------------------------------------------------------------------------

    def _features_of(self, place: int) -> array[int]:
        return self._features[self._starts[place] : self._starts[place + 1]]

    def known(self) -> KnownLines:
        """What was read of lines so far, for another chain; this one is of no use afterwards."""
        if self._known is not None:  # none of it was used, or all
            return self._known
        return KnownLines(self._numbers, self._features, self._starts, self._tokens, self._per_token, self._speakers)

    def _take_known(self, known: KnownLines, end: int) -> None:
        """Read the lines before `end` as they were read before."""
        known.order()
        first = len(self._tokens)
        new = known.features[known.starts[first] : known.starts[end]]
        for name in known.names[len(self._numbers) : max(new) + 1]:
            self._number(name)
        self._features.extend(new)
        self._starts.extend(known.starts[first + 1 : end + 1])
        self._tokens.extend(known.tokens[first:end])
        self._per_token.extend(known.per_token[first:end])
        if end == len(known):
            self._speakers, self._users, self._known = known.speakers, users_among(known.speakers), None

    def _read_up_to(self, end: int) -> None:
        """Number the features of the lines before `end`, some at once: step by step that takes less time."""
        if self._known is not None and len(self._tokens) < min(end, len(self._known)):
            self._take_known(self._known, min(end, len(self._known)))
        for start in range(len(self._tokens), end, _READ_AT_ONCE):
            lines = [self._lines[place] for place in range(start, min(start + _READ_AT_ONCE, end))]
            for line, features in zip(lines, features_of(lines), strict=True):
                self._note_speaker(line.turn.speaker)
                self._tokens.append(line.tokens)
                self._per_token.append(per_token(line, self._users, self._config))
                for feature in features:
                    if feature not in self._numbers:
                        self._number(feature)
                self._features.extend(map(self._numbers.__getitem__, features))
                self._starts.append(len(self._features))

    def _note_speaker(self, speaker: str) -> None:
        if speaker not in self._speakers:
            self._speakers.add(speaker)
            self._users = users_among(self._speakers)

    def _number(self, feature: str) -> None:
        """Give a new feature its number."""
        self._numbers[feature] = len(self._numbers)
        self._is_probe.append(feature.startswith(_PROBE))


def features_of(lines: Sequence[Line]) -> list[list[str]]:
    """By line what it is worth something for: terms, and what is asked for often."""
    said = [line.body for line in lines]
    found_terms = list(map(terms, said))
    found_probes = [[_PROBE + probe for probe in sorted(one)] if one else () for one in map(probes, said)]
    return [
        list(dict.fromkeys(chain((_NOTHING,), of_terms, of_probes)))
        for of_terms, of_probes in zip(found_terms, found_probes, strict=True)
    ]


def per_token(line: Line, users: Collection[str], config: CoverageConfig) -> float:
    """What to multiply the worth of a line's features by. users: who talks to an assistant."""
    share = 1.0  # of a short statement between people
    if line.said.rstrip().endswith("?"):
        share *= config.question_share  # questions ask for facts and seldom state one
    if line.repeated:
        share *= _REPEATED_SHARE
    if users and line.turn.speaker not in users:
        share *= config.role_share
    if line.part is not None:
        share *= line.part.of**-config.length_exponent
        share *= config.later_share if line.part.number else 1.0
    return share / (line.tokens + config.header_tokens)


class _Candidates:
    """Lines that may be taken next, by their last known costs. Long lines wait until enough tokens are held."""

    def __init__(self, costs: list[float], groups: list[list[int]], tokens_before: Callable[[int], float]) -> None:
        """`costs` ascend; groups: places of lines that say the same, in order, each with the cost of its group.
        `tokens_before(place)`: tokens that must be held before that line is taken."""
        self._costs, self._places, self._tokens_before = costs, [group[0] for group in groups], tokens_before
        self._alike = {group[0]: group[:0:-1] for group in groups if len(group) > 1}  # the others, the next one last
        self._looked_at = 0  # of the lines, in order
        self._ready: list[tuple[float, int]] = []  # a heap: cost, place
        self._waiting: list[tuple[float, float, int]] = []  # a heap: tokens that must be held before, cost, place

    def pop(self, held_tokens: int) -> tuple[float, int] | None:
        """The line with the least known cost, as (cost, place); None when there is no line left."""
        while self._looked_at < len(self._places) and self._may_be_next(self._costs[self._looked_at]):
            cost, place = self._costs[self._looked_at], self._places[self._looked_at]
            self._looked_at += 1
            if (wanted := self._tokens_before(place)) > held_tokens:
                heappush(self._waiting, (wanted, cost, place))
            else:
                heappush(self._ready, (cost, place))
        if not self._ready and not self._waiting:
            return None
        held = held_tokens if self._ready else max(held_tokens, self._waiting[0][0])  # nothing else is left to take
        while self._waiting and self._waiting[0][0] <= held:
            heappush(self._ready, heappop(self._waiting)[1:])
        return heappop(self._ready)

    def _may_be_next(self, cost: float) -> bool:
        return not self._ready or cost <= self._ready[0][0]

    def put_back(self, cost: float, place: int) -> None:
        """Return a line that `pop` gave, with the cost it turned out to have."""
        heappush(self._ready, (cost, place))

    def follow(self, cost: float, place: int) -> None:
        """The line at `place` is taken: the next that says the same may be, which costs no less."""
        if others := self._alike.pop(place, None):
            following = others.pop()
            heappush(self._ready, (cost, following))
            self._alike[following] = others


class RecencyChain:
    """The newest of `lines`, to which the caller only appends. It has the methods of `CoverageChain`."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.ranked = 0
        self._lines = lines
        self._places: deque[int] = deque()  # newest first

    @property
    def is_due(self) -> bool:
        """True once only: later lines are newer, so the order stays."""
        return not self.ranked

    def rank(self, end: int | None = None) -> Iterator[int]:
        """Take in the lines before `end` (None: all), newest first, as far as the caller reads; yields their places."""
        self.ranked = len(self._lines) if end is None else end
        for place in range(self.ranked - 1, -1, -1):
            if self._lines[place].text:
                self._places.append(place)
                yield place

    def insert(self, place: int) -> bool:
        """Take in the line at `place`, which is newer than all others. False for an empty line."""
        if not self._lines[place].text:
            return False
        self._places.appendleft(place)
        return True

    def pop(self) -> int:
        """Take the oldest line out. Returns its place."""
        return self._places.pop()
