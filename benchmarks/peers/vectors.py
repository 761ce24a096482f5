"""MiniLM's vectors for the peers that rank by them, computed once a text and kept, with the time that each took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memoryqa.arrays import Vectors
from memoryqa.search.embedders import BUNDLED_MODEL, Embedder, embed, load_embedder
from memoryqa.search.vector_cache import VectorCache

DIMENSION = 384
_BATCH = 64
_VECTOR, _COST = "peers' vector", "peers' milliseconds"


class KeptVectors:
    """Vectors of unit length by text, in the SQLite file `path`. The model is loaded for the first text that is new.

    Raises EmbedderNotLoadedError when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._cache = VectorCache(path, BUNDLED_MODEL)
        self._model: Embedder | None = None

    def of(self, texts: Sequence[str]) -> tuple[Vectors, float | None]:
        """Vectors of `texts`, (n, 384), and the CPU milliseconds that they take; None where those are not known."""
        distinct = list(dict.fromkeys(texts))
        known = self._cache.get(_VECTOR, distinct, DIMENSION)
        missing = [text for place, text in enumerate(distinct) if place not in known]
        for first in range(0, len(missing), _BATCH):
            self._add(missing[first : first + _BATCH])
        rows = {distinct[place]: row for place, row in self._cache.get(_VECTOR, distinct, DIMENSION).items()}
        costs = self._cache.get(_COST, distinct, 1)
        total_ms = sum(float(cost[0, 0]) for cost in costs.values()) if len(costs) == len(distinct) else None
        return np.concatenate([rows[text] for text in texts]), total_ms

    def _add(self, texts: Sequence[str]) -> None:
        if self._model is None:
            self._model = load_embedder(BUNDLED_MODEL)
            embed(self._model, ["a first text, which is slower"], DIMENSION)
        started = time.process_time()
        vectors = embed(self._model, texts, DIMENSION)
        each_ms = np.float32((time.process_time() - started) * 1000 / len(texts))
        self._cache.put(_VECTOR, {text: vector[None] for text, vector in zip(texts, vectors, strict=True)})
        self._cache.put(_COST, {text: np.full((1, 1), each_ms) for text in texts})
