"""RunPod's GraphQL API through its Python SDK, until RunPod retires it (early 2027).

The SDK writes values into the query text without escaping them, does not read RUNPOD_API_KEY, never retries, and raises
TypeError on a null answer; its timeout begins anew with each byte. This module handles all five.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from pod_request import DEPLOYMENT_VARIABLE, PodRequest
from runpod_types import (
    KeyRefusedError,
    Offer,
    OutOfStockError,
    Pod,
    RequestRefusedError,
    RunPodError,
    TransientError,
    number_of,
    price_of_state,
)
from usage_error import UsageError
from whole_answer import within

T = TypeVar("T")
CUDA_VERSIONS = (
    "12.6",
    "12.8",
    "12.9",
    "13.0",
)  # the API has no "at least", so all versions are listed


class GraphQLApi:
    """See `runpod_types.RunPodApi`."""

    def __init__(self, key: str, base_url: str, most_sec: float = 60.0) -> None:
        try:
            import runpod
        except ImportError as error:
            raise UsageError(
                "--api graphql needs RunPod's SDK: pip install 'runpod>=1.7,<2', or use --api rest"
            ) from error
        self._sdk = runpod
        self._sdk.api_key = key
        self._base_url = base_url
        self._most_sec = most_sec

    def offers(self, gpu_ids: Collection[str], request: PodRequest) -> list[Offer]:
        def offer(gpu_id: str) -> Offer:
            reply = self._sdk.get_gpu(gpu_id, request.gpu_count)
            secure = request.cloud == "SECURE"
            price = reply["securePrice" if secure else "communityPrice"]
            offered = reply["secureCloud" if secure else "communityCloud"]
            free = (reply["lowestPrice"] or {}).get("uninterruptablePrice") is not None
            return Offer(
                gpu_id, number_of(price) or None, int(reply["maxGpuCount"]), "UNKNOWN" if free and offered else "NONE"
            )

        rented = self._ask(lambda: {one["id"] for one in self._sdk.get_gpus()})
        return [self._ask(partial(offer, gpu_id)) for gpu_id in gpu_ids if gpu_id in rented]

    def data_center_of(self, volume_id: str) -> str:
        volumes = self._ask(
            lambda: [(one["id"], one["dataCenterId"]) for one in self._sdk.get_user()["networkVolumes"]]
        )
        for known_id, data_center in volumes:
            if known_id == volume_id:
                return str(data_center)
        raise RequestRefusedError(f"--network-volume {volume_id}: this account has no such volume")

    def describe(self, request: PodRequest) -> dict[str, object]:
        return {"method": "POST", "url": f"{self._base_url}/graphql", "runpod.create_pod": create_arguments(request)}

    def create(self, request: PodRequest) -> Pod:
        arguments = create_arguments(request)
        reply = self._ask(lambda: self._sdk.create_pod(**arguments)["id"])
        return Pod(reply, request.name, "PROVISIONING", request.card.gpu_id, request.gpu_count, None)

    def pods(self) -> list[Pod]:
        return self._ask(lambda: [_pod(one) for one in self._sdk.get_pods() if one and one.get("id")])

    def pod(self, pod_id: str) -> Pod | None:
        def ask() -> Pod | None:
            reply = self._sdk.get_pod(pod_id)
            return None if reply is None else _pod(reply)

        return self._ask(ask)

    def terminate(self, pod_id: str) -> None:
        try:
            self._ask(lambda: self._sdk.terminate_pod(pod_id))
        except RequestRefusedError as error:
            if "not found" not in str(error).lower():
                raise

    def log_lines(self, pod_id: str, tail: int) -> list[str]:
        raise RequestRefusedError("the GraphQL API has no logs: use --api rest, or read them in RunPod's console")

    def _ask(self, ask: Callable[[], T]) -> T:
        """`ask()`, with the SDK's exceptions translated into ours and a clock over all of it."""
        import requests

        try:
            return within(self._most_sec, ask)
        except TimeoutError as error:
            raise TransientError(f"no whole answer from {self._base_url} in {self._most_sec:g} s") from error
        except requests.RequestException as error:  # includes an answer that is not JSON, such as a 502 page
            raise TransientError(f"no usable answer from {self._base_url} ({type(error).__name__})") from error
        except (KeyError, TypeError) as error:  # {"data": null} and the like
            raise TransientError(f"RunPod gave an empty answer ({type(error).__name__}: {error})") from error
        except self._sdk.error.AuthenticationError as error:
            raise KeyRefusedError(f"RunPod does not accept RUNPOD_API_KEY ({error})") from error
        except self._sdk.error.QueryError as error:
            _raise_query_error(str(error))
        except ValueError as error:
            raise RequestRefusedError(str(error)) from error


def create_arguments(request: PodRequest) -> dict[str, Any]:
    """Arguments of `runpod.create_pod`. Raises UsageError for text that would break the SDK's unescaped query."""
    arguments: dict[str, Any] = {
        "name": request.name,
        "image_name": request.image,
        "gpu_type_id": request.card.gpu_id,
        "gpu_count": request.gpu_count,
        "cloud_type": request.cloud,
        "container_disk_in_gb": request.disk_gb,
        "volume_in_gb": request.volume_gb,
        "volume_mount_path": request.mount_path,
        "network_volume_id": request.network_volume_id,
        "data_center_id": request.data_center_id,
        "docker_args": request.start_command,
        "ports": ",".join(request.ports),
        "env": dict(request.env),
        "allowed_cuda_versions": [one for one in CUDA_VERSIONS if _number(one) >= _number(request.min_cuda_version)],
        "support_public_ip": True,
        "start_ssh": True,
    }
    for text in [*arguments.values(), *request.env, *request.env.values()]:
        if isinstance(text, str) and (not text.isprintable() or '"' in text or "\\" in text):
            raise UsageError(f"{text[:60]!r} has a quote, backslash or line break: not possible with --api graphql")
    return arguments


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _pod(reply: Mapping[str, Any]) -> Pod:
    runtime, state = reply.get("runtime"), str(reply.get("desiredStatus") or "UNKNOWN")
    ports = (runtime or {}).get("ports") or []
    ssh: Mapping[str, Any] = next(
        (port for port in ports if port.get("privatePort") == 22 and port.get("isIpPublic")), {}
    )
    environment = dict(str(one).partition("=")[::2] for one in reply.get("env") or [])
    return Pod(
        id=reply["id"],
        name=reply.get("name") or "",
        state="STARTING" if state == "RUNNING" and runtime is None else state,
        gpu=(reply.get("machine") or {}).get("gpuDisplayName") or "?",
        gpu_count=int(reply.get("gpuCount") or 0),
        cost_per_hour_usd=price_of_state(reply.get("costPerHr"), state),
        ssh_host=ssh.get("ip"),
        ssh_port=ssh.get("publicPort"),
        deployment=environment.get(DEPLOYMENT_VARIABLE),
    )


def _raise_query_error(message: str) -> NoReturn:
    said = message.lower()
    if "instances available" in said or "no gpu" in said or "not enough free gpus" in said:
        raise OutOfStockError(f"RunPod: {message}")
    kind: type[RunPodError] = TransientError if "try again later" in said else RequestRefusedError
    raise kind(f"RunPod: {message}")
