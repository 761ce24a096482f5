"""Routes that find and answer. Both are POST, so that no question is in an address, which proxies log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.routing import Route

from memoryqa.asking.watch import Watch
from memoryqa.errors import MemoryQAError
from memoryqa.serve.api.access import Given
from memoryqa.serve.api.bodies import Answer, AskBody, Citation, Search, Searched, ShownLine
from memoryqa.serve.api.events import MEDIA_TYPE, event, kept_alive, streamed
from memoryqa.serve.api.problems import RefusedError, described, log_bug, problem_body
from memoryqa.serve.api.state import Served, State
from memoryqa.serve.asking import Question, Read, Reply
from memoryqa.serve.operations import Operations, cited
from memoryqa.serve.tokens import Access

router = APIRouter(prefix="/v1", tags=["search"])
_EVERY_SEC = 0.05  # between two events of an answer that is being written at least
_LOOK_SEC = 0.5  # for a client that has left


@router.post("/search", response_model=Searched, responses=described(404))
async def search(body: Search, access: Given, served: Served) -> Response:
    """The few dated, cited lines that answer a question. No model is asked."""
    return await _search_reply(body, access, served)


async def search_at_once(request: Request) -> Response:
    """`search`, without what FastAPI does for each request: that takes as long as half a search."""
    request.scope["route"] = FAST_ROUTES[0]  # for the metrics
    try:
        body = Search.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    return await _search_reply(body, request.scope["memoryqa.access"], request.app.state.served)


FAST_ROUTES = [Route("/v1/search", search_at_once, methods=["POST"])]
"""Before those of `router`, which documents them."""


async def _search_reply(body: Search, access: Access, served: State) -> Response:
    chats = served.visible(access, body.chats)
    only = chats[0] if chats is not None and len(chats) == 1 else None
    found = await served.work.run(only, _search, served.operations, body, chats)
    return Response(found, media_type="application/json")


def _search(operations: Operations, body: Search, chats: Sequence[str] | None) -> str:
    found = Read(*operations.find(body.question, chats, **body.how()))
    return searched(operations, found).model_dump_json()


def searched(operations: Operations, read: Read) -> Searched:
    """What was read, with the messages of its lines."""
    places: dict[str, dict[str, int]] = {}
    for chat in {chat for chat, _, _ in read.ranked}:
        ids = {turn.id for name, turn, _ in read.ranked if name == chat}
        places[chat] = operations.places(chat, ids)
    lines = [
        ShownLine.model_construct(
            **cited(chat, turn, score).__dict__, place=places[chat].get(turn.id, 0), text=turn.text
        )
        for chat, turn, score in read.ranked
    ]
    return Searched.model_construct(text=read.text, tokens=read.tokens, lines=lines)


@router.post(
    "/ask",
    response_model=Answer,
    responses={**described(404, 502), 200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def ask(body: AskBody, request: Request, access: Given, served: Served) -> Any:
    """An answer with its citations, streamed as events unless `stream` is false.

    Events: `queries` (a list), `evidence` (as `/v1/search` replies), `writing` (all of the answer that a model has
    written), `answer` (the schema below), `error` (a problem). Without a language model the offline reader answers,
    and `offline` says so; a model that fails is an error. A model is stopped when the client leaves.
    """
    question = Question(body.question, await _chats(body, access, served), body.budget_tokens, body.only())
    if body.stream:
        return streamed(_asked(served, question))
    watch = Watch()
    asked = asyncio.create_task(served.asking.run(None, lambda: served.reader(question, watch=watch)))
    try:
        while not asked.done():
            await asyncio.wait([asked], timeout=_LOOK_SEC)
            if not asked.done() and await request.is_disconnected():
                return Response(status_code=499)  # nobody reads it
        reply = await asked
    finally:
        watch.stop()
        asked.cancel()
    return await served.work.run(None, _answer, served.operations, reply)


async def _chats(body: AskBody, access: Access, served: State) -> list[str]:
    chats = served.visible(access, body.chats)
    if chats is None:
        chats = await served.work.run(None, served.operations.names)
    for chat in chats:
        await served.work.run(chat, served.operations.memory, chat)  # refused before a stream begins
    if not chats:
        raise RefusedError(404, "there are no chats yet")
    return chats


async def _asked(served: State, question: Question) -> AsyncIterator[bytes]:
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def send(written: bytes | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, written)

    def tell(name: str, found: Any) -> None:
        send(event(name, searched(served.operations, found) if isinstance(found, Read) else found))

    watch = Watch(_now_and_then(lambda text: tell("writing", {"answer": text})))

    def answered() -> None:
        reply = served.reader(question, tell, watch)
        send(event("answer", _answer(served.operations, reply)))

    async def run() -> None:
        try:
            await served.asking.run(None, answered)
        except Exception as error:  # noqa: BLE001  the client gets a line, the log a bug
            if not isinstance(error, MemoryQAError | RefusedError):
                log_bug(error)
            queue.put_nowait(event("error", problem_body(error)))
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(run())
    try:
        async for written in kept_alive(queue):
            yield written
    finally:  # the client has left, or has it all
        watch.stop()
        task.cancel()


def _now_and_then(show: Callable[[str], None]) -> Callable[[str], None]:
    """`show`, but not for what comes close after another; the whole answer comes at the end anyway."""
    last = 0.0

    def shown(text: str) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _EVERY_SEC:
            last = now
            show(text)

    return shown


def _answer(operations: Operations, reply: Reply) -> Answer:
    return Answer(
        answer=reply.answer,
        cited=[Citation(chat=chat, id=id) for chat, id in reply.cited],
        model=reply.model,
        offline=reply.model is None,
        found=searched(operations, reply.read),
    )
