"""Percentiles of many measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypedDict

import numpy as np

PERCENTILE_DEFINITION = "linear interpolation between closest ranks (Hyndman & Fan, definition 7; numpy's default)"


class Percentiles(TypedDict):
    """Percentiles in the unit of the values, None when there are no values; `n` is the number of values."""

    p50: float | None
    p95: float | None
    p99: float | None
    n: int


def percentiles(values: Iterable[float]) -> Percentiles:
    """p50, p95 and p99 of `values` by linear interpolation between the closest ranks.

    The q-quantile of n sorted values is the value at position (n - 1) * q, counted from 0: numpy's default, which is
    definition 7 of Hyndman & Fan, "Sample Quantiles in Statistical Packages" (1996).
    With few values the upper percentiles are close to the maximum: read them beside `n`. Raises ValueError on NaN.
    """
    measured = list(values)
    if any(math.isnan(value) for value in measured):
        raise ValueError("percentiles of NaN: measure only what was timed, and leave the rest out")
    if not measured:
        return Percentiles(p50=None, p95=None, p99=None, n=0)
    p50, p95, p99 = np.quantile(measured, (0.50, 0.95, 0.99)).tolist()
    return Percentiles(p50=p50, p95=p95, p99=p99, n=len(measured))
