"""The settings of a training, and the checkpoint folder that keeps them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.flags import from_args
from harness.runs import CONFIG, Run
from harness.settings import choose_settings as memory_settings
from memoryqa.config import Settings
from memoryqa.errors import UsageError
from training.config import GRPOConfig, TrainingConfig

if TYPE_CHECKING:
    from training.inputs import Material

RESULT = "result.json"
"""The document that train.py prints, in the checkpoint folder of a training that was concluded."""
MAY_CHANGE_ON_RESUME = (
    *("num_train_steps", "device", "api_base", "inference_gpus", "training_gpus"),
    *("learning_rate", "sft_learning_rate", "max_grad_norm"),  # what a training that stopped at a NaN is told to lower
)


def choose_settings(args: argparse.Namespace) -> tuple[TrainingConfig, GRPOConfig, Settings]:
    """The settings of the flags, on top of those of a resumed training. Raises UsageError for an unsuitable folder."""
    folder: Path = args.checkpoint_dir
    has_training = (folder / CONFIG).exists()
    if args.resume and not has_training:
        raise UsageError(f"--resume: {folder} holds no training; name its folder with --checkpoint-dir")
    if has_training and not args.resume and not args.dry_run:
        raise UsageError(f"{folder} holds a training: continue it with --resume, or name a new --checkpoint-dir")
    if not args.output.parent.is_dir():
        raise UsageError(f"--output {args.output}: its folder does not exist")
    saved = Run.open(folder).config if args.resume else {}
    settings, verdict = memory_settings(args, saved, program=None, parameters=args.parameters)
    if verdict is not None:
        print(verdict, file=sys.stderr)
    return (
        from_args(TrainingConfig, args, saved=saved.get("training")),
        from_args(GRPOConfig, args, saved=saved.get("grpo")),
        settings,
    )


def check_same_settings(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise RunConfigChanged if a resumed training differs from `config` in more than MAY_CHANGE_ON_RESUME."""
    saved = Run.open(folder).config
    unchanged = {
        section: {
            key: saved.get(section, {}).get(key, value) if key in MAY_CHANGE_ON_RESUME else value
            for key, value in settings.items()
        }
        for section, settings in config.items()
    }
    Run.resume(folder, unchanged, lock=False)


def parameters_of(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What MLflow keeps of `config`: its parameters, which never change there, and as tags what --resume may change."""
    fixed = {
        section: {key: value for key, value in settings.items() if key not in MAY_CHANGE_ON_RESUME}
        for section, settings in config.items()
    }
    changing = {
        f"{section}.{key}": str(value)
        for section, settings in config.items()
        for key, value in settings.items()
        if key in MAY_CHANGE_ON_RESUME
    }
    return fixed, changing


def is_concluded(folder: Path) -> bool | None:
    """Whether the training in `folder` ended in a result; None where train.py did not begin it."""
    return (folder / RESULT).exists() if (folder / CONFIG).exists() else None


def open_run(args: argparse.Namespace, config: Mapping[str, Any], material: Material) -> Run:
    """Write config.json to the checkpoint folder, and manifest.json to a new one.

    No other process can train there while the Run that this returns is kept.
    """
    from harness.runs import manifest_environment

    folder: Path = args.checkpoint_dir
    if args.resume:
        run = Run.open(folder)
        run.lock()
        run.write_json(CONFIG, config)
        (folder / RESULT).unlink(missing_ok=True)
        return run
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: name a new --checkpoint-dir")
    dataset = material.dataset
    data = {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)}
    shown = material.demonstrations
    warm_start = None if shown is None else {"demonstrations": len(shown.shown), "declining": shown.declining}
    try:
        return Run.create(folder, config, {**manifest_environment(), "data": data, "warm_start": warm_start})
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): name another --checkpoint-dir") from error
