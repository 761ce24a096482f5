"""GRPO on an Arbor server: arbor-ai's own ArborGRPO and ArborProvider with our settings and a watchdog.

The server generates with vLLM on some GPUs and trains on others. This process asks the questions, scores the answers
and sends both to the server. preflight.py checks the conditions before the start; watchdog.py watches the training.
"""

from __future__ import annotations

import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dspy

from training.backend_api import FORMAT_FAILURE_REWARD, StepRecord, TrainingResult, TrainingStoppedError, TrainingTask
from training.dspy_setup import TrainingAdapter, quiet_dspy
from training.on_arbor.checkpoints import BEST, LAST, CheckpointKeeper
from training.on_arbor.client import ArborClient, load_client
from training.on_arbor.config import storages
from training.on_arbor.job import ArborLM, WatchedJob
from training.on_arbor.logs import JobLogs
from training.on_arbor.preflight import preflight as preflight
from training.on_arbor.resume import merge_start, stack, start_adapter
from training.on_arbor.settings import sampling, server_model, train_kwargs
from training.on_arbor.watchdog import ArborConnection, Limits, Watchdog

_API_KEY = "arbor"  # the client needs one; the server does not check it
_THREADS = 16  # questions that are asked at a time
_SHOWN_CHARS = 200  # shown of each log line
_RETRY_SEC = 1.0


def train(task: TrainingTask, limits: Limits | None = None) -> TrainingResult:
    """Train until `num_train_steps`. The job on the server is always cancelled at the end, which frees its GPUs.

    Raises TrainingStoppedError, one line with the fix, when the training failed or was interrupted; the last
    checkpoint is kept.
    """
    run = ArborRun(task, limits or Limits())
    try:
        run.compile()
    except TrainingStoppedError as error:
        run.show_logs()
        raise TrainingStoppedError(f"{error}; {run.release()}; {run.kept()}") from error
    except KeyboardInterrupt as error:
        run.checkpoint_once_more()
        raise TrainingStoppedError(
            f"interrupted; {run.release(wait_sec=run.limits.cancel_sec)}; {run.kept()}"
        ) from error
    finally:
        run.release()
    print(run.release(), file=sys.stderr)
    return run.result()


