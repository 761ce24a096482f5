"""The chats of a folder that a server has in memory: each is opened once, and so many are kept open."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.memories import Memories, check_name
from memoryqa.memory import AdaptiveMemory
from memoryqa.memory.behind import turns_to_open
from memoryqa.memory.stored import BehindError
from memoryqa.serve.busy import MOST_AT_ONCE, BusyChats, BusyError

MAX_OPEN = 256  # chats in memory at once
_SMALL_BYTES = 512 * 1024  # of a file, whose turns are indexed at once


_FOLDER = re.compile(r"^.*[/\\](?=[^/\\]+\.db: )", re.DOTALL)  # of a chat's file, which is no business of clients


class UnknownError(UsageError, LookupError):
    """There is no such chat or message. known: the names that there are, for who may see all."""

    def __init__(self, what: str, known: str = "") -> None:
        super().__init__(f"{what}; there are: {known}" if known else what)
        self.what = what


class OpenChats:
    """The chats of `memories`, at most `max_open` of them open, from any thread. No chat waits for another one.

    busy: those that cannot be used for a while, such as one whose index is built anew because it was made by another
    version, or because another process changed the file.
    """

    def __init__(self, memories: Memories, max_open: int = MAX_OPEN) -> None:
        self._memories, self._max_open = memories, max_open
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
        self.busy = BusyChats()
        self._used: OrderedDict[str, None] = OrderedDict()  # chats that may be open, the one used last at the end

    def names(self) -> list[str]:
        """The names of all chats."""
        with self._lock:
            self._memories.find()
            return sorted(self._memories)

    def look_for(self, name: str) -> None:
        """UnknownError when there is no such chat."""
        with self._lock:
            self._memories.leave_removed(name)
            if name not in self._memories:
                self._memories.find()
                if name not in self._memories:
                    raise UnknownError(f"there is no chat {shown(name)}", listed(sorted(self._memories)))

    def memory(self, name: str, *, create: bool = False) -> AdaptiveMemory:
        """The memory of a chat. UnknownError when there is none, unless it is to be made; BusyError."""
        if create:
            check_name(name)  # before its file is looked at
        else:
            self.look_for(name)
        self.busy.check(name)
        with self._lock:
            self._used[name] = None
            self._used.move_to_end(name)
            opening = self._opening.setdefault(name, threading.Lock())
        try:
            with opening:  # once, while other chats are opened and used
                self.look_behind(name)
                memory = self._memories.create(name) if create else self._memories[name]
        except KeyError:  # it was deleted at this moment
            raise UnknownError(f"there is no chat {shown(name)}") from None
        memory.most_at_once = MOST_AT_ONCE
        self._put_away()
        return memory

    def look_behind(self, name: str) -> None:
        """BusyError, after building its index was begun, for a chat that has too much to index first."""
        self.busy.check(name)
        if self._memories.opened(name) is None and (turns := self._turns_to_open(name)) > MOST_AT_ONCE:
            self._open_later(name, turns)
            self.busy.check(name)

    @contextmanager
    def following(self, name: str) -> Iterator[None]:
        """BusyError where the block finds that other processes changed much of a chat, which is opened anew then."""
        try:
            yield
        except BehindError as error:
            self._memories.put_away(name, keep_index=False)
            self._open_later(name, error.turns)
            self.busy.check(name)
            raise BusyError(str(error), 1) from None

    def catch_up(self, name: str, memory: AdaptiveMemory) -> None:
        """Index a chat anew that was just changed: at once, or beside all else where that takes long."""
        with suppress(BusyError), self.following(name):
            memory.refresh()

    def _open_later(self, name: str, turns: int) -> None:
        self.busy.rebuild(name, turns, lambda: self._memories[name])

    def _turns_to_open(self, name: str) -> int:
        path = self._memories.path_of(name)
        try:
            is_small = path.stat().st_size < _SMALL_BYTES
        except OSError:
            return 0  # there is none yet, or what is wrong with it is said by who opens it
        return 0 if is_small else turns_to_open(path)

    def delete(self, name: str) -> None:
        """Close a chat and remove its file. KeyError when it is not there."""
        with self._lock:
            self._memories.delete(name)
            self._used.pop(name, None)
            self._opening.pop(name, None)

    def _put_away(self) -> None:
        """Leave the chats that were not used for longest to their files, while others are used. Who still has one can
        go on with it."""
        while True:
            with self._lock:
                if len(self._used) <= self._max_open:
                    return
                name, _ = self._used.popitem(last=False)
                if self.busy.is_rebuilt(name):
                    self._used[name] = None
                    return
                self._opening.pop(name, None)
            self._memories.put_away(name)


def listed(names: Sequence[str]) -> str:
    """Some of the names, for a message."""
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "none yet"


def without_folder(message: str) -> str:
    """A message about a chat's file with the name of the file alone, and without its folder wherever that is named."""
    found = _FOLDER.match(message)
    return message if found is None else message[found.end() :].replace(found[0][:-1], "of the chats")
