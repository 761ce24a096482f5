"""Checks that take seconds before a training on one device: the device and the memory."""

from __future__ import annotations

from typing import Any

from memoryqa.errors import UsageError
from training.config import KEPT_INSIDE_LAYER, GRPOConfig
from training.local.policy import GENERATION_BATCH, MAX_SPREAD, ModelError
from training.model_files import loading_errors, source_of

_GIB = 1024**3
_ADAM_BYTES = 16  # per trained parameter, in float32: the weight, its gradient, and Adam's two moments
_REFERENCE_BYTES = 4  # per trained parameter: the adapter after the warm start, from which the KL is measured
_LOGIT_COPIES = 3  # in float32: as computed, scaled, and the gradient


class DeviceError(UsageError):
    """The device cannot be used as asked; the message names the fix."""


def choose_device(asked: str) -> tuple[str, str]:
    """`cuda` or `cpu`, and a line with the reason."""
    import torch

    if asked != "cpu" and torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        others = torch.cuda.device_count() - 1
        return "cuda", f"device: {name}" + (f"; the {others} other GPUs stay idle" if others else "")
    if asked == "cuda":
        raise DeviceError("--device cuda: PyTorch finds no GPU; check nvidia-smi, or use --device cpu")
    return "cpu", "device: the CPU, in float32" + ("" if asked == "cpu" else "; PyTorch finds no GPU")


def uses_bf16(device: str, grpo: GRPOConfig) -> bool:
    """Whether the model is loaded in bfloat16: if it was asked for and the device is a GPU that supports it."""
    import torch

    return bool(device == "cuda" and grpo.bf16 and torch.cuda.is_bf16_supported())


def estimate_memory(model: str, grpo: GRPOConfig, device: str) -> str:
    """A line on the least memory that the training needs. Raises DeviceError if the device has less."""
    shape = model_shape(model, grpo)
    weight_bytes = 2 if uses_bf16(device, grpo) else 4
    needed = memory_bytes(shape, grpo, weight_bytes)
    available = _available_bytes(device)
    text = (
        f"memory: {shape['parameters'] / 1e6:,.1f} M parameters and an adapter of {shape['trained'] / 1e6:,.1f} M need "
        f"{needed / _GIB:.1f} GiB at least; {available / _GIB:.1f} GiB are free"
    )
    if needed > available:
        raise DeviceError(
            f"{text}: use a smaller --model, --batch-size-per-device 1, a smaller --max-prompt-length or --lora-r, "
            + ("" if grpo.gradient_checkpointing else "--gradient-checkpointing, ")
            + "or --backend arbor with more GPUs"
        )
    return text


def memory_bytes(shape: dict[str, int], grpo: GRPOConfig, weight_bytes: int) -> int:
    """Bytes of weights, optimizer, and the larger of sampling (keys, values) and learning (activations, logits).

    shape: see `model_shape`. weight_bytes: per weight of the model.
    """
    adapter_bytes = _ADAM_BYTES + (_REFERENCE_BYTES if grpo.sft_steps else 0)
    fixed = shape["parameters"] * weight_bytes + shape["trained"] * adapter_bytes
    sequences = min(GENERATION_BATCH, grpo.rollouts * grpo.prompts_per_step)
    sampling = sequences * grpo.max_sequence_length * shape["kv_per_token"] * weight_bytes
    return fixed + max(sampling, learning_bytes(shape, grpo, weight_bytes))


def learning_bytes(shape: dict[str, int], grpo: GRPOConfig, weight_bytes: int) -> int:
    """Bytes of what the longest batch keeps for its gradient, and of its logits; arguments as for `memory_bytes`."""
    layers = shape["layers"]  # checkpointing keeps what goes into each, and the inside of the one that is recomputed
    kept = layers + KEPT_INSIDE_LAYER if grpo.gradient_checkpointing else layers * KEPT_INSIDE_LAYER
    tokens = grpo.batch_size_per_device * grpo.max_sequence_length
    mixed = not grpo.gradient_checkpointing and grpo.rollouts % grpo.batch_size_per_device  # answers to several prompts
    answers = grpo.batch_size_per_device * (grpo.max_completion_length + (MAX_SPREAD if mixed else 0))
    return tokens * shape["hidden"] * kept * weight_bytes + answers * shape["vocabulary"] * 4 * _LOGIT_COPIES


def model_shape(model: str, grpo: GRPOConfig) -> dict[str, int]:
    """Sizes of the model from its config, without loading weights. Raises ModelError if the config cannot be loaded."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    place, options = source_of(model)
    try:
        config: Any = AutoConfig.from_pretrained(place, **options)
    except loading_errors() as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"--model {model}: its config cannot be loaded ({reason})") from error
    with torch.device("meta"):
        empty: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    layers = [
        module
        for name, module in empty.named_modules()
        if name.rpartition(".")[2] in grpo.lora_targets and isinstance(module, torch.nn.Linear)
    ]
    if not layers:
        raise ModelError(f"--lora-targets {','.join(grpo.lora_targets)}: {model} has no layer of these names")
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    return {
        "parameters": empty.num_parameters(),
        "trained": sum(grpo.lora_r * (layer.in_features + layer.out_features) for layer in layers),
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "vocabulary": config.vocab_size,
        "kv_per_token": 2 * config.num_hidden_layers * kv_heads * head_size,
    }


def _available_bytes(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
