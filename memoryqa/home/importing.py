"""Exports go into the chats of a folder: once, as a whole, and a newer export only with what it changes.

Where a conversation goes (`placing`). An export of one conversation becomes a chat of its name. An export of many
(ChatGPT, an account of Telegram, a workspace of Slack, a mailbox) becomes one chat of the app's name: a person with
1,500 conversations has one file that is searched at once, and no list of 1,500 names. Sessions of different
conversations are never the same, and the title of each finds all of its messages. A conversation that is in a chat
already stays there, whatever its file is called now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from memoryqa.archive.imports import Incoming, People
from memoryqa.errors import UsageError
from memoryqa.home.alone import alone_in
from memoryqa.home.people import final_name, join_people
from memoryqa.home.placing import BY_APP, called, decisions, destinations, known_places
from memoryqa.home.recognition import Place
from memoryqa.home.restoring import is_own_export, restore
from memoryqa.home.survey import Keys, Seen, scope_of, survey
from memoryqa.importers import Import, ImportReport, Message, read
from memoryqa.memories import Memories, check_name
from memoryqa.memory import AdaptiveMemory

Progress = Callable[[str, int, int], None]
_AT_ONCE = 1000  # messages in one transaction


@dataclass
class ChatImport:
    """What an import did with one chat. edited, deleted: turns that the export has otherwise than before. missing: how
    many of its messages this export does not have; they are kept. forgotten: how many were forgotten before, and are
    back if the export has them."""

    chat: str
    is_new: bool
    added: int = 0
    edited: int = 0
    deleted: int = 0
    unchanged: int = 0
    missing: int = 0
    renamed: int = 0
    forgotten: int = 0
    messages: int = 0


@dataclass
class ImportResult:
    """report: what was read, and what was left out and why. chats: where it went. is_dry: nothing was written."""

    report: ImportReport
    chats: list[ChatImport] = field(default_factory=list)
    is_dry: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For programs, as JSON can hold it."""
        return {**self.report.to_dict(), "dry_run": self.is_dry, "into": [vars(one) for one in self.chats]}


@dataclass
class _Target:
    """A chat that messages go to. numbers: its conversations by scope. keeps: scopes of which the export is older than
    what is there, so that it edits nothing. known: by scope, `Place.known`."""

    result: ChatImport
    memory: AdaptiveMemory
    numbers: dict[str, int] = field(default_factory=dict)
    keeps: set[str] = field(default_factory=set)
    known: dict[str, Mapping[int, int]] = field(default_factory=dict)
    waiting: list[Incoming] = field(default_factory=list)
    changed: list[Incoming] = field(default_factory=list)
    authors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Said:
    """What the user said about the export."""

    format: str | None
    timezone: str | tzinfo | None
    dates: str | None
    columns: Mapping[str, str] | None
    same: Mapping[str, str]
    me: str | None

    def read(self, path: str | Path, people: People) -> Import:
        """The export, read by this and by what is known of its people."""
        return read(
            path,
            self.format,
            timezone=self.timezone or people.choices.get("timezone"),
            dates=self.dates or people.choices.get("dates"),
            columns=self.columns,
            same={**people.joins, **self.same},
            me=self.me or people.owner,
            known=people.authors,
        )

    def choices(self) -> dict[str, str]:
        zone = self.timezone if isinstance(self.timezone, str) else None
        return {name: one for name, one in (("timezone", zone), ("dates", self.dates)) if one}


def import_export(
    memories: Memories,
    path: str | Path,
    *,
    chat: str | None = None,
    new: bool = False,
    format: str | None = None,
    timezone: str | tzinfo | None = None,
    dates: str | None = None,
    columns: Mapping[str, str] | None = None,
    same: Mapping[str, str] | None = None,
    me: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda step, done, total: None,
    counted: Callable[[ImportReport], None] = lambda report: None,
) -> ImportResult:
    """Add the export at `path` to the chats of a folder, in files NAME.db: what is new, edited and deleted in it.

    chat: the chat that all of it goes to; None: see above. new: a chat that is not there yet, whatever is known of the
    messages. format, timezone, dates, columns, same, me: see `memoryqa.importers.read`; what was said of a chat is kept
    in its file, and holds for later imports. dry_run: only read it. progress: is given the step ("reading",
    "importing"), how many messages are done, and of how many (0 when that is unknown). counted: is given the report
    while it grows.

    The export is read to its end before anything is written. Raises UsageError for one that cannot be read, and the
    folder is then as it was. A process that is killed leaves whole batches, and the next import completes them. Imports
    into one folder wait for each other.
    """
    said = _Said(format, timezone, dates, columns, same or {}, me)
    with nullcontext() if dry_run else alone_in(memories.folder):
        if format is None and not columns and str(path).strip() and is_own_export(Path(path)):
            return _restored(memories, Path(path), chat, new, said, dry_run=dry_run)
        return _imported(memories, path, chat, new, said, dry_run, progress, counted)


