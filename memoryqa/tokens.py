"""The only tokenizer in the repository: o200k_base, counted offline.

tiktoken downloads its vocabularies on first use; litellm (a dependency of DSPy) ships the very file, so we point
tiktoken there and need no network. https://github.com/openai/tiktoken/issues/369
"""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

ENCODING = "o200k_base"
_O200K_CACHE_NAME = (
    "fb374d419588a4632f3f557e76b4b70aebbca790"  # sha1 of the vocabulary's address, tiktoken's file name for it
)


@lru_cache(maxsize=1)
def encoding() -> tiktoken.Encoding:
    """The tokenizer, loaded once (0.5 s). Raises RuntimeError with the fix when there is no file and no network."""
    import tiktoken

    litellm = importlib.util.find_spec("litellm")  # located, not imported: the import alone takes seconds
    if "TIKTOKEN_CACHE_DIR" not in os.environ and litellm is not None and litellm.submodule_search_locations:
        shipped = Path(litellm.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
        if (shipped / _O200K_CACHE_NAME).is_file():
            os.environ["TIKTOKEN_CACHE_DIR"] = str(shipped)
    try:
        return tiktoken.get_encoding(ENCODING)
    except OSError as error:
        raise RuntimeError(
            f"the tokenizer {ENCODING} could not be loaded ({error}); reinstall litellm, which ships it, "
            "or set TIKTOKEN_CACHE_DIR to a folder that holds it"
        ) from error


def count_tokens(text: str) -> int:
    """Number of o200k_base tokens in `text`. Special-token markers count as plain text."""
    return len(encoding().encode_ordinary(text)) if text else 0


def truncate_to_tokens(text: str, max_tokens: int) -> str:
    """The first `max_tokens` tokens of `text`, or fewer: whole characters that count no more when counted again."""
    if max_tokens <= 0:
        return ""
    tokens = encoding().encode_ordinary(text)
    if len(tokens) <= max_tokens:
        return text
    keep = max_tokens
    while keep > 0:
        # a token may end within a character; without those bytes, what is left of it may count two tokens
        prefix = encoding().decode(tokens[:keep], errors="ignore")
        if count_tokens(prefix) <= max_tokens:
            return prefix
        keep -= 1
    return ""
