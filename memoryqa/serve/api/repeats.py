"""Changes that come again, because their caller got no reply: those of one key are made once, and all get its reply.

What is added is known by its key in the chat's file, after a restart too. Other changes are the same when made twice.

The header is that of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Annotated, Any, TypeVar

from fastapi import Header

from memoryqa.serve.api.problems import RefusedError
from memoryqa.serve.tokens import Access

Result = TypeVar("Result")

HEADER = b"idempotency-key"
MAX_KEPT = 300  # replies

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="your own id of this call: sent again, it is not made again, and has the same reply",
    ),
]


class Repeats:
    """The calls of one server, in memory alone."""

    def __init__(self) -> None:
        self._calls: OrderedDict[tuple[str, str], tuple[bytes, asyncio.Future[Any]]] = OrderedDict()

    async def once(
        self, key: str | None, access: Access, said: object, make: Callable[[], Awaitable[Result]]
    ) -> Result:
        """What `make` returns or raises; of a call with a key that is being made, or was made and is still known, what
        that one does. said: all that the call says, by which it is compared. RefusedError for a key of another call."""
        if key is None:
            return await make()
        name, said = (access.name, key), blake2b(repr(said).encode("utf-8", "surrogatepass")).digest()
        if (known := self._calls.get(name)) is None:
            known = self._calls[name] = said, asyncio.ensure_future(make())
            known[1].add_done_callback(lambda made: self._end(name, made))
        if known[0] != said:
            raise RefusedError(422, "Idempotency-Key: another call had this key; give each call one of its own")
        reply: Result = await asyncio.shield(known[1])  # who leaves does not end it
        return reply

    def _end(self, name: tuple[str, str], made: asyncio.Future[Any]) -> None:
        """Keep a reply; what failed may be tried again."""
        if made.cancelled() or made.exception() is not None:
            del self._calls[name]
            return
        while len(self._calls) > MAX_KEPT and (oldest := next(iter(self._calls.items())))[1][1].done():
            del self._calls[oldest[0]]
