"""Removes secrets from text that is shown, logged or written. Standard library only, so every module may use it."""

from __future__ import annotations

import os
import re

_SECRET_NAME = re.compile(r"(API_KEY|ACCESS_KEY|TOKEN|SECRET|PASSWORD)$")
_ESCAPED = re.compile(r"\\[nrt]|[\r\n\t]")
_SECRET_SHAPE = re.compile(
    r"\bsk-[\w*-]{6,}|(?<=://)(?:[^/@\s:]*:[^/@\s]+|[^/@\s]{20,})(?=@)"
)  # OpenAI's keys, half masked too; a URL's password or token
_REDACTED = "[redacted]"
_MIN_SECRET_CHARS = 8  # a shorter value cannot be told from an ordinary word


def redact(text: str, found: tuple[str, ...] | None = None) -> str:
    """`text` without secrets: `found` (default: `secrets()`), OpenAI-style keys, passwords in URLs."""
    for secret in secrets() if found is None else found:
        text = text.replace(secret, _REDACTED)
    return _SECRET_SHAPE.sub(_REDACTED, text)


def secrets() -> tuple[str, ...]:
    """The values of the environment variables that are named like secrets, and their parts.

    A key with a line break inside is quoted in other ways than it is written, and half of it is a secret too.
    """
    named = [value.strip() for name, value in os.environ.items() if _SECRET_NAME.search(name.upper())]
    parts = [part for value in named for part in (*value.split(), *_ESCAPED.split(value))]
    long_enough = (value for value in (*named, *parts) if len(value) >= _MIN_SECRET_CHARS)
    return tuple(sorted(dict.fromkeys(long_enough), key=len, reverse=True))
