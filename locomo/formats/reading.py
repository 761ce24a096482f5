"""What the formats share: JSON that is decoded once, fields that are checked, notes that are counted.

Every failure is a `DataError` of one line that names the place in the file. `hint` says where its format is described.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping, Sequence

from locomo.formats.records import DataError

HINT = "data/README.md describes the format"
_SHOWN = 5


def decode(content: bytes) -> object:
    """The JSON document in `content`, UTF-8 with or without a mark. A key twice in one object is an error."""
    if not content.strip():
        raise DataError("the file is empty; download it again, or name another one")
    try:
        return json.loads(text_of(content), object_pairs_hook=_object_without_repeated_keys)
    except RecursionError as error:
        raise DataError(f"the JSON is nested too deeply; {HINT}") from error
    except DataError:
        raise
    except ValueError as error:  # JSONDecodeError, or a number of more digits than Python converts
        raise DataError(f"not JSON ({error}); download it again, or name another file") from error


def text_of(content: bytes) -> str:
    """`content` as text. Raises DataError when it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _object_without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):  # json keeps the last one, and a whole session would be lost unseen
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"the key {show(repeated)} stands twice in one JSON object; rename or remove one")
    return record


def mapping(value: object, place: str) -> Mapping[str, object]:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object, found {show(value)}; {HINT}")
    return value


def items(value: object, place: str) -> list[object]:
    """`value`, which must be a list or missing."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{place}: expected a list, found {show(value)}; {HINT}")
    return value


def text(fields: Mapping[str, object], key: str, place: str) -> str:
    """The text at `key`, which must be there."""
    value = fields.get(key)
    if not isinstance(value, str):
        raise DataError(f'{place}: "{key}" must be text, found {show(value)}; {HINT}')
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON may spell half a character; nothing downstream could store or print it
        raise DataError(f'{place}: "{key}" holds half a surrogate pair; write the whole character') from error
    return value


def optional_text(fields: Mapping[str, object], key: str, place: str) -> str:
    """The text at `key`, `""` where there is none."""
    return text(fields, key, place) if fields.get(key) is not None else ""


def name(fields: Mapping[str, object], key: str, place: str) -> str:
    """The name at `key`, on one line and not empty."""
    found = " ".join(text(fields, key, place).split())  # a newline in it would break the one-line rendering of turns
    if not found:
        raise DataError(f'{place}: "{key}" is empty; name who speaks')
    return found


def answer(fields: Mapping[str, object], key: str, place: str) -> str:
    """The answer as text, `""` where there is none; released files hold years and counts as numbers."""
    value = fields.get(key)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):  # pandas writes NaN for nothing
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError as error:
            raise DataError(f'{place}: "{key}" is a number of too many digits; write it as text') from error
    return text(fields, key, place)


def not_blank(found: str, key: str, place: str) -> None:
    """Raise DataError when `found`, the text at `key`, is blank."""
    if not found.strip():
        raise DataError(f'{place}: "{key}" must not be empty; {HINT}')


def printable_name(found: str, what: str, place: str) -> str:
    """`found` as an id: not empty, and printable on one line."""
    if not found or not found.isprintable():
        raise DataError(f"{place}: {what} {show(found)} is not a printable name; {HINT}")
    return found


def show(value: object) -> str:
    """A short form for messages, always one line."""
    return "nothing" if value is None else reprlib.repr(value)


Note = tuple[str, str, str]  # what was done, with what, why
SILENT: Note = ("left out", "turn", "with neither text nor caption")
UNANSWERED: Note = ("left out", "question", "that have no answer to score against")
DROPPED: Note = ("left out", "evidence id", "that name no turn")


class Notes:
    """Where a file was not as it should be, and could be read all the same."""

    def __init__(self, in_order: Sequence[Note]) -> None:
        self._places: dict[Note, list[str]] = {note: [] for note in in_order}

    def add(self, done: str, noun: str, reason: str, place: str) -> None:
        """Count one more `noun` that was `done` ("left out") for `reason`."""
        self._places[done, noun, reason].append(place)

    def lines(self) -> tuple[str, ...]:
        """One line for each note that was made."""
        return tuple(_counted(*note, places) for note, places in self._places.items() if places)


def _counted(done: str, noun: str, reason: str, places: list[str]) -> str:
    shown = ", ".join(places[:_SHOWN]) + (", ..." if len(places) > _SHOWN else "")
    return f"{done} {len(places)} {noun}{'s' if len(places) > 1 else ''} {reason}: {shown}"
