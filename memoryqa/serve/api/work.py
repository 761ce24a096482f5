"""Runs blocking calls in threads, one at a time for each chat, in bounded time, and few at once.

Threads of Python take turns: the more of them compute, the longer each takes, and the longer the event loop waits for
its own turn. So a server begins few calls at once. A call that takes long gives its place to another one and goes on
beside it.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from typing import Any, ParamSpec, TypeVar

from memoryqa.serve.api.problems import RefusedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

THREADS = 16
AT_ONCE = 2  # calls that have just begun
MAX_WAITING = 500
_LONG_SEC = 0.05  # from then on a call no longer counts among those
_PATIENCE_SEC = 1.0
_BUSY_SEC = 5.0  # after which a chat's call is no longer waited for by others
CHANGE_SEC = 600.0  # of a call that changes what was said: a long chat is indexed anew after it


class Work:
    """Calls of one server. A chat's calls wait for each other without a thread: its memory does one at a time anyway.

    timeout_sec: of a call, with its wait. A call that has begun is not broken off: what it writes is whole. threads:
    calls that run at most, `at_once` of them such as have just begun. patience_sec: how long a call may wait for a
    thread before others are refused, when more than a few wait.
    """

    def __init__(
        self, timeout_sec: float, threads: int = THREADS, at_once: int = AT_ONCE, patience_sec: float = _PATIENCE_SEC
    ) -> None:
        self._timeout_sec, self._threads, self._at_once, self._patience_sec = (
            timeout_sec,
            threads,
            at_once,
            patience_sec,
        )
        self._executor = ThreadPoolExecutor(threads, "memoryqa")
        self._ready: list[_Call] = []  # a heap: they wait for a thread
        self._busy: dict[
            str, deque[_Call]
        ] = {}  # chats with a call that runs or waits for a thread, and their further ones
        self._long = set[str | None]()  # chats whose call has taken so long that nobody waits for it
        self._running = self._new = 0  # calls in threads; those of them that have just begun
        self.waiting = 0

    async def run(
        self, chat: str | None, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """What `call` returns or raises. chat: the only one that it needs, None for several. RefusedError with 503 when
        too many wait, one has waited for too long, or the chat has a call that takes long; with 504 when it takes too
        long itself."""
        return await self._run(self._timeout_sec, chat, functools.partial(call, *args, **kwargs))

    async def change(self, chat: str, call: Callable[[], Result]) -> Result:
        """`run` for a call that may take as long as adding all messages of the chat anew."""
        return await self._run(max(CHANGE_SEC, self._timeout_sec), chat, call)

    async def _run(self, timeout_sec: float, chat: str | None, call: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        if self.waiting >= MAX_WAITING or self._is_late(loop.time()):
            raise RefusedError(503, "too many requests wait; try again in a second", {"Retry-After": "1"})
        if chat is not None and chat in self._long:
            raise _busy()
        one = _Call(chat, call, loop)
        end = loop.call_later(timeout_sec, self._give_up, one, timeout_sec)
        self.waiting += 1
        try:
            self._queue(one)
            result: Result = await one.reply
            return result
        finally:
            self.waiting -= 1
            end.cancel()

    def close(self) -> None:
        """Wait for what was begun."""
        self._executor.shutdown(cancel_futures=True)

    def _is_late(self, now: float) -> bool:
        """Whether the server cannot keep up: a few that wait may have waited for anything."""
        return len(self._ready) >= self._threads and now - self._ready[0].since > self._patience_sec

    # -- all of these in the thread of the event loop ------------------------------------------------------------------

    def _queue(self, one: _Call) -> None:
        if one.chat is not None:
            if (others := self._busy.get(one.chat)) is not None:
                others.append(one)
                return
            self._busy[one.chat] = deque()
        heappush(self._ready, one)
        self._begin()

    def _begin(self) -> None:
        """Begin as many calls as may run."""
        while self._ready and self._new < self._at_once and self._running < self._threads:
            one = heappop(self._ready)
            if one.reply.done():  # given up
                self._leave(one.chat)
                continue
            self._running += 1
            self._new += 1
            one.gives_way = one.loop.call_later(_LONG_SEC, self._give_way, one)
            if one.chat is not None:
                one.is_long = one.loop.call_later(_BUSY_SEC, self._is_long, one)
            self._executor.submit(one.do, self._end)

    def _give_way(self, one: _Call) -> None:
        one.gives_way = None
        self._new -= 1
        self._begin()

    def _is_long(self, one: _Call) -> None:
        """Let nobody wait for a call of a chat any longer."""
        assert one.chat is not None
        self._long.add(one.chat)
        for other in self._busy[one.chat]:
            if not other.reply.done():
                other.reply.set_exception(_busy())

    def _give_up(self, one: _Call, timeout_sec: float) -> None:
        if not one.reply.done():
            message = f"not done within {timeout_sec:g} s; what was begun is finished"
            one.reply.set_exception(RefusedError(504, message))

    def _end(self, one: _Call, result: object, error: BaseException | None) -> None:
        self._running -= 1
        if one.is_long is not None:
            one.is_long.cancel()
            self._long.discard(one.chat)
        if one.gives_way is not None:
            one.gives_way.cancel()
            self._new -= 1
        elif one.chat is not None:
            for other in self._busy[one.chat]:  # they waited for this long one, not for a thread
                other.since = one.loop.time()
        if one.reply.done():  # nobody waits any more
            pass
        elif error is None:
            one.reply.set_result(result)
        else:
            one.reply.set_exception(error)
        self._leave(one.chat)
        self._begin()

    def _leave(self, chat: str | None) -> None:
        """Let the next call of a chat be ready."""
        if chat is None:
            return
        others = self._busy[chat]
        if others:
            heappush(self._ready, others.popleft())
        else:
            del self._busy[chat]


def _busy() -> RefusedError:
    message = "the chat has a call that takes long; other chats answer meanwhile; come again in some seconds"
    return RefusedError(503, message, {"Retry-After": "5"})


class _Call:
    """since: when it came. gives_way: when it no longer counts as one that has just begun, as long as it does. is_long:
    when others no longer wait for it."""

    __slots__ = ("_call", "_number", "chat", "gives_way", "is_long", "loop", "reply", "since")
    _numbers = count()

    def __init__(self, chat: str | None, call: Callable[[], object], loop: asyncio.AbstractEventLoop) -> None:
        self.chat, self._call, self.loop = chat, call, loop
        self.reply: asyncio.Future[Any] = loop.create_future()
        self.since, self._number = loop.time(), next(self._numbers)
        self.gives_way: asyncio.TimerHandle | None = None
        self.is_long: asyncio.TimerHandle | None = None

    def __lt__(self, other: _Call) -> bool:
        return (self.since, self._number) < (other.since, other._number)

    def do(self, end: Callable[[_Call, object, BaseException | None], None]) -> None:
        """In a thread."""
        result: object = None
        error: BaseException | None = None
        try:
            result = self._call()
        except StopIteration as raised:  # which a future cannot have
            error = RuntimeError("a call ended an iteration")
            error.__cause__ = raised
        except BaseException as raised:  # noqa: BLE001  the caller gets it
            error = raised
        with suppress(RuntimeError):  # the event loop has ended
            self.loop.call_soon_threadsafe(end, self, result, error)
