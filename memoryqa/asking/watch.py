"""Watches one answer being made: what has been written of it, and an end before its time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from memoryqa.errors import StoppedError


class BrokenOffError(StoppedError):
    """Nobody waits for the answer any more."""

    def __init__(self) -> None:
        super().__init__("nobody waits for the answer any more")


class Watch:
    """What a reader looks at while it answers. write: is passed all that has been written of the answer, from any
    thread. `stop` may be called from any thread, more than once."""

    def __init__(self, write: Callable[[str], None] = lambda _: None) -> None:
        self.write = write
        self._lock = threading.Lock()
        self._is_stopped = False
        self._ends: list[Callable[[], object]] = []

    def stop(self) -> None:
        """End the call of a model that is under way, and begin no other."""
        with self._lock:
            self._is_stopped, ends = True, self._ends
            self._ends = []
        for end in ends:
            end()

    def check(self) -> None:
        """BrokenOffError when it was stopped."""
        if self._is_stopped:
            raise BrokenOffError

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """Within the block `stop` calls `end`."""
        with self._lock:
            self.check()
            self._ends.append(end)
        try:
            yield
        finally:
            with self._lock:
                if end in self._ends:
                    self._ends.remove(end)
