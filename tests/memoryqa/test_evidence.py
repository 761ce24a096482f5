from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import dialogues, sentences

from memoryqa.evidence import Evidence
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.turns import Turn


@pytest.fixture
def memory() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
    memory.add("How is the new flat?", speaker="Bo", time="2023-05-25")
    memory.add("My sister plays the cello.", speaker="Bo", time="2023-06-02")
    return memory


def test_three_lines_of_code_show_dated_cited_lines(memory: AdaptiveMemory) -> None:
    found = memory.search("When did Ana move?")
    assert str(found).startswith("[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!\n")
    assert not str(found).endswith("\n")
    assert found.text == str(found) + "\n"
    assert repr(found) == f"<Evidence: 3 turns [{', '.join(found.ids)}] in {found.tokens} tokens>"


def test_evidence_iterates_counts_and_is_true_when_something_was_found(memory: AdaptiveMemory) -> None:
    found = memory.search("cello", 30)
    assert [turn.id for turn in found] == list(found.ids)
    assert found[0] is found.turns[0]
    assert found[-1] is found.turns[-1]
    assert len(found) == len(found.turns) == len(found.scores)
    assert found
    nothing = AdaptiveMemory().search("cello")
    assert not nothing
    assert (str(nothing), repr(nothing)) == ("(nothing found)", "<Evidence: 0 turns [] in 0 tokens>")


def test_a_search_has_a_budget_by_default(memory: AdaptiveMemory) -> None:
    for number in range(200):
        memory.add(f"Number {number} is about kites and nothing else at all.", speaker="Bo", time="2023-06-02")
    assert SEARCH_TOKENS - 40 < memory.search("kites").tokens <= SEARCH_TOKENS


@given(dialogues(), sentences, st.integers(1, 300), st.integers(0, 4))
def test_scores_are_those_of_the_ranking_kept_turns_included(
    turns: list[Turn], query: str, budget: int, num_kept: int
) -> None:
    memory = AdaptiveMemory()
    memory.extend(turns)
    kept = [turn.id for turn in turns[:num_kept]]
    found = memory.search(query, budget, keep=kept)
    order = {turn.id: place for place, turn in enumerate(memory.rank(query))}
    asking = memory._asking(query, None)  # by the chat's last day
    exact = dict(zip([turn.id for turn in turns], memory._index.score([query], asking=asking).tolist(), strict=True))
    known = memory._index.share_known([query], asking)
    assert 0 <= known <= 1
    for turn, score in zip(found, found.scores, strict=True):
        assert math.isclose(score, known * exact[turn.id], rel_tol=1e-9, abs_tol=1e-9)
    chosen = [turn.id for turn in found if turn.id not in kept]
    assert chosen == sorted(chosen, key=order.__getitem__)


def test_what_was_not_ranked_has_no_scores(memory: AdaptiveMemory) -> None:
    assert memory.recent(500).scores == memory.transcript().scores == ()


@pytest.mark.parametrize(
    ("queries", "error", "fix"),
    [
        ([], ValueError, "at least one query"),
        ([None], TypeError, "takes a question, or a list"),
        (["a", 5], TypeError, "takes a question, or a list"),
    ],
)
def test_a_search_for_something_else_than_text_is_refused(
    memory: AdaptiveMemory, queries: list[str], error: type[Exception], fix: str
) -> None:
    with pytest.raises(error, match=fix):
        memory.search(queries)
    with pytest.raises(error, match=fix):
        memory.rank(queries)


def test_a_memory_says_what_is_in_it(memory: AdaptiveMemory) -> None:
    assert repr(memory) == (
        f"<AdaptiveMemory: 3 turns in 2 sessions, 2023-05-25 to 2023-06-02; {memory.tokens} of 20,000 tokens held>"
    )
    assert repr(AdaptiveMemory(500)) == "<AdaptiveMemory: 0 turns in 0 sessions; 0 of 500 tokens held>"


def test_the_names_of_version_0_1_work_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"budget_tokens=.*; use memory_tokens"):
        memory = AdaptiveMemory(budget_tokens=700)
    with pytest.warns(DeprecationWarning, match=r'recovery="off".*; use recovery=False'):
        off = AdaptiveMemory(recovery="off")
    with pytest.warns(DeprecationWarning, match=r"budget_tokens .*use memory_tokens"):
        assert memory.budget_tokens == memory.memory_tokens == 700
    assert (memory.recovery, off.recovery) == (True, False)
    with pytest.raises(ValueError, match="recovery must be True or False, got 'maybe'"):
        AdaptiveMemory(recovery="maybe")


def test_evidence_of_the_same_turns_is_equal_whatever_their_scores() -> None:
    assert Evidence((), "", 0, (1.0,)) == Evidence((), "", 0)
