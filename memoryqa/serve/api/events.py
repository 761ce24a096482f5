"""Server-sent events: what a call in a thread reports, as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE_SEC = 15.0


def event(name: str, data: Any) -> bytes:
    """One event; `data` as JSON, which has no newline."""
    text = data.model_dump_json() if isinstance(data, BaseModel) else json.dumps(data)
    return f"event: {name}\ndata: {text}\n\n".encode()


def streamed(events: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})


async def kept_alive(queue: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    """What comes in `queue` up to None, with a comment whenever nothing has come for a while."""
    while True:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SEC):
                found = await queue.get()
        except TimeoutError:
            yield b": still at it\n\n"
            continue
        if found is None:
            return
        yield found
