"""The inputs of a training: the questions as prompts that fit the model, and the memories behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import dspy

from locomo.dataset import find
from locomo.questions import select
from locomo.schema import Dataset
from memory_system import Memories
from memoryqa.config import ProgramConfig, Settings
from memoryqa.errors import UsageError
from training.chat_format import chat_end_id, load_tokenizer, render, takes_system_turn
from training.chat_templates import taught_turns
from training.config import GRPOConfig, TrainingConfig
from training.demonstrations import Demonstrations, demonstrations_for
from training.students import examples_for, prompt_of, student_for

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from locomo.schema import Question


@dataclass(frozen=True)
class Material:
    """The inputs. `settings` are those asked for, with fewer `context_tokens` if the prompts did not fit the model.

    longest_prompt: in the model's tokens. is_base_model: the model's texts end in another token than its chat turns.
    takes_system_turn: the chat template has a place for it. notes: lines for people. demonstrations: of the warm start.
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
    takes_system_turn: bool = True
    demonstrations: Demonstrations | None = None


def gather(config: TrainingConfig, grpo: GRPOConfig, settings: Settings) -> Material:
    """Load the data and the model's tokenizer, and write all prompts with the adapter that DSPy is configured with.

    Raises UsageError (also DataError, ChatFormatError), with the fix, for unusable data, model or lengths.
    """
    dataset = find(config.data, config.format)
    tokenizer = load_tokenizer(config.model, teaches_turns=grpo.sft_steps > 0)
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
            raise UsageError(
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
    if (turns := taught_turns(tokenizer)) is not None:
        notes.append(f"{config.model} has no chat template: the warm start teaches it {turns}'s turns")
    takes = takes_system_turn(tokenizer)
    if not takes:
        notes.append(f"{config.model} has no system turn: its text stands at the beginning of the user's")
    end = chat_end_id(tokenizer)
    is_base_model = False
    if end is not None and end != tokenizer.eos_token_id:
        is_base_model = True
        notes.append(
            f"{config.model} looks like a base model: its texts end in {tokenizer.eos_token}, the turns of its chat "
            f"template in {tokenizer.convert_ids_to_tokens(end)}; both end an answer here"
        )
    shown = demonstrations_for(config.metric, student, trainset, tokenizer, grpo) if grpo.sft_steps else None
    if shown is not None:
        notes.append(shown.note(grpo))
    return Material(
        dataset=dataset,
        memories=memories,
        settings=replace(settings, program=fitted),
        student=student,
        trainset=trainset,
        valset=valset,
        longest_prompt=longest,
        is_base_model=is_base_model,
        notes=tuple(notes),
        takes_system_turn=takes,
        demonstrations=shown,
    )


def fit_context(
    longest_prompt: Callable[[ProgramConfig], int], config: ProgramConfig, max_tokens: int
) -> ProgramConfig:
    """`config`, with `context_tokens` reduced until no prompt is longer than `max_tokens`.

    `longest_prompt` gives the length of the longest prompt under a config in the model's tokens, 0 if no line of
    evidence fits. The prompt must fit because vLLM refuses a longer one, and a trainer would cut off its beginning,
    which has the instructions. Raises UsageError if a prompt is too long even with almost no evidence.
    """
    longest, factor = longest_prompt(config), 1.02
    while longest > max_tokens:
        # removes the model's excess as a share of our tokens; the next round corrects the error, more and more boldly:
        # a slightly smaller budget may be filled with other lines that have more of the model's tokens
        share = factor * (longest - max_tokens) / longest
        reduced = config.context_tokens - math.ceil(config.context_tokens * share)
        shorter = longest_prompt(replace(config, context_tokens=reduced)) if reduced > 0 else 0
        if shorter == 0:  # not even one line fits
            raise UsageError(
                f"--max-prompt-length {max_tokens}: the longest prompt has {longest} tokens, and less evidence does "
                "not make it fit; raise it"
            )
        config, longest, factor = replace(config, context_tokens=reduced), shorter, factor * 1.5
    return config


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
