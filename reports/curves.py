"""Series behind the report's charts and plots: evidence by rank, latencies, tokens, judged shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from locomo.rows import FULL_LINES_PROGRAM, AnswerRow
from memoryqa.rendering import join_passages
from reports.records import VERDICTS, RunRecords

ABSTENTION_JUDGE = "abstention"  # it reads all categories
_TOKEN_STEPS = tuple(round(125 * 2 ** (half / 2)) for half in range(23))  # 125, 177, 250, ... 256,000
_TURN_STEPS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True)
class EvidenceCurve:
    """Evidence found within the first `steps` tokens (or turns) of the contexts, best-ranked lines first.

    recall, all_evidence: fractions 0..1, one per step, over the `n` questions that name evidence.
    """

    steps: tuple[int, ...]
    recall: tuple[float, ...]
    all_evidence: tuple[float, ...]
    n: int


@dataclass(frozen=True)
class JudgedShare:
    """Verdicts of one judge on one program. `accuracy` is of the readable ones; None when there is none.

    ci95: its 95% interval, where judges.json has one for the same accuracy.
    """

    correct: int
    wrong: int
    unreadable: int
    ci95: tuple[float, float] | None

    @property
    def n(self) -> int:
        return self.correct + self.wrong

    @property
    def accuracy(self) -> float | None:
        return self.correct / self.n if self.n else None


def curve_unit(records: RunRecords) -> Literal["tokens", "turns"]:
    """Tokens where every conversation's lines are at hand, else turns."""
    asked_about = {row["conversation_id"] for row in records.questions.values()}
    return "tokens" if asked_about <= set(records.lines) else "turns"


def evidence_curve(program: str, records: RunRecords) -> EvidenceCurve | None:
    """The curve of one program; None when no question names evidence."""
    unit = curve_unit(records)
    costs: list[list[float]] = []  # per question, per gold turn: where it is found, infinity when it is not
    longest = 0.0
    for row in records.rows[program].values():
        if row["gold_evidence_ids"]:
            places = _places(row, records if unit == "tokens" else None, program == FULL_LINES_PROGRAM)
            costs.append([places.get(turn_id, float("inf")) for turn_id in row["gold_evidence_ids"]])
            longest = max(longest, *places.values()) if places else longest
    if not costs:
        return None
    every_step = _TOKEN_STEPS if unit == "tokens" else _TURN_STEPS
    last = next((index for index, step in enumerate(every_step) if step > longest - 1), len(every_step) - 1)
    steps = every_step[: last + 1]
    return EvidenceCurve(
        steps=steps,
        recall=tuple(_mean([_mean([place <= step for place in found]) for found in costs]) for step in steps),
        all_evidence=tuple(_mean([max(found) <= step for found in costs]) for step in steps),
        n=len(costs),
    )


def _places(row: AnswerRow, records: RunRecords | None, full: bool) -> dict[str, float]:
    """Turn id -> tokens of the context up to and with it, in order of rank; without records, its rank from 1.

    The tokens of the whole context were counted; a line's are taken as its share of the characters, header included
    with the first line of its session.
    """
    if records is None:
        return {turn_id: float(rank) for rank, turn_id in enumerate(row["retrieved_ids"], start=1)}
    turns = records.lines[row["conversation_id"]]
    starts = records.passages.get(row["conversation_id"], {})
    headers: set[str] = set()
    so_far, ends = 0, dict[str, float]()
    for turn_id in row["retrieved_ids"]:
        header, brief, whole = turns.get(turn_id, ("", "", ""))
        text = whole if full else brief
        shown = row.get("shown", {}).get(turn_id)
        if isinstance(shown, str):
            text = shown
        elif shown is not None and turn_id in starts:
            text = join_passages(whole, starts[turn_id], shown)
        so_far += len(text) + 1
        if header not in headers:
            headers.add(header)
            so_far += len(header) + 1
        ends[turn_id] = so_far
    return {turn_id: end * (row["context_tokens"] or 0) / so_far for turn_id, end in ends.items()}


def latencies_sec(answers: Mapping[str, AnswerRow]) -> list[float]:
    """Seconds of the answers that were timed, did not fail and came from no cache, as in the summary."""
    timed = (row for row in answers.values() if row["error"] is None and not row["lm_calls_cached"])
    return [row["latency_sec"] for row in timed if row["latency_sec"] is not None]


def prompt_tokens(answers: Mapping[str, AnswerRow]) -> list[int]:
    """Prompt tokens per question, all LM calls together; of answers that did not fail and were counted."""
    counted = [row["prompt_tokens"] for row in answers.values() if row["error"] is None]
    return [tokens for tokens in counted if tokens is not None]


def judged_share(judge: str, program: str, records: RunRecords) -> JudgedShare:
    """One judge's verdicts on a program's answers to the kinds that count; those of the abstention judge on questions
    that are to be declined.

    How often a program declines elsewhere is another number.
    """
    answers, verdicts = records.rows[program], records.judges[judge]
    kinds = records.kinds
    counted = kinds.declined if judge.startswith(ABSTENTION_JUDGE) else kinds.counted
    found = [
        verdicts[program, question_id]["verdict"]
        for question_id, row in answers.items()
        if (program, question_id) in verdicts and row["category"] in counted
    ]
    correct, wrong, unreadable = (found.count(verdict) for verdict in VERDICTS)
    summary = records.judge_summary.get("judges", {}).get(judge, {}).get("programs", {}).get(program, {})
    ci95 = summary.get("ci95", {}).get("accuracy")
    is_same = summary.get("correct") == correct and summary.get("wrong") == wrong  # else it was judged again since
    return JudgedShare(correct, wrong, unreadable, (ci95[0], ci95[1]) if ci95 and is_same else None)


def interval(scores: Mapping[str, Any], key: str, category: str | None = None) -> tuple[float, float] | None:
    """The 95% interval of a score in a program's summary: `ci95` mirrors the scores, `[low, high]` or null for each."""
    found = (scores.get("ci95") or {}).get(key)
    if category is not None:
        found = (found or {}).get(category)
    return (found[0], found[1]) if found else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
