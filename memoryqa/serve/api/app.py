"""The HTTP API, the page and MCP as one application over a folder of chats (extra [serve])."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from memoryqa import __version__
from memoryqa.serve.api import asking, chats, health, imports
from memoryqa.serve.api.frequent import Frequent
from memoryqa.serve.api.guard import Guard, Limits
from memoryqa.serve.api.jobs import Imports
from memoryqa.serve.api.mcp import McpByAccess
from memoryqa.serve.api.metrics import Metrics
from memoryqa.serve.api.problems import Problem, add_handlers, log_bug
from memoryqa.serve.api.state import State
from memoryqa.serve.api.uploads import remove_left
from memoryqa.serve.api.work import Work
from memoryqa.serve.asking import Asking
from memoryqa.serve.ending import EndingListeners
from memoryqa.serve.mcp_package import MakeServer
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Tokens
from memoryqa.serve.webpage import page_routes

ASKING_SEC = 600.0
_ASKING_THREADS = 8
_DESCRIPTION = """A memory of conversations, kept word for word: add messages, search them, ask, forget.

A chat is made by the first message that is added to it. Errors are problems (RFC 9457) whose `detail` is one line."""


@dataclass(frozen=True)
class Settings:
    """tokens: that clients send. hosts: names besides those of this machine that the server answers to; None for any.
    uploads: a folder for what is being received, on the disk of the chats."""

    tokens: Tokens
    uploads: Path
    hosts: Collection[str] | None = ()
    limits: Limits = field(default_factory=Limits)


def make_app(operations: Operations, reader: Asking, mcp: MakeServer, settings: Settings) -> tuple[ASGIApp, State]:
    """The application, and what its routes share. mcp: makes the MCP server of an access."""
    metrics, limits = Metrics(), settings.limits
    state = State(
        operations,
        reader,
        Work(limits.timeout_sec),
        Work(ASKING_SEC, _ASKING_THREADS, _ASKING_THREADS, ASKING_SEC),
        Imports(operations),
        metrics,
        limits,
        settings.uploads,
    )
    by_access = McpByAccess(mcp, limits.bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        remove_left(settings.uploads)
        async with by_access.running():
            yield
        for one in (state.imports, state.work, state.asking):
            one.close()

    app = FastAPI(
        title="memoryqa",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # those pages load scripts from a CDN
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.served = state
    add_handlers(app)
    for module in (asking, chats, imports, health):
        app.include_router(module.router)
    app.router.routes += page_routes()
    app.router.routes.append(Route("/mcp", EndingListeners(by_access, state.stopping)))
    _name_problems(app)
    return Guard(_Caught(Frequent(app, state)), settings.tokens, limits, metrics, settings.hosts), state


class _Caught:
    """Answers a bug with 500 as a problem, and logs where it is: its traceback has no values. Answers HEAD as GET, and
    the protocol leaves out the body; streams of events take GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope
        if scope["type"] == "http" and scope["method"] == "HEAD" and not scope["path"].endswith(("/mcp", "/events")):
            asked = {**scope, "method": "GET"}
        try:
            await self._app(asked, receive, send)
        except Exception as error:  # noqa: BLE001  a bug, which a handler of the application has answered
            log_bug(error)
        if "route" in asked:
            scope["route"] = asked["route"]  # for the metrics


def _name_problems(app: FastAPI) -> None:
    """Put the schema of problems into the OpenAPI document, which routes refer to."""
    make = app.openapi

    def openapi() -> dict[str, object]:
        document = make()
        document["components"]["schemas"].setdefault("Problem", Problem.model_json_schema())
        document["components"]["schemas"].pop("HTTPValidationError", None)
        document["components"]["schemas"].pop("ValidationError", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
