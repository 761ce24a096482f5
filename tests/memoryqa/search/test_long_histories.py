"""Long histories, of which few passages are scored: the order is that of scoring all. What is long is short here."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_ranking import configs, index_of, long_history, passages_of, questions

from memoryqa.config import RankingConfig
from memoryqa.search import ranking
from memoryqa.search.bounds import best_first, kept
from memoryqa.search.bounds.chunks import CHUNK
from memoryqa.search.ranking import PassageIndex

some_questions = st.lists(questions, min_size=1, max_size=3)
any_config = st.one_of(st.just(RankingConfig()), configs)
limits = st.fixed_dictionaries(
    {
        "first": st.sampled_from((1, 4, 32)),
        "few": st.sampled_from((0, 10, 1000)),
        "often": st.sampled_from((0.0, 0.5, 10.0)),
        "seldom": st.sampled_from((0.0, 0.1, 1.0)),
        "bytes": st.sampled_from((0, 128)),
    }
)
many = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])


def shorten(patch: pytest.MonkeyPatch, limits: dict[str, float]) -> None:
    """Treat histories, and what is said in them, as long and as often from such sizes on."""
    patch.setattr(ranking, "FIRST_CHUNKS", limits["first"])
    patch.setattr(best_first, "FIRST_CHUNKS", limits["first"])
    patch.setattr(best_first, "_FEWEST_CHUNKS", 2)
    patch.setattr(best_first, "_FIRST_RIPE", 4)
    patch.setattr(best_first, "_SAMPLED", 2)
    patch.setattr(ranking, "_SELDOM", limits["seldom"])
    patch.setattr(kept, "_FEW", limits["few"])
    patch.setattr(kept, "_OFTEN", limits["often"])
    patch.setattr(kept, "_MOST_BYTES", limits["bytes"])


@pytest.mark.slow
@given(st.integers(0, 10_000), st.sampled_from((20, 60, 250)), some_questions, any_config, limits)
@many
def test_the_order_is_that_of_all_scores_to_the_bit(
    seed: int, num_sessions: int, queries: list[str], config: RankingConfig, limits: dict[str, float]
) -> None:
    index = index_of(long_history(seed, num_sessions), config)
    scores = index.score(queries)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, limits)
        found = list(index.ranked(queries))
        again = list(islice(index.ranked(queries), 9))
    assert [place for place, _ in found] == np.argsort(-scores, kind="stable").tolist()
    assert [score for _, score in found] == scores[[place for place, _ in found]].tolist()
    assert again == found[:9]


@pytest.mark.slow
@given(st.integers(0, 10_000), some_questions, limits, st.data())
@many
def test_what_is_kept_for_searches_holds_while_turns_are_added_and_for_any_part_of_them(
    seed: int, queries: list[str], limits: dict[str, float], data: st.DataObject
) -> None:
    growing, turns = PassageIndex(), long_history(seed, 60)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, limits)
        for number, turn in enumerate(turns):
            growing.add(turn, passages_of(turn))
            if number % 7 == 0:
                list(islice(growing.ranked(queries), 3))
        among = data.draw(st.sets(st.integers(0, len(growing) - 1), min_size=1))
        found = list(growing.ranked(queries, among))
        everything = list(growing.ranked(queries))
    expected = list(index_of(turns).ranked(queries))
    assert everything == expected
    assert found == [(place, score) for place, score in expected if place in among]


@pytest.mark.slow
@given(st.integers(0, 10_000), any_config, limits, st.data())
@many
def test_no_bound_of_a_match_is_below_what_a_passage_has_of_it(
    seed: int, config: RankingConfig, limits: dict[str, float], data: st.DataObject
) -> None:
    index = PassageIndex(config)
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch, limits)
        for number, turn in enumerate(long_history(seed, 40)):
            index.add(turn, passages_of(turn))
            passages = index._passages
            if number % 40 != 0 or not passages._postings:
                continue
            some = st.lists(st.sampled_from(sorted(passages._postings)), min_size=1, max_size=3, unique=True)
            matches = [(one, [1.0, 0.5, 0.3][: len(one)]) for one in data.draw(st.lists(some, min_size=1, max_size=3))]
            sought = passages.seek(matches)
            frequency = np.zeros((len(matches), passages.num_chunks * CHUNK))
            frequency[:, : len(passages)] = list(passages.windowed(sought, np.arange(len(passages))))
            largest = frequency.reshape(len(matches), -1, CHUNK).max(axis=2)
            for place, in_chunks in enumerate(largest):
                bound = np.zeros(passages.num_chunks)
                chunks, at_most = passages.bound_windowed(sought, place)
                bound[chunks] = at_most
                assert (bound >= in_chunks - 1e-12).all()
