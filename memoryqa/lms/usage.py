"""Counts the LM calls and tokens of one question."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.usage_tracker import UsageTracker


class LMUsage(UsageTracker, BaseCallback):
    """Counts of the LM calls inside one `measure_usage` block, in all its threads.

    `calls` were answered by a server or by the cache (failed attempts do not count), `paid_calls` by a server.
    `prompt_tokens` and `completion_tokens` are the server's counts: 0 for cached calls, and when it reports none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.paid_calls = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._lock = threading.Lock()

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """DSPy calls this after each LM call, cached or not."""
        if exception is None:
            with self._lock:
                self.calls += 1

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """DSPy calls this with the tokens of each answer that does not come from the cache."""
        with self._lock:
            self.paid_calls += 1
            self.prompt_tokens += usage_entry.get("prompt_tokens") or 0
            self.completion_tokens += usage_entry.get("completion_tokens") or 0

    def __deepcopy__(self, memo: object) -> LMUsage:
        """Return itself: dspy.Parallel deep-copies the tracker into its threads, where counts would be lost."""
        return self


@contextmanager
def measure_usage() -> Iterator[LMUsage]:
    """Count the LM calls of the block, in its thread and in threads that dspy.Parallel starts from it.

        with measure_usage() as usage:
            prediction = program(question=question)
        row["lm_calls"] = usage.calls

    The counts survive an exception of the program. Inside the block `prediction.get_lm_usage()` is None, because DSPy
    leaves usage to the outermost tracker. Blocks do not nest: the outer block lacks the counts of an inner one.
    """
    usage = LMUsage()
    others = [callback for callback in dspy.settings.callbacks if not isinstance(callback, LMUsage)]
    with dspy.context(usage_tracker=usage, callbacks=[*others, usage]):
        yield usage
