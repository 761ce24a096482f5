"""The working memory: the lines of a conversation that are kept ready, in at most `budget_tokens` after every turn.

While everything fits, all lines are held in full. Then lines are shortened (greetings, thanks and praise go), oldest
first. When even the short lines do not fit, those stay that cover most per token, or, with `compaction` "recency", the
newest (coverage.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memoryqa.config import COMPACTIONS, CoverageConfig
from memoryqa.errors import UsageError
from memoryqa.rendering import Line, Tally
from memoryqa.working.coverage import CoverageChain, RecencyChain


class WorkingMemory:
    """Holds lines of `brief`, those of all passages without filler, to which the owner appends. Not thread-safe.

    Once lines have left, what is held depends on the turns and the budget alone, and a larger budget holds a superset.
    A turn that left may come back when the lines are ranked again. Adding costs amortised constant time.
    """

    def __init__(
        self,
        budget_tokens: int,
        brief: Sequence[Line],
        compaction: str = "coverage",
        coverage: CoverageConfig | None = None,
    ) -> None:
        if compaction not in COMPACTIONS:
            raise UsageError(f"compaction must be {' or '.join(COMPACTIONS)}, got {compaction!r}")
        self.budget_tokens = budget_tokens
        self.compaction = compaction
        self.coverage = coverage or CoverageConfig()
        self.lines: dict[int, Line] = {}  # place in `brief` -> the line held, in full or in brief
        self._brief = brief
        self._tally = Tally()  # of the lines held
        self._to_shorten: list[int] = []  # places of full lines that would shrink, in order
        self._shortened_up_to = 0  # position in `_to_shorten`
        self._best: CoverageChain | RecencyChain | None = None  # None while everything fits

    @property
    def tokens(self) -> int:
        """Tokens of the lines held, rendered."""
        return self._tally.tokens

    @property
    def shortened(self) -> int:
        """Number of lines held in brief that are longer in full."""
        return sum(place in self.lines for place in self._to_shorten[: self._shortened_up_to])

    def holds(self, places: Iterable[int]) -> bool:
        """Whether the lines at all of `places` are held."""
        return all(place in self.lines for place in places)

    def add(self, full: Sequence[Line]) -> None:
        """Take in a turn, the last lines of `brief`, whose full forms are `full`, and shrink to the budget."""
        new = range(len(self._brief) - len(full), len(self._brief))
        self._to_shorten += [
            place for place, line in zip(new, full, strict=True) if self._brief[place].tokens < line.tokens
        ]
        if self._best is not None:
            self._shortened_up_to = len(self._to_shorten)
            self._hold_best(self._best, new)
        else:
            for place, line in zip(new, full, strict=True):
                self._hold(place, line)
            self._shrink()

    def _shrink(self) -> None:
        while self.tokens > self.budget_tokens and self._shortened_up_to < len(self._to_shorten):
            place = self._to_shorten[self._shortened_up_to]
            self._shortened_up_to += 1
            self._release(place)
            self._hold(place, self._brief[place])
        if self.tokens > self.budget_tokens:
            by_recency = self.compaction == "recency"
            self._best = RecencyChain(self._brief) if by_recency else CoverageChain(self._brief, self.coverage)
            self._hold_best(self._best, range(0))

    def _hold_best(self, best: CoverageChain | RecencyChain, new: range) -> None:
        """Hold as many of the best lines as fit: add the `new` ones, or choose all of them again when that is due."""
        if best.is_due:
            for place in list(self.lines):
                self._release(place)
            for place in best.rank():
                self._hold(place, self._brief[place])
                if self.tokens > self.budget_tokens:
                    self._release(best.pop())
                    break
            new = range(best.ranked, len(self._brief))
        for place in new:
            if best.insert(place):
                self._hold(place, self._brief[place])
            while self.tokens > self.budget_tokens:
                self._release(best.pop())

    def _hold(self, place: int, line: Line) -> None:
        if line.text:
            self.lines[place] = line
            self._tally.add(line)

    def _release(self, place: int) -> None:
        self._tally.remove(self.lines.pop(place))
