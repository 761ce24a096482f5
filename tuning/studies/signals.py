"""Ctrl-C and SIGTERM of a worker: one acts like the other, and neither cuts a write to the storage in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM (a container that is stopped, a scheduler) acts like Ctrl-C while the block runs."""
    if not _may_handle_signals():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the block has ended, then act as they would have."""
    if not _may_handle_signals():  # other threads are never interrupted
        yield
        return
    received: list[int] = []
    with ExitStack() as at_the_end:
        at_the_end.callback(_raise_again, received)  # pushed first, so that it runs last
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) is not None:  # None: not Python's, and cannot be set again
                at_the_end.callback(signal.signal, number, handler)
                signal.signal(number, lambda number, frame: received.append(number))
        yield


def _raise_again(received: list[int]) -> None:
    for number in dict.fromkeys(received):
        signal.raise_signal(number)


def _may_handle_signals() -> bool:
    return threading.current_thread() is threading.main_thread()
