"""The three disjoint sets of questions: to learn from, to choose on, and to compare on at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import dspy

from locomo.questions import select
from locomo.schema import DataError, Dataset, Question
from memory_system import NO_INFORMATION
from optimization.config import OptimizeConfig

MIN_TRAIN, MIN_VAL = 4, 2  # val needs two questions in each half


@dataclass(frozen=True, slots=True)
class QuestionSets:
    """train: questions of the train conversations. val and held_back: disjoint questions of the val conversations.

    Each set has the categories in the proportions of its split. Only `held_back` measures what the search gained: no
    step, choice or prompt has seen these questions, though their conversations are those of `val`.
    """

    train: tuple[Question, ...]
    val: tuple[Question, ...]
    held_back: tuple[Question, ...]

    def by_name(self) -> dict[str, tuple[Question, ...]]:
        """The sets by the names in reports and records."""
        return {"train": self.train, "val": self.val, "held_back": self.held_back}

    def all(self) -> tuple[Question, ...]:
        """Every question of the run."""
        return (*self.train, *self.val, *self.held_back)


def draw_questions(dataset: Dataset, config: OptimizeConfig) -> QuestionSets:
    """Draw the sets that `config` asks for. Raises DataError when a split has too few questions."""
    train = select(dataset, "train", config.num_examples, config.seed)
    every = select(dataset, "val")
    for name, found, least in (("train", train, MIN_TRAIN), ("val", every, 2 * MIN_VAL)):
        if len(found) < least:
            raise DataError(f"{dataset.path}: {len(found)} questions of {name} are too few, {least} are needed")
    val = select(dataset, "val", min(config.num_val or config.num_examples, len(every) // 2), config.seed)
    chosen = {question.id for question in val}
    rest = replace(dataset, questions=tuple(one for one in dataset.questions if one.id not in chosen))
    held_back = select(rest, "val", config.num_held_back, config.seed)
    return QuestionSets(tuple(train), tuple(val), tuple(held_back))


def as_examples(questions: Sequence[Question]) -> list[dspy.Example]:
    """DSPy examples. Each names its conversation without containing it: optimizers print examples into prompts."""
    return [
        dspy.Example(
            **question.inputs(),
            question_id=question.id,
            gold=right_answer(question),
            category=question.kind.name,
            gold_evidence_ids=list(question.evidence),
        ).with_inputs("conversation_id", "question")
        for question in questions
    ]


def right_answer(question: Question) -> str:
    """What the program should have answered; for an adversarial question, that the chat does not say."""
    return NO_INFORMATION if question.is_declined else question.gold
