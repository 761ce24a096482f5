"""The turns of a conversation in order, rendered once: the lines of their passages, and where each turn's lines are."""

from __future__ import annotations

from memoryqa.checks import shown, text
from memoryqa.errors import UsageError
from memoryqa.language.question import name_words
from memoryqa.rendering import Line, render_turn
from memoryqa.turns import HANDLE_PREFIX, Turn, render_header


class Transcript:
    """Grows by one turn at a time. A place is a position in `full` and `brief`. Not thread-safe: the owner locks.

    full: the line of every passage, in order. brief: the same without filler, which is what a search packs.
    """

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.full: list[Line] = []
        self.brief: list[Line] = []
        self.places: dict[str, range] = {}  # turn id -> the places of its passages
        self._speakers: set[str] = set()
        self._names: frozenset[str] = frozenset()  # the words of the speakers' names
        self._headers: dict[int, str] = {}  # session -> its header: the date of the first of its turns

    @property
    def num_sessions(self) -> int:
        return len(self._headers)

    def add(self, turn: Turn) -> list[Line]:
        """Append `turn`; returns its lines in full. UsageError for an id that is there, and then nothing changes."""
        if turn.id in self.places:
            raise UsageError(f"turn {turn.id} is in this memory already; every turn needs its own session and number")
        # rendered before anything is changed: a turn that cannot be leaves the transcript as it was
        header = self._headers.get(turn.session) or render_header(turn.session, turn.time)
        names = self._names if turn.speaker in self._speakers else self._names | name_words([turn.speaker])
        full, brief = render_turn(turn, names, header)
        self._names = names
        self._speakers.add(turn.speaker)
        self._headers[turn.session] = header
        self.turns.append(turn)
        self.places[turn.id] = range(len(self.full), len(self.full) + len(full))
        self.full += full
        self.brief += brief
        return full

    def places_of(self, handle: str) -> range:
        """The places of a turn's lines by its handle (`mem:D8:6`) or id. KeyError when there is none."""
        turn_id = text("a handle or id", handle).removeprefix(HANDLE_PREFIX)
        if turn_id not in self.places:
            raise KeyError(f"no turn {shown(turn_id)} in this memory; ids look like D8:6, handles like mem:D8:6")
        return self.places[turn_id]

    def lines_of(self, turn: Turn) -> list[Line]:
        """The lines of a turn in full."""
        return [self.full[place] for place in self.places[turn.id]]
