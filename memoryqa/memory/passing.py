"""Searches a memory that is open only meanwhile: of thousands of chats, few can be kept open at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

from memoryqa.rendering import Line
from memoryqa.transcript import Transcript

_FEW = 4  # lines that are kept of a chat; more are read when all of them were packed, which is rare among many chats
_MORE = 8  # times as many the next time

Ranking = AbstractContextManager[tuple[Iterable[tuple[int, float]], Transcript]]


class PassedLines:
    """The best lines of a memory, as `pack_chats` asks for them: places and scores, best first, and each place's line.

    ranking: opens the memory for a search (`AdaptiveMemory.ranking`), at once and again when more lines are asked for.
    """

    def __init__(self, ranking: Callable[[], Ranking]) -> None:
        self._ranking = ranking
        self._read(_FEW)

    def _read(self, most: int) -> None:
        with self._ranking() as (ranked, transcript):
            found = list(islice(ranked, most + 1))
            self._has_more = len(found) > most
            self._ranked = found[:most]
            self._has_hours = transcript.has_hours() if found else False
            seen: set[int] = set()
            self._lines = {place: transcript.line_at(place, seen) for place, _ in self._ranked}

    def __iter__(self) -> Iterator[tuple[int, float]]:
        done = 0
        while True:
            yield from self._ranked[done:]
            if not self._has_more:
                return
            done = len(self._ranked)
            self._read(_MORE * done)

    def line_at(self, place: int, _: set[int]) -> Line | None:
        """As `Transcript.line_at`, for a place that was given last."""
        return self._lines.get(place)

    def has_hours(self) -> bool:
        return self._has_hours
