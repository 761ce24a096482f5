"""Intervals, paired tests and agreement."""

from __future__ import annotations

import itertools
import json
import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judged_runs import answer_row

from locomo.statistics import (
    MIN_CLUSTERS,
    NUM_RESAMPLES,
    clustered_interval,
    cohens_kappa,
    mcnemar_exact,
    paired_difference,
    score_intervals,
    widened_tail,
    wilson_interval,
)

CHATS = st.sampled_from([f"chat-{number}" for number in range(9)])
SCORED = st.lists(st.tuples(st.floats(0, 1), CHATS), min_size=1, max_size=60)


# -- the clustered bootstrap -------------------------------------------------------------------------------------------


@given(SCORED)
def test_an_interval_contains_the_mean_and_stays_within_the_scores(scored: list[tuple[float, str]]) -> None:
    values, chats = [value for value, _ in scored], [chat for _, chat in scored]
    interval = clustered_interval(values, chats, num_resamples=400)
    if interval is None:
        return
    mean = math.fsum(values) / len(values)
    assert min(values) - 1e-9 <= interval.low <= mean + 1e-9
    assert mean - 1e-9 <= interval.high <= max(values) + 1e-9
    assert interval.clusters == len(set(chats)) >= MIN_CLUSTERS


@given(SCORED, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_does_not_matter(scored: list[tuple[float, str]], shuffle: random.Random) -> None:
    before = clustered_interval(*zip(*scored, strict=True), num_resamples=400)  # type: ignore[arg-type]
    shuffle.shuffle(scored)
    assert clustered_interval(*zip(*scored, strict=True), num_resamples=400) == before  # type: ignore[arg-type]


def test_not_even_rounding_tells_the_order_of_the_questions() -> None:
    values, chats = [0.1, 0.2, 0.3] * 5, [chat for chat in "abcde" for _ in range(3)]
    values[0] = 0.7
    assert sum([0.1, 0.2, 0.3]) != sum([0.3, 0.2, 0.1])
    assert clustered_interval(values[::-1], chats[::-1]) == clustered_interval(values, chats)


def test_fewer_than_five_conversations_carry_no_interval() -> None:
    values = [0.0, 1.0] * 100
    assert clustered_interval(values, [f"chat-{index % 4}" for index in range(200)]) is None
    assert clustered_interval([0.0, 1.0, 0.0, 1.0, 1.0], list("abcde")) is not None
    assert clustered_interval([], []) is None


def test_without_any_spread_there_is_no_interval() -> None:
    assert clustered_interval([1.0] * 50, [f"chat-{index % 10}" for index in range(50)]) is None
    assert clustered_interval([0.1] * 50, [f"chat-{index % 10}" for index in range(50)]) is None


def test_questions_of_one_conversation_count_together() -> None:
    """Conversations that are all right or all wrong: 300 questions are worth ten, not 300."""
    chats = [f"chat-{index % 10}" for index in range(300)]
    values = [float(index % 10 < 5) for index in range(300)]
    clustered = clustered_interval(values, chats)
    single = clustered_interval(values, [f"question-{index}" for index in range(300)])
    assert clustered is not None
    assert single is not None
    assert clustered.high - clustered.low > 4 * (single.high - single.low)


def test_a_resample_is_an_average_over_questions_not_over_conversations() -> None:
    values = [1.0] * 96 + [0.0] * 4
    interval = clustered_interval(values, ["large"] * 96 + list("abcd"))
    assert interval is not None
    assert interval.high > 0.98  # with the large one drawn, whatever else


def test_equal_seeds_give_equal_intervals_and_other_seeds_near_ones() -> None:
    draw = random.Random(5)
    values, chats = [draw.random() for _ in range(400)], [f"chat-{index % 10}" for index in range(400)]
    one, same, other = (clustered_interval(values, chats, seed=seed) for seed in (0, 0, 1))
    assert one is not None
    assert other is not None
    assert one == same != other
    assert one.low == pytest.approx(other.low, abs=0.01)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """200 benchmarks of seven unequal conversations; the plain percentile bootstrap holds it in about 88%."""
    draw = random.Random(1)
    hits = 0
    for _ in range(200):
        values, chats = [], []
        for chat in range(7):
            accuracy = min(1.0, max(0.0, draw.gauss(0.6, 0.06)))
            for _ in range(draw.choice((80, 150, 200))):
                values.append(float(draw.random() < accuracy))
                chats.append(str(chat))
        interval = clustered_interval(values, chats, num_resamples=1500)
        assert interval is not None
        hits += interval.low <= 0.6 <= interval.high
    assert 0.91 <= hits / 200 <= 0.99


def test_values_and_clusters_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        clustered_interval([1.0, 0.0], ["a"])


@pytest.mark.parametrize(("degrees", "table"), [(4, 2.776), (6, 2.447), (9, 2.262), (19, 2.093), (100, 1.984)])
def test_the_tails_are_those_of_students_t_in_printed_tables(degrees: int, table: float) -> None:
    clusters = degrees + 1
    quantile = -NormalDist().inv_cdf(widened_tail(clusters)) / math.sqrt(clusters / degrees)
    assert quantile == pytest.approx(table, abs=1.5e-3)


def test_ten_thousand_resamples_are_quick() -> None:
    assert NUM_RESAMPLES == 10_000
    values = [float(index % 3 == 0) for index in range(1540)]
    assert clustered_interval(values, [str(index % 10) for index in range(1540)]) is not None


# -- Wilson ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (70, 96, 0.6327, 0.8080),
    ],
)
def test_wilson_is_that_of_worked_examples(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson_interval(successes, n)
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=5e-4)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_contains_the_proportion_and_mirrors(case: tuple[int, int]) -> None:
    successes, n = case
    interval, mirrored = wilson_interval(successes, n), wilson_interval(n - successes, n)
    assert interval is not None
    assert mirrored is not None
    assert 0 <= interval[0] <= successes / n <= interval[1] <= 1
    assert interval[0] == pytest.approx(1 - mirrored[1], abs=1e-12)


