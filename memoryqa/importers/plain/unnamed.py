"""Tables without a line of names: which column is what is given by number, or guessed by what is in it and shown.

    2024-05-13 10:15,Ana,"The kettle is on, come in"            time=1, speaker=2, text=3

A table is taken for one where the names of its first line say nothing, each of the first rows has as many cells, and
the first has a time where the others have one, or a name that comes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from memoryqa.errors import UsageError
from memoryqa.importers.plain.clocks import is_clock
from memoryqa.importers.plain.tables import DELIMITERS, csv_rows
from memoryqa.importers.source import Source, reading
from memoryqa.importers.written_times import is_time

_LOOKED_AT = 50  # rows
_LONGEST_NAME = 40  # characters
_MOST_WORDS = 4  # of a name


class Unnamed(NamedTuple):
    """How such a table is read.

    delimiter: between cells. columns: numbers of columns, from 1, by what they are. day: of the day, where that of the
    time has clocks alone, else "". is_headed: whether the first line has names, and numbers were given all the same.
    """

    delimiter: str
    columns: Mapping[str, str]
    day: str
    is_headed: bool


def unnamed_table(source: Source, name: str, given: Mapping[str, str]) -> Unnamed | None:
    """How a table without names is read; None for any other file. given: `Options.columns`."""
    if given and not all(one.isascii() and one.isdigit() for one in given.values()):
        return None
    if not given and not name.lower().endswith((".csv", ".tsv")):
        return None  # prose has commas
    tables = list(_tables(source, name))
    read = [_read(delimiter, table, given) for delimiter, table in tables if len(table) > 1 or given]
    if given and tables and not any(read):
        widest = max(len(table[0]) for _, table in tables)
        wrong = next((one for one in given.values() if not 1 <= int(one) <= widest), None)
        if wrong is not None:
            raise UsageError(f"{source.place(name)}: no column {wrong}; there are {widest}")
    known = [one for one in read if one is not None]
    return max(known, key=lambda one: len(one.columns), default=None)


def _read(delimiter: str, table: Sequence[Sequence[str]], given: Mapping[str, str]) -> Unnamed | None:
    """How a table is read whose cells `delimiter` separates; None where no speaker or no text is found."""
    cells = [[row[place].strip() for row in table] for place in range(len(table[0]))]
    if any(not 1 <= int(one) <= len(cells) for one in given.values()):
        return None
    is_headed = bool(given) and len(table) > 1 and any(_is_headed(column) for column in cells)
    columns, day = _guessed([column[1:] for column in cells] if is_headed else cells, given)
    return Unnamed(delimiter, columns, day, is_headed) if {"speaker", "text"} <= columns.keys() else None


def unnamed_rows(source: Source, name: str, delimiter: str, skipped: int = 0) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of the last line of each row, and its cells by the numbers of columns. skipped: rows, at the beginning."""
    with source.text(name) as file:
        yield from islice(csv_rows(file, source.place(name), numbered=delimiter), skipped, None)


def _tables(source: Source, name: str) -> Iterator[tuple[str, list[list[str]]]]:
    """What may separate the cells, and the first rows as it does; all have equally many cells."""
    for delimiter in DELIMITERS:
        rows: list[list[str]] = []
        with suppress(UsageError), reading(source.path):
            rows = [list(row.values()) for _, row in islice(unnamed_rows(source, name, delimiter), _LOOKED_AT)]
        if rows and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows):
            yield delimiter, rows


def _guessed(cells: Sequence[Sequence[str]], given: Mapping[str, str]) -> tuple[dict[str, str], str]:
    columns, day = dict(given), ""
    free = [place for place in range(len(cells)) if str(place + 1) not in given.values()]
    times = [place for place in free if all(map(is_time, cells[place]))]
    clocks = [place for place in free if all(map(is_clock, cells[place]))]
    if "time" not in columns and times:
        columns["time"] = str(times[0] + 1)
        if clocks and not any(":" in one for one in cells[times[0]]):
            columns["time"], day = str(clocks[0] + 1), str(times[0] + 1)
    others = [place for place in free if place not in times and place not in clocks and any(cells[place])]
    if "speaker" not in columns:
        names = [place for place in others if _are_names(cells[place], is_dated="time" in columns)]
        if names and ("text" in columns or len(others) > 1):
            columns["speaker"] = str(min(names, key=lambda place: len(set(cells[place]))) + 1)
    texts = [place for place in others if str(place + 1) != columns.get("speaker")]
    if "text" not in columns and texts:
        columns["text"] = str(max(texts, key=lambda place: _mean(cells[place])) + 1)
    return columns, day


def _is_headed(cells: Sequence[str]) -> bool:
    """Whether all cells of a column but the first are times."""
    return not is_time(cells[0]) and all(map(is_time, cells[1:]))


def _are_names(cells: Sequence[str], *, is_dated: bool) -> bool:
    """Whether a column has names. Without times, the first must come back: it may be the name of the column."""
    if not all(0 < len(one) <= _LONGEST_NAME and len(one.split()) <= _MOST_WORDS for one in cells):
        return False
    has_letters = all(one[:1] == "+" or any(sign.isalpha() for sign in one) for one in cells)
    return has_letters and (is_dated or cells[0] in cells[1:])


def _mean(cells: Sequence[str]) -> float:
    return sum(map(len, cells)) / len(cells)
