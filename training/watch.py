"""Records each step of a training: in history.jsonl, in MLflow and as a live line on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.progress import counting
from training.backend_api import SFTRecord, StepRecord
from training.history import History

if TYPE_CHECKING:
    from harness.tracking.tracker import NullTracker, Tracker

FLAT_STEPS = 20  # a warning is printed after so many steps without a group to learn from


class Watch:
    """`on_step`, `on_validation` and `on_sft_step` are the callbacks of a TrainingTask; they work inside `watching`."""

    def __init__(self, num_train_steps: int, sft_steps: int = 0) -> None:
        self._num_train_steps = num_train_steps
        self._sft_steps = sft_steps
        self._sft_losses: list[float] = []
        self._sft_open = ExitStack()
        self._val_score: float | None = None
        self._flat_steps = 0
        self._advance: Callable[[str], None] | None = None
        self._open = ExitStack()

    @contextmanager
    def watching(self, history: History, tracker: Tracker | NullTracker) -> Iterator[None]:
        """Record and show the steps and validations within the block; first those of before that the tracker lacks."""
        self._history, self._tracker = history, tracker
        self._add_missing()
        with self._open:
            yield

    def on_step(self, record: StepRecord) -> None:
        """Record and show a step. The first one opens the progress line; a resumed training continues its count."""
        self._history.add_step(record)
        self._track("train", asdict(record))
        if self._advance is None:
            bar = counting("training", total=self._num_train_steps, completed=record.step - 1)
            self._advance = self._open.enter_context(bar)
        self._advance(self._note(record))
        self._flat_steps = self._flat_steps + 1 if record.equal_groups == record.groups else 0
        if self._flat_steps == FLAT_STEPS:
            print(
                f"warning: for {FLAT_STEPS} steps all rollouts of a question scored the same, so nothing is learned: "
                "more --rollouts, a higher --temperature, or a --metric that tells them apart",
                file=sys.stderr,
            )

    def on_sft_step(self, record: SFTRecord) -> None:
        """Record and show a step of the warm start, on a progress line of its own; the last one sums it up."""
        self._history.add_sft_step(record)
        self._track("sft", asdict(record))
        if not self._sft_losses:
            self._advance_sft = self._open.enter_context(self._sft_open).enter_context(
                counting("warm start", total=self._sft_steps)
            )
        self._sft_losses.append(record.loss)
        self._advance_sft(f"loss {record.loss:.2f} · {record.seconds:.1f} s/step")
        if record.step == self._sft_steps:
            self._sft_open.close()
            print(
                f"warm start: {record.step} steps, loss {self._sft_losses[0]:.2f} -> {record.loss:.2f} nats per token",
                file=sys.stderr,
            )

    def on_validation(self, step: int, score: float) -> None:
        """Record and show a validation."""
        self._val_score = score
        self._history.add_validation(step, score)
        self._tracker.log_metrics({"val.reward": score}, step=step)
        after = "the warm start" if step == 0 and self._sft_losses else f"step {step}"
        print(f"validation after {after}: {score:.3f}", file=sys.stderr)

    def _track(self, prefix: str, row: Mapping[str, Any]) -> None:
        """row: a StepRecord or an SFTRecord, as the history keeps it."""
        numbers = {key: float(value) for key, value in row.items() if isinstance(value, int | float) and key != "step"}
        self._tracker.log_metrics({f"{prefix}.{key}": value for key, value in numbers.items()}, step=row["step"])

    def _add_missing(self) -> None:
        """A store of MLflow may have been away while an earlier part of the training ran."""
        if not self._history.rows:
            return
        for prefix, name, rows in (
            ("sft", "loss", self._history.sft_steps),
            ("train", "reward_mean", self._history.steps),
        ):
            steps = self._tracker.steps_of(f"{prefix}.{name}") if rows else set()
            for row in rows:
                if row["step"] not in steps:
                    self._track(prefix, row)
        steps = self._tracker.steps_of("val.reward")
        for row in self._history.validations:
            if row["step"] not in steps:
                self._tracker.log_metrics({"val.reward": row["val_score"]}, step=row["step"])

    def _note(self, record: StepRecord) -> str:
        parts = [f"reward {record.reward_mean:+.2f}"]
        if self._val_score is not None:
            parts.append(f"val {self._val_score:.2f}")
        if record.kl is not None:
            parts.append(f"KL {record.kl:.3f}")
        if record.format_failures:
            parts.append(f"{record.format_failures} unreadable")
        if record.declined:
            parts.append(f"{record.declined} declined")
        return " · ".join([*parts, f"{record.seconds:.1f} s/step"])
