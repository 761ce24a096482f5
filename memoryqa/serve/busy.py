"""Chats that cannot be used for a while: their index is built anew, or a long change of them is being made.

Who asks for one meanwhile is refused at once: no call waits for a minute, and none holds up those of other chats.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memoryqa.checks import shown
from memoryqa.errors import MemoryQAError

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 3_000  # turns that a call may index before it answers: one or two seconds
_LONG_SEC = 2.0  # a change that takes longer is not waited for
_FAILED_SEC = 60.0  # after which an index that could not be built is tried again


class BusyError(MemoryQAError):
    """A chat cannot be used now. retry_sec: when to come again."""

    def __init__(self, message: str, retry_sec: int) -> None:
        super().__init__(message)
        self.retry_sec = retry_sec


@dataclass(frozen=True, slots=True)
class _Rebuilt:
    turns: int
    since: float


class BusyChats:
    """From any thread. One index is built at a time, in a thread of its own, which does not keep the process alive: an
    index that is not finished is built anew the next time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._rebuilt: dict[str, _Rebuilt] = {}
        self._failed: dict[str, tuple[float, Exception]] = {}
        self._changed: dict[str, tuple[float, int]] = {}  # since when, by which thread

    @property
    def num_rebuilt(self) -> int:
        """How many indexes are being built, or wait for it."""
        return len(self._rebuilt)

    def is_rebuilt(self, chat: str) -> bool:
        return chat in self._rebuilt

    def check(self, chat: str) -> None:
        """BusyError for a chat that cannot be used now; the error of building its index when that failed just now."""
        now = time.monotonic()
        with self._lock:
            rebuilt, changed, failed = self._rebuilt.get(chat), self._changed.get(chat), self._failed.get(chat)
            if failed is not None and now - failed[0] > _FAILED_SEC:
                failed = None
                del self._failed[chat]
        if failed is not None:
            raise failed[1]
        if rebuilt is not None:
            raise BusyError(
                f"the index of the chat {shown(chat)} is being built anew ({rebuilt.turns:,} messages, for "
                f"{now - rebuilt.since:.0f} s so far); other chats answer meanwhile; come again in some seconds",
                retry_sec=5,
            )
        if changed is not None and changed[1] != threading.get_ident() and now - changed[0] > _LONG_SEC:
            raise BusyError(f"a long change of the chat {shown(chat)} is being made; come again in some seconds", 5)

    def rebuild(self, chat: str, turns: int, build: Callable[[], object]) -> None:
        """Let `build` run beside all else. turns: how many it indexes. Nothing when that is under way."""
        with self._lock:
            if chat in self._rebuilt:
                return
            self._rebuilt[chat] = _Rebuilt(turns, time.monotonic())
        threading.Thread(target=self._run, args=(chat, build), name="rebuild", daemon=True).start()

    def _run(self, chat: str, build: Callable[[], object]) -> None:
        failed: Exception | None = None
        try:
            with self._one_at_a_time:
                build()
        except Exception as error:  # noqa: BLE001  who asks next gets it
            failed = error
        with self._lock:
            rebuilt = self._rebuilt.pop(chat)
            if failed is not None:
                self._failed[chat] = (time.monotonic(), failed)
        took = time.monotonic() - rebuilt.since
        outcome = "was built anew" if failed is None else "could not be built anew"
        logger.info("an index of %s messages %s, in %.0f s", f"{rebuilt.turns:,}", outcome, took)

    @contextmanager
    def changing(self, chat: str) -> Iterator[None]:
        """Note that the chat is being changed in the block. Changes of one chat wait for each other."""
        with self._lock:
            outer = self._changed.setdefault(chat, (time.monotonic(), threading.get_ident()))
        try:
            yield
        finally:
            with self._lock:
                if outer[1] == threading.get_ident():
                    self._changed.pop(chat, None)
