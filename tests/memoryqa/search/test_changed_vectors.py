"""Vectors follow what is corrected and forgotten, and nothing else is embedded again."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from memoryqa.arrays import Vectors
from memoryqa.errors import MissingExtraError
from memoryqa.memory import AdaptiveMemory
from memoryqa.search.embedders import BUNDLED_MODEL, EmbeddingError, load_embedder
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)
LONG = "We rowed past the mill, and the otters swam beside us for a while. " * 20


class Letters:
    """An embedder that notes what it was asked for, and fails where it is told to."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.fails = False

    def __call__(self, texts: list[str]) -> Vectors:
        if self.fails:
            raise EmbeddingError("no model")
        self.read += texts
        return np.array([[len(text), text.count("o"), text.count("e"), 1] for text in texts], dtype=np.float32)


def turns_in_sessions(count: int) -> list[Turn]:
    return [
        Turn(1 + n // 5, 1 + n % 5, ("Ines", "Bo")[n % 2], f"Otter {n} at the mill.", MONDAY + timedelta(n // 5))
        for n in range(count)
    ]


def test_vectors_of_a_changed_memory_are_those_of_one_made_anew() -> None:
    chance, said, embedder = random.Random(5), turns_in_sessions(40), Letters()
    memory = AdaptiveMemory(embedder=embedder)
    memory.extend(said)
    memory.embed()
    for step in range(60):
        place = chance.randrange(2, len(said))
        embedder.read.clear()
        if chance.random() < 0.3 and len(said) > 10:
            memory.forget(said.pop(place).id)
        else:
            text = chance.choice((f"Kite {step}.", LONG + str(step), "", "Hello!"))
            said[place] = memory.correct(said[place].id, text)
        if chance.random() < 0.5:
            continue
        embedder.fails = chance.random() < 0.3
        memory.search("Where was the otter?")
        if embedder.fails:
            embedder.fails = False
            continue
        fresh = AdaptiveMemory(embedder=Letters())
        fresh.extend(said)
        found, expected = (one.search("Where was the otter?", 4_000) for one in (memory, fresh))
        assert (found.ids, found.scores) == (expected.ids, expected.scores)
        assert memory._dense is not None
        assert fresh._dense is not None
        assert np.array_equal(memory._dense._vectors.rows, fresh._dense._vectors.rows)
        assert (memory._dense._keys, memory._dense._tokens) == (fresh._dense._keys, fresh._dense._tokens)
        assert len(embedder.read) < 60, "what was not changed is not embedded again"


@pytest.mark.slow
def test_a_local_model_knows_the_pieces_of_a_changed_memory() -> None:
    try:
        model = load_embedder(BUNDLED_MODEL)
    except (EmbeddingError, MissingExtraError) as error:
        pytest.skip(str(error))
    said = turns_in_sessions(12)
    memory, fresh = AdaptiveMemory(embedder=model), AdaptiveMemory(embedder=model)
    memory.extend(said)
    memory.embed()
    said[4] = memory.correct(said[4].id, LONG)
    memory.embed()
    said[4] = memory.correct(said[4].id, "A heron came.")
    assert memory.forget(said.pop(7).id) == 1
    fresh.extend(replace(one) for one in said)
    for one in (memory, fresh):
        one.embed()
    assert memory._dense is not None
    assert fresh._dense is not None
    one, other = memory._dense, fresh._dense
    assert one._pieces._held == other._pieces._held
    assert one._pieces._vectors.lengths == other._pieces._vectors.lengths
    assert one._sentences.lengths == other._sentences.lengths
    for mine, theirs in ((one._vectors, other._vectors), (one._sentences._vectors, other._sentences._vectors)):
        assert np.allclose(mine.rows, theirs.rows, atol=2e-3)
    assert memory.search("Which bird came?", 60).ids == fresh.search("Which bird came?", 60).ids
