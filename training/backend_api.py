"""The seam between `train.py` and a backend: a task goes in, what happens is told by calls, a result comes out.

A backend is a module with two functions, training/local/backend.py or training/on_arbor/backend.py:

    preflight(task) -> list[str]        # notes for people; UsageError, one line with the fix, for what cannot work
    train(task) -> TrainingResult       # TrainingStoppedError, one line with the fix, once it has begun
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.errors import StoppedError
from training.config import GRPOConfig, TrainingConfig

if TYPE_CHECKING:
    import dspy

FORMAT_FAILURE_REWARD = -1.0  # of an answer that cannot be parsed; every other reward lies in 0..1


class TrainingStoppedError(StoppedError):
    """The training failed or was interrupted; the message says what is kept, what to mend and how to go on."""


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step. Rewards are of its rollouts; None is what a backend does not learn.

    step: from 1. reward_mean, reward_std: over all rollouts, format failures among them. groups: questions asked;
    equal_groups: of them, those whose rollouts all scored the same, and so taught nothing. distinct_share: different
    completions per rollout. kl: mean per token, nats; on Arbor kl, loss and grad_norm are those that its trainer logged
    last, of the step before as a rule. seconds: wall clock of the whole step, sampling included.
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


@dataclass(frozen=True)
class TrainingTask:
    """What a backend gets.

    student: a program with exactly one predictor and no LM; the keyword arguments of its `forward` are the inputs of
    that predictor, so that DSPy puts a completion that it could not parse under the right prompt. trainset, valset:
    examples with those inputs. reward: `(example, prediction, trace=None) -> float` in 0..1; never raises for what a
    prediction holds. on_step: called after each optimizer step. on_validation: called with the steps done (0 before
    the first) and the mean reward of the val questions in 0..1, a format failure counting as 0.
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


@dataclass(frozen=True)
class TrainingResult:
    """The adapter that did best on the val questions: its folder, the steps it was trained for, its score in 0..1.

    adapter_dir is None when no checkpoint beat the model as it was; nothing is worth saving then.
    """

    adapter_dir: Path | None
    step: int
    val_score: float


def group_statistics(groups: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """The fields of a StepRecord that follow from DSPy's groups, lists of {"messages", "completion", "reward"}."""
    rewards = [[float(rollout["reward"]) for rollout in group] for group in groups]
    flat = [reward for group in rewards for reward in group]
    mean = sum(flat) / len(flat)
    completions = [{rollout["completion"]["content"] for rollout in group} for group in groups]
    return {
        "reward_mean": mean,
        "reward_std": (sum((reward - mean) ** 2 for reward in flat) / len(flat)) ** 0.5,
        "groups": len(groups),
        "equal_groups": sum(len(set(group)) == 1 for group in rewards),
        "distinct_share": sum(map(len, completions)) / len(flat),
        "format_failures": sum(reward == FORMAT_FAILURE_REWARD for reward in flat),
    }
