"""Tables in a message: its rows as sentences, and the cell that a question asks for by its row and its column.

What does Bo do on Friday?    | Day | Ana | Bo |  |---|---|---|  | Fri | cooks | washes up |    washes up
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_RULE = re.compile(r"\|(?:\s*:?-{2,}:?\s*\|)+")
_EMPHASIS = re.compile(r"\*\*|__|`")


@dataclass(frozen=True, slots=True)
class Table:
    """`text[start:end]` as cells; every row has as many as `header`."""

    start: int
    end: int
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@lru_cache(maxsize=1 << 12)
def tables_in(text: str) -> tuple[Table, ...]:
    """The Markdown tables of a text whose lines may have been joined with spaces."""
    if "|" not in text:
        return ()
    found: list[Table] = []
    for rule in _RULE.finditer(text):
        columns = rule[0].count("|") - 1
        cells = r"\|" + r"([^|]*)\|" * columns
        header = re.search(cells + r"\s*$", text[: rule.start()])
        if header is None or columns < 2:
            continue
        rows: list[tuple[str, ...]] = []
        end = rule.end()
        while row := re.compile(r"\s*" + cells).match(text, end):
            rows.append(_cells(row))
            end = row.end()
        if rows:
            found.append(Table(header.start(), end, _cells(header), tuple(rows)))
    return tuple(found)


def _cells(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(_EMPHASIS.sub("", cell).strip() for cell in match.groups())


def without_tables(text: str) -> tuple[str, ...]:
    """The text's parts around its tables, and each of their rows as a sentence: "Fri: cooks; washes up"."""
    parts: list[str] = []
    end = 0
    for table in tables_in(text):
        parts.append(text[end : table.start].strip())
        parts += (f"{row[0]}: {'; '.join(cell for cell in row[1:] if cell)}" for row in table.rows)
        end = table.end
    parts.append(text[end:].strip())
    return tuple(part for part in parts if part)
