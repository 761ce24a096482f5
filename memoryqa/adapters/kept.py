"""Keeps a message of another framework as a turn, and gives it back whole.

The turn's text and speaker are what a person would read. The rest (role, tool calls, ids) is in tags that begin with
`turns.KEPT_TAG`: neither shown nor searched, and exported and forgotten with the turn. `memoryqa:role:user` is written
where the speaker has a name; `memoryqa:data:{...}` has the rest as JSON; `memoryqa:text:{...}` is the same where it
repeats what was said, and goes when the text is corrected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from memoryqa.messages import text_of
from memoryqa.turns import KEPT_TAG, KEPT_TEXT_TAG, Turn, join_caption

_DATA_TAG = f"{KEPT_TAG}data:"
_ROLE = "role"


def tag(name: str, value: str) -> str:
    """What a program keeps with a turn under a name of its own."""
    return f"{KEPT_TAG}{name}:{value}"


def kept(turn: Turn, name: str) -> str | None:
    """What is kept with a turn under a name; None for nothing."""
    start = tag(name, "")
    return next((one.removeprefix(start) for one in turn.tags if one.startswith(start)), None)


def message(
    text: str,
    role: str,
    *,
    name: str | None = None,
    data: Any = None,
    repeats_text: bool = True,
    tags: tuple[str, ...] = (),
    time: datetime | None = None,
) -> dict[str, Any]:
    """What `AdaptiveMemory.add` takes for a message. name: who spoke, `role` when it is None or blank.

    data: what `data_of` gives back, in JSON's kinds; pydantic's models become dicts, other objects their text.
    repeats_text: whether it contains what was said. time: now when it is None.
    """
    speaker = name if name and name.strip() else role
    found = list(tags)
    if speaker != role:
        found.append(tag(_ROLE, role))
    if data is not None:
        found.append((KEPT_TEXT_TAG if repeats_text else _DATA_TAG) + json.dumps(data, default=_plain))
    return {"text": text, "speaker": speaker, "time": time or datetime.now().astimezone(), "tags": found}


def role_of(turn: Turn) -> str:
    """The role of who spoke; the speaker's name where the turn was not kept by an adapter."""
    return kept(turn, _ROLE) or turn.speaker


def data_of(turn: Turn) -> Any:
    """The `data` that came with the message; None for none, and once the text that it repeats was corrected."""
    for start in (_DATA_TAG, KEPT_TEXT_TAG):
        if (one := next((one for one in turn.tags if one.startswith(start)), None)) is not None:
            return json.loads(one.removeprefix(start))
    return None


def jsonable(value: Any) -> Any:
    """`value` as `data_of` would give it back."""
    return json.loads(json.dumps(value, default=_plain))


def text_in(value: Any) -> str:
    """What there is to read in JSON's kinds: texts as they are, all else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=_plain)


def text_of_parts(content: Any) -> str:
    """What there is to read in a message's content: a text, or a list of parts such as {"type": "text", ...}."""
    try:
        text, caption = text_of(content)
    except TypeError:
        return text_in(content)
    return join_caption(text, caption)


def call_text(name: str, arguments: Any) -> str:
    """How a turn says that a tool was called: `search({"question": "..."})`."""
    return f"{name}({text_in(arguments)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else str(value)
