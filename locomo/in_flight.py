"""Paid calls in threads. A stop waits for the calls in flight, so that none is lost, and Ctrl-C cuts nothing in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import TypeVar

from memoryqa.errors import StoppedError

Result = TypeVar("Result")


def run_in_threads(
    calls: Iterable[Callable[[], Result]],
    *,
    on_result: Callable[[Result], None],
    check: Callable[[Result], None],
    num_threads: int,
) -> None:
    """Make the calls; `on_result`, then `check`, get each result in the calling thread as it completes.

    Only as many calls are begun as there are threads, so that a stop leaves no queue behind. A StoppedError
    that `check` raises, and Ctrl-C, wait for the calls in flight and pass their results to `on_result`; a second Ctrl-C
    gives those up that have not ended, at once. Ctrl-C never interrupts `on_result`. What a call or `on_result` raises
    ends the run at once.
    """
    waiting = iter(calls)
    with interruptions() as interrupted:
        running: set[Future[Result]] = set()
        try:
            while True:
                interrupted.deliver()
                for call in islice(waiting, num_threads - len(running)):
                    running.add(_begin(call))
                if not running:
                    return
                with interrupted.now():
                    done = wait(running, return_when=FIRST_COMPLETED).done
                for future in done:
                    running.remove(future)
                    result = future.result()
                    on_result(result)
                    check(result)
        except (StoppedError, KeyboardInterrupt):
            _hand_over(running, on_result, interrupted)
            raise


def _begin(call: Callable[[], Result]) -> Future[Result]:
    """Make `call` in a thread that does not keep the process from ending, as those of an executor do."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 (raised again where the result is asked for)
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="in-flight").start()
    return future


def _hand_over(running: set[Future[Result]], on_result: Callable[[Result], None], interrupted: Interruptions) -> None:
    """Wait for the calls in flight and pass on their results; Ctrl-C passes on those that are there, and ends it."""
    try:
        while running:
            with interrupted.now():
                done = wait(running, return_when=FIRST_COMPLETED).done
            for future in done:
                running.remove(future)
                on_result(future.result())
    except KeyboardInterrupt:
        for future in running:
            if future.done() and future.exception() is None:
                on_result(future.result())
        raise


class Interruptions:
    """Ctrl-C, held back except where a block says `now()`."""

    def __init__(self, handler: Callable[[int, FrameType | None], object] | None) -> None:
        self._handler, self._at_once, self._pending = handler, False, False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._at_once and self._handler is not None:
            self._handler(number, frame)
        else:
            self._pending = True

    def deliver(self) -> None:
        """Have the handler that was there before take a Ctrl-C that was held back."""
        if self._pending and self._handler is not None:
            self._pending = False
            self._handler(signal.SIGINT, None)

    @contextmanager
    def now(self) -> Iterator[None]:
        """A block that Ctrl-C may interrupt; one that came before interrupts it at its start."""
        try:
            self._at_once = True
            self.deliver()
            yield
        finally:
            self._at_once = False


@contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Hold Ctrl-C back for a block, and deliver it at its end. Only the main thread can: elsewhere nothing changes."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield Interruptions(None)
        return
    held = Interruptions(before)
    signal.signal(signal.SIGINT, held.on_signal)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)
    held.deliver()