def test_wilson_of_nothing_is_nothing_and_of_nonsense_an_error() -> None:
    assert wilson_interval(0, 0) is None
    with pytest.raises(ValueError, match="3 successes of 2 trials"):
        wilson_interval(3, 2)


# -- McNemar -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_mcnemar_is_the_share_of_coin_flips_at_least_as_uneven(case: tuple[int, int]) -> None:
    heads, n = case
    outcomes = [sum(flips) for flips in itertools.product((0, 1), repeat=n)]
    as_uneven = sum(abs(2 * one - n) >= abs(2 * heads - n) for one in outcomes)
    assert mcnemar_exact(heads, n - heads) == pytest.approx(as_uneven / len(outcomes), abs=1e-12)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_does_not_know_which_is_which(a: int, b: int) -> None:
    assert mcnemar_exact(a, b) == mcnemar_exact(b, a)
    assert 0 < mcnemar_exact(a, b) <= 1
    assert mcnemar_exact(a, a) == 1.0


def test_mcnemar_is_exact_where_floating_point_would_give_up() -> None:
    assert mcnemar_exact(0, 1000) == 2.0**-999
    assert mcnemar_exact(0, 2000) == 0.0  # below the smallest float, and no OverflowError
    z = 200 / math.sqrt(20_000)
    assert mcnemar_exact(9_900, 10_100) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=0.02)


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 3)


# -- kappa -------------------------------------------------------------------------------------------------------------


def test_kappa_is_that_of_cohens_worked_case() -> None:
    labels = [*("yy",) * 20, *("yn",) * 5, *("ny",) * 10, *("nn",) * 15]
    assert cohens_kappa([a for a, _ in labels], [b for _, b in labels]) == pytest.approx(0.4)


def test_kappa_is_1_for_agreement_and_minus_1_for_opposition() -> None:
    assert cohens_kappa("yynn", "yynn") == 1.0
    assert cohens_kappa("yynn", "nnyy") == -1.0
    assert cohens_kappa("yyyn", "yyyy") == 0.0  # B says yes to all: no better than chance


def test_kappa_of_one_label_throughout_or_of_nothing_is_undefined() -> None:
    assert cohens_kappa("yyy", "yyy") is None
    assert cohens_kappa("", "") is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40))
def test_kappa_is_symmetric_and_at_most_1(pairs: list[tuple[str, str]]) -> None:
    a, b = [one for one, _ in pairs], [one for _, one in pairs]
    kappa = cohens_kappa(a, b)
    assert kappa == cohens_kappa(b, a)
    assert kappa is None or -1 <= kappa <= 1
    assert (kappa == 1) == (a == b and len(set(a)) > 1)


