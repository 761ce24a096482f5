"""`dspy.LM` for long evaluations: calls end, replies are read in one place, and the cache knows its servers."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import replace
from typing import Any, TypeVar

import dspy
from dspy.clients.backend_selection import select_backend
from dspy.clients.cache import Cache
from dspy.utils.exceptions import (
    ContextWindowExceededError,
    LMError,
    LMInvalidRequestError,
    LMProviderError,
    LMRateLimitError,
    LMServerError,
    LMTimeoutError,
    LMTransportError,
    LMUnexpectedError,
    is_retryable_lm_error,
)

from memoryqa.lms.bodies import begin_reading, has_body, keep_answers, note_cached
from memoryqa.lms.reasons import causes, error_in_place_of_reply, reason_of
from memoryqa.lms.replies import header_seconds, is_worth_keeping, read_reply, texts_of
from memoryqa.redaction import redact
from memoryqa.replies.form import STOP, ReplyForm
from memoryqa.replies.reading import Reply, last_reply, set_last_reply, without_thoughts
from memoryqa.terminal import without_halves

T = TypeVar("T")
_MAX_BACKOFF_SEC = 30.0
_MAX_UNREACHABLE_RETRIES = 2  # about 3 s: when no server listens, stopping and `--resume` is better than waiting
_GRACE_SEC = 0.5  # beyond the timeout, so that the transport's own error, which says more, comes first
_FEWER_TOKENS = 2_048  # of a reply, where the server has no room for as many as a thinking model may need
_ADVICE = re.compile(
    r"(?:\A|\s*\n)\s*(?:To fix|credential came from):\s.*\Z", re.S
)  # DSPy's, of its own programming interface
_LIMITS = ("max_tokens", "max_completion_tokens")
_address: ContextVar[str | None] = ContextVar("address of the LM that is called", default=None)
_keeps_history: ContextVar[bool] = ContextVar("whether prompts are kept in DSPy's history", default=True)


class _OwnWords(logging.Filter):
    """DSPy warns of each reply that was cut, and not whose; here a problem of its question says so, with the fix."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "response was truncated" not in record.getMessage()


logging.getLogger("dspy.clients.lm").addFilter(_OwnWords())


class CutReplyError(LMProviderError):
    """The reply reached its token limit before it said anything: all of it was thoughts."""

    default_code = "reply_cut"


class SlowCallError(LMTimeoutError):
    """The clock over the whole call ran out."""


