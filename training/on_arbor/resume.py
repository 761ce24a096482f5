"""Resuming from an adapter. Arbor starts from models, so the adapter is merged into the model and a new one is trained.

The two are then stacked into one adapter of the original model whose rank is the sum of theirs. It computes the same:
W + s B1 A1 + s B2 A2 = W + s [B1 B2] [A1; A2]. So every checkpoint belongs to the model that `--model` names.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from memoryqa.errors import UsageError
from training.config import GRPOConfig
from training.on_arbor.checkpoints import LAST, CheckpointKeeper
from training.packages import check_packages

WEIGHTS, SETTINGS = "adapter_model.safetensors", "adapter_config.json"


def check_resumable(keeper: CheckpointKeeper, grpo: GRPOConfig) -> list[str]:
    """A note on what is resumed. Raises UsageError if there is no usable checkpoint, or no step left to do."""
    last = keeper.checkpoints.get(LAST)
    if last is None:
        raise UsageError(
            f"--resume: {keeper.index} names no checkpoint; give the --checkpoint-dir of an Arbor training, "
            "or start again in a new folder"
        )
    if not last.is_here:
        raise UsageError(f"--resume: the adapter is on the server's machine ({last.path}); run train.py there")
    if last.step >= grpo.num_train_steps:
        raise UsageError(
            f"--resume: all {last.step} steps are done; train on with a larger --num-train-steps than "
            f"{grpo.num_train_steps}"
        )
    targets = set(json.loads((Path(last.path) / SETTINGS).read_text(encoding="utf-8"))["target_modules"])
    if targets != set(grpo.lora_targets):
        raise UsageError(f"--resume: the adapter has other layers, give --lora-targets {','.join(sorted(targets))}")
    check_packages("local", "--resume with --backend arbor")  # to merge the adapter
    return [
        f"resumed from the adapter of step {last.step}, as a new start: with a new optimizer, and a KL that is "
        "measured from there"
    ]


def merge_start(model: str, keeper: CheckpointKeeper) -> Path:
    """The folder of `model` with the last adapter in its weights. Keeps a copy of that adapter, for `stack`."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapter, merged = start_adapter(keeper), keeper.folder / "start" / "merged"
    shutil.rmtree(adapter.parent, ignore_errors=True)
    shutil.copytree(keeper.checkpoints[LAST].path, adapter)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().save_pretrained(merged)
    AutoTokenizer.from_pretrained(model).save_pretrained(merged)
    return merged


def start_adapter(keeper: CheckpointKeeper) -> Path:
    """The folder of the adapter that a resumed training started from."""
    return keeper.folder / "start" / "adapter"


def stack(first: Path, second: Path) -> None:
    """Rewrite the adapter in `second`, which was trained on top of `first`, as one adapter of the original model."""
    import torch
    from safetensors.torch import load_file, save_file

    below, above = load_file(first / WEIGHTS), load_file(second / WEIGHTS)
    settings, settings_above = (json.loads((folder / SETTINGS).read_text()) for folder in (first, second))
    scale, scale_above = (one["lora_alpha"] / one["r"] for one in (settings, settings_above))
    stacked = {
        name: torch.cat([below[name], weight], dim=0)
        if ".lora_A." in name
        else torch.cat([below[name], weight * (scale_above / scale)], dim=1)
        for name, weight in above.items()
    }
    settings["r"] += settings_above["r"]
    settings["lora_alpha"] = scale * settings["r"]
    save_file(stacked, second / WEIGHTS, metadata={"format": "pt"})
    (second / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
