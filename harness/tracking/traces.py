"""What a DSPy program did for one question, as a tree of spans: recorded in memory, made safe to store afterwards.

    recorder = TraceRecorder("memory")
    with recorder.recording():
        program(question=question)
    spans = recorder.spans()  # the root first; plain JSON values, without secrets, of bounded size

Recording only keeps references, so that it does not slow the question it watches: all other work is in `spans()`.
MLflow's own autolog (mlflow.dspy, 3.17) is not used: it stores prompts and tracebacks before anybody could remove a
secret from them, samples at random, and loses scores that are given to a trace still in its queue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import dspy
from dspy.utils.callback import ACTIVE_CALL_ID, BaseCallback

from memoryqa.redaction import redact, secrets

MAX_TEXT_CHARS = 20_000  # per text: a context of 4,000 tokens fits
MAX_TRACE_CHARS = 400_000  # of all texts of one question
_MAX_KEY_CHARS = 200

Kind = Literal["CHAIN", "LLM", "CHAT_MODEL", "TOOL"]  # MLflow's span types


@dataclass(frozen=True, slots=True)
class Span:
    """One step. Times are nanoseconds since the epoch; `error` is None for a step that ended well; the root's
    `parent_id` is None."""

    span_id: str
    parent_id: str | None
    name: str
    kind: Kind
    inputs: Any
    start_ns: int
    end_ns: int | None = None
    outputs: Any = None
    error: str | None = None


class TraceRecorder(BaseCallback):
    """Records the calls of modules, tools and LMs inside one `recording` block, in its thread and in those that
    dspy.Parallel starts from it. What adapters do is left out: it repeats the LM's messages."""

    def __init__(self, name: str) -> None:
        self._root = Span("root", None, name, "CHAIN", None, 0)
        self._spans: dict[str, Span] = {}  # by DSPy's call id; each is written by the thread of its call alone

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what the block calls. Composes with `memoryqa.lms.usage.measure_usage`, inside or outside of it."""
        self._root = replace(self._root, start_ns=time.time_ns())
        try:
            with dspy.context(callbacks=[*dspy.settings.callbacks, self]):
                yield
        finally:
            self._root = replace(self._root, end_ns=time.time_ns())

    def spans(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> list[Span]:
        """All spans, the root (with `inputs` and `outputs`) first, ready to be stored: JSON values, secrets removed,
        texts cut. A step that never ended, because its thread was left behind, ends with the root."""
        recorded = list(self._spans.values())
        failed = next((span.error for span in recorded if span.parent_id == self._root.span_id and span.error), None)
        root = replace(self._root, inputs=inputs, outputs=outputs, error=failed)
        storable = _Storable()
        return [
            replace(
                span,
                name=storable(span.name),
                inputs=storable(span.inputs),
                outputs=storable(span.outputs),
                error=None if span.error is None else storable(span.error),
                end_ns=span.end_ns or root.end_ns,
            )
            for span in (root, *recorded)
        ]

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        signature = getattr(instance, "signature", None)
        name = type(instance).__name__
        if signature is None:
            self._start(call_id, name, "CHAIN", inputs)
        else:
            self._start(call_id, f"{name} {signature.__name__}", "LLM", inputs)

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._end(call_id, outputs, exception)

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._start(call_id, f"LM {getattr(instance, 'model', '')}", "CHAT_MODEL", inputs)

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._end(call_id, outputs, exception)

    def on_tool_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._start(call_id, f"Tool {instance.name}", "TOOL", inputs)

    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        self._end(call_id, outputs, exception)

    def _start(self, call_id: str, name: str, kind: Kind, inputs: Mapping[str, Any]) -> None:
        caller = ACTIVE_CALL_ID.get()
        parent_id = caller if caller in self._spans else self._root.span_id
        given = {**inputs, **inputs.get("kwargs", {})}
        shown = {key: value for key, value in given.items() if key != "kwargs" and value not in (None, ())}
        self._spans[call_id] = Span(call_id, parent_id, name, kind, shown, time.time_ns())

    def _end(self, call_id: str, outputs: Any, exception: BaseException | None) -> None:
        error = None if exception is None else f"{type(exception).__name__}: {exception}"
        self._spans[call_id] = replace(
            self._spans[call_id], end_ns=time.time_ns(), outputs=None if error else outputs, error=error
        )

    def __deepcopy__(self, memo: object) -> TraceRecorder:
        """Itself: what copies of a program do belongs to the same question."""
        return self


class _Storable:
    """Values of one trace -> plain JSON values, until its texts reach MAX_TRACE_CHARS."""

    def __init__(self) -> None:
        self._secrets = secrets()
        self._chars_left = MAX_TRACE_CHARS

    def __call__(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Mapping):
            return {redact(str(key), self._secrets)[:_MAX_KEY_CHARS]: self(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self(inner) for inner in value]
        if isinstance(value, dspy.Example):  # a dspy.Prediction is one too
            return self(value.toDict())
        return self._text(str(value))

    def _text(self, text: str) -> str:
        text = redact(text, self._secrets)  # before it is cut: half a secret would not be recognised
        limit = min(MAX_TEXT_CHARS, self._chars_left)
        self._chars_left -= min(len(text), limit)
        return text if len(text) <= limit else f"{text[:limit]}... [{len(text) - limit} characters left out]"
