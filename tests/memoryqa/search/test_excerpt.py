"""A line that does not fit is shortened to what the question asks for, rather than nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import WORDS, chats, long_texts, num_examples

from memoryqa.language.terms import terms
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import render_turn
from memoryqa.search.excerpt import excerpt
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

TRIP = (
    "We left early and the road was empty. The ferry to Zanzibar was late by three hours and nobody told us why. "
    "In the evening we ate beans. The kestrel on the mast stayed with us all night. Then it rained."
)


def search(question: str, budget: int, *texts: str) -> str:
    memory = AdaptiveMemory()
    memory.extend(Turn(1, number, "Ines", text) for number, text in enumerate(texts, 1))
    return memory.search(question, budget).text


@pytest.mark.parametrize(
    ("question", "budget", "shown"),
    [
        ("Where was the kestrel?", 26, "… The kestrel on the mast stayed with us all night. …"),
        ("Why was the ferry late?", 31, "… The ferry to Zanzibar was late by three hours and nobody told us why. …"),
        ("Did it rain?", 25, "… Then it rained."),
        (
            "What about the kestrel and the beans?",
            40,
            "… In the evening we ate beans. The kestrel on the mast stayed with us all night. …",
        ),
    ],
)
def test_the_sentences_that_match_are_shown_where_the_line_does_not_fit(question: str, budget: int, shown: str) -> None:
    assert shown in search(question, budget, TRIP)


def test_of_a_sentence_that_does_not_fit_the_words_around_the_match_are_shown() -> None:
    text = search("Where was the kestrel?", 19, TRIP)
    assert "kestrel" in text
    assert text.count("…") == 2
    assert count_tokens(text) <= 19


def test_nothing_is_shown_where_not_even_a_few_words_fit() -> None:
    assert search("Where was the kestrel?", 10, TRIP) == ""


def test_the_best_passage_of_a_long_turn_is_shortened_and_none_other_of_it_is_shown() -> None:
    long = " ".join(f"Item {number} is bread and nothing else." for number in range(90))
    text = search("kestrel", 25, f"{long} The kestrel has landed. {long}", "Some bread.")
    assert "The kestrel has landed." in text
    assert text.count("1 Ines:") == 1
    assert count_tokens(text) <= 25


def test_nothing_else_is_shown_beside_a_part_of_the_best_line() -> None:
    text = search("kestrel", 40, f"A kestrel, a kestrel! {TRIP}", "Bread.", "Soup.")
    assert "A kestrel" in text
    assert "Bread" not in text
    assert count_tokens(text) <= 40


@given(long_texts, st.sets(st.sampled_from(WORDS)), st.integers(0, 200))
@settings(max_examples=num_examples(100))
def test_an_excerpt_fits_and_is_words_of_the_line_in_order(text: str, wanted: set[str], budget: int) -> None:
    for line in render_turn(Turn(1, 1, "Ines", text), frozenset(), "[D1, date unknown]")[0]:
        part = excerpt(line, {term for word in wanted for term in terms(word)}, budget)
        if part is not None:
            assert part.tokens == count_tokens(part.text + "\n") <= budget
            rest = iter("".join(line.text.split()))
            assert all(sign in rest for sign in "".join(part.text.replace("…", "").split()))


@pytest.mark.slow
@given(chats(), st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join), st.integers(0, 400))
@settings(max_examples=100)
def test_a_search_never_exceeds_its_budget_and_counts_exactly(turns: list[Turn], question: str, budget: int) -> None:
    memory = AdaptiveMemory()
    memory.extend(turns)
    for scope in ("all", "working"):
        found = memory.search(question, budget, scope=scope)  # type: ignore[arg-type]
        assert count_tokens(found.text) == found.tokens <= budget
        assert len(found.scores) == len(found.turns)
        assert found.ids == tuple(dict.fromkeys(line.turn.id for line in found.lines))
