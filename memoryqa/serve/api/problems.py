"""Errors as JSON problems (RFC 9457): a status, and one line for a person. None repeats what a client sent as it is."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from memoryqa.archive.file import ArchiveError
from memoryqa.errors import MemoryQAError, StoppedError, UsageError
from memoryqa.memory.stored import BehindError
from memoryqa.serve.busy import BusyError
from memoryqa.serve.open_chats import UnknownError, without_folder
from memoryqa.serve.tokens import ForbiddenError

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger(__name__)


class Problem(BaseModel):
    title: str = Field(description="of the status")
    status: int
    detail: str = Field(description="what is wrong and what mends it, in one line")


class RefusedError(Exception):
    """A request that is refused with a status and a line; not a bug, and not logged."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    411: "Length required",
    413: "Too large",
    415: "Unsupported media type",
    421: "Misdirected request",
    422: "Unusable",
    429: "Too many requests",
    500: "Internal error",
    501: "Not available",
    502: "Bad gateway",
    503: "Unavailable",
    504: "Timeout",
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer, those of every route and `statuses`, as OpenAPI takes them."""
    every = (400, 401, 403, 408, 413, 421, 422, 429, 503, 504)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": TITLES[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*every, *statuses})
    }


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = Problem(title=TITLES.get(status, "Error"), status=status, detail=_line(detail))
    return JSONResponse(body.model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: Exception) -> tuple[int, str]:
    """The status and the line of an error that is raised on purpose; 500 for any other, which says nothing of it."""
    if isinstance(error, RefusedError):
        return error.status, error.detail
    if isinstance(error, UnknownError):
        return 404, error.what
    kinds: tuple[tuple[type[Exception], int], ...] = (
        (BusyError, 503),
        (BehindError, 503),
        (ForbiddenError, 403),
        (UsageError, 422),
        (ArchiveError, 503),
        (StoppedError, 502),
        (MemoryQAError, 422),
    )
    for kind, status in kinds:
        if isinstance(error, kind):
            return status, without_folder(str(error))
    return 500, "this is a bug of the server; its log has the place"


def add_handlers(app: FastAPI) -> None:
    """Let `app` answer every error as a problem."""
    app.add_exception_handler(Exception, _answer)
    app.add_exception_handler(MemoryQAError, _answer)
    app.add_exception_handler(RefusedError, _answer)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _answer)


def reply_of(error: Exception) -> JSONResponse:
    """The problem that answers an error."""
    if isinstance(error, HTTPException):
        details = {404: "there is nothing at this address", 405: "this address takes another method"}
        detail = details.get(error.status_code, str(error.detail)) if error.detail in _PLAIN else str(error.detail)
        return problem(error.status_code, detail, error.headers)
    return problem(*problem_of(error), _headers_of(error))


def _headers_of(error: Exception) -> Mapping[str, str] | None:
    if isinstance(error, BusyError):
        return {"Retry-After": str(error.retry_sec)}
    if isinstance(error, BehindError):
        return {"Retry-After": "1"}
    return error.headers if isinstance(error, RefusedError) else None


async def _answer(request: Request, error: Exception) -> JSONResponse:
    return reply_of(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Where and why, without the value, which a log or JSON may not have."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    if first["type"] == "json_invalid":
        return problem(400, "the body is not JSON")
    return problem(422, f"{place}: {first['msg']}" if place else str(first["msg"]))


_PLAIN = ("Not Found", "Method Not Allowed")


def problem_body(error: Exception) -> Problem:
    """A problem as the data of an event."""
    status, detail = problem_of(error)
    return Problem(title=TITLES.get(status, "Error"), status=status, detail=_line(detail))


def _line(detail: str) -> str:
    return " ".join(detail.encode("utf-8", "backslashreplace").decode().split())


def log_bug(error: BaseException) -> None:
    """Where an error was raised, and of which kind; its text may quote a message."""
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("a bug: %s\n%s", type(error).__name__, places)
