from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from locomo.evaluate import (
    CATEGORY_NAMES,
    aggregate,
    all_evidence,
    evidence_recall,
    mem0_f1,
    normalize_answer,
    official_f1,
    token_f1,
)

TEXT = st.text(alphabet="abthe nd,;.-'12 Running\u2019\u00e9", max_size=30) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat, and a dog; an ANT!", "cat dog ant"),
        ("check-in at Bo's", "checkin at bos"),  # hyphen and apostrophe are deleted, not replaced
        ("1,000 km", "1000 km"),
        ("Bo\u2019s", "bo\u2019s"),  # a curly quote is not ASCII punctuation
        ("theatre band", "theatre band"),  # articles go as whole words only
        ("a-n the.", ""),  # "a-n" becomes the article "an"
        (" \t two\n spaces ", "two spaces"),
        ("", ""),
    ],
)
def test_answers_are_normalised_as_officially(text: str, expected: str) -> None:
    assert normalize_answer(text) == expected


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("painted fences", "painting a fence", 1.0),  # stems
        ("red kite", "red", 2 * 0.5 * 1 / 1.5),
        ("tea tea tea", "tea tea milk", 2 / 3),  # a multiset: two of three shared
        ("and the", "and the", 0.0),  # no token is left on either side
        ("", "kite", 0.0),
        ("kite", "", 0.0),
        ("dying", "die", 1.0),  # NLTK's own variant of Porter: plain Porter leaves dy
        ("check-in", "check in", 0.0),
    ],
)
def test_token_f1_is_the_overlap_of_stems(prediction: str, gold: str, expected: float) -> None:
    assert token_f1(prediction, gold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("kites, pottery", "pottery, kites", 1.0),  # order does not matter
        ("kites", "pottery, kites", 0.5),  # mean over the gold parts
        ("kites, pottery, chess, rowing, tea", "pottery, kites", 1.0),  # over-listing is free
        ("kites pottery", "pottery, kites", 2 / 3),  # unsplit: each gold part is half of the words
        ("kites", "kites, kites", 1.0),  # no one-to-one matching
        ("red kites", "kites, blue tea", (2 / 3 + 0) / 2),
        ("kites", "kites,", 0.5),  # an empty gold part counts, as officially
        ("", "kites", 0.0),
    ],
)
def test_category_1_is_split_at_commas(prediction: str, gold: str, expected: float) -> None:
    assert official_f1(prediction, gold, 1) == pytest.approx(expected)


@pytest.mark.parametrize("category", [2, 4])
def test_categories_2_and_4_are_never_split(category: int) -> None:
    assert official_f1("kites", "pottery, kites", category) == pytest.approx(2 / 3)
    assert official_f1("likely", "likely; she sails", category) == pytest.approx(0.5)


def test_category_3_counts_the_gold_before_its_first_semicolon() -> None:
    assert official_f1("likely yes", "Likely yes; she sails; often", 3) == 1.0
    assert official_f1("kites", "pottery, kites", 3) == pytest.approx(2 / 3)
    assert official_f1("she sails", "; she sails", 3) == 0.0


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ("No information available", 1.0),
        ("It is NOT MENTIONED in the chat.", 1.0),
        ("There is no information", 0.0),
        ("a kite", 0.0),
        ("", 0.0),
    ],
)
def test_category_5_is_the_phrase_rule_whatever_the_gold(prediction: str, expected: float) -> None:
    assert official_f1(prediction, "", 5) == expected
    assert official_f1(prediction, "a kite", 5) == expected


def test_abstaining_earns_nothing_in_the_other_categories() -> None:
    assert [official_f1("not mentioned", "kites", category) for category in (1, 2, 3, 4)] == [0.0] * 4


def test_gold_numbers_are_read_as_text() -> None:
    assert official_f1("in 2022", 2022, 2) == pytest.approx(2 / 3)
    assert mem0_f1("2022.", 2022) == 1.0


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown category 0"):
        official_f1("a", "a", 0)


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("tea tea tea", "tea milk", 2 / 3),  # sets, not multisets
        ("the kite", "kite", 2 / 3),  # articles count
        ("kites", "kite", 0.0),  # no stems
        ("A kite! Really?", "really, a kite.", 1.0),
        ("check-in", "check in", 0.0),  # other punctuation stays in the word
        ("", "kite", 0.0),
    ],
)
def test_the_mem0_f1_follows_its_own_rules(prediction: str, gold: str, expected: float) -> None:
    assert mem0_f1(prediction, gold) == pytest.approx(expected)


