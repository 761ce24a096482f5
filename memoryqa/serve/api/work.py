"""Runs blocking calls in a bounded number of threads, one at a time for each chat, in bounded time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from memoryqa.serve.api.problems import RefusedError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

THREADS = 16
MAX_WAITING = 500


class Work:
    """Calls of one server. A chat's calls wait for each other without a thread: its memory does one at a time anyway.

    timeout_sec: of a call, with its wait. A call that has begun is not broken off: what it writes is whole.
    """

    def __init__(self, timeout_sec: float, threads: int = THREADS) -> None:
        self._timeout_sec = timeout_sec
        self._executor = ThreadPoolExecutor(threads, "memoryqa")
        self._busy: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.waiting = 0

    async def run(
        self, chat: str | None, call: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """What `call` returns or raises. chat: the only one that it needs, None for several. RefusedError with 503 when
        too many wait, with 504 when it takes too long."""
        if self.waiting >= MAX_WAITING:
            raise RefusedError(503, "too many requests wait; try again in a second", {"Retry-After": "1"})
        self.waiting += 1
        try:
            async with asyncio.timeout(self._timeout_sec):
                future = await self._begin(chat, functools.partial(call, *args, **kwargs))
                try:
                    return await asyncio.shield(asyncio.wrap_future(future))
                except asyncio.CancelledError:
                    future.cancel()  # if no thread has it yet
                    raise
        except TimeoutError:
            raise RefusedError(504, f"not done within {self._timeout_sec:g} s; what was begun is finished") from None
        finally:
            self.waiting -= 1

    async def _begin(self, chat: str | None, call: Callable[[], Result]) -> Future[Result]:
        if chat is None:
            return self._executor.submit(call)
        lock = self._busy.get(chat)
        if lock is None:
            lock = self._busy[chat] = asyncio.Lock()
        await lock.acquire()
        loop = asyncio.get_running_loop()
        try:
            future = self._executor.submit(call)
        except BaseException:
            lock.release()
            raise
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(lock.release))
        return future

    def close(self) -> None:
        """Wait for what was begun."""
        self._executor.shutdown(cancel_futures=True)
