"""Records from JSON, JSONL and CSV, one by one: what the formats of plain files share."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from memoryqa.errors import UsageError
from memoryqa.importers.fields import outline, record
from memoryqa.importers.json_stream import JsonReader
from memoryqa.importers.source import HEAD_CHARS, Source, whole_lines

# Keys of an object whose list holds the messages.
LISTS = (
    "messages",
    "conversation",
    "chat",
    "data",
    "items",
    "records",
    "history",
    "turns",
)
DELIMITERS = ",;\t|"
_LONGEST_LINE = 1 << 24  # characters
csv.field_size_limit(_LONGEST_LINE)


def kind_of(source: Source, name: str) -> str:
    """`json`, `jsonl` or `csv`; "" for anything else."""
    head = source.head(name).lstrip()
    if not head:
        return ""
    if head[0] == "{":
        first, _, rest = head.partition("\n")
        if len(head) > len(first) or len(first) < HEAD_CHARS // 2:
            is_line = _is_object(first) and (rest.strip() or not outline(source, name).inner)
        else:  # the first line is longer than the head
            with source.text(name) as file:
                is_line = _is_object(file.readline(_LONGEST_LINE)) and bool(file.readline(_LONGEST_LINE).strip())
        return "jsonl" if is_line else "json"
    if head[0] == "[":
        return "json"
    first = head.partition("\n")[0]
    return "csv" if delimiter_of(first) and len(head.split("\n")) > 1 else ""


def delimiter_of(first: str) -> str:
    """What separates the names in a table's first line, "" when nothing does."""
    best = max(DELIMITERS, key=first.count)
    return best if first.count(best) else ""


def rows(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    """Number and value of every record; the number is that of the line, or the place in the list."""
    kind = kind_of(source, name)
    if kind == "jsonl":
        yield from _jsonl(source, name)
    elif kind == "csv":
        yield from _csv(source, name)
    else:
        yield from _json(source, name)


def _json(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    with source.text(name) as file:
        reader = JsonReader(file, source.place(name))
        if reader.peek() == "[":
            yield from enumerate(reader.items(), start=1)
        else:
            wanted = next((key for key in LISTS if key in outline(source, name).keys), "")
            for key in reader.fields():
                if key == wanted and reader.peek() == "[":
                    yield from enumerate(reader.items(), start=1)
        reader.end()


def _jsonl(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    yield from jsonl_rows(source.lines(name), source.place(name))


def _csv(source: Source, name: str) -> Iterator[tuple[int, Any]]:
    with source.text(name) as file:
        yield from csv_rows(file, source.place(name))


def jsonl_rows(lines: Iterable[str], place: str, parse: Callable[[str], Any] = json.loads) -> Iterator[tuple[int, Any]]:
    """Number and value of each line that is not blank. place: what the file is called in errors."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, parse(line)
            except UsageError as error:  # of `parse`, which says what is wrong
                raise UsageError(f"{place}, line {number}: {error}") from error
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{place}, line {number}: not JSON ({_said(error)}); one record per line") from error


def csv_rows(file: TextIO, place: str, *, numbered: str = "") -> Iterator[tuple[int, dict[str, str]]]:
    """Number of the last line and cells by name of each row; a cell that is missing is left out. `file` is at its
    beginning, and can go back there. numbered: what separates the cells of a table without a line of names, whose cells
    are called by the numbers of their columns, from 1."""
    if numbered:
        numbers = csv.reader(_with_ends(file, place), delimiter=numbered)
        with _plain_errors(numbers, place):
            for cells_of in filter(None, numbers):
                yield numbers.line_num, _by_number(cells_of)
        return
    first = file.readline(_LONGEST_LINE)
    file.seek(0)
    reader = csv.DictReader(_with_ends(file, place), delimiter=delimiter_of(first) or ",")
    with _plain_errors(reader, place):
        for row in reader:
            yield (
                reader.line_num,
                {(key or "").strip(): one.replace("\r\n", "\n") for key, one in row.items() if isinstance(one, str)},
            )


def _by_number(cells: list[str]) -> dict[str, str]:
    return {str(place): cell.replace("\r\n", "\n") for place, cell in enumerate(cells, start=1)}


@contextmanager
def _plain_errors(reader: Any, place: str) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise UsageError(f"{place}, line {reader.line_num}: not CSV ({error}); quote what holds line breaks") from error


def _with_ends(file: TextIO, place: str) -> Iterator[str]:
    for line in whole_lines(file, place):
        yield line.replace("\0", "")  # which the module refuses in some versions


def _is_object(line: str) -> bool:
    try:
        return record(json.loads(line)) is not record(None)
    except (ValueError, RecursionError):
        return False


def _said(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply or too many digits"
