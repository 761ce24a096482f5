"""The turns as the ranking sees them: which term occurs where, how long, whose, when. Adding one takes constant time.

A block is an unbroken run of turns of one session. Nothing that the ranking's windows see crosses a block, so blocks
can be bounded as wholes and scored one by one.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from memory.lexical import terms
from memory.temporal import has_time_expression
from memory.turns import MONTHS, Turn

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENDS_IN_QUESTION, FOLLOWS_QUESTION, OPENS_SESSION, NAMES_TIME = 1, 2, 4, 8  # bits of a turn's flags


class IndexedTurns:
    """Append-only columns of turns (numbered from 0) and of blocks, and the postings of terms. Not thread-safe."""

    def __init__(self, window_before: Sequence[float], window_after: Sequence[float]) -> None:
        self._window_before, self._window_after = window_before, window_after
        self.gap = max(len(window_before), len(window_after))  # empty places that no window reaches across
        self.speakers: dict[str, int] = {}  # number of each, in order of appearance
        self.years: set[int] = set()
        self.date_words: set[str] = set()  # terms by which the dates of the blocks may be named
        self._postings: dict[str, array[int] | int] = {}  # term -> turns, once per occurrence; a lone one stands bare
        self._held: dict[str, int] = {}  # term -> number of turns that hold it, where it is more than one
        self._recent_lengths: list[int] = []  # of the block's last turns, as far back as a window reaches
        self._windowed_lengths = array("d")
        self._windowed_length_sum = 0.0
        self._block = array("i")
        self._speaker = array("i")
        self._flags = array("b")
        self._block_start = array("i")
        self._block_day = array("i")
        self._block_length = array("d")
        self._previous: Turn | None = None

    def __len__(self) -> int:
        return len(self._block)

    def __contains__(self, term: object) -> bool:
        return term in self._postings

    # -- adding --------------------------------------------------------------------------------------------------------

    def add(self, turn: Turn) -> None:
        """Append `turn`."""
        opens = self._previous is None or self._previous.session != turn.session
        if opens:
            self._open_block(turn)
        number, found = len(self), terms(f"{turn.text} {turn.caption}")
        for term, frequency in Counter(found).items():
            self._post(term, number, frequency)
        self._block_length[-1] += len(found)
        self._block.append(len(self._block_start) - 1)
        self._speaker.append(self.speakers.setdefault(turn.speaker, len(self.speakers)))
        self._flags.append(self._flags_of(turn, opens))
        self._spread_length(len(found))
        self._previous = turn

    def _open_block(self, turn: Turn) -> None:
        self._recent_lengths.clear()
        self._block_start.append(len(self))
        self._block_day.append(turn.time.toordinal() if turn.time else -1)
        self._block_length.append(0.0)
        if turn.time:
            self.years.add(turn.time.year)
            self.date_words.update(terms(f"{MONTHS[turn.time.month - 1]} {turn.time.year}"), (str(turn.time.day),))

    def _post(self, term: str, turn: int, frequency: int) -> None:
        """Half of all terms occur once: those cost no array of their own."""
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
        """A turn's length is windowed as its terms are."""
        windowed = float(length)
        for share, before in zip(self._window_before, reversed(self._recent_lengths), strict=False):
            windowed += share * before
        for distance, share in enumerate(self._window_after[: len(self._recent_lengths)], 1):
            self._windowed_lengths[-distance] += share * length
            self._windowed_length_sum += share * length
        self._windowed_lengths.append(windowed)
        self._windowed_length_sum += windowed
        self._recent_lengths.append(length)
        del self._recent_lengths[: -max(self.gap, 1)]

    # -- turns ---------------------------------------------------------------------------------------------------------

    def idf(self, *one_of: str) -> float:
        """ln(1 + (n - held + .5) / (held + .5)) for the `held` of n turns that hold one of the terms, counted apart."""
        held = sum(self._held.get(term, 1 if term in self._postings else 0) for term in one_of)
        held = min(held, len(self))
        return math.log(1 + (len(self) - held + 0.5) / (held + 0.5))

    def occurrences(self, terms: Sequence[str]) -> Ints:
        """The turns that hold one of `terms` (all of them indexed), once per occurrence, in order."""
        found = [self._postings[term] for term in terms]
        each = [_ints(postings) if isinstance(postings, array) else np.array([postings]) for postings in found]
        return each[0] if len(each) == 1 else np.sort(np.concatenate(each))

    def speaker_of(self, turns: Ints) -> Ints:
        """Numbers of the speakers of `turns`."""
        return np.frombuffer(self._speaker, dtype=np.int32)[turns].astype(np.int64)

    def block_of(self, turns: Ints) -> Ints:
        """Blocks of `turns`."""
        return np.frombuffer(self._block, dtype=np.int32)[turns].astype(np.int64)

    def flagged(self, turns: Ints, flag: int) -> npt.NDArray[np.bool_]:
        """Which of `turns` bear `flag`."""
        return (np.frombuffer(self._flags, dtype=np.int8)[turns] & flag) != 0

    def relative_lengths(self, turns: Ints) -> Floats:
        """Windowed lengths of `turns` over the mean of all."""
        return np.frombuffer(self._windowed_lengths)[turns] / max(self._windowed_length_sum / max(len(self), 1), 1e-9)

    # -- blocks --------------------------------------------------------------------------------------------------------

    @property
    def num_blocks(self) -> int:
        return len(self._block_start)

    @property
    def block_days(self) -> Ints:
        """Ordinals of the blocks' dates, -1 where unknown."""
        return _ints(self._block_day)

    def relative_block_lengths(self) -> Floats:
        """Numbers of terms of the blocks over their mean."""
        lengths = np.frombuffer(self._block_length).copy()
        return lengths / max(float(lengths.mean()), 1e-9)

    def count_in_blocks(self, terms: Sequence[str]) -> Floats:
        """Occurrences of `terms` per block."""
        return np.bincount(self.block_of(self.occurrences(terms)), minlength=self.num_blocks).astype(np.float64)

    def turns_of(self, blocks: Ints) -> Ints:
        """The turns of `blocks`, in order of `blocks`."""
        starts, sizes = self._extent(blocks)
        return _ranges(starts, sizes)

    def place(self, blocks: Ints) -> tuple[Ints, Ints]:
        """Where the turns of `blocks` stand when laid side by side with gaps between: starts of the blocks, turns."""
        _, sizes = self._extent(blocks)
        firsts = np.cumsum(sizes) - sizes + self.gap * np.arange(1, len(blocks) + 1)
        return firsts, _ranges(firsts, sizes)

    def frequencies(self, groups: Sequence[Sequence[str]], blocks: Ints) -> Floats:
        """Occurrences of each group of terms at the places of `blocks` (ascending), shape (groups, places)."""
        starts, sizes = self._extent(blocks)
        firsts, at = self.place(blocks)
        counts = np.zeros((len(groups), int(at[-1]) + self.gap + 1))
        for row, group in enumerate(groups):
            found = self.occurrences(group)
            if len(blocks) == self.num_blocks:
                placed = at[found]
            else:
                low = np.searchsorted(found, starts)
                inside = np.searchsorted(found, starts + sizes) - low
                placed = np.repeat(firsts - starts, inside) + found[_ranges(low, inside)]
            counts[row] = np.bincount(placed, minlength=counts.shape[1])
        return counts

    def _extent(self, blocks: Ints) -> tuple[Ints, Ints]:
        """First turn and number of turns of each of `blocks`."""
        edges = np.append(_ints(self._block_start), len(self))
        return edges[blocks], edges[blocks + 1] - edges[blocks]


def _ranges(starts: Ints, sizes: Ints) -> Ints:
    """`starts[0], starts[0] + 1, ...` for `sizes[0]` numbers, then the same for the next."""
    return np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())


def _ints(numbers: array[int]) -> Ints:
    """As int64, a copy: an array that is looked at cannot grow."""
    return np.frombuffer(numbers, dtype=np.int32).astype(np.int64)
