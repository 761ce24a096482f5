"""Routes that find and answer. Both are POST, so that no question is in an address, which proxies log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from memoryqa.asking.watch import Watch
from memoryqa.errors import MemoryQAError
from memoryqa.serve.api.access import Given
from memoryqa.serve.api.bodies import Answer, AskBody, Citation, Search, Searched, ShownLine
from memoryqa.serve.api.events import MEDIA_TYPE, event, kept_alive, streamed
from memoryqa.serve.api.problems import RefusedError, described, log_bug, problem_body
from memoryqa.serve.api.state import Served, State
from memoryqa.serve.open_chats import UnknownError
from memoryqa.serve.operations import Operations
from memoryqa.serve.questions import Question, Read, Reply
from memoryqa.serve.replies import cited
from memoryqa.serve.tokens import Access

router = APIRouter(prefix="/v1", tags=["search"])
_EVERY_SEC = 0.05  # between two events of an answer that is being written at least
_LOOK_SEC = 0.5  # for a client that has left


@router.post("/search", response_model=Searched, responses=described(404))
async def search(body: Search, access: Given, served: Served) -> Response:
    """The few dated, cited lines that answer a question. No model is asked."""
    return Response(await search_reply(body, access, served), media_type="application/json")


async def search_reply(body: Search, access: Access, served: State) -> bytes:
    """What `search` answers, as JSON."""
    chats = served.visible(access, body.chats)
    only = chats[0] if chats is not None and len(chats) == 1 else None
    return await served.work.run(only, _search, served.operations, body, chats)


def _search(operations: Operations, body: Search, chats: Sequence[str] | None) -> bytes:
    with operations.unchanged(chats):
        found = Read(*operations.find(body.question, chats, **body.how()))
        lines = _lines(operations, found)
    return to_json({"text": found.text, "tokens": found.tokens, "lines": lines})


def searched(operations: Operations, read: Read) -> Searched:
    """What was read, with the messages of its lines."""
    lines = [ShownLine.model_construct(**line) for line in _lines(operations, read)]
    return Searched.model_construct(text=read.text, tokens=read.tokens, lines=lines)


def _lines(operations: Operations, read: Read) -> list[dict[str, Any]]:
    """The fields of a `ShownLine` for each."""
    ids: dict[str, set[str]] = {}
    for chat, turn, _ in read.ranked:
        ids.setdefault(chat, set()).add(turn.id)
    places = {chat: operations.places(chat, of_chat) for chat, of_chat in ids.items()}
    return [
        {**cited(chat, turn, score), "place": places[chat].get(turn.id, 0), "text": turn.text}
        for chat, turn, score in read.ranked
    ]


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
    if body.kept and served.reader.model is not None:
        return await _kept(served, question, stream=body.stream)
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


async def _kept(served: State, question: Question, *, stream: bool) -> Any:
    """What a model answered before."""
    reply = await served.work.run(None, served.reader.kept, question)
    if reply is None:
        if stream:
            return streamed(_once(event("nothing", {})))
        raise RefusedError(404, "no answer to this question is kept, or what it was read from has changed; ask again")
    answer = await served.work.run(None, _answer, served.operations, reply)
    return streamed(_once(event("answer", answer))) if stream else answer


async def _once(written: bytes) -> AsyncIterator[bytes]:
    yield written


async def _chats(body: AskBody, access: Access, served: State) -> list[str]:
    if not body.question.strip():
        raise RefusedError(422, "the question is empty")
    chats = served.visible(access, body.chats)
    if chats is None:
        chats = await served.work.run(None, served.operations.names)
    for chat in chats:
        try:
            await served.work.run(chat, served.operations.memory, chat)  # refused before a stream begins
        except UnknownError:
            if body.chats is not None:
                raise
            chats = [one for one in chats if one != chat]  # it was deleted at this moment
    if not chats:
        raise RefusedError(404, "there are no chats yet" if body.chats is None else "name a chat, or leave out `chats`")
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
        problems=list(reply.problems),
    )
