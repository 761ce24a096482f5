"""Where the terms of a query's matches occur in an index."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Flags, Floats, Ints
from memoryqa.search.bounds.chunks import CHUNK_BITS

_MANY = 1024  # occurrences of a term, of which few are wanted: they are sorted out before they are put together


@dataclass(frozen=True, slots=True)
class Occurrences:
    """passages, matches: of each occurrence its passage and the number of its match, in the order of matches.
    counts: what each occurrence counts; None where that is 1."""

    passages: Ints
    matches: Ints
    counts: Floats | None

    def each(self) -> Floats:
        """What each occurrence counts."""
        return np.ones(len(self.passages)) if self.counts is None else self.counts


class Sought:
    """The terms of matches, and where each occurs: as the index has it, so only until something is added to it.

    sizes: of each match the number of occurrences.
    """

    def __init__(
        self,
        matches: Sequence[tuple[Sequence[str], Sequence[float]]],
        postings: dict[str, array[int] | int],
    ) -> None:
        """matches: terms, all of them in `postings`, and what an occurrence of each counts; 1 each when not given."""
        self._keys = [(tuple(terms), tuple(shares)) for terms, shares in matches]
        self._runs = [[postings[term] for term in terms] for terms, _ in matches]
        self._shares = [shares or (1.0,) * len(terms) for terms, shares in self._keys]
        self._is_one = all(share == 1.0 for shares in self._shares for share in shares)
        self.sizes = [sum(len(run) if isinstance(run, array) else 1 for run in runs) for runs in self._runs]

    def __len__(self) -> int:
        return len(self._runs)

    def key(self, number: int) -> Hashable:
        """Equal for matches that are looked for by the same terms, each counting as much."""
        return self._keys[number]

    def find(self, numbers: Sequence[int] | None = None, near: Flags | None = None) -> Occurrences:
        """The occurrences of all matches, or of those at `numbers`; near: only in these chunks.

        The numbers of the matches found are places in `numbers`.
        """
        wanted = range(len(self)) if numbers is None else numbers
        found, lengths = [np.zeros(0, dtype=np.int32)], [0]
        for number in wanted:
            for run in self._runs[number]:
                one: npt.NDArray[Any] = (
                    np.frombuffer(run, dtype=np.int32) if isinstance(run, array) else np.array((run,), dtype=np.int32)
                )
                if near is not None and len(one) > _MANY:
                    one = one[near[one >> CHUNK_BITS]]
                found.append(one)
                lengths.append(len(one))
        passages = np.concatenate(found).astype(np.intp)  # a copy: an array that is looked at cannot grow
        of_run = [0, *(place for place, number in enumerate(wanted) for _ in self._runs[number])]
        matches = np.repeat(np.array(of_run, dtype=np.intp), lengths)
        counts = None
        if not self._is_one:
            each = [1.0, *(share for number in wanted for share in self._shares[number])]
            counts = np.repeat(np.array(each), lengths)
        if near is None:
            return Occurrences(passages, matches, counts)
        kept = np.flatnonzero(near[passages >> CHUNK_BITS])
        return Occurrences(passages[kept], matches[kept], None if counts is None else counts[kept])
