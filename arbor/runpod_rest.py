"""RunPod's REST API v2, as documented in its OpenAPI file (https://api.runpod.io/v2/openapi.json)."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from email.message import Message
from typing import Any
from urllib.parse import urlencode

from pod_request import DEPLOYMENT_VARIABLE, PodRequest
from runpod_types import (
    KeyRefusedError,
    Offer,
    OutOfStockError,
    Pod,
    RequestRefusedError,
    TransientError,
)

LOG_QUIET_SEC = 3.0  # the log is an endless stream; a pause this long means that its tail is complete
# Lack of capacity has no status code: it is a 400 with a sentence (createPod in the OpenAPI file).
_NO_CAPACITY = re.compile(r"capacity|no longer any|not available|unavailable|no (\w+ )?(instance|machine|host)", re.I)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """RunPod never redirects; urllib would send the key to the address in the answer."""

    def redirect_request(self, *_: Any) -> None:
        return None


class RestApi:
    """See `runpod_types.RunPodApi`."""

    def __init__(self, key: str, base_url: str, timeout_sec: float = 30.0) -> None:
        self._base_url = base_url
        self._timeout_sec = timeout_sec
        self._opener = urllib.request.build_opener(_NoRedirects())
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "arbor-deploy"}

    def offers(self, gpu_ids: Collection[str], request: PodRequest) -> list[Offer]:
        params = {
            "include": "AVAILABILITY",
            "product": "POD",
            "count": str(request.gpu_count),
            "cloud": request.cloud,
            "minCudaVersion": request.min_cuda_version,
        }
        cloud = request.cloud.lower()
        return [
            Offer(
                gpu_id=one["id"],
                price_per_gpu_hour_usd=float(one["price"][cloud]),
                max_count=int(one["maxCount"][cloud]),
                availability=one.get("availability") or "NONE",
                data_centers={place["id"]: place["availability"] for place in one.get("dataCenters") or []},
            )
            for one in self._list("/v2/catalog/gpus", "gpus", params)
            if one["id"] in gpu_ids
        ]

    def data_center_of(self, volume_id: str) -> str:
        volume = self._ask("GET", f"/v2/network-volumes/{volume_id}", missing_ok=True)
        if volume is None:
            raise RequestRefusedError(f"--network-volume {volume_id}: this account has no such volume")
        return str(volume["dataCenter"])

    def describe(self, request: PodRequest) -> dict[str, object]:
        return {"method": "POST", "url": f"{self._base_url}/v2/pods", "body": create_body(request)}

    def create(self, request: PodRequest) -> Pod:
        try:
            return _pod(self._ask("POST", "/v2/pods", body=create_body(request)))
        except RequestRefusedError as error:
            if _NO_CAPACITY.search(str(error)):
                raise OutOfStockError(str(error)) from error
            raise

    def pods(self) -> list[Pod]:
        return [_pod(one) for one in self._list("/v2/pods", "pods")]

    def pod(self, pod_id: str) -> Pod | None:
        reply = self._ask("GET", f"/v2/pods/{pod_id}", missing_ok=True)
        return None if reply is None else _pod(reply)

    def terminate(self, pod_id: str) -> None:
        self._ask("DELETE", f"/v2/pods/{pod_id}", missing_ok=True)

    def log_lines(self, pod_id: str, tail: int) -> list[str]:
        request = self._request("GET", f"/v2/pods/{pod_id}/logs?tail={tail}", None)
        lines: list[str] = []
        try:
            with self._opener.open(request, timeout=LOG_QUIET_SEC) as stream:
                for line in stream:
                    if line.startswith(b"data:"):
                        event = json.loads(line.removeprefix(b"data:"))
                        lines.append(f"{event.get('ts', '')} {event.get('line', '')}".strip())
        except urllib.error.HTTPError as error:
            raise _refusal(error.code, error.headers, b"") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not lines and not isinstance(error, TimeoutError):
                raise TransientError(f"RunPod's log of {pod_id}: {_short(error)}") from error
        return lines

    def _list(self, path: str, key: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        rows = self._ask("GET", path, params=params).get(key)
        if not isinstance(rows, list):
            raise TransientError(f"RunPod answered GET {path} without {key}")
        return rows

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        missing_ok: bool = False,
    ) -> Any:
        """The JSON object of the answer; None for a 404 with `missing_ok`, and for an answer without content."""
        target = path + (f"?{urlencode(params)}" if params else "")
        status, headers, content = self._send(self._request(method, target, body))
        if status == 404 and missing_ok:
            return None
        if not 200 <= status < 300:
            raise _refusal(status, headers, content)
        if status == 204:
            return None
        answer = _json_object(content)
        if answer is None:
            raise TransientError(f"RunPod's answer to {method} {path} is not a JSON object")
        return answer

    def _send(self, request: urllib.request.Request) -> tuple[int, Message, bytes]:
        try:
            try:
                with self._opener.open(request, timeout=self._timeout_sec) as reply:
                    return reply.status, reply.headers, reply.read()
            except urllib.error.HTTPError as error:  # urllib raises this for every status that is not a success
                with error:
                    return error.code, error.headers, error.read()
        except (OSError, http.client.HTTPException) as error:
            raise TransientError(f"no answer from {self._base_url} ({_short(error)})") from error

    def _request(self, method: str, target: str, body: Mapping[str, Any] | None) -> urllib.request.Request:
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers | ({} if data is None else {"Content-Type": "application/json"})
        return urllib.request.Request(self._base_url + target, data, headers, method=method)


def create_body(request: PodRequest) -> dict[str, Any]:
    """CreatePodRequest of the OpenAPI file. RunPod answers 422 to unknown fields, so a typo cannot pass unnoticed."""
    body: dict[str, Any] = {
        "name": request.name,
        "image": request.image,
        "args": request.start_command,
        "cloud": request.cloud,
        "gpu": {
            "id": request.card.gpu_id,
            "count": request.gpu_count,
            "minCudaVersion": request.min_cuda_version,
        },
        "disk": request.disk_gb,
        "env": dict(request.env),
        "ports": list(request.ports),
        "startSsh": True,
    }
    if request.network_volume_id is not None:
        body["mounts"] = {"network": [{"volumeId": request.network_volume_id, "path": request.mount_path}]}
    else:
        body["mounts"] = {"persistent": {"size": request.volume_gb, "path": request.mount_path}}
    if request.data_center_id is not None:
        body["dataCenterIds"] = [request.data_center_id]
    return body


def _pod(reply: Mapping[str, Any]) -> Pod:
    direct = (reply.get("ssh") or {}).get("direct") or {}
    gpu = reply.get("gpu") or {}
    return Pod(
        id=reply["id"],
        name=reply.get("name") or "",
        state=reply["status"],
        gpu=gpu.get("id") or "CPU",
        gpu_count=int(gpu.get("count") or 0),
        cost_per_hour_usd=float(reply.get("cost") or 0.0),
        ssh_host=direct.get("host"),
        ssh_port=direct.get("port"),
        data_center=reply.get("dataCenterId"),
        deployment=(reply.get("env") or {}).get(DEPLOYMENT_VARIABLE),
    )


def _refusal(status: int, headers: Message, content: bytes) -> KeyRefusedError | RequestRefusedError | TransientError:
    """The exception for an RFC 9457 problem; its message is one line."""
    problem = _json_object(content) or {}
    violations = [str(one) for one in problem.get("errors") or []]
    detail = "; ".join([str(problem.get("detail") or problem.get("title") or ""), *violations]).strip("; ")
    said = f"RunPod answered {status}" + (f": {detail}" if detail else "")
    if status == 401:
        return KeyRefusedError(f"{said}: RunPod does not accept RUNPOD_API_KEY; make one in its console under Settings")
    if status == 402:
        return RequestRefusedError(f"{said}: the account's balance does not suffice")
    if status == 403:
        return RequestRefusedError(f"{said}: the key needs read and write permission, or the account lacks access")
    if status in (408, 429) or status >= 500:
        after = headers.get("Retry-After", "")
        return TransientError(said, float(after) if after.isdigit() else None)
    return RequestRefusedError(said)


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _short(error: Exception) -> str:
    return str(error) or type(error).__name__
