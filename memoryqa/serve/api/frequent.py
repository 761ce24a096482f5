"""Answers the calls that come most often, a search and an add, without what FastAPI does for each request.

That would take longer than the search. What is not plainly right is left to the routes of FastAPI, which document these
calls and say what is wrong with one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoryqa.serve.api.asking import search_reply
from memoryqa.serve.api.bodies import MAX_NAME_CHARS, NewMessages, Search
from memoryqa.serve.api.chats import add_reply
from memoryqa.serve.api.problems import RefusedError, reply_of
from memoryqa.serve.api.repeats import HEADER
from memoryqa.serve.api.state import State
from memoryqa.serve.tokens import Access

_CHATS, _MESSAGES = "/v1/chats/", "/messages"


@dataclass(frozen=True, slots=True)
class _Call:
    """path: of the route, for the metrics. answer: of the body, the chat in the address, and who may what."""

    path: str
    body: type[BaseModel]
    status: int
    answer: Callable[[Any, str, Access, State], Awaitable[bytes]]


async def _search(body: Search, chat: str, access: Access, served: State) -> bytes:
    return await search_reply(body, access, served)


_SEARCH = _Call("/v1/search", Search, 200, _search)
_ADD = _Call("/v1/chats/{chat}/messages", NewMessages, 201, add_reply)


class Frequent:
    """Answers those calls itself, and passes all others to `app`."""

    def __init__(self, app: ASGIApp, served: State) -> None:
        self._app, self._served = app, served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call, chat = _call_of(scope)
        if call is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = call
        try:
            content = await _content(receive)
            try:
                body = call.body.model_validate_json(content)
            except ValidationError:
                await self._app(scope, _Received(content, receive), send)
                return
            reply = await call.answer(body, chat, scope["memoryqa.access"], self._served)
        except Exception as error:
            problem = reply_of(error)
            await problem(scope, receive, send)
            if problem.status_code == 500:
                raise
            return
        headers = [(b"content-length", b"%d" % len(reply)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": call.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply})


def _call_of(scope: Scope) -> tuple[_Call | None, str]:
    """Which call a request is, if it is one of ours, and the chat in its address."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope.get("root_path"):
        return None, ""
    path: str = scope["path"]
    if path == _SEARCH.path:
        return _SEARCH, ""
    if path.startswith(_CHATS) and path.endswith(_MESSAGES):
        chat = path[len(_CHATS) : -len(_MESSAGES)]
        headers = dict(scope["headers"])
        is_json = headers.get(b"content-type", b"").startswith(b"application/json")
        if is_json and HEADER not in headers and 0 < len(chat) <= MAX_NAME_CHARS and "/" not in chat:
            return _ADD, chat
    return None, ""


async def _content(receive: Receive) -> bytes:
    """The body of a request. RefusedError when the client leaves before its end."""
    parts = list[bytes]()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "the body did not arrive")
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


class _Received:
    """Receives a body that was read before once more, then what comes after it."""

    def __init__(self, content: bytes, receive: Receive) -> None:
        self._content: bytes | None = content
        self._receive = receive

    async def __call__(self) -> Message:
        content, self._content = self._content, None
        if content is None:
            return await self._receive()
        return {"type": "http.request", "body": content, "more_body": False}
