"""Answers with the cell of a table whose row and column the question names, or with what was said of it later."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memoryqa.language.dating.time_spans import WEEKDAYS
from memoryqa.offline_reader.ranking import STOPWORDS, Ranking, stem, tokenize
from memoryqa.offline_reader.tables import Table, tables_in
from memoryqa.turns import MONTHS

_FULL = {stem(name[:size]): stem(name) for name in (*WEEKDAYS, *MONTHS) for size in (3, 4)} | {"tue": "tuesday"}
_IS = re.compile(r"\b(?:is|are|was|will be|becomes)(?: now| going to be| instead)? (?P<said>[^,;.!?]+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """What the cell says, and the id of the line that says it."""

    text: str
    line_id: str


@dataclass(frozen=True, slots=True)
class _Place:
    cell: str
    row: frozenset[str]
    column: frozenset[str]
    support: float


def answer_cell(ranking: Ranking) -> Cell | None:
    """The cell whose row and column the question names; None where no table has both."""
    asked = _names(ranking.question)
    best: tuple[float, int, _Place] | None = None
    for index, line in enumerate(ranking.lines):
        for table in tables_in(line.text):
            place = _place(table, asked)
            if place and (best is None or (place.support, index) >= best[:2]):
                best = (place.support, index, place)
    if best is None:
        return None
    _, index, place = best
    return _changed(ranking, index, place) or Cell(place.cell, ranking.lines[index].id)


def _place(table: Table, asked: frozenset[str]) -> _Place | None:
    """The cell with the most of the question's words in its row's first cell and its column's header."""
    columns = [(len(asked & _names(name)), -number) for number, name in enumerate(table.header[1:], 1)]
    rows = [(len(asked & _names(row[0])), -number) for number, row in enumerate(table.rows)]
    (in_column, column), (in_row, row) = max(columns), max(rows)
    cell = table.rows[-row][-column]
    if not in_column or not in_row or not cell:
        return None
    named_row, named_column = asked & _names(table.rows[-row][0]), asked & _names(table.header[-column])
    if named_row == named_column:
        return None
    return _Place(cell, named_row, named_column, in_column + in_row)


def _changed(ranking: Ranking, index: int, place: _Place) -> Cell | None:
    """What a later line says the cell is: "Friday's dinner is now soup"."""
    for sentence in sorted(ranking.sentences, key=lambda one: -one.index):
        text = sentence.tokens.text
        if sentence.index <= index or text.endswith("?") or not (place.row | place.column) <= _names(text):
            continue
        if said := _IS.search(text):
            return Cell(said["said"].replace("**", "").strip(), sentence.line.id)
    return None


def _names(text: str) -> frozenset[str]:
    """The stems of the words that name something, days and months in full."""
    tokens = tokenize(text)
    pairs = zip(tokens.words, tokens.stems, strict=True)
    return frozenset(_FULL.get(one, one) for word, one in pairs if word.lower() not in STOPWORDS)
