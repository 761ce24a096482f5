"""The model that is trained, on one device: it samples answers and computes the log-probabilities of their tokens.

    policy = Policy.load("Qwen/Qwen2.5-0.5B-Instruct", device="cuda", bf16=True)
    policy.add_adapter(grpo, seed=0)
    samples = policy.generate([messages] * 16, max_tokens=512, temperature=1.0, seed=1)
    log_probs, mask = policy.log_probs(samples, temperature=1.0)

Training uses the sampled tokens themselves. Tokenising the text again could give different tokens.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from memoryqa.errors import UsageError
from training.chat_format import end_token_ids, load_tokenizer, render
from training.config import GRPOConfig

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

Messages = Sequence[Mapping[str, str]]  # a chat, with `role` and `content`
GENERATION_BATCH = 32  # answers that are generated at a time; their keys and values need most of the memory


class ModelError(UsageError):
    """The model cannot be loaded or trained; the message names it and the fix."""


@dataclass(frozen=True)
class Sample:
    """One answer. `token_ids` end in an end token unless the answer was `truncated`; `text` lacks it."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    text: str
    truncated: bool


class Policy:
    """A causal language model with its tokenizer and, once added, an adapter. Not thread-safe.

    It is in evaluation mode; dropout is on only within `training()`.
    """

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        from transformers import GenerationConfig

        self.tokenizer = tokenizer
        self.model = model.eval()
        self.end_ids = end_token_ids(tokenizer)
        self.pad_id = self.end_ids[0] if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        # replaces the model's own, whose repetition penalty or top-k would sample from a different policy
        settings: Any = GenerationConfig
        self.model.generation_config = settings(eos_token_id=list(self.end_ids), pad_token_id=self.pad_id)

    @classmethod
    def load(cls, model: str, *, device: str, bf16: bool) -> Self:
        """The model `model`, a folder or a name on the hub, on `device`. Raises ModelError if it cannot be loaded."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        tokenizer = load_tokenizer(model)
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16 if bf16 else torch.float32)
        except loading_errors() as error:
            raise ModelError(
                f"--model {model}: cannot be loaded ({_first_line(error)}); if a file of it is cut, download it again"
            ) from error
        return cls(loaded.to(device), tokenizer)

    @property
    def device(self) -> Any:
        """The torch.device of the weights."""
        return self.model.device

    # -- the adapter ---------------------------------------------------------------------------------------------------

    def add_adapter(self, grpo: GRPOConfig, *, seed: int) -> None:
        """Add a new LoRA adapter (https://arxiv.org/abs/2106.09685) to the model; nothing else is trained.

        Its weights are float32 even if the model's are bfloat16. At first it does not change the output.
        """
        import torch
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        lora = LoraConfig(
            task_type="CAUSAL_LM",
            r=grpo.lora_r,
            lora_alpha=grpo.lora_alpha,
            lora_dropout=grpo.lora_dropout,
            target_modules=list(grpo.lora_targets),
        )
        try:
            with _without_known_warning():
                self.model = get_peft_model(self.model, lora)
        except ValueError as error:
            raise ModelError(f"--lora-targets {','.join(grpo.lora_targets)}: {_first_line(error)}") from error
        if grpo.gradient_checkpointing:
            with _without_known_warning():
                self.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            self.model.enable_input_require_grads()
        self.model.eval()

    def load_adapter(self, folder: Path) -> None:
        """Add the adapter saved in `folder` to the model, for answering."""
        from peft import PeftModel

        try:
            with _without_known_warning():
                self.model = PeftModel.from_pretrained(self.model, str(folder)).eval()
        except loading_errors() as error:
            raise ModelError(f"{folder}: is not an adapter for this model, or cut ({_first_line(error)})") from error

    @contextmanager
    def without_adapter(self) -> Iterator[None]:
        """Within the block, the model is the untrained one."""
        with self.model.disable_adapter():
            yield

    @contextmanager
    def training(self) -> Iterator[None]:
        """Within the block, the model is in training mode: dropout and checkpointed activations."""
        self.model.train()
        try:
            yield
        finally:
            self.model.eval()

    def trainable(self) -> list[Any]:
        """The trained parameters, always in the same order."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    # -- its answers ---------------------------------------------------------------------------------------------------

    def generate(
        self, prompts: Sequence[Messages], *, max_tokens: int, temperature: float, seed: int = 0
    ) -> list[Sample]:
        """One answer per prompt, in order: greedy at `temperature` 0, else a sample that `seed` determines.

        The same prompts with the same seed give the same answers; on a CPU, bit for bit with equally many threads.
        """
        import torch

        samples: list[Sample] = []
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.no_grad():
            torch.manual_seed(seed)
            for start in range(0, len(prompts), GENERATION_BATCH):
                samples += self._generate(prompts[start : start + GENERATION_BATCH], max_tokens, temperature)
        return samples

    def _generate(self, prompts: Sequence[Messages], max_tokens: int, temperature: float) -> list[Sample]:
        import torch

        rows = [self.prompt_ids(messages) for messages in prompts]
        width = max(map(len, rows))
        ids = torch.tensor([[self.pad_id] * (width - len(row)) + row for row in rows], device=self.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.device)
        how = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0} if temperature else {}
        out = self.model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, **how)
        return [self._sample(row, answer) for row, answer in zip(rows, out[:, width:].tolist(), strict=True)]

    def _sample(self, prompt_ids: list[int], generated: list[int]) -> Sample:
        end = next((place for place, token in enumerate(generated) if token in self.end_ids), None)
        text_ids = generated if end is None else generated[:end]
        token_ids = generated if end is None else generated[: end + 1]
        text = self.tokenizer.decode(text_ids, skip_special_tokens=True)
        return Sample(tuple(prompt_ids), tuple(token_ids), str(text), truncated=end is None)

    def prompt_ids(self, messages: Messages) -> list[int]:
        """The tokens of a prompt, up to where the answer begins."""
        ids: list[int] = self.tokenizer(render(self.tokenizer, messages), add_special_tokens=False)["input_ids"]
        return ids

    def log_probs(
        self, samples: Sequence[Sample], *, temperature: float, with_gradient: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the answers' tokens, (B, T), and a mask that is 1 at existing tokens, (B, T).

        `temperature` is the sampling temperature. Only the answers' positions are projected onto the vocabulary: for
        long prompts the logits need most of the memory.
        """
        import torch

        rows = [[*sample.prompt_ids, *sample.token_ids] for sample in samples]
        width, longest = max(map(len, rows)), max(len(sample.token_ids) for sample in samples)
        # padding on the left makes every answer end in the last column
        ids = torch.tensor([[self.pad_id] * (width - len(row)) + row for row in rows], device=self.device)
        attended = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.device)
        lengths = torch.tensor([len(sample.token_ids) for sample in samples], device=self.device)
        mask = torch.arange(longest, 0, -1, device=self.device) <= lengths.unsqueeze(1)
        with nullcontext() if with_gradient else torch.no_grad():
            positions = (attended.cumsum(dim=1) - 1).clamp(min=0)
            logits = self.model(
                input_ids=ids,
                attention_mask=attended,
                position_ids=positions,
                logits_to_keep=longest + 1,
                use_cache=False,
            ).logits[:, :-1]
            chosen = ids[:, -longest:].unsqueeze(2)
            scaled = logits.float() / temperature
            log_probs = scaled.gather(2, chosen).squeeze(2) - scaled.logsumexp(dim=2)
        return log_probs, mask.float()


def loading_errors() -> tuple[type[Exception], ...]:
    """What torch, transformers, PEFT and safetensors raise for files that are missing, cut, or of something else."""
    from pickle import UnpicklingError

    from safetensors import SafetensorError

    return (OSError, ValueError, RuntimeError, KeyError, TypeError, EOFError, UnpicklingError, SafetensorError)


@contextmanager
def _without_known_warning() -> Iterator[None]:
    """Ignore that transformers 5 deprecates gradient_checkpointing names, which PEFT 0.21 and transformers 4 need."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
        yield


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
