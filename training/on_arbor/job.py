"""Watched versions of what ArborGRPO uses: the LM that answers its rollouts, and the training job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from dspy.clients.provider import ReinforceJob

from memoryqa.lms.endpoint import EndpointLM
from training.backend_api import StepRecord, TrainingStoppedError, group_statistics
from training.on_arbor.checkpoints import BEST, LAST, CheckpointKeeper
from training.on_arbor.watchdog import ArborConnection, Watchdog


class ArborLM(EndpointLM):
    """The policy behind the Arbor server. Counts tokens and reports failures to the watchdog."""

    def __init__(self, model: str, watchdog: Watchdog, **kwargs: Any) -> None:
        super().__init__(model, timeout=watchdog.limits.chat_sec, max_retries=2, cache=False, **kwargs)
        self.watchdog = watchdog
        self.usage = {"prompt_tokens": 0, "completion_tokens": 0, "truncated": 0}
        self._usage_lock = threading.Lock()

    def __call__(self, prompt: Any = None, *, messages: Any = None, **kwargs: Any) -> Any:
        if self.watchdog.chats_are_lost:  # the main thread will stop, so the rest of a validation need not wait
            raise TrainingStoppedError("too many chats in a row were not answered")
        try:
            outputs = super().__call__(prompt, messages=messages, **kwargs)
        except Exception as error:
            self.watchdog.chat_lost(error)
            raise
        self.watchdog.chat_answered()
        return outputs

    def update_history(self, entry: dict[str, Any]) -> None:
        with self._usage_lock:
            for name in ("prompt_tokens", "completion_tokens"):
                self.usage[name] += entry["usage"].get(name) or 0
            self.usage["truncated"] += sum(one.finish_reason == "length" for one in entry["response"].choices)
        super().update_history(entry)

    def take_usage(self) -> dict[str, int]:
        """Tokens and answers cut off by the limit since the last call."""
        with self._usage_lock:
            taken, self.usage = self.usage, dict.fromkeys(self.usage, 0)
        return taken


class WatchedJob(ReinforceJob):
    """Wraps arbor-ai's ArborReinforceJob: its calls time out, its steps are reported and its checkpoints are kept.

    steps_before: optimizer steps of the training that this one continues.
    """

    def __init__(
        self,
        job: Any,
        connection: ArborConnection,
        keeper: CheckpointKeeper,
        on_step: Callable[[StepRecord], None],
        steps_before: int,
    ) -> None:
        super().__init__(job.lm, job.train_kwargs)
        self.job = job
        self.connection = connection
        self.watchdog = connection.watchdog
        self.keeper = keeper
        self.on_step = on_step
        self.steps_before = self.steps = steps_before
        self._step_began = time.monotonic()

    @property
    def job_id(self) -> str | None:
        """`grpo:<model>:<run name>:<date>`; None before the server has answered."""
        identifier: str | None = self.job.provider_job_id
        return identifier

    @property
    def expected_id(self) -> str:
        """The id that the server will give it, if its date is ours."""
        slug = self.lm.model.rpartition("/")[2].removeprefix("arbor:").lower()
        return f"grpo:{slug}:{self.connection.run_name}:{time.strftime('%Y%m%d')}"

    def initialize(self) -> None:
        self.keeper.note_job(self.expected_id)
        self.job.initialize()
        if self.job_id is None:  # Arbor's client swallows Ctrl-C and continues without a job
            raise KeyboardInterrupt
        self.keeper.note_job(self.job_id)
        self.watchdog.progress()

    def get_status(self) -> Any:
        self.watchdog.check()
        return self.job.get_status()

    def step(self, train_data: list[dict[str, Any]], train_data_format: Any = None) -> None:
        self.watchdog.check()
        self.job.step(train_data=train_data, train_data_format=train_data_format)
        self.watchdog.progress()
        self.steps += 1
        # The first step fills Arbor's two slots with the same group; we report it once.
        groups = [item["group"] for item in train_data]
        distinct = [group for number, group in enumerate(groups) if group not in groups[:number]]
        now = time.monotonic()
        measured = self.watchdog.logs.metrics  # of the step that the trainer logged last, usually the previous one
        record = StepRecord(
            step=self.steps,
            seconds=now - self._step_began,
            **group_statistics(distinct),
            kl=measured.get("kl"),
            loss=measured.get("loss"),
            grad_norm=measured.get("grad_norm"),
            **self.lm.take_usage(),
        )
        self._step_began = now
        self.on_step(record)

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Within the block, decode greedily; its time and tokens belong to no step."""
        began, of_the_step = time.monotonic(), self.lm.take_usage()
        temperature, self.lm.kwargs["temperature"] = self.lm.kwargs["temperature"], 0.0
        try:
            yield
        finally:
            self.lm.kwargs["temperature"] = temperature
            self.lm.usage = of_the_step
            self._step_began += time.monotonic() - began

    def save_checkpoint(
        self, checkpoint_name: str, score: float | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        """Save on the server and keep the adapter here. score: 0..100, DSPy's scale."""
        self.job.save_checkpoint(checkpoint_name, score=score, metadata=metadata)
        self.checkpoints, self.last_checkpoint = self.job.checkpoints, self.job.last_checkpoint
        self.watchdog.progress()
        checkpoint_dir = self.checkpoints[checkpoint_name]["checkpoint_dir"]
        step = self.steps if metadata is None else self.steps_before + metadata["step_index"] + 1
        name = LAST if checkpoint_name == LAST else BEST
        self.keeper.keep(name, checkpoint_dir, step=step, val_score=None if score is None else score / 100)

    def terminate(self) -> None:
        self.job.terminate()

    def cancel(self) -> bool:
        """End the job on the server, which frees its GPUs. False if the server does not know the job (yet)."""
        url = urljoin(self.lm.kwargs["api_base"], "fine_tuning/grpo/cancel")
        is_known = self.connection.cancel(url, self.job_id or self.expected_id)
        if is_known:
            self.keeper.note_job(None)
        return is_known
