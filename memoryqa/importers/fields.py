"""Fields of JSON records that somebody else's program wrote: what has another type than expected counts as missing."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from memoryqa.errors import UsageError
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.source import Source

NOTHING: Mapping[str, Any] = {}
_MOST_DIGITS = 40


def record(value: object) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else NOTHING


def records(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; nothing for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, or a number as text; "" for anything else."""
    if isinstance(value, str):
        return value
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == value
        and abs(value) < 10**_MOST_DIGITS
    ):
        return str(value)
    return ""


def seconds(value: object) -> float | None:
    """A number, or digits, as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def begun(line: str) -> Mapping[str, Any]:
    """The object in a line; of one that is cut off, the keys before the cut, with those values that are texts."""
    try:
        return record(json.loads(line))
    except (ValueError, RecursionError):
        pass
    found: dict[str, Any] = {}
    reader = JsonReader(io.StringIO(line), "")
    with suppress(UsageError):
        for key in reader.fields():
            found[key] = None
            if reader.peek() == '"':
                found[key] = reader.value()
    return found


@dataclass
class Outline:
    """The beginning of a JSON document. kind: "{" or "[", "" for anything else.

    keys: of the document or, where it is a list, of its first object. inner: the keys of the first object in each list
    that the document has.
    """

    kind: str = ""
    keys: set[str] = field(default_factory=set)
    inner: dict[str, set[str]] = field(default_factory=dict)


def outline(source: Source, name: str) -> Outline:
    """The outline of a file, as far as its head shows it."""
    head = source.head(name)
    found = Outline()
    reader = JsonReader(io.StringIO(head), name)
    try:
        found.kind = reader.peek() if reader.peek() in "{[" else ""
        if found.kind == "[":
            _first_keys(reader, found.keys)
        elif found.kind == "{":
            for key in reader.fields():
                found.keys.add(key)
                if reader.peek() == "[":
                    _first_keys(reader, found.inner.setdefault(key, set()))
    except UsageError:  # the head ends before the document
        pass
    return found


def _first_keys(reader: JsonReader, keys: set[str]) -> None:
    for number in reader.elements():
        if number == 0 and reader.peek() == "{":
            keys.update(_noted(reader, keys))


def _noted(reader: JsonReader, keys: set[str]) -> Iterator[str]:
    for key in reader.fields():
        keys.add(key)
        yield key


def items_of(source: Source, name: str, *path: str) -> Iterator[Any]:
    """The values of the list at `path` of a document, one by one. The document is read to its end."""
    with source.text(name) as file:
        reader = JsonReader(file, source.place(name))
        yield from _items_at(reader, path)
        reader.end()


def _items_at(reader: JsonReader, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield from reader.items()
        return
    for key in reader.fields():
        if key == path[0] and reader.peek() in ("{" if len(path) > 1 else "["):
            yield from _items_at(reader, path[1:])
