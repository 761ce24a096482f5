"""The programs that are trained (DSPy calls them students), each with one prompt, and their questions as examples.

GRPO compares answers to the same prompt. In the whole program, a prompt depends on what the model wrote before, so 16
rollouts would be 16 prompts without a group. So the answering prompt is trained on the evidence that the question alone
finds, and the query prompt on the evidence that its queries find. A student has the inputs of its predictor, because
DSPy records an unreadable completion under the program's inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dspy

from locomo.kinds import LOCOMO, F1Rule
from memory_system import AnswerQuestion, Memories, WriteQueries
from memoryqa.config import ProgramConfig

if TYPE_CHECKING:
    from locomo.schema import Question


class AnswerStudent(dspy.Module):
    """The last step of the program: answer the question from the evidence."""

    def __init__(self) -> None:
        super().__init__()
        self.answer_question = dspy.Predict(AnswerQuestion)

    def forward(self, question: str, evidence: str) -> dspy.Prediction:
        return self.answer_question(question=question, evidence=evidence)


class QueryStudent(dspy.Module):
    """The first step of the program: write queries that find the evidence."""

    def __init__(self) -> None:
        super().__init__()
        self.write_queries = dspy.Predict(WriteQueries)

    def forward(self, question: str) -> dspy.Prediction:
        return self.write_queries(question=question)


def student_for(metric: str) -> dspy.Module:
    """The student that `metric` trains: f1 and judge train the answer, recall the queries."""
    return QueryStudent() if metric == "recall" else AnswerStudent()


def examples_for(
    metric: str, questions: Sequence[Question], memories: Memories, config: ProgramConfig
) -> list[dspy.Example]:
    """One example per question on which `metric` can be measured, without duplicate prompts.

    Its inputs are the student's. It also has the question's id, conversation and gold fields for the reward, and the
    ids of the lines in its evidence.
    """
    examples: dict[tuple[str, ...], dspy.Example] = {}
    for question in questions:
        if metric == "recall" and not question.evidence:
            continue
        inputs, shown = {"question": question.text}, list[str]()
        if metric != "recall":
            found = memories[question.conversation_id].search(
                [question.text], config.context_tokens, score_floor=config.score_floor
            )
            if not found.text:
                continue
            inputs["evidence"], shown = found.text, list(found.ids)
        examples.setdefault(tuple(inputs.values()), _example(question, inputs, shown))
    return list(examples.values())


def rule_of(example: dspy.Example) -> F1Rule:
    """How answers to `example` are scored; one without a rule of its own is LoCoMo's, of its category."""
    return example.get("rule") or LOCOMO.kind(example.category).rule


def _example(question: Question, inputs: Mapping[str, str], shown: Sequence[str]) -> dspy.Example:
    gold = {
        "id": question.id,
        "conversation_id": question.conversation_id,
        "gold": question.gold,
        "category": question.category,
        "rule": question.kind.rule,
        "gold_evidence_ids": list(question.evidence),
        "shown_ids": shown,
    }
    return dspy.Example(**inputs, **gold).with_inputs(*inputs)


def prompt_of(student: dspy.Module, example: dspy.Example) -> list[dict[str, Any]]:
    """The messages that the student's predictor sends for `example`, in the format of the configured adapter."""
    (predictor,) = student.predictors()
    messages: list[dict[str, Any]] = dspy.settings.adapter.format(
        predictor.signature, predictor.demos, example.inputs().toDict()
    )
    return messages