class EndpointLM(dspy.LM):
    """A `dspy.LM` whose calls end: at most `max_retries` retries, none of which starts after `retry_deadline_sec`.

    DSPy obeys any Retry-After, even of an hour, and waits minutes for a server that is down. Here a wait is the
    server's Retry-After, else 1, 2, 4 .. 30 seconds with jitter; a wait beyond the deadline raises the error instead.
    `timeout` is a clock over the whole call: a gateway that sends a byte now and then does not hold it. The same holds
    for awaited calls.

    address: where the calls go when an environment variable decides, for the cache. more_tokens: the limit to try once
    when the usual one cuts a reply before it says anything. Raises CutReplyError when that does not help either. form:
    what the adapter asks besides the prompt; a part of it that the server refuses is not sent again.
    """

    def __init__(
        self,
        model: str,
        *,
        max_retries: int = 8,
        retry_deadline_sec: float = 180.0,
        address: str | None = None,
        more_tokens: int | None = None,
        form: ReplyForm | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, num_retries=0, **kwargs)
        self.max_retries = max_retries
        self.retry_deadline_sec = retry_deadline_sec
        self.address = address
        self.more_tokens = more_tokens
        self.form = form or ReplyForm()

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        started = time.monotonic()
        for attempt in itertools.count():
            try:
                outputs = self._timed(lambda: super(EndpointLM, self).__call__(prompt, messages=messages, **kwargs))
                if not self._adapt(outputs, None, kwargs):
                    return _without_thoughts(outputs)
                continue
            except LMError as error:
                _name_reason(error, self.model)
                if self._adapt(None, error, kwargs):
                    continue
                wait_sec = self._wait_or_raise(error, attempt, started)
            time.sleep(wait_sec)
        raise AssertionError("unreachable: the loop returns or raises")

    async def acall(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        started = time.monotonic()
        for attempt in itertools.count():
            try:
                keep_answers(through_httpx=not self._is_native())
                self._begin()
                try:
                    # in this task, whose last reply the adapter reads
                    async with asyncio.timeout(self._clock_sec()):
                        with dspy.context(disable_history=False):
                            outputs = await super().acall(prompt, messages=messages, **kwargs)
                except TimeoutError as error:
                    raise self._too_late() from error
                except LMInvalidRequestError as error:
                    raise _as_sent(error, self.model) from error
                if not self._adapt(outputs, None, kwargs):
                    return _without_thoughts(outputs)
                continue
            except LMError as error:
                _name_reason(error, self.model)
                if self._adapt(None, error, kwargs):
                    continue
                wait_sec = self._wait_or_raise(error, attempt, started)
            await asyncio.sleep(wait_sec)
        raise AssertionError("unreachable: the loop returns or raises")

    def update_history(self, entry: dict[str, Any]) -> None:
        """DSPy calls this with every answer, cached or not."""
        reply = read_reply(entry, self.kwargs)
        raw, stopped = "\n".join(texts_of(entry.get("outputs") or ())), STOP in (entry.get("kwargs") or {})
        reply = replace(reply, is_in_question=self.form.is_in_question(raw, reply, stopped=stopped))
        set_last_reply(reply)
        for callback in dspy.settings.callbacks or ():
            if hasattr(callback, "on_reply"):
                callback.on_reply(self, reply)
        if _keeps_history.get():
            super().update_history(entry)

    def _begin(self) -> None:
        """Note what the call needs to know. Replies are read where DSPy writes its history: it may not be disabled."""
        clock_sec = self._clock_sec()
        begin_reading(None if clock_sec is None else clock_sec + _GRACE_SEC)  # the clock's own error comes first
        set_last_reply(None)
        _address.set(self.address)
        _keeps_history.set(not dspy.settings.disable_history)

    def _is_native(self) -> bool:
        """Whether DSPy makes the calls itself; else LiteLLM does."""
        return isinstance(self._engine_spec, str) and bool(select_backend(self).native)

    def _timed(self, call: Callable[[], T]) -> T:
        """`call()` in a thread of its own, which is given up when the clock has run out."""
        keep_answers(through_httpx=not self._is_native())
        outcome: list[tuple[T | None, BaseException | None, Any]] = []
        done = threading.Event()

        def run() -> None:
            try:
                self._begin()
                with dspy.context(disable_history=False):
                    outcome.append((call(), None, last_reply()))
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                outcome.append((None, _as_sent(error, self.model), last_reply()))
            finally:
                done.set()

        thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="lm-call")
        thread.start()
        if not done.wait(self._clock_sec()):
            raise self._too_late() from TimeoutError("the whole call took too long")
        result, error, reply = outcome[0]
        set_last_reply(reply)
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # None only with an error

    def _clock_sec(self) -> float | None:
        timeout = self.kwargs.get("timeout")
        return timeout + _GRACE_SEC if isinstance(timeout, int | float) else None

    def _too_late(self) -> SlowCallError:
        seconds = self.kwargs.get("timeout")
        return SlowCallError(
            message=f"timed out: no whole answer within {seconds:g} s, though bytes may have come; raise `timeout`",
            model=self.model,
        )

    def _adapt(self, outputs: Any, error: LMError | None, kwargs: dict[str, Any]) -> bool:
        """Whether the call is worth repeating in another form or with another limit, which is set then.

        Raises CutReplyError.
        """
        if error is not None and (refused := self._refused(error, kwargs)):
            del kwargs[refused]
            return True
        name = next((one for one in _LIMITS if self.kwargs.get(one)), None)
        limit = None if name is None else self.kwargs[name]
        if error is not None:
            if not (limit and self.more_tokens and limit > _FEWER_TOKENS and _has_no_room(error)):
                return False
            self.kwargs[name], self.more_tokens = _FEWER_TOKENS, None
            return True
        reply = last_reply()
        if reply is None:
            return False
        self._check(reply)
        if not reply.is_cut or reply.text or not isinstance(outputs, list):
            return False
        if limit and self.more_tokens and limit < self.more_tokens and not any(one in kwargs for one in _LIMITS):
            self.kwargs[name] = self.more_tokens
            if isinstance(timeout := self.kwargs.get("timeout"), int | float):
                self.kwargs["timeout"] = timeout * 5
            return True
        spent = f"{reply.max_tokens:,}" if reply.max_tokens else "all"
        raise CutReplyError(
            message=f"the reply was cut: all its {spent} tokens were thoughts, and none was left for the answer; raise "
            "`max_tokens`, or lower `reasoning_effort`",
            model=self.model,
        )

    def _check(self, reply: Reply) -> None:
        """Raise the error that a server has sent with status 200, and one for a reply that it broke off."""
        if reply.is_broken:
            why = f"the server broke off the reply (finish_reason {reply.finish_reason!r})"
            raise LMServerError(message=why, model=self.model, status=200)
        if reply.no_completion is not None:
            raise error_in_place_of_reply(reply.no_completion, self.model)

    def _refused(self, error: LMError, kwargs: dict[str, Any]) -> str | None:
        if isinstance(error, LMTransportError | LMRateLimitError):
            return None
        return self.form.refused(error.status, error.message or str(error), kwargs, self.model)

    def _wait_or_raise(self, error: LMError, attempt: int, started: float) -> float:
        """Seconds until the next attempt; raises `error` when there is none."""
        limit = min(self.max_retries, _MAX_UNREACHABLE_RETRIES) if is_unreachable(error) else self.max_retries
        wait_sec = _wait_sec(error, attempt)
        in_time = time.monotonic() - started + wait_sec <= self.retry_deadline_sec
        if attempt >= limit or not in_time or not is_retryable_lm_error(error):
            raise error
        return wait_sec


