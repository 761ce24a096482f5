"""Ranks passages by scores, of which few are computed: in the order of bounds, of chunks first, then of passages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from memoryqa.arrays import Floats, Ints

FIRST_CHUNKS = 512  # scored at once, so that shorter histories are one array; later batches:
_FEWEST_CHUNKS, _MOST_CHUNKS = 128, 4096
_FIRST_RIPE = 128  # passages that the second batch should yield; a later one twice as many as the one before

Batch = tuple[Ints, Floats]  # passages, and for each a bound of its score, or the score


def best_first(
    chunks: Ints,
    bounds: Floats,
    open_chunks: Callable[[Ints, bool], Batch],
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
    size, ripening, least, top = FIRST_CHUNKS, _FIRST_RIPE, -np.inf, -np.inf
    while len(chunks) or len(waiting):
        batch, chunks, bounds = _split_off_largest(chunks, bounds, size)
        passages, of_each = open_chunks(batch, least > -np.inf)
        waiting, at_most = np.concatenate([waiting, passages]), np.concatenate([at_most, of_each])
        due = at_most >= least if least > -np.inf else np.ones(len(waiting), dtype=np.bool_)
        passages = np.sort(waiting[due])
        waiting, at_most = waiting[~due], at_most[~due]
        scored, scores = np.concatenate([scored, passages]), np.concatenate([scores, score(passages)])
        ripe = scores > max(bounds.max(initial=-np.inf), at_most.max(initial=-np.inf))
        order = np.lexsort((scored[ripe], -scores[ripe]))
        worth = worth_showing(scores[ripe][order], score_floor, top)
        top = max(top, scores.max(initial=-np.inf))
        given = order[:worth]
        yield from zip(scored[ripe][given].tolist(), scores[ripe][given].tolist(), strict=True)
        if worth < len(order):
            return
        scored, scores = scored[~ripe], scores[~ripe]
        # next: all whose bounds keep the next `ripening` passages from being yielded
        least = np.sort(scores if len(scores) else at_most)[-ripening:].min(initial=np.inf)
        size = min(max(int(np.count_nonzero(bounds >= least)), _FEWEST_CHUNKS), _MOST_CHUNKS)
        ripening *= 2


def _split_off_largest(chunks: Ints, bounds: Floats, size: int) -> tuple[Ints, Ints, Floats]:
    """Split off the `size` chunks with the largest bounds. Returns them, ascending, the other chunks, their bounds."""
    if len(chunks) <= size:
        return np.sort(chunks), chunks[:0], bounds[:0]
    order = np.argpartition(bounds, -size)
    return np.sort(chunks[order[-size:]]), chunks[order[:-size]], bounds[order[:-size]]


def worth_showing(best_first: Floats, score_floor: float, top: float = -np.inf) -> int:
    """How many scores (in descending order) are at least `score_floor` times the best one (or `top`, if higher)."""
    top = max(top, best_first[0]) if len(best_first) else top
    if score_floor <= 0 or top <= 0:
        return len(best_first)
    return int(np.count_nonzero(best_first >= score_floor * top))
