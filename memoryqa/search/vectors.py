"""Vectors of passages, of their sentences and of their pieces, in matrices that grow at the end and may be changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from memoryqa.arrays import Floats, Ints, Matrix, Vectors
from memoryqa.language.terms import idfs


@dataclass(slots=True)
class Rows:
    """A matrix that grows at its end in amortised constant time. It is float32: CPUs multiply float16 far slower."""

    _buffer: Vectors = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    _length: int = 0

    @property
    def rows(self) -> Vectors:
        return self._buffer[: self._length]

    def extend(self, rows: Matrix) -> None:
        if not len(rows):  # perhaps the first ones: the buffer has no width then
            return
        needed = self._length + len(rows)
        if needed > len(self._buffer):
            grown = np.zeros((max(needed, 2 * self._length), rows.shape[1]), dtype=np.float32)
            if self._length:
                grown[: self._length] = self.rows
            self._buffer = grown
        self._buffer[self._length : needed] = rows
        self._length = needed

    def put(self, first: int, end: int, rows: Matrix) -> None:
        """Let the rows from `first` to before `end` be others."""
        kept = [one for one in (self.rows[:first], rows, self.rows[end:]) if len(one)]  # others have no width yet
        self._buffer = np.concatenate(kept, dtype=np.float32) if kept else self._buffer[:0]
        self._length = len(self._buffer)


class Runs:
    """A run of vectors for each passage."""

    def __init__(self) -> None:
        self.lengths: list[int] = []  # of each run
        self._vectors = Rows()

    def extend(self, runs: Sequence[Matrix]) -> None:
        """Add the runs of the next passages, each of shape (vectors, d)."""
        self.lengths += map(len, runs)
        self._vectors.extend(np.concatenate(runs, dtype=np.float32))

    def put(self, first: int, end: int, other: Runs) -> None:
        """Let the runs from `first` to before `end` be those of `other`."""
        start, stop = sum(self.lengths[:first]), sum(self.lengths[:end])
        self.lengths[first:end] = other.lengths
        self._vectors.put(start, stop, other._vectors.rows)

    def within(self, places: Ints, most: int) -> Ints:
        """The first of `places` whose runs have at most `most` vectors together."""
        return places[np.cumsum(np.array(self.lengths)[places]) <= most]

    def max_similarity(self, query: Vectors, places: Ints | None = None) -> Vectors:
        """Cosine of each row of `query` with the most similar vector of each run, shape (rows, runs); -1 for none.

        `places`: only with these runs, ascending; -1 for all others.
        """
        lengths = np.array(self.lengths)
        starts = np.cumsum(lengths) - lengths
        best = np.full((len(query), len(lengths)), -1.0, dtype=np.float32)
        looked_at = np.flatnonzero(lengths) if places is None else places[lengths[places] > 0]
        gaps = np.flatnonzero(np.diff(starts[looked_at]) != lengths[looked_at[:-1]])
        for stretch in np.split(looked_at, gaps + 1) if len(looked_at) else ():  # one product for runs in a row
            first, last = stretch[0], stretch[-1]
            begin = starts[first]
            similarity = self._vectors.rows[begin : starts[last] + lengths[last]] @ query.T
            best[:, stretch] = np.maximum.reduceat(similarity, starts[stretch] - begin, axis=0).T
        return best


class PieceIndex:
    """The content pieces of the passages: their vectors, and the number of passages in which each piece occurs."""

    def __init__(self) -> None:
        self._held: Counter[int] = Counter()
        self._vectors = Runs()

    def extend(self, ids: Sequence[Sequence[int]], vectors: Sequence[Matrix]) -> None:
        for of_passage in ids:
            self._held.update(set(of_passage))
        self._vectors.extend(vectors)

    def put(self, first: int, end: int, other: PieceIndex, gone: Iterable[Sequence[int]]) -> None:
        """Let the passages from `first` to before `end`, which had the pieces `gone`, be those of `other`."""
        for of_passage in gone:
            self._held.subtract(set(of_passage))
        self._held = +(self._held + other._held)
        self._vectors.put(first, end, other._vectors)

    def idf(self, ids: Sequence[int]) -> Floats:
        """Inverse document frequency of each piece among the passages."""
        return idfs([self._held[piece] for piece in ids], len(self._vectors.lengths))

    def within(self, places: Ints, most: int) -> Ints:
        """The first of `places` that have at most `most` pieces together."""
        return self._vectors.within(places, most)

    def max_similarity(self, query: Vectors, places: Ints) -> Vectors:
        """Cosine of each query piece with the most similar piece of each passage at `places`, shape (query pieces,
        passages)."""
        return self._vectors.max_similarity(query, places)
