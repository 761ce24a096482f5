"""Waiting for what another process or thread does, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE_SEC = 180.0  # generous, because machines may be busy


def wait_for(condition: Callable[[], object], what: str = "the condition", *, every_sec: float = 0.02) -> None:
    """Return once `condition()` is true; an AssertionError that names `what` after DEADLINE_SEC.

    A FileNotFoundError or ValueError of the condition counts as false: a file is not written yet, or not completely.
    """
    deadline, problem = time.monotonic() + DEADLINE_SEC, None
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except (FileNotFoundError, ValueError) as error:
            problem = error
        time.sleep(every_sec)
    raise AssertionError(f"never: {what}") from problem
