"""Routes for those who run the server: whether it answers, and its counts."""

from __future__ import annotations

import os
import time
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from memoryqa import __version__
from memoryqa.serve.api.access import Given
from memoryqa.serve.api.metrics import MEDIA_TYPE
from memoryqa.serve.api.problems import described
from memoryqa.serve.api.state import Served

router = APIRouter(tags=["server"])


class Health(BaseModel):
    status: str
    version: str
    offline: bool = Field(description="whether the offline reader answers, because no language model is configured")
    rebuilding: int = Field(description="chats that answer 503 now, because their index is built anew")


@router.get("/health", responses=described())
async def check_health(served: Served) -> Health:
    """Whether the server and its folder of chats answer, and whether a language model is configured."""
    await served.work.run(None, served.operations.names)
    return Health(
        status="ok",
        version=__version__,
        offline=served.reader.model is None,
        rebuilding=served.operations.rebuilding,
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses={**described(), 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def show_metrics(access: Given, served: Served) -> PlainTextResponse:
    """Counts in the text format of Prometheus, without any name or word of a chat."""
    access.to_all()
    gauges: dict[str, tuple[str, float]] = {
        "open_chats": ("Chats that are in memory.", served.operations.open_chats),
        "rebuilding_chats": ("Chats whose index is built anew.", served.operations.rebuilding),
        "waiting": ("Calls that wait or run.", served.work.waiting),
        "resident_bytes": ("Memory of the process.", resident_bytes()),
        "cpu_seconds": ("Time of all cores since the start.", time.process_time()),
    }
    return PlainTextResponse("".join(served.metrics.lines(gauges)), media_type=MEDIA_TYPE)


def resident_bytes() -> float:
    """Memory that this process holds, in bytes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))
