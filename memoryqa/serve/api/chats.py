"""Routes of chats and their messages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from memoryqa.archive.exchange import FORMATS
from memoryqa.serve.api.access import Given
from memoryqa.serve.api.bodies import (
    ChatName,
    Chosen,
    Forgetting,
    Joining,
    MessageId,
    NewChat,
    NewMessages,
    NewText,
    Revision,
    Revisions,
)
from memoryqa.serve.api.problems import described
from memoryqa.serve.api.repeats import Key
from memoryqa.serve.api.state import Served, State
from memoryqa.serve.reading import MAX_PAGE, ChatDays, MessagePage, WouldForget, days_of, page_of
from memoryqa.serve.replies import ChatSummary, Corrected, Forgotten, Joined, Listed, People, Remembered
from memoryqa.serve.tokens import Access

router = APIRouter(prefix="/v1", tags=["chats"])

ExportFormat = Literal["jsonl", "csv", "markdown", "locomo"]
_MEDIA_TYPES: dict[str, str] = {
    "jsonl": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "locomo": "application/json",
}
_CHUNK_CHARS = 64 * 1024


@router.get("/chats", responses=described())
async def list_chats(access: Given, served: Served) -> Listed:
    """The chats, with their people and days."""
    return Listed(chats=await served.work.run(None, served.operations.summaries, served.visible(access, None)))


@router.post("/chats", status_code=201, responses=described())
async def create_chat(body: NewChat, access: Given, served: Served) -> ChatSummary:
    """Make a chat; one of that name that is there stays as it is."""
    return await served.work.run(body.chat, served.operations.create, access.to_write(body.chat))


@router.delete("/chats/{chat}", responses=described(404))
async def delete_chat(chat: ChatName, access: Given, served: Served, key: Key = None) -> Forgotten:
    """Erase a chat, with its file."""
    access.to_write(chat)
    delete = served.operations.delete
    return await served.change(chat, lambda: delete(chat), (key, access, ("delete", chat)))


@router.get("/chats/{chat}/messages", responses=described(404))
async def list_messages(
    chat: ChatName,
    access: Given,
    served: Served,
    start: Annotated[int, Query(ge=-(2**31), le=2**31, description="place of the first; negative: from the end")] = 0,
    around: Annotated[str | None, Query(max_length=60, description="instead: those around this message")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> MessagePage:
    """Messages in the order of the chat."""
    memory = served.operations.memory
    access.to_read(chat)
    return await served.work.run(chat, lambda: page_of(chat, memory(chat), start=start, around=around, limit=limit))


@router.post("/chats/{chat}/messages", status_code=201, response_model=Remembered, responses=described())
async def add_messages(chat: ChatName, body: NewMessages, access: Given, served: Served, key: Key = None) -> Response:
    """Add messages, all or none; a chat that is not there is made. They are on disk when this answers."""
    return Response(await add_reply(body, chat, access, served, key), 201, media_type="application/json")


async def add_reply(body: NewMessages, chat: str, access: Access, served: State, key: str | None = None) -> bytes:
    """What `add_messages` answers, as JSON."""
    access.to_write(chat)
    own = None if key is None else f"{access.name}\0{key}"  # kept with the messages: a restart forgets none
    remember = partial(served.operations.remember, body.messages, chat, key=own)
    kept = await served.change(chat, remember, (key, access, ("add", chat, body)))
    return kept.model_dump_json().encode()


@router.patch("/chats/{chat}/messages/{id}", responses=described(404))
async def correct_message(
    chat: ChatName, id: MessageId, body: NewText, access: Given, served: Served, key: Key = None
) -> Corrected:
    """Let a message say something else. Its id, time and speaker stay."""
    access.to_write(chat)
    correct = partial(served.operations.correct, id, body.text, chat, keep_revision=body.keep_revision)
    return await served.change(chat, correct, (key, access, ("correct", chat, id, body)))


@router.delete("/chats/{chat}/messages/{id}", responses=described(404))
async def forget_message(chat: ChatName, id: MessageId, access: Given, served: Served, key: Key = None) -> Forgotten:
    """Erase a message for good, from the file too."""
    access.to_write(chat)
    forget = partial(served.operations.forget, chat, id=id, person=None, before=None, everything=False)
    return await served.change(chat, forget, (key, access, ("forget", chat, id)))


@router.post("/chats/{chat}/forget", responses=described(404))
async def forget_messages(
    chat: ChatName, body: Forgetting, access: Given, served: Served, key: Key = None
) -> Forgotten:
    """Erase a message, a person's, those before a day, or all of them, for good, from the file too."""
    access.to_write(chat)
    forget = partial(served.operations.forget, chat, **body.model_dump())
    return await served.change(chat, forget, (key, access, ("forget", chat, body)))


