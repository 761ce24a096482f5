"""benchmarks.scale, and what it stands on: at any length the memory ranks exactly as if it scored every turn."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_ranking import configs, index_of, long_history, passages_of, questions
from strategies import WORDS, sentences

from benchmarks.scale import costs as scale
from benchmarks.scale import engines
from benchmarks.scale.costs import Cost
from benchmarks.scale.engines import ENGINES
from benchmarks.scale.histories import NAMES, SESSIONS_A_DAY, asked, history
from locomo.dataset import SAMPLE_PATH, load
from memoryqa.config import RankingConfig
from memoryqa.memory import AdaptiveMemory
from memoryqa.search import ranking as retrieval
from memoryqa.search.bounds import best_first
from memoryqa.search.bounds.chunks import CHUNK
from memoryqa.search.ranking import PassageIndex
from memoryqa.turns import Turn

SAMPLE = load(SAMPLE_PATH)
CONVERSATIONS = SAMPLE.conversations
SPEAKERS = {one.id: one.speakers for one in CONVERSATIONS}
QUESTIONS = [one for one in SAMPLE.questions if one.category != 5]


def repeated(num_turns: int, start: int = 0) -> list[Turn]:
    return list(islice(history(CONVERSATIONS, start), num_turns))


@contextmanager
def small_batches() -> Iterator[None]:
    """As if histories were long: few chunks at once, so that most are ruled out by their bounds or wait for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "FIRST_CHUNKS", 2)
        for name, value in (("FIRST_CHUNKS", 2), ("_FEWEST_CHUNKS", 1), ("_MOST_CHUNKS", 6), ("_FIRST_RIPE", 3)):
            patch.setattr(best_first, name, value)
        yield


# -- the order ---------------------------------------------------------------------------------------------------------

long_windows = st.builds(
    RankingConfig,
    window_before=st.sampled_from([0.0, 0.3, 1.0]),
    window_after=st.sampled_from([0.0, 0.3, 1.0]),
    window_tokens=st.sampled_from([5.0, 300.0, 10_000.0]),
)
any_config = st.one_of(st.just(RankingConfig()), configs, long_windows)
searches = st.lists(questions, min_size=1, max_size=3)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(65, 90), searches, any_config)
@settings(max_examples=60)
def test_best_is_the_stable_order_of_the_scores_in_histories_of_many_sessions(
    seed: int, num_sessions: int, queries: list[str], config: RankingConfig
) -> None:
    index = index_of(long_history(seed, num_sessions), config)
    expected = np.argsort(-index.score(queries), kind="stable").tolist()
    assert list(index.best(queries)) == expected
    with small_batches():
        assert list(index.best(queries)) == expected


