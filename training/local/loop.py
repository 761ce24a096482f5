"""DSPy's GRPO loop (`dspy.teleprompt.grpo.GRPO`) for a training in this process, with our own provider behind it.

Why DSPy's loop: the program that is trained is a DSPy program, and DSPy's optimizer is the documented way to train one.
Arbor's optimizer is a variant of the same loop with the same hooks, so prompts, parsing and scoring on one GPU are the
same as on a server. A loop of our own would take about 60 lines in place of the classes at the end of this file.

What the guards are for: DSPy asks for one completion at a time and gives back only text and rewards, while an update
needs the tokens that were sampled. So a step is sampled beforehand in one batch (`LocalRun.rollouts`), handed out by
prompt in order, in one thread (`RolloutEngine`), and matched with DSPy's rewards afterwards (`paired`). DSPy drops a
rollout whose metric or parsing raises, and fills its group with copies of others; without a check the update would
then credit rewards to the wrong tokens. `paired` stops the training instead, and so does LocalGRPO when a whole step
was dropped.

The questions of a step, its sampling and their order depend only on the seed and the step's number. So a resumed
training does exactly what an uninterrupted one would have done.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dspy
from dspy.clients.provider import Provider, ReinforceJob
from dspy.teleprompt.grpo import GRPO
from dspy.utils.exceptions import AdapterParseError

from training.backend_api import FORMAT_FAILURE_REWARD, StepRecord, TrainingStoppedError, TrainingTask, group_statistics
from training.local.policy import Policy, Sample
from training.local.rollouts import PromptKey, RolloutEngine, prompt_key
from training.local.trainer import Trainer
from training.students import prompt_of

if TYPE_CHECKING:
    from dspy.clients.utils_finetune import TrainDataFormat

_FAILURE_REWARD = 0.0  # DSPy requires it, but no rollout gets it: each one scores or cannot be parsed


@dataclass
class LocalRun:
    """One training in progress. `should_stop` is called after every step. awaits_validation: it goes on from a step
    that was interrupted before its validation."""

    task: TrainingTask
    policy: Policy
    trainer: Trainer
    on_validated: Callable[[float], None]
    should_stop: Callable[[], bool]
    awaits_validation: bool = False
    engine: RolloutEngine = field(default_factory=RolloutEngine)
    step_started: float = 0.0

    def rollouts(self, step: int) -> list[dspy.Example]:
        """Choose the questions of `step` and sample all answers in the order in which DSPy will request them."""
        self.step_started = time.perf_counter()
        examples = questions_of(step, self.task.trainset, self.task.grpo.prompts_per_step, self.task.config.seed)
        prompts = [prompt_of(self.task.student, example) for example in examples] * self.task.grpo.rollouts
        samples = self.policy.generate(
            prompts,
            max_tokens=self.task.grpo.max_completion_length,
            temperature=self.task.grpo.temperature,
            seed=self.trainer.seed_of(step),
        )
        self.engine.prepare(prompts, samples)
        return examples

    def learn(self, groups: list[list[dict[str, Any]]]) -> None:
        """One update on DSPy's groups. Raises KeyboardInterrupt if `should_stop` says that it was the last one."""
        pairs = paired(groups, self.engine.handed_out)
        update = self.trainer.update(pairs)
        samples = [sample for group in pairs for sample, _ in group]
        self.awaits_validation = False
        self.task.on_step(
            StepRecord(
                step=self.trainer.steps_done,
                **group_statistics(groups),
                seconds=time.perf_counter() - self.step_started,
                kl=update.kl,
                loss=update.loss,
                grad_norm=update.grad_norm,
                prompt_tokens=sum(len(sample.prompt_ids) for sample in samples),
                completion_tokens=sum(len(sample.token_ids) for sample in samples),
                truncated=sum(sample.truncated for sample in samples),
            )
        )
        if self.should_stop():
            raise KeyboardInterrupt

    def is_due(self) -> bool:
        """Whether the val questions are asked after the step that was done last."""
        done, grpo = self.trainer.steps_done, self.task.grpo
        return done % grpo.steps_per_validation == 0 or done == grpo.num_train_steps

    def validate(self) -> float:
        """The mean reward of the val questions under greedy decoding; an answer that cannot be parsed counts as 0."""
        prompts = [prompt_of(self.task.student, example) for example in self.task.valset]
        self.engine.prepare(
            prompts, self.policy.generate(prompts, max_tokens=self.task.grpo.max_completion_length, temperature=0.0)
        )
        rewards = []
        for example in self.task.valset:
            try:
                rewards.append(self.task.reward(example, self.task.student(**example.inputs())))
            except AdapterParseError:
                rewards.append(0.0)
        return sum(rewards) / len(rewards)


def questions_of(step: int, trainset: list[dspy.Example], number: int, seed: int) -> list[dspy.Example]:
    """The `number` questions of `step`, counted from 1: a new order in each epoch, none twice within a step.

    If `number` does not divide the number of questions, each epoch leaves out a remainder, a different one each time.
    """
    steps_per_epoch = len(trainset) // number
    epoch, place = divmod(step - 1, steps_per_epoch)
    order = random.Random(f"{seed}-{epoch}").sample(range(len(trainset)), k=len(trainset))
    return [trainset[index] for index in order[place * number : (place + 1) * number]]


