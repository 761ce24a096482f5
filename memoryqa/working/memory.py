"""The working memory: the lines of a conversation that are kept ready, in at most `budget_tokens` after every turn.

While everything fits, all lines are held in full. Then lines are shortened (greetings, thanks and praise go), oldest
first. When even the short lines do not fit, those stay that cover most per token, or, with `compaction` "recency", the
newest (coverage.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from memoryqa.config import COMPACTIONS, CoverageConfig
from memoryqa.errors import UsageError
from memoryqa.rendering import Line
from memoryqa.working.coverage import CoverageChain, RecencyChain


class WorkingMemory:
    """Holds lines of `brief`, which has one line of every turn, without filler; the owner appends. Not thread-safe.

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
        self.tokens = 0  # of the lines held, rendered
        self.lines: dict[int, Line] = {}  # place in `brief` -> the line held, in full or in brief
        self._brief = brief
        self._sessions: dict[int, int] = {}  # session -> number of its lines held; they share one header
        self._to_shorten: list[int] = []  # places of full lines that would shrink, in order
        self._shortened_up_to = 0  # position in `_to_shorten`
        self._best: CoverageChain | RecencyChain | None = None  # None while everything fits

    @property
    def shortened(self) -> int:
        """Number of lines held in brief that are longer in full."""
        return sum(place in self.lines for place in self._to_shorten[: self._shortened_up_to])

    def add(self, full: Line) -> None:
        """Take in the last line of `brief`, whose full form is `full`, and shrink to the budget."""
        place = len(self._brief) - 1
        if self._brief[place].tokens < full.tokens:
            self._to_shorten.append(place)
        if self._best is not None:
            self._shortened_up_to = len(self._to_shorten)
            self._hold_best(self._best)
        elif full.text:
            self._hold(place, full)
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
            self._hold_best(self._best)

    def _hold_best(self, best: CoverageChain | RecencyChain) -> None:
        """Hold as many of the best lines as fit: add the last line, or choose all of them again when that is due."""
        new = range(len(self._brief) - 1, len(self._brief))
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
        if not line.text:
            return
        session = line.turn.session
        self.lines[place] = line
        self.tokens += line.tokens
        if not self._sessions.get(session):
            self.tokens += line.header_tokens
        self._sessions[session] = self._sessions.get(session, 0) + 1

    def _release(self, place: int) -> None:
        line = self.lines.pop(place)
        session = line.turn.session
        self.tokens -= line.tokens
        self._sessions[session] -= 1
        if not self._sessions[session]:
            del self._sessions[session]
            self.tokens -= line.header_tokens
