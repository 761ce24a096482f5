"""Notices that a training on an Arbor server goes nowhere, and gives it up: nothing waits for ever.

Arbor's client posts without a timeout, its server answers "running" for a trainer that died, and `/step`, `/checkpoint`
and `/terminate` then hang. So every post goes through `ArborConnection`, which waits as long as the `Watchdog` has no
objection and the endpoint's time is not over.
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
_HANGS = "its trainer hangs or is dead: restart the Arbor server"


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds, on a slow day with a 3B model; and how many chats in a row may fail."""

    connect_sec: float = 5.0
    initialize_sec: float = 1800.0  # the model's download, vLLM's start, the trainer's
    status_sec: float = 30.0
    step_sec: float = 300.0
    checkpoint_sec: float = 900.0  # after the optimizer step that is under way
    terminate_sec: float = 900.0  # a checkpoint, too
    cancel_sec: float = 120.0
    chat_sec: float = 120.0
    stall_sec: float = 900.0  # without a step, a checkpoint or an answered chat
    lost_chats: int = 16  # in a row; a single one happens, and costs one rollout

    def of(self, endpoint: str) -> float:
        """The seconds that an endpoint's answer may take."""
        return float(getattr(self, f"{endpoint}_sec"))


class Watchdog:
    """Is told what goes well; `check` raises TrainingStoppedError, one line with the fix, when nothing does any more.

    Chats report from their own threads; everything else happens on the main one.
    """

    def __init__(self, logs: JobLogs, limits: Limits) -> None:
        self.logs = logs
        self.limits = limits
        self._lost_in_a_row = 0
        self._last_error = ""
        self._lock = threading.Lock()
        self._progress_at = time.monotonic()

    def progress(self) -> None:
        """A step or a checkpoint is done."""
        self._progress_at = time.monotonic()

    def chat_answered(self) -> None:
        with self._lock:
            self._lost_in_a_row = 0
        self.progress()

    def chat_lost(self, error: Exception) -> None:
        """A chat has failed for good: its rollout is lost."""
        with self._lock:
            self._lost_in_a_row += 1
            self._last_error = f"{type(error).__name__}: {error}".splitlines()[0][:200]

    @property
    def chats_are_lost(self) -> bool:
        """Whether so many chats failed in a row that the next one will not do better."""
        return self._lost_in_a_row >= self.limits.lost_chats

    def check(self, *, is_posting: bool = False) -> None:
        """Raise if the trainer is dead, its gradients are not numbers, chats are not answered, or nothing happens.

        is_posting: a request is under way, which has a limit of its own.
        """
        self.logs.update()
        if (error := self.logs.death()) is not None:
            raise TrainingStoppedError(f"the trainer is dead ({error}); {self.fix('see the end of its log')}")
        gradient = self.logs.metrics.get("grad_norm", 0.0)
        if gradient != gradient:
            raise TrainingStoppedError(
                "the gradients are no longer numbers, and have spoilt the weights; a lower --learning-rate or "
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
        """The known fix for what the logs show, else `otherwise`."""
        return self.logs.fix() or otherwise


class ArborConnection:
    """In the place of `requests` in Arbor's client: `post` ends, and what the server says against a request is told.

    run_name: is added to the `initialize` request, which the client leaves without; so the job's id, and with it its
    logs, are known before the answer comes, half an hour later or never.
    """

    def __init__(self, watchdog: Watchdog, run_name: str) -> None:
        self.watchdog = watchdog
        self.run_name = run_name

    def post(self, url: str, headers: Mapping[str, str] | None = None, json: Any = None) -> requests.Response:
        """Post, and wait. Raises TrainingStoppedError when there is no good answer, or none in time."""
        endpoint = url.rpartition("/")[2]
        body = {**json, "run_name": self.run_name} if endpoint == "initialize" else json
        call = _Call(url, body, (self.watchdog.limits.connect_sec, self.watchdog.limits.of(endpoint)))
        while not call.done.wait(_POLL_SEC):
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
        """Cancel a job, whatever the watchdog says. False when the server does not know it."""
        call = _Call(url, {"job_id": job_id}, (self.watchdog.limits.connect_sec, self.watchdog.limits.cancel_sec))
        call.done.wait()
        if call.response is None:
            raise TrainingStoppedError(self._silence("cancel", call))
        if call.response.status_code not in (200, 404):
            raise TrainingStoppedError(error_text(call.response))
        return call.response.status_code == 200

    def _silence(self, endpoint: str, call: _Call) -> str:
        import requests

        if isinstance(call.error, requests.ReadTimeout):
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
    """What the server says is wrong, on one line: Arbor's `{type, message}`, FastAPI's `{detail}`, or the text."""
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
    """One post on a thread of its own, so that whoever waits can stop waiting."""

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
