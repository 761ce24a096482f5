"""assert_linear tells linear work from quadratic work. The clock counts steps, so that no machine changes a result."""

from __future__ import annotations

import functools
import gc
import math
from collections.abc import Callable

import pytest
from cpu_time import MAX_ROUNDS, assert_linear
from hypothesis import given
from hypothesis import strategies as st


class StepClock:
    """A clock that shows a millisecond per step taken, times `slowness`, which another process may change."""

    def __init__(self) -> None:
        self.seconds, self.slowness = 0.0, 1.0

    def __call__(self) -> float:
        return self.seconds

    def step(self, steps: float = 1) -> None:
        self.seconds += steps * self.slowness / 1000

    def compare(self, one: int, other: int) -> int:
        self.step()
        return one - other


def sort_by_insertion(clock: StepClock, number: int) -> None:
    """Quadratic: numbers that come in the wrong order."""
    done: list[int] = []
    for one in range(number, 0, -1):
        place = len(done)
        while place and clock.compare(done[place - 1], one) > 0:
            place -= 1
        done.insert(place, one)


def sort_by_merging(clock: StepClock, number: int) -> None:
    """n log n: numbers in disorder."""
    sorted((one * 7919 % number for one in range(number)), key=functools.cmp_to_key(clock.compare))


def walk(clock: StepClock, number: int) -> None:
    for _ in range(number):
        clock.step()


def on_a_clock(work: Callable[[StepClock, int], None], size: int) -> float:
    clock = StepClock()
    return assert_linear(functools.partial(work, clock), size, clock)


@pytest.mark.parametrize("size", [50, 100])
def test_linear_work_and_sorting_pass_and_quadratic_work_fails(size: int) -> None:
    assert on_a_clock(walk, size) == pytest.approx(4 * size / 1000)
    assert on_a_clock(sort_by_merging, size) > 4 * size / 1000
    with pytest.raises(AssertionError, match=r"1[5-7]\.\d times as long, where linear work takes 4"):
        on_a_clock(sort_by_insertion, size)


def test_what_is_too_short_for_a_clock_passes() -> None:
    clock = StepClock()
    assert assert_linear(lambda number: clock.step(number**2 / 1e6), 1000, clock) == pytest.approx(0.016)


@given(st.lists(st.floats(1, 1.99), min_size=3 * MAX_ROUNDS, max_size=3 * MAX_ROUNDS))
def test_whatever_else_the_machine_does_quadratic_work_fails(slowness: list[float]) -> None:
    clock, slow = StepClock(), iter(slowness)

    def work(number: int) -> None:
        clock.slowness = next(slow)
        clock.step(number * number)

    with pytest.raises(AssertionError):
        assert_linear(work, 1000, clock)


@given(st.lists(st.floats(1, 100), min_size=3 * MAX_ROUNDS - 3, max_size=3 * MAX_ROUNDS - 3))
def test_linear_work_passes_where_one_round_is_left_in_peace(slowness: list[float]) -> None:
    clock, slow = StepClock(), iter([*slowness, 1.0, 1.0, 1.0])

    def work(number: int) -> None:
        clock.slowness = next(slow)
        clock.step(number * math.log(number))

    assert_linear(work, 1000, clock)


def test_the_collector_is_off_meanwhile_and_on_again_after_a_failure_too() -> None:
    def fail(number: int) -> None:
        assert not gc.isenabled()
        raise LookupError(number)

    with pytest.raises(LookupError):
        assert_linear(fail, 10)
    assert gc.isenabled()


def test_no_size_is_measured_twice() -> None:
    clock, sizes = StepClock(), list[int]()

    def work(number: int) -> None:
        sizes.append(number)
        clock.step(number * number)

    with pytest.raises(AssertionError):
        assert_linear(work, 100, clock)
    assert len(sizes) == len(set(sizes)) == 3 * MAX_ROUNDS
