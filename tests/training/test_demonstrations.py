"""The gold answers of a warm start: whose they are, that the program would read them, and which questions have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dspy
import pytest

from locomo.dataset import SAMPLE_PATH, load
from locomo.questions import select
from memory_system import NO_INFORMATION, Memories
from memoryqa.config import MemoryConfig, ProgramConfig
from memoryqa.errors import UsageError
from memoryqa.turns import parse_citations
from training.config import GRPOConfig
from training.demonstrations import Demonstrations, demonstrations_for
from training.dspy_setup import TrainingAdapter
from training.reward import F1Reward
from training.students import examples_for, prompt_of, rule_of, student_for

GRPO = GRPOConfig(sft_steps=3, max_completion_length=400)
STUDENT = student_for("f1")


class Letters:
    """Counts a text's letters as its tokens."""

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": [ord(letter) for letter in text]}


@pytest.fixture(autouse=True)
def as_in_a_training() -> Iterator[None]:
    with dspy.context(adapter=TrainingAdapter()):
        yield


@pytest.fixture(scope="module")
def trainset() -> list[dspy.Example]:
    dataset = load(SAMPLE_PATH)
    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, MemoryConfig())
    return examples_for("f1", select(dataset, "train"), memories, ProgramConfig(context_tokens=120))


def made(trainset: list[dspy.Example], grpo: GRPOConfig = GRPO, metric: str = "f1") -> Demonstrations:
    letters: Any = Letters()
    return demonstrations_for(metric, STUDENT, trainset, letters, grpo)


def example_of(trainset: list[dspy.Example], messages: list[dict[str, Any]]) -> dspy.Example:
    (example,) = [one for one in trainset if prompt_of(STUDENT, one) == messages]
    return example


def test_every_reply_is_read_as_the_gold_answer_with_its_lines_and_scores_full(trainset: list[dspy.Example]) -> None:
    shown = made(trainset).shown
    (predictor,) = STUDENT.predictors()
    assert {one.declines for one in shown} == {True, False}
    for one in shown:
        example = example_of(trainset, one.messages)
        fields = TrainingAdapter().parse(predictor.signature, one.reply)
        assert F1Reward()(example, dspy.Prediction(**fields)) == pytest.approx(1.0)
        if one.declines:
            assert (fields["answer"], fields["evidence_ids"]) == (NO_INFORMATION, "")
        else:
            assert list(parse_citations(fields["evidence_ids"])) == example.gold_evidence_ids
        assert one.reply.endswith("[[ ## completed ## ]]")


def test_an_answer_that_the_evidence_does_not_hold_is_not_taught(trainset: list[dspy.Example]) -> None:
    found = made(trainset)
    answered = [example_of(trainset, one.messages) for one in found.shown if not one.declines]
    assert answered
    assert all(set(one.gold_evidence_ids) <= set(one.shown_ids) for one in answered)
    poorer = [one.copy(shown_ids=[]).with_inputs("question", "evidence") for one in trainset]
    left = made(poorer)
    assert [one.declines for one in left.shown] == [True] * left.declining
    assert left.without_lines == sum(rule_of(one) != "declines" for one in trainset) >= found.without_lines
    assert f"left out: {left.without_lines} whose evidence lacks a gold line" in left.note(GRPO)


def test_where_the_lines_of_an_answer_are_unknown_it_is_left_out(trainset: list[dspy.Example]) -> None:
    unknown = [one.copy(gold_evidence_ids=[]).with_inputs("question", "evidence") for one in trainset]
    assert made(unknown).declining == len(made(unknown).shown)


def test_a_reply_that_would_be_cut_is_left_out_and_counted(trainset: list[dspy.Example]) -> None:
    longest = max(len(one.reply) for one in made(trainset).shown)
    assert made(trainset, replace(GRPO, max_completion_length=longest + 1)).too_long == 0
    tight = replace(GRPO, max_completion_length=longest)
    assert made(trainset, tight).too_long == sum(len(one.reply) == longest for one in made(trainset).shown)
    assert f"longer than --max-completion-length {longest}" in made(trainset, tight).note(tight)


def test_the_note_says_how_many_decline(trainset: list[dspy.Example]) -> None:
    found = made(trainset)
    assert found.note(GRPO).startswith(
        f"warm start: 3 steps on {len(found.shown)} gold answers to train questions, {found.declining} of them"
    )


def test_a_warm_start_with_nothing_to_show_is_refused(trainset: list[dspy.Example]) -> None:
    with pytest.raises(UsageError, match=r"--sft-steps 3: no train question .* raise it, or --context-tokens"):
        made(trainset, replace(GRPO, max_completion_length=5))
    with pytest.raises(UsageError, match="--sft-steps 3: there are no gold queries to learn from"):
        made(trainset, metric="recall")
