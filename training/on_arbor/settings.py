"""Our settings in Arbor's names, for both the LM that samples and the trainer that learns.

arbor-ai 0.2.17 rejects some keys and ignores others silently; it accepts these. Only `max_prompt_length` and
`max_completion_length` set lengths: with `max_seq_len`, whole sequences would be cut to the completion's length.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.config import GRPOConfig, TrainingConfig

SPARE_STEPS = 20  # the trainer takes two groups at its first step, and would hang at its last step without spare ones


def sampling(grpo: GRPOConfig) -> dict[str, Any]:
    """Settings that must be identical for the LM and the trainer, because ArborGRPO compares them."""
    return {"temperature": grpo.temperature, "top_p": 1.0, "top_k": -1, "repetition_penalty": 1.0}


def trainer_settings(grpo: GRPOConfig, training_gpus: int) -> dict[str, Any]:
    """The part of `train_kwargs` that reaches the trainer."""
    return {
        "num_generations": grpo.rollouts,
        "temperature": grpo.temperature,
        "beta": grpo.beta,
        "learning_rate": grpo.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": grpo.warmup_steps,
        "weight_decay": grpo.weight_decay,
        "max_grad_norm": grpo.max_grad_norm,
        "per_device_train_batch_size": grpo.batch_size_per_device,
        "gradient_accumulation_steps": grpo.gradient_accumulation_steps,
        "gradient_checkpointing": grpo.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False},
        "bf16": grpo.bf16,  # its own default is float32
        "loss_type": grpo.loss_type,
        "scale_rewards": grpo.scale_rewards,
        "lora_config": {
            "r": grpo.lora_r,
            "lora_alpha": grpo.lora_alpha,
            "lora_dropout": grpo.lora_dropout,
            "target_modules": list(grpo.lora_targets),
        },
        "max_prompt_length": grpo.max_prompt_length,
        "max_completion_length": grpo.max_completion_length,
        "max_seq_len": None,
        "mask_truncated_completions": False,  # with loss_type dapo, equally long answers would make NaN gradients
        "max_steps": grpo.num_train_steps + SPARE_STEPS,
        "num_training_gpus": training_gpus,
        "report_to": "none",
        "logging_steps": 1,  # what the watchdog reads
    }


def train_kwargs(config: TrainingConfig, grpo: GRPOConfig) -> dict[str, Any]:
    """Arguments of ArborGRPO, which modifies them."""
    settings = trainer_settings(grpo, len(config.training_gpus))
    return {**sampling(grpo), **settings, "num_inference_gpus": len(config.inference_gpus)}


def server_model(model: str) -> str:
    """The name of `model` for dspy.LM: a name on the hub, or a folder on the server's machine."""
    path = Path(model)
    return f"openai/arbor:{path.resolve() if path.is_dir() else model}"
