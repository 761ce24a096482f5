"""Counts the tokens of a few texts without building the tokenizer, which takes 0.3 s of a command that takes as long.

The vocabulary is searched as it lies in its file: its lines are sorted by their first eight bytes, and a token's rank
is its line's number. Texts are cut and merged as byte pair encoding does it, https://github.com/openai/tiktoken.
"""

from __future__ import annotations

from binascii import b2a_base64
from itertools import pairwise

import numpy as np
import regex

from memoryqa.terminal import without_halves

_KEY_BYTES = 8  # of a line, by which it is looked for
_SPACE, _LINE_END = 32, 10
_MOST_PIECES = 4000  # that were not met before; from then on the tokenizer is faster
_LONGEST_PIECE = 200  # bytes: merging takes time as the square of it


class SparseTokenizer:
    """Token ids by search in the vocabulary's file."""

    def __init__(self, vocabulary: bytes, pattern: str) -> None:
        self._content = vocabulary
        self._cut = regex.compile(pattern)
        self._known: dict[str, list[int]] = {}
        held = np.frombuffer(vocabulary + bytes(_KEY_BYTES), dtype=np.uint8)
        ends = np.flatnonzero(held == _LINE_END)
        self._starts = np.concatenate(([0], ends[:-1] + 1))
        keys = np.lib.stride_tricks.sliding_window_view(held, _KEY_BYTES)[self._starts]
        keys[keys[:, 4] == _SPACE, 5:] = 0  # a token of three bytes or less, and its rank
        of_line = keys.view(np.uint64).ravel()
        self._order = np.argsort(of_line)
        self._keys = of_line[self._order]

    def encode(self, text: str) -> list[int] | None:
        """The tokens of `text`; None when there is too much of it."""
        found = list[int]()
        for piece in self._cut.findall(without_halves(text)):
            known = self._known.get(piece)
            if known is None:
                written = piece.encode()
                if len(self._known) >= _MOST_PIECES or len(written) > _LONGEST_PIECE:
                    return None
                known = self._known[piece] = self._merged(written)
            found += known
        return found

    def _merged(self, piece: bytes) -> list[int]:
        whole = self._rank(piece)
        if whole is not None:
            return [whole]
        parts = [piece[place : place + 1] for place in range(len(piece))]
        ranks = [self._rank(left + right) for left, right in pairwise(parts)]
        while known := [rank for rank in ranks if rank is not None]:
            place = ranks.index(min(known))
            parts[place : place + 2] = [parts[place] + parts[place + 1]]
            del ranks[place]
            if place < len(ranks):
                ranks[place] = self._rank(parts[place] + parts[place + 1])
            if place:
                ranks[place - 1] = self._rank(parts[place - 1] + parts[place])
        return [rank for part in parts if (rank := self._rank(part)) is not None]

    def _rank(self, token: bytes) -> int | None:
        line = b2a_base64(token, newline=False) + b" "
        key = np.frombuffer(line[:_KEY_BYTES].ljust(_KEY_BYTES, b"\0"), dtype=np.uint64)[0]
        first, last = np.searchsorted(self._keys, key, "left"), np.searchsorted(self._keys, key, "right")
        for place in self._order[first:last].tolist():
            start = int(self._starts[place])
            if self._content.startswith(line, start):
                return int(place)
        return None
