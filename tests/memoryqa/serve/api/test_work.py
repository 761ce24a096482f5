"""The threads of a server: few calls at once, one for each chat, in bounded time, and no queue that grows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")

from memoryqa.serve.api import work
from memoryqa.serve.api.problems import RefusedError
from memoryqa.serve.api.work import Work

WAIT_SEC = 30.0


class Gate:
    """Calls that go on when it is opened. entered: how many wait in it; most: how many did at once."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._lock = threading.Lock()
        self.entered = self.most = 0

    def pass_through(self, number: int = 0) -> int:
        with self._lock:
            self.entered += 1
            self.most = max(self.most, self.entered)
        assert self._open.wait(WAIT_SEC)
        with self._lock:
            self.entered -= 1
        return number

    def open(self) -> None:
        self._open.set()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(WAIT_SEC):
            while self.entered < count:
                await asyncio.sleep(0.005)


def ran(test: Callable[[Gate], Awaitable[None]]) -> None:
    gate = Gate()

    async def run() -> None:
        try:
            await test(gate)
        finally:
            gate.open()

    asyncio.run(run())


async def status_of(call: Awaitable[object]) -> int:
    with pytest.raises(RefusedError) as refused:
        await call
    return refused.value.status


def test_few_calls_begin_at_once_and_all_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_LONG_SEC", WAIT_SEC)

    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC, at_once=2)
        calls = [asyncio.create_task(one.run(None, gate.pass_through, number)) for number in range(20)]
        await gate.has(2)
        await asyncio.sleep(0.05)
        gate.open()
        assert await asyncio.gather(*calls) == list(range(20))
        assert gate.most == 2
        assert one.waiting == 0

    ran(test)


def test_calls_that_take_long_let_others_begin() -> None:
    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC, threads=4, at_once=2)
        long = [asyncio.create_task(one.run(None, gate.pass_through)) for _ in range(3)]
        await gate.has(3)
        assert await one.run(None, lambda: "short") == "short"
        long += [asyncio.create_task(one.run(None, gate.pass_through)) for _ in range(2)]
        await gate.has(4)
        await asyncio.sleep(3 * work._LONG_SEC)
        assert gate.entered == 4  # as many as there are threads
        gate.open()
        await asyncio.gather(*long)

    ran(test)


def test_a_chat_has_one_call_at_a_time_in_order_and_keeps_no_other_waiting() -> None:
    async def test(gate: Gate) -> None:
        one, order = Work(WAIT_SEC), list[int]()
        first = asyncio.create_task(one.run("ana", gate.pass_through))
        await gate.has(1)
        others = [asyncio.create_task(one.run("ana", order.append, number)) for number in range(5)]
        assert await one.run("bo", lambda: "bo") == "bo"
        assert not order
        gate.open()
        await asyncio.gather(first, *others)
        assert order == list(range(5))
        assert not one._busy

    ran(test)


def test_calls_begin_in_the_order_in_which_they_came_whatever_their_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_LONG_SEC", WAIT_SEC)

    async def test(gate: Gate) -> None:
        one, order = Work(WAIT_SEC, at_once=1), list[int]()
        first = asyncio.create_task(one.run(None, gate.pass_through))
        await gate.has(1)
        chats = ["ana", "bo", "ana", "ana", None, "bo", "ana"]
        calls = [asyncio.create_task(one.run(chat, order.append, number)) for number, chat in enumerate(chats)]
        await asyncio.sleep(0.01)
        gate.open()
        await asyncio.gather(first, *calls)
        assert order == list(range(len(chats)))

    ran(test)


def test_a_wait_for_a_long_call_of_its_chat_refuses_no_other() -> None:
    async def test(gate: Gate) -> None:
        one, order = Work(WAIT_SEC, at_once=1, patience_sec=4 * work._LONG_SEC), list[str]()
        long = asyncio.create_task(one.run("ana", gate.pass_through))
        await gate.has(1)
        after = [asyncio.create_task(one.run("ana", order.append, "ana")) for _ in range(2)]
        await asyncio.sleep(6 * work._LONG_SEC)
        gate.open()
        await long
        await one.run("bo", order.append, "bo")
        await asyncio.gather(*after)
        assert sorted(order) == ["ana", "ana", "bo"]

    ran(test)


