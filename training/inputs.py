"""What a training is made of: the questions as prompts, the memories behind them, and prompts that fit the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import dspy

from locomo.dataset import find
from locomo.questions import select
from locomo.schema import Dataset
from memory_system import Memories
from memoryqa.config import ProgramConfig, Settings
from training.chat_format import chat_end_id, load_tokenizer, render
from training.config import GRPOConfig, TrainingConfig
from training.prompt_fit import fit_context
from training.students import examples_for, prompt_of, student_for

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from locomo.schema import Question


@dataclass(frozen=True)
class Material:
    """`settings` are those that were asked for but for `context_tokens`, where prompts did not fit the model.

    longest_prompt: in the model's own tokens. is_base_model: its texts end in another token than a turn of its chat
    template. notes: a line each, for people.
    """

    dataset: Dataset
    memories: Memories
    settings: Settings
    student: dspy.Module
    trainset: list[dspy.Example]
    valset: list[dspy.Example]
    longest_prompt: int
    is_base_model: bool
    notes: tuple[str, ...]


def gather(config: TrainingConfig, grpo: GRPOConfig, settings: Settings) -> Material:
    """Load the data and the model's tokenizer, and write all prompts once, in the adapter that DSPy is configured with.

    Raises ValueError (DataError, ChatFormatError) for data, a model or lengths that cannot be used, with the fix.
    """
    dataset = find(config.data)
    tokenizer = load_tokenizer(config.model)
    questions = {
        split: select(dataset, split, number, config.seed, config.categories)
        for split, number in (("train", config.num_train), ("val", config.num_val))
    }
    asked_about = {question.conversation_id for chosen in questions.values() for question in chosen}
    memories = Memories.of(
        {one.id: one.turns for one in dataset.conversations if one.id in asked_about}, settings.memory
    )
    student = student_for(config.metric)
    writer = _PromptWriter(config.metric, questions, memories, student, tokenizer)
    fitted = fit_context(writer.longest_prompt, settings.program, grpo.max_prompt_length)
    trainset, valset = (writer.examples(split, fitted) for split in ("train", "val"))
    for split, examples in (("train", trainset), ("val", valset)):
        if not examples:
            raise ValueError(
                f"{dataset.path}: no question of the {split} split can be used with --metric {config.metric}"
            )
    longest = writer.longest_prompt(fitted)
    notes = [*dataset.notes, f"questions: {len(trainset)} to train on, {len(valset)} to validate on"]
    notes.append(f"prompts: at most {longest:,} of {grpo.max_prompt_length:,} tokens, as {config.model} counts them")
    if fitted != settings.program:
        notes.append(
            f"evidence: --context-tokens {settings.program.context_tokens} is reduced to {fitted.context_tokens}, "
            "so that every prompt fits"
        )
    end = chat_end_id(tokenizer)
    is_base_model = False
    if end is not None and end != tokenizer.eos_token_id:
        is_base_model = True
        notes.append(
            f"{config.model} looks like a base model: a text of it ends in {tokenizer.eos_token}, a turn of its chat "
            f"template in {tokenizer.convert_ids_to_tokens(end)}; both end an answer here"
        )
    fitting = replace(settings, program=fitted)
    return Material(dataset, memories, fitting, student, trainset, valset, longest, is_base_model, tuple(notes))


@dataclass(frozen=True)
class _PromptWriter:
    metric: str
    questions: Mapping[str, Sequence[Question]]
    memories: Memories
    student: dspy.Module
    tokenizer: PreTrainedTokenizerBase

    def examples(self, split: str, config: ProgramConfig) -> list[dspy.Example]:
        return examples_for(self.metric, self.questions[split], self.memories, config)

    def longest_prompt(self, config: ProgramConfig) -> int:
        prompts = [
            render(self.tokenizer, prompt_of(self.student, example))
            for split in self.questions
            for example in self.examples(split, config)
        ]
        counted = self.tokenizer(prompts, add_special_tokens=False)["input_ids"] if prompts else []
        return max(map(len, counted), default=0)
