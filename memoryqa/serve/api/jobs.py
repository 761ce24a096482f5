"""Imports under way: an export that was uploaded is read in a thread, and asked about while it is."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.errors import MemoryQAError
from memoryqa.serve.api.bodies import ImportJob
from memoryqa.serve.api.problems import RefusedError, log_bug, problem_of
from memoryqa.serve.operations import Operations
from memoryqa.serve.tokens import Access

if TYPE_CHECKING:
    from memoryqa.importers import ImportReport

MAX_JOBS = 100  # that are remembered
MAX_UNDER_WAY = 8
MAX_WATCHERS = 16  # of an import
_AT_ONCE = 2


class StoppingError(Exception):
    """The server ends: what was read so far is kept, and the same export adds the rest later."""


@dataclass
class Job:
    """An import. changed: set whenever `shown` is another. watchers: how many streams show it."""

    owner: str
    shown: ImportJob
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: int = 0

    @property
    def is_over(self) -> bool:
        return self.shown.state in ("done", "failed")


class Imports:
    """The imports of a server, at most two at once."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._executor = ThreadPoolExecutor(_AT_ONCE, "import")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._stopping = threading.Event()

    def begin(self, path: Path, access: Access, chat: str | None, how: dict[str, Any]) -> Job:
        """Import the file at `path`, which is removed at the end. RefusedError when too many are under way."""
        if sum(not job.is_over for job in self._jobs.values()) >= MAX_UNDER_WAY:
            raise RefusedError(503, "too many imports are under way; try again when one is done", {"Retry-After": "10"})
        job = Job(
            access.name,
            ImportJob(id=secrets.token_urlsafe(12), chat=chat, state="reading", messages=0, share=0, problem=None),
        )
        self._jobs[job.shown.id] = job
        while len(self._jobs) > MAX_JOBS:
            self._jobs.popitem(last=False)
        loop = asyncio.get_running_loop()

        def show(**changes: Any) -> None:
            loop.call_soon_threadsafe(_show, job, changes)

        self._executor.submit(self._import, path, chat, how, show)
        return job

    def job(self, id: str, access: Access) -> Job:
        """RefusedError, 404, when the token of the request began no such import."""
        job = self._jobs.get(id)
        if job is None or job.owner != access.name:
            raise RefusedError(404, "there is no such import; those of before a restart are over")
        return job

    def _import(self, path: Path, chat: str | None, how: dict[str, Any], show: Callable[..., None]) -> None:
        def progress(step: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise StoppingError
            if step == "reading":
                show(state="reading", messages=done)
            else:
                show(state="adding", messages=total, share=done / total if total else 1.0)

        def counted(report: ImportReport) -> None:
            show(people=len(report.people), days=len(report.days))

        try:
            result = self._operations.import_export(path, chat, progress, counted, **how)
            read = result.report
            ended: dict[str, Any] = {"messages": read["messages"], "share": 1.0, "result": result}
            ended |= {"people": len(read["people"]), "days": read["days"]}
            state = "done"
        except StoppingError:
            ended = {"problem": "the server ended; import the same file again, and the rest is added"}
            state = "failed"
        except Exception as error:  # noqa: BLE001  the client gets a line, the log a bug
            if not isinstance(error, MemoryQAError):
                log_bug(error)
            ended = {"problem": problem_of(error)[1].replace(str(path), path.name)}
            state = "failed"
        finally:
            path.unlink(missing_ok=True)
            path.parent.rmdir()
        show(state=state, **ended)  # once nothing of the upload is left

    def close(self) -> None:
        """Let imports end at their next batch."""
        self._stopping.set()
        self._executor.shutdown(cancel_futures=True)


def _show(job: Job, changes: dict[str, Any]) -> None:
    job.shown = job.shown.model_copy(update=changes)
    job.changed.set()
    job.changed = asyncio.Event()
