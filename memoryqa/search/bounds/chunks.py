"""Runs of passages that the ranking bounds and scores as one, and what passages may lend across their edges."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Floats, Ints
from memoryqa.search.windows import Windows

CHUNK = 8  # passages; fewer make tighter bounds, more make bounding faster
CHUNK_BITS = 3  # shifting by them divides by CHUNK, in a tenth of the time
HALF_BITS = CHUNK_BITS - 1
REACH = CHUNK  # passages to each side from which one may inherit terms; no more than a chunk has
WIDTH = 2 * REACH + 1  # passages to which one may lend, itself included
_ROUNDED_UP = 1 + 2**-23  # shares are kept as float32, which may be a little more than they are


class Chunks:
    """What bounds the chunks besides their terms. Kept, and brought up to date when it is asked for."""

    def __init__(self) -> None:
        self._flags = np.zeros(0, dtype=np.int8)
        self._shortest = np.zeros(0)
        self._of_speaker: dict[int, tuple[int, Ints]] = {}  # by number: up to which passage, and the chunks
        self._num_flags = self._num_lengths = 0  # passages that they are of

    def flags(self, flags: array[int]) -> npt.NDArray[np.int8]:
        """The flags of all passages of each chunk together."""
        if self._num_flags != len(flags):
            first = self._num_flags // CHUNK
            later = np.frombuffer(flags, dtype=np.int8)[first * CHUNK :]
            together = np.bitwise_or.reduceat(later, np.arange(0, len(later), CHUNK))
            self._flags, self._num_flags = np.append(self._flags[:first], together), len(flags)
        return self._flags

    def shortest(self, lengths: array[float]) -> Floats:
        """The smallest windowed length of each chunk's passages."""
        if self._num_lengths != len(lengths):
            first = max(0, self._num_lengths - REACH) // CHUNK  # later passages make those before them larger
            later = np.frombuffer(lengths)[first * CHUNK :]
            smallest = np.minimum.reduceat(later, np.arange(0, len(later), CHUNK))
            self._shortest, self._num_lengths = np.append(self._shortest[:first], smallest), len(lengths)
        return self._shortest

    def of_speaker(self, number: int, speakers: array[int]) -> Ints:
        """The chunks in which a speaker has a turn, ascending."""
        end, chunks = self._of_speaker.get(number, (0, np.zeros(0, dtype=np.int64)))
        if end != len(speakers):
            first = end // CHUNK * CHUNK
            later = (np.flatnonzero(np.frombuffer(speakers, dtype=np.int32)[first:] == number) + first) >> CHUNK_BITS
            known = chunks[: np.searchsorted(chunks, first >> CHUNK_BITS)]
            chunks = np.append(known, later[np.diff(later, prepend=-1) > 0])
            self._of_speaker[number] = len(speakers), chunks
        return chunks

    def cut(self, passage: int) -> None:
        """What is of `passage` and of those behind it is to be made anew, and the lengths that reach it."""
        flags, lengths = passage // CHUNK, max(0, passage - REACH) // CHUNK
        self._flags, self._num_flags = self._flags[:flags], min(self._num_flags, flags * CHUNK)
        self._shortest, self._num_lengths = self._shortest[:lengths], min(self._num_lengths, lengths * CHUNK)
        self._of_speaker.clear()


class Edges:
    """The most that an occurrence in each passage may count in the next chunk, and in the one before, and the most of
    each half of a chunk. Nothing is lent to another block. Read as far as passages were added when it was `update`d.
    """

    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self._to_next, self._to_previous = array("d"), array("d")
        self._halves_to_next, self._halves_to_previous = array("d"), array("d")

    @property
    def to_next(self) -> Floats:
        return np.frombuffer(self._to_next)

    @property
    def to_previous(self) -> Floats:
        return np.frombuffer(self._to_previous)

    @property
    def halves_to_next(self) -> Floats:
        return np.frombuffer(self._halves_to_next)

    @property
    def halves_to_previous(self) -> Floats:
        return np.frombuffer(self._halves_to_previous)

    def update(self, token_starts: array[int], block_of: array[int]) -> Edges:
        """Take in passages that were added. token_starts: tokens before each passage, and in all. Returns itself."""
        if len(self._to_next) < len(block_of):
            self._append(np.frombuffer(token_starts, dtype=np.int64), np.frombuffer(block_of, dtype=np.int32))
        return self

    def cut(self, passage: int) -> None:
        """What is of `passage` and of those behind it is to be made anew; so is the chunk before, which may lend to
        passages of another block."""
        first = max(0, passage // CHUNK - 1) * CHUNK
        for kept in (self._to_next, self._to_previous):
            del kept[first:]
        for kept in (self._halves_to_next, self._halves_to_previous):
            del kept[first >> HALF_BITS :]

    def _append(self, starts: Ints, block: npt.NDArray[np.int32]) -> None:
        # the last passages known lend nothing yet to a chunk that had not begun
        first = max(0, len(self._to_next) - 1) // CHUNK * CHUNK
        passages = np.arange(first, len(block))
        opening = passages & ~(CHUNK - 1)  # the first passage of each one's chunk
        following = np.minimum(opening + CHUNK, len(block) - 1)
        before, after, decay = self._windows.before, self._windows.after, self._windows.decay
        to_next = _ROUNDED_UP * before * decay(np.maximum(starts[following] - starts[passages], 0))
        to_next[(opening + CHUNK > following) | (block[following] != block[passages])] = 0.0
        preceding = np.maximum(opening - 1, 0)
        to_previous = _ROUNDED_UP * after * decay(starts[passages + 1] - starts[opening])
        to_previous[(opening == 0) | (block[preceding] != block[passages])] = 0.0
        halves = np.arange(0, len(passages), 1 << HALF_BITS)
        for kept, kept_halves, lent in (
            (self._to_next, self._halves_to_next, to_next),
            (self._to_previous, self._halves_to_previous, to_previous),
        ):
            del kept[first:], kept_halves[first >> HALF_BITS :]
            kept.frombytes(lent.tobytes())
            kept_halves.frombytes(np.maximum.reduceat(lent, halves).tobytes())


class Room:
    """Zeros to work in, which are to be zeros again afterwards: fresh memory takes longer than what is done there."""

    def __init__(self) -> None:
        self._zeros = np.zeros(0, dtype=np.int64)

    def of(self, size: int) -> Ints:
        """At least `size` zeros."""
        if len(self._zeros) < size:
            self._zeros = np.zeros(size + size // 8, dtype=np.int64)
        return self._zeros
