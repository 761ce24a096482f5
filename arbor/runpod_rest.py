"""RunPod's REST API v2, as documented in its OpenAPI file (https://api.runpod.io/v2/openapi.json)."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from pod_request import DEPLOYMENT_VARIABLE, PodRequest
from runpod_types import (
    KeyRefusedError,
    Offer,
    OutOfStockError,
    Pod,
    RequestRefusedError,
    TransientError,
    number_of,
    price_of_state,
)
from whole_answer import within

LOG_MOST_SEC = 15.0  # for a pod that never pauses
LOG_QUIET_SEC = 3.0  # the log is an endless stream; a pause this long means that its tail is complete
# Lack of capacity has no status code: it is a 400 with a sentence (createPod in the OpenAPI file).
_NO_CAPACITY = re.compile(r"capacity|no longer any|not available|unavailable|no (\w+ )?(instance|machine|host)", re.I)


# names of the cursor in an answer -> the parameter that takes it
_CURSORS = {
    **dict.fromkeys(("nextCursor", "next_cursor", "endCursor", "cursor"), "cursor"),
    "nextPageToken": "pageToken",
    "next_page_token": "page_token",
    "nextToken": "nextToken",
}
_PARAMETERS = ("cursor", "pageToken", "page_token", "page", "offset")


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
        rows = self._list("/v2/catalog/gpus", "gpus", params)
        found = [_offer(one, request.cloud.lower()) for one in rows if one.get("id") in gpu_ids]
        return [one for one in found if one is not None]

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
        """All pods. An entry without an id could not be ended; it is passed over unless deploy.py made it."""
        rows = self._list("/v2/pods", "pods")
        if any(not one.get("id") and _deployment(one.get("env")) for one in rows):
            raise RequestRefusedError("RunPod lists a pod of deploy.py without its id: look for it in RunPod's console")
        return [_pod(one) for one in rows if one.get("id")]

    def pod(self, pod_id: str) -> Pod | None:
        reply = self._ask("GET", f"/v2/pods/{pod_id}", missing_ok=True)
        return None if reply is None else _pod(reply)

    def terminate(self, pod_id: str) -> None:
        self._ask("DELETE", f"/v2/pods/{pod_id}", missing_ok=True)

    def log_lines(self, pod_id: str, tail: int) -> list[str]:
        request = self._request("GET", f"/v2/pods/{pod_id}/logs?tail={tail}", None)
        lines: list[str] = []
        deadline = time.monotonic() + LOG_MOST_SEC
        try:
            with self._opener.open(request, timeout=LOG_QUIET_SEC) as stream:
                for line in stream:
                    if len(lines) >= tail or time.monotonic() > deadline:
                        break
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
        """All rows of a list, page by page. Raises RequestRefusedError when it cannot be read whole.

        A list of which a part is missing would leave pods running that nobody sees.
        """
        rows: list[dict[str, Any]] = []
        listed = 0
        query = dict(params or {})
        pages = set[str]()
        while True:
            answer = self._ask("GET", path, params=query)
            if answer is None or not isinstance(answer.get(key), list):
                raise TransientError(f"RunPod answered GET {path} without {key}")
            rows += [row for row in answer[key] if isinstance(row, dict)]
            listed += len(answer[key])
            following = next_page(answer)
            if following is None and (most := stated_total(answer)) is not None and listed < most:
                following = "cursor", ""
            if following is None:
                return rows
            name, cursor = following
            if not cursor or cursor in pages:
                raise RequestRefusedError(
                    f"RunPod has more {key} than it lists ({len(rows)}) and does not say how to get them: look in "
                    "its console, no list of deploy.py is whole"
                )
            pages.add(cursor)
            query[name] = cursor

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
            return within(2 * self._timeout_sec, lambda: self._sent(request))
        except TimeoutError as error:
            raise TransientError(f"no whole answer from {self._base_url} in {2 * self._timeout_sec:g} s") from error

    def _sent(self, request: urllib.request.Request) -> tuple[int, Message, bytes]:
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
    """The pod of an entry, as far as it can be read: a pod that costs money must not hide behind an odd field."""
    if not reply.get("id"):
        raise RequestRefusedError("RunPod answered with a pod that has no id")  # asking again would make another
    direct = _object(_object(reply.get("ssh")).get("direct"))
    gpu = _object(reply.get("gpu"))
    state = str(reply.get("status") or "UNKNOWN")
    port = number_of(direct.get("port"))
    return Pod(
        id=str(reply["id"]),
        name=str(reply.get("name") or ""),
        state=state,
        gpu=str(gpu.get("id") or "CPU"),
        gpu_count=int(number_of(gpu.get("count")) or 0),
        cost_per_hour_usd=price_of_state(reply.get("cost"), state),
        ssh_host=direct.get("host") if port else None,
        ssh_port=int(port) if port else None,
        data_center=reply.get("dataCenterId"),
        deployment=_deployment(reply.get("env")),
    )


def _offer(row: Mapping[str, Any], cloud: str) -> Offer | None:
    """The offer of a row of the catalog; None for one that does not say how many cards a machine has."""
    most = number_of(_object(row.get("maxCount")).get(cloud))
    if most is None:
        return None
    price = number_of(_object(row.get("price")).get(cloud))
    places = [place for place in row.get("dataCenters") or [] if isinstance(place, dict) and place.get("id")]
    return Offer(
        gpu_id=str(row["id"]),
        price_per_gpu_hour_usd=price or None,
        max_count=int(most),
        availability=row.get("availability") or "NONE",
        data_centers={place["id"]: place.get("availability") or "NONE" for place in places},
    )


def stated_total(answer: Mapping[str, Any]) -> int | None:
    """How many rows the whole list has, where an answer says so."""
    for place in _places(answer):
        for name in ("total", "totalCount", "total_count", "totalItems"):
            if isinstance(found := place.get(name), int) and not isinstance(found, bool):
                return found
    return None


def _places(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where an answer may say something about its pages."""
    nested = ("pagination", "paging", "page", "pageInfo", "meta", "links")
    return [answer, *(_object(answer.get(name)) for name in nested)]


def next_page(answer: Mapping[str, Any]) -> tuple[str, str] | None:
    """The parameter and the cursor of the page after `answer`; None at the end; an empty cursor: there is more, but how
    to get it is not said."""
    places = _places(answer)
    for place in places:
        is_last = any(place.get(name) is False for name in ("hasNextPage", "hasMore", "has_more"))
        for name, parameter in _CURSORS.items():
            if place.get(name) and not is_last:
                return parameter, str(place[name])
        if following := place.get("next"):
            query = parse_qs(urlsplit(str(following)).query)
            found = next(((name, query[name][0]) for name in _PARAMETERS if name in query), None)
            return found or ("cursor", str(following) if "/" not in str(following) else "")
    if any(place.get(name) is True for place in places for name in ("hasMore", "has_more", "hasNextPage")):
        return "cursor", ""
    return None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _deployment(environment: Any) -> str | None:
    """The token in a pod's environment, an object or a list of "NAME=value" or {"key", "value"}."""
    if isinstance(environment, list):
        named = [(one.get("key"), one.get("value")) for one in environment if isinstance(one, dict)]
        environment = dict([*named, *(one.partition("=")[::2] for one in environment if isinstance(one, str))])
    found = _object(environment).get(DEPLOYMENT_VARIABLE)
    return None if found is None else str(found)


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
