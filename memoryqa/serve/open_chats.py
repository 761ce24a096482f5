"""The chats of a folder that a server has in memory: each is opened once, and so many are kept open."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory

MAX_OPEN = 256  # chats in memory at once


class UnknownError(UsageError, LookupError):
    """There is no such chat or message. known: the names that there are, for who may see all."""

    def __init__(self, what: str, known: str = "") -> None:
        super().__init__(f"{what}; there are: {known}" if known else what)
        self.what = what


class OpenChats:
    """The chats of `memories`, at most `max_open` of them open, from any thread. No chat waits for another one."""

    def __init__(self, memories: Memories, max_open: int = MAX_OPEN) -> None:
        self._memories, self._max_open = memories, max_open
        self._lock = threading.Lock()
        self._opening: dict[str, threading.Lock] = {}
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
        """The memory of a chat. UnknownError when there is none, unless it is to be made."""
        if not create:
            self.look_for(name)
        with self._lock:
            self._used[name] = None
            self._used.move_to_end(name)
            opening = self._opening.setdefault(name, threading.Lock())
        try:
            with opening:  # once, while other chats are opened and used
                memory = self._memories.create(name) if create else self._memories[name]
        except KeyError:  # it was deleted at this moment
            raise UnknownError(f"there is no chat {shown(name)}") from None
        self._put_away()
        return memory

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
                self._opening.pop(name, None)
            self._memories.put_away(name)


def listed(names: Sequence[str]) -> str:
    """Some of the names, for a message."""
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "none yet"
