"""Calls of a memory that wait while a test looks at what others do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from memoryqa.memory import AdaptiveMemory

WAIT_SEC = 30.0


@contextmanager
def calls_held(
    monkeypatch: pytest.MonkeyPatch, method: str, is_meant: Callable[[Any], bool]
) -> Iterator[threading.Event]:
    """Let a method of a memory wait, where its first argument is meant; the event is set once it does."""
    real, waits, go_on = getattr(AdaptiveMemory, method), threading.Event(), threading.Event()

    def wait(first: Any, *args: Any, **kwargs: Any) -> Any:
        if is_meant(first):
            waits.set()
            assert go_on.wait(WAIT_SEC)
        return real(first, *args, **kwargs)

    monkeypatch.setattr(AdaptiveMemory, method, staticmethod(wait) if method == "open" else wait)
    try:
        yield waits
    finally:
        go_on.set()
