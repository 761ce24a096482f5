"""Corrects and forgets single turns of a memory without building it anew, where that comes to the same."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from memoryqa.archive import changes, imports
from memoryqa.archive.database import Archive
from memoryqa.language.question import users_among
from memoryqa.memory.kept_index import TurnReader
from memoryqa.memory.reading import ReadableMemory
from memoryqa.messages import Numbering
from memoryqa.rendering import Line
from memoryqa.store import patching
from memoryqa.store.snapshot import KeptWorking
from memoryqa.turns import Turn
from memoryqa.working.coverage import features_of, per_token
from memoryqa.working.known import KnownWorking
from memoryqa.working.memory import WorkingMemory

MOST_FORGOTTEN = 20  # turns at once; more are forgotten by building the memory anew


class ChangedInPlace(ReadableMemory):
    """The part of `AdaptiveMemory` that changes what was built. `StoredMemory` says what is declared here.

    _changes: how many turns were changed so since the index was kept in the file. _reader: of turns that are read from
    the file when they are needed.
    """

    _numbering: Numbering
    _archive: Archive | None
    _positions: array[int]
    _generation: int
    _is_taking: bool
    _changes = 0
    _reader: TurnReader | None = None

    def _correct_in_place(self, after: Turn, generation: int) -> bool:
        """Let the turn with the id of `after` be that. False where all turns must be read anew.

        generation: of the file, after the change.
        """
        places, touched = self._transcript.places[after.id], set[str]()
        lines = self._lines_embedded(after.id)
        self._is_taking = self._archive is not None
        if is_done := patching.correct(self._transcript, self._index._passages, after, touched):
            self._note_changed([(places, after.id)], touched, generation)
            if self._dense is not None:
                self._dense.change(places, lines, len(self._transcript.places[after.id]))
        self._is_taking = False
        return is_done

    def _forget_in_place(self, gone: Sequence[Turn], generation: int) -> bool:
        """Take out turns. False where all must be read anew: then some may be out already."""
        if len(gone) > MOST_FORGOTTEN:
            return False
        self._is_taking = self._archive is not None
        index, touched = self._index._passages, set[str]()
        changed = list[tuple[range, str | None]]()
        for turn in gone:
            places = self._transcript.places[turn.id]
            number, lines = index._turn[places.start] - 1, self._lines_embedded(turn.id)
            if not patching.forget(self._transcript, index, turn.id, touched):
                self._is_taking = False
                return False
            del self._positions[number]
            if self._reader is not None:
                self._reader.leave_out(number)
            if self._dense is not None:
                self._dense.change(places, lines, 0)
            changed.append((places, None))
        if self._archive is not None:
            self._forgotten, self._owner = changes.forgotten(self._archive), imports.owner(self._archive)
        self._note_changed(changed, touched, generation)
        self._is_taking = False
        return True

    def _note_changed(self, changed: Sequence[tuple[range, str | None]], touched: set[str], generation: int) -> None:
        """Let all else follow. changed: the places that were of a turn then, and its id, where it has others now.
        touched: ids of other turns whose lines are others."""
        self._generation = generation
        self._changes += 1
        turns = self._transcript.turns
        self._numbering.resume(turns[-1] if turns else None)
        self._held = self._working_after(changed, touched)

    def _lines_embedded(self, turn_id: str) -> list[Line]:
        """The lines of a turn as they are, where vectors of them may be kept."""
        return [] if self._dense is None else [self._transcript.full[one] for one in self._transcript.places[turn_id]]

    def _working_after(self, changed: Sequence[tuple[range, str | None]], touched: set[str]) -> WorkingMemory:
        """The working memory, to be brought up to date when it is read; what is known of most lines is kept."""
        transcript, config = self._transcript, self.config
        held = self._held if isinstance(self._held, KeptWorking) else self._working_so_far()
        known = held.known()
        working = WorkingMemory(self.memory_tokens, *transcript.lines, config.compaction, config.coverage)
        if known is None or not transcript.turns:
            return working
        for places, turn_id in changed:
            self._read_lines(known, places, turn_id)
        for turn_id in touched:
            if turn_id in transcript.places:
                self._read_lines(known, transcript.places[turn_id], turn_id)
        last = transcript.places[transcript.turns[-1].id].start  # it is read again: there must be what is to be read
        end = min(len(known.lines), last)
        known.cut(end, self._speakers_before(self._index._passages._turn[end] - 1))
        if sum(known.lines.tokens) > self.memory_tokens:  # else all may fit by now
            working.begin_with(known)
        return working

    def _read_lines(self, known: KnownWorking, places: range, turn_id: str | None) -> None:
        """Read the lines of a turn again, which were at `places`; None: it has none any more."""
        transcript, coverage = self._transcript, self.config.coverage
        now = range(0) if turn_id is None else transcript.places[turn_id]
        lines = [transcript.brief[place] for place in now]
        shorter = [line.tokens < transcript.full[place].tokens for place, line in zip(now, lines, strict=True)]
        users = users_among(self._speakers_before(self._index._passages._turn[now.start])) if now else frozenset()
        worth = [per_token(line, users, coverage) for line in lines]
        read = zip(features_of(lines), (line.tokens for line in lines), worth, strict=True)
        known.put(places, list(read), shorter)

    def _speakers_before(self, number: int) -> set[str]:
        """Who said one of the first `number` turns."""
        return {name for name, first in self._transcript._speakers.items() if first < number}
