"""How a model's tokenizer writes a chat, and which tokens end an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "x"


class ChatFormatError(UsageError):
    """The model has no usable chat format; the message names it and the fix."""


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The tokenizer of `model`, a folder or a name on the hub. Raises ChatFormatError if it cannot be loaded."""
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ChatFormatError(
            f"--model {model}: its tokenizer cannot be loaded ({reason}); give a folder with the model, "
            "or a name on the Hugging Face hub, on a machine that can reach it"
        ) from error
    if not tokenizer.chat_template:
        raise ChatFormatError(f"--model {model}: has no chat template; use its -Instruct or -Chat version")
    return tokenizer


def render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    """The prompt as text, up to the beginning of the answer."""
    return str(
        tokenizer.apply_chat_template([dict(one) for one in messages], tokenize=False, add_generation_prompt=True)
    )


def chat_end_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The special token that the chat template puts after an answer, `<|im_end|>` for Qwen; None without one."""
    chat = [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
    text = str(tokenizer.apply_chat_template(chat, tokenize=False))
    behind = text[text.rindex(_PROBE) + len(_PROBE) :]
    ids: list[int] = tokenizer(behind, add_special_tokens=False)["input_ids"]
    added = tokenizer.added_tokens_decoder.get(ids[0]) if ids else None
    return ids[0] if added is not None and added.special else None


def end_token_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The tokens that end an answer: the chat template's, then the model's own if it differs.

    The base models of Qwen2.5 end a text with `<|endoftext|>`, and their chat template ends a turn with `<|im_end|>`.
    If only the first counted, they would generate up to the limit. Raises ChatFormatError for a tokenizer with neither.
    """
    ids = dict.fromkeys(one for one in (chat_end_id(tokenizer), tokenizer.eos_token_id) if one is not None)
    if not ids:
        raise ChatFormatError("the model's tokenizer has no token that ends an answer: set its eos_token")
    return tuple(ids)


def with_chat_end(model: str, folder: Path) -> Path:
    """A copy of `model` in `folder`: links to its files, and two changed configs in which a turn's end ends the answer.

    vLLM follows the model's own configs, so without this a base model would generate up to the limit. Returns `folder`.
    """
    from huggingface_hub import snapshot_download

    tokenizer = load_tokenizer(model)
    ends = end_token_ids(tokenizer)
    source = Path(model) if Path(model).is_dir() else Path(snapshot_download(model))
    folder.mkdir(parents=True, exist_ok=True)
    changes: dict[str, dict[str, Any]] = {
        "generation_config.json": {"eos_token_id": list(ends)},
        "tokenizer_config.json": {"eos_token": tokenizer.convert_ids_to_tokens(ends[0])},
    }
    for file in source.iterdir():
        if file.is_file() and file.name not in changes:
            link = folder / file.name
            link.unlink(missing_ok=True)
            link.symlink_to(file.resolve())
    for name, change in changes.items():
        settings = json.loads((source / name).read_text(encoding="utf-8")) if (source / name).is_file() else {}
        (folder / name).write_text(json.dumps({**settings, **change}, indent=2) + "\n", encoding="utf-8")
    return folder
