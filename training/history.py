"""What happened in a training, step by step: history.jsonl beside its checkpoints, and the numbers that sum it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.files import JsonlFile
from training.backend_api import StepRecord

HISTORY = "history.jsonl"
_MAX_WINDOW = 10  # steps that the first and the last reward are a mean of; one step's is mostly chance


class History:
    """The steps and validations of one training, on disk as they come; rewards of the rollouts lie in -1..1."""

    def __init__(self, folder: Path, *, resume: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = JsonlFile(folder / HISTORY)
        self.rows: list[dict[str, Any]] = self._file.rows() if resume else []

    def add_step(self, record: StepRecord) -> None:
        """Keep a step; what an interrupted training had recorded from it on is done again, and dropped."""
        earlier = [row for row in self.rows if row["step"] < record.step]
        if len(earlier) < len(self.rows):
            self._file.path.unlink()
            for row in earlier:
                self._file.append(row)
            self.rows = earlier
        self._append({"kind": "step", **asdict(record)})

    def add_validation(self, step: int, score: float) -> None:
        """Keep a score, 0..1, of the val questions after `step` steps."""
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
        """Rows with `step` and `val_score`, in order."""
        return [row for row in self.rows if row["kind"] == "validation"]

    def totals(self) -> dict[str, Any]:
        """Steps, the mean reward of their first and last tenth (10 steps at most), counts over all, seconds."""
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
