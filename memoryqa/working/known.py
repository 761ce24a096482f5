"""What was read of lines before, so that lines which changed are read again and no others."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class KnownLines:
    """The features of lines, as `CoverageChain` has them. numbers: of features by name; other lines may have more.

    features: of all lines, one line after the other. starts: where each line begins in them, and the end of the last
    one. tokens, per_token: by line. In `ordered` ones features have the numbers by which they are first mentioned.
    """

    numbers: dict[str, int]
    features: array[int]
    starts: array[int]
    tokens: array[int]
    per_token: array[float]
    speakers: set[str]  # of the lines
    ordered: bool = True
    names: list[str] = field(default_factory=list)  # of features by number, once they are `ordered`

    def __len__(self) -> int:
        return len(self.tokens)

    def cut(self, end: int) -> None:
        """Leave out the lines from `end` on."""
        if end < len(self):
            del self.features[self.starts[end] :], self.starts[end + 1 :], self.tokens[end:], self.per_token[end:]

    def put(self, places: range, found: Sequence[tuple[Sequence[str], int, float]]) -> None:
        """Let the lines at `places` be others: the features, tokens and worth per token of each."""
        self.ordered, self.names = False, []
        first, end = self.starts[places.start], self.starts[places.stop]
        features, starts = array("i"), array("q")
        for names, _, _ in found:
            features.extend(self.numbers.setdefault(name, len(self.numbers)) for name in names)
            starts.append(first + len(features))
        self.features[first:end] = features
        self.starts[places.start + 1 : places.stop + 1] = starts
        if by := len(features) - (end - first):
            np.frombuffer(self.starts, dtype=np.int64)[places.start + 1 + len(found) :] += by
        self.tokens[places.start : places.stop] = array("i", [tokens for _, tokens, _ in found])
        self.per_token[places.start : places.stop] = array("d", [worth for _, _, worth in found])

    def order(self) -> None:
        """Number the features by their first mention."""
        if self.ordered:
            self.names = self.names or list(self.numbers)
            return
        features = np.frombuffer(self.features, dtype=np.int32)
        first = np.full(len(self.numbers), len(features))
        first[features[::-1]] = np.arange(len(features))[::-1]  # of repeated places the last is assigned
        order = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(features))]
        names = list(self.numbers)
        number = np.zeros(len(names), dtype=np.int32)
        number[order] = np.arange(len(order))
        self.features = array("i", number[features].tobytes())
        self.names = [names[one] for one in order.tolist()]
        self.numbers = {name: place for place, name in enumerate(self.names)}
        self.ordered = True


@dataclass
class KnownWorking:
    """lines: all that were taken in. to_shorten: places of those that are shorter in brief, in order."""

    lines: KnownLines
    to_shorten: list[int]

    def cut(self, end: int, speakers: set[str]) -> None:
        """Leave out the lines from `end` on; speakers: of those that are left."""
        self.lines.cut(end)
        self.lines.speakers = speakers
        del self.to_shorten[bisect_left(self.to_shorten, end) :]

    def put(self, places: range, read: Sequence[tuple[Sequence[str], int, float]], shorter: Sequence[bool]) -> None:
        """Let the lines at `places` be others; see `KnownLines.put`. shorter: which are shorter in brief."""
        if places.stop > len(self.lines):  # not taken in yet
            self.cut(min(places.start, len(self.lines)), self.lines.speakers)
            return
        self.lines.put(places, read)
        first, end = (bisect_left(self.to_shorten, edge) for edge in (places.start, places.stop))
        by = len(read) - len(places)
        later = [place + by for place in self.to_shorten[end:]]
        self.to_shorten[first:] = [*(place for place, one in enumerate(shorter, places.start) if one), *later]
