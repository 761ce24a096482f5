"""`dspy.LM` with two changes for long evaluations: retries that end, and a cache that tells two servers apart."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import dspy
from dspy.clients.cache import Cache
from dspy.utils.exceptions import LMError, is_retryable_lm_error

_MAX_BACKOFF_SEC = 30.0
_MAX_UNREACHABLE_RETRIES = 2  # about 3 s: when no server listens, stopping and `--resume` is better than waiting


class EndpointLM(dspy.LM):
    """A `dspy.LM` whose calls end: at most `max_retries` retries, none of which starts after `retry_deadline_sec`.

    DSPy obeys any Retry-After, even of an hour, and waits minutes for a server that is down. Here a wait is the
    server's Retry-After, else 1, 2, 4 .. 30 seconds with jitter; a wait beyond the deadline raises the error instead.
    The same holds for awaited calls.
    """

    def __init__(self, model: str, *, max_retries: int = 8, retry_deadline_sec: float = 180.0, **kwargs: Any) -> None:
        super().__init__(model, num_retries=0, **kwargs)
        self.max_retries = max_retries
        self.retry_deadline_sec = retry_deadline_sec

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        started = time.monotonic()
        for attempt in itertools.count():
            try:
                return super().__call__(prompt, messages=messages, **kwargs)
            except LMError as error:
                wait_sec = self._wait_or_raise(error, attempt, started)
            time.sleep(wait_sec)
        raise AssertionError("unreachable: the loop returns or raises")

    async def acall(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        started = time.monotonic()
        for attempt in itertools.count():
            try:
                return await super().acall(prompt, messages=messages, **kwargs)
            except LMError as error:
                wait_sec = self._wait_or_raise(error, attempt, started)
            await asyncio.sleep(wait_sec)
        raise AssertionError("unreachable: the loop returns or raises")

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
    DSPy documents overriding `cache_key`. Storage and settings are those of the cache that is replaced.
    """

    def __init__(self, replaced: Cache) -> None:
        self.__dict__.update(replaced.__dict__)

    def cache_key(self, request: dict[str, Any], ignored_args_for_cache_key: list[str] | None = None) -> str:
        return super().cache_key(request, ["api_key", "timeout"])


def separate_endpoints_in_cache() -> None:
    """Replace DSPy's cache with an EndpointCache. Idempotent; call it again after `dspy.configure_cache`."""
    if not isinstance(dspy.cache, EndpointCache):
        dspy.cache = EndpointCache(dspy.cache)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and the errors that it was raised from, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


def is_unreachable(error: BaseException) -> bool:
    """Whether no server listens at the address: connection refused, or a host name that does not resolve."""
    return any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in causes(error))


def _wait_sec(error: LMError, attempt: int) -> float:
    if error.retry_after is not None:
        return float(error.retry_after)
    backoff_sec = min(2.0**attempt, _MAX_BACKOFF_SEC)
    return backoff_sec * random.uniform(0.5, 1.0)  # so that the threads of a run do not return all at once
