"""A finished run folder as checked records: what the report, the plots and the comparison are made of.

A run folder holds summary.json (written last), answers.jsonl (one row per answer), and where they were made
judge-<name>.jsonl (one row per judged answer) and lines.json, from which the context of an answer is rebuilt as it was
sent: `{conversation_id: {"turns": {turn_id: [header, brief_line, full_line]}}}`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from harness.runs import ANSWERS, Run, RunFolderError
from locomo.judging.verdicts import answer_digest
from locomo.kinds import Kinds, kinds_of
from locomo.rows import MAIN_PROGRAM, AnswerRow, DataSummary, ScoreSummary, Verdict, VerdictRow, json_types, problem_of
from locomo.split_data import PROTOCOLS
from reports.search_record import AFTER

SUMMARY, LINES = "summary.json", "lines.json"
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
RIGHT_F1 = 0.5  # official F1 from which an answer is called right

_SUMMARY_FIELDS = ("task_lm", "data", "programs")

T = TypeVar("T")
Lines = Mapping[str, Mapping[str, tuple[str, str, str]]]  # conversation id -> turn id -> header, brief and full line
Passages = Mapping[str, Mapping[str, Sequence[int]]]  # ... of long turns -> where each passage begins in these lines


@dataclass(frozen=True)
class RunRecords:
    """What a finished run left behind.

    rows: program -> question id -> the last row of that answer; every program answered the same questions.
    judges: judge -> (program, question id) -> the last verdict; a judge is named as its file, `strict@some-model`.
    Verdicts on an answer that has been given anew since are left out. judge_summary: judges.json, {} without one.
    """

    run_dir: Path
    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    rows: Mapping[str, Mapping[str, AnswerRow]]
    judges: Mapping[str, Mapping[tuple[str, str], VerdictRow]]
    judge_summary: Mapping[str, Any]
    lines: Lines
    passages: Passages

    @property
    def main_program(self) -> str:
        """The program to look at first."""
        return next((name for name in (MAIN_PROGRAM, AFTER) if name in self.rows), next(iter(self.rows)))

    @property
    def kinds(self) -> Kinds:
        """The kinds of its questions."""
        return kinds_of(self.summary)

    @property
    def questions(self) -> dict[str, AnswerRow]:
        """Question id -> one of its rows, in natural order of the ids."""
        first = next(iter(self.rows.values()))
        return {question_id: first[question_id] for question_id in sorted(first, key=natural_order)}


def not_locomo_note(records: RunRecords) -> list[str]:
    """A warning for data that is not LoCoMo, by the ids of its conversations; none for LoCoMo or a part of it."""
    locomo = {one for conversations in PROTOCOLS["project"].values() for one in conversations}
    if {row["conversation_id"] for row in records.questions.values()} <= locomo:
        return []
    if records.summary["data"]["is_bundled_sample"]:
        return ["This is not LoCoMo: the questions are of the bundled sample conversations."]
    return [f"This is not LoCoMo: the questions are of {records.summary['data']['name']}."]


def judge_titles(judges: Iterable[str]) -> dict[str, str]:
    """`strict@some-model` -> `strict`, or the name as it is where two models judged by the same rules."""
    names = list(judges)
    rules = Counter(name.partition("@")[0] for name in names)
    return {name: name.partition("@")[0] if rules[name.partition("@")[0]] == 1 else name for name in names}


def natural_order(question_id: str) -> list[tuple[int, str]]:
    """Sort key by which `chat:9` stands before `chat:10`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"([0-9]+)", question_id)]


def load_run(run_dir: Path) -> RunRecords:
    """The records of a finished run. Raises RunFolderError, naming file, line and fix, for anything else."""
    run = Run.open(run_dir)
    if run.config.get("evaluation", {}).get("mode") == "retrieval":
        raise RunFolderError(f"{run_dir} is a retrieval run, without answers to show; its numbers are in report.txt")
    if not (run_dir / SUMMARY).is_file():
        raise RunFolderError(f"{run_dir} has no {SUMMARY}: finish it, python evaluate.py --resume {run_dir}")
    if run.half_written_bytes:
        raise RunFolderError(
            f"{run_dir / ANSWERS} ends in a half-written row: python evaluate.py --resume {run_dir} asks it again"
        )
    summary = _summary(run_dir / SUMMARY)
    try:
        kinds = kinds_of(summary)
    except ValueError as error:
        raise RunFolderError(f"{run_dir / SUMMARY}: {error}: write it again by python evaluate.py --resume") from error
    rows: dict[str, dict[str, AnswerRow]] = {}
    for number, read in enumerate(run.rows(), start=1):
        row = _checked(read, AnswerRow, run_dir / ANSWERS, number)
        if row["category"] not in kinds.names:
            raise RunFolderError(
                f"{run_dir / ANSWERS}, line {number}: unknown category {row['category']!r}; "
                f"it is one of {sorted(kinds.names)}"
            )
        rows.setdefault(row["program"], {})[row["question_id"]] = row
    return RunRecords(
        run_dir=run_dir,
        summary=summary,
        manifest=_read_object(run_dir / "manifest.json", missing={}),
        rows=_whole(rows, summary, run_dir),
        judges={
            path.stem.removeprefix("judge-"): _judge_rows(path, rows) for path in sorted(run_dir.glob("judge-*.jsonl"))
        },
        judge_summary=_read_object(run_dir / "judges.json", missing={}),
        lines=_lines(run_dir / LINES),
        passages={
            conversation_id: conversation.get("passages", {})  # runs of earlier versions have none
            for conversation_id, conversation in _read_object(run_dir / LINES, missing={}).items()
        },
    )


