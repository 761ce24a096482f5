"""Who may do what: the bearer tokens of clients, and what each is limited to."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryqa.archive.text_files import write_whole
from memoryqa.checks import shown
from memoryqa.errors import UsageError

MIN_TOKEN_CHARS = 16
_KEYS = {"name", "sha256", "chats", "read_only"}


class ForbiddenError(UsageError):
    """The token of a request does not allow it."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do. chats: the names of the only ones it may touch; None for all, and for making new ones."""

    name: str = "all"
    chats: frozenset[str] | None = None
    read_only: bool = False

    def to_read(self, chat: str) -> str:
        """`chat`, when it may be read. ForbiddenError."""
        if self.chats is not None and chat not in self.chats:
            raise ForbiddenError("this token is for other chats")
        return chat

    def to_write(self, chat: str) -> str:
        """`chat`, when it may be changed. ForbiddenError."""
        if self.read_only:
            raise ForbiddenError("this token may only read")
        return self.to_read(chat)

    def among(self, chats: Sequence[str] | None) -> list[str] | None:
        """The chats to read where a request names some or, by None, all."""
        if chats is None:
            return None if self.chats is None else sorted(self.chats)
        return [self.to_read(chat) for chat in chats]

    def to_all(self) -> None:
        """ForbiddenError, for a token with any limit."""
        if self.read_only or self.chats is not None:
            raise ForbiddenError("this token is limited; here one for all chats is needed")


class Tokens:
    """The tokens that a server takes: one for everything, and those of a file, which is read again when it changes.

    The file is JSON and has no token, only its SHA-256, which suffices for random ones:
    [{"name": "phone", "sha256": "...", "chats": ["family"], "read_only": true}]
    """

    def __init__(self, token: str | None, path: Path | None = None) -> None:
        self._first = {} if token is None else {_digest(token): Access("environment")}
        self._path, self._seen = path, (0, 0)
        self._known: dict[str, Access] = dict(self._first)
        self._look()

    @property
    def are_needed(self) -> bool:
        return bool(self._first) or self._path is not None

    def access(self, token: str) -> Access | None:
        """What `token` may do; None for an unknown one. Compared by its digest, whose timing says nothing of it."""
        with suppress(UsageError):  # it is being written: what was read last holds
            self._look()
        return self._known.get(_digest(token))

    def _look(self) -> None:
        if self._path is None:
            return
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._known, self._seen = dict(self._first), (0, 0)
            return
        seen = (status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._known = {**self._first, **{entry["sha256"]: _access(entry) for entry in read_entries(self._path)}}
            self._seen = seen


def read_entries(path: Path) -> list[dict[str, Any]]:
    """The entries of a file of tokens; [] when there is none. UsageError for one that is damaged or open to others."""
    try:
        mode = path.stat().st_mode if os.name == "posix" else 0
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError:
        raise UsageError(f"{path}: not JSON; docs/http.md says what is in it") from None
    if mode & 0o077:
        raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
    if not isinstance(entries, list):
        raise UsageError(f"{path}: not a list of tokens; docs/http.md says what is in it")
    for entry in entries:
        if not isinstance(entry, dict) or not {"name", "sha256"} <= entry.keys() <= _KEYS:
            raise UsageError(f"{path}: a token has a name and a sha256, and may have chats and read_only")
        chats = entry.get("chats")
        if chats is not None and not (isinstance(chats, list) and all(isinstance(one, str) for one in chats)):
            raise UsageError(f"{path}: chats must be a list of names")
        if not isinstance(entry.get("read_only", False), bool):
            raise UsageError(f"{path}: read_only must be true or false")
    return entries


def new_token(path: Path, name: str, chats: Iterable[str] | None, *, read_only: bool) -> str:
    """Make a token, note it in the file, and return it: it is nowhere else."""
    entries = read_entries(path)
    if any(entry["name"] == name for entry in entries):
        raise UsageError(f"there is a token {shown(name)} in {path} already; take another name, or remove its entry")
    token = secrets.token_urlsafe(32)
    entry: dict[str, Any] = {"name": name, "sha256": _digest(token)}
    if chats is not None:
        entry["chats"] = sorted(chats)
    if read_only:
        entry["read_only"] = True
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    write_whole(path, (json.dumps([*entries, entry], indent=1) + "\n").encode())
    return token


def checked_token(token: str | None, variable: str) -> str | None:
    """The token in the environment. UsageError for one that can be guessed or cannot be sent."""
    if not token:
        return None
    if len(token) < MIN_TOKEN_CHARS or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            f"{variable} must have at least {MIN_TOKEN_CHARS} printable characters without spaces, e.g. from "
            "`openssl rand -hex 32`"
        )
    return token


def _access(entry: dict[str, Any]) -> Access:
    chats = entry.get("chats")
    return Access(entry["name"], None if chats is None else frozenset(chats), entry.get("read_only", False))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
