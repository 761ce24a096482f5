"""Chat templates for models that have none but know the tokens of a family's turns, as base models do in GGUF files.

A model that never saw such turns has to be taught them: only a training with a warm start uses these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TAUGHT = "_taught_turns"  # set on a tokenizer
# The name of a family of turns -> its tokens, and the template in Jinja.
TEMPLATES: dict[str, tuple[tuple[str, ...], str]] = {
    "ChatML": (
        ("<|im_start|>", "<|im_end|>"),
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    ),
    "Gemma": (  # it has no system turn, and calls the assistant the model
        ("<start_of_turn>", "<end_of_turn>"),
        "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}"
        "<start_of_turn>{{ 'model' if message.role == 'assistant' else message.role }}\n"
        "{{ message.content | trim }}<end_of_turn>\n{% endfor %}"
        "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
    ),
    "Llama 3": (
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
        "{{ message.content | trim }}<|eot_id|>{% endfor %}"
        "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
    ),
}


def known_turns(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The name of the family whose tokens `tokenizer` has as tokens of their own; None if it knows no turns."""
    vocabulary = tokenizer.get_vocab()
    return next((name for name, (tokens, _) in TEMPLATES.items() if all(one in vocabulary for one in tokens)), None)


def teach_turns(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    """Give `tokenizer` the template of the family `name`."""
    tokenizer.chat_template = TEMPLATES[name][1]
    tokenizer.__dict__[_TAUGHT] = name


def taught_turns(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The name that `teach_turns` was given; None if the template is the model's own."""
    name: str | None = tokenizer.__dict__.get(_TAUGHT)
    return name
