from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locomo.latency import percentiles

SECONDS = st.floats(min_value=0, max_value=1e6)


@given(st.lists(SECONDS, min_size=1, max_size=50))
def test_percentiles_agree_with_numpy(values: list[float]) -> None:
    found = percentiles(values)
    expected = np.percentile(values, [50, 95, 99])
    assert [found["p50"], found["p95"], found["p99"]] == pytest.approx(expected.tolist())
    assert found["n"] == len(values)


@given(st.lists(SECONDS, min_size=1, max_size=50), st.randoms())
def test_percentiles_are_ordered_and_ignore_the_order_of_values(values: list[float], random: object) -> None:
    found = percentiles(values)
    assert min(values) <= found["p50"] <= found["p95"] <= found["p99"] <= max(values)
    random.shuffle(values)
    assert percentiles(values) == found


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None, "n": 0}


def test_percentiles_by_hand() -> None:
    assert percentiles([4.0, 1.0, 2.0, 3.0]) == pytest.approx({"p50": 2.5, "p95": 3.85, "p99": 3.97, "n": 4})


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        percentiles([1.0, math.nan])
