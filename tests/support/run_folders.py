"""Finished run folders for tests of the report, as evaluate.py and locomo.llm_judge leave them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from answer_rows import Row, answer_row
from judged_runs import verdict_row

from locomo.summary import summarise

SPEAKERS = ("Ines", "Tomas")
MARKUP = "<script>alert(1)</script> </script><!-- & \"quotes\" 'n' <b>bold</b>"


def turn_lines(num_sessions: int = 3, num_turns: int = 6, extra: str = "") -> dict[str, list[str]]:
    """Turn id -> [header, brief line, full line]; the brief line lacks a greeting."""
    lines = {}
    for session in range(1, num_sessions + 1):
        header = f"[D{session}, {session} May 2024]"
        for turn in range(1, num_turns + 1):
            said = f"I planted {session * turn} tulips behind shed {turn} of row {session}.{extra}"
            speaker = SPEAKERS[turn % 2]
            lines[f"D{session}:{turn}"] = [header, f"{turn} {speaker}: {said}", f"{turn} {speaker}: Hello! {said}"]
    return lines


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_run(
    run_dir: Path,
    rows: Sequence[Row],
    *,
    judges: Mapping[str, Sequence[Row]] | None = None,
    lines: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    passages: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
    is_bundled_sample: bool = False,
    **scores: Any,
) -> Path:
    """A run of `rows`. `lines`: conversation id -> `turn_lines`. `scores` are added to every program's summary."""
    run_dir.mkdir(parents=True)
    programs = list(dict.fromkeys(row["program"] for row in rows))
    latest = {(row["program"], row["question_id"]): row for row in rows}
    summary = {
        "run_dir": str(run_dir),
        "task_lm": "task LM: none",
        "data": {
            "name": "tulips",
            "sha256": "ab" * 32,
            "split": "val",
            "conversations": len({row["conversation_id"] for row in rows}),
            "questions": len({row["question_id"] for row in rows}),
            "is_bundled_sample": is_bundled_sample,
        },
        "programs": {
            name: {**summarise([row for (program, _), row in latest.items() if program == name]), **scores}
            for name in programs
        },
    }
    files = {
        "config.json": {},
        "manifest.json": {
            "commit": "c0ffee" * 6 + "-dirty",
            "started_at": "2024-05-01T10:00:00+00:00",
            "data": {"notes": ["3 questions left out"]},
        },
        "summary.json": summary,
    }
    if lines is not None:
        files["lines.json"] = {conversation: {"turns": turns} for conversation, turns in lines.items()}
    for conversation, starts in (passages or {}).items():
        files["lines.json"][conversation]["passages"] = starts
    for name, content in files.items():
        (run_dir / name).write_text(json.dumps(content), encoding="utf-8")
    write_jsonl(run_dir / "answers.jsonl", rows)
    for judge, verdicts in (judges or {}).items():
        write_jsonl(run_dir / f"judge-{judge}.jsonl", verdicts)
    return run_dir


def garden_run(run_dir: Path, **changes: Any) -> Path:
    """Two programs, eight questions of two conversations: all categories, a failure, a problem, misses, markup."""
    rows: list[Row] = []

    def ask(question_id: str, simple: Row, memory: Row, **both: Any) -> None:
        rows.append(answer_row("simple", question_id, **both, **{"memory_tokens": None, "hops": 0, **simple}))
        rows.append(answer_row("memory", question_id, **both, **memory))

    wrong = {"answer": "nine", "f1": 0.0}
    far = {"retrieved_ids": ["D3:6", "D3:5", "D3:4"]}
    ask(
        "garden:1",
        {**wrong, **far},
        {"evidence_ids": ["D2:3"]},
        question="How many tulips behind shed three of row two?",
    )
    ask(
        "garden:2",
        {**wrong, **far},
        {
            "f1": 0.4,
            "retrieved_ids": ["D2:3", "D1:4", "D3:1"],
            "queries": ["planted bulbs", "rows of tulips"],
            "hops": 2,
        },
        category=1,
        question="Which sheds have tulips?",
        gold="two, three",
        gold_evidence_ids=["D2:3", "D1:2", "D3:1", "D1:6"],
    )
    ask("garden:3", {}, wrong, category=2, question="When were they planted?", gold="2 May 2024")
    ask(
        "garden:10", {**wrong, **far}, {"problems": ["the queries could not be read"]}, category=3, gold_evidence_ids=[]
    )
    ask("harbour:1", {"f1": 0.0}, {"answer": "No information available"}, category=5, gold="", question="What sank?")
    ask(
        "harbour:2",
        {**wrong, **far},
        {
            "answer": "",
            "f1": 0.0,
            "retrieved_ids": [],
            "context_tokens": None,
            "hops": None,
            "error": "TimeoutError: slow",
        },
        question="Where is the boat?",
    )
    ask("harbour:3", {"answer": MARKUP}, {"answer": MARKUP}, question=f"Which tag? {MARKUP}", gold=f"a tag {MARKUP}")
    ask("harbour:4", {"lm_calls_cached": 2}, {}, question="Größe des Boots? 船の大きさは？")
    strict = [verdict_row(row, "CORRECT" if row["f1"] else "WRONG", f"{row['f1']:.1f} of it") for row in rows[:8]]
    strict[2]["verdict"] = "UNREADABLE"
    votes = [
        {"verdict": "CORRECT", "reason": MARKUP},
        {"verdict": "CORRECT", "reason": "b"},
        {"verdict": "WRONG", "reason": "c"},
    ]
    strict[1] |= {"votes": votes, "reason": MARKUP, "num_votes": 3}
    lines = {"garden": turn_lines(), "harbour": turn_lines(extra=f" {MARKUP}")}
    return write_run(run_dir, rows, **{"judges": {"strict@judge-model": strict}, "lines": lines, **changes})
