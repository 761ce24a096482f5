"""Finds what a server said when it refused, wherever DSPy or LiteLLM left it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_FIELDS = ("message", "error", "detail", "details", "error_message", "msg", "title", "errors", "reason")
_RESPONSES = ("resp", "response")
_ONLY_A_MODEL = re.compile(r"\[[^\]]*\]")  # what DSPy puts before a message, where it has lost the message
_BODIES = ("body", "raw", "response_body", "text", "data", "payload", "content")


def reason_of(error: BaseException) -> str:
    """What the server said: the error's message, or the body behind it where that says nothing to a person."""
    message = str(getattr(error, "message", "") or "").strip()
    if message and not message.startswith("{") and not _ONLY_A_MODEL.fullmatch(message):
        return message
    text = message or str(error)
    return said_in(message) or next(_bodies_behind(error), "") or ("" if _ONLY_A_MODEL.fullmatch(text) else text)


def said_in(body: object) -> str:
    """The message in an error's body: nested, flat, or a list of details; "" when there is none."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        if re.match(r"\s*(?:<!doctype|<html)", body, re.I):
            return body
        try:
            body = json.loads(body)
        except ValueError:
            return ""
    if isinstance(body, list):
        return next((said for one in body if (said := said_in(one))), "")
    if not isinstance(body, dict):
        return ""
    for name in _FIELDS:
        value: Any = body.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, dict | list) and (said := said_in(value)):
            return said
    return ""


def _bodies_behind(error: BaseException) -> Iterator[str]:
    """What the bodies say that the errors behind `error` carry, or that the code held which raised them.

    DSPy 3.4.1 keeps an OpenAI-like nested message only; a flat body is lost but for the frames of the traceback.
    """
    current: BaseException | None = error
    while current is not None:
        carried = [getattr(current, name, None) for name in _BODIES]
        carried.append(getattr(getattr(current, "response", None), "text", None))
        yield from (said for body in carried if (said := said_in(body)))
        frame = current.__traceback__
        while frame is not None:
            held = frame.tb_frame.f_locals
            bodies = [held.get(name) for name in _BODIES]
            bodies += [_body_of(held[name], attribute) for name in _RESPONSES if name in held for attribute in _BODIES]
            yield from (said for body in bodies if (said := said_in(body)))
            frame = frame.tb_next
        current = current.__cause__ or current.__context__


def _body_of(response: object, attribute: str) -> object:
    try:
        return getattr(response, attribute, None)
    except RuntimeError:  # a stream that was not read
        return None
