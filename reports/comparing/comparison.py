"""Two programs, of one run or of two, on the questions that both answered.

It answers two things: which questions were gained and lost, and whether the scores differ by more than chance. An
answer is right by token F1 (RIGHT_F1 or more), or by a judge that judged both by one prompt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.runs import MANIFEST, Run, RunFolderError
from locomo.judging.files import VerdictFiles, read_answers
from locomo.judging.verdicts import Answers, is_correct
from locomo.kinds import LOCOMO, Kinds, kinds_of
from locomo.rows import MAIN_PROGRAM
from reports.comparing.differences import (
    Differences,
    Rows,
    Verdicts,
    as_json,
    judge_measures,
    known_ids,
    paired_differences,
    read_excluded_ids,
    score_measures,
)
from reports.comparing.verdict import verdict_sentence
from reports.records import RIGHT_F1, SUMMARY

Names = tuple[str | None, str | None]
Judged = Mapping[str, tuple[str, Verdicts]]  # judge -> its prompt's digest, its verdicts by question
OUTCOMES = ("gained", "lost", "both right", "both wrong")
_SHOWN_IDS = 3
_SAME: tuple[Literal["question", "gold", "category"], ...] = ("question", "gold", "category")
T = TypeVar("T")
_SUMS = ("all", "categories_1_4", "counted")  # of token F1, which are no category


@dataclass(frozen=True)
class Side:
    """One program of one run. rows: question id -> answer. judges: those that judged it."""

    run_dir: Path
    program: str
    rows: Rows
    judges: Judged

    @property
    def is_finished(self) -> bool:
        """Whether its run has ended, so that all of its program's answers are there."""
        return (self.run_dir / SUMMARY).is_file()

    def as_json(self, name: str) -> dict[str, Any]:
        failures = sum(row["error"] is not None for row in self.rows.values())
        where = {"name": name, "run_dir": str(self.run_dir), "program": self.program}
        return {**where, "answers": len(self.rows), "failures": failures}


@dataclass(frozen=True)
class Comparison:
    """Side b against side a.

    names: of the two, distinct: the programs, and where two runs are compared, with the runs' names. questions: the ids
    of those in common, in the order of a. outcomes: "f1" and the judges that both have -> question id -> one of
    OUTCOMES; for a judge, where both verdicts are readable. differences: B minus A. excluded: how many questions
    `without_excluded` leaves out; None where none were to be. notes: what a reader must know, one line each.
    kinds: those of the questions, by the manifest of a.
    """

    a: Side
    b: Side
    names: tuple[str, str]
    questions: tuple[str, ...]
    outcomes: Mapping[str, Mapping[str, str]]
    differences: Differences
    excluded: int | None
    without_excluded: Differences | None
    notes: tuple[str, ...]
    kinds: Kinds = LOCOMO

    @property
    def judges(self) -> list[str]:
        """The judges that judged both by one prompt."""
        return [measure for measure in self.outcomes if measure != "f1"]

    def counts(self, measure: str) -> dict[str, int]:
        """Outcome -> number of questions."""
        found = Counter(self.outcomes[measure].values())
        return {outcome: found[outcome] for outcome in OUTCOMES}

    def verdict(self) -> str:
        """One sentence: which of the two is ahead in what, or why nobody can say."""
        return verdict_sentence(*self.names, self.differences)

    def document(self) -> dict[str, Any]:
        """For the last line on stdout. Differences are b minus a, fractions."""
        f1, by_f1 = self.differences["f1"], self.outcomes["f1"]
        return {
            **{side: one.as_json(name) for side, one, name in zip("ab", (self.a, self.b), self.names, strict=True)},
            "questions": len(self.questions),
            "only_a": len(self.a.rows) - len(self.questions),
            "only_b": len(self.b.rows) - len(self.questions),
            "verdict": self.verdict(),
            "measures": as_json(self.differences),
            "excluded": self.excluded,
            "without_excluded": None if self.without_excluded is None else as_json(self.without_excluded),
            "f1_difference": f1["all"].difference,
            "f1_difference_by_category": {name: one.difference for name, one in f1.items() if name not in _SUMS},
            "outcomes": {
                measure: {outcome.replace(" ", "_"): n for outcome, n in self.counts(measure).items()}
                for measure in self.outcomes
            },
            **{
                f"{outcome}_ids": [question for question, found in by_f1.items() if found == outcome]
                for outcome in ("gained", "lost")
            },
            "notes": list(self.notes),
        }


