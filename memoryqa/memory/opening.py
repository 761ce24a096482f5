"""What a memory shows of its turns as they were said: one, those around it, some days, all."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from memoryqa.checks import collection, text, true_or_false
from memoryqa.evidence import Evidence
from memoryqa.memory.selection import selector
from memoryqa.messages import TimeLike
from memoryqa.rendering import Line, with_clock
from memoryqa.search.arguments import not_negative
from memoryqa.transcript import Transcript
from memoryqa.turns import HANDLE_PREFIX, Turn


class OpenableMemory:
    """The part of `AdaptiveMemory` that needs nothing but the turns."""

    _lock: threading.RLock
    _transcript: Transcript
    _is_unchanged = False  # within `unchanged`

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Keep other threads out, and answer from no turn that was changed or forgotten in the file."""
        with self._lock:
            if not self._is_unchanged:
                self._follow()
            yield

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Let all calls in the block answer from what the memory is at its beginning, without a look into the file for
        each of them. Other threads wait meanwhile."""
        with self._current():
            before, self._is_unchanged = self._is_unchanged, True
            try:
                yield
            finally:
                self._is_unchanged = before

    def _follow(self) -> None:
        """Take over what was changed in the file, if there is one."""

    def __len__(self) -> int:
        return len(self._transcript.turns)

    def __bool__(self) -> bool:
        """True, for a new memory too: `memory or AdaptiveMemory()` must not throw away one that is still empty."""
        return True

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns())

    def __contains__(self, turn: object) -> bool:
        """Whether a turn, or one with that handle or id, is here."""
        if isinstance(turn, Turn):
            return self.place_of(turn.id) is not None and self.expand(turn.id) == turn
        return isinstance(turn, str) and self.place_of(turn) is not None

    @property
    def last_session(self) -> int:
        """The highest number of a session; 0 without any."""
        with self._current():
            return self._transcript.last_session

    def expand(self, handle: str) -> Turn:
        """The whole turn behind a handle (`mem:D8:6`) or an id, held or archived. KeyError when there is none."""
        with self._current():
            return self._transcript.full[self._transcript.places_of(handle)[0]].turn

    def turns(self) -> list[Turn]:
        """Every turn, in the order in which they were added."""
        with self._current():
            return list(self._transcript.turns)

    def turns_from(self, start: int, count: int) -> list[Turn]:
        """`count` turns, or as many as there are, from the one at `start` (from 0) in the order of `turns()`."""
        not_negative("start", start)
        not_negative("count", count)
        with self._current():
            return list(self._transcript.turns[start : start + count])

    def place_of(self, handle: str) -> int | None:
        """Where in the order of `turns()` the turn with a handle or id is, from 0; None when there is none."""
        turn_id = text("handle", handle).removeprefix(HANDLE_PREFIX)
        return self.in_order({turn_id}).get(turn_id)

    def in_order(self, turn_ids: Collection[str]) -> dict[str, int]:
        """Where in the order of `turns()` these turns are, from 0, by id; without those that there are not."""
        collection("turn_ids", turn_ids, "ids")
        with self._current():
            places = self._transcript.places
            wanted = {one for one in turn_ids if one in places}
            if len(places) == len(self._transcript.full):  # each has one line
                return {one: places[one].start for one in wanted}
            return {one: place for place, one in enumerate(places) if one in wanted}

    def around(self, handle: str, num_turns: int = 5, *, clock: bool = False) -> Evidence:
        """The turn with a handle or id, between `num_turns` before it and as many after it, all in full; `clock`: see
        `search`."""
        not_negative("num_turns", num_turns)
        with self._current():
            places, full = self._transcript.places_of(handle), self._transcript.full
            whole = self._transcript.places[full[places[0]].turn.id]
            first = self._turns_away(range(whole[0] - 1, -1, -1), num_turns, whole[0])
            last = self._turns_away(range(whole[-1] + 1, len(full)), num_turns, whole[-1])
            lines = (full[place] for place in range(first, last + 1))
            return Evidence.of([line for line in self._shown(lines, clock) if line.text])

    def _turns_away(self, places: Iterable[int], num_turns: int, here: int) -> int:
        """The last of `places` that is within `num_turns` turns; `here` when there is none."""
        seen: set[str] = set()
        for place in places:
            seen.add(self._transcript.full[place].turn.id)
            if len(seen) > num_turns:
                break
            here = place
        return here

    def lines(self) -> list[tuple[Line, Line]]:
        """Every passage's line in full and in brief, in order; without text or photo it is empty."""
        with self._current():
            return list(zip(self._transcript.full, self._transcript.brief, strict=True))

    def transcript(self, *, since: TimeLike = None, until: TimeLike = None, clock: bool = False) -> Evidence:
        """Every turn that says something, in full and at any length: the bar that a memory is compared with.

        since, until, clock: see `search`.
        """
        with self._current():
            full, is_meant = self._transcript.full, selector(None, since, until)
            lines = iter(full) if is_meant is None else (line for line in full if is_meant(line.turn))
            return Evidence.of([line for line in self._shown(lines, clock) if line.text])

    def _shown(self, lines: Iterable[Line], clock: bool) -> Iterable[Line]:
        """`lines`, with the time of day if that is asked for and known."""
        return map(with_clock, lines) if true_or_false("clock", clock) and self._transcript.has_hours() else lines
