"""Stops a training on an Arbor server that makes no progress, so that nothing waits for ever.

Arbor's client posts without a timeout, its server answers "running" for a dead trainer, and `/step`, `/checkpoint` and
`/terminate` then hang. So every post goes through `ArborConnection`, which waits until the `Watchdog` finds a problem
or the endpoint's time limit is over.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.backend_api import TrainingStoppedError
from training.on_arbor.logs import JobLogs

if TYPE_CHECKING:
    import requests

_POLL_SEC = 0.2
_GRACE_SEC = 2.0  # beyond the limits of the transport, whose error says more; they begin anew with each byte
_HANGS = "its trainer hangs or is dead: restart the Arbor server"


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds, generous for a 3B model, and how many chats in a row may fail."""

    connect_sec: float = 5.0
    initialize_sec: float = 1800.0  # the model's download, vLLM's start, the trainer's
    status_sec: float = 30.0
    step_sec: float = 300.0
    checkpoint_sec: float = 900.0  # it waits for the current optimizer step
    terminate_sec: float = 900.0  # includes a checkpoint
    cancel_sec: float = 120.0
    chat_sec: float = 120.0
    stall_sec: float = 900.0  # without a step, a checkpoint or an answered chat
    lost_chats: int = 16  # in a row; a single lost chat costs only one rollout

    def of(self, endpoint: str) -> float:
        """The time limit of an endpoint's answer, in seconds."""
        return float(getattr(self, f"{endpoint}_sec"))


class Watchdog:
    """Gets reports of progress; `check` raises TrainingStoppedError, one line with the fix, when there is none.

    Chats report from their own threads; all other calls come from the main thread.
    """

    def __init__(self, logs: JobLogs, limits: Limits) -> None:
        self.logs = logs
        self.limits = limits
        self._lost_in_a_row = 0
        self._last_error = ""
        self._lock = threading.Lock()
        self._progress_at = time.monotonic()

    def progress(self) -> None:
        """Report that a step or a checkpoint is done."""
        self._progress_at = time.monotonic()

    def chat_answered(self) -> None:
        with self._lock:
            self._lost_in_a_row = 0
        self.progress()

    def chat_lost(self, error: Exception) -> None:
        """Report that a chat failed after all retries; its rollout is lost."""
        with self._lock:
            self._lost_in_a_row += 1
            self._last_error = f"{type(error).__name__}: {error}".splitlines()[0][:200]

    @property
    def chats_are_lost(self) -> bool:
        """Whether so many chats in a row failed that the next one would fail too."""
        return self._lost_in_a_row >= self.limits.lost_chats

    def check(self, *, is_posting: bool = False) -> None:
        """Raise if the trainer is dead, its gradients are NaN, chats are not answered, or there is no progress.

        is_posting: a request is in flight, which has its own time limit.
        """
        self.logs.update()
        if (error := self.logs.death()) is not None:
            raise TrainingStoppedError(f"the trainer is dead ({error}); {self.fix('see the end of its log')}")
        gradient = self.logs.metrics.get("grad_norm", 0.0)
        if gradient != gradient:
            raise TrainingStoppedError(
                "the gradients are no longer numbers and have destroyed the weights; a lower --learning-rate or "
                "--max-grad-norm 0.1 keeps them in bounds"
            )
        if self.chats_are_lost:
            raise TrainingStoppedError(
                f"the last {self._lost_in_a_row} chats were not answered ({self._last_error}); "
                + self.fix("the server answers null when its vLLM fails: look into logs/inference.log of the job")
            )
        silent_sec = time.monotonic() - self._progress_at
        if not is_posting and silent_sec > self.limits.stall_sec:
            raise TrainingStoppedError(f"no progress for {silent_sec / 60:.1f} minutes; {self.fix(_HANGS)}")

    def fix(self, otherwise: str) -> str:
        """The fix for the first known problem in the logs, else `otherwise`."""
        return self.logs.fix() or otherwise


