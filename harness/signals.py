"""Ctrl-C, SIGTERM and SIGHUP: each acts like the others, none cuts a write in two, and a child ends in its own time."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

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


def run_child(command: Sequence[str], *, stdout: int | None = None) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` for a command that keeps what it has when it is asked to end.

    That one kills it a quarter of a second after Ctrl-C. Here the child is in a session of its own, each signal is sent
    on to it once, and what it does then is waited for. If it ends well all the same, the signal acts afterwards.
    """
    received: list[int] = []
    started: list[subprocess.Popen[str]] = []

    def send_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for child in started:
            child.send_signal(number)

    with ExitStack() as at_the_end:
        if _may_handle_signals():
            for number in (signal.SIGINT, *_ENDS):
                handler = signal.getsignal(number)
                if handler is not None and handler is not signal.SIG_IGN:  # a child ignores what its parent does
                    at_the_end.callback(signal.signal, number, handler)
                    signal.signal(number, send_on)
        with subprocess.Popen(command, stdout=stdout, text=True, start_new_session=True) as child:
            started.append(child)
            for number in received:  # before there was one
                child.send_signal(number)
            printed, _ = child.communicate()
    if child.returncode == 0:
        _raise_again(received)
    return subprocess.CompletedProcess(command, child.returncode, printed)


def end_with_stdin() -> None:
    """End this process, as by SIGTERM, when its standard input does: a process that is killed can end no child of its
    own, but the pipe that it holds is closed."""

    def watch() -> None:
        with suppress(OSError):
            while os.read(0, 4_096):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="stdin").start()


def _raise_again(received: list[int]) -> None:
    for number in dict.fromkeys(received):
        signal.raise_signal(number)


def _may_handle_signals() -> bool:
    return threading.current_thread() is threading.main_thread()
