"""Answers that were given elsewhere, read from a file and scored like those of a program here.

{"question_id": "conv-26:12", "answer": "May 2023"}                        one JSON object a line
{"question_id": "conv-26:12", "answer": "May 2023", "program": "mine"}     of several programs in one file
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from locomo.asking import Ask, NoUsage, Program, cost, identity, score
from locomo.questions import Selection
from locomo.rows import AnswerRow
from locomo.schema import DataError, Question

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Predictions:
    """One program's answers by question id. It is never called: `with_predictions` makes its rows."""

    path: Path
    answers: Mapping[str, str]

    @property
    def digest(self) -> str:
        """sha256 over the answers."""
        return hashlib.sha256(json.dumps(self.answers, sort_keys=True).encode()).hexdigest()

    def __call__(self, **inputs: str) -> str:
        raise TypeError(f"{self.path} has answers by question id only: ask through `with_predictions`")

    def row(self, name: str, question: Question) -> AnswerRow:
        """The row of one question; without an answer it counts as wrong, and the row says why."""
        answer = self.answers.get(question.id)
        problems = [] if answer is not None else [f"{self.path.name} has no answer"]
        prediction = SimpleNamespace(answer=answer or "", problems=problems)
        return {**identity(name, question), **score(question, prediction), **cost(NoUsage(), None, None)}


def with_predictions(ask: Ask) -> Ask:
    """`ask`, but what was answered elsewhere is looked up."""

    def look_up(name: str, program: Program, question: Question) -> tuple[AnswerRow, BaseException | None]:
        if isinstance(program, Predictions):
            return program.row(name, question), None
        return ask(name, program, question)

    return look_up


def read_predictions(path: Path, selection: Selection) -> dict[str, Predictions]:
    """By program (without "program" the file's name without its ending), the answers in `path`.

    Ids that are no question of the data, ids that a program answers twice (the last answer counts) and selected
    questions without an answer are counted in a line each on stderr. Raises DataError for a file that cannot be read,
    that lacks a field, and that answers none of the selected questions.
    """
    if not path.is_file():
        raise DataError(f"--predictions {path}: there is no such file; give one with a JSON object a line")
    answers: dict[str, dict[str, str]] = {}
    twice: list[str] = []
    for program, question_id, answer in _lines(path):
        of_program = answers.setdefault(program, {})
        if question_id in of_program:
            twice.append(question_id)
        of_program[question_id] = answer
    for line in _notes(path, answers, twice, selection):
        print(line, file=sys.stderr)
    selected = {question.id for question in selection.questions}
    if not any(selected & of_program.keys() for of_program in answers.values()):
        raise DataError(f"--predictions {path}: it answers none of the {len(selected)} questions that are selected")
    return {program: Predictions(path, of_program) for program, of_program in answers.items()}


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise DataError(f"--predictions {path}, line {number} is not a JSON object: correct the line")
        found = {"program": path.stem, **row}
        for field in ("question_id", "answer", "program"):
            if not isinstance(found.get(field), str):
                raise DataError(f'--predictions {path}, line {number}: "{field}" must be text')
        if not found["program"].strip():
            raise DataError(f'--predictions {path}, line {number}: "program" is empty; name it, or leave it out')
        yield found["program"], found["question_id"], found["answer"]


def _notes(
    path: Path, answers: Mapping[str, Mapping[str, str]], twice: list[str], selection: Selection
) -> Iterator[str]:
    known = {question.id for question in selection.dataset.questions}
    unknown = [one for of_program in answers.values() for one in of_program if one not in known]
    yield from _counted(path, unknown, "not in the data, left out")
    yield from _counted(path, list(Counter(twice)), "answered twice, the last answer counts")
    for program, of_program in answers.items():
        missing = [question.id for question in selection.questions if question.id not in of_program]
        yield from _counted(
            path, missing, f"of {len(selection.questions)} without an answer of {program}, taken as wrong"
        )


def _counted(path: Path, ids: list[str], what: str) -> Iterator[str]:
    if ids:
        shown = ", ".join(ids[:_SHOWN]) + (", ..." if len(ids) > _SHOWN else "")
        yield f"{path}: {len(ids)} question id{'s' if len(ids) > 1 else ''} {what} ({shown})"
