"""The index that the ranking reads: terms, lengths, speakers and dates of turns. Adding a turn takes constant time.

A block is an unbroken run of turns of one session; the ranking's windows do not cross its edges. A chunk is `CHUNK`
consecutive turns, of any blocks: the ranking bounds and scores whole chunks. Turns, blocks and chunks are numbered
from 0.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Flags, Floats, Ints
from memoryqa.language.dates import has_time_expression
from memoryqa.language.terms import idf, terms
from memoryqa.turns import MONTHS, Turn

Postings = npt.NDArray[np.int32]  # numbers of turns, as the postings keep them

ENDS_IN_QUESTION, FOLLOWS_QUESTION, OPENS_SESSION, NAMES_TIME = 1, 2, 4, 8  # bits of a turn's flags
CHUNK = 8  # turns; fewer make tighter bounds, more make bounding faster


class IndexedTurns:
    """Append-only columns of turns and of blocks, and the postings of terms. Not thread-safe."""

    def __init__(self, window_before: Sequence[float], window_after: Sequence[float]) -> None:
        self._window_before, self._window_after = window_before, window_after
        before, after = enumerate(window_before, 1), enumerate(window_after, 1)
        # how an occurrence is spread: (distance in turns, share); and the largest share that it gives to a chunk, by
        # the distance in chunks and the occurrence's place in its own chunk
        self._shares = [(0, 1.0), *before, *((-distance, share) for distance, share in after)]
        self._chunk_shares = _by_chunk(self._shares)
        self.speakers: dict[str, int] = {}  # speaker -> number, in order of appearance
        self.years: set[int] = set()
        self.date_words: set[str] = set()  # terms by which the dates of the blocks may be named
        # term (of tags: `tag_term`) -> turns, once per occurrence; a term that occurs once has an int, not an array
        self._postings: dict[str, array[int] | int] = {}
        self._held: dict[str, int] = {}  # term -> number of turns that contain it, where more than one
        self._recent_lengths: list[int] = []  # of the block's last turns, as many as a window reaches
        self._windowed_lengths = array("d")
        self._windowed_length_sum = 0.0
        self._block = array("i")
        self._speaker = array("i")
        self._flags = array("b")
        self._block_start = array("i")
        self._block_day = array("i")
        self._block_length = array("d")
        self._chunk_flags = array("b")  # the flags of all turns of the chunk together
        self._chunk_length = array("d")  # the smallest windowed length in the chunk
        self._chunks_of_speaker: list[array[int]] = []  # by the speaker's number
        self._previous: Turn | None = None

    def __len__(self) -> int:
        return len(self._block)

    def __contains__(self, term: object) -> bool:
        return term in self._postings

    # -- adding --------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> None:
        opens = self._previous is None or self._previous.session != turn.session
        if opens:
            self._open_block(turn)
        number, found = len(self), terms(f"{turn.text} {turn.caption}")
        for term, frequency in Counter(found).items():
            self._post(term, number, frequency)
        for term in dict.fromkeys(terms(" ".join(turn.tags)) if turn.tags else ()):
            self._post(tag_term(term), number, 1)
        self._block_length[-1] += len(found)
        self._block.append(len(self._block_start) - 1)
        self._speaker.append(self.speakers.setdefault(turn.speaker, len(self.speakers)))
        self._flags.append(self._flags_of(turn, opens))
        self._spread_length(len(found))
        self._note_in_chunk(number // CHUNK)
        self._previous = turn

    def _note_in_chunk(self, chunk: int) -> None:
        """Update what bounds the last turn's chunk besides its terms."""
        if chunk == len(self._chunk_flags):
            self._chunk_flags.append(0)
            self._chunk_length.append(0.0)
        self._chunk_flags[chunk] |= self._flags[-1]
        # later turns will make the last windowed lengths of this chunk larger; without them the bound is a little loose
        self._chunk_length[chunk] = min(self._windowed_lengths[chunk * CHUNK :])
        if len(self._chunks_of_speaker) < len(self.speakers):
            self._chunks_of_speaker.append(array("i"))
        chunks = self._chunks_of_speaker[self._speaker[-1]]
        if not chunks or chunks[-1] != chunk:
            chunks.append(chunk)

    def _open_block(self, turn: Turn) -> None:
        self._recent_lengths.clear()
        self._block_start.append(len(self))
        self._block_day.append(turn.time.toordinal() if turn.time else -1)
        self._block_length.append(0.0)
        if turn.time:
            self.years.add(turn.time.year)
            self.date_words.update(terms(f"{MONTHS[turn.time.month - 1]} {turn.time.year}"), (str(turn.time.day),))

    def _post(self, term: str, turn: int, frequency: int) -> None:
        """Add occurrences of `term`. Half of all terms occur once; an int instead of an array saves memory."""
        postings = self._postings.get(term)
        if postings is None and frequency == 1:
            self._postings[sys.intern(term)] = turn
            return
        if not isinstance(postings, array):
            postings = self._postings[sys.intern(term)] = array("i", () if postings is None else (postings,))
        if postings:
            self._held[term] = self._held.get(term, 1) + 1
        postings.extend((turn,) * frequency)

    def _flags_of(self, turn: Turn, opens: bool) -> int:
        follows_question = not opens and self._previous is not None and "?" in self._previous.text
        return (
            ENDS_IN_QUESTION * turn.text.rstrip().endswith("?")
            | FOLLOWS_QUESTION * follows_question
            | OPENS_SESSION * opens
            | NAMES_TIME * has_time_expression(turn.text)
        )

    def _spread_length(self, length: int) -> None:
        """Spread a turn's length over its neighbours, as its terms are spread."""
        windowed = float(length)
        for share, before in zip(self._window_before, reversed(self._recent_lengths), strict=False):
            windowed += share * before
        for distance, share in enumerate(self._window_after[: len(self._recent_lengths)], 1):
            self._windowed_lengths[-distance] += share * length
            self._windowed_length_sum += share * length
        self._windowed_lengths.append(windowed)
        self._windowed_length_sum += windowed
        self._recent_lengths.append(length)
        del self._recent_lengths[: -len(self._shares)]

    # -- turns ---------------------------------------------------------------------------------------------------------

    def idf(self, *one_of: str) -> float:
        """Inverse document frequency of the terms taken as one; a turn that holds two of them is counted twice."""
        held = sum(self._held.get(term, 1 if term in self._postings else 0) for term in one_of)
        return idf(min(held, len(self)), len(self))

    def occurrences(self, terms: Sequence[str]) -> Postings:
        """The turns that contain one of `terms` (all of them indexed), once per occurrence, term by term."""
        found = [self._postings[term] for term in terms]
        return np.concatenate([np.array(one, dtype=np.int32, ndmin=1) for one in found])

    def speaker_of(self, turns: Ints) -> Ints:
        """The number of each turn's speaker."""
        return np.frombuffer(self._speaker, dtype=np.int32)[turns].astype(np.int64)

    def block_of(self, turns: Ints | Postings) -> Ints:
        """The block of each turn."""
        return np.frombuffer(self._block, dtype=np.int32)[turns].astype(np.int64)

    def flagged(self, turns: Ints, flag: int) -> Flags:
        """Which of `turns` have `flag`."""
        return (np.frombuffer(self._flags, dtype=np.int8)[turns] & flag) != 0

    def relative_lengths(self, turns: Ints) -> Floats:
        """Windowed length of each turn over the mean of all turns."""
        return np.frombuffer(self._windowed_lengths)[turns] / self._mean_length()

    def _mean_length(self) -> float:
        return max(self._windowed_length_sum / max(len(self), 1), 1e-9)

    # -- blocks --------------------------------------------------------------------------------------------------------

    @property
    def num_blocks(self) -> int:
        return len(self._block_start)

    @property
    def block_days(self) -> Ints:
        """The date of each block as an ordinal; -1 where it is unknown."""
        return _ints(self._block_day)

    def relative_block_lengths(self) -> Floats:
        """Number of terms of each block over the mean of all blocks."""
        lengths = np.frombuffer(self._block_length).copy()
        return lengths / max(float(lengths.mean()), 1e-9)

    def count_in_blocks(self, terms: Sequence[str]) -> Floats:
        """Number of occurrences of `terms` in each block."""
        return np.bincount(self.block_of(self.occurrences(terms)), minlength=self.num_blocks).astype(np.float64)

    def block_extents(self, blocks: Ints) -> tuple[Ints, Ints]:
        """The first turn of each block, and the first turn after the block."""
        edges = np.append(_ints(self._block_start), len(self))
        return edges[blocks], edges[blocks + 1]

    # -- chunks --------------------------------------------------------------------------------------------------------

    @property
    def num_chunks(self) -> int:
        return len(self._chunk_flags)

    def turns_of(self, chunks: Ints) -> Ints:
        """The turns of `chunks` (ascending), in order."""
        turns = (chunks[:, None] * CHUNK + np.arange(CHUNK)).ravel()
        return turns[: np.searchsorted(turns, len(self))]

    def windowed(self, occurrences: Sequence[Postings], chunks: Ints) -> Floats:
        """Windowed frequencies in the turns of `chunks` (ascending), shape (len(occurrences), turns)."""
        near = np.zeros(self.num_chunks, dtype=np.bool_)  # chunks whose occurrences may reach `chunks`
        for distance in self._chunk_shares:
            near[np.clip(chunks - distance, 0, self.num_chunks - 1)] = True
        seen = [one[near[one // CHUNK]] for one in occurrences]
        found = np.concatenate(seen).astype(np.int64)
        width = len(self.turns_of(chunks))
        row_start = np.repeat(np.arange(len(seen)) * width, [len(one) for one in seen])
        place = np.full(self.num_chunks, -1)  # by chunk: position of its first turn in the result
        place[chunks] = np.arange(len(chunks)) * CHUNK
        starts, ends = self.block_extents(self.block_of(found))
        at, shares = [], []
        for distance, share in self._shares:
            turns = found + distance
            inside = np.flatnonzero((turns >= starts) & (turns < ends))
            turns = turns[inside]
            first = place[turns // CHUNK]
            wanted = first >= 0
            at.append((row_start[inside] + first + turns % CHUNK)[wanted])
            shares.append(np.full(len(at[-1]), share))
        counts = np.bincount(np.concatenate(at), np.concatenate(shares), minlength=len(seen) * width)
        return counts.astype(np.float64, copy=False).reshape(len(seen), width)

    def bound_windowed(self, occurrences: Postings, out: Floats) -> None:
        """Write to `out` an upper bound of the windowed frequency of each chunk's turns, shape (chunks,).

        Every occurrence counts with its largest share. The caller gives `out` because allocating so much memory takes
        longer than the computation.
        """
        out.fill(0.0)
        chunks, offsets = (occurrences // CHUNK).astype(np.int64), occurrences % CHUNK
        for distance, largest in self._chunk_shares.items():
            if not distance:
                np.add.at(out, chunks, 1.0)
                continue
            reaching = np.flatnonzero((largest > 0)[offsets])
            reached = np.clip(
                chunks[reaching] + distance, 0, len(out) - 1
            )  # clipping adds to the first and last chunk: still a bound
            np.add.at(out, reached, largest[offsets[reaching]])

    def relative_chunk_lengths(self) -> Floats:
        """The smallest relative length of each chunk's turns."""
        return np.frombuffer(self._chunk_length) / self._mean_length()

    def largest_in_chunks(self, per_block: Floats) -> Floats:
        """For each chunk the largest of `per_block` over the blocks of its turns."""
        blocks = np.frombuffer(self._block, dtype=np.int32)
        first, last = blocks[::CHUNK], np.append(blocks[CHUNK - 1 :: CHUNK], blocks[-1])[: self.num_chunks]
        return np.maximum(np.maximum.reduceat(per_block, first), per_block[last])

    def chunk_flags(self) -> npt.NDArray[np.int8]:
        """For each chunk the flags of all its turns together."""
        return np.frombuffer(self._chunk_flags, dtype=np.int8).copy()

    def chunks_of(self, speaker: str) -> Ints:
        """The chunks in which `speaker` has a turn."""
        return _ints(self._chunks_of_speaker[self.speakers[speaker]])


def tag_term(term: str) -> str:
    """The name under which a term of a turn's tags is indexed, apart from the words that were said."""
    return f"#{term}"


def _by_chunk(shares: Sequence[tuple[int, float]]) -> dict[int, Floats]:
    """Distance in chunks -> largest share that an occurrence has there, by its place in its own chunk."""
    largest: dict[int, Floats] = {}
    for distance, share in shares:
        for place in range(CHUNK):
            of_chunk = largest.setdefault((place + distance) // CHUNK, np.zeros(CHUNK))
            of_chunk[place] = max(of_chunk[place], share)
    return largest


def _ints(numbers: array[int]) -> Ints:
    """A copy as int64. A view would keep the array from growing."""
    return np.frombuffer(numbers, dtype=np.int32).astype(np.int64)
