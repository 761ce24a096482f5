"""The names of chats for the ids of other frameworks (sessions, threads, namespaces), which may be any text."""

from __future__ import annotations

import hashlib
import re

from memoryqa.checks import text
from memoryqa.errors import UsageError

_MOST_BYTES = 100
_UNFIT = re.compile(r"[^\w@+,. -]|^[ .,-]|[ .]$", re.ASCII)
_WRITTEN = re.compile(r"\(([0-9a-f]+)\)")


def chat_name(name: str) -> str:
    """`name` as the name of a chat; another one for every other text. `a/b` is `a(2f)b`; a long one is cut and hashed.

    UsageError when it is empty.
    """
    if not text("the name of a chat", name):
        raise UsageError("the name of a chat is empty; give a session, a thread or a user one")
    written = _UNFIT.sub(lambda match: f"({ord(match[0]):x})", name)
    if len(written) <= _MOST_BYTES:
        return written
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{_WRITTEN.sub('_', written)[:30]} (sha256 {digest[:40]})"


def name_behind(chat: str) -> str | None:
    """The text that `chat_name` was given; None when it was too long to keep."""
    if " (sha256 " in chat:
        return None
    return _WRITTEN.sub(lambda match: chr(int(match[1], 16)), chat)
