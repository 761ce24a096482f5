"""Puts in order what servers send beside an answer, before a client reads it: odd counts shall not lose a paid answer.

The clients (DSPy's own, and LiteLLM) refuse a whole reply when a token count in it is text, negative or in an unusual
place. `keep_answers` has them read bodies that `put_in_order` has seen, in the calls of our own LMs alone. In these a
body also ends with the clock of its call, or at 64 MB, a wrong Content-Encoding loses none that can be read, and no
redirect is followed, which might take a key elsewhere.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from typing import Any

from memoryqa.lms.unpacking import MOST_BYTES, codings_of, unpacked

logger = logging.getLogger(__name__)

_USAGES = ("usage", "usageMetadata", "usage_metadata")  # OpenAI's and Anthropic's; Gemini's
_HOLDERS = ("message", "response")  # in which the events of a stream have it
_OLLAMAS = ("prompt_eval_count", "eval_count")
_COUNTS = ("tokens", "TokenCount", "token_count")  # ends of names
_MOST_TOKENS = 10**9
_UNASKED = ("function_call", "audio")
_KINDS: dict[str, type] = {
    **dict.fromkeys(("tool_calls", "annotations", "images", "thinking_blocks"), list),
    **dict.fromkeys(("refusal", "reasoning_content", "reasoning"), str),
    "provider_specific_fields": dict,
}
_ROLES = ("system", "user", "assistant", "tool", "function", "developer")
_VENDORED = "dspy._vendor.lm15."
_DIALECTS = (
    ("openai_chat", "OpenAIChatLM"),
    ("openai", "OpenAILM"),
    ("anthropic", "AnthropicLM"),
    ("gemini", "GeminiLM"),
)
_STREAM = "event-stream"  # such a body is unpacked as it comes
_GZIPS = b"\x1f\x8b"


@dataclass(slots=True)
class _Call:
    """What is known of a call while its answer comes. ends_at: by the clock of `time.monotonic`. has_body: an
    answer with status 200 has come. is_cached: the cache had it."""

    ends_at: float
    has_body: bool = False
    is_cached: bool = False
    unread: list[str] = field(default_factory=list)


_call: ContextVar[_Call | None] = ContextVar("call of one of our LMs", default=None)


def begin_reading(clock_sec: float | None) -> None:
    """Begin a call in this thread or task, and in those that it starts. clock_sec: None for as long as it takes."""
    _call.set(_Call(math.inf if clock_sec is None else time.monotonic() + clock_sec))


def unread_counts() -> tuple[str, ...]:
    """The names of the counts that could not be read since `begin_reading`."""
    call = _call.get()
    return () if call is None else tuple(dict.fromkeys(call.unread))


def has_body() -> bool:
    """Whether an answer with status 200 has come since `begin_reading`, whatever a client says of it."""
    return (call := _call.get()) is not None and call.has_body


def note_cached() -> None:
    """Note that the cache has answered the call."""
    if (call := _call.get()) is not None:
        call.is_cached = True


def is_cached() -> bool:
    """Whether the cache has answered since `begin_reading`."""
    return (call := _call.get()) is not None and call.is_cached


def put_in_order(body: Any, unread: list[str], *, is_only: bool = False) -> Any:
    """`body`, changed in place: counts are numbers or missing, and what no client can read beside a text is left out.

    unread: gets the names of counts that were left out. is_only: one completion was asked for, so that further ones
    are left out.
    """
    if not isinstance(body, dict):
        return body
    for holder in (body, *(body.get(name) for name in _HOLDERS)):
        if isinstance(holder, dict):
            _order_counts(holder, unread)
    if isinstance(choices := body.get("choices"), dict) and ("message" in choices or "text" in choices):
        body["choices"] = [choices]
    if isinstance(choices := body.get("choices"), list) and choices:
        if not body.get("error", True):  # {} or "": there is none
            del body["error"]
        if is_only:
            del choices[1:]
        for choice in choices:
            if isinstance(choice, dict):
                _order_choice(choice)
    return body


def keep_answers(*, through_httpx: bool) -> None:
    """Have the clients read ordered bodies. through_httpx: LiteLLM carries the call, and is imported. Idempotent."""
    _watch_dspy()
    if through_httpx:
        _watch_httpx()


@cache
def _watch_dspy() -> None:
    try:
        response = importlib.import_module(_VENDORED + "providers.base").HttpResponse
        response.json = _ordered(response.json, "body", is_only=True)
        transported = importlib.import_module(_VENDORED + "transports._types").TransportResponse
        transported.__iter__ = _ending(transported.__iter__)
        head = importlib.import_module(_VENDORED + "transports._http11").ResponseHeadParser
        head.body_decoder = _unpacking(head.body_decoder)
        for module, name in _DIALECTS:
            dialect = getattr(importlib.import_module(f"{_VENDORED}providers.{module}"), name)
            dialect.parse_stream_events = _with_ordered_events(dialect.parse_stream_events)
    except (ImportError, AttributeError) as error:
        logger.warning("this DSPy reads replies in another way: an odd token count may lose an answer (%s)", error)


@cache
def _watch_httpx() -> None:
    import httpx
    import litellm  # noqa: F401  (takes seconds, which are no part of a call)

    response: Any = httpx.Response
    response.json = _ordered(response.json, "content", is_only=False)
    response.iter_raw = _ending(response.iter_raw)
    response._get_content_decoder = _unpacking_httpx(response._get_content_decoder)
    redirects = response.has_redirect_location.fget
    response.has_redirect_location = property(lambda found: _call.get() is None and redirects(found))


def _ordered(read: Callable[..., Any], raw: str, *, is_only: bool) -> Callable[..., Any]:
    """`read`, a response's reading of JSON. raw: the attribute that has its bytes."""

    @wraps(read)
    def json_of(response: Any, *arguments: Any, **named: Any) -> Any:
        if (call := _call.get()) is None:
            return read(response, *arguments, **named)
        try:
            body = read(response, *arguments, **named)
        except Exception:
            if (body := _deciphered(getattr(response, raw))) is None:
                raise
        call.has_body |= 200 in (getattr(response, "status", None), getattr(response, "status_code", None))
        return put_in_order(body, call.unread, is_only=is_only)

    return json_of


