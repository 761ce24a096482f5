"""Reads the address of a model server as people write it: pasted with spaces, in quotes, with the path of a call."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from memoryqa.errors import UsageError
from memoryqa.redaction import redact

_CALLS = re.compile(r"/(?:chat/completions|completions|responses|models|embeddings)\Z")
_EXAMPLE = "write a whole URL, e.g. http://localhost:8000/v1"
# A variable that holds an address, and not a region or a place.
_HOLDS_ADDRESS = re.compile(r"(?:_BASE|_URL|_ENDPOINT)\Z")


def read_address(written: str, source: str, *, ours: bool) -> str:
    """The address in `written`, without what is around it; `source`, a flag or variable, is named in messages.

    ours: it speaks OpenAI's protocol and we append the paths of calls. Raises UsageError, which shows no password.
    """
    address = unquoted(written)
    shown = f"{source} {redact(address)}"
    if not address.isprintable() or " " in address:
        raise UsageError(f"{source} {redact(address)!r}: an address has no space or line break: write it again")
    parts = _parts(address, shown)
    if parts.username or parts.password:  # DSPy's client would resolve all of it as a host name
        raise UsageError(f"{shown}: no name or password in the URL; a key goes into the environment")
    if not ours:
        return address
    if parts.query or parts.fragment:
        raise UsageError(f"{shown}: an address ends before `?` and `#`; write {address[: _end(address)].rstrip('/')}")
    return _CALLS.sub("", address.rstrip("/")).rstrip("/")


def unquoted(written: str) -> str:
    """`written` without white space and a pair of quotes around it, which `docker --env-file` keeps."""
    bare = written.strip()
    for quote in "\"'":
        if len(bare) > 1 and bare[0] == bare[-1] == quote:
            bare = bare[1:-1].strip()
    return bare


def holds_address(variable: str) -> bool:
    """Whether the environment variable holds a URL, by its name."""
    return _HOLDS_ADDRESS.search(variable) is not None


def _parts(address: str, shown: str) -> SplitResult:
    host = re.sub(r"\A\w+://(?:[^/@]*@)?([^/?#]*).*", r"\1", address, flags=re.S)
    if "://" in address and host.count(":") > 1 and not host.startswith("["):
        raise UsageError(f"{shown}: write an IPv6 address in brackets, e.g. http://[::1]:8000/v1")
    try:
        parts = urlsplit(address)
        port = parts.port  # read here: a wrong one raises
        has_host = bool(parts.hostname)
    except ValueError as error:
        raise UsageError(f"{shown}: {_EXAMPLE} ({str(error)[:1].lower()}{str(error)[1:]})") from None
    if parts.scheme not in ("http", "https") or not has_host:
        raise UsageError(f"{shown}: {_EXAMPLE}")
    if port == 0:
        raise UsageError(f"{shown}: no server has the port 0")
    return parts


def _end(address: str) -> int:
    return min(place for place in (address.find("?"), address.find("#")) if place >= 0)
