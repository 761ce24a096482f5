"""The interface between `train.py` and a backend: a task in, callbacks during the training, a result out.

A backend is a module with two functions, training/local/backend.py or training/on_arbor/backend.py:

    preflight(task) -> list[str]        # notes for people; raises UsageError, one line with the fix, if it cannot work
    train(task) -> TrainingResult       # raises TrainingStoppedError, one line with the fix, once it has begun
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from memoryqa.errors import StoppedError
from training.config import GRPOConfig, TrainingConfig

if TYPE_CHECKING:
    import dspy

    from training.demonstrations import Demonstration

FORMAT_FAILURE_REWARD = -1.0  # for an answer that cannot be parsed; all other rewards are in 0..1


class TrainingStoppedError(StoppedError):
    """The training failed or was interrupted; the message says what is kept, what to fix and how to continue."""


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step. None: the backend does not know the value.

    step: from 1. reward_mean, reward_std: over all rollouts, including format failures. groups: questions asked.
    equal_groups: groups whose rollouts all scored the same and so taught nothing. distinct_share: distinct completions
    per rollout. kl: mean per token, nats. On Arbor, kl, loss and grad_norm are those that its trainer logged last,
    usually of the previous step. declined: completions that say that there is no information. seconds: wall clock of
    the whole step, including the sampling.
    """

    step: int
    reward_mean: float
    reward_std: float
    groups: int
    equal_groups: int
    distinct_share: float
    format_failures: int
    seconds: float
    kl: float | None = None
    loss: float | None = None
    grad_norm: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    truncated: int | None = None
    declined: int = 0


@dataclass(frozen=True)
class SFTRecord:
    """One step of the warm start, counted from 1. loss: nats per token of the replies, before the step."""

    step: int
    loss: float
    grad_norm: float
    completion_tokens: int
    seconds: float


@dataclass(frozen=True)
class TrainingTask:
    """What a backend gets.

    student: a program with exactly one predictor and no LM. The keyword arguments of its `forward` are the inputs of
    that predictor, because DSPy records an unreadable completion under the program's inputs. trainset, valset: examples
    with those inputs. reward: `(example, prediction, trace=None) -> float` in 0..1; it must not raise.
    on_step: called after each optimizer step. on_validation: called with the steps done (0 before the first) and the
    mean reward of the val questions in 0..1, where a format failure counts as 0; with a warm start twice for 0, before
    and after it. demonstrations: what the warm start shows; on_sft_step: called after each of its steps.
    """

    student: dspy.Module
    trainset: list[dspy.Example]
    valset: list[dspy.Example]
    reward: Callable[..., float]
    config: TrainingConfig
    grpo: GRPOConfig
    checkpoint_dir: Path
    resume: bool
    on_step: Callable[[StepRecord], None]
    on_validation: Callable[[int, float], None]
    demonstrations: Sequence[Demonstration] = ()
    on_sft_step: Callable[[SFTRecord], None] = lambda record: None


@dataclass(frozen=True)
class TrainingResult:
    """The adapter with the best score on the val questions: its folder, its training steps, its score in 0..1.

    adapter_dir is None if no checkpoint beat the untrained model.
    """

    adapter_dir: Path | None
    step: int
    val_score: float


def group_statistics(groups: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """The fields of a StepRecord from DSPy's groups, which are lists of {"messages", "completion", "reward"}.

    They come in another order after a resume than without, so sums are exact ones.
    """
    from memory_system import NO_INFORMATION

    rewards = [[float(rollout["reward"]) for rollout in group] for group in groups]
    flat = [reward for group in rewards for reward in group]
    mean = fmean(flat)
    texts = [[str(rollout["completion"]["content"]) for rollout in group] for group in groups]
    return {
        "reward_mean": mean,
        "reward_std": fmean((reward - mean) ** 2 for reward in flat) ** 0.5,
        "groups": len(groups),
        "equal_groups": sum(len(set(group)) == 1 for group in rewards),
        "distinct_share": sum(len(set(group)) for group in texts) / len(flat),
        "format_failures": sum(reward == FORMAT_FAILURE_REWARD for reward in flat),
        "declined": sum(NO_INFORMATION.casefold() in text.casefold() for group in texts for text in group),
    }