def _deciphered(raw: bytes) -> Any:
    """The JSON of bytes that are packed without a word, or hold a sign in another encoding; None for what is none."""
    with contextlib.suppress(OSError, EOFError, zlib.error, ValueError):
        if raw.startswith(_GZIPS):
            unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)  # of gzip
            raw = unpacking.decompress(raw, MOST_BYTES)
            if not unpacking.eof:  # cut off, or larger than any answer
                return None
        return json.loads(raw.decode("utf-8", "replace"))
    return None


def _ending(read: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
    """`read`, which yields a body in pieces: a call that was given up would take in all that comes."""

    @wraps(read)
    def pieces(response: Any, *arguments: Any, **named: Any) -> Iterator[bytes]:
        call, size = _call.get(), 0
        for piece in read(response, *arguments, **named):
            yield piece
            size += len(piece)
            _check(call, size)

    return pieces


def _check(call: _Call | None, size: int) -> None:
    if call is not None and time.monotonic() > call.ends_at:
        raise TimeoutError("the answer was not whole in time")
    if call is not None and size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES / 1e6:.0f} MB")


class _Whole:
    """In place of a decoder of DSPy's transport: gathers a packed body and unpacks it at its end. framing: what knows
    where it ends. decoder: makes the one that is replaced, or raises where a coding is not DSPy's."""

    def __init__(self, framing: Any, codings: list[str], decoder: Callable[[], Any]) -> None:
        self._framing, self._codings, self._decoder = framing, codings, decoder
        self._raw = bytearray()
        self._is_drained = False

    @property
    def complete(self) -> bool:
        return bool(self._framing.complete)

    @property
    def leftover(self) -> bytes:
        return bytes(self._framing.leftover)

    def feed(self, data: bytes) -> Iterator[bytes]:
        for piece in self._framing.feed(data):
            self._raw += piece
            _check(_call.get(), len(self._raw))
        if self.complete:
            yield self.drain()

    def eof(self) -> None:
        self._framing.eof()

    def drain(self) -> bytes:
        if self._is_drained:
            return b""
        self._is_drained = True

        def as_said(raw: bytes) -> bytes:
            decoder = self._decoder()
            return bytes(decoder._inflate(raw)) + bytes(decoder._finish())

        return unpacked(bytes(self._raw), self._codings, as_said)


def _unpacking(body_decoder: Callable[..., Any]) -> Callable[..., Any]:
    """`body_decoder` of DSPy's transport, for a body that its header calls packed."""

    @wraps(body_decoder)
    def decoder_of(head: Any, request_method: str) -> Any:
        codings = codings_of(head.headers_all("content-encoding"))
        if _call.get() is None or not codings or _STREAM in (head.header("content-type") or ""):
            return body_decoder(head, request_method)
        framing = head._framing_decoder(request_method)
        return framing if framing.complete else _Whole(framing, codings, lambda: body_decoder(head, request_method))

    return decoder_of


