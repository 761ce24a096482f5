"""What changes a memory besides adding: what other processes wrote in its file, corrections, and forgetting."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from memoryqa import checks
from memoryqa.archive import changes, imports
from memoryqa.archive.carried import carried, carry_in
from memoryqa.archive.database import Archive, used_twice
from memoryqa.archive.erasing import erase
from memoryqa.archive.exchange import exported, format_of, from_jsonl
from memoryqa.archive.saved import History
from memoryqa.archive.text_files import read_text, write_whole
from memoryqa.checks import text
from memoryqa.errors import MemoryQAError, UsageError
from memoryqa.memory.in_place import ChangedInPlace
from memoryqa.memory.kept_index import TurnReader, is_due, keep, read_kept
from memoryqa.memory.selection import to_forget
from memoryqa.messages import Message, Numbering, TimeLike
from memoryqa.rendering import Line
from memoryqa.search.ranking import PassageIndex
from memoryqa.store.snapshot import Built
from memoryqa.transcript import Transcript
from memoryqa.turns import KEPT_TEXT_TAG, Turn
from memoryqa.working.memory import WorkingMemory

ADDED_AT_ONCE = 1000  # turns in one transaction of a file
_TAKEN_AT_ONCE = 100  # turns taken into the memory; what is made of them meanwhile fits in a processor's cache


class BehindError(MemoryQAError):
    """Other processes changed or added so much that a memory should be opened anew: see `StoredMemory.most_at_once`."""

    def __init__(self, turns: int) -> None:
        super().__init__(f"another process changed {turns:,} messages of this chat; they are being indexed; ask again")
        self.turns = turns


class StoredMemory(ChangedInPlace):
    """The part of `AdaptiveMemory` that follows its file, corrects and forgets; without a file it does so in memory.

    _positions: in the file, of the turns that are in the memory. _generation: see `migrations.m003_changes`. _kept: how
    many turns the index has that is kept in the file. most_at_once: of the turns that other processes changed or added,
    how many a call indexes before it does its own; beyond that it only raises BehindError. So does the call after one
    that forgot many turns of a longer chat. None: any number.
    """

    most_at_once: int | None = None
    _archive: Archive | None = None
    _generation = 0
    _kept = 0
    _has_usual_settings = True  # those that the file has
    _data_version = 0  # of the file, when what it changed was last taken over
    _caught_up = -1  # the same, when all turns of the file had been taken in
    _is_taking = False  # a turn is being taken in; if it stays so, that was interrupted
    _revisions: dict[str, list[Turn]]  # of a memory without a file

    def refresh(self) -> int:
        """Take in what other processes have added to the file since it was opened or last refreshed, and what they
        changed. Returns how many turns are new. `add` does the same by itself; searches find no turn that was
        forgotten meanwhile.
        """
        with self._current():
            if self._data_version == self._caught_up:  # no other process has written since
                return 0
            version, before = self._data_version, len(self)
            if self.most_at_once is not None and self._archive is not None:
                self._check(self._archive.count_after(self._positions[-1] if self._positions else 0))
            self._catch_up()
            self._caught_up = version
            return len(self) - before

    # -- changing ------------------------------------------------------------------------------------------------------

    def correct(self, handle: str, new_text: str, *, keep_revision: bool = True) -> Turn:
        """Let the turn with a handle or id say `new_text`; returns the turn as it is now. KeyError for no such turn.

        Its handle, time and speaker stay. keep_revision: keep what it said before (`revisions`), or erase it as
        `forget` does, with its earlier revisions. Nothing is done where it says so already, so that this may be called
        again. Takes milliseconds, and seldom as long as adding all turns anew.
        """
        text("new_text", new_text)
        with self._lock:
            with self._changing() as archive:
                before = self.expand(handle)
                tags = tuple(tag for tag in before.tags if not tag.startswith(KEPT_TEXT_TAG))
                after = replace(before, text=new_text, tags=tags)
                if after == before and keep_revision:
                    return before
                lines = self._transcript.lines_of(before)
                if archive is not None:
                    changes.replace_turn(archive, after, keep_revision=keep_revision)
                else:
                    older = self._revisions.pop(after.id, ())
                    if keep_revision:
                        self._revisions[after.id] = [*older, before]
                generation = archive.state()["generation"] if archive is not None else 0
            if not self._correct_in_place(after, generation):
                self._take_over(after if turn.id == after.id else turn for turn in self._transcript.turns)
            if not keep_revision:
                self._erase(lines)
        return after

    def revisions(self, handle: str) -> list[Turn]:
        """What a turn was before each correction, oldest first; [] for one that was never corrected."""
        with self._current():
            return self._history().revisions.get(self.expand(handle).id, [])

    def revised(self) -> frozenset[str]:
        """Ids of the turns that have `revisions`."""
        with self._current():
            return frozenset(self._history().revisions)

    def forget(
        self,
        handle: str | Iterable[str] | None = None,
        *,
        person: str | None = None,
        before: TimeLike = None,
        everything: bool = False,
    ) -> int:
        """Forget a turn by its handle or id (several by a list), what a `person` said, what was said `before` a time,
        or `everything`.

        Returns how many turns were forgotten; only counts and the highest number of each session remain, so that no
        handle is used twice. They are gone from the index, from the file with its revisions and its log, and from the
        `vector_cache`; not from copies, from tags files, or from what others said of them. before: turns without a time
        are kept; clocks are compared as they stood. Takes as long as adding the remaining turns anew, or for up to 20
        turns as writing the file anew. Raises KeyError for a handle of no turn, ArchiveError when the file cannot be
        written or erased now (see docs/store.md).
        """
        is_meant = to_forget(handle, person, before, everything)
        with self._lock:
            with self._changing() as archive:
                handles = [handle] if isinstance(handle, str) else handle
                found = self._transcript.turns if handles is None else list(map(self.expand, handles))
                gone = {turn.id: turn for turn in found if is_meant(turn)}
                if not gone:
                    return 0
                lines = [line for turn in gone.values() for line in self._transcript.lines_of(turn)]
                if archive is not None:
                    changes.remove(archive, gone.values())
                else:
                    self._note_forgotten(gone.values())
                generation = archive.state()["generation"] if archive is not None else 0
            if not self._forget_in_place(list(gone.values()), generation):
                self._take_over(turn for turn in self._transcript.turns if turn.id not in gone)
            self._erase(lines)
        return len(gone)

    def would_forget(
        self,
        handle: str | Iterable[str] | None = None,
        *,
        person: str | None = None,
        before: TimeLike = None,
        everything: bool = False,
    ) -> list[Turn]:
        """The turns that `forget` would forget."""
        is_meant = to_forget(handle, person, before, everything)
        with self._current():
            handles = [handle] if isinstance(handle, str) else handle
            found = self._transcript.turns if handles is None else map(self.expand, handles)
            return list({turn.id: turn for turn in found if is_meant(turn)}.values())

    # -- export and import ---------------------------------------------------------------------------------------------

    def export(self, path: str | Path, *, format: str | None = None) -> int:
        """Write all turns to a file, whole or not at all, and return how many: "jsonl" (which `import_jsonl` reads
        back), "csv", "markdown" or "locomo" (see archive/exchange.py); None goes by the suffix .jsonl, .csv, .md or
        .json. A new file can be read by its owner alone. Raises UsageError.
        """
        path = checks.path("path", path)
        with self._current():
            written = self.exported(format or format_of(path.suffix), path.stem)
            write_whole(path, "".join(written).encode())
            return len(self)

    def exported(self, format: str, name: str) -> list[str]:
        """The pieces of what `export` writes. name: of the conversation, where the format has one."""
        with self._current():
            return list(exported(self._transcript.turns, self._history(), format, name))

    def import_jsonl(self, path: str | Path) -> int:
        """Add what `export` wrote, with its revisions, its count of forgotten turns and what it knows of apps' exports;
        returns the number of turns.

        Raises UsageError that names the line, and for a turn that is here already; those before it are added.
        """
        turns, history = from_jsonl(read_text(checks.path("path", path)).split("\n"))
        with self._lock:
            for first in range(0, len(turns), ADDED_AT_ONCE):
                _, error = self._add(turns[first : first + ADDED_AT_ONCE], {})
                if error is not None:
                    raise error
            with self._changing() as archive:
                kept = self._history()
                revisions, forgotten = {**kept.revisions, **history.revisions}, dict(kept.forgotten)
                for session, (highest, count) in history.forgotten.items():
                    known, counted = forgotten.get(session, (0, 0))
                    forgotten[session] = max(known, highest), counted + count
                    self._numbering.reserve(session, highest)
                if archive is not None:
                    changes.write_history(archive, chain.from_iterable(revisions.values()), forgotten)
                    if history.carried:
                        carry_in(archive, history.carried)
                        self._owner = imports.owner(archive)
                else:
                    self._revisions = revisions
            self._forgotten = forgotten
        return len(turns)

    def _note_forgotten(self, gone: Iterable[Turn]) -> None:
        for turn in gone:
            highest, count = self._forgotten.get(turn.session, (0, 0))
            self._forgotten[turn.session] = (max(highest, turn.number), count + 1)
            self._revisions.pop(turn.id, None)

    def _erase(self, lines: Sequence[Line]) -> None:
        """Erase what is kept of turns that are no more; `lines`: as they were."""
        if self._dense is not None:
            self._dense.forget(lines)
        if self._archive is not None:
            erase(self._archive)

    def _history(self) -> History:
        """What is kept besides the turns."""
        if self._archive is None:
            return History(self._revisions, self._forgotten)
        return History(changes.revisions(self._archive), self._forgotten, carried(self._archive))

    # -- following the file --------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Read all turns anew when one of those that the memory has was changed in the file."""
        if self._archive is None:
            return
        version = self._archive.data_version()
        if version == self._data_version and not self._is_taking:
            return
        is_other = self._is_taking or self._archive.state()["generation"] != self._generation
        if is_other and self.most_at_once is not None:
            self._check(len(self._archive))
        self._data_version = version
        self._owner = imports.owner(self._archive)
        if is_other:
            self._read_anew()

    def _check(self, turns: int) -> None:
        if self.most_at_once is not None and turns > self.most_at_once:
            raise BehindError(turns)

    def _read_anew(self, turns: Iterable[Turn] = ()) -> None:
        """Build the memory from all turns in the file; without one, from `turns`, which are read only then."""
        if self._archive is None:
            self._rebuild(turns)
            return
        with self._archive.reading():
            self._generation = self._archive.state()["generation"]
            self._forgotten = changes.forgotten(self._archive)
            self._owner = imports.owner(self._archive)
            self._is_taking = False
            kept = read_kept(self._archive, self.config, self._index.config, self._generation)
            if kept is None:
                self._rebuild(())
            else:
                self._use(kept.built, kept.positions, kept.reader)
            self._kept, self._changes = len(self), 0
            self._catch_up()

    def _take_over(self, turns: Iterable[Turn]) -> None:
        """Be what was just made of the file, or of `turns` without one; where that takes longer than a call may, let
        the next call find that this memory is behind."""
        if self._archive is not None and self.most_at_once is not None and len(self) > self.most_at_once:
            self._data_version = self._caught_up = -1
        else:
            self._read_anew(turns)

    def _changing(self) -> AbstractContextManager[Archive | None]:
        """The file, in a transaction, with all that is in it in the memory; None for a memory without one."""
        return nullcontext() if self._archive is None else self._in_transaction(self._archive)

    @contextmanager
    def _in_transaction(self, archive: Archive) -> Iterator[Archive]:
        self._follow()  # before the transaction too: that may take long
        with archive.transaction():
            if archive.data_version() != self._caught_up:
                self._follow()
                self._catch_up()
                self._caught_up = self._data_version
            yield archive

    def _catch_up(self) -> int:
        """Take in the turns that are in the file and not in the memory. Returns how many."""
        if self._archive is None:
            return 0
        before = len(self)
        self._take_all(self._archive.after(self._positions[-1] if self._positions else 0))
        return len(self) - before

    def _rebuild(self, turns: Iterable[Turn]) -> None:
        """Make it a memory of `turns` alone."""
        transcript = Transcript()
        working = WorkingMemory(self.memory_tokens, *transcript.lines, self.config.compaction, self.config.coverage)
        self._use(Built(transcript, PassageIndex(self._index.config), lambda: working), array("q"))
        self._take_all((0, turn) for turn in turns)

    def _use(self, built: Built, positions: array[int], reader: TurnReader | None = None) -> None:
        """Make it the memory of what was built."""
        self._reader = reader
        self._transcript, self._index, self._held = built.transcript, built.index, built.working
        self._positions = positions
        if self._dense is not None:
            self._dense = self._dense.empty()
            self._dense_ranking = self._index.with_config(self._dense.config.ranking)
        self._numbering = Numbering(self._numbering.session_gap)
        for session, (highest, _) in self._forgotten.items():
            self._numbering.reserve(session, highest)
        for session, highest in self._transcript.highest_numbers().items():
            self._numbering.reserve(session, highest)
        if self._transcript.turns:
            self._numbering.note(self._transcript.turns[-1])

    def _take(self, turn: Turn, position: int) -> None:
        self._is_taking = self._archive is not None
        lines = self._transcript.add(turn)
        self._index.add(turn, lines)
        self._numbering.note(turn)
        self._positions.append(position)
        self._is_taking = False

    def _take_all(self, found: Iterable[tuple[int, Turn]]) -> None:
        """Take in turns, each after its position, some at once: that takes three quarters of the time."""
        waiting = iter(found)
        while batch := list(islice(waiting, _TAKEN_AT_ONCE)):
            if len(batch) == 1:
                self._take(batch[0][1], batch[0][0])
                continue
            self._is_taking = self._archive is not None
            turns = [turn for _, turn in batch]
            self._index.extend(list(zip(turns, self._transcript.extend(turns), strict=True)))
            for turn in turns:
                self._numbering.note(turn)
            self._positions.extend(position for position, _ in batch)
            self._is_taking = False

    def _keep_index(self, when: tuple[int, float], *, with_working: bool = True) -> None:
        """Keep the index in the file when that is due. with_working: bring the working memory up to date for it, so
        that who opens the file need not; else it is kept as it is."""
        archive = self._archive
        if archive is None or archive.is_read_only or not self._has_usual_settings or self._is_taking:
            return
        if archive.is_gone:
            return
        changed = len(self) - self._kept + self._changes
        if is_due(len(self) if self._changes and with_working else changed, len(self), when):
            working = self._working if with_working else self._working_so_far()
            built = Built(self._transcript, self._index, lambda: working)
            keep(archive, built, self._positions, self.config, self._generation)
            self._kept, self._changes = len(self), 0  # or not before as many more

    # -- adding --------------------------------------------------------------------------------------------------------

    def _add(self, messages: Sequence[Message], given: Mapping[str, Any]) -> tuple[list[Turn], Exception | None]:
        """Add messages up to the first that is refused: the turns that were added, and that one's error."""
        error, turns = None, dict[str, Turn]()
        with self._lock:
            with self._changing() as archive:
                numbering = self._numbering.copy() if len(messages) > 1 else self._numbering
                for message in messages:
                    try:
                        turn = numbering.turn_of(message, given)
                        self._check_new(turn, turns)
                    except (TypeError, ValueError) as refused:
                        error = refused
                        break
                    turns[turn.id] = turn
                    if numbering is not self._numbering:
                        numbering.note(turn)
                added = list(turns.values())
                positions = archive.append_all(added) if archive is not None and added else [0] * len(added)
            self._take_all(zip(positions, added, strict=True))
        return added, error

    def _check_new(self, turn: Turn, others: Container[str]) -> None:
        if turn.id in others or turn.id in self._transcript.places:
            raise UsageError(f"turn {turn.id} is in this memory already; every turn needs its own session and number")
        if turn.number <= self._forgotten.get(turn.session, (-1, 0))[0]:
            raise UsageError(used_twice(turn.id))
