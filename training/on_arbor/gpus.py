"""The cards of this machine, and what a training on Arbor needs of their memory."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from training.config import GRPOConfig

GIB = 2**30
_MIB = 2**20
_QUERY_SEC = 10.0
_BUSY_SHARE = 0.02  # of a card's memory; below that, it is what the driver keeps for itself
_VLLM_SHARE = 0.9  # of its card, which Arbor gives to vLLM
_LOGIT_COPIES = 4


@dataclass(frozen=True)
class GPU:
    """One card, by the index that Arbor knows it by. memory_bytes: in all."""

    index: int
    name: str
    memory_bytes: int
    is_idle: bool


def read_gpus() -> list[GPU] | None:
    """The cards that nvidia-smi sees; None without nvidia-smi. Raises ValueError when it fails."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=index,name,memory.total,memory.used", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_QUERY_SEC, check=True)
        return [_gpu(line) for line in ran.stdout.splitlines() if line.strip()]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"nvidia-smi does not list the GPUs ({error}): see that it works, then come back") from error


def _gpu(line: str) -> GPU:
    index, name, total, used = (part.strip() for part in line.split(","))
    return GPU(int(index), name, int(total) * _MIB, int(used) < _BUSY_SHARE * int(total))


def training_bytes(shape: Mapping[str, int], grpo: GRPOConfig, training_gpus: int) -> int:
    """A rough estimate, never measured, of what one training GPU needs. shape: training.local.preflight.model_shape.

    Weights in float32, as Arbor's trainer loads them whatever `bf16` says; adapter, its gradient and Adam's moments;
    per token of a micro-batch the inputs of all layers, one layer's inside, and the logits: Arbor's loss takes those of
    the prompt, too.
    """
    width = 2 if grpo.bf16 else 4
    answers = grpo.rollouts // (training_gpus * grpo.gradient_accumulation_steps)
    inputs_kept = shape["layers"] * (1 if grpo.gradient_checkpointing else 16)
    per_token = (inputs_kept + 16) * shape["hidden"] + _LOGIT_COPIES * shape["vocabulary"]
    return 4 * shape["parameters"] + 16 * shape["trained"] + answers * grpo.max_sequence_length * per_token * width


def inference_bytes(shape: Mapping[str, int], inference_gpus: int) -> int:
    """What one inference GPU needs at least: its part of the weights in bfloat16, within vLLM's share of the card."""
    return int(2 * shape["parameters"] / inference_gpus / _VLLM_SHARE)
