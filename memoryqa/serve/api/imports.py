"""Routes that import an export: upload it, then watch it being read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from memoryqa.serve.api.access import Given
from memoryqa.serve.api.bodies import ImportJob
from memoryqa.serve.api.events import KEEP_ALIVE_SEC, MEDIA_TYPE, event, streamed
from memoryqa.serve.api.guard import IMPORT_PATH
from memoryqa.serve.api.jobs import MAX_WATCHERS, Job
from memoryqa.serve.api.problems import RefusedError, described
from memoryqa.serve.api.state import Served
from memoryqa.serve.api.uploads import FILE, Upload

router = APIRouter(tags=["import"])
JobId = Annotated[str, Path(max_length=40)]
_EVERY_SEC = 0.1  # between two events at least


class ImportOptions(BaseModel):
    """What the importer is told, beside the file."""

    model_config = ConfigDict(extra="forbid")
    chat: str | None = Field(None, min_length=1, max_length=100, description="all of it goes there")
    format: str | None = Field(None, max_length=40, description="where it is not to be recognised by content")
    timezone: str | None = Field(None, max_length=60, description="Europe/Lisbon or +02:00")
    dates: str | None = Field(None, max_length=3, description="dmy, mdy or ymd, where the file leaves it open")
    me: str | None = Field(None, max_length=200, description="the name of the export's owner")


def _form() -> dict[str, Any]:
    """The form, for OpenAPI."""
    schema = ImportOptions.model_json_schema()
    properties = {**schema["properties"], FILE: {"type": "string", "format": "binary"}}
    form = {"type": "object", "properties": properties, "required": [FILE], "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


@router.post(IMPORT_PATH, status_code=202, responses=described(415), openapi_extra=_form())
async def import_export(request: Request, response: Response, access: Given, served: Served) -> ImportJob:
    """Upload an export of a messenger, of mail or of an assistant, and have it read. Ask for its progress by its id."""
    if access.read_only:
        raise RefusedError(403, "this token may only read")
    with Upload(request.headers.get("content-type", ""), served.uploads) as upload:
        await upload.receive(request.stream())
        try:
            options = ImportOptions(**upload.fields)
        except ValidationError as error:
            first = error.errors()[0]
            raise RefusedError(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if options.chat is not None:
            access.to_write(options.chat)
        elif access.chats is not None:
            raise RefusedError(403, "this token is for some chats: say which one in the field chat")
        assert upload.path is not None
        job = served.imports.begin(upload.path, access, options.chat, options.model_dump(exclude={"chat"}))
    response.headers["Location"] = f"/v1/imports/{job.shown.id}"
    return job.shown


@router.get("/v1/imports/{id}", responses=described(404))
async def show_import(id: JobId, access: Given, served: Served) -> ImportJob:
    """How far an import is, and at its end what was read: counts, people, days, what was left out and why."""
    return served.imports.job(id, access).shown


@router.get(
    "/v1/imports/{id}/events",
    response_class=Response,
    responses={**described(404), 200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def watch_import(id: JobId, access: Given, served: Served) -> Response:
    """The same as events, `progress` for each change and `done` or `failed` at the end."""
    job = served.imports.job(id, access)
    if job.watchers >= MAX_WATCHERS:
        raise RefusedError(503, "this import is watched by too many already; poll it", {"Retry-After": "5"})
    return streamed(_watched(job, served.stopping))


async def _watched(job: Job, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    job.watchers += 1
    try:
        async for one in _changes(job, stopping):
            yield one
    finally:
        job.watchers -= 1


async def _changes(job: Job, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    shown = None
    while not stopping.is_set():
        changed = job.changed
        if job.shown is not shown:
            shown = job.shown
            yield event(shown.state if job.is_over else "progress", shown)
            if job.is_over:
                return
        try:
            async with asyncio.timeout(KEEP_ALIVE_SEC):
                await changed.wait()
        except TimeoutError:
            yield b": still at it\n\n"
        await asyncio.sleep(_EVERY_SEC)
