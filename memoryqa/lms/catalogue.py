"""Asks a provider which models it has: for the default that nobody named, and for a name that it does not know.

choice = settle(resolve("task"))        # one GET; `choice` itself when a person named the model
"""

from __future__ import annotations

import difflib
import heapq
import http.client
import json
import re
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from memoryqa.errors import StoppedError
from memoryqa.lms.identity import LMChoice
from memoryqa.lms.providers import DEFAULTS, provider_named
from memoryqa.lms.roles import any_key, model_of, settings_of_default
from memoryqa.redaction import redact

_TIMEOUT_SEC = 3.0  # for all of the list, from the connection to its last byte
_MAX_BYTES = 20_000_000
_MOST_PAGES = 50
_NEAREST = 3
_MAX_SHOWN = 8
_MOST_COMPARED = 500
_MAX_NAME_CHARS = 200


class LMUnavailable(StoppedError):  # noqa: N818 (it names a state, like StopIteration)
    """The LM of a role cannot answer. The message is one line: model, problem, fix; it never contains a secret."""


def settle(choice: LMChoice) -> LMChoice:
    """`choice` with the first default model that its provider offers; itself when a person named the model.

    A list that cannot be read settles nothing: the pre-flight call then says what is wrong. Raises LMUnavailable when
    the provider offers models, but none of the defaults.
    """
    if not choice.alternatives or choice.offline or choice.model is None:
        return choice
    served = served_models(address_of(choice), choice)
    if not served:
        return choice
    names = (choice.model, *choice.alternatives)
    offered = next((one for one in names if _name(one) in served), None)
    how = f"choose another by {model_of(choice.role)}"
    if offered is None:
        listed = shown_models(served, _name(choice.model))
        raise LMUnavailable(
            redact(
                f"{choice.role} LM: {address_of(choice)} offers none of the models that are asked by default "
                f"({', '.join(map(_name, names))}); {how}, e.g. {choice.provider}/{listed.split(',')[0]}; it has: "
                f"{listed}"
            )
        )
    defaults = {one.model: one for models in DEFAULTS.values() for one in models}
    gone = names[: names.index(offered)]
    why = f"{choice.reason}; {', '.join(map(_name, gone))} is not offered" if gone else choice.reason
    first = defaults[choice.model]
    given = choice.settings
    if gone:  # what only the first model needed goes with it
        given = replace(
            given,
            reasoning=None if given.reasoning == first.reasoning else given.reasoning,
            reasoning_effort=None if given.reasoning_effort == first.effort else given.reasoning_effort,
        )
    settings = settings_of_default(defaults[offered], given)
    return replace(choice, model=offered, reason=f"{why}; {how}", settings=settings, alternatives=())


def address_of(choice: LMChoice) -> str:
    """Where the models of `choice` are listed and asked for, as far as that is known; "" if not."""
    return choice.address or provider_named(choice.provider).address or ""


def served_models(address: str, choice: LMChoice, timeout_sec: float = _TIMEOUT_SEC) -> list[str]:
    """The names that `GET <address>/models` lists; empty when it fails, because they only improve a choice or message.

    All pages of a list are read, or none. No redirect is followed: the key would go along. Never raises, and never
    takes longer than `timeout_sec`, whatever the address is and the server sends.
    """
    if not re.match(r"https?://[^\s/]", address):
        return []
    found: list[list[str]] = []
    deadline = time.monotonic() + timeout_sec
    # in a thread of its own: heads and sizes of chunks are read by a socket, whose timeout begins anew with each byte
    thread = threading.Thread(target=lambda: found.append(_listed(address, choice, deadline)), daemon=True)
    thread.start()
    thread.join(timeout_sec)
    return found[0] if found else []


def _listed(address: str, choice: LMChoice, deadline: float) -> list[str]:
    names: list[str] = []
    query = ""
    try:
        for _ in range(_MOST_PAGES):
            found = _page(f"{address.rstrip('/')}/models{query}", choice, deadline)
            rows = found.get("data", found.get("models")) if isinstance(found, dict) else found
            names += [_id_of(row) for row in rows] if isinstance(rows, list) else []
            if (following := _next_page(found, choice, names)) in ("", query):
                return list(dict.fromkeys(name for name in names if name))
            query = following
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        pass
    return []


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _page(url: str, choice: LMChoice, deadline: float) -> Any:
    request = urllib.request.Request(url, headers=_headers(choice))
    left_sec = deadline - time.monotonic()
    if left_sec <= 0:
        raise TimeoutError
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=left_sec) as response:
        return json.loads(_read(response, deadline))


def _next_page(found: object, choice: LMChoice, names: Sequence[str]) -> str:
    """The query of the page after `found`; "" when it is the last. Names come from `names` where a cursor has none."""
    if not isinstance(found, dict):
        return ""
    if isinstance(token := found.get("nextPageToken"), str) and token:
        return f"?{urllib.parse.urlencode({'pageToken': token})}"
    if found.get("has_more") is not True or not names:
        return ""
    last = found.get("last_id")
    name = "after_id" if choice.provider == "anthropic" else "after"
    return f"?{urllib.parse.urlencode({name: last if isinstance(last, str) and last else names[-1]})}"


def shown_models(served: Sequence[str], name: str) -> str:
    """For people: the three names of `served` that are nearest to `name`; some of all when none is near."""
    near = nearest(name, served)
    shown = near or list(served)[:_MAX_SHOWN]
    return ", ".join(shown) + (", ..." if len(served) > len(shown) else "")


def nearest(name: str, served: Sequence[str]) -> list[str]:
    """At most three of `served`, the nearest to `name` first; a name's last part counts most."""
    wanted, pairs = name.lower()[:_MAX_NAME_CHARS], _pairs(name)

    def closeness(other: str) -> float:
        whole = difflib.SequenceMatcher(None, wanted, other.lower()[:_MAX_NAME_CHARS]).ratio()
        mine, its = (one.lower()[:_MAX_NAME_CHARS].rpartition("/")[2] for one in (name, other))
        return max(whole, difflib.SequenceMatcher(None, mine, its).ratio())

    def likeness(other: str) -> float:
        its = _pairs(other)
        return len(pairs & its) / (len(pairs) + len(its) or 1)

    compared = list(dict.fromkeys(served))
    if len(compared) > _MOST_COMPARED:  # gateways list tens of thousands, and each comparison takes a tenth of a ms
        compared = heapq.nlargest(_MOST_COMPARED, compared, key=likeness)
    ranked = sorted(((closeness(one), one) for one in compared), key=lambda pair: -pair[0])
    return [one for close, one in ranked[:_NEAREST] if close >= 0.45]


def _pairs(name: str) -> set[str]:
    """The pairs of letters in the last part of a name."""
    last = name.lower()[:_MAX_NAME_CHARS].rpartition("/")[2]
    return {last[start : start + 2] for start in range(len(last) - 1)}


def _read(response: Any, deadline: float) -> bytes:
    """All of a body, within the deadline also when it comes byte by byte."""
    parts: list[bytes] = []
    size = 0
    while part := response.read1(65_536):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline or size > _MAX_BYTES:
            raise TimeoutError
    return b"".join(parts)


def _headers(choice: LMChoice) -> dict[str, str]:
    key = any_key(choice.model or "")
    if key is None or not key.isprintable():
        return {}
    if choice.provider == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return {"Authorization": f"Bearer {key}"}


def _id_of(row: object) -> str:
    found = (row.get("id") or row.get("name")) if isinstance(row, dict) else row
    return str(found).removeprefix("models/") if isinstance(found, str) else ""


def _name(model: str) -> str:
    return model.partition("/")[2]
