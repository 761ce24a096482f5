"""DSPy's own bars and warnings kept out of the way while it trains; what they tell is counted and shown by us."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def quiet_dspy() -> Iterator[None]:
    """Leave DSPy's progress bars, which go to stdout, unprinted, and of its log only the errors.

    Each unreadable completion is a warning on the root logger, which also gets a handler with the first of them.
    """
    loggers = [logging.getLogger(name) for name in (None, "dspy")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
