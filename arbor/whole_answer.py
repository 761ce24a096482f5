"""A clock over a whole answer: a socket's timeout begins anew with each byte, and a pod costs money while one drips."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, ask: Callable[[], T]) -> T:
    """`ask()`, whose exception is raised here. Raises TimeoutError when it takes longer; its thread is given up."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(ask())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="answer").start()
    return outcome.result(seconds)
