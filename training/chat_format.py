"""How a model's tokenizer writes a chat, and which tokens end an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.errors import UsageError
from training.chat_templates import known_turns, teach_turns
from training.model_files import is_gguf, loading_errors, source_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE, _SYSTEM_PROBE = "x", "the system turn"


class ChatFormatError(UsageError):
    """The model has no usable chat format; the message names it and the fix."""


def load_tokenizer(model: str, *, teaches_turns: bool = False) -> PreTrainedTokenizerBase:
    """The tokenizer of `model`, a folder, a name on the hub or a GGUF file, with a chat template.

    teaches_turns: a model without a template that knows the tokens of a family's turns is to learn them, and gets that
    template. Raises ChatFormatError if the tokenizer cannot be loaded or has no template.
    """
    from transformers import AutoTokenizer

    place, options = source_of(model)
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(place, **options)
    except loading_errors() as error:
        reason = str(error).strip().partition("\n")[0]
        what = "the path of a whole file" if is_gguf(model) else "a folder with the model"
        raise ChatFormatError(
            f"--model {model}: its tokenizer cannot be loaded ({reason}); give {what}, "
            "or a name on the Hugging Face hub, on a machine that can reach it"
        ) from error
    if not tokenizer.chat_template:
        turns = known_turns(tokenizer)
        if turns is None or not teaches_turns:
            advice = "" if turns is None else f", or teach it {turns}'s turns by a warm start, --sft-steps 60"
            raise ChatFormatError(f"--model {model}: has no chat template; use its -Instruct or -Chat version{advice}")
        teach_turns(tokenizer, turns)
    return tokenizer


def render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]]) -> str:
    """The prompt as text, up to the beginning of the answer.

    A template without a system turn (Gemma's) gets its text at the beginning of the first turn of the user. Raises
    ChatFormatError for a template that does not take that either.
    """
    chat = [dict(one) for one in messages]
    if not takes_system_turn(tokenizer):
        chat = without_system_turn(chat)
    return _applied(tokenizer, chat, add_generation_prompt=True)


def takes_system_turn(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the chat template has a place for a system turn: some refuse it, and some leave it out."""
    template = str(tokenizer.chat_template)
    known: dict[str, bool] = tokenizer.__dict__.setdefault("_takes_system_turn", {})  # asked for every prompt
    if template not in known:
        chat = [{"role": "system", "content": _SYSTEM_PROBE}, {"role": "user", "content": _PROBE}]
        try:
            known[template] = _SYSTEM_PROBE in _applied(tokenizer, chat)
        except ChatFormatError:
            known[template] = False
    return known[template]


def without_system_turn(messages: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """`messages` with the text of their system turns before that of the first turn of the user."""
    system = [one["content"] for one in messages if one["role"] == "system"]
    chat = [dict(one) for one in messages if one["role"] != "system"]
    if system and chat:
        chat[0]["content"] = "\n\n".join([*system, chat[0]["content"]])
    return chat


def _applied(
    tokenizer: PreTrainedTokenizerBase, chat: list[dict[str, str]], *, add_generation_prompt: bool = False
) -> str:
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=add_generation_prompt))
    except TemplateError as error:
        raise ChatFormatError(
            f"the model's chat template refuses a chat of {', '.join(one['role'] for one in chat)} ({error}): use "
            "another version of the model"
        ) from error


def chat_end_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The special token that the chat template puts after an answer, `<|im_end|>` for Qwen; None without one."""
    chat = [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
    text = _applied(tokenizer, chat)
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
