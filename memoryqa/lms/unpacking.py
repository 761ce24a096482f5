"""Unpacks a body by what its Content-Encoding says, or by what it is where the header is wrong.

curl, httpx and browsers refuse such a body. Here it may be an answer that was paid for: a gateway has unpacked it and
left the header, packed it in another way, or broken it off after its last sign. It is taken when it is whole JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence

MOST_BYTES = 64_000_000
"""Of a body, packed or not: larger than any answer."""

_WINDOWS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}  # zlib's: of gzip; of deflate with and without a head
_PIECE_BYTES = 4_096
_TAIL_BYTES = 32  # in which checksums are: read one by one, since what a piece holds is lost when it fails


def codings_of(values: Sequence[str]) -> list[str]:
    """The codings that Content-Encoding headers name, in the order in which they were applied."""
    named = [one.strip().lower() for value in values for one in value.split(",")]
    return [one for one in named if one not in ("", "identity")]


def unpacked(raw: bytes, codings: Sequence[str], as_said: Callable[[bytes], bytes]) -> bytes:
    """The body. as_said: how the client unpacks it, for codings that are not ours; what it raises is raised where the
    body can be read in no way."""
    found, is_whole = raw, True
    for coding in reversed(codings):
        found, is_whole = _undone(found, coding)
        if not is_whole:
            break
    if is_whole:
        return found
    refused: Exception | None = None
    if not set(codings) <= _WINDOWS.keys():
        try:
            return as_said(raw)
        except Exception as error:  # noqa: BLE001 (raised again below, unless the body can be read)
            refused = error
    for one in (found, raw, *(_undone(raw, coding)[0] for coding in ("gzip", "deflate"))):
        if _is_json(one):
            return one
    if _is_text(raw):  # a page of a gateway, to be named
        return raw
    if refused is not None:
        raise refused
    return as_said(raw)


def _undone(raw: bytes, coding: str) -> tuple[bytes, bool]:
    """What is readable of `raw`, and whether that is all of it."""
    best = b""
    for window in _WINDOWS.get(coding, ()):
        found, is_whole = _inflated(raw, window)
        if is_whole:
            return found, True
        best = max(best, found, key=len)
    return best, False


def _inflated(raw: bytes, window: int) -> tuple[bytes, bool]:
    found, rest = bytearray(), raw
    while rest:  # gzip may have several members
        unpacking = zlib.decompressobj(window)
        head, tail = rest[:-_TAIL_BYTES], rest[-_TAIL_BYTES:]
        pieces = [head[at : at + _PIECE_BYTES] for at in range(0, len(head), _PIECE_BYTES)]
        pieces += [tail[at : at + 1] for at in range(len(tail))]
        unread = b""
        try:
            for number, piece in enumerate(pieces):
                found += unpacking.decompress(piece, MOST_BYTES + 1 - len(found))
                if len(found) > MOST_BYTES:
                    return b"", False
                if unpacking.eof:
                    unread = unpacking.unused_data + b"".join(pieces[number + 1 :])
                    break
        except zlib.error:
            return bytes(found), False
        if not unpacking.eof:
            return bytes(found), False
        rest = unread.lstrip(b"\0") if window == _WINDOWS["gzip"][0] else b""
    return bytes(found), bool(raw)


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False
