"""Ranks passages by scores, of which few are computed: in the order of bounds, of chunks first, then of passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from memoryqa.arrays import Floats, Ints

FIRST_CHUNKS = 512  # scored at once, so that shorter histories are one array; later batches:
_FEWEST_CHUNKS, _MOST_CHUNKS = 128, 4096
_SAMPLED = 16  # of so many bounds one tells about how large the largest are
_FIRST_RIPE = 128  # passages that the second batch should yield; a later one twice as many as the one before

Batch = tuple[Ints, Floats]  # passages, and for each a bound of its score, or the score


def best_first(
    chunks: Ints,
    bounds: Floats,
    open_chunks: Callable[[Ints, float], Batch],
    score: Callable[[Ints], Floats],
    score_floor: float = 0.0,
) -> Iterator[tuple[int, float]]:
    """Yield passages with their scores, best first, ties in order; scores only as many as the caller reads.

    chunks: of what may be found, ascending, each with an upper bound of its passages' scores in `bounds`. open_chunks:
    the passages of chunks (ascending) that may be found, with tighter bounds where they are asked for (any number
    otherwise). score: of passages (ascending). score_floor: yield only what scores at least this share of the best.

    A passage is yielded when nothing that is not scored can be as good. What is needed next is known from the scores
    so far: chunks and then passages whose bounds are below that wait.
    """
    none: Batch = np.zeros(0, dtype=np.int64), np.zeros(0)
    (scored, scores), (waiting, at_most) = none, none
    closed = _Closed(chunks, bounds)
    size, ripening, least, top = FIRST_CHUNKS, _FIRST_RIPE, -np.inf, -np.inf
    while True:
        batch = closed.open(size, least)
        if len(batch):
            passages, of_each = open_chunks(batch, least)
            waiting, at_most = np.concatenate([waiting, passages]), np.concatenate([at_most, of_each])
        due = at_most >= least if least > -np.inf else np.ones(len(waiting), dtype=np.bool_)
        passages = np.sort(waiting[due])
        waiting, at_most = waiting[~due], at_most[~due]
        scored, scores = np.concatenate([scored, passages]), np.concatenate([scores, score(passages)])
        left = closed.at_most()
        ripe = scores > max(left, at_most.max(initial=-np.inf))
        order = np.lexsort((scored[ripe], -scores[ripe]))
        worth = worth_showing(scores[ripe][order], score_floor, top)
        top = max(top, scores.max(initial=-np.inf))
        given = order[:worth]
        yield from zip(scored[ripe][given].tolist(), scores[ripe][given].tolist(), strict=True)
        if worth < len(order):
            return
        scored, scores = scored[~ripe], scores[~ripe]
        if not len(scored) and not len(waiting):
            if left == -np.inf:
                return
            size, least = _FEWEST_CHUNKS, -np.inf  # nothing tells what is needed
            continue
        # next: all whose bounds keep the next `ripening` passages from being yielded
        least = np.sort(scores if len(scores) else at_most)[-ripening:].min()
        size = _MOST_CHUNKS
        ripening *= 2


class _Closed:
    """Chunks that are not opened yet, with their bounds."""

    def __init__(self, chunks: Ints, bounds: Floats) -> None:
        self._chunks, self._bounds = chunks, bounds.copy()  # -inf for one that was opened

    def open(self, size: int, least: float) -> Ints:
        """At most `size` chunks with the largest bounds, ascending; none with a bound below `least`."""
        bounds = self._bounds
        places = self._about_largest(size) if least == -np.inf else np.flatnonzero(bounds >= least)
        if len(places) > size:
            places = np.sort(places[np.argpartition(bounds[places], -size)[-size:]])
        bounds[places] = -np.inf
        return self._chunks[places]

    def _about_largest(self, size: int) -> Ints:
        """The places of the `size` largest bounds, and of some more."""
        bounds = self._bounds
        sample, number = bounds[::_SAMPLED], 2 * size // _SAMPLED  # to sort all of a long history takes long
        if number < len(sample):
            places = np.flatnonzero(bounds >= np.partition(sample, -number)[-number])
            if size <= len(places) < len(bounds):
                return places
        return np.flatnonzero(bounds > -np.inf)

    def at_most(self) -> float:
        """The largest bound; -inf without any."""
        return float(self._bounds.max(initial=-np.inf))


def worth_showing(best_first: Floats, score_floor: float, top: float = -np.inf) -> int:
    """How many scores (in descending order) are at least `score_floor` times the best one (or `top`, if higher)."""
    top = max(top, best_first[0]) if len(best_first) else top
    if score_floor <= 0 or top <= 0:
        return len(best_first)
    return int(np.count_nonzero(best_first >= score_floor * top))
