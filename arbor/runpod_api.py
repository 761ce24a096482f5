"""Calls to RunPod that survive failures: retries, exactly one pod per deployment, a checked end.

`open_api("rest" | "graphql")` gives a `RunPodApi`. REST v2 (runpod_rest.py) is the default: RunPod retires GraphQL
early in 2027, and only REST reports the stock of each data center, a pod's phase and its logs. GraphQL
(runpod_graphql.py) goes through the `runpod` SDK. RUNPOD_API_BASE_URL replaces the address of both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pod_request import PodRequest
from runpod_graphql import GraphQLApi
from runpod_rest import RestApi
from runpod_types import Pod, RunPodApi, TransientError

T = TypeVar("T")
CONSOLE_URL = "https://www.console.runpod.io/pods"


def open_api(kind: str, key: str) -> RunPodApi:
    """`kind`: rest or graphql. Raises UsageError where graphql lacks its SDK."""
    base_url = os.environ.get("RUNPOD_API_BASE_URL", "https://api.runpod.io").rstrip("/")
    return RestApi(key, base_url) if kind == "rest" else GraphQLApi(key, base_url)


@dataclass(frozen=True)
class Patience:
    """How often a call is repeated after a transient failure; the waits double."""

    attempts: int = 6
    first_wait_sec: float = 1.0

    @classmethod
    def of(cls, poll_sec: float) -> Patience:
        """The patience that fits polling every `poll_sec`."""
        return cls(first_wait_sec=poll_sec / 5)

    def retry(self, ask: Callable[[], T], on_retry: Callable[[str], None]) -> T:
        """`ask()`, repeated after a TransientError; the last one is raised. `on_retry` gets each reason as a line."""
        for attempt in range(self.attempts):
            try:
                return ask()
            except TransientError as error:
                if attempt == self.attempts - 1:
                    raise
                wait_sec = min(60.0, error.retry_after_sec or self.first_wait_sec * 2**attempt)
                on_retry(f"{error}; trying again in {wait_sec:.0f} s")
                time.sleep(wait_sec)
        raise AssertionError("unreachable: attempts >= 1")


def find_deployment(api: RunPodApi, deployment: str) -> Pod | None:
    """The pod of that deployment; None if RunPod made none."""
    return next((pod for pod in api.pods() if pod.deployment == deployment and pod.state != "TERMINATED"), None)


def create_or_find(api: RunPodApi, request: PodRequest, patience: Patience, on_retry: Callable[[str], None]) -> Pod:
    """Create exactly one pod: after a lost answer, look for the pod before requesting another."""
    asked = False

    def ask() -> Pod:
        nonlocal asked
        if asked and (pod := find_deployment(api, request.deployment)):
            return pod
        asked = True
        return api.create(request)

    return patience.retry(ask, on_retry)


def terminate_surely(api: RunPodApi, pod_id: str, patience: Patience, on_retry: Callable[[str], None]) -> None:
    """Terminate a pod and check that it is gone; raises RunPodError if that could not be confirmed."""

    def ask() -> None:
        api.terminate(pod_id)
        pod = api.pod(pod_id)
        if pod is not None and pod.state != "TERMINATED":
            raise TransientError(f"pod {pod_id} is still there ({pod.state})")

    patience.retry(ask, on_retry)
