"""A long text that is pasted into a question takes time in proportion to its length."""

from __future__ import annotations

import pytest
from cpu_time import assert_linear

from memoryqa import AdaptiveMemory


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "7",
        "may ",
        "the winter ",
        "1/2 ",
        "2022 to 2023 ",
        "1 and 2 may ",
        "in march ",
        "上周三",
        "3月5日",
        "am montag ",
    ],
)
def test_a_question_of_many_digits_or_dates_is_read_in_linear_time(unit: str) -> None:
    memory = AdaptiveMemory()
    memory.add("We met in March.", speaker="Ana", time="2024-05-01")
    memory.search((unit * 100)[:100])
    assert_linear(lambda signs: memory.search((unit * signs)[:signs]), 2_000)
