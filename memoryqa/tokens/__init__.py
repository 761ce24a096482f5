"""The only tokenizer in the repository: o200k_base, counted offline with the vocabulary that the wheel carries.

tiktoken would download the vocabulary on first use and keep it in a cache; reading the file here needs no network, no
cache and no environment variable. https://github.com/openai/tiktoken/issues/369
"""

from __future__ import annotations

import hashlib
from binascii import a2b_base64
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from memoryqa.errors import MemoryQAError
from memoryqa.tokens.sparse import SparseTokenizer

if TYPE_CHECKING:
    import tiktoken

ENCODING = "o200k_base"
VOCABULARY_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"  # as tiktoken checks it
_SPECIAL_TOKENS = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
_WORD_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PATTERN = "|".join(  # tiktoken_ext/openai_public.py, o200k_base; a test compares the two
    [
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]*[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]+{_WORD_END}",
        rf"[^\r\n\p{{L}}\p{{N}}]?[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}]+[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}]*{_WORD_END}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


class VocabularyError(MemoryQAError, RuntimeError):
    """The tokenizer's vocabulary is missing or damaged."""


@lru_cache(maxsize=1)
def encoding() -> tiktoken.Encoding:
    """The tokenizer, loaded once (0.3 s). Raises VocabularyError when its file is not the shipped one."""
    import tiktoken

    tokens = _vocabulary().split()[::2]  # each is followed by its rank, which is its place in the file
    ranks = dict(zip(map(a2b_base64, tokens), range(len(tokens)), strict=True))
    return tiktoken.Encoding(ENCODING, pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens=_SPECIAL_TOKENS)


def _vocabulary() -> bytes:
    path = files("memoryqa") / "vocabulary" / f"{ENCODING}.tiktoken"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VocabularyError(f"{path}: cannot be read ({error.strerror}); reinstall memoryqa") from error
    if hashlib.sha256(content).hexdigest() != VOCABULARY_SHA256:
        raise VocabularyError(f"{path}: is damaged (its sha256 differs); reinstall memoryqa")
    return content


def encode(text: str) -> list[int]:
    """The o200k_base tokens of `text`. Special-token markers count as plain text."""
    if not encoding.cache_info().currsize:
        if (found := _sparse().encode(text)) is not None:
            return found
        encoding()
        _sparse.cache_clear()
    return encoding().encode_ordinary(text)


@lru_cache(maxsize=1)
def _sparse() -> SparseTokenizer:
    """What counts until so much has been counted that the tokenizer is worth its loading."""
    return SparseTokenizer(_vocabulary(), _PATTERN)


def count_tokens(text: str) -> int:
    """Number of o200k_base tokens in `text`. Special-token markers count as plain text."""
    return len(encode(text)) if text else 0


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