def _summary(path: Path) -> dict[str, Any]:
    summary = _read_object(path)
    parts: list[tuple[str, Any, Collection[str]]] = [
        ("", summary, _SUMMARY_FIELDS),
        ("data.", summary.get("data"), json_types(DataSummary)),
    ]
    programs = summary.get("programs")
    if isinstance(programs, dict):
        needed = json_types(ScoreSummary)
        parts += [(f"programs.{name}.", scores, needed) for name, scores in programs.items()]
    for prefix, part, fields in parts:
        missing = [field for field in fields if not isinstance(part, dict) or field not in part]
        if missing or not programs:
            raise RunFolderError(
                f"{path} has no {prefix}{missing[0] if missing else 'programs'}: "
                f"write it again, python evaluate.py --resume {path.parent}"
            )
    return summary


def _whole(rows: Mapping[str, Mapping[str, AnswerRow]], summary: Mapping[str, Any], run_dir: Path) -> dict[str, Any]:
    """The rows of the summary's programs, in its order; all of them, or RunFolderError."""
    asked = {question_id for answers in rows.values() for question_id in answers}
    for name in summary["programs"]:
        missing = sorted(asked - set(rows.get(name, ())), key=natural_order)
        if missing or not asked:
            raise RunFolderError(
                f"{run_dir / ANSWERS} lacks {len(missing) or 'all'} answers of program {name}"
                f"{f' ({missing[0]}, ...)' if missing else ''}: python evaluate.py --resume {run_dir}"
            )
    return {name: rows[name] for name in summary["programs"]}


def _judge_rows(path: Path, answers: Mapping[str, Mapping[str, AnswerRow]]) -> dict[tuple[str, str], VerdictRow]:
    verdicts: dict[tuple[str, str], VerdictRow] = {}
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise RunFolderError(f"{path} ends in a half-written row: run that judge again, it judges only what is missing")
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            read = json.loads(line)
        except ValueError:
            read = None
        row = _checked(read, VerdictRow, path, number)
        answer = answers.get(row["program"], {}).get(row["question_id"])
        if answer is not None and row["answer_digest"] == answer_digest(answer):
            verdicts[row["program"], row["question_id"]] = row
    return verdicts


def _checked(row: object, kind: type[T], path: Path, number: int) -> T:
    if problem := problem_of(row, kind):
        raise RunFolderError(f"{path}, line {number}{problem}: delete the line")
    return cast(T, row)


def _lines(path: Path) -> Lines:
    if not path.exists():
        return {}
    lines: dict[str, dict[str, tuple[str, str, str]]] = {}
    for conversation_id, conversation in _read_object(path).items():
        turns = conversation.get("turns") if isinstance(conversation, dict) else None
        if not isinstance(turns, dict) or not all(
            isinstance(turn, list) and len(turn) == 3 and all(isinstance(part, str) for part in turn)
            for turn in turns.values()
        ):
            raise RunFolderError(
                f"{path}: conversation {conversation_id} must be "
                '{"turns": {id: [header, brief line, full line]}}; delete the file to do without contexts'
            )
        # a turn that says nothing in brief comes without its session's header, though in full it may stand below it
        headers = {_session(turn_id): turn[0] for turn_id, turn in turns.items() if turn[0]}
        lines[conversation_id] = {
            turn_id: (headers.get(_session(turn_id), ""), turn[1], turn[2]) for turn_id, turn in turns.items()
        }
    return lines


def _session(turn_id: str) -> str:
    return turn_id.rpartition(":")[0]


def _read_object(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    if missing is not None and not path.exists():
        return missing
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(f"{path} is not JSON ({error}): write it again by python evaluate.py --resume") from error
    if not isinstance(found, dict):
        raise RunFolderError(f"{path} holds no JSON object: write it again by python evaluate.py --resume")
    return found
