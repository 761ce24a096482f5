"""GRPO on one device, in this process: transformers and PEFT, no server. The same loop, loss and settings as on Arbor.

A step samples `rollouts` answers to each of its questions, scores them, and makes one AdamW update of a LoRA adapter.
On a CPU it computes in float32 and is reproducible bit for bit; `--resume` continues as if nothing had interrupted it.

A warm start (`--sft-steps`) fine-tunes the same adapter before the first step. The model after it is the checkpoint of
step 0: it can be the result, and the KL is measured from it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

import dspy

from memoryqa.errors import UsageError
from training.backend_api import SFTRecord, TrainingResult, TrainingStoppedError, TrainingTask
from training.dspy_setup import quiet_dspy
from training.folder import is_concluded
from training.local.checkpoints import INDEX, CheckpointError, Checkpoints
from training.local.loop import LocalGRPO, LocalProvider, LocalRun
from training.local.policy import Policy
from training.local.preflight import choose_device, estimate_memory, uses_bf16
from training.local.sft import SFTSettings, fine_tune
from training.local.trainer import NonFiniteGradientError, Trainer


def preflight(task: TrainingTask) -> list[str]:
    """Notes for people on how it will run. Raises UsageError, one line with the fix, if it cannot work."""
    device, reason = choose_device(task.config.device)
    if len(task.trainset) < task.grpo.prompts_per_step:
        raise UsageError(
            f"--prompts-per-step {task.grpo.prompts_per_step}: there are {len(task.trainset)} questions to train on"
        )
    notes = [reason, estimate_memory(task.config.model, task.grpo, device)]
    return [*notes, _resume_note(task)] if task.resume else notes


def train(task: TrainingTask) -> TrainingResult:
    """Train until `num_train_steps`. Raises TrainingStoppedError when interrupted or when the gradients are not finite.

    Ctrl-C finishes the step or the validation and saves a checkpoint; a second one stops at once and keeps the last
    checkpoint.
    """
    checkpoints = _checkpoints(task)
    try:
        policy, trainer = _load(task, checkpoints)
    except KeyboardInterrupt as error:
        raise TrainingStoppedError(_interrupted(checkpoints)) from error
    with _finishing_the_step() as stop:
        run = LocalRun(
            task=task,
            policy=policy,
            trainer=trainer,
            on_validated=partial(_keep, task, policy, trainer, checkpoints),
            should_stop=stop.is_set,
            awaits_validation=checkpoints.last is not None and checkpoints.last.val_score is None,
        )
        try:
            _run(run, checkpoints)
        except NonFiniteGradientError as error:
            raise TrainingStoppedError(_not_finite(task, trainer, checkpoints, error)) from error
        except BaseException as error:
            if not stop.is_set():
                raise
            with suppress(KeyboardInterrupt):  # the checkpoint that is being written is finished before
                if trainer.is_between_steps and trainer.steps_done > (checkpoints.last.step if checkpoints.last else 0):
                    checkpoints.save(policy, trainer.state(), trainer.steps_done, None)
            raise TrainingStoppedError(_interrupted(checkpoints)) from error
    return _result(checkpoints)


def _load(task: TrainingTask, checkpoints: Checkpoints) -> tuple[Policy, Trainer]:
    """The model with its adapter, as the last checkpoint left them."""
    device, _ = choose_device(task.config.device)
    teaches = task.grpo.sft_steps > 0
    policy = Policy.load(task.config.model, device=device, bf16=uses_bf16(device, task.grpo), teaches_turns=teaches)
    policy.add_adapter(task.grpo, seed=task.config.seed)
    trainer = Trainer(policy, task.grpo, seed=task.config.seed)
    if checkpoints.last is not None:
        if checkpoints.warm is not None:
            checkpoints.load_weights(policy, checkpoints.warm)
            policy.keep_reference()
        trainer.restore(checkpoints.restore(policy, checkpoints.last))
    return policy, trainer


def _interrupted(checkpoints: Checkpoints) -> str:
    if checkpoints.last is None:
        return "interrupted before there was a checkpoint: --resume starts from the beginning"
    return f"interrupted after step {checkpoints.last.step}, which is kept; continue with --resume"


def _not_finite(task: TrainingTask, trainer: Trainer, checkpoints: Checkpoints, error: NonFiniteGradientError) -> str:
    if task.grpo.sft_steps and checkpoints.last is None:
        return f"the warm start: {error}: lower --sft-learning-rate {task.grpo.sft_learning_rate}, then --resume"
    return (
        f"step {trainer.steps_done + 1}: {error}; the last checkpoint is kept: "
        f"lower --learning-rate {task.grpo.learning_rate} or --max-grad-norm, then --resume"
    )


def _run(run: LocalRun, checkpoints: Checkpoints) -> None:
    lm = dspy.LM(
        f"local/{run.task.config.model}",
        engine=run.engine,
        provider=LocalProvider(run),
        cache=False,
        temperature=None,
        max_tokens=run.task.grpo.max_completion_length,
    )
    run.task.student.set_lm(lm)
    with quiet_dspy(), dspy.context(lm=lm, disable_history=True):
        if run.task.grpo.sft_steps and checkpoints.last is None:
            _warm_start(run, checkpoints)
        if run.trainer.steps_done >= run.task.grpo.num_train_steps:  # what was left is its validation, or the report
            if run.awaits_validation and run.is_due():
                run.on_validated(run.validate())
            return
        LocalGRPO(run).compile(run.task.student, trainset=run.task.trainset, valset=run.task.valset)


def _warm_start(run: LocalRun, checkpoints: Checkpoints) -> None:
    """Score the untrained model, fine-tune its adapter on the demonstrations, and keep that as step 0."""
    task, policy = run.task, run.policy
    _note_score_before(task, checkpoints, run.validate())

    def on_step(record: SFTRecord) -> None:
        task.on_sft_step(record)
        if run.should_stop():
            raise KeyboardInterrupt

    fine_tune(
        policy,
        [policy.demonstration(one.messages, one.reply) for one in task.demonstrations],
        SFTSettings(
            steps=task.grpo.sft_steps,
            batch_size=task.grpo.sft_batch_size,
            pass_size=task.grpo.batch_size_per_device,
            learning_rate=task.grpo.sft_learning_rate,
            max_grad_norm=task.grpo.max_grad_norm,
            seed=task.config.seed,
        ),
        on_step,
    )
    policy.keep_reference()
    checkpoints.save(policy, run.trainer.state(), 0, None)


def _note_score_before(task: TrainingTask, checkpoints: Checkpoints, score: float) -> None:
    checkpoints.val_before = score
    checkpoints.write_index()
    task.on_validation(0, score)


def _keep(task: TrainingTask, policy: Policy, trainer: Trainer, checkpoints: Checkpoints, score: float) -> None:
    """After each validation save a checkpoint; of the untrained model record only the score to beat."""
    if trainer.steps_done == 0 and not task.grpo.sft_steps:
        _note_score_before(task, checkpoints, score)
        return
    if checkpoints.last is not None and checkpoints.last.step == trainer.steps_done:  # interrupted before its score
        checkpoints.score_last(score)
    else:
        checkpoints.save(policy, trainer.state(), trainer.steps_done, score)
    task.on_validation(trainer.steps_done, score)


def _result(checkpoints: Checkpoints) -> TrainingResult:
    best, before = checkpoints.best, checkpoints.val_before or 0.0
    if best is None or best.val_score is None or best.val_score <= before:
        return TrainingResult(None, 0, before)
    return TrainingResult(checkpoints.path(best), best.step, best.val_score)


def _checkpoints(task: TrainingTask) -> Checkpoints:
    """The saved checkpoints of a resumed training (none if it stopped before its first validation), else none."""
    folder = task.checkpoint_dir
    return Checkpoints.open(folder) if task.resume and (folder / INDEX).exists() else Checkpoints(folder)


def _resume_note(task: TrainingTask) -> str:
    last = _checkpoints(task).last
    if last is None:
        return "resume: there is no checkpoint yet, so this starts from the beginning"
    done, asked = last.step, task.grpo.num_train_steps
    if done == asked and (last.val_score is None or is_concluded(task.checkpoint_dir) is False):
        return f"resume: all {done} steps are done; what was left is " + (
            "the last validation" if last.val_score is None else "the result"
        )
    if done >= asked:
        raise CheckpointError(
            f"{task.checkpoint_dir}: all {last.step} steps are done; train on with a larger --num-train-steps"
        )
    return f"resume: from step {last.step} of {task.grpo.num_train_steps}"


@contextmanager
def _finishing_the_step() -> Iterator[threading.Event]:
    """Within the block, the first Ctrl-C sets the event; the next one interrupts. Works in the main thread only."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
