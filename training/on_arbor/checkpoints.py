"""The adapters that a training on an Arbor server leaves in `--checkpoint-dir`: the best and the last.

    best/   last/       adapter_model.safetensors, adapter_config.json, tokenizer
    arbor.json          for each: its training steps, its score on the val questions, its path

The server saves under its own storage on its own machine. If that is this machine, the adapters are copied; otherwise
arbor.json names their path there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.files import write_bytes_atomically
from memoryqa.errors import UsageError

INDEX = "arbor.json"
BEST, LAST = "best", "last"
_NOT_KEPT = ("optimizer*", "scheduler*", "rng_state*", "training_args.bin")  # Arbor cannot resume from them


@dataclass(frozen=True)
class Checkpoint:
    """path: the folder of the adapter, on this machine if `is_here`. step: from 1. val_score: 0..1, None: unknown."""

    path: str
    is_here: bool
    step: int
    val_score: float | None


@dataclass(frozen=True)
class Job:
    """A job on the server, and the id of the local process that runs it."""

    id: str
    pid: int


class CheckpointKeeper:
    """The folder of a training's adapters. Raises UsageError when its index cannot be read.

    `on_copied` gets the folder of each copied adapter before it replaces the previous one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.on_copied: Callable[[Path], None] = lambda folder: None
        self.index = folder / INDEX
        try:
            saved = self._read().get("checkpoints", {})
            self.checkpoints = {name: Checkpoint(**each) for name, each in saved.items()}
        except (AttributeError, TypeError) as error:
            raise UsageError(
                f"{self.index}: was written by another version ({error}); name another --checkpoint-dir"
            ) from error

    @property
    def job(self) -> Job | None:
        """The job that was started and not cancelled, according to the index; None without one."""
        noted = self._read().get("job")
        return None if noted is None else Job(**noted)

    def note_job(self, job_id: str | None) -> None:
        """Record the job that this process runs; None: no job runs any more."""
        self._write(None if job_id is None else Job(job_id, os.getpid()))

    def keep(self, name: str, checkpoint_dir: str, *, step: int, val_score: float | None) -> None:
        """Record an adapter; if the server's files are on this machine, copy it to `<folder>/<name>`.

        The copy replaces the previous one. step, val_score: see Checkpoint.
        """
        source, target = Path(checkpoint_dir), self.folder / name
        is_here = source.is_dir()
        if is_here:
            partial = target.with_name(f"{name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*_NOT_KEPT))
            self.on_copied(partial)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        path = str(target.resolve()) if is_here else checkpoint_dir
        self.checkpoints[name] = Checkpoint(path, is_here, step, val_score)
        self._write(self.job)

    def _write(self, job: Job | None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "job": None if job is None else asdict(job),
            "checkpoints": {name: asdict(one) for name, one in self.checkpoints.items()},
        }
        write_bytes_atomically(self.index, (json.dumps(content, indent=2) + "\n").encode())

    def _read(self) -> Mapping[str, Any]:
        if not self.index.exists():
            return {}
        try:
            content = json.loads(self.index.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.index}: cannot be read ({error}); name another --checkpoint-dir") from error
        if not isinstance(content, dict):
            raise UsageError(f"{self.index}: holds no JSON object; name another --checkpoint-dir")
        return content
