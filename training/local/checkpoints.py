"""A folder of checkpoints: PEFT adapters, their scores, and the trainer's state for a resumed training.

    step-000050/adapter_model.safetensors, adapter_config.json     # loads in anything that reads PEFT adapters
    step-000050/trainer_state.pt                                   # in the last checkpoint only
    checkpoints.json                                               # names and scores, best and last

Only the best and the last checkpoint are kept, and step 0, which is there after a warm start; checkpoints.json keeps
the scores of the others.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.files import write_bytes_atomically
from harness.signals import signals_held_back
from memoryqa.errors import UsageError
from training.backend_api import TrainingStoppedError
from training.local.policy import Policy
from training.model_files import loading_errors

INDEX, TRAINER_STATE, WEIGHTS = "checkpoints.json", "trainer_state.pt", "adapter_model.safetensors"


class CheckpointError(UsageError):
    """The folder cannot be used as asked; the message names it and the fix."""


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint; `val_score` is None if it was not measured at its step, as after Ctrl-C."""

    name: str
    step: int
    val_score: float | None


class Checkpoints:
    """The checkpoints of one training. `checkpoints.json` names only complete ones: it is written last, atomically."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.val_before: float | None = None
        self.all: list[Checkpoint] = []

    @classmethod
    def open(cls, folder: Path) -> Checkpoints:
        """The checkpoints in `folder`. Raises CheckpointError if they cannot be read."""
        found = cls(folder)
        try:
            content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            found.val_before = content["val_before"]
            found.all = [Checkpoint(**one) for one in content["checkpoints"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{folder / INDEX}: cannot be read ({error}); start again in another folder"
            ) from error
        return found

    @property
    def last(self) -> Checkpoint | None:
        """The checkpoint that a resumed training starts from."""
        return self.all[-1] if self.all else None

    @property
    def best(self) -> Checkpoint | None:
        """The checkpoint with the best score on the val questions; the earliest of equal ones."""
        scored = [one for one in self.all if one.val_score is not None]
        return max(scored, key=lambda one: one.val_score or 0.0, default=None)

    @property
    def warm(self) -> Checkpoint | None:
        """The model after the warm start, from which the KL is measured; None without one."""
        return next((one for one in self.all if one.step == 0), None)

    def path(self, checkpoint: Checkpoint) -> Path:
        return self.folder / checkpoint.name

    def save(self, policy: Policy, state: dict[str, Any], step: int, val_score: float | None) -> None:
        """Write the adapter and the trainer's state as the last checkpoint; delete all but the best and the last.

        Ctrl-C waits for its end. Raises TrainingStoppedError when the disk does not take it; the checkpoints of before
        are whole.
        """
        with signals_held_back():
            self._save(policy, state, step, val_score)

    def _save(self, policy: Policy, state: dict[str, Any], step: int, val_score: float | None) -> None:
        import torch

        checkpoint = Checkpoint(f"step-{step:06d}", step, val_score)
        path, before = self.path(checkpoint), self.all
        partial = path.with_name(f"{path.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            # without asking the hub for the model's config, to see whether its vocabulary has grown: it never does
            policy.model.save_pretrained(str(partial), save_embedding_layers=False)
            content = io.BytesIO()
            torch.save(state, content)
            (partial / TRAINER_STATE).write_bytes(content.getvalue())  # torch's own error names no full disk
            shutil.rmtree(path, ignore_errors=True)
            partial.rename(path)
            self.all = [one for one in self.all if one.step < step] + [checkpoint]
            self.write_index()
        except writing_errors() as error:
            shutil.rmtree(partial, ignore_errors=True)
            self.all = before
            raise TrainingStoppedError(
                f"step {step}: its checkpoint cannot be written to {self.folder} ({_first_line(error)}); "
                f"{self._kept()}: free some space, then --resume"
            ) from error
        self._drop_old()

    def score_last(self, val_score: float) -> None:
        """Note the score of the last checkpoint, which had been saved without. Raises as `save` does."""
        before = self.all
        self.all = [*before[:-1], replace(before[-1], val_score=val_score)]
        try:
            self.write_index()
        except OSError as error:
            self.all = before
            raise TrainingStoppedError(
                f"step {before[-1].step}: its score cannot be written to {self.folder} ({_first_line(error)}); "
                f"{self._kept()}: free some space, then --resume"
            ) from error
        self._drop_old()

    def _kept(self) -> str:
        return "there is none yet" if self.last is None else f"the last one is kept, {self.path(self.last)}"

    def write_index(self) -> None:
        best, last = self.best, self.last
        content = {
            "val_before": self.val_before,
            "best": None if best is None else best.name,
            "last": None if last is None else last.name,
            "checkpoints": [asdict(one) for one in self.all],
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(self.folder / INDEX, (json.dumps(content, indent=2) + "\n").encode())

    def restore(self, policy: Policy, checkpoint: Checkpoint) -> dict[str, Any]:
        """Load the checkpoint's weights into the adapter of `policy` and return the trainer's state.

        Raises CheckpointError if its files are missing or belong to another adapter.
        """
        import torch

        self.load_weights(policy, checkpoint)
        with self._resuming(checkpoint):
            state: dict[str, Any] = torch.load(
                self.path(checkpoint) / TRAINER_STATE, map_location="cpu", weights_only=True
            )
        return state

    def load_weights(self, policy: Policy, checkpoint: Checkpoint) -> None:
        """Load the checkpoint's weights into the adapter of `policy`. Raises CheckpointError as `restore` does."""
        from peft import set_peft_model_state_dict
        from safetensors.torch import load_file

        with self._resuming(checkpoint):
            loaded: Any = set_peft_model_state_dict(policy.model, load_file(self.path(checkpoint) / WEIGHTS))
            if loaded.unexpected_keys:
                raise ValueError(f"it has {loaded.unexpected_keys[0]}, which the model does not have")

    @contextmanager
    def _resuming(self, checkpoint: Checkpoint) -> Iterator[None]:
        """Raise CheckpointError for what goes wrong with the files of `checkpoint` within the block."""
        try:
            yield
        except loading_errors() as error:
            best = f", or use the best one, {self.path(other)}" if (other := self.best) and other != checkpoint else ""
            raise CheckpointError(
                f"{self.path(checkpoint)}: cannot be resumed ({_first_line(error)}); "
                f"start again in another folder{best}"
            ) from error

    def _drop_old(self) -> None:
        kept = {one.name for one in (self.best, self.last, self.warm) if one is not None}
        for one in self.all[:-1]:
            (self.path(one) / TRAINER_STATE).unlink(missing_ok=True)
            if one.name not in kept:
                shutil.rmtree(self.path(one), ignore_errors=True)


def writing_errors() -> tuple[type[Exception], ...]:
    """What the disk's refusal looks like: torch and safetensors have errors of their own for it."""
    from safetensors import SafetensorError

    return (OSError, RuntimeError, SafetensorError)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
