"""Bounds how often matches occur around the passages of each chunk, and keeps the bounds of what was sought last."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Floats, Ints, Vectors
from memoryqa.search.bounds.chunks import CHUNK, CHUNK_BITS, HALF_BITS, Edges
from memoryqa.search.bounds.occurrences import Occurrences, Sought

_FEW = 256  # occurrences of a match, which are bounded faster than the chunks are looked through
_OFTEN = 0.5  # occurrences of a match, for each chunk, from which on halves of chunks are bounded as wholes
_MOST_BYTES = 128  # kept for each passage
_ROUNDED_UP = np.float32(1 + 2**-22)  # a number as float32, times this, is no less


class ChunkBounds(NamedTuple):
    """Chunks, and an upper bound of the windowed frequency of a match in their passages; that of other chunks is 0.

    A chunk may be named several times, with the same bound.
    """

    chunks: Ints | npt.NDArray[np.int32] | slice
    frequency: Floats | Vectors

    @property
    def num_bytes(self) -> int:
        return self.frequency.nbytes + (0 if isinstance(self.chunks, slice) else self.chunks.nbytes)


class KeptBounds:
    """Every occurrence counts whole in its own chunk, and with the largest share that it could have in the next one and
    the one before: `REACH` is no more than a chunk.

    Many questions have the same frequent words, which take longest. Their bounds hold until something is added.
    """

    def __init__(self) -> None:
        self._kept: dict[object, ChunkBounds] = {}  # by what is sought; the one that was used last is last
        self._num_bytes = 0
        self._num_passages = 0
        self._zeros = np.zeros(0)  # by chunk, for work

    def bound(self, sought: Sought, number: int, edges: Edges, num_passages: int) -> ChunkBounds:
        """The bounds of one match; not to be changed. edges: of the passages that there are now."""
        if num_passages != self._num_passages:
            self._kept.clear()
            self._num_bytes, self._num_passages = 0, num_passages
        num_chunks = -(-num_passages // CHUNK)
        if sought.sizes[number] <= _FEW:
            return self._bound_few(sought.find([number]), edges, num_chunks)
        key = sought.key(number)
        bounds = self._kept.pop(key, None)
        if bounds is None:
            bounds = _bound_many(sought.find([number]), edges, num_chunks)
            self._num_bytes += bounds.num_bytes
        self._kept[key] = bounds
        while self._num_bytes > _MOST_BYTES * num_passages and len(self._kept) > 1:
            self._num_bytes -= self._kept.pop(next(iter(self._kept))).num_bytes
        return bounds

    def _bound_few(self, found: Occurrences, edges: Edges, num_chunks: int) -> ChunkBounds:
        if len(self._zeros) < num_chunks:
            self._zeros = np.zeros(num_chunks)
        chunks, lent = _lent(found, edges)
        try:
            np.add.at(self._zeros, chunks, lent)
            frequency = self._zeros[chunks]
        finally:
            self._zeros[chunks] = 0.0
        return ChunkBounds(chunks, frequency)


def _bound_many(found: Occurrences, edges: Edges, num_chunks: int) -> ChunkBounds:
    if len(found.passages) > _OFTEN * num_chunks:
        return ChunkBounds(slice(None), _small(_bound_by_halves(found, edges, num_chunks)))
    chunks, lent = _lent(found, edges)
    frequency = np.bincount(chunks, lent, num_chunks).astype(np.float64, copy=False)
    chunks = np.flatnonzero(frequency)
    return ChunkBounds(chunks.astype(np.int32), _small(frequency[chunks]))


def _small(frequency: Floats) -> Vectors:
    return frequency.astype(np.float32) * _ROUNDED_UP


def _lent(found: Occurrences, edges: Edges) -> tuple[Ints, Floats]:
    """The chunks that occurrences reach, and what each counts there."""
    chunks, own = found.passages >> CHUNK_BITS, found.each()
    after, before = edges.to_next[found.passages], edges.to_previous[found.passages]
    onward, back = np.flatnonzero(after), np.flatnonzero(before)
    reached = np.concatenate([chunks, chunks[onward] + 1, chunks[back] - 1])
    return reached, np.concatenate([own, after[onward] * own[onward], before[back] * own[back]])


def _bound_by_halves(found: Occurrences, edges: Edges, num_chunks: int) -> Floats:
    """The same, in a tenth of the time where there are many: each counts as much as any in its half of the chunk."""
    halves = np.bincount(found.passages >> HALF_BITS, found.counts, 2 * num_chunks).astype(np.float64)
    onward, back = np.zeros_like(halves), np.zeros_like(halves)
    onward[: len(edges.halves_to_next)] = edges.halves_to_next
    back[: len(edges.halves_to_previous)] = edges.halves_to_previous
    onward *= halves
    back *= halves
    bound = halves[::2] + halves[1::2]
    bound[1:] += (onward[::2] + onward[1::2])[:-1]
    bound[:-1] += (back[::2] + back[1::2])[1:]
    return bound
