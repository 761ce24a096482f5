"""Words that are used like a word ("cinema": theater, film, movie), and how rare one is, from a table in the package.

`python -m benchmarks.vocabulary.related_words` made it from public word vectors; nothing in it comes from a
conversation. It is English: a word of another language has no related words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np

from memoryqa.language.lexicon.beginnings import Beginnings

RELATED_WORDS = Path(__file__).parents[2] / "vocabulary" / "related_words.npz"
_MOST_FOUND = 8192
_STEPS = 255  # a similarity is kept as a whole number of so many parts


class _Table:
    """Words of a table; the related ones in one array after another."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as kept:
            self._words = kept["words"].tobytes().decode().split("\n")
            self._ends = np.cumsum(kept["counts"], dtype=np.int64)
            self._places, self._similarities = kept["places"], kept["similarities"]
        self._beginnings = Beginnings(self._words)
        self._found: dict[str, int | None] = {}  # places of terms that were asked for

    def __len__(self) -> int:
        return len(self._words)

    def related(self, term: str) -> tuple[tuple[str, float], ...]:
        place = self.place(term)
        if place is None:
            return ()
        first, last = int(self._ends[place - 1]) if place else 0, int(self._ends[place])
        found = zip(self._places[first:last].tolist(), self._similarities[first:last].tolist(), strict=True)
        return tuple((self._beginnings.term(other), similarity / _STEPS) for other, similarity in found)

    def place(self, term: str) -> int | None:
        """The first place of a word with this term; the words are in the order of their frequency."""
        if term not in self._found:
            if len(self._found) >= _MOST_FOUND:
                self._found.clear()
            self._found[term] = next(iter(self._beginnings.places_of(term)), None)
        return self._found[term]


@lru_cache(maxsize=1)
def _table() -> _Table:
    return _Table(RELATED_WORDS)


@lru_cache(maxsize=8192)
def related(term: str) -> tuple[tuple[str, float], ...]:
    """Terms used like `term`, and how alike: 0 to 1, best first. () for a term that the table does not have."""
    return _table().related(term)


@lru_cache(maxsize=8192)
def english_rarity(term: str) -> float:
    """How rare a term is in English: about the logarithm of its rank by frequency, .7 to 10. Largest for terms that the
    table does not have."""
    place = _table().place(term)
    return math.log(2 + (len(_table()) if place is None else place))


def is_in_table(term: str) -> bool:
    """Whether the table has a term: whether it is a frequent English word's."""
    return _table().place(term) is not None


def write_related(path: Path, words: Sequence[str], found: Sequence[Sequence[tuple[int, float]]]) -> None:
    """Write a table: for each word the places of those related to it, with their similarity (0 to 1)."""
    columns = {
        "words": np.frombuffer("\n".join(words).encode(), dtype=np.uint8),
        "counts": np.array([len(one) for one in found], dtype=np.uint8),
        "places": np.array([place for one in found for place, _ in one], dtype=np.uint16),
        "similarities": np.array([round(_STEPS * value) for one in found for _, value in one], dtype=np.uint8),
    }
    written = BytesIO()
    np.savez_compressed(written, **columns)  # type: ignore[arg-type]
    path.write_bytes(written.getvalue())
