"""Names for chats, which are names of files, from the titles that apps give to conversations."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

import regex

_UNSAFE = regex.compile(r"[^\p{L}\p{N}\p{M}_ .,@+()-]+")
_JOINERS = regex.compile(r"[\u200c\u200d]")
_EDGES = regex.compile(r"^[^\p{L}\p{N}_(@+]+|[ .]+$")
_MOST_CHARS, _MOST_BYTES = 90, 150  # of a name, which may get a number; file systems take 255 bytes with all endings
_RESERVED = {"con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10))}
UNNAMED = "chat"


def safe_name(*titles: str) -> str:
    """The first of `titles` of which something is left, as every file system takes it; else "chat"."""
    bare = next(filter(None, map(_bare, titles)), UNNAMED)
    return f"{bare} chat" if bare.casefold() in _RESERVED else bare


def _bare(title: str) -> str:
    bare = " ".join(_UNSAFE.sub(" ", _JOINERS.sub("", unicodedata.normalize("NFC", title))).split())
    bare = bare[:_MOST_CHARS].encode()[:_MOST_BYTES].decode(errors="ignore")
    return _EDGES.sub("", bare)


def free_name(name: str, taken: Collection[str]) -> str:
    """A name from `name`, which is safe, that none of `taken` has, in any case: `Ana`, `Ana (2)`."""
    folded = {one.casefold() for one in taken}
    number, found = 1, name
    while found.casefold() in folded:
        number += 1
        found = f"{name} ({number})"
    return found
