"""Gold answers as the program would write them, for the warm start before GRPO.

A base model does not write DSPy's format, so all of its answers are unreadable and all rewards equal: GRPO learns
nothing. A few steps of supervised fine-tuning (SFT) on demonstrations teach it the format. They are made of the train
questions alone: the prompts are those that the program sends, with the evidence that it finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dspy

from memory_system import NO_INFORMATION
from memoryqa.errors import UsageError
from training.config import GRPOConfig
from training.students import prompt_of, rule_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_GOLD_METRIC = "recall"  # no data set says which queries are right


@dataclass(frozen=True)
class Demonstration:
    """A prompt with the reply that is to follow it; `declines`: the reply says that there is no information."""

    messages: list[dict[str, Any]]
    reply: str
    declines: bool


@dataclass(frozen=True)
class Demonstrations:
    """Those of a training, and how many questions have none: their evidence lacks a gold line, or the reply is long."""

    shown: tuple[Demonstration, ...]
    without_lines: int
    too_long: int

    @property
    def declining(self) -> int:
        return sum(one.declines for one in self.shown)

    def note(self, grpo: GRPOConfig) -> str:
        """A line for people."""
        text = (
            f"warm start: {grpo.sft_steps} steps on {len(self.shown)} gold answers to train questions, "
            f'{self.declining} of them "{NO_INFORMATION}"'
        )
        left_out = [f"{self.without_lines} whose evidence lacks a gold line"] if self.without_lines else []
        if self.too_long:
            left_out.append(f"{self.too_long} longer than --max-completion-length {grpo.max_completion_length}")
        return f"{text}; left out: {', '.join(left_out)}" if left_out else text


def demonstrations_for(
    metric: str,
    student: dspy.Module,
    trainset: Sequence[dspy.Example],
    tokenizer: PreTrainedTokenizerBase,
    grpo: GRPOConfig,
) -> Demonstrations:
    """One demonstration per example whose evidence has all gold lines, or to which there is no answer.

    A gold answer that the evidence does not hold would teach to invent. Raises UsageError if nothing is left, and for
    the metric recall.
    """
    if metric == NO_GOLD_METRIC:
        raise UsageError(
            f"--sft-steps {grpo.sft_steps}: there are no gold queries to learn from; "
            f"leave it out with --metric {metric}"
        )
    shown, without_lines, too_long = list[Demonstration](), 0, 0
    for example in trainset:
        declines = rule_of(example) == "declines"
        if not declines and not has_gold_lines(example):
            without_lines += 1
            continue
        reply = reply_of(student, gold_fields(example))
        if len(tokenizer(reply, add_special_tokens=False)["input_ids"]) >= grpo.max_completion_length:  # an end follows
            too_long += 1
            continue
        shown.append(Demonstration(prompt_of(student, example), reply, declines))
    if not shown:
        raise UsageError(
            f"--sft-steps {grpo.sft_steps}: no train question has a gold answer that its evidence holds and "
            f"--max-completion-length {grpo.max_completion_length} lets through: raise it, or --context-tokens"
        )
    return Demonstrations(tuple(shown), without_lines, too_long)


def has_gold_lines(example: dspy.Example) -> bool:
    """Whether the evidence of `example` has every line that its gold answer stands on; False if these are unknown."""
    gold = set(example.gold_evidence_ids)
    return bool(gold) and gold <= set(example.shown_ids)


def gold_fields(example: dspy.Example) -> dict[str, str]:
    """What AnswerQuestion should give for `example`: the gold answer and its lines, or that there is none."""
    if rule_of(example) == "declines":
        return {"answer": NO_INFORMATION, "evidence_ids": ""}
    answer = str(example.gold)
    if rule_of(example) == "before_semicolon":
        answer = answer.split(";")[0].strip()  # what follows is a remark, which is not scored
    return {"answer": answer, "evidence_ids": ", ".join(example.gold_evidence_ids)}


def reply_of(student: dspy.Module, fields: dict[str, str]) -> str:
    """`fields` as the student's model should write them, in the format of the configured adapter."""
    (predictor,) = student.predictors()
    text: str = dspy.settings.adapter.format_assistant_message_content(predictor.signature, fields)
    return text.strip()
