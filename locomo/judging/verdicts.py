"""What judges said: verdicts, the rows and file names that keep them, and their summaries. No LM is involved.

A row of judge-<name>.jsonl is one judged answer: `judge`, `model`, `num_votes` and `prompt_digest` say who judged;
`program`, `question_id` and `answer_digest` what was judged; `verdict` is CORRECT, WRONG or UNREADABLE.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

from locomo.judging.names import JudgeName
from locomo.kinds import LOCOMO, Kinds
from locomo.rows import AnswerRow, VerdictRow, problem_of
from locomo.statistics import as_pair, clustered_interval
from memoryqa.errors import UsageError

Answers = Mapping[tuple[str, str], AnswerRow]  # by (program, question id)
Verdicts = Mapping[tuple[str, str], VerdictRow]  # the same


class Identity(Protocol):
    """Who judges: verdicts of two identities are never mixed. `model`: its name as chosen, not as sent on the wire.

    One that knows the LM's address and sampling has it as `lm_identity` (memoryqa/lms/identity.py).
    """

    @property
    def name(self) -> JudgeName: ...
    @property
    def model(self) -> str: ...
    @property
    def num_votes(self) -> int: ...
    @property
    def prompt_digest(self) -> str: ...


def judged_name(judge: JudgeName, model: str, num_votes: int) -> str:
    """`strict@openai-gpt-4o-mini`, with `-x3` for three votes: the <name> of judge-<name>.jsonl.

    Judges, models and numbers of votes have files of their own, so that none replaces another's verdicts.
    """
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", model).strip("-.")
    return f"{judge}@{slug}" + (f"-x{num_votes}" if num_votes > 1 else "")


def judges_category(judge: JudgeName, category: int, kinds: Kinds = LOCOMO) -> bool:
    """What is to be declined (LoCoMo's category 5) only the abstention judge reads; that one reads all."""
    return judge == "abstention" or category not in kinds.declined


def answers_by_key(rows: Iterable[object], where: str) -> dict[tuple[str, str], AnswerRow]:
    """Rows of answers.jsonl by (program, question id): an answer given again counts once, as given last.

    Raises UsageError, with `where` and the row's number, for a row that is no AnswerRow.
    """
    answers: dict[tuple[str, str], AnswerRow] = {}
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Mapping) and "evidence_recall_at" in row:
            raise UsageError(f"{where} is of --mode retrieval, which answers nothing: name a run with answers")
        if problem := problem_of(row, AnswerRow):
            raise UsageError(f"{where}, row {number}{problem}: it is no answer of evaluate.py, delete the line")
        answer = cast(AnswerRow, row)
        answers[answer["program"], answer["question_id"]] = answer
    return answers


def answer_digest(answer: AnswerRow) -> str:
    """Digest of what a verdict depends on: question, gold, answer, and whether it failed. 16 hexadecimal digits."""
    judged = [answer["question"], answer["gold"], answer["answer"], answer["category"], answer["error"] is not None]
    return hashlib.sha256(json.dumps(judged).encode()).hexdigest()[:16]


def current_verdicts(
    verdicts: Iterable[VerdictRow], answers: Answers, judge: Identity | None = None
) -> dict[tuple[str, str], VerdictRow]:
    """Verdict rows by (program, question id), the last of each; those of an answer that has since changed are left out.

    With `judge`, also those that another model, prompt or number of votes gave.
    """
    current: dict[tuple[str, str], VerdictRow] = {}
    for row in verdicts:
        key = (row["program"], row["question_id"])
        if key not in answers or row["answer_digest"] != answer_digest(answers[key]):
            continue
        if judge is not None and (row["judge"], row["model"], row["num_votes"], row["prompt_digest"]) != (
            *(judge.name, judge.model, judge.num_votes, judge.prompt_digest),
        ):
            continue
        if judge is not None and not same_lm(row, judge):
            continue
        current[key] = row
    return current


def identity_of(judge: Identity) -> str | None:
    """The judge's LM with its address and sampling; None where it is not known."""
    found: str | None = getattr(judge, "lm_identity", None)
    return found