def test_a_call_that_takes_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_BUSY_SEC", 0.05)

    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC)
        long = asyncio.create_task(one.run("ana", gate.pass_through, 7))
        await gate.has(1)
        waits = one.run("ana", gate.pass_through)
        with pytest.raises(RefusedError, match="takes long") as refused:
            await waits
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
        assert await status_of(one.run("ana", gate.pass_through)) == 503  # at once
        assert await one.run("bo", lambda: "bo") == "bo"
        gate.open()
        assert await long == 7
        assert await one.run("ana", lambda: "ana") == "ana"

    ran(test)


def test_a_change_may_take_longer_than_other_calls() -> None:
    async def test(gate: Gate) -> None:
        one = Work(0.05)
        change = asyncio.create_task(one.change("ana", gate.pass_through))
        await gate.has(1)
        await asyncio.sleep(0.2)
        gate.open()
        assert await change == 0

    ran(test)


def test_a_server_that_cannot_keep_up_refuses_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_LONG_SEC", WAIT_SEC)

    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC, threads=2, at_once=1, patience_sec=0.05)
        calls = [asyncio.create_task(one.run(None, gate.pass_through)) for _ in range(2)]
        await gate.has(1)
        await asyncio.sleep(0.1)
        calls.append(asyncio.create_task(one.run(None, gate.pass_through)))  # one that waits is no crowd
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as refused:
            await one.run(None, gate.pass_through)
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "1"}
        gate.open()
        await asyncio.gather(*calls)
        assert await one.run(None, gate.pass_through, 7) == 7  # and takes more when it can

    ran(test)


def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MAX_WAITING", 5)

    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC)
        calls = [asyncio.create_task(one.run("ana", gate.pass_through)) for _ in range(5)]
        await gate.has(1)
        assert await status_of(one.run("ana", gate.pass_through)) == 503
        gate.open()
        await asyncio.gather(*calls)

    ran(test)


def test_a_call_that_takes_too_long_is_given_up_and_finished() -> None:
    async def test(gate: Gate) -> None:
        one = Work(0.1)
        done = threading.Event()

        def call() -> None:
            gate.pass_through()
            done.set()

        assert await status_of(one.run("ana", call)) == 504
        never = list[int]()
        assert await status_of(one.run("ana", never.append, 1)) == 504  # it waited for its chat
        gate.open()
        assert await asyncio.to_thread(done.wait, WAIT_SEC)
        assert await one.run("ana", lambda: "next") == "next"
        assert not never
        assert one.waiting == 0

    ran(test)


def test_what_a_client_no_longer_waits_for_is_not_begun() -> None:
    async def test(gate: Gate) -> None:
        one, begun = Work(WAIT_SEC), list[int]()
        first = asyncio.create_task(one.run("ana", gate.pass_through))
        await gate.has(1)
        second = asyncio.create_task(one.run("ana", begun.append, 2))
        await asyncio.sleep(0)
        second.cancel()
        gate.open()
        await first
        assert await one.run("ana", lambda: "third") == "third"
        assert not begun

    ran(test)


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), StopIteration()])
def test_errors_reach_the_caller(error: Exception) -> None:
    def fail() -> None:
        raise error

    async def test(gate: Gate) -> None:
        one = Work(WAIT_SEC)
        kind = RuntimeError if isinstance(error, StopIteration) else type(error)
        with pytest.raises(kind):
            await one.run("ana", fail)
        assert await one.run("ana", lambda: 1) == 1

    ran(test)


def test_closing_waits_for_what_was_begun() -> None:
    async def test(gate: Gate) -> None:
        one, done = Work(WAIT_SEC), list[int]()

        def call() -> None:
            gate.pass_through()
            done.append(1)

        waits = asyncio.create_task(one.run("ana", call))
        await gate.has(1)
        with ThreadPoolExecutor(1) as beside:
            closing = beside.submit(one.close)
            gate.open()
            await asyncio.wrap_future(closing)
        assert done
        await waits

    ran(test)
