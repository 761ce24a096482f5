"""optimization.metric and optimization.questions: what is asked, and how it is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dspy
import pytest
from instructed_reader import write_carried

from locomo.dataset import load
from locomo.schema import DataError, Question
from optimization.config import OptimizeConfig
from optimization.metric import CachedJudges, Metric
from optimization.questions import as_examples, draw_questions

LINES = {"garden": {"D1:1": "1 Ines: I planted leeks.", "D1:2": "2 Bo: And I planted two rows of beans."}}


def question(
    number: int = 1, category: int = 4, gold: str = "leeks", evidence: tuple[str, ...] = ("D1:1",)
) -> Question:
    return Question(f"garden:{number}", "garden", f"What was planted in row {number}?", gold, category, evidence, "")


def prediction(answer: str = "leeks", *retrieved: str) -> dspy.Prediction:
    return dspy.Prediction(answer=answer, retrieved_ids=list(retrieved), evidence_ids=[])


def metric_of(*questions: Question, kind: str = "f1", judges: Any = None) -> Metric:
    return Metric(kind, questions, LINES, judges)


# -- the contract with DSPy's optimizers -------------------------------------------------------------------------------


def test_a_score_comes_with_feedback_and_a_trace_asks_for_true_or_false() -> None:
    asked = question(evidence=("D1:1",))
    metric, (example,) = metric_of(asked), as_examples([asked])
    scored = metric(example, prediction("leeks", "D1:1"))
    assert isinstance(scored, dspy.Prediction)
    assert scored.score == 1.0
    assert metric(example, prediction("beans"), trace=[]) is False  # a Prediction of score 0 would count as true
    assert metric(example, prediction("leeks"), trace=[]) is True
    assert isinstance(metric(example, prediction("beans"), [], "answer_question", []), dspy.Prediction)


def test_a_failed_run_scores_nothing_and_says_so() -> None:
    asked = question()
    metric, (example,) = metric_of(asked), as_examples([asked])
    scored = metric(example, None)
    assert scored.score == 0.0  # type: ignore[union-attr]
    assert "the program failed" in scored.feedback  # type: ignore[union-attr]
    assert metric(example, None, trace=[]) is False


def test_feedback_names_the_right_answer_and_the_evidence_that_was_missed() -> None:
    asked = question(evidence=("D1:1", "D1:2"))
    metric, (example,) = metric_of(asked), as_examples([asked])
    missed = metric(example, prediction("kale", "D1:1")).feedback  # type: ignore[union-attr]
    assert 'The right answer: "leeks"' in missed
    assert '"kale"' in missed
    assert "missed 1 of 2 lines" in missed
    assert "- D1:2 2 Bo: And I planted two rows of beans." in missed
    assert "D1:1" not in missed
    found = metric(example, prediction("kale", "D1:1", "D1:2")).feedback  # type: ignore[union-attr]
    assert "All lines with the answer were found" in found


def test_an_unanswerable_question_wants_a_refusal_whatever_its_gold() -> None:
    asked = question(category=5, gold="a trap", evidence=())
    metric, (example,) = metric_of(asked), as_examples([asked])
    scored = metric(example, prediction("No information available"))
    assert scored.score == 1.0  # type: ignore[union-attr]
    assert "a trap" not in scored.feedback  # type: ignore[union-attr]
    assert example.gold == "No information available"


def test_recall_counts_half_where_there_is_evidence_to_find() -> None:
    with_evidence, without = question(1, evidence=("D1:1", "D1:2")), question(2, evidence=())
    metric, examples = metric_of(with_evidence, without, kind="f1+recall"), as_examples([with_evidence, without])
    assert metric(examples[0], prediction("leeks", "D1:1")).score == 0.75  # type: ignore[union-attr]
    assert metric(examples[1], prediction("leeks")).score == 1.0  # type: ignore[union-attr]


# -- judges ------------------------------------------------------------------------------------------------------------


class Judging:
    """A judge with its findings in a row; counts how often it is asked."""

    def __init__(self, *findings: bool | Exception | None) -> None:
        self.findings, self.asked = list(findings), 0

    def __call__(self, question: str, gold: str, answer: str) -> dspy.Prediction:
        self.asked += 1
        finding = self.findings.pop(0)
        if isinstance(finding, Exception):
            raise finding
        return dspy.Prediction(finding=finding)


def test_an_answer_is_judged_once_by_the_judge_of_its_category() -> None:
    strict, abstention = Judging(True, False), Judging(True)
    plain, unanswerable = question(1), question(2, category=5)
    judges: Any = CachedJudges(strict, abstention)  # type: ignore[arg-type]
    metric = metric_of(plain, unanswerable, kind="judge", judges=judges)
    examples = as_examples([plain, unanswerable])
    for _ in range(3):
        assert metric(examples[0], prediction("leeks")).score == 1.0  # type: ignore[union-attr]
        assert metric(examples[1], prediction("leeks")).score == 1.0  # type: ignore[union-attr]
    assert metric(examples[0], prediction("beans")).score == 0.0  # type: ignore[union-attr]
    assert metric(examples[0], prediction(" ")).score == 0.0  # type: ignore[union-attr]
    assert (strict.asked, abstention.asked) == (2, 1)


def test_verdicts_that_cannot_be_read_or_given_are_counted() -> None:
    asked = question()
    judges: Any = CachedJudges(Judging(None, ConnectionError("gone")), Judging())  # type: ignore[arg-type]
    metric, (example,) = metric_of(asked, kind="judge", judges=judges), as_examples([asked])
    assert metric(example, prediction("leeks")).score == 0.0  # type: ignore[union-attr]
    with pytest.raises(ConnectionError):
        metric(example, prediction("beans"))
    assert (metric.unreadable, metric.failures) == (1, 1)


def test_judges_go_with_the_metric_judge_alone() -> None:
    with pytest.raises(ValueError, match="judges go with the metric judge"):
        metric_of(question(), kind="judge")


# -- the questions -----------------------------------------------------------------------------------------------------


def test_no_question_is_in_two_sets_and_none_comes_from_test(tmp_path: Path) -> None:
    dataset = load(write_carried(tmp_path / "data.json"))
    sets = draw_questions(dataset, OptimizeConfig(num_examples=10, num_val=5, num_held_back=9))
    assert [len(part) for part in (sets.train, sets.val, sets.held_back)] == [10, 5, 9]
    assert len({one.id for one in sets.all()}) == 24
    assert {one.conversation_id for one in sets.train} == {"conv-26"}
    assert {one.conversation_id for one in (*sets.val, *sets.held_back)} == {"conv-30"}
    assert sets == draw_questions(dataset, OptimizeConfig(num_examples=10, num_val=5, num_held_back=9))
    assert sets != draw_questions(dataset, OptimizeConfig(num_examples=10, num_val=5, num_held_back=9, seed=1))


def test_half_of_val_is_always_held_back(tmp_path: Path) -> None:
    dataset = load(write_carried(tmp_path / "data.json"))
    sets = draw_questions(dataset, OptimizeConfig(num_examples=24))
    assert (len(sets.val), len(sets.held_back)) == (12, 12)


def test_too_little_data_is_refused(tmp_path: Path) -> None:
    dataset = load(write_carried(tmp_path / "data.json"))
    with pytest.raises(DataError, match="2 questions of train are too few, 4 are needed"):
        draw_questions(dataset, OptimizeConfig(num_examples=2))


def test_an_example_carries_ids_and_never_the_conversation(tmp_path: Path) -> None:
    dataset = load(write_carried(tmp_path / "data.json"))
    example = as_examples(dataset.questions[:1])[0]
    assert set(example.inputs().keys()) == {"conversation_id", "question"}
    assert len(repr(example)) < 400
    assert "carried the" not in repr(example)