def paired(
    groups: list[list[dict[str, Any]]], handed_out: list[tuple[PromptKey, Sample]]
) -> list[list[tuple[Sample, float]]]:
    """The samples behind DSPy's groups with their rewards, in the order of the sampling.

    DSPy returns prompts, rewards, and the completions as its adapter would write them. The k-th rollout of a group is
    the k-th sample of its prompt. Raises TrainingStoppedError if a rollout was lost, doubled or reordered.
    """
    sampled: dict[PromptKey, list[Sample]] = {}
    for key, sample in handed_out:
        sampled.setdefault(key, []).append(sample)
    rewarded = {prompt_key(group[0]["messages"]): group for group in groups}
    # DSPy fills a group that lost rollouts with the same objects again, so distinct ones are counted
    found = {key: len({id(rollout) for rollout in group}) for key, group in rewarded.items()}
    if len(rewarded) != len(groups) or found != {key: len(samples) for key, samples in sampled.items()}:
        raise TrainingStoppedError(
            f"DSPy lost rollouts: of {len(handed_out)} there are {sum(found.values())}; the error above says why"
        )
    for key, samples in sampled.items():
        for sample, rollout in zip(samples, rewarded[key], strict=True):
            text = rollout["completion"]["content"]
            if rollout["reward"] == FORMAT_FAILURE_REWARD and sample.text and text != sample.text:
                raise TrainingStoppedError(
                    f"DSPy changed the order of the rollouts: {text[:80]!r} is not {sample.text[:80]!r}"
                )
    return [
        [(sample, float(rollout["reward"])) for sample, rollout in zip(samples, rewarded[key], strict=True)]
        for key, samples in sampled.items()
    ]


class LocalGRPO(GRPO):
    """DSPy's loop in one thread; the LocalRun chooses the questions, samples and validates."""

    def __init__(self, run: LocalRun) -> None:
        self.run = run
        self.steps_before = run.trainer.steps_done
        grpo = run.task.grpo
        super().__init__(
            metric=run.task.reward,
            exclude_demos=True,
            num_threads=1,  # so that samples are handed out in order; they were generated in batches before
            num_train_steps=grpo.num_train_steps - self.steps_before,
            num_dspy_examples_per_grpo_step=grpo.prompts_per_step,
            num_rollouts_per_grpo_step=grpo.rollouts,
            failure_score=_FAILURE_REWARD,
            format_failure_score=FORMAT_FAILURE_REWARD,
        )

    def select_training_sample_and_update_shuffled_trainset(
        self, original_trainset: list[dspy.Example], train_step_idx: int
    ) -> list[dspy.Example]:
        """DSPy calls this before each step; `train_step_idx` counts from 0 in this process."""
        step = self.steps_before + train_step_idx + 1
        if self.run.trainer.steps_done != step - 1:
            raise TrainingStoppedError(f"DSPy lost all rollouts of step {step - 1}; the error above says why")
        return self.run.rollouts(step)

    def report_validation_metrics(
        self, student: dspy.Module, trainset: Any, valset: Any, logger: Any, step_idx: int = -1
    ) -> None:
        """DSPy calls this before the first step (`step_idx` -1) and after each step."""
        if self.run.is_due() and (step_idx >= 0 or self.run.trainer.steps_done == 0 or self.run.awaits_validation):
            self.run.on_validated(self.run.validate())
            if self.run.should_stop() and self.run.trainer.steps_done < self.run.task.grpo.num_train_steps:
                raise KeyboardInterrupt  # what was in flight is kept, and a step may take minutes


class LocalProvider(Provider):
    """Declares to DSPy that the LM can be trained, with a LocalJob on `run`."""

    def __init__(self, run: LocalRun) -> None:
        super().__init__()
        self.reinforceable = True
        self.ReinforceJob = lambda lm, train_kwargs: LocalJob(run, lm, train_kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> LocalProvider:
        return self


class LocalJob(ReinforceJob):
    """The job interface that DSPy's loop calls. It only delegates to the LocalRun."""

    def __init__(self, run: LocalRun, lm: dspy.LM, train_kwargs: dict[str, Any] | None) -> None:
        super().__init__(lm, train_kwargs)
        self._run = run

    def initialize(self) -> None:
        """Nothing to do: the model is already loaded."""

    def get_status(self) -> dict[str, Any]:
        """As many pending batches as a step has groups, so that DSPy sends all groups at once."""
        number, done = self._run.task.grpo.prompts_per_step, self._run.trainer.steps_done
        return {"pending_batch_ids": list(range(done * number, (done + 1) * number))}

    def step(self, train_data: list[dict[str, Any]], train_data_format: TrainDataFormat | str | None = None) -> None:
        """Make one update on a step's groups."""
        self._run.learn([item["group"] for item in train_data])

    def save_checkpoint(self, checkpoint_name: str) -> None:
        """Nothing to do: each validation saves a checkpoint."""

    def terminate(self) -> None:
        """Nothing to do: the weights stay in this process."""
