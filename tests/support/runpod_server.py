"""A stand-in of RunPod's API over HTTP on 127.0.0.1: GraphQL (what the `runpod` SDK speaks) and REST v2.

    with RunPodServer(key="rp-key") as server:
        environment = {"RUNPOD_API_BASE_URL": server.base_url, "RUNPOD_API_KEY": "rp-key"}

GraphQL is parsed and executed by graphql-core against a schema of the types that the SDK uses, so that a value with a
bad quote fails as it does at RunPod. REST bodies are checked against models of RunPod's OpenAPI file, unknown fields
included. A pod goes from PROVISIONING through STARTING to RUNNING, one state at each look (`looks_per_state`).
Faults are taken from `faults`, by operation: create, pod, pods, terminate, offers, logs, volume.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from http_stand_in import Fault, HttpStandIn, RecordedRequest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

OPERATIONS = ("create", "pod", "pods", "terminate", "offers", "logs", "volume")
STATES = ("PROVISIONING", "STARTING", "RUNNING")


def problem(status: int, detail: str, **headers: str) -> Fault:
    """A refusal in REST's form, RFC 9457."""
    return Fault(
        status,
        {"title": "Refused", "status": status, "detail": detail},
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


def query_error(message: str) -> Fault:
    """A refusal in GraphQL's form: status 200."""
    return Fault(200, {"errors": [{"message": message}], "data": None})


@dataclass(frozen=True)
class Gpu:
    """A card of the catalog; `places`: data center -> availability, NONE everywhere if empty."""

    id: str
    name: str
    memory_gb: int
    secure: float
    community: float
    places: Mapping[str, str]
    max_count: int = 8


GPUS = (
    Gpu("NVIDIA A100-SXM4-80GB", "A100 SXM", 80, 1.5, 1.25, {"US-KS-2": "HIGH", "EU-RO-1": "LOW"}),
    Gpu("NVIDIA L40S", "L40S", 48, 0.75, 0.5, {"US-TX-3": "MEDIUM"}),
    Gpu("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 3.0, 2.5, {"US-KS-2": "LOW"}),
    Gpu("NVIDIA RTX A6000", "RTX A6000", 48, 0.5, 0.25, {}),
    Gpu("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.75, 0.25, {"EU-RO-1": "HIGH"}, max_count=4),
    Gpu("NVIDIA B200", "B200", 180, 6.0, 5.0, {"US-KS-2": "HIGH"}),
)


@dataclass
class FakePod:
    """`settings`: name, image, gpu_id, gpu_count, cloud, start_command, env, ports, ... in one form for both APIs."""

    id: str
    settings: dict[str, Any]
    looks: int = 0
    state: str | None = None  # set by a test: it stays there


# -- REST v2: request models of https://api.runpod.io/v2/openapi.json -------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _CreateGpu(_Strict):
    id: str
    count: Annotated[int, Field(ge=1)] = 1
    minCudaVersion: Annotated[str | None, Field(pattern=r"^\d+\.\d+$")] = None  # noqa: N815


class _PersistentMount(_Strict):
    size: Annotated[int, Field(ge=10)]
    path: str


class _NetworkMount(_Strict):
    volumeId: str  # noqa: N815
    path: str


class _Mounts(_Strict):
    persistent: _PersistentMount | None = None
    network: Annotated[list[_NetworkMount], Field(max_length=1)] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.persistent and self.network:
            raise ValueError("persistent and network are mutually exclusive")
        return self


class _CreatePod(_Strict):
    name: Annotated[str, Field(min_length=1)]
    image: str
    args: str = ""
    cloud: Literal["SECURE", "COMMUNITY"] = "SECURE"
    gpu: _CreateGpu
    disk: Annotated[int, Field(ge=1)]
    env: dict[str, str]
    ports: list[Annotated[str, Field(pattern=r"^\d+/(tcp|http)$")]]
    startSsh: bool = False  # noqa: N815
    mounts: _Mounts
    dataCenterIds: list[str] | None = None  # noqa: N815


# -- GraphQL: the types that the SDK's queries name --------------------------------------------------------------------

SCHEMA = """
enum CloudTypeEnum { ALL SECURE COMMUNITY }
scalar Anything
input PodFilter { podId: String! }
input GpuTypeFilter { id: String }
input GpuLowestPriceInput { gpuCount: Int! }
input EnvironmentVariableInput { key: String! value: String! }
input PodFindAndDeployOnDemandInput {
  name: String! imageName: String! cloudType: CloudTypeEnum gpuTypeId: String! gpuCount: Int!
  supportPublicIp: Boolean startSsh: Boolean volumeInGb: Int containerDiskInGb: Int minVcpuCount: Int minMemoryInGb: Int
  dockerArgs: String ports: String volumeMountPath: String env: [EnvironmentVariableInput!] dataCenterId: String
  networkVolumeId: String allowedCudaVersions: [String!]
}
type Price { minimumBidPrice: Float uninterruptablePrice: Float }
type GpuType {
  id: String displayName: String memoryInGb: Int maxGpuCount: Int manufacturer: String cudaCores: Int
  secureCloud: Boolean communityCloud: Boolean securePrice: Float communityPrice: Float oneMonthPrice: Float
  threeMonthPrice: Float oneWeekPrice: Float communitySpotPrice: Float secureSpotPrice: Float
  lowestPrice(input: GpuLowestPriceInput): Price
}
type Machine { podHostId: String gpuDisplayName: String }
type Port { ip: String isIpPublic: Boolean privatePort: Int publicPort: Int type: String }
type Runtime { ports: [Port] }
type Pod {
  id: String name: String imageName: String env: [String] machineId: String machine: Machine containerDiskInGb: Int
  costPerHr: Float desiredStatus: String dockerArgs: String dockerId: String gpuCount: Int lastStatusChange: String
  memoryInGb: Int podType: String port: Int ports: String uptimeSeconds: Int vcpuCount: Int volumeInGb: Int
  volumeMountPath: String runtime: Runtime
}
type NetworkVolume { id: String name: String size: Int dataCenterId: String }
type User { id: String pubKey: String networkVolumes: [NetworkVolume] pods: [Pod] }
type Query { myself: User pod(input: PodFilter): Pod gpuTypes(input: GpuTypeFilter): [GpuType] }
type Mutation {
  podFindAndDeployOnDemand(input: PodFindAndDeployOnDemandInput): Pod
  podTerminate(input: PodFilter!): Anything
}
"""
_GRAPHQL_OPERATIONS = {
    "podFindAndDeployOnDemand": "create",
    "podTerminate": "terminate",
    "gpuTypes": "offers",
    "networkVolumes": "volume",
    "pods": "pods",
    "pod(": "pod",
}


class RunPodServer(HttpStandIn):
    """The server. `faults` and `asked` go by operation, one of `OPERATIONS`."""

    def __init__(self, *, key: str, ssh: tuple[str, int] = ("127.0.0.1", 22)) -> None:
        super().__init__()
        self.key, self.ssh, self.looks_per_state = key, ssh, 1
        self.has_public_ip = True
        self.gpus: tuple[Gpu, ...] = GPUS
        self.volumes = {"vol-1": "EU-RO-1"}
        self.pods: dict[str, FakePod] = {}
        self.terminated: list[str] = []
        self.faults: defaultdict[str, deque[Fault | None]] = defaultdict(deque)
        self.log = ["Pod Started", "12:00:00 installing packages"]
        self.page_size: int | None = None  # pods on a page; None: all of them
        self.page_form = (
            "nextCursor"  # how a page says that there is another: nextCursor, pagination, next, hasMore, total
        )
        self.odd_pods: list[Any] = []  # entries that the list has besides, as they are
        self.odd_fields: dict[str, dict[str, Any]] = {}  # by pod id, fields of its entry that replace what is right
        self._ids = itertools.count(1)

    def fail(self, operation: str, *faults: Fault | None) -> None:
        """The next requests of that operation go wrong so; None in between means a normal answer."""
        assert operation in OPERATIONS
        self.faults[operation].extend(faults)

    def asked(self, operation: str) -> list[RecordedRequest]:
        """The requests of that operation so far, in order."""
        with self.lock:
            return [request for request in self.requests if operation_of(request) == operation]

    def add_pod(self, name: str = "other", deployment: str | None = None, state: str | None = None) -> FakePod:
        """A pod that is there already."""
        env = {} if deployment is None else {"ARBOR_DEPLOYMENT": deployment}
        gpu = {"gpu_id": "NVIDIA L40S", "gpu_count": 2, "cloud": "SECURE"}
        return self._make(
            {"name": name, "image": "x/y:1", "start_command": "", "env": env, "ports": ["22/tcp"], **gpu}, state
        )

    # -- what both APIs do ---------------------------------------------------------------------------------------------

    def respond(self, request: RecordedRequest) -> Fault:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return problem(401, "invalid bearer token")
        with self.lock:
            queue = self.faults[operation_of(request)]
            fault = queue.popleft() if queue else None
            if fault is not None and not fault.obeyed:
                return fault
            answer = self._rest(request) if request.path.startswith("/v2/") else self._graphql(request)
        if fault is None:
            return answer
        return replace(answer, delay_sec=fault.delay_sec) if fault.status == 200 else fault

    def _make(self, settings: dict[str, Any], state: str | None = None) -> FakePod:
        pod = FakePod(f"pod{next(self._ids)}", settings, state=state)
        self.pods[pod.id] = pod
        return pod

    def _gpu(self, gpu_id: str) -> Gpu | None:
        return next((gpu for gpu in self.gpus if gpu.id == gpu_id), None)

    def _state(self, pod: FakePod) -> str:
        return pod.state or STATES[min(pod.looks // self.looks_per_state, len(STATES) - 1)]

    def _cost(self, pod: FakePod) -> float:
        gpu = self._gpu(pod.settings["gpu_id"])
        assert gpu is not None
        price = gpu.secure if pod.settings["cloud"] == "SECURE" else gpu.community
        return price * pod.settings["gpu_count"] if self._state(pod) in STATES else 0.0

    def _end(self, pod_id: str) -> bool:
        if self.pods.pop(pod_id, None) is None:
            return False
        self.terminated.append(pod_id)
        return True

    # -- REST ----------------------------------------------------------------------------------------------------------

    def _rest(self, request: RecordedRequest) -> Fault:
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        pod_id = match[1] if (match := re.fullmatch(r"/v2/pods/([\w-]+)(?:/logs)?", path)) else None
        match request.method, operation_of(request):
            case "POST", "create":
                return self._create_by_rest(request.body)
            case "GET", "pods":
                return self._page([*self.odd_pods, *(self._rest_pod(pod) for pod in self.pods.values())], query)
            case "GET", "pod" | "logs" if pod_id not in self.pods:
                return problem(404, "resource not found")
            case "GET", "pod":
                assert pod_id is not None
                reply = self._rest_pod(self.pods[pod_id])
                self.pods[pod_id].looks += 1
                return Fault(200, reply)
            case "GET", "logs":
                return self._log_stream()
            case "DELETE", "terminate":
                return Fault(204) if self._end(str(pod_id)) else problem(404, "resource not found")
            case "GET", "offers":
                return self._rest_offers(query)
            case "GET", "volume":
                volume_id = path.rpartition("/")[2]
                if volume_id not in self.volumes:
                    return problem(404, "resource not found")
                place = self.volumes[volume_id]
                return Fault(200, {"id": volume_id, "name": "v", "size": 50, "dataCenter": place, "type": "STANDARD"})
        return problem(405, f"{request.method} {path} is not allowed")

    def _page(self, rows: list[Any], query: Mapping[str, list[str]]) -> Fault:
        start = int(query.get("cursor", ["0"])[0])
        end = len(rows) if self.page_size is None else start + self.page_size
        body: dict[str, Any] = {"pods": rows[start:end]}
        if end < len(rows):
            body |= {
                "nextCursor": {"nextCursor": str(end)},
                "pagination": {"pagination": {"nextCursor": str(end), "hasMore": True}},
                "next": {"next": f"/v2/pods?cursor={end}"},
                "hasMore": {"hasMore": True},
                "total": {"meta": {"total": len(self.pods)}},
            }[self.page_form]
        return Fault(200, body)

    def _log_stream(self) -> Fault:
        events = [{"ts": "2026-06-01T12:02:03Z", "source": "container", "line": line} for line in self.log]
        text = "".join(f"id: 1\ndata: {json.dumps(event)}\n\n" for event in events)
        return Fault(body=text, headers={"Content-Type": "text/event-stream"})

    def _create_by_rest(self, body: Any) -> Fault:
        try:
            wanted = _CreatePod.model_validate(body)
        except ValidationError as error:
            found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
            return Fault(422, {"title": "Unprocessable", "status": 422, "detail": "validation failed", "errors": found})
        gpu = self._gpu(wanted.gpu.id)
        places = [] if gpu is None else [place for place, level in gpu.places.items() if level != "NONE"]
        if gpu is None or not places or (wanted.dataCenterIds and not set(wanted.dataCenterIds) & set(places)):
            return problem(400, "no longer any instances available with the requested specifications")
        settings = {
            "name": wanted.name,
            "image": wanted.image,
            "gpu_id": gpu.id,
            "gpu_count": wanted.gpu.count,
            "cloud": wanted.cloud,
            "start_command": wanted.args,
            "env": wanted.env,
            "ports": wanted.ports,
        }
        return Fault(201, self._rest_pod(self._make(settings)))

    def _rest_pod(self, pod: FakePod) -> dict[str, Any]:
        state, (host, port) = self._state(pod), self.ssh
        direct = {"host": host, "port": port, "username": "root", "command": f"ssh root@{host} -p {port}"}
        gpu = {"id": pod.settings["gpu_id"], "count": pod.settings["gpu_count"], "vcpuCount": 16, "memory": 64}
        return {
            "id": pod.id,
            "name": pod.settings["name"],
            "status": state,
            "image": pod.settings["image"],
            "args": pod.settings["start_command"],
            "env": pod.settings["env"],
            "ports": pod.settings["ports"],
            "gpu": gpu,
            "cloud": pod.settings["cloud"],
            "dataCenterId": "US-KS-2",
            "ssh": {"proxy": None, "direct": direct if state == "RUNNING" and self.has_public_ip else None},
            "cost": self._cost(pod),
            "runtime": {} if state == "RUNNING" else None,
            "createdAt": "2026-06-01T12:00:00Z",
            **self.odd_fields.get(pod.id, self.odd_fields.get("*", {})),
        }

    def _rest_offers(self, query: Mapping[str, list[str]]) -> Fault:
        if query.get("include") == ["AVAILABILITY"] and query.get("product") != ["POD"]:
            return problem(400, "product is required with include=AVAILABILITY")
        rows = []
        for gpu in self.gpus:
            places = [{"id": place, "name": place, "availability": level} for place, level in gpu.places.items()]
            best = max(gpu.places.values(), default="NONE", key=["NONE", "LOW", "MEDIUM", "HIGH"].index)
            rows.append(
                {
                    "id": gpu.id,
                    "name": gpu.name,
                    "memory": gpu.memory_gb,
                    "price": {"secure": gpu.secure, "community": gpu.community},
                    "maxCount": {"secure": gpu.max_count, "community": gpu.max_count},
                    "availability": best,
                    **({"dataCenters": places} if places else {}),
                }
            )
        return Fault(200, {"gpus": rows})

    # -- GraphQL -------------------------------------------------------------------------------------------------------

    def _graphql(self, request: RecordedRequest) -> Fault:
        from graphql import build_schema, graphql_sync

        query = request.body["query"]
        result = graphql_sync(build_schema(SCHEMA), query, root_value=_Root(self))
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [{"message": error.message} for error in result.errors]
        return Fault(200, body)


class _Root:
    """Resolvers: graphql-core calls these methods by the names of the fields."""

    def __init__(self, server: RunPodServer) -> None:
        self._server = server

    def myself(self, _: Any) -> dict[str, Any]:
        volumes = [{"id": one, "dataCenterId": place} for one, place in self._server.volumes.items()]
        return {"networkVolumes": volumes, "pods": [self._pod(pod) for pod in self._server.pods.values()]}

    def pod(self, _: Any, input: Mapping[str, Any]) -> dict[str, Any] | None:
        pod = self._server.pods.get(input["podId"])
        if pod is None:
            return None
        reply = self._pod(pod)
        pod.looks += 1
        return reply

    def gpuTypes(self, _: Any, input: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: N802
        wanted = (input or {}).get("id")
        return [
            {
                "id": gpu.id,
                "displayName": gpu.name,
                "maxGpuCount": gpu.max_count,
                "secureCloud": True,
                "communityCloud": True,
                "securePrice": gpu.secure,
                "communityPrice": gpu.community,
                "lowestPrice": {"uninterruptablePrice": gpu.secure if gpu.places else None},
            }
            for gpu in self._server.gpus
            if wanted in (None, gpu.id)
        ]

    def podFindAndDeployOnDemand(self, _: Any, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        gpu = self._server._gpu(input["gpuTypeId"])
        if gpu is None or not gpu.places:
            raise ValueError("There are no longer any instances available with the requested specifications.")
        settings = {
            "name": input["name"],
            "image": input["imageName"],
            "gpu_id": gpu.id,
            "gpu_count": input["gpuCount"],
            "cloud": input["cloudType"],
            "start_command": input["dockerArgs"],
            "env": {one["key"]: one["value"] for one in input["env"]},
            "ports": input["ports"].split(","),
            "cuda": input["allowedCudaVersions"],
        }
        return self._pod(self._server._make(settings))

    def podTerminate(self, _: Any, input: Mapping[str, Any]) -> None:  # noqa: N802
        if not self._server._end(input["podId"]):
            raise ValueError("pod not found to terminate")

    def _pod(self, pod: FakePod) -> dict[str, Any]:
        state, (host, port) = self._server._state(pod), self._server.ssh
        ssh = {
            "ip": host,
            "isIpPublic": self._server.has_public_ip,
            "privatePort": 22,
            "publicPort": port,
            "type": "tcp",
        }
        gpu = self._server._gpu(pod.settings["gpu_id"])
        return {
            "id": pod.id,
            "name": pod.settings["name"],
            "imageName": pod.settings["image"],
            "env": [f"{key}={value}" for key, value in pod.settings["env"].items()],
            "desiredStatus": "RUNNING" if state in STATES else state,  # also before the container runs, as at RunPod
            "gpuCount": pod.settings["gpu_count"],
            "costPerHr": self._server._cost(pod),
            "dockerArgs": pod.settings["start_command"],
            "machine": {"gpuDisplayName": gpu and gpu.name},
            "runtime": {"ports": [ssh]} if state == "RUNNING" else None,
        }


def operation_of(request: RecordedRequest) -> str:
    """One of `OPERATIONS`, or "other"."""
    method, place = request.method, urlsplit(request.path).path
    if place == "/graphql":
        return next((name for word, name in _GRAPHQL_OPERATIONS.items() if word in request.text), "other")
    if place == "/v2/pods":
        return "create" if method == "POST" else "pods"
    if place.startswith("/v2/pods/"):
        return "logs" if place.endswith("/logs") else {"GET": "pod", "DELETE": "terminate"}.get(method, "other")
    return {"/v2/catalog/gpus": "offers"}.get(place, "volume" if "/network-volumes/" in place else "other")
