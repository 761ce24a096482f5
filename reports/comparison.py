"""Two answers to each question, from two runs or two programs of one run: what was gained, what was lost.

An answer is right by token F1 (RIGHT_F1 or more), or by a judge that looked at both. Nothing here says whether a
difference is more than chance: locomo/statistics.py does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.runs import RunFolderError
from reports.records import CATEGORY_NAMES, RIGHT_F1, Row, RunRecords

OUTCOMES = ("gained", "lost", "both right", "both wrong")
_SHOWN_IDS = 3


@dataclass(frozen=True)
class Comparison:
    """Side b against side a on the same questions.

    names: of the two sides, distinct: the programs, and where two runs are compared, with the runs' names.
    rows: question id -> row, per side. judges: those that judged both by one prompt -> verdicts per side.
    measures: "f1" and those judges -> question id -> one of OUTCOMES; of a judge, where both verdicts are readable.
    """

    run_a: RunRecords
    run_b: RunRecords
    names: tuple[str, str]
    rows: tuple[Mapping[str, Row], Mapping[str, Row]]
    judges: Mapping[str, tuple[Mapping[str, Row], Mapping[str, Row]]]
    measures: Mapping[str, Mapping[str, str]]

    def f1_by_category(self) -> dict[str, tuple[int, float, float]]:
        """Category, and "all" last -> number of questions, mean F1 of a and of b (0..1)."""
        rows_a, rows_b = self.rows
        groups = {
            name: [question_id for question_id, row in rows_a.items() if row["category"] == category]
            for category, name in CATEGORY_NAMES.items()
        }
        groups["all"] = list(rows_a)
        return {
            name: (len(ids), *(sum(rows[one]["f1"] for one in ids) / len(ids) for rows in (rows_a, rows_b)))
            for name, ids in groups.items()
            if ids
        }

    def counts(self, measure: str) -> dict[str, int]:
        """Outcome -> number of questions."""
        found = Counter(self.measures[measure].values())
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def document(self) -> dict[str, Any]:
        """For the last line on stdout. Differences are b minus a, fractions."""
        by_category = self.f1_by_category()
        outcomes = self.measures["f1"]
        return {
            "a": self.names[0],
            "b": self.names[1],
            "questions": len(self.rows[0]),
            "f1_difference": by_category["all"][2] - by_category["all"][1],
            "f1_difference_by_category": {name: b - a for name, (_, a, b) in by_category.items() if name != "all"},
            "outcomes": {
                measure: {outcome.replace(" ", "_"): n for outcome, n in self.counts(measure).items()}
                for measure in self.measures
            },
            **{
                f"{outcome}_ids": [question_id for question_id, found in outcomes.items() if found == outcome]
                for outcome in ("gained", "lost")
            },
        }


def compare(run_a: RunRecords, run_b: RunRecords, program_a: str | None, program_b: str | None) -> Comparison:
    """Pair the answers of a program of each run. Raises RunFolderError unless both were asked the same questions."""
    program_a, program_b = _chosen(run_a, program_a, "--program-a"), _chosen(run_b, program_b, "--program-b")
    rows_a, rows_b = run_a.rows[program_a], run_b.rows[program_b]
    _check_same_questions(run_a.run_dir, rows_a, run_b.run_dir, rows_b)
    if run_a.run_dir.resolve() == run_b.run_dir.resolve():
        if program_a == program_b:
            raise RunFolderError(f"{run_a.run_dir} is compared with itself: name another program by --program-b")
        names = (program_a, program_b)
    else:
        names = (f"A: {program_a}, {run_a.run_dir.resolve().name}", f"B: {program_b}, {run_b.run_dir.resolve().name}")
    judges = {
        judge: (_of(run_a.judges[judge], program_a), _of(run_b.judges[judge], program_b))
        for judge in run_a.judges
        if judge in run_b.judges and _prompts(run_a.judges[judge]) == _prompts(run_b.judges[judge])
    }
    measures = {"f1": {one: _outcome(rows_a[one]["f1"] >= RIGHT_F1, rows_b[one]["f1"] >= RIGHT_F1) for one in rows_a}}
    for judge, (verdicts_a, verdicts_b) in judges.items():
        measures[judge] = {
            one: _outcome(verdicts_a[one]["verdict"] == "CORRECT", verdicts_b[one]["verdict"] == "CORRECT")
            for one in rows_a
            if _is_readable(verdicts_a.get(one)) and _is_readable(verdicts_b.get(one))
        }
    return Comparison(run_a, run_b, names, (rows_a, rows_b), judges, measures)


def _chosen(run: RunRecords, program: str | None, flag: str) -> str:
    if program is None:
        return run.main_program
    if program not in run.rows:
        raise RunFolderError(f"{flag} {program}: {run.run_dir} holds {', '.join(run.rows)}; name one of them")
    return program


def _check_same_questions(run_a: Path, rows_a: Mapping[str, Row], run_b: Path, rows_b: Mapping[str, Row]) -> None:
    only_a, only_b = (
        [one for one in these if one not in those] for these, those in ((rows_a, rows_b), (rows_b, rows_a))
    )
    parts = [
        f"{len(ids)} are only in {run} ({', '.join(ids[:_SHOWN_IDS])}{', ...' if len(ids) > _SHOWN_IDS else ''})"
        for ids, run in ((only_a, run_a), (only_b, run_b))
        if ids
    ]
    if parts:
        raise RunFolderError(
            f"the runs asked different questions: {' and '.join(parts)}; "
            "compare runs of the same data, split, categories and sample"
        )
    for one, row in rows_a.items():
        for field in ("question", "gold", "category"):
            if row[field] != rows_b[one][field]:
                raise RunFolderError(
                    f"the runs asked different questions: {one} has another {field} in {run_a} than in {run_b}; "
                    "compare runs of the same data"
                )


def _prompts(verdicts: Mapping[tuple[str, str], Row]) -> set[str | None]:
    return {row.get("prompt_digest") for row in verdicts.values()}


def _of(verdicts: Mapping[tuple[str, str], Row], program: str) -> dict[str, Row]:
    return {question_id: row for (name, question_id), row in verdicts.items() if name == program}


def _is_readable(verdict: Row | None) -> bool:
    return verdict is not None and verdict["verdict"] != "UNREADABLE"


def _outcome(right_a: bool, right_b: bool) -> str:
    if right_a != right_b:
        return "gained" if right_b else "lost"
    return "both right" if right_b else "both wrong"