def same_lm(row: VerdictRow, judge: Identity) -> bool:
    """Whether the LM of `judge` gave the verdict; rows of earlier versions do not say where theirs was."""
    identity = identity_of(judge)
    return row.get("lm") is None or identity is None or row["lm"] == identity


def settled(verdicts: Verdicts) -> set[tuple[str, str]]:
    """What need not be judged again: everything but what was unreadable."""
    return {key for key, row in verdicts.items() if row["verdict"] != "UNREADABLE"}


def summarise_verdicts(rows: Sequence[VerdictRow], kinds: Kinds = LOCOMO) -> dict[str, Any]:
    """One judge's verdicts on one program: counts, and fractions (0..1) of the `n` readable ones, None without any.

    `accuracy` of lenient and strict is over the kinds that count (LoCoMo's categories 1-4), of abstention over those to
    be declined (category 5): how often the program declined where it should. `false_abstention_rate`: how often it
    declined elsewhere, where it should not; None for the other judges. Failed and empty answers (`without_lm`) are
    wrong, but have not declined. `unreadable` is of all that was judged. `num_unanimous`: verdicts on which all votes
    agreed, of `num_voted`. `ci95`: intervals by the bootstrap over conversations, [low, high] or None.
    Raises ValueError when the rows are not all of one judge, model, prompt and program.
    """
    if len({(row["judge"], row["model"], row["num_votes"], row["prompt_digest"], row["program"]) for row in rows}) > 1:
        raise ValueError("verdicts of several judges or programs: summarise them one by one")
    is_abstention = bool(rows) and rows[0]["judge"] == "abstention"
    scored = [row for row in rows if row["category"] in (kinds.declined if is_abstention else kinds.counted)]
    asked = [
        row for row in rows if is_abstention and row["category"] in kinds.answerable and row["declines"] is not None
    ]
    by_category = {name: [row for row in rows if row["category"] == number] for number, name in kinds.names.items()}
    counts = Counter(row["verdict"] for row in scored)
    voted = [row for row in rows if row["votes"]]
    return {
        "n": counts["CORRECT"] + counts["WRONG"],
        "correct": counts["CORRECT"],
        "wrong": counts["WRONG"],
        "unreadable": sum(row["verdict"] == "UNREADABLE" for row in rows),
        "without_lm": sum(row["without_lm"] for row in rows),
        "num_voted": len(voted),
        "num_unanimous": sum(len({vote["verdict"] for vote in row["votes"]}) == 1 for row in voted),
        "accuracy": _accuracy(scored),
        "accuracy_by_category": {name: _accuracy(members) for name, members in by_category.items()},
        "n_by_category": {name: len(_readable(members)) for name, members in by_category.items()},
        "false_abstention_rate": _mean([float(bool(row["declines"])) for row in asked]),
        "false_abstention_questions": len(asked),
        "conversations": len({row["conversation_id"] for row in rows}),
        "ci95": {
            "accuracy": _accuracy_interval(scored),
            "accuracy_by_category": {name: _accuracy_interval(members) for name, members in by_category.items()},
            "false_abstention_rate": _interval([float(bool(row["declines"])) for row in asked], asked),
        },
    }


def is_correct(row: VerdictRow) -> float | None:
    """1.0 or 0.0; None for an unreadable verdict, which counts as neither."""
    return None if row["verdict"] == "UNREADABLE" else float(row["verdict"] == "CORRECT")


def _accuracy(rows: Sequence[VerdictRow]) -> float | None:
    return _mean([float(row["verdict"] == "CORRECT") for row in _readable(rows)])


def _readable(rows: Sequence[VerdictRow]) -> list[VerdictRow]:
    return [row for row in rows if row["verdict"] != "UNREADABLE"]


def _accuracy_interval(rows: Sequence[VerdictRow]) -> list[float] | None:
    return _interval([float(row["verdict"] == "CORRECT") for row in _readable(rows)], _readable(rows))


def _interval(values: Sequence[float], rows: Sequence[VerdictRow]) -> list[float] | None:
    return as_pair(clustered_interval(values, [row["conversation_id"] for row in rows]))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
