"""The token that the tuning service asks for and its clients send."""

from __future__ import annotations

import os

from memoryqa.errors import UsageError

TOKEN_VARIABLE = "MEMORY_TUNER_TOKEN"
MIN_TOKEN_CHARS = 16


def service_token() -> str | None:
    """The token in the environment, or None. Raises UsageError for one that can be guessed or cannot be sent."""
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        return None
    if len(token) < MIN_TOKEN_CHARS or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{TOKEN_VARIABLE} must be at least {MIN_TOKEN_CHARS} printable characters without spaces, "
            "e.g. from `openssl rand -hex 32`"
        )
    return token