def compare(
    run_dir_a: Path, run_dir_b: Path | None = None, names: Names = (None, None), exclude: Path | None = None
) -> Comparison:
    """Pair the answers of two programs. run_dir_b: None compares two programs of one run.

    names: of the programs, see `choose_programs`. exclude: a file of question ids, see `read_excluded_ids`.
    Raises UsageError, one line, for all that cannot be compared. The runs need not be finished.
    """
    side_a, side_b = _sides(run_dir_a, run_dir_b, names)
    questions = tuple(question for question in side_a.rows if question in side_b.rows)
    notes = list(_unshared(side_a, side_b, questions))
    _check_same_questions(side_a, side_b, questions)
    kinds = _kinds(side_a.run_dir)
    measures = [*score_measures(side_a.rows, side_b.rows, kinds)]
    right = [{one: side.rows[one]["f1"] >= RIGHT_F1 for one in questions} for side in (side_a, side_b)]
    outcomes = {"f1": {one: _outcome(right[0][one], right[1][one]) for one in questions}}
    for judge, verdicts_a, verdicts_b in _common_judges(side_a.judges, side_b.judges, notes):
        measures += judge_measures(judge, verdicts_a, verdicts_b, side_a.rows, kinds)
        outcomes[judge] = _judged_outcomes(questions, verdicts_a, verdicts_b)
    conversation_of = {question: row["conversation_id"] for question, row in side_a.rows.items()}
    excluded = None if exclude is None else read_excluded_ids(exclude, known_ids(run_dir_a, side_a.rows, notes))
    return Comparison(
        a=side_a,
        b=side_b,
        names=_titles(side_a, side_b),
        questions=questions,
        outcomes=outcomes,
        differences=paired_differences(measures, conversation_of),
        excluded=None if excluded is None else sum(question in excluded for question in questions),
        without_excluded=None if excluded is None else paired_differences(measures, conversation_of, excluded),
        notes=tuple(notes),
        kinds=kinds,
    )


def _kinds(run_dir: Path) -> Kinds:
    try:
        return kinds_of(Run.open(run_dir).manifest)
    except ValueError as error:
        raise RunFolderError(f"{run_dir / MANIFEST}: {error}: evaluate again in a new folder") from error


# -- the two sides -----------------------------------------------------------------------------------------------------


def _sides(run_dir_a: Path, run_dir_b: Path | None, names: Names) -> tuple[Side, Side]:
    run_dirs = [Run.open(run_dir).run_dir for run_dir in (run_dir_a, run_dir_b or run_dir_a)]
    answers = [read_answers(run_dir) for run_dir in run_dirs]
    programs = [list(dict.fromkeys(program for program, _ in rows)) for rows in answers]
    chosen = choose_programs((run_dirs[0], run_dirs[1]), (programs[0], programs[1]), names, one_run=run_dir_b is None)
    sides = [
        Side(run_dir, program, _of_program(rows, program), _judged(VerdictFiles(run_dir), rows, program))
        for run_dir, rows, program in zip(run_dirs, answers, chosen, strict=True)
    ]
    return sides[0], sides[1]


def choose_programs(
    run_dirs: tuple[Path, Path], programs: tuple[list[str], list[str]], names: Names, *, one_run: bool
) -> tuple[str, str]:
    """The names given, else the only program of a run, else `memory`; A of `one_run` is then the first other than B."""
    name_b = names[1] or _default(programs[1], "--program-b")
    others = [program for program in programs[0] if program != name_b]
    name_a = names[0] or (others[0] if one_run and others else _default(programs[0], "--program-a"))
    for flag, name, of_run, run_dir in zip(
        ("--program-a", "--program-b"), (name_a, name_b), programs, run_dirs, strict=True
    ):
        if name not in of_run:
            raise RunFolderError(f"{flag} {name}: {run_dir} holds {', '.join(of_run)}; name one of them")
    if name_a == name_b and run_dirs[0].resolve() == run_dirs[1].resolve():
        raise RunFolderError(
            f"{run_dirs[0]}: program {name_a} is compared with itself: name another program by --program-b, "
            "or give a second run"
        )
    return name_a, name_b


