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
    Run.resume(folder, unchanged)


def open_run(args: argparse.Namespace, config: Mapping[str, Any], material: Material) -> None:
    """Write config.json to the checkpoint folder, and manifest.json to a new one."""
    from harness.runs import manifest_environment

    folder: Path = args.checkpoint_dir
    if args.resume:
        Run.open(folder).write_json(CONFIG, config)
        return
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: name a new --checkpoint-dir")
    dataset = material.dataset
    data = {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)}
    shown = material.demonstrations
    warm_start = None if shown is None else {"demonstrations": len(shown.shown), "declining": shown.declining}
    try:
        Run.create(folder, config, {**manifest_environment(), "data": data, "warm_start": warm_start})
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): name another --checkpoint-dir") from error