@router.post("/chats/{chat}/would-forget", responses=described(404))
async def would_forget(
    chat: ChatName,
    body: Forgetting,
    access: Given,
    served: Served,
    start: Annotated[int, Query(ge=0, le=2**31, description="of those, the first that is shown")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> WouldForget:
    """What the same call of `forget` would erase now. Nothing is changed."""
    access.to_read(chat)
    meant = served.operations.would_forget
    return await served.work.run(chat, lambda: meant(chat, start, limit, **body.model_dump()))


@router.get("/chats/{chat}/messages/{id}/revisions", responses=described(404))
async def list_revisions(chat: ChatName, id: MessageId, access: Given, served: Served) -> Revisions:
    """What a message said before each correction."""
    older = await served.work.run(chat, served.operations.revisions, access.to_read(chat), id)
    revisions = [
        Revision(text=one.text, speaker=one.speaker, time=one.time.isoformat() if one.time else None) for one in older
    ]
    return Revisions(chat=chat, id=id, revisions=revisions)


@router.get("/chats/{chat}/days", responses=described(404))
async def list_days(chat: ChatName, access: Given, served: Served) -> ChatDays:
    """How many messages each day has, and where it begins."""
    access.to_read(chat)
    return await served.work.run(chat, lambda: days_of(chat, served.operations.memory(chat)))


@router.get("/chats/{chat}/export", response_class=Response, responses=described(404))
async def export_chat(
    chat: ChatName, access: Given, served: Served, format: ExportFormat = "jsonl"
) -> StreamingResponse:
    """All messages as a file. JSONL is read back equal; the others are for people and other programs."""
    access.to_read(chat)

    def begun() -> tuple[str, Iterator[str]]:
        chunks = _chunks(iter(served.operations.memory(chat).exported(format, chat)))
        return next(chunks, ""), chunks  # the first here: what the format cannot have is refused before a reply begins

    first, rest = await served.work.run(chat, begun)
    disposition = f'attachment; filename="chat{FORMATS[format]}"'
    return StreamingResponse(
        _joined(first, rest), media_type=_MEDIA_TYPES[format], headers={"Content-Disposition": disposition}
    )


def _chunks(written: Iterator[str]) -> Iterator[str]:
    held, chars = list[str](), 0
    for one in written:
        held.append(one)
        chars += len(one)
        if chars >= _CHUNK_CHARS:
            yield "".join(held)
            held, chars = [], 0
    if held:
        yield "".join(held)


def _joined(first: str, rest: Iterator[str]) -> Iterator[bytes]:
    yield first.encode("utf-8", "surrogatepass")
    for one in rest:
        yield one.encode("utf-8", "surrogatepass")


@router.post("/chats/{chat}/people", responses=described(404), tags=["people"])
async def join_names(chat: ChatName, body: Joining, access: Given, served: Served, key: Key = None) -> Joined:
    """Show what a person said under several names under one, now and in later imports. It cannot be undone."""
    access.to_write(chat)
    join = partial(served.operations.join, chat, body.same, body.me)
    return await served.change(chat, join, (key, access, ("join", chat, body)))


@router.get("/people", responses=described(), tags=["people"])
async def list_people(access: Given, served: Served) -> People:
    """Who speaks in which chats, most talkative first."""
    return await served.work.run(None, served.operations.people, served.visible(access, None))


@router.post("/people", responses=described(404), tags=["people"])
async def list_people_of(body: Chosen, access: Given, served: Served) -> People:
    """Who speaks in some chats, most talkative first."""
    return await served.work.run(None, served.operations.people, served.visible(access, body.chats))
