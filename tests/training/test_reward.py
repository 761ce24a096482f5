"""What is trained and what it is worth: students, their prompts, the three metrics, and DSPy's view of a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError

from locomo.dataset import SAMPLE_PATH, load
from locomo.questions import select
from memory_system import Memories, MemoryQA
from memoryqa.config import MemoryConfig, ProgramConfig
from training.backend_api import FORMAT_FAILURE_REWARD, group_statistics
from training.dspy_setup import TrainingAdapter
from training.inputs import fit_context
from training.reward import F1Reward, JudgeReward, RecallReward
from training.students import AnswerStudent, QueryStudent, examples_for, prompt_of, student_for

CONFIG = ProgramConfig(context_tokens=200)


@pytest.fixture(scope="module")
def material() -> tuple[list[Any], Memories]:
    dataset = load(SAMPLE_PATH)
    questions = select(dataset, "train", 12)
    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, MemoryConfig())
    return questions, memories


@pytest.mark.parametrize("metric", ["f1", "judge", "recall"])
def test_a_student_is_one_predictor_whose_inputs_are_the_examples(
    metric: str, material: tuple[list[Any], Memories]
) -> None:
    questions, memories = material
    student = student_for(metric)
    (predictor,) = student.predictors()
    for example in examples_for(metric, questions, memories, CONFIG):
        assert set(example.inputs().keys()) == set(predictor.signature.input_fields)
        assert "gold" not in example.inputs()


def test_the_prompts_of_the_students_are_those_of_the_program() -> None:
    program = MemoryQA(Memories())
    assert AnswerStudent().answer_question.signature == program.answer_question.signature
    assert QueryStudent().write_queries.signature == program.write_queries.signature


def test_no_two_examples_share_a_prompt(material: tuple[list[Any], Memories]) -> None:
    questions, memories = material
    examples = examples_for("f1", [*questions, *questions], memories, CONFIG)
    assert len(examples) == len(questions)


def test_questions_that_recall_cannot_be_measured_on_are_left_out(material: tuple[list[Any], Memories]) -> None:
    questions, memories = material
    with_evidence = [question for question in questions if question.evidence]
    assert len(examples_for("recall", questions, memories, CONFIG)) == len(with_evidence)


def test_f1_is_the_official_one_of_the_category() -> None:
    reward = F1Reward()
    dated = dspy.Example(gold="7 May 2023", category=2)
    assert reward(dated, dspy.Prediction(answer="7 May 2023")) == 1.0
    assert 0 < reward(dated, dspy.Prediction(answer="May 2023")) < 1
    assert reward(dated, dspy.Prediction(answer=None)) == 0.0
    declined = dspy.Example(gold="", category=5)
    assert reward(declined, dspy.Prediction(answer="No information available")) == 1.0


def test_recall_is_of_what_question_and_queries_find_together(material: tuple[list[Any], Memories]) -> None:
    questions, memories = material
    config = ProgramConfig(context_tokens=60)
    reward = RecallReward(memories, config)
    examples = examples_for("recall", questions, memories, config)
    plain = [reward(example, dspy.Prediction(queries=[])) for example in examples]
    assert all(0 <= score <= 1 for score in plain)
    assert len(set(plain)) > 1
    turns = {turn.id: turn for turn in load(SAMPLE_PATH).conversations[0].turns}
    missed = [
        example
        for example, score in zip(examples, plain, strict=True)
        if score == 0 and example.conversation_id == load(SAMPLE_PATH).conversations[0].id
    ]
    helped = [
        reward(example, dspy.Prediction(queries=[turns[example.gold_evidence_ids[0]].text])) for example in missed
    ]
    assert missed
    assert max(helped) > 0
    assert reward(examples[0], dspy.Prediction(queries=None)) == plain[0]


class FixedJudge:
    """A judge with fixed findings that records what it was asked."""

    def __init__(self, finding: bool | None) -> None:
        self.finding = finding
        self.asked: list[str] = []

    def __call__(self, *, question: str, gold: str, answer: str) -> dspy.Prediction:
        self.asked.append(answer)
        return dspy.Prediction(finding=self.finding)


@pytest.mark.parametrize(
    ("strict", "lenient", "wanted"),
    [(True, True, 1.0), (False, True, 0.5), (False, False, 0.0), (None, True, 0.4), (False, None, 0.4)],
)
def test_the_judges_grade_in_three_steps_and_an_unreadable_verdict_leaves_the_f1(
    strict: bool | None, lenient: bool | None, wanted: float
) -> None:
    reward = JudgeReward(FixedJudge(strict), FixedJudge(lenient))  # type: ignore[arg-type]
    example = dspy.Example(question="Where?", gold="by the old harbour", category=4)
    assert reward(example, dspy.Prediction(answer="near harbour")) == pytest.approx(wanted)
    assert reward.unreadable == (strict is None or lenient is None)


def test_nobody_is_asked_about_category_5_or_an_empty_answer() -> None:
    strict, lenient = FixedJudge(True), FixedJudge(True)
    reward = JudgeReward(strict, lenient)  # type: ignore[arg-type]
    assert reward(dspy.Example(question="?", gold="", category=5), dspy.Prediction(answer="in Porto")) == 0.0
    assert reward(dspy.Example(question="?", gold="x", category=4), dspy.Prediction(answer=" ")) == 0.0
    assert strict.asked == lenient.asked == []


# -- the format --------------------------------------------------------------------------------------------------------


def test_a_reply_with_some_of_its_fields_is_a_format_failure_as_a_whole() -> None:
    """DSPy 3.4.1 fails on a partial parse, and the rollout is lost."""
    adapter, signature = TrainingAdapter(), AnswerStudent().answer_question.signature
    with pytest.raises(AdapterParseError) as caught:
        adapter.parse(signature, "[[ ## answer ## ]]\nPorto")
    assert caught.value.parsed_result is None
    assert caught.value.lm_response == "[[ ## answer ## ]]\nPorto"
    whole = "[[ ## answer ## ]]\nPorto\n\n[[ ## evidence_ids ## ]]\nD1:2\n\n[[ ## completed ## ]]"
    assert adapter.parse(signature, whole) == {"answer": "Porto", "evidence_ids": "D1:2"}


def test_an_unreadable_reply_is_not_asked_for_again_in_json() -> None:
    assert TrainingAdapter().use_json_adapter_fallback is False


def test_statistics_count_format_failures_and_groups_that_teach_nothing() -> None:
    def group(*rollouts: tuple[str, float]) -> list[dict[str, Any]]:
        return [{"messages": [], "completion": {"content": text}, "reward": reward} for text, reward in rollouts]

    found = group_statistics(
        [group(("a", 1.0), ("b", 0.0)), group(("c", 0.5), ("c", 0.5)), group(("?", FORMAT_FAILURE_REWARD), ("d", 1.0))]
    )
    assert found["reward_mean"] == pytest.approx(1 / 3)
    assert found["groups"] == 3
    assert found["equal_groups"] == 1
    assert found["format_failures"] == 1
    assert found["distinct_share"] == pytest.approx(5 / 6)


# -- prompts that fit --------------------------------------------------------------------------------------------------


def test_evidence_is_reduced_until_every_prompt_fits() -> None:
    def longest(config: ProgramConfig) -> int:
        return 300 + round(1.3 * config.context_tokens)  # the model's tokens are shorter than ours

    fitted = fit_context(longest, ProgramConfig(context_tokens=4000), 4096)
    assert longest(fitted) <= 4096 < longest(ProgramConfig(context_tokens=4000))
    assert longest(fitted) > 3800  # and not by more than it takes


def test_a_smaller_budget_may_be_filled_with_lines_that_the_model_counts_longer() -> None:
    def longest(config: ProgramConfig) -> int:
        return 5051 if 1950 <= config.context_tokens <= 2000 else 1000 + 2 * config.context_tokens

    fitted = fit_context(longest, ProgramConfig(context_tokens=2000), 4900)
    assert 4600 < longest(fitted) <= 4900


def test_prompts_that_fit_are_left_alone() -> None:
    config = ProgramConfig()
    assert fit_context(lambda one: 500, config, 4096) is config


@pytest.mark.parametrize(
    "longest",
    [
        lambda config: 500 + config.context_tokens,  # too long, however little evidence
        lambda config: 500,  # without evidence
        lambda config: 500 + config.context_tokens if config.context_tokens > 300 else 0,  # no line fits below that
    ],
)
def test_a_limit_that_less_evidence_does_not_reach_is_refused(longest: Callable[[ProgramConfig], int]) -> None:
    with pytest.raises(ValueError, match=r"--max-prompt-length 400: .* raise it"):
        fit_context(longest, ProgramConfig(context_tokens=4000), 400)


def test_the_longest_prompt_is_what_the_student_sends(material: tuple[list[Any], Memories]) -> None:
    questions, memories = material
    student = AnswerStudent()
    with dspy.context(adapter=TrainingAdapter()):
        example = examples_for("f1", questions, memories, CONFIG)[0]
        system, user = prompt_of(student, example)
    assert "Answer the question from the lines of the chat" in system["content"]
    assert example.question in user["content"]
    assert example.evidence in user["content"]