@given(TEXT, TEXT, st.sampled_from(sorted(CATEGORY_NAMES)))
def test_scores_lie_between_0_and_1(prediction: str, gold: str, category: int) -> None:
    assert 0.0 <= official_f1(prediction, gold, category) <= 1.0
    assert 0.0 <= mem0_f1(prediction, gold) <= 1.0


@given(TEXT, TEXT)
def test_token_f1_is_symmetric(left: str, right: str) -> None:
    assert token_f1(left, right) == token_f1(right, left)


@given(TEXT)
def test_the_gold_answer_itself_scores_1(gold: str) -> None:
    assume(normalize_answer(gold))
    assert token_f1(gold, gold) == 1.0


@given(TEXT, TEXT, TEXT)
def test_saying_more_never_costs_in_category_1(prediction: str, more: str, gold: str) -> None:
    assert official_f1(f"{prediction},{more}", gold, 1) >= official_f1(prediction, gold, 1)


def test_evidence_recall_is_the_share_of_gold_turns_found() -> None:
    assert evidence_recall({"D1:1", "D9:9"}, ["D1:1", "D2:2"]) == 0.5
    assert evidence_recall([], ["D1:1"]) == 0.0
    assert evidence_recall(["D1:1"], []) is None


def test_all_evidence_needs_every_gold_turn() -> None:
    assert all_evidence(["D2:2", "D1:1"], ["D1:1", "D2:2"]) is True
    assert all_evidence(["D1:1"], ["D1:1", "D2:2"]) is False
    assert all_evidence([], []) is None


def row(category: int, f1: float, recall: float | None = None, complete: bool | None = None) -> dict[str, Any]:
    return {"category": category, "f1": f1, "evidence_recall": recall, "all_evidence": complete}


def test_averages_are_over_questions_and_skip_what_was_not_measured() -> None:
    scores = aggregate([row(1, 0.5, 0.5, False), row(1, 1.0, 1.0, True), row(3, 0.0), row(5, 1.0, 0.0, False)])
    assert (scores.n, scores.n_by_category["multi_hop"], scores.n_by_category["temporal"]) == (4, 2, 0)
    assert scores.f1 == pytest.approx(2.5 / 4)
    assert scores.f1_categories_1_4 == pytest.approx(1.5 / 3)
    assert scores.f1_by_category == {
        "multi_hop": 0.75,
        "temporal": None,
        "open_domain": 0.0,
        "single_hop": None,
        "adversarial": 1.0,
    }
    assert scores.evidence_recall == pytest.approx(0.5)
    assert scores.evidence_recall_by_category["open_domain"] is None
    assert scores.all_evidence_rate == pytest.approx(1 / 3)
    assert scores.all_evidence_rate_by_category["multi_hop"] == 0.5


def test_no_rows_average_to_nothing() -> None:
    scores = aggregate([])
    assert (scores.n, scores.f1, scores.f1_categories_1_4, scores.evidence_recall) == (0, None, None, None)


def test_a_row_of_an_unknown_category_is_refused() -> None:
    with pytest.raises(ValueError, match="category"):
        aggregate([row(6, 1.0)])


@pytest.mark.parametrize(
    ("prediction", "gold", "score"),
    [
        ("四月二十一号在苏州", "四月二十一号", 0.8),
        ("生姜茶。", "生姜茶", 1.0),
        ("iPhone和电脑", "iPhone", 0.4),
        ("猫", "犬", 0.0),
        ("소나무", "소나무", 1.0),
        ("der blaue Becher", "ein blauer Becher", 1 / 3),
    ],
)
def test_what_is_written_without_spaces_is_compared_sign_by_sign(prediction: str, gold: str, score: float) -> None:
    assert token_f1(prediction, gold) == pytest.approx(score)