def _default(programs: Collection[str], flag: str) -> str:
    if len(programs) == 1:
        return next(iter(programs))
    if MAIN_PROGRAM not in programs:
        raise RunFolderError(f"{flag} is needed: that run holds {', '.join(programs)}")
    return MAIN_PROGRAM


def _titles(a: Side, b: Side) -> tuple[str, str]:
    if a.run_dir.resolve() == b.run_dir.resolve():
        return a.program, b.program
    return f"A: {a.program}, {a.run_dir.resolve().name}", f"B: {b.program}, {b.run_dir.resolve().name}"


def _of_program(rows: Mapping[tuple[str, str], T], program: str) -> dict[str, T]:
    return {question: row for (of, question), row in rows.items() if of == program}


def _judged(files: VerdictFiles, answers: Answers, program: str) -> Judged:
    judged: dict[str, tuple[str, Verdicts]] = {}
    for name in files.names():
        judge, verdicts = files.verdicts(name, answers)
        if rows := _of_program(verdicts, program):
            judged[name] = (judge.prompt_digest, rows)
    return judged


# -- what they have in common ------------------------------------------------------------------------------------------


def _unshared(a: Side, b: Side, questions: Collection[str]) -> Iterator[str]:
    """A note on questions that only one side answered. Raises RunFolderError when they have none in common."""
    common = set(questions)
    lonely = [([one for one in side.rows if one not in common], side.run_dir) for side in (a, b)]
    parts = [
        f"{len(ids)} are only in {run_dir} ({', '.join(ids[:_SHOWN_IDS])}{', ...' if len(ids) > _SHOWN_IDS else ''})"
        for ids, run_dir in lonely
        if ids
    ]
    if not common:
        raise RunFolderError(
            f"the runs have no question in common: {' and '.join(parts)}; "
            "compare runs of the same data, split, categories and sample"
        )
    if parts:
        yield f"the runs asked different questions: {' and '.join(parts)}; only those in common are compared"


def _check_same_questions(a: Side, b: Side, questions: Collection[str]) -> None:
    for one in questions:
        for field in _SAME:
            if a.rows[one][field] != b.rows[one][field]:
                raise RunFolderError(
                    f"question {one} has another {field} in {b.run_dir} than in {a.run_dir}: "
                    "compare runs of the same data"
                )


def _common_judges(of_a: Judged, of_b: Judged, notes: list[str]) -> Iterator[tuple[str, Verdicts, Verdicts]]:
    """Judges that judged both sides by one prompt; `notes` names the others."""
    for name in sorted(of_a.keys() | of_b.keys()):
        if name not in of_a or name not in of_b:
            notes.append(f"judge {name}: has judged {'B' if name in of_b else 'A'} only, not compared")
            continue
        (digest_a, rows_a), (digest_b, rows_b) = of_a[name], of_b[name]
        if digest_a != digest_b:
            notes.append(f"judge {name}: its prompt differs between A and B, not compared; judge both again")
            continue
        yield name, rows_a, rows_b
        unreadable = [sum(row["verdict"] == "UNREADABLE" for row in rows.values()) for rows in (rows_a, rows_b)]
        if any(unreadable):
            notes.append(f"judge {name}: {unreadable[0]} verdicts of A and {unreadable[1]} of B unreadable, left out")


def _judged_outcomes(questions: Collection[str], verdicts_a: Verdicts, verdicts_b: Verdicts) -> dict[str, str]:
    outcomes = {}
    for one in questions:
        if one in verdicts_a and one in verdicts_b:
            right_a, right_b = is_correct(verdicts_a[one]), is_correct(verdicts_b[one])
            if right_a is not None and right_b is not None:
                outcomes[one] = _outcome(right_a == 1, right_b == 1)
    return outcomes


def _outcome(right_a: bool, right_b: bool) -> str:
    if right_a != right_b:
        return "gained" if right_b else "lost"
    return "both right" if right_b else "both wrong"
