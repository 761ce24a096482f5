"""Counts of a server in the text format of Prometheus. No label has a name, an id or a word of a chat."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.types import Scope

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_SEC = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class HasStatus(Protocol):
    status: int


class Metrics:
    """Kept by the thread of the event loop alone."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[tuple[str, str], list[float]] = {}  # counts by bound, then of all, then their sum
        self.in_flight = 0

    @contextmanager
    def request(self, scope: Scope, reply: HasStatus) -> Iterator[None]:
        """Count a request, which is under way in the block; a reply that never began counts as 500."""
        began = time.perf_counter()
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            method, route = _method(scope["method"]), _route(scope)
            self._requests[method, route, reply.status or 500] += 1
            seconds = time.perf_counter() - began
            counts = self._durations.setdefault((method, route), [0.0] * (len(_BOUNDS_SEC) + 2))
            if (place := bisect_left(_BOUNDS_SEC, seconds)) < len(_BOUNDS_SEC):
                counts[place] += 1
            counts[-2] += 1
            counts[-1] += seconds

    def lines(self, gauges: dict[str, tuple[str, float]]) -> Iterator[str]:
        """The text. gauges: further values by name, with what they mean."""
        yield from _headed("memoryqa_requests_total", "counter", "Requests by method, route and status.")
        for (method, route, status), count in sorted(self._requests.items()):
            yield f'memoryqa_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}\n'
        name = "memoryqa_request_seconds"
        yield from _headed(name, "histogram", "Time of requests, to the end of the reply.")
        for (method, route), counts in sorted(self._durations.items()):
            labels, below = f'method="{method}",route="{route}"', 0.0
            for bound, within in zip(_BOUNDS_SEC, counts, strict=False):
                below += within
                yield f'{name}_bucket{{{labels},le="{bound:g}"}} {below:.0f}\n'
            yield f'{name}_bucket{{{labels},le="+Inf"}} {counts[-2]:.0f}\n'
            yield f"{name}_sum{{{labels}}} {counts[-1]:.6f}\n{name}_count{{{labels}}} {counts[-2]:.0f}\n"
        for gauge, (meaning, value) in {**gauges, "in_flight": ("Requests under way.", self.in_flight)}.items():
            yield from _headed(f"memoryqa_{gauge}", "gauge", meaning)
            yield f"memoryqa_{gauge} {value:g}\n"


def _headed(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP {name} {meaning}\n# TYPE {name} {kind}\n"


def _method(method: str) -> str:
    return method if method in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS") else "other"


def _route(scope: Scope) -> str:
    """The template of the address, `/v1/chats/{chat}`, never the address; `other` for none of ours."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"
