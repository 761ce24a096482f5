"""Pods, offers and errors as plain data, the same for both of RunPod's APIs, and the protocol that each API implements.

RunPodError
├── KeyRefusedError       the key is wrong, expired, or lacks a permission
├── RequestRefusedError   RunPod understood and declined; asking again changes nothing
│   └── OutOfStockError   ... because no such machine is free
└── TransientError        no answer, or one that says "later"; asking again may help
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from pod_request import DEPLOYMENT_TIME, PodRequest

KEY_VARIABLE = "RUNPOD_API_KEY"


class RunPodError(Exception):
    """RunPod refused, failed or did not answer; the message is one line for a person."""


class KeyRefusedError(RunPodError):
    """401."""


class RequestRefusedError(RunPodError):
    """RunPod declined this request for good."""


class OutOfStockError(RequestRefusedError):
    """No machine with these cards is free."""


class TransientError(RunPodError):
    """Asking again may help, after `retry_after_sec` if RunPod gives it. RunPod may have carried the request out."""

    def __init__(self, message: str, retry_after_sec: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_sec = retry_after_sec


@dataclass(frozen=True)
class Pod:
    """A pod as it is now. `state`: PROVISIONING, STARTING, RUNNING, EXITED (stopped), ERROR or TERMINATED.

    UNKNOWN: RunPod does not say. `cost_per_hour_usd` is 0 for a stopped pod (its volume still costs), and None where
    RunPod names no price or zero: an unknown price is not nothing. `ssh_host` and `ssh_port` are None until the
    container runs. `deployment` is the token of the `deploy.py` run that made it, None for any other pod.
    """

    id: str
    name: str
    state: str
    gpu: str
    gpu_count: int
    cost_per_hour_usd: float | None
    ssh_host: str | None = None
    ssh_port: int | None = None
    data_center: str | None = None
    deployment: str | None = None

    def age_sec(self) -> float | None:
        """Seconds since `deploy.py` requested it; None for a pod that it did not make."""
        if self.deployment is None:
            return None
        try:
            created = datetime.strptime(self.deployment.split("-")[0], DEPLOYMENT_TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return max(0.0, (datetime.now(UTC) - created).total_seconds())


@dataclass(frozen=True)
class Offer:
    """A card in one cloud, for one number of cards on a machine.

    `availability`: NONE, LOW, MEDIUM, HIGH, or UNKNOWN if the API does not grade it. `data_centers`: the same
    grades by data center id; empty if the API does not report them. The price is None where RunPod names none.
    """

    gpu_id: str
    price_per_gpu_hour_usd: float | None
    max_count: int
    availability: str
    data_centers: Mapping[str, str] = field(default_factory=dict)


def number_of(value: Any) -> float | None:
    """`value` as a number that is finite and not negative; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if 0 <= found < math.inf else None


def price_of_state(value: Any, state: str) -> float | None:
    """What a pod costs per hour: nothing once it is stopped; None where RunPod names no price, or zero."""
    return 0.0 if state in ("EXITED", "TERMINATED") else number_of(value) or None


class RunPodApi(Protocol):
    """All methods raise RunPodError; those that change nothing may be repeated freely."""

    def offers(self, gpu_ids: Collection[str], request: PodRequest) -> list[Offer]:
        """Price and availability of the cards `gpu_ids`, for the number, cloud and CUDA of the request."""

    def data_center_of(self, volume_id: str) -> str:
        """The data center of a network volume. Raises RequestRefusedError for an unknown id."""

    def describe(self, request: PodRequest) -> dict[str, object]:
        """The request that `create` would send, without the key."""

    def create(self, request: PodRequest) -> Pod:
        """Send one request. After a TransientError the pod may exist: see `runpod_api.create_or_find`."""

    def pods(self) -> list[Pod]:
        """All pods of the account."""

    def pod(self, pod_id: str) -> Pod | None:
        """The pod; None if it does not exist (any more)."""

    def terminate(self, pod_id: str) -> None:
        """Delete a pod and its volume disk; no error if it is already gone."""

    def log_lines(self, pod_id: str, tail: int) -> list[str]:
        """The last lines of its container and its host."""
