"""Measuring how long something takes, and summarising many such measurements."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Self, TypedDict

PERCENTILE_DEFINITION = "linear interpolation between closest ranks (Hyndman & Fan, definition 7; numpy's default)"


class Percentiles(TypedDict):
    """Percentiles in the unit of the values, None when there are no values; `n` is the number of values."""

    p50: float | None
    p95: float | None
    p99: float | None
    n: int


class Stopwatch:
    """Wall-clock seconds of a `with` block, by the monotonic high-resolution clock.

        with Stopwatch() as watch:
            answer = program(question=question)
        row["latency_sec"] = watch.elapsed_sec

    `elapsed_sec` is set when the block ends, by an exception too; before that it is 0.0.
    """

    def __init__(self) -> None:
        self.elapsed_sec = 0.0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.elapsed_sec = time.perf_counter() - self._started


def percentiles(values: Iterable[float]) -> Percentiles:
    """p50, p95 and p99 of `values` by linear interpolation between the closest ranks.

    The q-quantile of n sorted values is the value at position (n - 1) * q, counted from 0: numpy's default, which is
    definition 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages" (1996).
    With few values the upper percentiles are close to the maximum: read them beside `n`. Raises ValueError on NaN.
    """
    ordered = sorted(values)
    if any(math.isnan(value) for value in ordered):
        raise ValueError("percentiles of NaN: measure only what was timed, and leave the rest out")
    return Percentiles(
        p50=_quantile(ordered, 0.50), p95=_quantile(ordered, 0.95), p99=_quantile(ordered, 0.99), n=len(ordered)
    )


def _quantile(ordered: list[float], q: float) -> float | None:
    if not ordered:
        return None
    position = (len(ordered) - 1) * q
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
