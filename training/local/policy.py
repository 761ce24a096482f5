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
from training.local.prompt_cache import prompt_cache, with_cache
from training.model_files import loading_errors, source_of

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

Messages = Sequence[Mapping[str, str]]  # a chat, with `role` and `content`
MAX_SPREAD = 128  # by how much prompts that share their beginning may differ in length: so many more logits are made
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
        self._reference: list[Tensor] | None = None
        self._recomputes = False  # activations, in training mode
        self.pad_id = self.end_ids[0] if tokenizer.pad_token_id is None else int(tokenizer.pad_token_id)
        # replaces the model's own, whose repetition penalty or top-k would sample from a different policy
        settings: Any = GenerationConfig
        self.model.generation_config = settings(eos_token_id=list(self.end_ids), pad_token_id=self.pad_id)

    @classmethod
    def load(cls, model: str, *, device: str, bf16: bool, teaches_turns: bool = False) -> Self:
        """The model `model`, a folder, a name on the hub or a GGUF file, on `device`.

        teaches_turns: see `load_tokenizer`. Raises ModelError if it cannot be loaded.
        """
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        tokenizer = load_tokenizer(model, teaches_turns=teaches_turns)
        place, options = source_of(model)
        dtype = torch.bfloat16 if bf16 else torch.float32
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(place, dtype=dtype, **options)
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
        self._recomputes = grpo.gradient_checkpointing
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

    def keep_reference(self) -> None:
        """From now on `as_reference` is the model as it is: a copy of the adapter is kept."""
        self._reference = [parameter.detach().clone() for parameter in self.trainable()]

    @contextmanager
    def as_reference(self) -> Iterator[None]:
        """Within the block, the model is the one that GRPO began from: after the warm start, else the untrained one."""
        if self._reference is None:
            with self.without_adapter():
                yield
            return
        adapter = self.trainable()
        trained = [parameter.data for parameter in adapter]
        for parameter, value in zip(adapter, self._reference, strict=True):
            parameter.data = value
        try:
            yield
        finally:
            for parameter, value in zip(adapter, trained, strict=True):
                parameter.data = value

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
        known = with_cache(self.model, self._shared_prompts(ids, mask))
        out = self.model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, **known, **how)
        return [self._sample(row, answer) for row, answer in zip(rows, out[:, width:].tolist(), strict=True)]

    def _shared_prompts(self, ids: Tensor, mask: Tensor) -> Any:
        """The cache of all tokens of the prompts but the last, each distinct prompt computed once.

        None if no two are alike, or if the model has none.
        """
        import torch

        first: dict[tuple[int, ...], int] = {}
        which = [first.setdefault(tuple(row), len(first)) for row in ids.tolist()]
        if len(first) == len(which) or ids.shape[1] == 1:
            return None
        rows = [which.index(number) for number in range(len(first))]
        cache = prompt_cache(self.model, ids[rows, :-1], mask[rows, :-1])
        if cache is not None:
            cache.batch_select_indices(torch.tensor(which, device=ids.device))
        return cache

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

    def demonstration(self, messages: Messages, reply: str) -> Sample:
        """`reply` to `messages` as if the model had written it."""
        ids = self.tokenizer(reply, add_special_tokens=False)["input_ids"]
        return Sample(tuple(self.prompt_ids(messages)), (*ids, self.end_ids[0]), reply, truncated=False)

    def log_probs(
        self, samples: Sequence[Sample], *, temperature: float, with_gradient: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the answers' tokens, (B, T), and a mask that is 1 at existing tokens, (B, T).

        `temperature` is the sampling temperature. Answers end in the last column. Only their positions are projected
        onto the vocabulary: for long prompts the logits need most of the memory. What all prompts begin with is
        computed once, unless activations are recomputed for its gradient.
        """
        import torch

        recomputes = with_gradient and self.model.training and self._recomputes
        if not recomputes and len(samples) > 1:
            with nullcontext() if with_gradient else torch.no_grad():
                if (shared := self._shared_log_probs(samples, temperature)) is not None:
                    return shared
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
            log_probs = _log_probs_of(ids[:, -longest:], logits, temperature)
        return log_probs, mask.float()

    def _shared_log_probs(self, samples: Sequence[Sample], temperature: float) -> tuple[Tensor, Tensor] | None:
        """`log_probs`, with the tokens that all prompts begin with computed once.

        None if that saves little, if the prompts are of too different lengths, or if the model cannot share them.
        """
        import torch

        prompts = [sample.prompt_ids for sample in samples]
        shortest, longest_prompt = min(map(len, prompts)), max(map(len, prompts))
        shared = min(_shared_start(prompts), shortest - 1)
        if shared < longest_prompt // 2 or longest_prompt - shortest > MAX_SPREAD or not shared:
            return None
        start = torch.tensor([prompts[0][:shared]], device=self.device)
        if (cache := prompt_cache(self.model, start, torch.ones_like(start))) is None:
            return None
        cache.batch_repeat_interleave(len(samples))
        # padding on the right, which no token before it can see; `place` moves the answers to the last columns
        rows = [[*sample.prompt_ids[shared:], *sample.token_ids] for sample in samples]
        width = max(map(len, rows))
        tokens = torch.tensor([row + [self.pad_id] * (width - len(row)) for row in rows], device=self.device)
        first = shortest - shared - 1  # the column before the first answer
        logits = self.model(
            input_ids=tokens[:, :-1],
            attention_mask=torch.ones((len(samples), shared + width - 1), dtype=torch.long, device=self.device),
            position_ids=torch.arange(shared, shared + width - 1, device=self.device).expand_as(tokens[:, :-1]),
            logits_to_keep=width - 1 - first,
            use_cache=True,
            **with_cache(self.model, cache),
        ).logits
        lengths = torch.tensor([len(sample.token_ids) for sample in samples], device=self.device)
        starts = torch.tensor([len(prompt) - shortest for prompt in prompts], device=self.device)
        longest = int(lengths.max())
        place = torch.arange(longest, device=self.device) - (longest - lengths).unsqueeze(1)
        log_probs = _log_probs_of(tokens[:, first + 1 :], logits, temperature)
        return log_probs.gather(1, (place + starts.unsqueeze(1)).clamp(min=0)), (place >= 0).float()


def _shared_start(prompts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all `prompts` begin with."""
    first, last = min(prompts), max(prompts)
    pairs = zip(first, last, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(first), len(last)))


def _log_probs_of(ids: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """Log-probabilities of the tokens `ids`, (B, T), under the logits at their places, (B, T, V)."""
    scaled = logits.float() / temperature
    return scaled.gather(2, ids.unsqueeze(2)).squeeze(2) - scaled.logsumexp(dim=2)


@contextmanager
def _without_known_warning() -> Iterator[None]:
    """Ignore that transformers 5 deprecates gradient_checkpointing names, which PEFT 0.21 and transformers 4 need."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing", category=FutureWarning)
        yield


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
