"""The verdict files of a run folder: what is in them, what is missing, what they come to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, cast

from harness.files import JsonlFile
from harness.runs import ANSWERS
from locomo.judging.ask import Judge, Task, pending
from locomo.judging.names import JudgeName
from locomo.judging.verdicts import (
    Answers,
    Verdicts,
    answers_by_key,
    current_verdicts,
    identity_of,
    judged_name,
    judges_category,
    settled,
    summarise_verdicts,
)
from locomo.kinds import LOCOMO, Kinds
from locomo.rows import AnswerRow, Verdict, VerdictRow, problem_of
from locomo.statistics import cohens_kappa
from memoryqa.errors import UsageError

Kind = Literal["judge", "controls"]
KINDS: tuple[Kind, Kind] = ("judge", "controls")


@dataclass(frozen=True, slots=True)
class Judged:
    """Who gave the verdicts of one file, as its last row says."""

    name: JudgeName
    model: str
    num_votes: int
    prompt_digest: str
    lm_identity: str | None = None


@dataclass(frozen=True, slots=True)
class VerdictFiles:
    """The files `<kind>-<judge>@<model>.jsonl` of one run; `kind` says whether on its answers or on controls.

    kinds: those of the questions, as `kinds_of` reads them from the manifest.
    """

    run_dir: Path
    kind: Kind = "judge"
    kinds: Kinds = LOCOMO

    def append(self, row: VerdictRow) -> None:
        """Keep one verdict, in the file of its judge."""
        name = judged_name(row["judge"], row["model"], row["num_votes"])
        self._file(self._name_for(name, row.get("lm"))).append(row)

    def mend(self) -> None:
        """Cut off what a killed write left in any of the files: a judge that has read all appends nothing."""
        for name in self.names():
            self._file(name).mend()

    def pending(self, judges: Sequence[Judge], answers: Answers) -> list[Task]:
        """What `judges` have not judged yet, or not readably."""
        done = set()
        for judge in judges:
            name = self._name_for(judged_name(judge.name, judge.model, judge.num_votes), identity_of(judge))
            rows = self._rows(name)
            done |= {(judge.name, *key) for key in settled(current_verdicts(rows, answers, judge))}
        return pending(judges, answers.values(), done, self.kinds)

    def names(self) -> list[str]:
        """`<judge>@<model>` of every file that is there."""
        return sorted(path.stem.partition("-")[2] for path in self.run_dir.glob(f"{self.kind}-*.jsonl"))

    def verdicts(self, name: str, answers: Answers) -> tuple[Judged, dict[tuple[str, str], VerdictRow]]:
        """Who judged, and the verdicts that are of the present answers, by (program, question id)."""
        rows = self._rows(name)
        if not rows:
            raise UsageError(f"{self._path(name)} has no whole row: delete it, or judge again")
        last = rows[-1]
        judged = Judged(last["judge"], last["model"], last["num_votes"], last["prompt_digest"], last.get("lm"))
        return judged, current_verdicts(rows, answers, judged)

    def find(self, name: str) -> str:
        """The one file that is meant by `strict` or `strict@model`. Raises UsageError for none and for several."""
        matching = [one for one in self.names() if name in (one, one.partition("@")[0])]
        if len(matching) != 1:
            there = ", ".join(matching or self.names()) or "none: judge first"
            problem = "several judges are called" if matching else "no verdicts of a judge"
            raise UsageError(f"{self.run_dir} has {problem} {name!r}; there are {there}")
        return matching[0]

    def _name_for(self, name: str, lm_identity: str | None) -> str:
        """The name of the judge's file: with its LM's digest when another LM of that name has `name` already."""
        if lm_identity is None:
            return name
        first = _first_lm(self._path(name))
        if first in (None, lm_identity):
            return name
        return f"{name}-at-{hashlib.sha256(lm_identity.encode()).hexdigest()[:6]}"

    def _path(self, name: str) -> Path:
        return self.run_dir / f"{self.kind}-{name}.jsonl"

    def _file(self, name: str) -> JsonlFile:
        return JsonlFile(self._path(name))

    def _rows(self, name: str) -> list[VerdictRow]:
        rows = self._file(name).rows()
        for number, row in enumerate(rows, start=1):
            if problem := problem_of(row, VerdictRow):
                raise UsageError(f"{self._path(name)}, line {number}{problem}: delete the line")
        return cast(list[VerdictRow], rows)


def _first_lm(path: Path) -> str | None:
    """The LM that the first row with one names. Read line by line: this is asked for every verdict."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        for line in file:
            if b'"lm": ' in line and line.endswith(b"\n"):
                found: str | None = json.loads(line).get("lm")
                return found
    return None


def read_answers(run_dir: Path) -> dict[tuple[str, str], AnswerRow]:
    """The answers of a run, by (program, question id). Raises UsageError when there are none."""
    path = run_dir / ANSWERS
    answers = answers_by_key(JsonlFile(path).rows(), str(path))
    if not answers:
        raise UsageError(f"{path} has no answers yet: run evaluate.py first, or finish it with --resume {run_dir}")
    return answers


