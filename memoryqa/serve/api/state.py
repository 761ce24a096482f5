"""What the routes of one server share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from memoryqa.serve.api.guard import Limits
from memoryqa.serve.api.jobs import Imports
from memoryqa.serve.api.metrics import Metrics
from memoryqa.serve.api.repeats import Repeats
from memoryqa.serve.api.work import Work
from memoryqa.serve.asking import Asking
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Access

Result = TypeVar("Result")
Repeatable = tuple[str | None, Access, object]  # the key of a call, whose it is, and all that it says


@dataclass(frozen=True)
class State:
    """work: calls of chats. asking: calls that may wait for a model. stopping: set when the server is asked to end;
    streams end then."""

    operations: Operations
    reader: Asking
    work: Work
    asking: Work
    imports: Imports
    metrics: Metrics
    limits: Limits
    uploads: Path
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    repeats: Repeats = field(default_factory=Repeats)

    def stop(self) -> None:
        """Let streams end: the server was asked to."""
        self.stopping.set()

    async def change(self, chat: str, call: Callable[[], Result], repeatable: Repeatable) -> Result:
        """`Work.change`, once for each key."""
        key, access, said = repeatable
        return await self.repeats.once(key, access, said, lambda: self.work.change(chat, call))

    def visible(self, access: Access, chats: Sequence[str] | None) -> list[str] | None:
        """The chats of a request that may be read: those that it names, or by None all; None again for really all."""
        named = access.among(chats)
        if chats is not None or named is None:
            return named
        there = set(self.operations.names())
        return [chat for chat in named if chat in there]


async def _served(request: Request) -> State:
    state: State = request.app.state.served
    return state


Served = Annotated[State, Depends(_served)]
