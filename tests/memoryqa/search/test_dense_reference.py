"""The match in meaning against a slow reference, passage by passage, with a model that needs no weights."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_ranking import Reference, passages_of
from strategies import conversations, dialogues, sentences, texts

from memoryqa.arrays import Vectors
from memoryqa.config import ONE_VECTOR, DenseConfig
from memoryqa.language.names import in_first_person, without_names
from memoryqa.memory import AdaptiveMemory
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import LocalEmbedder, Pieces, unit_length
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import Turn

WINDOW = 200  # pieces that the model reads of a text
ROUNDED = 0.004  # vectors are kept as float16


class Words(LocalEmbedder):
    """A local model whose pieces are words: each has a direction of its own, turned a little by the word before it."""

    def __init__(self) -> None:
        self.name, self.max_pieces, self.averages_pieces = "words", WINDOW, True
        self.read: list[str] = []

    def is_content(self, piece: int) -> bool:  # type: ignore[override]
        return piece % 3 > 0

    def piece_ids(self, text: str) -> tuple[int, ...]:
        return tuple(_number(word) for word in text.lower().replace(":", " ").replace("?", " ").split())

    def encode_parts(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        self.read += [" ".join(parts) for parts in texts]
        return [self._read(parts) for parts in texts]

    def encode_queries(self, texts: Sequence[str]) -> list[Pieces]:
        return self.encode(texts)

    def _read(self, parts: Sequence[str]) -> Pieces:
        ids = [piece for part in parts for piece in self.piece_ids(part)][:WINDOW]
        own = np.array([_direction(piece) for piece in ids]).reshape(-1, 12)
        vectors = unit_length(own + 0.3 * np.concatenate([np.zeros((min(1, len(ids)), 12)), own[:-1]]))
        ends = np.cumsum([len(self.piece_ids(part)) for part in parts])
        sums = [vectors[first:last].sum(axis=0) for first, last in zip([0, *ends], ends, strict=False)]
        return Pieces(tuple(ids), vectors, unit_length(vectors.sum(axis=0)), unit_length(np.array(sums)))


def _number(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:3])


def _direction(piece: int) -> Vectors:
    return np.abs(np.random.default_rng(piece).normal(size=12)).astype(np.float32)


class DenseReference:
    """The match by the recipe; i, j: passages."""

    def __init__(self, turns: list[Turn], config: DenseConfig, model: Words) -> None:
        self.config, self.model = config, model
        self.shares = Reference(turns, config.ranking)
        self.lines = self.shares.lines
        self.names = {turn.speaker for turn in turns}

    @cached_property
    def read(self) -> list[Pieces]:
        return [self.model.encode_parts([sentences_of(line.turn, line.said, line.caption)])[0] for line in self.lines]

    def match(self, query: str) -> list[float]:
        total = [0.0] * len(self.lines)
        nameless = without_names(query, self.names)
        if nameless.strip():
            cosine = self.cosines(self.model.encode([in_first_person(query, self.names)])[0].pooled)
            total = [max(0.0, one - sum(cosine) / len(cosine)) for one in cosine]
        if query.strip() and self.config.token_weight:
            pieces = self.query_pieces(query, nameless)
            total = [one + self.config.token_weight * self.late(i, pieces) for i, one in enumerate(total)]
        return total

    def cosines(self, asked: Vectors) -> list[float]:
        own = [max(float(part @ asked) for part in text.parts) for text in self.read]
        around = []
        for i in range(len(self.lines)):
            mixed = sum(self.shares.share(i, j) * self.read[j].pooled for j in self.near(i))
            length = float(np.linalg.norm(mixed))
            around.append(float(mixed @ asked) / length if length else 0.0)
        return [
            self.config.turn_weight * one + self.config.window_weight * other
            for one, other in zip(own, around, strict=True)
        ]

    def late(self, i: int, pieces: list[tuple[int, Vectors]]) -> float:
        """Each piece of the question takes its most similar piece of the passage, and of those around."""
        if not pieces:
            return 0.0
        total = 0.0
        for piece, vector in pieces:
            similar = sum(self.shares.share(i, j) * self.similarity(j, vector) for j in self.near(i))
            total += self.idf(piece) * 2 * similar / (similar + 1)
        return total / sum(self.idf(piece) for piece, _ in pieces)

    def similarity(self, j: int, asked: Vectors) -> float:
        text, floor = self.read[j], self.config.similarity_floor
        found = [
            float(vector @ asked)
            for piece, vector in zip(text.ids, text.vectors, strict=True)
            if self.model.is_content(piece)
        ]
        return max(0.0, max(found, default=0.0) - floor) / (1 - floor)

    def idf(self, piece: int) -> float:
        held = sum(piece in text.ids for text in self.read)
        return math.log(1 + (len(self.lines) - held + 0.5) / (held + 0.5))

    def query_pieces(self, query: str, nameless: str) -> list[tuple[int, Vectors]]:
        text = self.model.encode([query])[0]
        names = set(self.model.piece_ids(query)) - set(self.model.piece_ids(nameless))
        return [
            (piece, vector)
            for piece, vector in zip(text.ids, text.vectors, strict=True)
            if self.model.is_content(piece) and piece not in names
        ]

    def near(self, i: int) -> range:
        return range(max(0, i - 8), min(len(self.lines), i + 9))


def sentences_of(turn: Turn, said: str, caption: str) -> list[str]:
    """What the model reads of a passage whose sentences end in ". " and "? ", or with their line."""
    text = f"{turn.speaker}: {said}" + (f" (shared photo: {caption})" if caption else "")
    found: list[str] = []
    for sentence in text.replace(". ", ".\n").replace("? ", "?\n").split("\n"):
        if found and len(sentence.split()) < 4:
            found[-1] = f"{found[-1]} {sentence.strip()}".strip()
        else:
            found.append(" ".join(sentence.split()))
    return found


long_turns = st.lists(sentences, min_size=8, max_size=30).map(". ".join)
weights = st.sampled_from([0.0, 0.7, 1.8])
configs = st.builds(
    lambda token, turn, window, floor, ranking: replace(
        DenseConfig(),
        token_weight=token,
        turn_weight=turn,
        window_weight=window,
        similarity_floor=floor,
        ranking=ranking,
    ),
    weights,
    weights,
    weights,
    st.sampled_from([0.0, 0.3, 0.6]),
    st.sampled_from(
        [
            DenseConfig().ranking,
            replace(DenseConfig().ranking, window_before=1.0, window_after=0.0, window_tokens=7.5),
            replace(DenseConfig().ranking, window_before=0.1, window_after=1.0, window_tokens=1000.0),
        ]
    ),
)


def embedded(turns: Sequence[Turn], config: DenseConfig, model: Words) -> DenseIndex:
    index = DenseIndex(model, config)
    index.update([line for turn in turns for line in passages_of(turn)])
    return index


@pytest.mark.slow
@settings(max_examples=60)
@given(turns=dialogues(), long=st.lists(long_turns, max_size=3), query=sentences, config=configs)
def test_the_match_is_the_references(turns: list[Turn], long: list[str], query: str, config: DenseConfig) -> None:
    for place, text in enumerate(long):  # long turns among short ones
        turns.insert(2 * place, replace(turns[0], number=100 + place, text=text))
    model = Words()
    expected = DenseReference(turns, config, model).match(query)
    found = embedded(turns, config, model).match([query], {turn.speaker for turn in turns})[0]
    assert found == pytest.approx(expected, abs=ROUNDED * (config.token_weight + config.turn_weight + 1))


@pytest.mark.slow
@settings(max_examples=40)
@given(turns=dialogues(), query=sentences, cut=st.integers(1, 5))
def test_passages_that_come_bit_by_bit_match_as_all_at_once(turns: list[Turn], query: str, cut: int) -> None:
    lines = [line for turn in turns for line in passages_of(turn)]
    at_once, names = embedded(turns, DenseConfig(), Words()), {turn.speaker for turn in turns}
    bit_by_bit = DenseIndex(Words())
    for last in range(cut, len(lines) + cut, cut):
        bit_by_bit.update(lines[:last])
        bit_by_bit.match([query], names)
    assert bit_by_bit.match([query], names)[0].tolist() == at_once.match([query], names)[0].tolist()


@pytest.mark.slow
@settings(max_examples=40)
@given(turns=conversations(), query=texts, budget=st.integers(0, 400))
@example(turns=[Turn(1, 1, "", "")], query="", budget=0)
@example(turns=[Turn(1, 1, "Ines", "\u2028")], query="the mill", budget=40)
def test_whatever_was_said_every_turn_is_ranked_once_and_the_budget_kept(
    turns: list[Turn], query: str, budget: int
) -> None:
    memory = AdaptiveMemory(embedder=Words())
    memory.extend(turns)
    assert sorted(found.id for found in memory.rank(query)) == sorted(one.id for one in turns)
    assert memory.search(query, budget).tokens <= budget
    assert memory.stats().embedding_failures == 0


def long_answer() -> list[Turn]:
    filler = "\n".join(f"- step {number} rinse the beans and wait a little" for number in range(120))
    asked = Turn(1, 1, "User", "How do I cook beans? I never did.")
    return [asked, Turn(1, 2, "Assistant", f"{filler}\n- finally serve it with saffron"), Turn(1, 3, "User", "Thanks!")]


def test_what_a_long_turn_says_last_is_found_and_only_that_passage_of_it() -> None:
    model = Words()
    index = embedded(long_answer(), DenseConfig(), model)
    match = index.match(["serve saffron"], ["User", "Assistant"])[0]
    lines = [line for turn in long_answer() for line in passages_of(turn)]
    assert len(lines) > 10
    assert "saffron" in lines[int(match.argmax())].said
    assert all(len(model.piece_ids(text)) <= WINDOW for text in model.read), "no passage is beyond the model's window"


def test_a_passage_is_read_once_and_kept_with_its_sentences_and_pieces(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path / "vectors.sqlite", "words")
    first, second = Words(), Words()
    matches = []
    for model in (first, second):
        index = DenseIndex(model, None, cache)
        index.update([line for turn in long_answer() for line in passages_of(turn)])
        matches.append(index.match(["serve saffron"], ["User"])[0].tolist())
    cache.close()
    assert matches[0] == matches[1]
    texts_read = first.read[1:]  # behind the one by which the dimension is learnt
    assert len(texts_read) == len(set(texts_read))
    assert second.read == ["dimension", "serve saffron"] == [first.read[0], first.read[-1]]


def test_a_model_that_does_not_average_its_pieces_ranks_by_one_vector_a_text() -> None:
    model = Words()
    model.averages_pieces = False
    turns, names = long_answer(), ["User"]
    lines = [line for turn in turns for line in passages_of(turn)]
    index, plain = DenseIndex(model), DenseIndex(lambda texts: model(texts))
    assert index.config == plain.config == ONE_VECTOR
    for one in (index, plain):
        one.update(lines)
    assert index.match(["saffron"], names)[0].tolist() == plain.match(["saffron"], names)[0].tolist()


def test_weightless_late_interaction_is_not_computed() -> None:
    model = Words()
    index = embedded(long_answer(), replace(DenseConfig(), token_weight=0.0), model)
    model.read.clear()
    index.match(["What did User serve?"], ["User"])
    assert model.read == ["What did I serve?"]