class _WholeForHttpx:
    """The same for httpx, which asks its decoder for what is left at the end."""

    def __init__(self, codings: list[str], decoder: Any) -> None:
        self._codings, self._decoder = codings, decoder
        self._raw = bytearray()

    def decode(self, data: bytes) -> bytes:
        self._raw += data
        return b""

    def flush(self) -> bytes:
        return unpacked(bytes(self._raw), self._codings, lambda raw: self._decoder.decode(raw) + self._decoder.flush())


def _unpacking_httpx(content_decoder: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(content_decoder)
    def decoder_of(response: Any) -> Any:
        codings = codings_of(response.headers.get_list("content-encoding"))
        if _call.get() is None or not codings or _STREAM in response.headers.get("content-type", ""):
            return content_decoder(response)
        if not isinstance(getattr(response, "_decoder", None), _WholeForHttpx):
            response._decoder = _WholeForHttpx(codings, content_decoder(response))
        return response._decoder

    return decoder_of


def _with_ordered_events(parse: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    @wraps(parse)
    def parse_stream_events(dialect: Any, request: Any, raw_event: Any) -> Iterator[Any]:
        call = _call.get()
        if call is not None and '"usage' in (raw_event.data or ""):
            with contextlib.suppress(ValueError):
                raw_event = replace(raw_event, data=json.dumps(put_in_order(json.loads(raw_event.data), call.unread)))
        yield from parse(dialect, request, raw_event)

    return parse_stream_events


def _order_counts(holder: dict[str, Any], unread: list[str]) -> None:
    for name in _USAGES:
        if name not in holder or holder[name] is None:
            continue
        if not isinstance(holder[name], dict):
            if holder.pop(name):
                unread.append(name)
            continue
        holder[name] = _ordered_usage(holder[name], unread)
    for name in _OLLAMAS:
        if name in holder:
            _order_count(holder, name, unread)


def _ordered_usage(usage: Mapping[str, Any], unread: list[str]) -> dict[str, Any]:
    kept = dict(usage)
    for name, value in usage.items():
        if name.endswith(_COUNTS):
            _order_count(kept, name, unread)
        elif isinstance(value, dict):
            kept[name] = _ordered_usage(value, unread)
        elif (name.endswith("_details") and value is not None) or (name == "cost" and _count(value) is None):
            del kept[name]
    return kept


def _order_count(holder: dict[str, Any], name: str, unread: list[str]) -> None:
    if (value := holder[name]) is None:
        return
    if (count := _count(value)) is None:
        del holder[name]
        unread.append(name)
    else:
        holder[name] = count


def _count(value: object) -> int | None:
    """A count in digits or as a number; None for what is none."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= _MOST_TOKENS else None


def _order_choice(choice: dict[str, Any]) -> None:
    if not isinstance(choice.get("finish_reason"), str | None):
        choice["finish_reason"] = None
    if not isinstance(choice.get("logprobs"), dict | None):
        del choice["logprobs"]
    if isinstance(text := choice.get("text"), str) and "message" not in choice and "delta" not in choice:
        choice["message"] = {"role": "assistant", "content": text}
    if not isinstance(message := choice.get("message"), dict):
        return
    if message.get("role", "assistant") not in _ROLES:
        message["role"] = "assistant"
    for name in _UNASKED:
        message.pop(name, None)
    for name, kind in _KINDS.items():
        found = message.get(name)
        is_odd = isinstance(found, list) and not all(isinstance(one, dict) for one in found)
        if found is not None and (is_odd or not isinstance(found, kind)):
            del message[name]
    if not _is_usual(content := message.get("content")):
        message["content"] = _text_of(content)


def _is_usual(content: Any) -> bool:
    """Whether it is text, null, or parts of which some are no text but say what they are, as thoughts do."""
    if isinstance(content, list):
        kinds = [one.get("type") if isinstance(one, dict) else None for one in content]
        return all(isinstance(kind, str) for kind in kinds) and not set(kinds) <= {"text", "output_text"}
    return isinstance(content, str | None)


def _text_of(content: Any) -> str | None:
    """The text of a message, however it is wrapped; None for nothing."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of(one) or "" for one in content)
    if isinstance(content, dict):
        return _text_of(content.get("text", content.get("value")))
    return str(content)