def _imported(
    memories: Memories,
    path: str | Path,
    chat: str | None,
    new: bool,
    said: _Said,
    dry_run: bool,
    progress: Progress,
    counted: Callable[[ImportReport], None],
) -> ImportResult:
    found = said.read(path, _kept(memories, {chat} if chat else set()))

    def reading(done: int) -> None:
        progress("reading", done, 0)
        counted(found.report)

    seen = survey(found, reading)
    memories.find()
    places = {} if new else known_places(found, seen.conversations, memories, chat)
    names = destinations(found, seen.conversations, places, chat, new, memories)
    notes = list(decisions(names, places, chat, new, called(found, seen.conversations)))
    if dry_run:
        _add_notes(seen.report, notes)
        return ImportResult(seen.report, _counted(seen.conversations, names, memories), is_dry=True)
    opened = {name: _opened(memories, name, said, places.values()) for name in dict.fromkeys(names.values())}
    again = said.read(path, _kept(memories, set(opened)))
    is_many = len(seen.conversations) > 1 or found.format in BY_APP
    for scope, one in seen.conversations.items():
        _settle(opened[names[scope]], found.format, one, places.get(scope))
    total, keys = seen.report.messages, Keys()
    for number, message in enumerate(again.messages, start=1):
        if (name := names.get(scope_of(message))) is None:
            raise UsageError(f"{path}: changed while it was read; import it again")
        target = opened[name]
        if message.author:
            target.authors[message.author] = message.speaker
        target.waiting.append(_incoming(message, *keys.of(message), target, is_many))
        if len(target.waiting) == _AT_ONCE:
            _take(target)
            progress("importing", number, total)
    for target in opened.values():
        _take(target)
        _finish(target, said, seen.conversations)
    progress("importing", total, total)
    _add_notes(again.report, notes)
    return ImportResult(again.report, [target.result for target in opened.values()])


def _restored(
    memories: Memories,
    path: Path,
    chat: str | None,
    new: bool,
    said: _Said,
    *,
    dry_run: bool,
) -> ImportResult:
    if chat is not None:
        check_name(chat)
    memories.find()
    report, name, is_new, added = restore(memories, path, chat, new=new, dry_run=dry_run)
    one = ChatImport(name, is_new, added=added, unchanged=report.messages - added, messages=report.messages)
    if not dry_run and (said.same or said.me):
        one.renamed = join_people(memories[name], said.same, said.me)
    return ImportResult(report, [one], is_dry=dry_run)


def _kept(memories: Memories, chats: set[str]) -> People:
    """What the files of some chats know of people, together."""
    found = People()
    for chat in sorted(chats & set(memories)):
        one = memories[chat].people()
        found.joins |= one.joins
        found.authors |= one.authors
        found.choices |= one.choices
        found.owner = found.owner or one.owner
    return found


# -- the chats ---------------------------------------------------------------------------------------------------------


def _add_notes(report: ImportReport, notes: Iterable[str]) -> None:
    for note in notes:
        report.note(note)


def _counted(conversations: Mapping[str, Seen], names: Mapping[str, str], memories: Memories) -> list[ChatImport]:
    counted: dict[str, ChatImport] = {}
    for scope, name in names.items():
        one = counted.setdefault(name, ChatImport(name, name not in memories))
        one.messages += len(conversations[scope].keys)
    return list(counted.values())


def _opened(memories: Memories, name: str, said: _Said, places: Iterable[Place]) -> _Target:
    """The chat, with what the user and the export say of its people by now."""
    is_new = name not in memories or not len(memories[name])
    memory = memories.create(name)
    memory.refresh()
    target = _Target(ChatImport(name, is_new), memory)
    target.result.forgotten = memory.stats().turns_forgotten
    renamed = {one: old for place in places if place.chat == name for one, old in place.renamed.items()}
    joins = {one: final_name(old, said.same) for one, old in renamed.items()} | dict(said.same)
    target.result.renamed = join_people(memory, {one: old for one, old in joins.items() if one != old}, said.me)
    return target


def _settle(target: _Target, format: str, one: Seen, place: Place | None) -> None:
    """Give a conversation its number in its chat."""
    if place is None:
        target.numbers[one.scope] = target.memory.add_conversation(format, one.scope, one.title)
        return
    target.numbers[one.scope] = place.number
    target.known[one.scope] = place.known
    if one.span()[1] < place.last:
        target.keeps.add(one.scope)
    elif one.title:
        target.memory.set_title(place.number, one.title)


# -- what goes there ---------------------------------------------------------------------------------------------------


def _incoming(message: Message, key: int, digest: int, target: _Target, is_many: bool) -> Incoming:
    fields, scope = dict(message.turn_fields()), scope_of(message)
    if is_many and message.chat:
        fields["tags"] = [message.chat]
    key = target.known.get(scope, {}).get(key, key)
    return Incoming(target.numbers[scope], key, digest, fields, message.deleted)


def _take(target: _Target) -> None:
    """Write the messages that wait."""
    taken = target.memory.take_in(target.waiting)
    target.waiting.clear()
    target.result.added += len(taken.added)
    target.result.unchanged += taken.unchanged
    target.changed += taken.changed


def _finish(target: _Target, said: _Said, conversations: Mapping[str, Seen]) -> None:
    """Take over what the export changes, and keep who is who."""
    result, memory = target.result, target.memory
    older = {target.numbers[scope] for scope in target.keeps}
    changes = [one for one in target.changed if one.conversation not in older or one.deleted]
    if changes:
        result.edited, result.deleted = memory.follow_export(changes)
    result.unchanged += len(target.changed) - result.edited - result.deleted
    result.messages = len(memory)
    counts = memory.message_counts()
    known = sum(counts[number] for number in set(target.numbers.values()))
    result.missing = max(0, known - result.added - result.edited - result.deleted - result.unchanged)
    people = memory.people()
    people.authors |= target.authors
    people.choices |= said.choices()
    memory.keep_people(people)
