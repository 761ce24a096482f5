"""The course of a training: history.jsonl beside its checkpoints, its totals, and the plot of its rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import dropwhile
from pathlib import Path
from typing import Any

from harness.files import JsonlFile
from reports.palette import BLUE, GREY, ORANGE
from training.backend_api import SFTRecord, StepRecord

HISTORY = "history.jsonl"
_SFT = "sft"  # the kind of a row of the warm start
_MAX_WINDOW = 10  # steps that the first and the last reward are averaged over; a single step is mostly chance
_REWARD, _VALIDATION, _KL = GREY, BLUE, ORANGE
_SMOOTHING_STEPS = 10


class History:
    """The steps and validations of one training, and those of its warm start, written to disk at once.

    Rewards of rollouts are in -1..1.
    """

    def __init__(self, folder: Path, *, resume: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = JsonlFile(folder / HISTORY)
        self.rows: list[dict[str, Any]] = self._file.rows() if resume else []

    def add_step(self, record: StepRecord) -> None:
        """Add a step. Rows of this and later steps, which an interrupted training had written, are dropped."""
        self._keep([row for row in self.rows if row["kind"] == _SFT or row["step"] < record.step])
        self._append({"kind": "step", **asdict(record)})

    def add_sft_step(self, record: SFTRecord) -> None:
        """Add a step of the warm start; the first one drops what there was before but the score just measured."""
        if record.step == 1:
            self._keep(self.validations[-1:])
        self._append({"kind": _SFT, **asdict(record)})

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        if len(rows) < len(self.rows):
            self._file.replace(rows)
            self.rows = rows

    def add_validation(self, step: int, score: float) -> None:
        """Add the score of the val questions, 0..1, after `step` steps. One that is measured again is replaced."""
        if not self.sft_steps:
            self._keep([row for row in self.rows if row["kind"] != "validation" or row["step"] != step])
        self._append({"kind": "validation", "step": step, "val_score": score})

    def _append(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self._file.append(row)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The StepRecords as rows, in order."""
        return [row for row in self.rows if row["kind"] == "step"]

    @property
    def validations(self) -> list[dict[str, Any]]:
        """Rows with `step` and `val_score`, in order; with a warm start two of step 0, before and after it."""
        return [row for row in self.rows if row["kind"] == "validation"]

    @property
    def sft_steps(self) -> list[dict[str, Any]]:
        """The SFTRecords as rows, in order."""
        return [row for row in self.rows if row["kind"] == _SFT]

    @property
    def val_before(self) -> float | None:
        """The score of the untrained model."""
        return next((row["val_score"] for row in self.validations if row["step"] == 0), None)

    @property
    def val_warm(self) -> float | None:
        """The score after the warm start; None without one."""
        after = list(dropwhile(lambda row: row["kind"] != _SFT, self.rows))
        return next((row["val_score"] for row in after if row["kind"] == "validation" and row["step"] == 0), None)

    def totals(self) -> dict[str, Any]:
        """Steps, mean reward of the first and the last tenth of them (10 steps at most), counts, seconds."""
        steps = self.steps
        window = max(1, min(_MAX_WINDOW, len(steps) // 10))
        return {
            "steps": len(steps),
            "reward_first": _mean([row["reward_mean"] for row in steps[:window]]),
            "reward_last": _mean([row["reward_mean"] for row in steps[-window:]]),
            "format_failures": sum(row["format_failures"] for row in steps),
            "groups": sum(row["groups"] for row in steps),
            "equal_groups": sum(row["equal_groups"] for row in steps),
            "seconds": round(sum(row["seconds"] for row in steps), 1),
        }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def write_reward_plot(history: History, path: Path) -> None:
    """Draw rewards, validations and KL as a PNG file; a history without a step writes nothing."""
    from matplotlib.figure import Figure

    steps, validations = history.steps, history.validations
    if not steps:
        return
    numbers = [row["step"] for row in steps]
    figure = Figure(figsize=(8.0, 5.5), dpi=150, layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    rewards = [row["reward_mean"] for row in steps]
    upper.set_title("Reward", loc="left", fontsize=12, fontweight="bold")
    upper.plot(numbers, rewards, color=_REWARD, linewidth=0.8, alpha=0.5)
    upper.plot(numbers, smoothed(rewards), color=_REWARD, label=f"rollouts, mean of {_SMOOTHING_STEPS} steps")
    if validations:
        scores = [row["val_score"] for row in validations]
        upper.plot([row["step"] for row in validations], scores, "o-", color=_VALIDATION, label="validation, greedy")
    upper.legend(loc="lower right", frameon=False)
    _draw_kl(lower, numbers, steps)
    lower.set_xlabel("step")
    figure.savefig(path)


def _draw_kl(axes: Any, numbers: Sequence[int], steps: Sequence[dict[str, Any]]) -> None:
    values = [float("nan") if row["kl"] is None else row["kl"] for row in steps]
    axes.plot(numbers, values, color=_KL)
    axes.set_ylabel("KL, nats per token")


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and up to nine before it."""
    windows = [values[max(0, at + 1 - _SMOOTHING_STEPS) : at + 1] for at in range(len(values))]
    return [sum(window) / len(window) for window in windows]