# -- paired differences ------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), CHATS), min_size=1, max_size=40))
def test_a_paired_difference_is_antisymmetric(rows: list[tuple[float, float, str]]) -> None:
    chats = {str(index): chat for index, (*_, chat) in enumerate(rows)}
    a = {str(index): score for index, (score, _, _) in enumerate(rows)}
    b = {str(index): score for index, (_, score, _) in enumerate(rows)}
    one, other = paired_difference(a, b, chats), paired_difference(b, a, chats)
    assert one is not None
    assert other is not None
    assert one.difference == pytest.approx(-other.difference, abs=1e-12)
    assert one.difference == pytest.approx(one.mean_b - one.mean_a, abs=1e-9)
    assert (one.num_a_better, one.num_b_better, one.p_value) == (other.num_b_better, other.num_a_better, other.p_value)
    assert (one.n, one.clusters) == (len(rows), len(set(chats.values())))


def test_only_common_questions_are_paired() -> None:
    difference = paired_difference({"1": 1.0, "2": 0.0}, {"2": 1.0, "3": 1.0}, {"2": "chat"})
    assert difference is not None
    assert (difference.n, difference.mean_a, difference.mean_b) == (1, 0.0, 1.0)
    assert paired_difference({"1": 1.0}, {"2": 1.0}, {}) is None


def test_pairing_sees_what_separate_intervals_hide() -> None:
    """B is better by a little on every question, while conversations differ by much."""
    questions = [(f"{chat}:{index}", f"chat-{chat}", chat / 10) for chat in range(8) for index in range(30)]
    a = {question: level for question, _, level in questions}
    b = {q: level + 0.04 + 0.02 * (int(q.split(":")[0]) % 2) for q, _, level in questions}
    difference = paired_difference(a, b, {question: chat for question, chat, _ in questions})
    assert difference is not None
    assert difference.interval is not None
    assert difference.interval_a is not None
    assert difference.interval_b is not None
    assert difference.interval.low > 0
    assert difference.interval_a.high > difference.interval_b.low
    assert difference.p_value < 1e-6


def test_the_intervals_of_a_summary_have_its_keys() -> None:
    rows = [
        answer_row(i, conversation_id=f"chat-{i % 6}", f1=float(i % 3 == 0), category=i % 5 + 1, evidence_recall=None)
        for i in range(120)
    ]
    intervals = score_intervals(rows)
    assert intervals["conversations"] == 6
    low, high = intervals["f1"]
    assert low < 1 / 3 < high
    assert set(intervals["f1_by_category"]) == {"multi_hop", "temporal", "open_domain", "single_hop", "adversarial"}
    assert intervals["evidence_recall"] is None  # not measured
    assert intervals["all_evidence_rate"] is None  # the same everywhere
    assert json.dumps(intervals)


def test_questions_within_conversations_say_nothing_of_other_conversations() -> None:
    """Two conversations that differ by much: drawn within them, the interval is narrow, and two are enough."""
    questions = [(f"{chat}:{index}", f"chat-{chat}", float(chat)) for chat in range(2) for index in range(40)]
    a = {question: 0.0 for question, *_ in questions}
    b = {question: level if index % 8 else 1 - level for index, (question, _, level) in enumerate(questions)}
    chats = {question: chat for question, chat, _ in questions}
    assert paired_difference(a, b, chats).interval is None
    within = paired_difference(a, b, chats, resample="questions within conversations")
    over = paired_difference(a, b, chats, resample="questions")
    assert (within.resampled, over.resampled) == ("questions within conversations", "questions")
    assert within.difference == over.difference
    assert over.interval.high - over.interval.low > 1.5 * (within.interval.high - within.interval.low)
    assert paired_difference(a, a, chats, resample="questions within conversations").interval is None


def test_a_difference_is_shown_when_its_interval_leaves_out_zero() -> None:
    questions = {f"{index}": f"chat-{index % 7}" for index in range(70)}
    none = dict.fromkeys(questions, 0.0)
    better = {question: float(int(question) % 3 > 0) for question in questions}
    assert paired_difference(none, better, questions).is_shown
    assert paired_difference(better, none, questions).is_shown
    mixed = {question: float(int(question) % 2) - 0.5 for question in questions}
    assert not paired_difference(none, mixed, questions).is_shown
    assert not paired_difference(none, none, questions).is_shown  # no interval
