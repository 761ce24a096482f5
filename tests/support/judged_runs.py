"""Run folders with answers, and a judge that follows a script, for tests of what judges and compares them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import answer_rows
from openai_server import chat_fields, json_fields

from harness.runs import Run
from locomo.judging.verdicts import answer_digest
from locomo.rows import AnswerRow

_FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ## |\n\nRespond with )", re.DOTALL)
_REFUSAL = re.compile("No information|don't know|never talked|does not say|not mentioned")
_MARKS = {"generous": "lenient", "give nothing away": "strict", "declines to answer": "abstention"}


def answer_row(number: int, **more: Any) -> dict[str, Any]:
    """A right answer to question `number`, of category 4 and conversation chat-0, as evaluate.py keeps it."""
    of_this_question = {
        "question": f"What did Ines plant in bed {number}?",
        "gold": f"leeks{number}",
        "answer": f"leeks{number}",
        "gold_evidence_ids": ["D1:1"],
        "evidence_ids": ["D1:1"],
        "retrieved_ids": ["D1:1"],
    }
    return answer_rows.answer_row("memory", f"chat-0:{number}", **of_this_question) | more


def verdict_row(answer: Mapping[str, Any], verdict: str, reason: str = "because", **more: Any) -> dict[str, Any]:
    """A strict judge's verdict on `answer`, as locomo.llm_judge keeps it."""
    return {
        "judge": "strict",
        "model": "judge-model",
        "num_votes": 1,
        "prompt_digest": "0" * 16,
        "program": answer["program"],
        "question_id": answer["question_id"],
        "conversation_id": answer["conversation_id"],
        "category": answer["category"],
        "answer_digest": answer_digest(cast(AnswerRow, answer)),
        "verdict": verdict,
        "reason": reason,
        "without_lm": False,
        "declines": None,
        "votes": [{"verdict": verdict, "reason": reason}],
        "lm_calls": 1,
        "lm_calls_cached": 0,
        "prompt_tokens": 300,
        "completion_tokens": 10,
        "latency_sec": 0.1,
        "error": None,
        **more,
    }


def make_run(run_dir: Path, rows: Iterable[Mapping[str, Any]], manifest: Mapping[str, Any] | None = None) -> Path:
    run = Run.create(run_dir, {}, manifest or {})
    for row in rows:
        run.append(row)
    return run_dir


@dataclass(frozen=True)
class Grading:
    """One prompt: which judge reads, and its input fields."""

    judge: str
    inputs: Mapping[str, str]
    body: Mapping[str, Any]


def by_the_words(grading: Grading) -> str:
    """A verdict as a careful judge gives it in these tests, where right answers are the gold itself."""
    if grading.judge == "abstention":
        return "DECLINES" if _REFUSAL.search(grading.inputs["answer"]) else "ANSWERS"
    return "CORRECT" if grading.inputs["answer"] == grading.inputs["reference"] else "WRONG"


@dataclass
class ScriptedJudge:
    """An `Answer` of openai_server that grades by `verdict` and records what it was shown; a probe gets an OK."""

    verdict: Callable[[Grading], str] = by_the_words
    gradings: list[Grading] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        system, user = str(messages[0]["content"]), str(messages[-1]["content"])
        judge = next((name for mark, name in _MARKS.items() if mark in system), None)
        if judge is None:
            return "OK"
        grading = Grading(judge, dict(_FIELD.findall(user)), body)
        with self.lock:
            self.gradings.append(grading)
        form = json_fields if "Outputs will be a JSON object" in system else chat_fields
        return form(reason=f"graded {grading.inputs['answer']}", verdict=self.verdict(grading))
