"""A folder of chats, each a memory in a file of its own, opened when it is first used and shared by all that ask."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from memoryqa.checks import shown, text
from memoryqa.errors import UsageError
from memoryqa.memory import AdaptiveMemory

SUFFIX = ".db"
_FORBIDDEN = frozenset('/\\:*?"<>|')  # by one or another of the file systems
_MAX_NAME_BYTES = 200


class UnknownChatError(UsageError):
    """There is no chat of that name."""


class Chats:
    """The chats in `folder`, which is made when there is none. settings: of memories that are made or opened.

    Methods may be called from any thread; each memory has one writer at a time.
    """

    def __init__(self, folder: str | Path, **settings: Any) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"the folder {folder} cannot be used: {error.strerror}") from None
        self._settings = settings
        self._open: dict[str, AdaptiveMemory] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The names of all chats, sorted."""
        try:
            found = [entry.name for entry in os.scandir(self.folder) if entry.name.endswith(SUFFIX) and entry.is_file()]
        except OSError as error:
            raise UsageError(f"the folder {self.folder} cannot be read: {error.strerror}") from None
        return sorted(unicodedata.normalize("NFC", name.removesuffix(SUFFIX)) for name in found)

    def get(self, name: str | None, *, create: bool = False) -> AdaptiveMemory:
        """The memory of the chat `name`, as its file is now; None means the only one.

        create: make it when there is none. Raises UnknownChatError, which lists some of those that there are, and
        UsageError for a name that no file can have.
        """
        if name is None:
            name = self._only()
        name = check_name(name)
        path = self.folder / f"{name}{SUFFIX}"
        with self._lock:
            memory = self._open.get(name)
            if memory is None:
                if not create and not path.is_file():
                    raise UnknownChatError(f"there is no chat {shown(name)}; there are: {self._listed()}")
                memory = self._open[name] = AdaptiveMemory.open(path, **self._settings)
        memory.refresh()
        return memory

    def chosen(self, names: Sequence[str] | None) -> Iterator[tuple[str, AdaptiveMemory]]:
        """Those chats, or all, by name."""
        for name in self.names() if names is None else dict.fromkeys(names):
            yield name, self.get(name)

    def _only(self) -> str:
        names = self.names()
        if len(names) != 1:
            raise UnknownChatError(f"name the chat; there are: {self._listed()}")
        return names[0]

    def _listed(self) -> str:
        names = self.names()
        return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "none yet"

    def close(self) -> None:
        """Close the files of all memories that were opened."""
        with self._lock:
            for memory in self._open.values():
                memory.close()
            self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_name(name: str) -> str:
    """`name` as files are named. UsageError for one that is empty, too long or has signs that a file's name cannot."""
    name = unicodedata.normalize("NFC", text("the name of a chat", name)).strip()
    if not name or name.startswith("."):
        raise UsageError(f"a chat cannot be called {shown(name)}; begin its name with a letter or a digit")
    if bad := sorted({sign for sign in name if sign in _FORBIDDEN or unicodedata.category(sign)[0] == "C"}):
        raise UsageError(f"a chat cannot be called {shown(name)}; leave out {shown(''.join(bad))}")
    if len(name.encode()) > _MAX_NAME_BYTES:
        raise UsageError(f"the name of a chat may have {_MAX_NAME_BYTES} bytes, {shown(name)} has more")
    return name
