"""A whole evaluation by one call: what it leaves in a run folder, and what a stop keeps."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import checkout
import pytest

from evaluation.benchmark import run_benchmark
from harness.runs import Run
from locomo.asking import BenchmarkStoppedError, Finding
from locomo.questions import Selection, choose
from locomo.rows import AnswerRow, json_types, problem_of
from memoryqa.config import MemoryConfig
from memoryqa.memories import Memories
from reports.evaluated import evaluate_programs, new_run, write_results
from reports.records import load_run


@pytest.fixture
def selection() -> Selection:
    return choose(str(checkout.SAMPLE), split="all", num=4)


@pytest.mark.slow
def test_a_benchmark_with_a_folder_leaves_what_evaluate_leaves(
    selection: Selection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memories = Memories.of(selection.conversations, MemoryConfig())

    def newest(conversation_id: str, question: str) -> Any:
        found = memories[conversation_id].recent(50)
        return SimpleNamespace(answer=found.text[:40], retrieved_ids=found.ids, context_tokens=found.tokens)

    folder = tmp_path / "r"
    programs = {"newest": newest, "plain": lambda conversation_id, question: "a kite"}
    result = run_benchmark(programs, selection, run_dir=folder, memories=memories)
    assert result.jsonl == folder / "answers.jsonl"
    rows = [json.loads(line) for line in result.jsonl.read_text(encoding="utf-8").splitlines()]
    assert [problem_of(row, AnswerRow) for row in rows] == [None] * 8
    assert {row["answer"] for row in rows if row["program"] == "plain"} == {"a kite"}
    assert list(load_run(folder).rows) == ["newest", "plain"]
    for name in ("config.json", "manifest.json", "summary.json", "lines.json", "report.html"):
        assert (folder / name).is_file(), name
    assert list((folder / "plots").iterdir())
    assert "NOT LoCoMo" in result.report
    assert "NOT LoCoMo" in capsys.readouterr().err
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["programs"]["plain"]["f1"] == result.summaries["plain"]["f1"]


def test_the_same_call_again_asks_only_what_is_missing(selection: Selection, tmp_path: Path) -> None:
    calls: list[str] = []

    def search(conversation_id: str, question: str, budget_tokens: int) -> Finding:
        calls.append(question)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return Finding((), budget_tokens)

    with pytest.raises(BenchmarkStoppedError, match=r"interrupted; .* answers are kept: .*make the same call again"):
        run_benchmark({"mine": search}, selection, budgets_tokens=(100,), run_dir=tmp_path / "r")
    kept = len(Run.open(tmp_path / "r").rows())
    result = run_benchmark({"mine": search}, selection, budgets_tokens=(100,), run_dir=tmp_path / "r")
    assert len(calls) == 2 + 4 - kept
    assert "NOT LoCoMo" in (tmp_path / "r" / "report.txt").read_text(encoding="utf-8")
    assert result.metrics["context_tokens_mean"] == 100


def test_results_can_be_written_from_rows_that_were_asked_elsewhere(selection: Selection, tmp_path: Path) -> None:
    run = new_run(tmp_path / "r", {"evaluation": {}}, selection, task_lm="task LM: none", prompt_lm="prompt LM: none")
    assert run.manifest["prompt_lm"] == "prompt LM: none"
    result = run_benchmark({"a": lambda **inputs: "no"}, selection)
    for row in result.rows.values():
        run.append(row)
    document = write_results(run, result, selection, task_lm="task LM: none")
    assert document == json.loads((run.run_dir / "summary.json").read_text(encoding="utf-8"))
    assert document["programs"]["a"]["judge_accuracy"] is None
    assert set(json_types(AnswerRow)) <= set(run.rows()[0])


def test_a_failure_of_every_question_stops_and_says_what_to_do(selection: Selection, tmp_path: Path) -> None:
    def broken(**inputs: str) -> str:
        raise ValueError("broken")

    run = new_run(tmp_path / "r", {}, selection, task_lm="none")
    with pytest.raises(BenchmarkStoppedError, match=r"broken; .* answers are kept: mend the cause, then do this"):
        evaluate_programs(run, {"a": broken}, selection, task_lm="none", resume="do this")
