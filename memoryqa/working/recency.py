"""The newest lines, in the order that coverage.py gives by worth: the simplest way to forget, for comparison."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from memoryqa.rendering import Line


class RecencyChain:
    """The newest of `lines`, to which the caller only appends. Of the methods as `CoverageChain` has them."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.ranked = 0
        self._lines = lines
        self._places: deque[int] = deque()  # newest first

    @property
    def is_due(self) -> bool:
        """Once only: what comes later is newer, so the order stays."""
        return not self.ranked

    def rank(self) -> Iterator[int]:
        """Take in the lines there are, the newest first, as far as this is read; gives their places."""
        self.ranked = len(self._lines)
        for place in range(self.ranked - 1, -1, -1):
            if self._lines[place].text:
                self._places.append(place)
                yield place

    def insert(self, place: int) -> bool:
        """Take in the line at `place`, newer than all. False where there is nothing to hold."""
        if not self._lines[place].text:
            return False
        self._places.appendleft(place)
        return True

    def pop(self) -> int:
        """Take the oldest line out. Gives its place."""
        return self._places.pop()
