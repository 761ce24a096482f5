"""Exports go into the chats of a folder: once, as a whole, and a newer export only with what it changes.

Where a conversation goes. An export of one conversation becomes a chat of its name. An export of many (ChatGPT, an
account of Telegram, a workspace of Slack, a mailbox) becomes one chat of the app's name: a person with 1,500
conversations has one file that is searched at once, and no list of 1,500 names. Sessions of different conversations are
never the same, and the title of each finds all of its messages. A conversation that is in a chat already stays there,
whatever its file is called now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from memoryqa.archive.imports import Incoming, People
from memoryqa.errors import UsageError
from memoryqa.home.names import free_name, safe_name
from memoryqa.home.people import join_people
from memoryqa.home.recognition import Place, recognise
from memoryqa.home.restoring import is_own_export, restore
from memoryqa.home.survey import Keys, Seen, scope_of, survey
from memoryqa.importers import Import, ImportReport, Message, read
from memoryqa.memories import Memories, check_name
from memoryqa.memory import AdaptiveMemory

Progress = Callable[[str, int, int], None]
_AT_ONCE = 1000  # messages in one transaction
_BY_APP = (
    "chatgpt",
    "claude",
    "gemini",
    "sessions",
    "mail",
)  # their conversations are topics, and no circles of people
_IN_PARTS = ("sessions", "mail")  # of these, each import may be another part of one whole
_BY_FILE = ("records", "lines", "roles", "subtitles")
_SHORT = {"sessions": "Assistant sessions", "telegram-html": "Telegram", "discord-html": "Discord"}


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
    what is there, so that it edits nothing."""

    result: ChatImport
    memory: AdaptiveMemory
    numbers: dict[str, int] = field(default_factory=dict)
    keeps: set[str] = field(default_factory=set)
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

    def read(self, path: Path, people: People) -> Import:
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
    format: str | None = None,
    timezone: str | tzinfo | None = None,
    dates: str | None = None,
    columns: Mapping[str, str] | None = None,
    same: Mapping[str, str] | None = None,
    me: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda step, done, total: None,
) -> ImportResult:
    """Add the export at `path` to the chats of a folder, in files NAME.db: what is new, edited and deleted in it.

    chat: the chat that all of it goes to; None: see above. format, timezone, dates, columns, same, me: see
    `memoryqa.importers.read`; what was said of a chat is kept in its file, and holds for later imports. dry_run: only
    read it. progress: is given the step ("reading", "importing"), how many messages are done, and of how many (0 when
    that is unknown).

    The export is read to its end before anything is written. Raises UsageError for one that cannot be read, and the
    folder is then as it was. A process that is killed leaves whole batches, and the next import completes them.
    """
    if format is None and not columns and is_own_export(Path(path)):
        return _restored(memories, Path(path), chat, dry_run=dry_run)
    said = _Said(format, timezone, dates, columns, same or {}, me)
    found = said.read(Path(path), _kept(memories, {chat} if chat else set()))
    seen = survey(found, lambda done: progress("reading", done, 0))
    memories.find()
    chats = {name: memories.path_of(name) for name in memories}
    places = recognise(seen.conversations.values(), found.format, chats, chat)
    names = _destinations(found, seen.conversations, places, chat, memories)
    if dry_run:
        return ImportResult(seen.report, _counted(seen.conversations, names, memories), is_dry=True)
    opened = {name: _opened(memories, name, said) for name in dict.fromkeys(names.values())}
    again = said.read(Path(path), _kept(memories, set(opened)))
    is_many = len(seen.conversations) > 1 or found.format in _BY_APP
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
    return ImportResult(again.report, [target.result for target in opened.values()])


def _restored(memories: Memories, path: Path, chat: str | None, *, dry_run: bool) -> ImportResult:
    if chat is not None:
        check_name(chat)
    memories.find()
    report, name, is_new, added = restore(memories, path, chat, dry_run=dry_run)
    one = ChatImport(name, is_new, added=added, unchanged=report.messages - added, messages=report.messages)
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


# -- where conversations go --------------------------------------------------------------------------------------------


def _destinations(
    found: Import,
    conversations: Mapping[str, Seen],
    places: Mapping[str, Place],
    chat: str | None,
    memories: Memories,
) -> dict[str, str]:
    """The chat of each conversation, by scope."""
    if chat is not None:
        check_name(chat)
        return dict.fromkeys(conversations, chat)
    names = {scope: place.chat for scope, place in places.items()}
    if names.keys() != conversations.keys():
        own = _own_chat(found, conversations, names, memories)
        names = {scope: names.get(scope, own) for scope in conversations}
    return names


def _own_chat(found: Import, conversations: Mapping[str, Seen], names: Mapping[str, str], memories: Memories) -> str:
    """The chat of the conversations that none has yet: one that has others of this export, or a new one."""
    is_topics = found.format in _BY_APP
    homes = [name for name in dict.fromkeys(names.values()) if is_topics or len(memories[name].conversations()) > 1]
    if homes:
        return max(homes, key=list(names.values()).count)
    titles = [_SHORT.get(found.format, found.title)]
    if found.format in _BY_FILE:
        titles = [found.stem]
    elif len(conversations) == 1 and not is_topics:
        people = [name for name, _ in found.report.people.most_common(3)]
        titles = [next(iter(conversations.values())).title, ", ".join(people)]
    name = safe_name(*titles)
    if name in memories:
        memory = memories[name]
        is_empty = not len(memory)  # a process was killed before it added anything
        if is_empty or (found.format in _IN_PARTS and found.format in {one.format for one in memory.conversations()}):
            return name
    return free_name(name, memories)


def _counted(conversations: Mapping[str, Seen], names: Mapping[str, str], memories: Memories) -> list[ChatImport]:
    counted: dict[str, ChatImport] = {}
    for scope, name in names.items():
        one = counted.setdefault(name, ChatImport(name, name not in memories))
        one.messages += len(conversations[scope].keys)
    return list(counted.values())


def _opened(memories: Memories, name: str, said: _Said) -> _Target:
    """The chat, with what the user says of its people by now."""
    is_new = name not in memories or not len(memories[name])
    memory = memories.create(name)
    memory.refresh()
    target = _Target(ChatImport(name, is_new), memory)
    target.result.forgotten = memory.stats().turns_forgotten
    target.result.renamed = join_people(memory, said.same, said.me)
    return target


def _settle(target: _Target, format: str, one: Seen, place: Place | None) -> None:
    """Give a conversation its number in its chat."""
    if place is None:
        target.numbers[one.scope] = target.memory.add_conversation(format, one.scope, one.title)
        return
    target.numbers[one.scope] = place.number
    if one.span()[1] < place.last:
        target.keeps.add(one.scope)
    elif one.title:
        target.memory.set_title(place.number, one.title)


# -- what goes there ---------------------------------------------------------------------------------------------------


def _incoming(message: Message, key: int, digest: int, target: _Target, is_many: bool) -> Incoming:
    fields = dict(message.turn_fields())
    if is_many and message.chat:
        fields["tags"] = [message.chat]
    return Incoming(target.numbers[scope_of(message)], key, digest, fields, message.deleted)


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
