"""Finds what a server said when it refused, wherever DSPy or LiteLLM left it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dspy.utils.exceptions import LMError

_FIELDS = ("message", "error", "detail", "details", "error_message", "msg", "title", "errors", "reason")
_RESPONSES = ("resp", "response")
_ONLY_A_MODEL = re.compile(r"\[[^\]]*\]")  # what DSPy puts before a message, where it has lost the message
_NO_CREDIT = re.compile(r"\b(?:quota|billing|credits?|balance|payment|funds|arrears)\b", re.I)
_OUT_OF_CREDIT = re.compile(
    r"exceeded your (?:current |monthly )?quota|insufficient[_ ](?:quota|balance|credits?|funds)"
    r"|(?:no|not enough|out of|run out of|ran out of) (?:more )?(?:credits?|funds)\b|credit balance is too low",
    re.I,
)
_NO_ENTRY = re.compile(r"\b(?:api[ _-]?key|unauthori[sz]ed|authentication|access token|not authori[sz]ed)\b", re.I)
_PASSING = re.compile(
    r"\brate[ _-]?limit|too many requests|overload|\bbusy\b|capacity|try again|timed? ?-?out|unavailable|loading"
    r"|internal (?:server )?error|bad gateway",
    re.I,
)
# the names that LiteLLM puts before a message
_LITELLMS = re.compile(r"\A(?:(?:litellm\.)?\w+(?:Error|Exception)\b(?: \w+Error)?(?::\s|\s-\s|\s?-?\s*\Z))+")
_TRACEBACK = re.compile(r"\s*Traceback \(most recent call last\).*", re.S)  # LiteLLM's, of its own reading
_SAYS_NOTHING = re.compile(r"(?:Error in response object|Error code: \d+)?\W*")  # LiteLLM's, where a body is flat
_BODIES = ("body", "raw", "response_body", "text", "data", "payload", "content", "response_object")


def reason_of(error: BaseException) -> str:
    """What the server said: the error's message, or the body behind it where that says nothing to a person."""
    message = _LITELLMS.sub("", _TRACEBACK.sub("", str(getattr(error, "message", "") or "").strip()))
    is_advice = message.startswith(("To fix:", "credential came from:"))  # DSPy's, where a body has no message
    says_nothing = is_advice or _ONLY_A_MODEL.fullmatch(message) or _SAYS_NOTHING.fullmatch(message)
    if message and not message.startswith("{") and not says_nothing:
        return message
    text = message or str(error)
    return said_in(message) or next(_bodies_behind(error), "") or ("" if _ONLY_A_MODEL.fullmatch(text) else text)


def says_no_credit(error: BaseException) -> bool:
    """Whether an error that its class calls a bad request is about money."""
    return _OUT_OF_CREDIT.search(reason_of(error)) is not None


def error_in_place_of_reply(said: str, model: str) -> LMError:
    """The error of a body that came with status 200 and holds no completion but what it `said`."""
    from dspy.utils.exceptions import LMAuthError, LMBillingError, LMProviderError, LMServerError

    kinds = ((_NO_CREDIT, LMBillingError), (_NO_ENTRY, LMAuthError), (_PASSING, LMServerError))
    kind = next((kind for pattern, kind in kinds if pattern.search(said)), LMProviderError)
    return kind(message=said or "the answer holds no completion", model=model, status=200)


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
        words = " ".join(one for one in body if isinstance(one, str))
        return next((said for one in body if (said := said_in(one))), words)
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
    for current in causes(error):
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


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and the errors that it was raised from, outermost first, each once: a client's may form a ring."""
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _body_of(response: object, attribute: str) -> object:
    try:
        return getattr(response, attribute, None)
    except RuntimeError:  # a stream that was not read
        return None
