"""Where the terms of a query's matches occur in an index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memoryqa.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Where the terms of matches occur, match by match.

    passages, matches: of each occurrence its passage and the number of its match. starts: of each match its first
    occurrence, and the end. counts: what each occurrence counts; None where that is 1.
    """

    passages: Ints
    matches: Ints
    starts: list[int]
    counts: Floats | None

    def taking(self, some: Ints) -> Occurrences:
        """Those at `some` places, ascending."""
        matches = self.matches[some]
        starts = np.searchsorted(matches, np.arange(len(self.starts))).tolist()
        return Occurrences(self.passages[some], matches, starts, None if self.counts is None else self.counts[some])
