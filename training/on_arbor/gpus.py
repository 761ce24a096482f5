"""The cards of this machine, and the memory that a training on Arbor needs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from memoryqa.errors import UsageError
from training.config import KEPT_INSIDE_LAYER, GRPOConfig

GIB = 2**30
_MIB = 2**20
_QUERY_SEC = 10.0
_BUSY_SHARE = 0.02  # of a card's memory; the driver itself uses up to this
_VLLM_SHARE = 0.9  # of a card's memory, which Arbor gives to vLLM
_LOGIT_COPIES = 4


@dataclass(frozen=True)
class GPU:
    """One card. index: as Arbor counts. memory_bytes: total."""

    index: int
    name: str
    memory_bytes: int
    is_idle: bool


def read_gpus() -> list[GPU] | None:
    """The cards that nvidia-smi lists; None without nvidia-smi. Raises UsageError if it fails."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=index,name,memory.total,memory.used", "--format=csv,noheader,nounits"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=_QUERY_SEC, check=True)
        return [_gpu(line) for line in ran.stdout.splitlines() if line.strip()]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise UsageError(f"nvidia-smi does not list the GPUs ({error}): make it work first") from error


def _gpu(line: str) -> GPU:
    index, name, total, used = (part.strip() for part in line.split(","))
    return GPU(int(index), name, int(total) * _MIB, int(used) < _BUSY_SHARE * int(total))


def training_bytes(shape: Mapping[str, int], grpo: GRPOConfig, training_gpus: int) -> int:
    """A rough estimate, never measured, of what one training GPU needs. shape: training.local.preflight.model_shape.

    Sum of: the weights in float32 (Arbor's trainer ignores `bf16` when it loads them); the adapter, its gradient and
    Adam's moments; per token of a micro-batch the inputs of all layers, the inside of one layer, and the logits, which
    Arbor's loss also computes for the prompt.
    """
    width = 2 if grpo.bf16 else 4
    answers = grpo.rollouts // (training_gpus * grpo.gradient_accumulation_steps)
    inputs_kept = shape["layers"] * (1 if grpo.gradient_checkpointing else KEPT_INSIDE_LAYER)
    per_token = (inputs_kept + KEPT_INSIDE_LAYER) * shape["hidden"] + _LOGIT_COPIES * shape["vocabulary"]
    return 4 * shape["parameters"] + 16 * shape["trained"] + answers * grpo.max_sequence_length * per_token * width


def inference_bytes(shape: Mapping[str, int], inference_gpus: int) -> int:
    """Lower bound for one inference GPU: its part of the weights in bfloat16, within vLLM's share of the card."""
    return int(2 * shape["parameters"] / inference_gpus / _VLLM_SHARE)