class EndpointCache(Cache):
    """DSPy's cache, except that an answer belongs to the endpoint that gave it.

    DSPy leaves `api_base` out of the key, so that two servers with the same model name share answers
    (https://github.com/stanfordnlp/dspy/pull/10006), and includes `timeout`, so that changing it loses every answer.
    It keeps an error that came with status 200, and a reply without a word, for ever; this one does not.
    An address that an environment variable gives is part of the key too. DSPy documents overriding `cache_key`.
    Storage and settings are those of the cache that is replaced.
    """

    def __init__(self, replaced: Cache) -> None:
        self.__dict__.update(replaced.__dict__)

    def get(self, *request: Any, **named: Any) -> Any:
        found = super().get(*request, **named)
        if found is not None:
            note_cached()
        return found

    def put(self, request: dict[str, Any], value: Any, *rest: Any, **named: Any) -> None:
        if is_worth_keeping(value):
            super().put(request, value, *rest, **named)

    def cache_key(self, request: dict[str, Any], ignored_args_for_cache_key: list[str] | None = None) -> str:
        if (address := _address.get()) is not None and not request.get("api_base"):
            request = {**request, "api_base": address}
        return super().cache_key(request, ["api_key", "timeout"])


def separate_endpoints_in_cache() -> None:
    """Replace DSPy's cache with an EndpointCache. Idempotent; call it again after `dspy.configure_cache`."""
    if not isinstance(dspy.cache, EndpointCache):
        dspy.cache = EndpointCache(dspy.cache)


def is_unreachable(error: BaseException) -> bool:
    """Whether no server listens at the address: connection refused, or a host name that does not resolve."""
    return any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in causes(error))


def _without_thoughts(outputs: Any) -> Any:
    """The completions of an LM call as DSPy hands them on, each without its thoughts."""
    if not isinstance(outputs, list):
        return outputs  # a typed response, which its caller reads
    return [_output_without_thoughts(one) for one in outputs]


def _output_without_thoughts(output: Any) -> Any:
    if isinstance(output, str):
        return without_halves(without_thoughts(output))
    if isinstance(output, dict) and isinstance(output.get("text"), str):
        return {**output, "text": without_halves(without_thoughts(output["text"]))}
    return output


def _name_reason(error: LMError, model: str) -> None:
    """Give an error the server's message, for the row that will quote it, without the advice that DSPy adds.

    Words between backticks are ours: scripts make flags of them.
    """
    if isinstance(error, CutReplyError | SlowCallError):
        return
    if any(_is_broken_connection(cause) for cause in causes(error)):
        error.status = None  # LiteLLM writes 500
    said = _ADVICE.sub("", reason_of(error)).replace("`", "'")
    if not said and error.status:
        said = f"HTTP {error.status}"
    if isinstance(error, LMUnexpectedError):
        said = f"the server's answer cannot be read: {said}"
    if said != error.message:
        error.message = said
        error.args = (f"[{model}] {said}",)
    for cause in causes(error):  # a server may quote the key, and a traceback shows all of them
        cause.args = tuple(redact(one) if isinstance(one, str) else one for one in cause.args)
        if isinstance(message := getattr(cause, "message", None), str) and redact(message) != message:
            cause.message = redact(message)  # type: ignore[attr-defined]


def _as_sent(error: BaseException, model: str) -> BaseException:
    """`error`, or what it is by its words where LiteLLM calls an error that came with status 200 a bad request."""
    if isinstance(error, LMInvalidRequestError) and not isinstance(error, ContextWindowExceededError) and has_body():
        return error_in_place_of_reply(reason_of(error), model)
    return error


def _is_broken_connection(error: BaseException) -> bool:
    """Whether httpx says that no whole answer has come."""
    kinds = {f"{one.__module__.partition('.')[0]}.{one.__name__}" for one in type(error).__mro__}
    return "httpx.RequestError" in kinds


def _has_no_room(error: LMError) -> bool:
    """Whether the server refuses the limit of the reply, and not the prompt."""
    text = str(error).lower()
    names_limit = any(name in text for name in ("max_tokens", "max_completion_tokens", "completion", "output tokens"))
    return isinstance(error, LMInvalidRequestError | ContextWindowExceededError) and names_limit


def _wait_sec(error: LMError, attempt: int) -> float:
    asked_sec = error.retry_after if error.retry_after is not None else header_seconds(causes(error))
    if asked_sec is not None:
        return float(asked_sec)
    backoff_sec = min(2.0**attempt, _MAX_BACKOFF_SEC)
    return backoff_sec * random.uniform(0.5, 1.0)  # so that the threads of a run do not return all at once