class ArborConnection:
    """Replaces `requests` in Arbor's client: its `post` times out and reports the server's error messages.

    run_name: added to the `initialize` request, because the client sends none. So the job's id, and with it the folder
    of its logs, is known before the answer, which takes up to half an hour or never comes.
    """

    def __init__(self, watchdog: Watchdog, run_name: str) -> None:
        self.watchdog = watchdog
        self.run_name = run_name

    def post(self, url: str, headers: Mapping[str, str] | None = None, json: Any = None) -> requests.Response:
        """Post and wait. Raises TrainingStoppedError for an error, or if there is no answer in time."""
        endpoint = url.rpartition("/")[2]
        body = {**json, "run_name": self.run_name} if endpoint == "initialize" else json
        connect_sec, limit_sec = self.watchdog.limits.connect_sec, self.watchdog.limits.of(endpoint)
        call = _Call(url, body, (connect_sec, limit_sec))
        deadline = time.monotonic() + connect_sec + limit_sec + _GRACE_SEC
        while not call.done.wait(_POLL_SEC) and time.monotonic() < deadline:
            self.watchdog.check(is_posting=True)
        response = call.response
        if response is None:
            raise TrainingStoppedError(self._silence(endpoint, call))
        if response.status_code != 200:
            problem = error_text(response)
            fix = self.watchdog.fix(_REFUSALS.get(_kind(response), "see the server's log"))
            raise TrainingStoppedError(f"the server refused /{endpoint} ({response.status_code} {problem}); {fix}")
        return response

    def cancel(self, url: str, job_id: str) -> bool:
        """Cancel a job without asking the watchdog. False if the server does not know the job."""
        call = _Call(url, {"job_id": job_id}, (self.watchdog.limits.connect_sec, self.watchdog.limits.cancel_sec))
        call.done.wait(self.watchdog.limits.connect_sec + self.watchdog.limits.cancel_sec + _GRACE_SEC)
        if call.response is None:
            raise TrainingStoppedError(self._silence("cancel", call))
        if call.response.status_code not in (200, 404):
            raise TrainingStoppedError(error_text(call.response))
        return call.response.status_code == 200

    def _silence(self, endpoint: str, call: _Call) -> str:
        import requests

        if isinstance(call.error, requests.ReadTimeout) or not call.done.is_set():
            limit_sec = self.watchdog.limits.of(endpoint)
            problem = f"the server did not answer /{endpoint} within {limit_sec:g} s"
            return f"{problem}; {self.watchdog.fix(_HANGS)}"
        reason = str(getattr(call.error, "args", [""])[0]).splitlines()[0][:120]
        return f"the server is gone: /{endpoint} failed ({reason}); restart the Arbor server, see its last output"


_REFUSALS = {
    "GPUAllocationError": "another job holds the GPUs: cancel it, or restart the Arbor server, which frees all of them",
    "KeyError": "the server does not know the job: it was restarted meanwhile",
}


def error_text(response: requests.Response) -> str:
    """The server's error as one line: Arbor's `{type, message}`, FastAPI's `{detail}`, or the text."""
    try:
        body = response.json()
    except ValueError:
        return response.text[:200].replace("\n", " ")
    if isinstance(body, dict) and "message" in body:
        return f"{body.get('type')}: {body['message']}"
    detail = body.get("detail", body) if isinstance(body, dict) else body
    if isinstance(detail, list):  # pydantic: where, and what
        return ", ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in detail)
    return str(detail)


def _kind(response: requests.Response) -> str:
    return error_text(response).partition(":")[0]


class _Call:
    """One post on its own thread, so that the caller can stop waiting."""

    def __init__(self, url: str, body: Any, timeouts_sec: tuple[float, float]) -> None:
        self.done = threading.Event()
        self.response: requests.Response | None = None
        self.error: Exception | None = None
        threading.Thread(target=self._run, args=(url, body, timeouts_sec), daemon=True).start()

    def _run(self, url: str, body: Any, timeouts_sec: tuple[float, float]) -> None:
        import requests

        try:
            self.response = requests.post(url, json=body, timeout=timeouts_sec)
        except requests.RequestException as error:
            self.error = error
        finally:
            self.done.set()
