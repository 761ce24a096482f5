"""English words that are words before they are names: a speaker called Hunter does not own the hunters.

`python -m benchmarks.vocabulary.wordnet_extract` made the list from WordNet (Princeton University; the licence is
beside it) and from how often the US census of 1990 found a first name.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

WORDNET = Path(__file__).parents[2] / "vocabulary" / "wordnet.npz"


@lru_cache(maxsize=1)
def _ordinary_words() -> frozenset[str]:
    with np.load(WORDNET) as kept:
        return frozenset(kept["ordinary"].tobytes().decode().split("\n"))


def is_ordinary(word: str) -> bool:
    """Whether `word` (folded) is an English word that is seldom a name."""
    return word in _ordinary_words()
