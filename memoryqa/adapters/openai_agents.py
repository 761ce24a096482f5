"""The memory as a session of the OpenAI Agents SDK.

    with Memories.open("chats") as chats:
        result = await Runner.run(agent, "Where did I move to?", session=MemorySession("ana", chats))

It follows the SDK's protocol `agents.memory.Session` and imports nothing of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from memoryqa.adapters import sources
from memoryqa.adapters.kept import call_text, data_of, message, role_of, text_of_parts
from memoryqa.adapters.sources import Source
from memoryqa.turns import Turn

Item = dict[str, Any]

_ROLES = {"user", "assistant", "system", "developer"}


class MemorySession:
    """The items of a session, which is a chat of `source`; an AdaptiveMemory is one session by itself.

    Items come back as they went in: messages, calls of tools, their results, reasoning. What others added to the chat
    is a user's message that begins with who spoke. `pop_item` and `clear_session` forget for good. speakers: what the
    roles are called, `{"user": "Ana"}`. session_settings: the SDK's, whose `limit` is that of `get_items`.
    """

    def __init__(
        self,
        session_id: str,
        source: Source,
        *,
        speakers: Mapping[str, str] | None = None,
        session_settings: Any = None,
    ) -> None:
        self.session_id = session_id
        self.session_settings = session_settings
        self._memory = sources.session(source, session_id)
        self._speakers = dict(speakers or {})

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """The last `limit` items, in order; all of them for None and for a negative one."""
        if limit is None:
            limit = getattr(self.session_settings, "limit", None)
        turns = await asyncio.to_thread(self._turns)
        return [_item(turn) for turn in (turns if limit is None or limit < 0 else turns[max(0, len(turns) - limit) :])]

    async def add_items(self, items: list[Any]) -> None:
        """Keep items, in order. They are in the file when this returns."""
        await asyncio.to_thread(self._memory.extend, [_message(item, self._speakers) for item in items])

    async def pop_item(self) -> Any:
        """Forget the last item, and return it; None when there is none."""
        return await asyncio.to_thread(self._pop)

    async def clear_session(self) -> None:
        """Forget the whole chat."""
        await asyncio.to_thread(self._memory.forget, everything=True)

    def _turns(self) -> list[Turn]:
        self._memory.refresh()
        return self._memory.turns()

    def _pop(self) -> Item | None:
        turns = self._turns()
        if not turns:
            return None
        self._memory.forget(turns[-1].id)
        return _item(turns[-1])


def _message(item: Mapping[str, Any], speakers: Mapping[str, str]) -> dict[str, Any]:
    item = dict(item)
    role, text = _said(item)
    is_plain = item == {"role": role, "content": text} and role in _ROLES
    is_text = item.get("content") == text
    data = (
        None if is_plain else [{name: one for name, one in item.items() if not is_text or name != "content"}, is_text]
    )
    return message(text, role, name=speakers.get(role), data=data, repeats_text=not is_text)


def _said(item: Mapping[str, Any]) -> tuple[str, str]:
    """Who says an item, by role, and what there is to read in it."""
    kind, role = str(item.get("type") or ""), item.get("role")
    if isinstance(role, str) and role.strip():
        return role, text_of_parts(item.get("content"))
    if "output" in item:
        return "tool", text_of_parts(item["output"])
    if kind.endswith("_call"):
        arguments = item.get("arguments", item.get("action", item.get("input", "")))
        return "assistant", call_text(str(item.get("name") or kind), arguments)
    return "assistant", text_of_parts(item.get("content") or item.get("summary"))


def _item(turn: Turn) -> Item:
    data = data_of(turn)
    if isinstance(data, list):
        item, is_text = data
        return {**item, "content": turn.text} if is_text else item
    role = role_of(turn)
    return {"role": role, "content": turn.text} if role in _ROLES else _foreign(turn)


def _foreign(turn: Turn) -> Item:
    return {"role": "user", "content": f"{turn.speaker}: {turn.text}"}
