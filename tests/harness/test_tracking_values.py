from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tracking.values import flattened, metrics_of, sample_ids

SUMMARY = {
    "f1": 0.5,
    "f1_by_category": {"temporal": 0.25, "open_domain": None},
    "f1_categories_1_4": 0.4,
    "evidence_recall": 0.75,
    "evidence_recall_by_category": {"multi_hop": 0.5},
    "judge_accuracy": 0.7,
    "judge_accuracy_by_category": {"temporal": 0.6},
    "judge_strict_accuracy": 0.6,
    "judge_unreadable": 1,
    "context_tokens_mean": 1200.5,
    "memory_tokens_max": None,
    "latency_sec_p95": 1.5,
    "failures": 0,
    "ci95": {"f1": [0.4, 0.6], "f1_by_category": {"temporal": [0.1, 0.4], "open_domain": None}, "judge_accuracy": None},
    "note": "text is no metric",
}


def test_a_summary_becomes_flat_stable_metrics() -> None:
    assert metrics_of(SUMMARY) == {
        "f1": 0.5,
        "f1.temporal": 0.25,
        "f1.categories_1_4": 0.4,
        "f1.ci95_low": 0.4,
        "f1.ci95_high": 0.6,
        "f1.temporal.ci95_low": 0.1,
        "f1.temporal.ci95_high": 0.4,
        "evidence_recall": 0.75,
        "evidence_recall.multi_hop": 0.5,
        "judge_accuracy": 0.7,
        "judge_accuracy.temporal": 0.6,
        "judge_accuracy.strict": 0.6,
        "judge_unreadable": 1.0,
        "context_tokens.mean": 1200.5,
        "latency_sec.p95": 1.5,
        "failures": 0.0,
    }


@given(st.dictionaries(st.text(), st.none() | st.text() | st.floats() | st.dictionaries(st.text(), st.floats())))
def test_metrics_are_finite_whatever_the_summary(summary: dict[str, Any]) -> None:
    assert all(abs(value) < float("inf") for value in metrics_of(summary).values())


def test_params_are_flat_text() -> None:
    params = {"a": {"b": {"c": 1.5}}, "list": ["x", 2, None], "nested": [[1], {"k": 2}], "flag": True, "empty": {}}
    assert flattened(params) == {"a.b.c": "1.5", "list": "x,2,none", "nested": '[[1], {"k": 2}]', "flag": "true"}


@given(st.lists(st.text()), st.floats(0, 1), st.floats(0, 1))
def test_a_sample_has_its_size_and_a_larger_one_holds_it(ids: list[str], one: float, other: float) -> None:
    small, large = (sample_ids(ids, share) for share in sorted((one, other)))
    assert small <= large <= set(ids)
    assert len(small) == math.ceil(min(one, other) * len(set(ids)))
    assert small == sample_ids(list(reversed(ids)), min(one, other))
    assert sample_ids(ids, 1) == set(ids)


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_beyond_all_questions_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"--trace-sample .* between 0 and 1"):
        sample_ids(["q"], share)
