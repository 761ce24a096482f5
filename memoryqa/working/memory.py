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
from memoryqa.working.known import KnownWorking


class WorkingMemory:
    """Holds lines of passages, to which the owner appends: `full`, and `brief` without filler. Not thread-safe.

    Once lines have left, what is held depends on the turns and the budget alone, and a larger budget holds a superset.
    A turn that left may come back when the lines are ranked again. The owner calls `update` before it reads what is
    held: that costs amortised constant time a turn, and less for many turns at once.
    """

    def __init__(
        self,
        budget_tokens: int,
        full: Sequence[Line],
        brief: Sequence[Line],
        compaction: str = "coverage",
        coverage: CoverageConfig | None = None,
    ) -> None:
        if compaction not in COMPACTIONS:
            raise UsageError(f"compaction must be {' or '.join(COMPACTIONS)}, got {compaction!r}")
        self.budget_tokens = budget_tokens
        self.compaction = compaction
        self.coverage = coverage or CoverageConfig()
        self._full = full
        self._brief = brief
        self._is_updating = False  # if it stays so, an update was interrupted
        self._clear()

    def _clear(self) -> None:
        self.lines: dict[int, Line] = {}  # place in `brief` -> the line held, in full or in brief
        self._taken = 0  # number of lines that were taken in, the first of all
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

    def update(self) -> None:
        """Take in the turns that were appended, and shrink to the budget after each, or to the same effect."""
        if self._taken == len(self._brief) and not self._is_updating:
            return
        if self._is_updating:
            self._clear()
        self._is_updating = True
        while self._taken < len(self._brief):
            turn = self._next_turn()
            if self._best is None:
                self._hold_all(turn)
            elif isinstance(self._best, RecencyChain):
                self._hold_best(self._best, turn)
            else:  # all turns at once: the lines are ranked once, and not whenever they had grown by a quarter
                self._hold_best(self._best, range(self._taken, len(self._brief)))
        self._is_updating = False

    def known(self) -> KnownWorking | None:
        """What was read of the lines that were taken in, for another object; this one is of no use afterwards. None
        where they all fit, or only the newest are held."""
        if not isinstance(self._best, CoverageChain) or self._is_updating:
            return None
        return KnownWorking(self._best.known(), self._to_shorten)

    def begin_with(self, known: KnownWorking) -> None:
        """Read no line that is known. They are fewer than all lines, and more than fit in brief."""
        self._best = CoverageChain(self._brief, self.coverage, known.lines)
        self._taken = len(known.lines)
        self._to_shorten = known.to_shorten

    def _next_turn(self) -> range:
        """The places of the next turn that is to be taken in."""
        end = self._taken + 1
        if (part := self._brief[self._taken].part) is not None:
            end += part.of - 1
        return range(self._taken, end)

    def _hold_all(self, new: range) -> None:
        """Hold the lines of a turn in full, and shorten others as far as needed; where that is too little, the best."""
        self._note_to_shorten(new)
        for place in new:
            self._hold(place, self._full[place])
        self._taken = new.stop
        while self.tokens > self.budget_tokens and self._shortened_up_to < len(self._to_shorten):
            place = self._to_shorten[self._shortened_up_to]
            self._shortened_up_to += 1
            self._release(place)
            self._hold(place, self._brief[place])
        if self.tokens > self.budget_tokens:
            by_recency = self.compaction == "recency"
            self._best = RecencyChain(self._brief) if by_recency else CoverageChain(self._brief, self.coverage)
            self._hold_best(self._best, range(new.stop, new.stop if by_recency else len(self._brief)))

    def _hold_best(self, best: CoverageChain | RecencyChain, new: range) -> None:
        """Hold as many of the best lines as fit: add the `new` ones, or choose all of them again when that is due."""
        self._note_to_shorten(new)
        self._shortened_up_to = len(self._to_shorten)
        first = new.start
        if best.is_due:
            for place in list(self.lines):
                self._release(place)
            for place in best.rank() if isinstance(best, CoverageChain) else best.rank(new.stop):
                self._hold(place, self._brief[place])
                if self.tokens > self.budget_tokens:
                    self._release(best.pop())
                    break
            first = best.ranked
        for place in range(first, new.stop):
            if best.insert(place):
                self._hold(place, self._brief[place])
            while self.tokens > self.budget_tokens:
                self._release(best.pop())
        self._taken = new.stop

    def _note_to_shorten(self, new: range) -> None:
        self._to_shorten += [place for place in new if self._brief[place].tokens < self._full[place].tokens]

    def _hold(self, place: int, line: Line) -> None:
        if line.text:
            self.lines[place] = line
            self._tally.add(line)

    def _release(self, place: int) -> None:
        self._tally.remove(self.lines.pop(place))
