"""Ctrl-C, SIGTERM and SIGHUP of a worker: each acts like the others, and none cuts a write to the storage in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_ENDS = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM (a container that is stopped, a scheduler) and SIGHUP (a terminal that is closed) act like Ctrl-C while
    the block runs, unless the program does something else with them."""
    if not _may_handle_signals():
        yield
        return
    ours = [number for number in _ENDS if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP wait until the block has ended, then act as they would have."""
    if not _may_handle_signals():  # other threads are never interrupted
        yield
        return
    received: list[int] = []
    with ExitStack() as at_the_end:
        at_the_end.callback(_raise_again, received)  # pushed first, so that it runs last
        for number in (signal.SIGINT, *_ENDS):
            handler = signal.getsignal(number)
            if handler is not None and handler is not signal.SIG_IGN:  # None: not Python's, and cannot be set again
                at_the_end.callback(signal.signal, number, handler)
                signal.signal(number, lambda number, frame: received.append(number))
        yield


def _raise_again(received: list[int]) -> None:
    for number in dict.fromkeys(received):
        signal.raise_signal(number)


def _may_handle_signals() -> bool:
    return threading.current_thread() is threading.main_thread()
