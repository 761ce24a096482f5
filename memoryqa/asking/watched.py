"""Calls of an LM that can be broken off, and whose reply is passed on while it is written (extra [ask]).

DSPy's own streaming needs an event loop in the caller's thread and its listeners know DSPy's adapters alone. Here the
calls are awaited in one loop of a thread of its own, and `memoryqa.replies.partial` reads what has come.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from functools import cache
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import AdapterParseError, LMError, LMInvalidRequestError, LMStreamAssemblyError

from memoryqa.asking.watch import BrokenOffError, Watch
from memoryqa.replies.adapter import ReplyJSONAdapter
from memoryqa.replies.form import form_of
from memoryqa.replies.partial import field_so_far
from memoryqa.replies.reading import last_reply


class WatchedPredictor:
    """`predictor` under `watch`. field: the output that is passed on as it comes; None for none. streams: False once
    its server has been found not to stream."""

    def __init__(self, predictor: dspy.Predict, watch: Watch, field: str | None = None) -> None:
        self._predictor, self._watch, self._field = predictor, watch, field
        self.streams = True

    def __call__(self, **inputs: str) -> Any:
        """As the predictor's. Raises BrokenOffError."""
        future = asyncio.run_coroutine_threadsafe(self._called(inputs), _loop())
        try:
            with self._watch.ending(future.cancel):
                return future.result()
        except (CancelledError, BrokenOffError):
            future.cancel()
            raise BrokenOffError from None

    def _called(self, inputs: dict[str, str]) -> Coroutine[Any, Any, Any]:
        if self._field is None:
            return self._plain(inputs)
        return self._streamed(inputs, _Written(self._watch, self._field))

    async def _plain(self, inputs: dict[str, str]) -> Any:
        return await self._predictor.acall(**inputs)

    async def _streamed(self, inputs: dict[str, str], written: _Written) -> Any:
        try:
            with dspy.context(send_stream=written, callbacks=[*(dspy.settings.callbacks or ()), written]):
                return await self._predictor.acall(**inputs)
        except AdapterParseError:  # DSPy asks no second time what it has begun to show
            if not written.text:
                return await self._unstreamed(inputs)
            if _is_cut() or form_of(dspy.settings.lm).structured:
                raise
            with dspy.context(adapter=ReplyJSONAdapter()):
                return await self._plain(inputs)
        except LMError as error:
            if written.text or not isinstance(error, LMInvalidRequestError | LMStreamAssemblyError):
                raise
            return await self._unstreamed(inputs)

    async def _unstreamed(self, inputs: dict[str, str]) -> Any:
        found = await self._plain(inputs)
        self.streams = False
        return found


class _Written(BaseCallback):
    """Takes the pieces of a reply. A call that is made again begins anew."""

    def __init__(self, watch: Watch, field: str) -> None:
        self._watch, self._field = watch, field
        self.text, self._shown = "", ""

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self.text = ""

    async def send(self, chunk: Any) -> None:
        """What DSPy does with each piece."""
        choices = getattr(chunk, "choices", None)
        piece = getattr(choices[0].delta, "content", None) if choices else None
        if not piece:
            return
        self.text += piece
        found = field_so_far(self.text, self._field)
        if found and found != self._shown:
            self._shown = found
            self._watch.write(found)


def _is_cut() -> bool:
    reply = last_reply()
    return reply is not None and reply.ending is not None


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop in which calls are awaited, so that their connections are kept."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="lm-calls", daemon=True).start()
    return loop
