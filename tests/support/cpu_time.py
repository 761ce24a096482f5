"""That a piece of work takes processor time in proportion to its size, on a machine that does other work besides."""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import time
from collections.abc import Callable, Iterator

FACTOR = 4
BOUND = FACTOR**1.5  # linear work takes FACTOR times as long, n log n a little more, quadratic work FACTOR**2 times
FLOOR_SEC = 0.01  # what takes less is taken for so long: clocks are coarse, and calls cost something
MAX_ROUNDS = 5


def assert_linear(work: Callable[[int], object], size: int, clock: Callable[[], float] = time.process_time) -> float:
    """Fail unless four times the size takes less than eight times the time, and return the seconds of it.

    Other processes slow a measurement down and never speed it up, so the shortest times of a few rounds count. The
    collector, which walks over all objects of a worker, is off. No two sizes are the same, so that a cache helps none.
    """
    sizes = itertools.count(size)

    def seconds(factor: int) -> float:
        number = factor * next(sizes)
        start = clock()
        work(number)
        return clock() - start

    small = large = math.inf
    with _without_collector():
        for _ in range(MAX_ROUNDS):
            large = min(large, seconds(FACTOR))
            if large < BOUND * FLOOR_SEC:
                return large
            small = min(small, seconds(1), seconds(1))
            if large < BOUND * small:
                return large
    raise AssertionError(
        f"size {FACTOR * size:,} took {large:.4f} s and size {size:,} {small:.4f} s of processor time, the best of "
        f"{MAX_ROUNDS} rounds: {large / max(small, FLOOR_SEC):.1f} times as long, where linear work takes {FACTOR} "
        f"times and quadratic work {FACTOR**2} times as long"
    )


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
