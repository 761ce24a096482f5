"""One row of answers.jsonl, as evaluate.py keeps it, for tests of what reads them."""

from __future__ import annotations

from typing import Any

from locomo.evaluate import all_evidence, evidence_recall

Row = dict[str, Any]


def answer_row(program: str, question_id: str, **changes: Any) -> Row:
    """A row of answers.jsonl; evidence scores follow from the ids."""
    row: Row = {
        "program": program,
        "question_id": question_id,
        "conversation_id": question_id.split(":")[0],
        "category": 4,
        "question": f"How many tulips of {question_id}?",
        "gold": "six",
        "gold_evidence_ids": ["D2:3"],
        "answer": "six",
        "f1": 1.0,
        "mem0_f1": 1.0,
        "evidence_ids": [],
        "retrieved_ids": ["D2:3", "D1:1", "D1:2"],
        "hops": 1,
        "queries": [],
        "context_tokens": 60,
        "memory_tokens": 400,
        "problems": [],
        "lm_calls": 2,
        "lm_calls_cached": 0,
        "prompt_tokens": 900,
        "completion_tokens": 20,
        "latency_sec": 0.25,
        "error": None,
        **changes,
    }
    row["evidence_recall"] = evidence_recall(row["retrieved_ids"], row["gold_evidence_ids"])
    row["all_evidence"] = all_evidence(row["retrieved_ids"], row["gold_evidence_ids"])
    return row
