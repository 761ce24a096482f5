"""What is asked of RunPod, as plain data, whichever of its two APIs answers. Nothing else here knows their forms.

`open_api("rest" | "graphql")` gives a `RunPodApi`. REST v2 (runpod_rest.py) is the default: RunPod retires GraphQL
early in 2027, and only REST tells the stock of each data center, a pod's phase and its logs. GraphQL
(runpod_graphql.py) goes through the `runpod` SDK. Both are reached at RUNPOD_API_BASE_URL, where it is set.

    RunPodError
    ├── KeyRefusedError       the key is wrong, expired, or lacks a permission
    ├── RequestRefusedError   RunPod understood and declined; asking again changes nothing
    │   └── OutOfStockError   ... because no such machine is free
    └── TransientError        no answer, or one that says "later"; asking again may help
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from pod_request import PodRequest

T = TypeVar("T")
KEY_VARIABLE = "RUNPOD_API_KEY"
CONSOLE_URL = "https://www.console.runpod.io/pods"
DEPLOYMENT_VARIABLE = (
    "ARBOR_DEPLOYMENT"  # in the pod's environment: tells our pods from others, and when they were made
)
_TOKEN_TIME = "%Y%m%dT%H%M%SZ"


class RunPodError(Exception):
    """Something that RunPod said or did not say; the message is one line for a person."""


class KeyRefusedError(RunPodError):
    """401."""


class RequestRefusedError(RunPodError):
    """RunPod declined this request for good."""


class OutOfStockError(RequestRefusedError):
    """No machine with these cards is free."""


class TransientError(RunPodError):
    """Worth asking again, after `retry_after_sec` where RunPod says so. RunPod may have done what was asked."""

    def __init__(self, message: str, retry_after_sec: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec


@dataclass(frozen=True)
class Pod:
    """A pod as it is now. `state`: PROVISIONING, STARTING, RUNNING, EXITED (stopped), ERROR or TERMINATED.

    `cost_per_hour_usd` is 0 for a stopped pod (its volume still costs). `ssh_host` and `ssh_port` are None until the
    container runs. `deployment` is the token of the `deploy.py` run that made it, None for any other pod.
    """

    id: str
    name: str
    state: str
    gpu: str
    gpu_count: int
    cost_per_hour_usd: float
    ssh_host: str | None = None
    ssh_port: int | None = None
    data_center: str | None = None
    deployment: str | None = None

    def age_sec(self) -> float | None:
        """Seconds since `deploy.py` asked for it, None for a pod of another maker."""
        if self.deployment is None:
            return None
        try:
            created = datetime.strptime(self.deployment.split("-")[0], _TOKEN_TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return max(0.0, (datetime.now(UTC) - created).total_seconds())


@dataclass(frozen=True)
class Offer:
    """A card in one cloud, for one number of cards on a machine.

    `availability`: NONE, LOW, MEDIUM, HIGH, or UNKNOWN where the API does not grade it. `data_centers` maps those that
    have it to the same grades; empty where the API does not tell.
    """

    gpu_id: str
    price_per_gpu_hour_usd: float
    max_count: int
    availability: str
    data_centers: Mapping[str, str] = field(default_factory=dict)


class RunPodApi(Protocol):
    """Every method raises a RunPodError; those that change nothing may be repeated freely."""

    def offers(self, gpu_ids: Collection[str], request: PodRequest) -> list[Offer]:
        """What the cards `gpu_ids` would cost and whether they are free, in the request's number, cloud and CUDA."""

    def data_center_of(self, volume_id: str) -> str:
        """Where a network volume is. RequestRefusedError if there is none of that id."""

    def describe(self, request: PodRequest) -> dict[str, object]:
        """What `create` would send, without the key."""

    def create(self, request: PodRequest) -> Pod:
        """Ask once. After a TransientError the pod may exist: see `create_or_find`."""

    def pods(self) -> list[Pod]:
        """All pods of the account."""

    def pod(self, pod_id: str) -> Pod | None:
        """None if there is no such pod (any more)."""

    def terminate(self, pod_id: str) -> None:
        """Delete a pod and its volume disk. No error if it is gone already."""

    def log_lines(self, pod_id: str, tail: int) -> list[str]:
        """The last lines that its container and its host printed."""


def open_api(kind: str, key: str) -> RunPodApi:
    """`kind`: rest or graphql. Raises ValueError where graphql lacks its SDK."""
    base_url = os.environ.get("RUNPOD_API_BASE_URL", "https://api.runpod.io").rstrip("/")
    if kind == "rest":
        from runpod_rest import RestApi

        return RestApi(key, base_url)
    from runpod_graphql import GraphQLApi

    return GraphQLApi(key, base_url)


def new_deployment() -> str:
    """A token for one deployment: when it was asked for, and six hex digits."""
    return f"{datetime.now(UTC):{_TOKEN_TIME}}-{secrets.token_hex(3)}"


@dataclass(frozen=True)
class Patience:
    """How often a transient failure is met with another try; the waits double."""

    attempts: int = 6
    first_wait_sec: float = 1.0

    @classmethod
    def of(cls, poll_sec: float) -> Patience:
        """For somebody who looks every `poll_sec`."""
        return cls(first_wait_sec=poll_sec / 5)

    def retry(self, ask: Callable[[], T], on_retry: Callable[[str], None]) -> T:
        """`ask()`, again after a TransientError; the last one is raised. `on_retry` is told each reason."""
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
    """The pod of that deployment, if RunPod made one."""
    return next((pod for pod in api.pods() if pod.deployment == deployment and pod.state != "TERMINATED"), None)


def create_or_find(api: RunPodApi, request: PodRequest, patience: Patience, on_retry: Callable[[str], None]) -> Pod:
    """Create exactly one pod: where an answer was lost, look for the pod before asking for another."""
    asked = False

    def ask() -> Pod:
        nonlocal asked
        if asked and (pod := find_deployment(api, request.deployment)):
            return pod
        asked = True
        return api.create(request)

    return patience.retry(ask, on_retry)


def terminate_surely(api: RunPodApi, pod_id: str, patience: Patience, on_retry: Callable[[str], None]) -> None:
    """Terminate, and look that it is gone; raises the RunPodError if that could not be seen."""

    def ask() -> None:
        api.terminate(pod_id)
        pod = api.pod(pod_id)
        if pod is not None and pod.state != "TERMINATED":
            raise TransientError(f"pod {pod_id} is still there ({pod.state})")

    patience.retry(ask, on_retry)
