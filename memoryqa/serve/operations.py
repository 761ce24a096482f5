"""What a program can ask of a folder of chats, whatever the protocol: plain calls that block, with structured replies.

Errors that a caller can mend are UsageError or another MemoryQAError, with one line for a person or a model.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memoryqa.archive.file import ArchiveError
from memoryqa.archive.summary import Summary
from memoryqa.asking.finding import as_asked, find
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence
from memoryqa.home.people import join_people
from memoryqa.memories import Memories, is_begun
from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import parse_time
from memoryqa.serve.keyed import kept_once
from memoryqa.serve.listing import Summaries, listed_chat, listed_people
from memoryqa.serve.open_chats import MAX_OPEN, OpenChats, UnknownError, listed
from memoryqa.serve.reading import WouldForget, meant_page
from memoryqa.serve.replies import (
    ChatSummary,
    CitedLine,
    Corrected,
    Forgotten,
    Found,
    ImportResult,
    Joined,
    NewMessage,
    Opened,
    People,
    Remembered,
    cited,
)
from memoryqa.turns import Turn

if TYPE_CHECKING:
    from memoryqa.importers import ImportReport

logger = logging.getLogger(__name__)
Used = TypeVar("Used")

MAX_SEARCH_TOKENS = 20_000
MAX_MESSAGES = 10_000  # in one call
MAX_AROUND = 100
_MOST_TRIES = 10  # to read all chats while some are deleted and made again
MIN_SCORE = 0.3  # as the command's: a question about something that never came up finds nothing


class Operations:
    """The calls. Each opens what it needs, sees what other processes wrote, and may run in any thread."""

    def __init__(self, memories: Memories, max_open: int = MAX_OPEN) -> None:
        self._memories = memories
        memories.most_open, memories.makes_room = min(memories.most_open, max_open), False
        self._open, self._summaries = OpenChats(memories, max_open), Summaries()

    def search(
        self,
        question: str,
        *,
        chats: Sequence[str] | None = None,
        people: Sequence[str] | None = None,
        since: str | None = None,
        until: str | None = None,
        asked: str | None = None,
        budget_tokens: int = 1_000,
        min_score: float = MIN_SCORE,
    ) -> Found:
        """The lines that answer best, over some chats or all, in `budget_tokens` with the names of the chats.

        asked: the day of asking, by which "last week" is read; today when left out.
        """
        _in_range("budget_tokens", budget_tokens, 1, MAX_SEARCH_TOKENS)
        only: dict[str, Any] = {"speakers": people or None, "since": since, "until": until, "min_score": min_score}
        only["asked"] = asked
        text, tokens, ranked = self.find(question, chats, budget_tokens, **only)
        return Found(text=text, tokens=tokens, lines=[CitedLine(**cited(*each)) for each in ranked])

    def find(
        self, queries: str | Sequence[str], chats: Sequence[str] | None, budget_tokens: int, **only: Any
    ) -> tuple[str, int, Sequence[tuple[str, Turn, float]]]:
        """Text, its tokens, and chat, message and score of its lines, best first; only: as `Memories.search` takes;
        `asked` is today when it is None."""
        question = queries if isinstance(queries, str) else queries[0]
        _said(question, "the question")
        only |= as_asked(question, only.get("asked"), clock=only.get("clock", False))
        found = self._over(chats, lambda names: find(self.current(names), names, queries, budget_tokens, **only))
        return str(found), found.tokens, found.ranked

    @contextmanager
    def unchanged(self, chats: Sequence[str] | None) -> Iterator[None]:
        """Let the calls in the block see one chat as it is at its beginning. Of several chats, each call sees all that
        was added before it."""
        if chats is None or len(chats) != 1:
            yield
            return
        memory = self._open.memory(chats[0])
        with self._open.following(chats[0]), memory.unchanged():
            memory.refresh()
            yield

    def places(self, chat: str, ids: Collection[str]) -> dict[str, int]:
        """Where in the order of a chat that was just read these messages are, from 0, by id."""
        return self._memories[chat].in_order(ids)

    def current(self, chats: Sequence[str]) -> Memories:
        """All memories, those of `chats` as their files are; of too many, who reads opens some. UnknownError."""
        is_many = len(chats) > self._memories.most_open
        for chat in chats:
            use = self._open.look_behind if is_many and self._memories.opened(chat) is None else self._memory
            use(chat)
        return self._memories

    def remember(
        self,
        messages: Sequence[NewMessage],
        chat: str,
        *,
        key: str | None = None,
        progress: Callable[[int], None] = lambda _: None,
        batch: int = 500,
    ) -> Remembered:
        """Add messages to a chat, which is made when there is none: all of them, or none when one is refused.

        key: of the call: what a call of this key has added is not added again. Each message may have a key instead.
        What was passed to `progress`, a count, is kept whatever happens then; so are all when it returns.
        """
        _in_range("the number of messages", len(messages), 1, MAX_MESSAGES)
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        records = [_record(number, one, now) for number, one in enumerate(messages, start=1)]
        memory = self._memory(chat, create=True)
        if keys := [own for one in messages if (own := getattr(one, "key", None)) is not None]:
            if len(keys) != len(messages):
                raise UsageError("give all of the messages a key, or none of them")
            return Remembered(chat=chat, ids=kept_once(memory, records, keys), messages=len(memory))
        if key is not None:
            keys = [f"\0{key}\0{number}" for number in range(len(records))]  # apart from keys of messages
            return Remembered(chat=chat, ids=kept_once(memory, records, keys, as_known=True), messages=len(memory))
        ids = list[str]()
        for start in range(0, len(records), batch):
            ids += [turn.id for turn in memory.extend(records[start : start + batch])]
            progress(len(ids))
        return Remembered(chat=chat, ids=ids, messages=len(memory))

    def open(self, id: str, chat: str | None = None, around: int = 5) -> Opened:
        """The message `id` and those around it."""
        _in_range("around", around, 0, MAX_AROUND)
        name, memory = self._one(chat)
        with _known():
            found = memory.around(id, around)
        return Opened(chat=name, text=str(found), ids=list(found.ids))

    def summaries(self, chats: Sequence[str] | None = None) -> list[ChatSummary]:
        """Some chats or all, with their people, most talkative first."""
        return [listed_chat(name, found) for name, found in self._summed(chats).items()]

    def create(self, chat: str) -> ChatSummary:
        """Make a chat when there is none of that name."""
        self._memory(chat, create=True)
        return listed_chat(chat, self._summaries.of(self._memories.path_of(chat)))

    def delete(self, chat: str) -> Forgotten:
        """Erase a chat and its file. Who has it open in another process sees it empty."""
        memory = self._memory(chat)
        with self._open.busy.changing(chat):
            gone = memory.forget(everything=True)
            self._open.delete(chat)
        return Forgotten(chat=chat, messages=gone)

    def revisions(self, chat: str, id: str) -> list[Turn]:
        """What a message was before each correction, oldest first."""
        with _known():
            return self._memory(chat).revisions(id)

    def people(self, chats: Sequence[str] | None = None) -> People:
        """Who speaks in some chats or all, most talkative first. One name is one person, in all chats."""
        return listed_people(self._summed(chats))

    def _summed(self, chats: Sequence[str] | None) -> dict[str, Summary]:
        """What is in the files of some chats or all; of all, those that cannot be read are logged and left out."""
        found, unread = dict[str, Summary](), list[ArchiveError]()
        for name in self.names() if chats is None else chats:
            try:
                found[name] = self._summaries.of(self._path(name))
            except (ArchiveError, UnknownError) as error:
                if chats is not None:
                    raise
                if isinstance(error, UnknownError) or not is_begun(self._memories.path_of(name)):
                    continue  # it was deleted at this moment
                logger.warning("left out: %s", error)
                unread.append(error)
        if unread and not found:
            raise unread[0]
        return found

    def _path(self, name: str) -> Path:
        self._open.look_for(name)
        return self._memories.path_of(name)

    def join(self, chat: str | None, same: Mapping[str, str], me: str | None = None) -> Joined:
        """Show what was said under each name of `same` under the name that it means; me: who says "I". For good."""
        if not same and me is None:
            raise UsageError("say which names mean one person, or who says I")
        name, memory = self._one(chat)
        with self._open.busy.changing(name):
            return Joined(chat=name, messages=join_people(memory, same, me))

    def correct(self, id: str, text: str, chat: str | None = None, *, keep_revision: bool = True) -> Corrected:
        """Let a message say `text`."""
        _said(text, "the new text")
        name, memory = self._one(chat)
        with _known():
            before = memory.expand(id)
        with self._open.busy.changing(name):
            after = memory.correct(id, text, keep_revision=keep_revision)
        self._open.catch_up(name, memory)
        return Corrected(chat=name, id=after.id, text=after.text, before=before.text)

    def forget(
        self,
        chat: str | None,
        *,
        id: str | Sequence[str] | None,
        person: str | None,
        before: str | None,
        everything: bool,
    ) -> Forgotten:
        """Erase messages of a chat: one or several, a person's, those before a day, or all of them."""
        name, memory = self._one(chat)
        with _known(), self._open.busy.changing(name):
            gone = memory.forget(id, person=person, before=before, everything=everything)
        self._open.catch_up(name, memory)
        return Forgotten(chat=name, messages=gone)

    def would_forget(
        self,
        chat: str,
        start: int = 0,
        limit: int = 100,
        *,
        id: str | Sequence[str] | None,
        person: str | None,
        before: str | None,
        everything: bool,
    ) -> WouldForget:
        """What `forget` would erase: how much, and `limit` of the messages from the one at `start` on."""
        name, memory = self._one(chat)
        with memory.unchanged(), _known():
            meant = memory.would_forget(id, person=person, before=before, everything=everything)
            return meant_page(name, memory, meant, start, limit)

    def day(self, chat: str, day: str) -> str:
        """What was said in a chat on a day, YYYY-MM-DD."""
        _, memory = self._one(chat)
        return Evidence.of([full for full, _ in memory.lines() if full.text and _day(full.turn) == day]).text

    def days(self, chat: str) -> Counter[str]:
        """How many messages a chat has by day, YYYY-MM-DD, in order."""
        _, memory = self._one(chat)
        return Counter(sorted(day for turn in memory.turns() if (day := _day(turn)) is not None))

    def memory(self, chat: str | None) -> AdaptiveMemory:
        """The memory of a chat."""
        return self._one(chat)[1]

    @property
    def rebuilding(self) -> int:
        """How many chats cannot be used now because their index is built anew."""
        return self._open.busy.num_rebuilt

    @property
    def open_chats(self) -> int:
        """How many chats are in memory."""
        return self._memories.open_count

    def import_export(
        self,
        path: Path,
        chat: str | None,
        progress: Callable[[str, int, int], None],
        counted: Callable[[ImportReport], None] = lambda _: None,
        **how: Any,
    ) -> ImportResult:
        """Add an export: see memoryqa.home.importing.import_export."""
        from memoryqa.home.importing import import_export  # the importers of twenty apps, which few servers need

        while chat is not None and self._open.busy.is_rebuilt(chat):  # or its index would be built twice
            progress("reading", 0, 0)
            time.sleep(0.2)
        found = import_export(self._memories, path, chat=chat, progress=progress, counted=counted, **how)
        added, known = sum(one.added for one in found.chats), sum(one.unchanged for one in found.chats)
        names = [one.chat for one in found.chats]
        return ImportResult(chats=names, added=added, known=known, report=found.report.to_dict())

    def named(self, chat: str | None) -> str:
        """The name of a chat; None: of the only one there is."""
        return self._one(chat)[0]

    def _one(self, chat: str | None) -> tuple[str, AdaptiveMemory]:
        if chat is None:
            names = self.names()
            if len(names) != 1:
                raise UsageError(f"name the chat; there are: {listed(names)}")
            chat = names[0]
        return chat, self._memory(chat)

    def _over(self, chats: Sequence[str] | None, use: Callable[[list[str]], Used]) -> Used:
        """`use` of some chats or all; of all, those whose files cannot be read are logged and left out, and those that
        are deleted meanwhile are left out."""
        if chats is not None:
            with self.there(chats):
                return use(list(dict.fromkeys(chats)))
        names = self.names()
        for tries_left in reversed(range(_MOST_TRIES)):
            try:
                return use(names)
            except (ArchiveError, UnknownError, KeyError) as error:  # it may be there again, or another file
                names = self.names()
                if isinstance(error, ArchiveError):
                    names = list(filter(self._is_readable, names))
                if not names or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def there(self, chats: Sequence[str]) -> Iterator[None]:
        """Raise UnknownError in place of KeyError where one of the chats is deleted while the block uses it."""
        try:
            yield
        except KeyError:
            for chat in chats:
                self._open.look_for(chat)
            raise

    def _is_readable(self, name: str) -> bool:
        try:
            self._memory(name)
        except UnknownError:  # deleted meanwhile
            return False
        except ArchiveError as error:
            logger.warning("left out: %s", error)
            return False
        return True

    def names(self) -> list[str]:
        """The names of all chats."""
        return self._open.names()

    def _memory(self, name: str, *, create: bool = False) -> AdaptiveMemory:
        """The memory of a chat with all that other processes have added to it."""
        memory = self._open.memory(name, create=create)
        with self._open.following(name):
            memory.refresh()
        return memory


@contextmanager
def _known() -> Iterator[None]:
    """Raise UnknownError for a message that is not there."""
    try:
        yield
    except KeyError as error:
        raise UnknownError(str(error.args[0])) from None


def _record(number: int, message: NewMessage, now: str) -> dict[str, str]:
    _said(message.text, f"message {number}")
    _said(message.speaker, f"the speaker of message {number}")
    try:
        parse_time(message.time)
    except UsageError as error:
        raise UsageError(f"message {number}: {error}") from None
    return {"text": message.text, "speaker": message.speaker, "time": message.time or now}


def _said(text: str, what: str) -> None:
    if not text.strip():
        raise UsageError(f"{what} is empty")


def _in_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UsageError(f"{name} must lie in {least:,}..{most:,}, got {value:,}")


def _day(turn: Turn) -> str | None:
    return None if turn.time is None else turn.time.date().isoformat()