class ArborRun:
    """One training: its parts, its course and its end."""

    def __init__(self, task: TrainingTask, limits: Limits) -> None:
        self.task = task
        self.limits = limits
        self.keeper = CheckpointKeeper(task.checkpoint_dir)
        if not task.resume:
            self.keeper.checkpoints = {}
        self.steps_before = self.keeper.checkpoints[LAST].step if task.resume else 0
        run_name = f"{time.strftime('%H%M%S')}-{secrets.token_hex(2)}"
        self.watchdog = Watchdog(JobLogs(storages(), run_name), limits)
        self.connection = ArborConnection(self.watchdog, run_name)
        self.job: WatchedJob | None = None
        self.val_before = 0.0
        self._validation = (0, 0.0)  # the last one: steps done, score
        self._released: str | None = None

    def compile(self) -> None:
        """Run ArborGRPO. Raises TrainingStoppedError and KeyboardInterrupt."""
        config, grpo = self.task.config, self.task.grpo
        model = config.model
        if self.task.resume:
            model = str(merge_start(config.model, self.keeper))
            self.keeper.on_copied = partial(stack, start_adapter(self.keeper))
        client = load_client()
        client.provider_module.requests = self.connection
        provider = client.provider_module.ArborProvider()
        provider.ReinforceJob = partial(self._new_job, provider.ReinforceJob)
        lm = ArborLM(
            server_model(model),
            self.watchdog,
            provider=provider,
            api_base=config.api_base,
            api_key=_API_KEY,
            max_tokens=grpo.max_completion_length,
            **sampling(grpo),
        )
        self.task.student.set_lm(lm)
        adapter = TrainingAdapter()
        try:
            with quiet_dspy(), _silence_parse_errors(), dspy.context(lm=lm, adapter=adapter):
                self._optimizer(client, adapter).compile(
                    self.task.student, trainset=self.task.trainset, valset=self.task.valset
                )
        except Exception:
            self.watchdog.check()  # it may know the cause of ArborGRPO's error
            raise
        finally:
            self.task.student.set_lm(None)

    def _new_job(self, job_class: Any, lm: dspy.LM, train_kwargs: dict[str, Any]) -> WatchedJob:
        job = job_class(lm, train_kwargs)
        self.job = WatchedJob(job, self.connection, self.keeper, self._on_step, self.steps_before)
        return self.job

    def _optimizer(self, client: ArborClient, adapter: dspy.Adapter) -> Any:
        config, grpo = self.task.config, self.task.grpo
        optimizer = _watched(client.optimizer, self._validated)(
            metric=self.task.reward,
            train_kwargs=train_kwargs(config, grpo),
            adapter=adapter,  # without one, it trains on XML although the rollouts are not in XML
            exclude_demos=True,
            num_threads=_THREADS,
            num_train_steps=grpo.num_train_steps - self.steps_before,
            seed=config.seed + self.steps_before,  # a resumed training takes the questions in another order
            num_dspy_examples_per_grpo_step=1,  # more would wait in a queue and be of an older policy by then
            num_rollouts_per_grpo_step=grpo.rollouts,
            num_steps_for_val=grpo.steps_per_validation,
            failure_score=0.0,
            format_failure_score=FORMAT_FAILURE_REWARD,
            checkpoint="single-best",
        )
        best = self.keeper.checkpoints.get(BEST)
        if best is not None and best.val_score is not None:
            optimizer.best_validation_score = 100 * best.val_score
        return optimizer

    def _validated(self, steps_done: int, score: float) -> None:
        """Called after each validation; ArborGRPO has then saved the checkpoint if it is the best."""
        self.watchdog.check()  # a score over unanswered questions means nothing
        assert self.job is not None
        if steps_done == 0:
            self.val_before = score
            self.task.on_validation(self.steps_before, score)
        else:
            self.job.save_checkpoint(LAST, score=100 * score, metadata={"step_index": steps_done - 1})
            self._validation = (self.steps_before + steps_done, score)

    def _on_step(self, record: StepRecord) -> None:
        """ArborGRPO validates in the middle of a step, before it sends the answers; we report it after the step."""
        self.task.on_step(record)
        if self._validation[0] == record.step:
            self.task.on_validation(*self._validation)

    # -- how it ends ---------------------------------------------------------------------------------------------------

    def result(self) -> TrainingResult:
        """The best checkpoint; `adapter_dir` is None if no checkpoint beat the untrained model."""
        best = self.keeper.checkpoints.get(BEST)
        if best is None or best.val_score is None:
            return TrainingResult(None, 0, self.val_before)
        return TrainingResult(Path(best.path), best.step, best.val_score)

    def kept(self) -> str:
        """A line for people: which checkpoint is kept, and where."""
        last = self.keeper.checkpoints.get(LAST) or self.keeper.checkpoints.get(BEST)
        if last is None:
            return "no checkpoint was saved yet"
        return f"step {last.step} is kept in {last.path}: continue with --resume"

    def show_logs(self) -> None:
        """Print the end of the server's logs on stderr."""
        self.watchdog.logs.update()
        if self.watchdog.logs.folder is None:
            print("the server's logs are not on this machine: see its own output", file=sys.stderr)
            return
        print(f"the end of the logs in {self.watchdog.logs.folder}:", file=sys.stderr)
        for line in self.watchdog.logs.tail():
            print(f"  {line[:_SHOWN_CHARS]}", file=sys.stderr)

    def checkpoint_once_more(self) -> None:
        """After Ctrl-C, save what was learned since the last checkpoint; another Ctrl-C skips that."""
        if self.job is None or self.job.job_id is None or self.job.steps == self.steps_before:
            return
        print("saving a checkpoint, then cancelling the job; Ctrl-C again to cancel at once", file=sys.stderr)
        try:
            self.job.save_checkpoint(LAST)
        except (TrainingStoppedError, KeyboardInterrupt) as error:
            print(f"no checkpoint was saved ({error or 'interrupted'})", file=sys.stderr)

    def release(self, wait_sec: float = 0.0) -> str:
        """Cancel the job once; return a line on the job and its GPUs. wait_sec: how long to wait for its start."""
        if self._released is None:
            self._released = "no job was started" if self.job is None else self._cancel(self.job, wait_sec)
        return self._released

    def _cancel(self, job: WatchedJob, wait_sec: float) -> str:
        deadline = time.monotonic() + wait_sec
        try:
            while not job.cancel():  # the server knows no job before it has started
                if time.monotonic() > deadline:
                    return "the job did not start: restart the Arbor server if it keeps the GPUs"
                time.sleep(_RETRY_SEC)
        except (TrainingStoppedError, KeyboardInterrupt) as error:
            return f"the job is not cancelled ({error or 'interrupted'}): restart the Arbor server to free its GPUs"
        return "the job is cancelled and its GPUs are free"


@contextmanager
def _silence_parse_errors() -> Iterator[None]:
    """Within the block, DSPy does not print the whole example for each unreadable answer; we count them instead."""
    logger = logging.getLogger("dspy.utils.parallelizer")

    def is_shown(record: logging.LogRecord) -> bool:
        return "failed to parse the LM response" not in record.getMessage()

    logger.addFilter(is_shown)
    try:
        yield
    finally:
        logger.removeFilter(is_shown)


def _watched(optimizer: Any, on_validated: Callable[[int, float], None]) -> Any:
    """A subclass of ArborGRPO that calls `on_validated`. ArborGRPO counts steps from 0; -1 is before the first."""

    class WatchedGRPO(optimizer):
        def report_validation_metrics(
            self, *args: Any, grpo_training_job: WatchedJob, step_idx: int = -1, **kwargs: Any
        ) -> None:
            with grpo_training_job.validating():
                super().report_validation_metrics(
                    *args, grpo_training_job=grpo_training_job, step_idx=step_idx, **kwargs
                )
            if (score := self.validation_scores.get(step_idx)) is not None:
                on_validated(step_idx + 1, score / 100)

    return WatchedGRPO
