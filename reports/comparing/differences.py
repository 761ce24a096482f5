"""Every score of two programs, question by question: paired differences, with and without excluded questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from harness.runs import Run
from locomo.dataset import load
from locomo.judging.verdicts import is_correct
from locomo.kinds import LOCOMO, Kinds
from locomo.rows import AnswerRow, VerdictRow
from locomo.schema import DataError
from locomo.statistics import PairedDifference, as_pair, paired_difference
from memoryqa.errors import UsageError

Rows = Mapping[str, AnswerRow]  # question id -> answer
Verdicts = Mapping[str, VerdictRow]  # question id -> verdict
Measure = tuple[str, str, Mapping[str, float], Mapping[str, float]]  # group, name, by question: of A, of B
Differences = Mapping[str, Mapping[str, PairedDifference]]  # group -> name -> difference
_SHOWN_IDS = 5
_Score = Literal["f1", "evidence_recall", "all_evidence"]


def score_measures(rows_a: Rows, rows_b: Rows, kinds: Kinds = LOCOMO) -> Iterator[Measure]:
    """The deterministic scores by question: token F1 by category, evidence recall, all evidence found."""

    def scores(rows: Rows, key: _Score, categories: Collection[int]) -> dict[str, float]:
        return {
            question: float(score)
            for question, row in rows.items()
            if row["category"] in categories and (score := row[key]) is not None
        }

    every = frozenset(kinds.names)
    groups: list[tuple[str, Collection[int]]] = [("all", every), (kinds.counted_key, kinds.counted)]
    for name, categories in [*groups, *((name, {number}) for number, name in kinds.names.items())]:
        yield "f1", name, scores(rows_a, "f1", categories), scores(rows_b, "f1", categories)
    evidence: tuple[tuple[str, _Score], ...] = (("recall", "evidence_recall"), ("all_found", "all_evidence"))
    for name, key in evidence:
        yield "evidence", name, scores(rows_a, key, every), scores(rows_b, key, every)


def judge_measures(
    judge: str, verdicts_a: Verdicts, verdicts_b: Verdicts, answers: Rows, kinds: Kinds = LOCOMO
) -> Iterator[Measure]:
    """The readable verdicts of one judge on both: 1.0 correct, 0.0 wrong. answers: those of A, for their categories."""
    for label, categories in _judged_groups(judge, kinds):
        asked = [question for question, row in answers.items() if row["category"] in categories]
        yield f"judge {judge}", label, _readable(verdicts_a, asked), _readable(verdicts_b, asked)


def paired_differences(
    measures: Collection[Measure], conversation_of: Mapping[str, str], without: Collection[str] = frozenset()
) -> dict[str, dict[str, PairedDifference]]:
    """Group -> name -> B minus A, without the questions in `without`; what no question measures is left out."""
    found: defaultdict[str, dict[str, PairedDifference]] = defaultdict(dict)
    for group, name, scores_a, scores_b in measures:
        kept_a = {question: score for question, score in scores_a.items() if question not in without}
        if (difference := paired_difference(kept_a, scores_b, conversation_of)) is not None:
            found[group][name] = difference
    return dict(found)


def as_json(differences: Differences) -> dict[str, dict[str, Any]]:
    """For the last line on stdout; intervals are [low, high] or None."""

    def one(difference: PairedDifference) -> dict[str, Any]:
        intervals = {f"interval{side}": as_pair(getattr(difference, f"interval{side}")) for side in ("", "_a", "_b")}
        return {**asdict(difference), **intervals}

    return {group: {name: one(found) for name, found in by_name.items()} for group, by_name in differences.items()}


def _judged_groups(judge: str, kinds: Kinds) -> list[tuple[str, Collection[int]]]:
    if judge.startswith("abstention"):  # declining is right in one, wrong in the other: no sum of both
        names = ("declined_in_5", "answered_in_1_4") if kinds == LOCOMO else ("to_be_declined", "to_be_answered")
        return list(zip(names, (kinds.declined, kinds.answerable), strict=True))
    return [(kinds.counted_key, kinds.counted), *((name, {number}) for number, name in kinds.names.items())]


def _readable(verdicts: Verdicts, asked: Collection[str]) -> dict[str, float]:
    values = {question: is_correct(verdicts[question]) for question in asked if question in verdicts}
    return {question: value for question, value in values.items() if value is not None}


# -- questions to leave out --------------------------------------------------------------------------------------------


def read_excluded_ids(path: Path, known_ids: Collection[str]) -> frozenset[str]:
    """The question ids in a file, one a line (`conv-26:12`); "#" begins a comment.

    known_ids: all questions of the data set. Raises UsageError when the file cannot be read, names none, or names a
    question that is not among them: a list for other data would silently exclude nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"--exclude {path}: cannot be read ({error.strerror}); give a file of question ids") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--exclude {path}: not UTF-8 text; give a file of question ids, one a line") from error
    ids = [text for line in lines if (text := line.partition("#")[0].strip())]
    if not ids:
        raise UsageError(f"--exclude {path}: names no question; write ids such as conv-26:12, one a line")
    unknown = [question_id for question_id in dict.fromkeys(ids) if question_id not in known_ids]
    if unknown:
        more = f" and {len(unknown) - _SHOWN_IDS} more" if len(unknown) > _SHOWN_IDS else ""
        raise UsageError(
            f"--exclude {path}: the data have no question {', '.join(unknown[:_SHOWN_IDS])}{more}; delete them"
        )
    return frozenset(ids)


def known_ids(run_dir: Path, rows: Rows, notes: list[str]) -> set[str]:
    """The ids of all questions of the run's data; those of its rows only, with a note, if that file is unavailable."""
    try:
        data = Run.open(run_dir).manifest["data"]
        dataset = load(data["path"])
        if dataset.sha256 != data["sha256"]:
            raise DataError(f"{data['path']} has changed since")
        return {question.id for question in dataset.questions} | set(rows)
    except (OSError, UsageError, KeyError, TypeError) as error:
        notes.append(f"the data of {run_dir} cannot be read ({error}): --exclude is checked against its answers only")
        return set(rows)
