"""A memory that lives in a file takes in exports: new messages, what a newer export changes, and who is who."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from memoryqa.archive import changes, imports
from memoryqa.archive.database import Archive
from memoryqa.archive.imports import Conversation, Incoming, Known, People
from memoryqa.errors import UsageError
from memoryqa.memory.kept_index import AT_THE_END
from memoryqa.memory.stored import StoredMemory
from memoryqa.turns import Turn

_FILE = re.compile(r"\.\w{2,5}(?:, |$)")


@dataclass
class TakenIn:
    """What became of messages. added: turns. unchanged: messages that were known as they are. changed: those that the
    export has otherwise than before; `follow_export` takes them over."""

    added: list[Turn] = field(default_factory=list)
    unchanged: int = 0
    changed: list[Incoming] = field(default_factory=list)


class ImportedMemory(StoredMemory):
    """The part of `AdaptiveMemory` by which exports are imported. It needs a file: see `AdaptiveMemory.open`."""

    def take_in(self, messages: Sequence[Incoming], *, as_known: bool = False) -> TakenIn:
        """Add those of `messages` that are new, all or none. A message without a key that is known counts as new.
        as_known: UsageError, and none is added, where one says something else than the one that its key was given to.

        The sessions of different conversations are never the same, in whatever order messages come.
        """
        taken, positions = TakenIn(), dict[str, int]()
        with self._lock:
            with self._changing() as archive:
                archive = _in_file(archive)
                known = imports.known(archive, messages)
                numbering, place = self._numbering.copy(), 0
                lasts: dict[int, int] = {}
                for one in messages:
                    before = known.get((one.conversation, one.key))
                    if before is not None:
                        _sort_in(taken, one, before)
                        continue
                    if one.conversation != place:
                        place = one.conversation
                        numbering.resume(_last_turn(archive, place, lasts))
                    turn = numbering.turn_of(one.fields, {})
                    numbering.note(turn)
                    taken.added.append(turn)
                    positions[turn.id] = lasts[place] = archive.append(turn)
                    known[place, one.key] = Known(lasts[place], one.digest)
                    imports.note(archive, lasts[place], one)
                if as_known and taken.changed:
                    raise UsageError("a message of this key says something else; give each message a key of its own")
                imports.note_last(archive, lasts)
            self._take_all((positions[turn.id], turn) for turn in taken.added)
        return taken

    def follow_export(self, messages: Sequence[Incoming]) -> tuple[int, int]:
        """Let turns say what `messages`, which are known, say. Returns how many were edited and how many deleted.

        What an edited turn said before is a revision of it; what the sender deleted is erased, with its revisions.
        Takes as long as adding all turns anew.
        """
        edited, gone = list[tuple[Turn, int, Incoming]](), list[tuple[Turn, int, Incoming]]()
        with self._lock:
            with self._changing() as archive:
                archive = _in_file(archive)
                known = imports.known(archive, messages)
                for one in messages:
                    if (found := known.get((one.conversation, one.key))) is None:  # another process forgot it
                        continue
                    position = found.position
                    (before,) = archive.between(position, position)
                    caption = _caption(before.caption, one.fields.get("caption", ""))
                    after = replace(before, text=one.fields["text"], caption="" if one.deleted else caption)
                    if after == before and not one.deleted:
                        continue
                    if one.deleted:
                        gone.append((after, position, one))
                    elif before.text or before.caption:  # an older export has what was deleted since
                        edited.append((after, position, one))
                lines = [line for turn, *_ in gone for line in self._transcript.lines_of(turn)]
                if not edited and not gone:
                    return 0, 0
                changes.follow_export(archive, [*edited, *gone])
            self._read_anew()
            if gone:
                self._erase(lines)
            self._keep_index(AT_THE_END)
        return len(edited), len(gone)

    def rename(self, names: Mapping[str, str]) -> int:
        """Show what was said under each of `names` under its new name. Returns of how many turns that is another.

        Takes as long as adding all turns anew.
        """
        with self._lock:
            with self._changing() as archive:
                found = {old: new for old, new in names.items() if old != new}
                count = sum(turn.speaker in found for turn in self._transcript.turns)
                if not count:
                    return 0
                changes.rename_speakers(_in_file(archive), found)
            self._read_anew()
            self._keep_index(AT_THE_END)
        return count

    def ids_of(self, messages: Sequence[Incoming]) -> list[str]:
        """The ids of the turns that `messages`, which are known, became. KeyError for one that was forgotten."""
        with self._current():
            archive = _in_file(self._archive)
            known = imports.known(archive, messages)
            places = [known[one.conversation, one.key].position for one in messages]
            return [archive.between(place, place)[0].id for place in places]

    # -- what the file knows of exports --------------------------------------------------------------------------------

    def conversations(self) -> list[Conversation]:
        """The conversations of exports that are in the file, in the order in which they came; [] without a file."""
        return [] if self._archive is None else imports.conversations(self._archive)

    def add_conversation(self, format: str, scope: str, title: str) -> int:
        """The number of a new one."""
        return imports.add_conversation(_in_file(self._archive), format, scope, title)

    def set_title(self, number: int, title: str) -> None:
        """A conversation is called otherwise by now."""
        imports.set_title(_in_file(self._archive), number, title)

    def message_counts(self) -> Counter[int]:
        """How many messages each conversation has."""
        return imports.count_messages(_in_file(self._archive))

    def titles(self) -> dict[int, str]:
        """The titles of the conversations by the sessions that they were put in; {} for a memory without a file."""
        return {} if self._archive is None else imports.titles(self._archive)

    def people(self) -> People:
        """Who is who, as the user said or the exports did."""
        return People() if self._archive is None else imports.people(self._archive)

    def keep_people(self, people: People) -> None:
        """Let the file have `people`."""
        imports.keep_people(_in_file(self._archive), people)
        self._owner = people.owner


def _in_file(archive: Archive | None) -> Archive:
    if archive is None:
        raise UsageError("exports are imported into a memory that lives in a file: AdaptiveMemory.open(path)")
    return archive


def _caption(before: str, after: str) -> str:
    """What a newer export says is attached; one that was made without media ("Media omitted") renames no file."""
    return before if after and _FILE.search(before) and not _FILE.search(after) else after


def _last_turn(archive: Archive, conversation: int, lasts: Mapping[int, int]) -> Turn | None:
    position = lasts.get(conversation) or imports.last_position(archive, conversation)
    return None if position is None else archive.between(position, position)[0]


def _sort_in(taken: TakenIn, message: Incoming, known: Known) -> None:
    is_own = known.digest is None and not message.deleted  # the user has put it right, and erased what the export says
    if is_own or known.digest == message.digest:
        taken.unchanged += 1
    else:
        taken.changed.append(message)
