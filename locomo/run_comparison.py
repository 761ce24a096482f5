"""Two programs, of one run or of two, on the questions that both answered."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locomo.dataset import DataError, load
from locomo.exclusions import read_excluded_ids
from locomo.judging.files import OpenFile, VerdictFiles, read_answers
from locomo.judging.verdicts import Row, is_correct
from locomo.schema import ADVERSARIAL, CATEGORY_NAMES
from locomo.statistics import PairedDifference, as_pair, paired_difference

if TYPE_CHECKING:
    from rich.table import Table

Rows = Mapping[str, Row]
Measure = tuple[str, str, Mapping[str, float], Mapping[str, float]]  # group, name, by question: of A, of B
_DEFAULT_PROGRAM = "memory"
_ANSWERABLE = frozenset(CATEGORY_NAMES) - {ADVERSARIAL}


def compare_programs(
    run_dir_a: Path,
    run_dir_b: Path,
    *,
    open_file: OpenFile,
    names: tuple[str | None, str | None] = (None, None),
    exclude: Path | None = None,
) -> dict[str, Any]:
    """Every score of program B beside that of A, by `paired_difference`; `difference` is B minus A, fractions in 0..1.

    names: of the programs, see `choose_programs`. Judges are compared where both runs have the same one: judge, model,
    votes and prompt; `notes` tells which were not. exclude: a file of question ids, see `read_excluded_ids`; then
    `without_excluded` holds all measures without them. Raises ValueError, one line, for whatever cannot be compared.
    """
    answers_a, answers_b = read_answers(run_dir_a, open_file), read_answers(run_dir_b, open_file)
    is_one_run = run_dir_a.resolve() == run_dir_b.resolve()
    program_a, program_b = choose_programs(answers_a, answers_b, names, is_one_run=is_one_run)
    rows_a, rows_b = _of_program(answers_a, program_a), _of_program(answers_b, program_b)
    common = [question for question in rows_a if question in rows_b]
    check_same_questions(rows_a, rows_b, common, (run_dir_a, run_dir_b))
    notes: list[str] = []
    verdicts_a = _judged(VerdictFiles(run_dir_a, open_file), answers_a, program_a)
    verdicts_b = _judged(VerdictFiles(run_dir_b, open_file), answers_b, program_b)
    measures = [*score_measures(rows_a, rows_b), *judge_measures(verdicts_a, verdicts_b, notes)]
    excluded = None if exclude is None else read_excluded_ids(exclude, known_ids(run_dir_a, rows_a, notes))
    return {
        "a": {"run_dir": str(run_dir_a), "program": program_a, "answers": len(rows_a), "failures": _failures(rows_a)},
        "b": {"run_dir": str(run_dir_b), "program": program_b, "answers": len(rows_b), "failures": _failures(rows_b)},
        "questions": len(common),
        "only_a": len(rows_a) - len(common),
        "only_b": len(rows_b) - len(common),
        "measures": _differences(measures, rows_a, frozenset()),
        "excluded": None if excluded is None else sum(question in excluded for question in common),
        "without_excluded": None if excluded is None else _differences(measures, rows_a, excluded),
        "notes": notes,
    }


def choose_programs(
    answers_a: Mapping[tuple[str, str], Row],
    answers_b: Mapping[tuple[str, str], Row],
    names: tuple[str | None, str | None],
    *,
    is_one_run: bool,
) -> tuple[str, str]:
    """The names given, else the only program of a run, else `memory`; A of one run is then the first other than B."""
    programs_a, programs_b = (list(dict.fromkeys(program for program, _ in rows)) for rows in (answers_a, answers_b))
    name_b = names[1] or _default(programs_b, "--program-b")
    others = [program for program in programs_a if program != name_b]
    name_a = names[0] or (others[0] if is_one_run and others else _default(programs_a, "--program-a"))
    for flag, name, programs in (("--program-a", name_a, programs_a), ("--program-b", name_b, programs_b)):
        if name not in programs:
            raise ValueError(f"{flag} {name}: that run has no such program, it has {', '.join(programs)}")
    if is_one_run and name_a == name_b:
        raise ValueError(f"program {name_a} with itself in one run: give a second run, or another --program-a")
    return name_a, name_b


def check_same_questions(rows_a: Rows, rows_b: Rows, common: Collection[str], run_dirs: tuple[Path, Path]) -> None:
    """Raises ValueError when no question is common, or one has another text, category or gold in the other run."""
    if not common:
        raise ValueError(f"{run_dirs[0]} and {run_dirs[1]} have no question in common: compare runs on the same data")
    for question in common:
        for field in ("question", "gold", "category"):
            if rows_a[question][field] != rows_b[question][field]:
                raise ValueError(
                    f"question {question} has another {field} in {run_dirs[1]} than in {run_dirs[0]}: "
                    "compare runs on the same data"
                )


def score_measures(rows_a: Rows, rows_b: Rows) -> Iterator[Measure]:
    """The deterministic scores by question."""

    def scores(rows: Rows, key: str, categories: Collection[int]) -> dict[str, float]:
        return {
            question: float(row[key])
            for question, row in rows.items()
            if row["category"] in categories and row.get(key) is not None
        }

    groups: list[tuple[str, Collection[int]]] = [("all", set(CATEGORY_NAMES)), ("categories_1_4", _ANSWERABLE)]
    for name, categories in [*groups, *((name, {number}) for number, name in CATEGORY_NAMES.items())]:
        yield "f1", name, scores(rows_a, "f1", categories), scores(rows_b, "f1", categories)
    for name, key in (("recall", "evidence_recall"), ("all_found", "all_evidence")):
        yield "evidence", name, scores(rows_a, key, set(CATEGORY_NAMES)), scores(rows_b, key, set(CATEGORY_NAMES))


def judge_measures(
    judges_a: Mapping[str, tuple[str, Rows]], judges_b: Mapping[str, tuple[str, Rows]], notes: list[str]
) -> Iterator[Measure]:
    """The readable verdicts of each judge that both have: 1.0 correct, 0.0 wrong; `notes` tells of other judges."""
    for name in sorted(judges_a.keys() | judges_b.keys()):
        if name not in judges_a or name not in judges_b:
            notes.append(f"judge {name}: has judged {'B' if name in judges_b else 'A'} only, not compared")
            continue
        (digest_a, rows_a), (digest_b, rows_b) = judges_a[name], judges_b[name]
        if digest_a != digest_b:
            notes.append(f"judge {name}: its prompt differs between A and B, not compared; judge both again")
            continue
        for label, categories in _judged_groups(name):
            of_a, of_b = (_readable(rows, categories) for rows in (rows_a, rows_b))
            yield f"judge {name}", label, of_a, of_b
        unreadable = [sum(row["verdict"] == "UNREADABLE" for row in rows.values()) for rows in (rows_a, rows_b)]
        if any(unreadable):
            notes.append(f"judge {name}: {unreadable[0]} verdicts of A and {unreadable[1]} of B unreadable, left out")


def known_ids(run_dir: Path, rows: Rows, notes: list[str]) -> set[str]:
    """The ids of all questions of the run's data; those of its rows only, with a note, if that file is gone."""
    try:
        data = json.loads((run_dir / "manifest.json").read_text(encoding="utf-8"))["data"]
        dataset = load(data["path"])
        if dataset.sha256 != data["sha256"]:
            raise DataError(f"{data['path']} has changed since")
        return {question.id for question in dataset.questions} | set(rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        notes.append(f"the data of {run_dir} cannot be read ({error}): --exclude is checked against its answers only")
        return set(rows)


def print_comparison(document: Mapping[str, Any]) -> None:
    """`compare_programs` as tables on stderr: the scores and each judge; once more without the excluded questions."""
    from rich.console import Console

    console = Console(stderr=True)
    for side in ("a", "b"):
        print("{0}: {program} in {run_dir}, {failures} failed".format(side.upper(), **document[side]), file=sys.stderr)
    counts = (
        f"{document['questions']} questions in common, {document['only_a']} only in A, {document['only_b']} only in B"
    )
    print(counts, file=sys.stderr)
    for group, measures in document["measures"].items():
        console.print(_table(group, measures))
    for group, measures in (document["without_excluded"] or {}).items():
        console.print(_table(f"{group}, without {document['excluded']} excluded questions", measures))
    if any(measure["interval"] is None for measures in document["measures"].values() for measure in measures.values()):
        print("no interval: fewer than five conversations, or no spread between them", file=sys.stderr)
    for note in document["notes"]:
        print(f"note: {note}", file=sys.stderr)


def _table(title: str, measures: Mapping[str, Mapping[str, Any]]) -> Table:
    from rich.box import SIMPLE
    from rich.markup import escape
    from rich.table import Table

    table = Table("%", title=escape(title), title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("n (conv.)", "A", "B", "B - A \\[95%]", "A/B better", "p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, measure in measures.items():
        shares = [f"{100 * measure[key]:.1f}" for key in ("mean_a", "mean_b")]
        interval = measure["interval"]
        sure = f" \\[{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]" if interval else ""
        p_value = f"{measure['p_value']:.3f}" if measure["p_value"] >= 0.001 else "<0.001"
        table.add_row(
            name.replace("_", " ").replace("1 4", "1-4"),
            f"{measure['n']} ({measure['clusters']})",
            *shares,
            f"{100 * measure['difference']:+.1f}{sure}",
            f"{measure['num_a_better']} / {measure['num_b_better']}",
            p_value,
        )
    return table


def _judged_groups(name: str) -> list[tuple[str, Collection[int]]]:
    if name.startswith("abstention"):  # declining is right in one, wrong in the other: no sum of both
        return [("declined_in_5", {ADVERSARIAL}), ("answered_in_1_4", _ANSWERABLE)]
    return [("categories_1_4", _ANSWERABLE), *((name, {number}) for number, name in CATEGORY_NAMES.items())]


def _readable(rows: Rows, categories: Collection[int]) -> dict[str, float]:
    values = {question: is_correct(row) for question, row in rows.items() if row["category"] in categories}
    return {question: value for question, value in values.items() if value is not None}


def _differences(measures: Collection[Measure], rows: Rows, without: Collection[str]) -> dict[str, Any]:
    conversation_of = {question: row["conversation_id"] for question, row in rows.items()}
    found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for group, name, scores_a, scores_b in measures:
        kept_a = {question: score for question, score in scores_a.items() if question not in without}
        if (difference := paired_difference(kept_a, scores_b, conversation_of)) is not None:
            found[group][name] = _document(difference)
    return found


def _document(difference: PairedDifference) -> dict[str, Any]:
    intervals = {f"interval{side}": as_pair(getattr(difference, f"interval{side}")) for side in ("", "_a", "_b")}
    return {**asdict(difference), **intervals}


def _of_program(answers: Mapping[tuple[str, str], Row], program: str) -> dict[str, Row]:
    return {question: row for (of, question), row in answers.items() if of == program}


def _judged(files: VerdictFiles, answers: Mapping[tuple[str, str], Row], program: str) -> dict[str, tuple[str, Rows]]:
    """Per judge's name its prompt's digest and its verdicts on the program by question; none without any."""
    judged: dict[str, tuple[str, Rows]] = {}
    for name in files.names():
        judge, verdicts = files.verdicts(name, answers)
        if rows := _of_program(verdicts, program):
            judged[name] = (judge.prompt_digest, rows)
    return judged


def _failures(rows: Rows) -> int:
    return sum(row["error"] is not None for row in rows.values())


def _default(programs: Collection[str], flag: str) -> str:
    if len(programs) == 1:
        return next(iter(programs))
    if _DEFAULT_PROGRAM not in programs:
        raise ValueError(f"{flag} is needed: that run has {', '.join(programs)}")
    return _DEFAULT_PROGRAM