def summarise_judges(files: VerdictFiles, answers: Answers) -> dict[str, Any]:
    """Per judge's name: who it is, its prompt's digest, and per program `summarise_verdicts` and what is not judged."""
    document = {}
    for name in files.names():
        judged, verdicts = files.verdicts(name, answers)
        programs = {}
        for program in dict.fromkeys(program for program, _ in verdicts):
            rows = [row for (of, _), row in verdicts.items() if of == program]
            asked = [answer for (of, _), answer in answers.items() if of == program]
            wanted = sum(judges_category(judged.name, answer["category"], files.kinds) for answer in asked)
            programs[program] = {**summarise_verdicts(rows, files.kinds), "not_judged": wanted - len(rows)}
        document[name] = {
            "judge": judged.name,
            "model": judged.model,
            "num_votes": judged.num_votes,
            "prompt_digest": judged.prompt_digest,
            **({"lm": judged.lm_identity} if judged.lm_identity else {}),
            "programs": programs,
        }
    return document


def compare_judges(files: VerdictFiles, answers: Answers, name_a: str, name_b: str) -> dict[str, Any]:
    """Two judges' verdicts on the same answers: agreement, Cohen's kappa, and each disagreement with both reasons.

    Unreadable verdicts are counted and left out. Raises UsageError for a judge that is not there, and for the
    abstention judge against one of the others, which look for something else.
    """
    names = [files.find(name_a), files.find(name_b)]
    (judged_a, verdicts_a), (judged_b, verdicts_b) = (files.verdicts(name, answers) for name in names)
    if (judged_a.name == "abstention") != (judged_b.name == "abstention"):
        raise UsageError(f"{names[0]} and {names[1]} look for different things: compare judges that look for the same")
    both = [key for key in verdicts_a if key in verdicts_b]
    readable = [key for key in both if "UNREADABLE" not in (verdicts_a[key]["verdict"], verdicts_b[key]["verdict"])]
    labels_a = [verdicts_a[key]["verdict"] for key in readable]
    labels_b = [verdicts_b[key]["verdict"] for key in readable]
    pairs = list(zip(labels_a, labels_b, strict=True))
    return {
        "a": names[0],
        "b": names[1],
        "n": len(readable),
        "unreadable": len(both) - len(readable),
        "agreement": sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        "kappa": cohens_kappa(labels_a, labels_b),
        "both_correct": pairs.count(("CORRECT", "CORRECT")),
        "both_wrong": pairs.count(("WRONG", "WRONG")),
        "only_a_correct": pairs.count(("CORRECT", "WRONG")),
        "only_b_correct": pairs.count(("WRONG", "CORRECT")),
        "disagreements": _disagreements(readable, answers, verdicts_a, verdicts_b),
    }


class Disagreement(TypedDict):
    """An answer on which judges A and B differ, with both verdicts and reasons."""

    program: str
    question_id: str
    category: int
    question: str
    gold: str
    answer: str
    verdict_a: Verdict
    reason_a: str
    verdict_b: Verdict
    reason_b: str


def _disagreements(
    keys: Iterable[tuple[str, str]], answers: Answers, verdicts_a: Verdicts, verdicts_b: Verdicts
) -> list[Disagreement]:
    differing = [key for key in keys if verdicts_a[key]["verdict"] != verdicts_b[key]["verdict"]]
    return [_disagreement(answers[key], verdicts_a[key], verdicts_b[key]) for key in differing]


def _disagreement(answer: AnswerRow, a: VerdictRow, b: VerdictRow) -> Disagreement:
    return {
        "program": answer["program"],
        "question_id": answer["question_id"],
        "category": answer["category"],
        "question": answer["question"],
        "gold": answer["gold"],
        "answer": answer["answer"],
        "verdict_a": a["verdict"],
        "reason_a": a["reason"],
        "verdict_b": b["verdict"],
        "reason_b": b["reason"],
    }


def judge_columns(judges: Mapping[str, Mapping[str, Any]], program: str, wanted: Collection[str]) -> dict[str, Any]:
    """What evaluate.py's summary says of one program: `judges` of `summarise_judges`, `wanted` names among them.

    `judge_accuracy` is of the lenient judge, as published J scores are; None for a judge that was not asked.
    """
    summaries = {
        judged["judge"]: judged["programs"][program]
        for name, judged in judges.items()
        if name in wanted and program in judged["programs"]
    }

    def of(judge: str, key: str) -> Any:
        return summaries[judge][key] if judge in summaries else None

    def interval(judge: str, key: str) -> Any:
        return summaries[judge]["ci95"][key] if judge in summaries else None

    return {
        "judge_accuracy": of("lenient", "accuracy"),
        "judge_accuracy_by_category": of("lenient", "accuracy_by_category"),
        "judge_strict_accuracy": of("strict", "accuracy"),
        "judge_strict_accuracy_by_category": of("strict", "accuracy_by_category"),
        "judge_abstention_accuracy": of("abstention", "accuracy"),
        "judge_false_abstention_rate": of("abstention", "false_abstention_rate"),
        "judge_unreadable": sum(summary["unreadable"] for summary in summaries.values()) if summaries else None,
        "ci95": {
            "judge_accuracy": interval("lenient", "accuracy"),
            "judge_accuracy_by_category": interval("lenient", "accuracy_by_category"),
            "judge_strict_accuracy": interval("strict", "accuracy"),
            "judge_strict_accuracy_by_category": interval("strict", "accuracy_by_category"),
            "judge_abstention_accuracy": interval("abstention", "accuracy"),
            "judge_false_abstention_rate": interval("abstention", "false_abstention_rate"),
        },
    }
