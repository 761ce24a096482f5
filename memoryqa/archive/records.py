"""Encodes a turn as bytes and back without loss: any text, even half a surrogate pair, and any time with its zone.

Fields of a record, in the order of `COLUMNS`, each UTF-8 with surrogates passed through:

    id             D8:6
    time           local, ISO 8601; None when unknown
    fold           0 or 1: which one is meant when a local time occurs twice
    utc_offset_us  offset of a `datetime.timezone`, in microseconds; None for any other zone
    zone           key of a `zoneinfo.ZoneInfo`, or the name given to a `datetime.timezone`; None for neither
    speaker, text, caption
    tags           a JSON array; None without tags

Tags are not part of what was said: records that differ in their tags only have the same digest.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from memoryqa.errors import UsageError
from memoryqa.turns import Turn

COLUMNS = ("id", "time", "fold", "utc_offset_us", "zone", "speaker", "text", "caption", "tags")
Record = tuple[bytes, bytes | None, bytes, bytes | None, bytes | None, bytes, bytes, bytes, bytes | None]
_MICROSECOND = timedelta(microseconds=1)


def encode(turn: Turn) -> Record:
    """The record of `turn`. UsageError for a time zone that is neither from `datetime` nor from `zoneinfo`."""
    time, fold = None, 0
    if turn.time is not None:
        time, fold = turn.time.replace(tzinfo=None).isoformat().encode(), turn.time.fold
    texts = (_encode(turn.speaker), _encode(turn.text), _encode(turn.caption))
    tags = json.dumps(turn.tags).encode() if turn.tags else None
    return (_encode(turn.id), time, b"%d" % fold, *_encode_zone(turn), *texts, tags)


def decode(record: Record) -> Turn:
    """The turn of a record. Raises `zoneinfo.ZoneInfoNotFoundError` for a zone that this machine does not know."""
    turn_id, time, fold, offset, zone, speaker, text, caption, tags = record
    session, number = turn_id.removeprefix(b"D").split(b":")
    moment = None
    if time is not None:
        moment = datetime.fromisoformat(time.decode()).replace(fold=int(fold), tzinfo=_decode_zone(offset, zone))
    words = () if tags is None else tuple(json.loads(tags))
    return Turn(int(session), int(number), _decode(speaker), _decode(text), moment, _decode(caption), words)


def digest(record: Record) -> bytes:
    """SHA-256 over what was said. Each field follows its length, so that different records hash different bytes."""
    parts = [b"-" if field is None else b"%d:%b" % (len(field), field) for field in record[:-1]]
    return hashlib.sha256(b"".join(parts)).digest()


def _encode_zone(turn: Turn) -> tuple[bytes | None, bytes | None]:
    """The fields utc_offset_us and zone."""
    zone = turn.time.tzinfo if turn.time is not None else None
    if zone is None:
        return None, None
    if isinstance(zone, timezone):
        offset, name = zone.utcoffset(None), zone.tzname(None)
        named = name != timezone(offset).tzname(None)
        return b"%d" % (offset // _MICROSECOND), _encode(name) if named else None
    if isinstance(zone, ZoneInfo) and zone.key:
        return None, _encode(zone.key)
    raise UsageError(f"turn {turn.id}: cannot keep the time zone {zone!r}; use datetime.timezone or zoneinfo.ZoneInfo")


def _decode_zone(offset: bytes | None, zone: bytes | None) -> tzinfo | None:
    if offset is None:
        return None if zone is None else ZoneInfo(_decode(zone))
    duration = int(offset) * _MICROSECOND
    return timezone(duration) if zone is None else timezone(duration, _decode(zone))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogatepass")