@pytest.mark.slow
@given(st.integers(0, 10_000), searches, any_config)
@settings(max_examples=60)
def test_no_turn_scores_above_its_bound_nor_that_above_the_one_of_its_chunk(
    seed: int, queries: list[str], config: RankingConfig
) -> None:
    index = index_of(long_history(seed, 40), config)
    plans, passages = index._plans(queries), np.arange(len(index))
    bounds = index._bounds(plans)
    own = index._combined(plans, passages, [words[passages // CHUNK] for words in bounds.words])
    assert (index.score(queries) <= own).all()
    assert (own <= bounds.total[passages // CHUNK] + 1e-8).all()


@pytest.mark.slow
@given(st.integers(0, 10_000), searches, any_config, st.sets(st.integers(1, 60), max_size=6))
@settings(max_examples=30)
def test_bounds_read_while_turns_come_are_those_of_a_fresh_index(
    seed: int, queries: list[str], config: RankingConfig, read_at: set[int]
) -> None:
    turns = long_history(seed, 30)
    index = PassageIndex(config)
    for number, turn in enumerate(turns, 1):
        index.add(turn, passages_of(turn))
        if number in read_at:
            index._bounds(index._plans(queries))
    fresh = index_of(turns, config)
    assert index._bounds(index._plans(queries)).total.tolist() == fresh._bounds(fresh._plans(queries)).total.tolist()


@pytest.mark.slow
@given(st.integers(0, 10_000), searches, any_config, st.data())
@settings(max_examples=60)
def test_a_score_is_the_same_to_the_bit_whatever_is_scored_with_it(
    seed: int, queries: list[str], config: RankingConfig, data: st.DataObject
) -> None:
    index = index_of(long_history(seed, 30), config)
    passages = np.array(sorted(data.draw(st.sets(st.sampled_from(range(len(index))), min_size=1))))
    assert index._score(index._plans(queries), passages).tolist() == index.score(queries)[passages].tolist()


@pytest.mark.slow
@given(st.integers(0, 10_000), searches, st.sets(st.integers(0, 60)))
@settings(max_examples=40)
def test_ranking_some_turns_keeps_the_order_they_have_among_all(
    seed: int, queries: list[str], places: set[int]
) -> None:
    index = index_of(long_history(seed, 80))
    with small_batches():
        expected = [turn for turn in index.best(queries) if turn in places]
        assert list(index.best(queries, among=places)) == expected


@pytest.mark.slow
def test_a_long_history_is_searched_exactly_and_mostly_unscored(monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of(repeated(20_000))
    scored: list[int] = []
    score = PassageIndex._score
    monkeypatch.setattr(
        PassageIndex,
        "_score",
        lambda self, plans, passages, *more: scored.append(len(passages)) or score(self, plans, passages),
    )
    shares = []
    for question in asked(CONVERSATIONS, QUESTIONS[::24], len(index), random.Random(0)):
        exact = np.argsort(-index.score([question]), kind="stable")[:250].tolist()
        scored.clear()
        assert list(islice(index.best([question]), 250)) == exact
        shares.append(sum(scored) / len(index))
    assert np.median(shares) < 0.3


def test_a_ranking_cannot_be_read_on_after_turns_were_added() -> None:
    turns = long_history(1, 90)
    index = index_of(turns)
    with small_batches():
        ranking = index.best(["otter mill"])
        next(ranking)
        turn = Turn(500, 1, "Bo", "otter")
        index.add(turn, passages_of(turn))
        with pytest.raises(RuntimeError, match="turns were added"):
            list(ranking)


@pytest.mark.slow
def test_a_search_of_a_long_memory_is_that_of_brute_force() -> None:
    turns = repeated(2_000)
    memory, index = AdaptiveMemory(), index_of(turns)
    memory.extend(turns)
    archived = {handle.removeprefix("mem:") for handle in memory.archived()}
    assert len(archived) > 500
    for question in asked(CONVERSATIONS, QUESTIONS[::60], len(turns), random.Random(0)):
        ranking = [turns[place] for place in np.argsort(-index.score([question]), kind="stable")]
        held = [turn for turn in ranking if turn.id not in archived]
        with small_batches():
            assert memory.rank(question) == ranking
            assert memory.rank(question, scope="working") == held
            assert memory.search(question, 4_000) == memory.pack(ranking, 4_000)
            assert memory.search(question, 500, scope="working") == memory.pack(held, 500)


@pytest.mark.slow
def test_searching_reads_no_more_of_the_ranking_than_it_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, read = AdaptiveMemory(), []
    memory.extend(repeated(2_000))
    ranked = PassageIndex.ranked

    def counted(self: PassageIndex, *args: Any, **kwargs: Any) -> Iterator[tuple[int, float]]:
        for place, score in ranked(self, *args, **kwargs):
            read.append(place)
            yield place, score

    monkeypatch.setattr(PassageIndex, "ranked", counted)
    found = memory.search(QUESTIONS[0].text, 1_000)
    assert len(found.turns) <= len(read) < 600


# -- histories ---------------------------------------------------------------------------------------------------------


def test_a_history_repeats_the_sessions_under_other_names_and_later_dates() -> None:
    in_a_pass = sum(len(one.turns) for one in CONVERSATIONS)
    turns = repeated(2 * in_a_pass)
    first, second = turns[:in_a_pass], turns[in_a_pass:]
    assert {turn.speaker for turn in turns} <= set(NAMES)
    for before, after in zip(first, second, strict=True):
        assert (before.number, len(before.text) > 0) == (after.number, len(after.text) > 0)
        assert before.speaker != after.speaker
        assert before.time is not None
        assert after.time is not None
        assert before.time < after.time
    assert len({turn.id for turn in turns}) == len(turns)
    assert [turn.session for turn in turns] == sorted(turn.session for turn in turns)
    days = (turns[-1].time - turns[0].time).days + 1  # type: ignore[operator]
    assert days == -(-turns[-1].session // SESSIONS_A_DAY)


def test_the_turns_of_a_history_have_texts_of_their_own_and_come_out_the_same_again() -> None:
    turns, again = repeated(300), repeated(300)
    assert turns == again
    assert not {id(turn.text) for turn in turns} & {id(turn.text) for turn in again}
    assert repeated(300, start=1) != turns


@given(st.integers(0, 500))
def test_two_speakers_never_get_the_same_name(number: int) -> None:
    from benchmarks.scale.histories import rename

    for conversation in CONVERSATIONS:
        renamed = [rename(conversation, number)(speaker) for speaker in conversation.speakers]
        assert len(set(renamed)) == len(conversation.speakers)


def test_the_questions_name_people_of_the_history() -> None:
    speakers = {turn.speaker for turn in repeated(5_000)}
    texts = asked(CONVERSATIONS, QUESTIONS, 5_000, random.Random(0))
    naming = [text for text in texts if any(name in text for name in speakers)]
    asking = [one for one in QUESTIONS if any(name in one.text for name in SPEAKERS[one.conversation_id])]
    assert len(naming) >= len(asking) > 100
    assert texts == asked(CONVERSATIONS, QUESTIONS, 5_000, random.Random(0))


# -- the systems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENGINES)
def test_every_system_finds_the_turn_that_holds_the_words(name: str) -> None:
    module = {"bm25s": "bm25s", "rank-bm25": "rank_bm25", "tantivy": "tantivy"}.get(name)
    if module:
        pytest.importorskip(module)
    rng = random.Random(3)
    others = [Turn(1, number, "Bo", " ".join(rng.choices(WORDS, k=6))) for number in range(1, 160)]
    needle = Turn(2, 1, "Ines", "The kestrel is called Pip, is it not?")
    add_us, ask = ENGINES[name]([*others, needle])
    assert add_us > 0
    found: Any = ask("What is the kestrel called?")
    assert "kestrel" in (found.turns[0].text if name == "memory" else str(found[0]))
    assert ask("What was it?") is not None, "a question of stop words alone"


@given(st.one_of(sentences, st.text(max_size=40)))
def test_any_question_can_be_put_to_sqlite(question: str) -> None:
    _, ask = engines.build_sqlite(long_history(1, 2))
    assert isinstance(ask(question), list)


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_last_line_tells_the_cost_of_each_system_at_each_size(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--max-turns", "1000", "--questions", "5", "--systems", "memory,SQLite FTS5"]
    assert scale.main(command) == 0
    out, err = capsys.readouterr()
    result = json.loads(out.splitlines()[-1])
    assert list(result["sizes"]) == ["1000"]
    assert list(result["sizes"]["1000"]) == ["memory", "SQLite FTS5"]
    assert (result["users"]["users"], result["users"]["turns_per_user"]) == (1, 1000)
    assert (result["data"]["name"], result["data"]["questions"]) == ("sample", 5)
    for cost in (*result["sizes"]["1000"].values(), result["users"]["memory"]):
        assert set(cost) == {one.name for one in fields(Cost)}
        assert 0 < cost["query_ms_p50"] <= cost["query_ms_p95"] <= cost["query_ms_p99"]
        assert cost["add_us_mean"] > 0
    assert "1,000 turns: memory" in err


def test_what_is_not_measured_is_null_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[tuple[str, int]] = []

    def measure(system: str, num_turns: int, *rest: Any) -> Cost:
        measured.append((system, num_turns))
        if system == "tantivy":
            raise ModuleNotFoundError("No module named 'tantivy'", name="tantivy")
        return Cost(1.0, 1.0, 1.0, 1.0, None)

    monkeypatch.setattr(scale, "measure_apart", measure)
    assert scale.main(["--max-turns", "1000000", "--users", "0", "--systems", "memory,rank-bm25,tantivy"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["sizes"]["1000000"]["memory"]["add_us_mean"] == 1.0
    for size, system in (("1000000", "rank-bm25"), ("1000", "tantivy")):
        assert set(result["sizes"][size][system].values()) == {None}
    assert result["users"] == {"users": 0, "turns_per_user": 1000}
    assert "beyond 100,000 turns" in err
    assert "tantivy is not installed; pip install '.[dev]'" in err
    assert ("rank-bm25", 100_000) in measured
    assert ("rank-bm25", 1_000_000) not in measured


def test_memory_that_the_system_does_not_tell_is_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "resident_bytes", lambda: None)
    cost = scale.measure("memory", 100, 2, str(SAMPLE_PATH), 3, 0)
    assert cost.bytes_per_turn is None
    assert cost.query_ms_p99 is not None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["--max-turns", "999"], "--max-turns must be at least 1,000, got 999"),
        (["--users", "-1"], "--users must be at least 0, got -1"),
        (["--questions", "0"], "--questions must be at least 1, got 0"),
        (["--systems", "memory,lucene"], "unknown 'lucene'; choose from memory"),
    ],
)
def test_a_bad_flag_is_named(bad: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        scale.main(bad)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert scale.main(["--data", "nowhere.json"]) == 2
    assert "benchmarks.scale: nowhere.json: cannot be read" in capsys.readouterr().err
