"""Small data sets in LoCoMo's format, for tests: our own text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def turn_record(dia_id: str, text: str = "I planted leeks.", speaker: str = "Ines", **more: Any) -> dict[str, Any]:
    return {"dia_id": dia_id, "speaker": speaker, "text": text, **more}


def question_record(category: int = 4, **more: Any) -> dict[str, Any]:
    return {"question": "What did Ines plant?", "answer": "leeks", "category": category, "evidence": ["D1:1"], **more}


def conversation_record(sample_id: str = "garden", num_sessions: int = 2, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"speaker_a": "Ines", "speaker_b": "Bo"}
    for number in range(1, num_sessions + 1):
        body[f"session_{number}_date_time"] = f"{number % 12 + 1}:05 pm on {number % 28 + 1} March, 2021"
        body[f"session_{number}"] = [turn_record(f"D{number}:1"), turn_record(f"D{number}:2", "Lovely!", "Bo")]
    return {"sample_id": sample_id, "conversation": body, "qa": [question_record()], **more}


def locomo_records(sample_ids: Sequence[str], questions_per_category: int = 4) -> list[dict[str, Any]]:
    """One conversation per id, with the same number of questions in each of the five categories."""
    qa = [question_record(category) for category in (1, 2, 3, 4, 5) for _ in range(questions_per_category)]
    return [conversation_record(sample_id, qa=qa) for sample_id in sample_ids]


def write_records(path: Path, records: object) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path
