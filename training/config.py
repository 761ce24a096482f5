"""The settings of `train.py`, made into flags: what is trained (`TrainingConfig`) and how (`GRPOConfig`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.flags import DATA
from locomo.formats.names import FORMAT
from memoryqa.config import ConfigError

KEPT_INSIDE_LAYER = (
    16  # numbers per token that a layer keeps for its gradient, in units of its hidden size; Gemma and Qwen: 20 to 25
)
METRICS = ("f1", "recall", "judge")
BACKENDS = ("auto", "arbor", "local")
# every linear layer of a Llama- or Qwen-like block; Arbor takes a list of names and no "all-linear"
LORA_TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class TrainingConfig:
    """What is trained, on which questions, by which backend and where."""

    model: str = field(
        default="Qwen/Qwen2.5-3B",
        metadata={
            "help": "the model to train: a name on the Hugging Face hub, a folder, or a file in .gguf (local)",
            "metavar": "NAME",
        },
    )
    backend: str = field(
        default="auto",
        metadata={
            "help": "arbor: a server with two or more GPUs; local: this process, one GPU or CPU; auto: a server if any",
            "choices": BACKENDS,
        },
    )
    metric: str = field(
        default="f1",
        metadata={
            "help": "the reward, which decides the trained prompt: f1 and judge train the answer, recall the queries",
            "choices": METRICS,
        },
    )
    data: str | None = field(default=None, metadata=DATA)
    format: str | None = field(default=None, metadata=FORMAT)
    categories: tuple[int, ...] = field(
        default=(1, 2, 3, 4, 5),
        metadata={
            "help": "1 multi-hop, 2 temporal, 3 open-domain, 4 single-hop, 5 adversarial",
            "choices": (1, 2, 3, 4, 5),
        },
    )
    num_train: int = field(default=600, metadata={"help": "most questions of the train split to train on"})
    num_val: int = field(default=100, metadata={"help": "questions of the val split that choose the checkpoint"})
    api_base: str = field(
        default="http://127.0.0.1:7453/v1/", metadata={"help": "address of the Arbor server", "metavar": "URL"}
    )
    inference_gpus: tuple[int, ...] = field(default=(0,), metadata={"help": "GPUs that generate (arbor)"})
    training_gpus: tuple[int, ...] = field(default=(1, 2), metadata={"help": "GPUs that train (arbor)"})
    device: str = field(
        default="auto",
        metadata={
            "help": "where the local backend runs; auto: the first GPU, else the CPU",
            "choices": ("auto", "cuda", "cpu"),
        },
    )
    seed: int = field(default=0, metadata={"help": "seed of the questions, their order, the adapter and the sampling"})

    def __post_init__(self) -> None:
        _require_at_least(self, 1, "num_train", "num_val")
        for name in ("categories", "inference_gpus", "training_gpus"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                raise ConfigError(name, f"must name at least one, and none twice, got {values or 'none'}")


@dataclass(frozen=True)
class GRPOConfig:
    """Group relative policy optimisation (https://arxiv.org/abs/2402.03300), for both backends.

    The local backend can begin with supervised fine-tuning (SFT), which teaches a base model the format of an answer.
    """

    num_train_steps: int = field(default=500, metadata={"help": "optimizer steps"})
    rollouts: int = field(
        default=16, metadata={"help": "answers that are sampled per question and compared (the group)"}
    )
    prompts_per_step: int = field(
        default=1,
        metadata={"help": "questions (groups) per optimizer step; more than 1 only with the local backend"},
    )
    steps_per_validation: int = field(
        default=50, metadata={"help": "steps between validations, each of which saves a checkpoint"}
    )
    learning_rate: float = field(default=2e-5, metadata={"help": "constant after the warm-up"})
    warmup_steps: int = field(default=10, metadata={"help": "steps over which the learning rate rises to its value"})
    weight_decay: float = field(default=0.0, metadata={"help": "weight decay of AdamW"})
    max_grad_norm: float = field(default=1.0, metadata={"help": "gradients are scaled down to this norm"})
    batch_size_per_device: int = field(default=2, metadata={"help": "answers per forward and backward pass of a GPU"})
    gradient_accumulation_steps: int = field(
        default=4,
        metadata={"help": "passes per step of each training GPU (arbor); the local backend uses all answers of a step"},
    )
    beta: float = field(default=0.04, metadata={"help": "weight of the KL to the untrained model"})
    epsilon: float = field(default=0.2, metadata={"help": "clip range of the ratio, downwards (local)"})
    epsilon_high: float = field(default=0.2, metadata={"help": "clip range of the ratio, upwards (local)"})
    updates_per_step: int = field(
        default=1, metadata={"help": "optimizer updates on the same answers; the ratio is clipped from 2 on (local)"}
    )
    loss_type: str = field(
        default="dapo",
        metadata={
            "help": "dapo: all tokens of a step have equal weight; grpo: all answers, so tokens of long ones less",
            "choices": ("dapo", "grpo"),
        },
    )
    scale_rewards: bool = field(
        default=True, metadata={"help": "divide advantages by the standard deviation of their group"}
    )
    lora_r: int = field(default=64, metadata={"help": "rank of the adapter"})
    lora_alpha: int = field(default=16, metadata={"help": "the adapter's output is scaled by alpha / r"})
    lora_dropout: float = field(default=0.0, metadata={"help": "dropout before the adapter, from 0 to below 1"})
    lora_targets: tuple[str, ...] = field(default=LORA_TARGETS, metadata={"help": "layers that get an adapter"})
    bf16: bool = field(default=True, metadata={"help": "bfloat16 on a GPU; a CPU always computes in float32"})
    gradient_checkpointing: bool = field(
        default=True, metadata={"help": "recompute activations instead of storing them"}
    )
    max_prompt_length: int = field(
        default=4096, metadata={"help": "most tokens of a prompt; the evidence is shortened to fit"}
    )
    max_completion_length: int = field(default=512, metadata={"help": "most tokens of an answer"})
    temperature: float = field(default=1.0, metadata={"help": "temperature of the sampling; validation is greedy"})
    sft_steps: int = field(
        default=0,
        metadata={
            "help": "steps of supervised fine-tuning on gold answers before GRPO, a warm start that teaches a base "
            "model the format (local)"
        },
    )
    sft_batch_size: int = field(default=8, metadata={"help": "gold answers per step of the warm start (local)"})
    sft_learning_rate: float = field(
        default=2e-4, metadata={"help": "of the warm start; falls linearly to 0 over its steps (local)"}
    )

    def __post_init__(self) -> None:
        _require_at_least(self, 2, "rollouts")
        whole = ("num_train_steps", "prompts_per_step", "steps_per_validation", "batch_size_per_device")
        _require_at_least(self, 1, *whole, "gradient_accumulation_steps", "updates_per_step", "lora_r", "lora_alpha")
        _require_at_least(self, 1, "max_prompt_length", "max_completion_length", "sft_batch_size")
        _require_at_least(self, 0, "warmup_steps", "weight_decay", "beta", "sft_steps")
        for name in ("learning_rate", "sft_learning_rate", "max_grad_norm", "temperature", "epsilon", "epsilon_high"):
            if getattr(self, name) <= 0:
                raise ConfigError(name, f"must be above 0, got {getattr(self, name)}")
        for name in ("lora_dropout", "epsilon"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(name, f"must be in 0..1 and below 1, got {getattr(self, name)}")
        if not self.lora_targets:
            raise ConfigError("lora_targets", "is empty: an adapter without layers learns nothing")

    @property
    def max_sequence_length(self) -> int:
        """Tokens of prompt and answer together."""
        return self.max_prompt_length + self.max_completion_length


def _require_at_least(config: object, least: int, *names: str) -> None:
    for name in names:
        if getattr(config, name) < least:
            raise ConfigError(name, f"must be at least {least}, got {getattr(config, name)}")
