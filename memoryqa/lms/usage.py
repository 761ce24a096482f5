"""Counts the LM calls and tokens of one question, and notes what was wrong with its replies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.usage_tracker import UsageTracker

from memoryqa.lms.replies import billed_tokens
from memoryqa.replies.reading import Reply


class LMUsage(UsageTracker, BaseCallback):
    """Counts of the LM calls inside one `measure_usage` block, in all its threads.

    `calls` were answered by a server or by the cache (failed attempts do not count), `paid_calls` by a server.
    `prompt_tokens` and `completion_tokens` are the server's counts, what it bills and does not show included: 0 for
    cached calls, None as soon as a server counts nothing. counted_tokens: the prompts of paid calls, counted here.
    formats_missed: replies that did not follow the format and were asked for again. problems: a line for each kind of
    trouble with the replies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.paid_calls = 0
        self.prompt_tokens: int | None = 0
        self.completion_tokens: int | None = 0
        self.counted_tokens = 0
        self.formats_missed = 0
        self.problems: list[str] = []
        self._lock = threading.Lock()

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """DSPy calls this after each LM call, cached or not."""
        if exception is None:
            with self._lock:
                self.calls += 1

    def add_usage(self, lm: str, usage_entry: dict[str, Any]) -> None:
        """DSPy calls this with the tokens of each answer that does not come from the cache."""
        prompt_tokens, completion_tokens = billed_tokens(usage_entry)
        with self._lock:
            self.paid_calls += 1
            self.prompt_tokens = _sum(self.prompt_tokens, prompt_tokens)
            self.completion_tokens = _sum(self.completion_tokens, completion_tokens)

    def on_reply(self, lm: dspy.LM, reply: Reply) -> None:
        """memoryqa/lms/endpoint.py calls this with each reply."""
        with self._lock:
            if not reply.from_cache:
                self.counted_tokens += reply.counted_tokens
                if reply.completion_tokens is None:
                    self.completion_tokens = None
            for problem in problems_of(reply, lm.model):
                if problem not in self.problems:
                    self.problems.append(problem)

    def on_format_missed(self) -> None:
        """memoryqa/replies/adapter.py calls this when a reply is asked for again."""
        with self._lock:
            self.formats_missed += 1

    def __deepcopy__(self, memo: object) -> LMUsage:
        """Return itself: dspy.Parallel deep-copies the tracker into its threads, where counts would be lost."""
        return self


def problems_of(reply: Reply, model: str) -> Iterator[str]:
    """What is wrong with a reply, a line each, with the fix."""
    if reply.ending:
        yield f"a reply {reply.ending}"
    if reply.prompt_loss:
        yield f"{reply.prompt_loss}; {window_advice(model)}"
    if reply.unread_counts:
        yield f"the server's {', '.join(reply.unread_counts)} cannot be read: what the reply cost is not fully known"


def window_advice(model: str) -> str:
    """How to give a server a larger window."""
    if model.startswith("ollama"):
        return "Ollama cuts prompts at its window: give `num_ctx` 8192, or start it with OLLAMA_CONTEXT_LENGTH=8192"
    return (
        "it cuts prompts at its window: give it a larger one (Ollama: OLLAMA_CONTEXT_LENGTH=8192; llama.cpp: "
        "--ctx-size 8192), or lower `context_tokens`"
    )


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


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
