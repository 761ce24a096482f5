"""The benchmark as one call, with real memories of the bundled sample and with fakes that search."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import checkout
import pytest
from checkout import ROOT

import evaluate
from evaluation.config import EvaluationConfig
from harness.runs import Run, RunFolderError
from locomo.asking import BenchmarkStoppedError, Finding, recalled
from locomo.benchmark import BenchmarkProgress, BenchmarkResult, RowList, ask_programs
from locomo.latency import PERCENTILE_DEFINITION
from locomo.questions import choose
from locomo.rows import SearchRow
from locomo.schema import DataError, Question
from locomo.searches import searching_programs
from memoryqa.config import MemoryConfig, RankingConfig
from memoryqa.errors import UsageError
from memoryqa.memories import Memories
from reports.records import load_run

SAMPLE = str(checkout.SAMPLE)


class Fixed:
    """Finds the same turns whatever is asked, and records how it was called."""

    def __init__(self, *ids: str, error: Exception | None = None) -> None:
        self.ids = ids
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def __call__(self, **inputs: Any) -> Finding:
        self.calls.append(inputs)
        if self.error is not None and len(self.calls) == 1:
            raise self.error
        return Finding(self.ids, 10 * inputs["budget_tokens"])


def retrieve(program: Any, **more: Any) -> BenchmarkResult:
    selection = choose(SAMPLE, split="all", num=more.pop("num_test", None))
    return ask_programs({"memory": program}, selection, budgets_tokens=(100, 300), **more)


def retrieve_sample(config: MemoryConfig | None = None) -> BenchmarkResult:
    selection = choose(SAMPLE, split="all", num=30)
    memories = Memories.of(selection.conversations, config or MemoryConfig())
    return ask_programs(searching_programs(("memory",), memories), selection, budgets_tokens=(500, 1000, 2000, 4000))


# -- what is measured --------------------------------------------------------------------------------------------------


def test_metrics_are_flat_and_what_was_not_measured_is_none_and_not_zero() -> None:
    metrics = retrieve_sample().metrics
    assert all(value is None or isinstance(value, int | float | str) for value in metrics.values())
    assert metrics["f1"] is metrics["f1_temporal"] is metrics["hops_mean"] is None
    recalls = [metrics[f"evidence_recall_at_{budget}"] for budget in (500, 1000, 2000, 4000)]
    assert recalls == sorted(recalls)
    assert recalls[0] > 0.3
    assert metrics["evidence_recall"] == recalls[-1]
    assert metrics["all_evidence_rate"] == metrics["all_evidence_at_4000"]
    assert metrics["retention"] == 1.0  # of a conversation that does not fit, what is asked about is held
    small = retrieve_sample(MemoryConfig(memory_tokens=4_000)).metrics["retention"]
    assert 0.3 < small < 0.9
    assert 0 < metrics["latency_sec_p50"] <= metrics["latency_sec_p95"] <= metrics["latency_sec_p99"]
    assert metrics["latency_questions"] == metrics["questions"] == 30
    assert metrics["latency_percentiles"] == PERCENTILE_DEFINITION
    assert metrics["lm_calls_mean"] == 0
    json.dumps(metrics, allow_nan=False)


def test_answers_have_no_recall_at_budgets_and_no_retention() -> None:
    class Answers:
        def __call__(self, conversation_id: str, question: str) -> Any:
            return type("Answer", (), {"answer": "kite"})()

    metrics = ask_programs({"memory": Answers()}, choose(SAMPLE, split="all", num=5)).metrics
    assert isinstance(metrics["f1"], float)
    assert metrics["all_evidence_at_2000"] is metrics["retention"] is None


@pytest.mark.slow
def test_retention_is_of_the_working_memory_and_recall_of_all() -> None:
    small = retrieve_sample(MemoryConfig(memory_tokens=300)).metrics
    assert small["memory_tokens_max"] <= 300
    assert small["retention"] < 0.6 < small["evidence_recall"]
    without = retrieve_sample(MemoryConfig(memory_tokens=300, recovery=False)).metrics
    assert without["evidence_recall"] <= without["retention"]


@pytest.mark.slow
def test_the_ranking_of_the_config_is_the_one_that_is_measured() -> None:
    worst = RankingConfig(synonym_weight=0, question_prior=50.0)  # questions first, whatever they are about
    shipped = retrieve_sample().metrics["evidence_recall_at_500"]
    assert retrieve_sample(MemoryConfig(ranking=worst)).metrics["evidence_recall_at_500"] < shipped


def test_a_program_that_retrieves_is_given_the_question_and_the_budget_and_nothing_else() -> None:
    program = Fixed("D1:1")
    retrieve(program, num_test=3)
    assert len(program.calls) == 6
    assert all(set(call) == {"conversation_id", "question", "budget_tokens"} for call in program.calls)
    assert [call["budget_tokens"] for call in program.calls] == [100, 300] * 3


def test_scores_are_counted_at_each_budget_and_the_row_is_of_the_largest() -> None:
    class Growing(Fixed):
        def __call__(self, **inputs: Any) -> Finding:
            return Finding(self.ids if inputs["budget_tokens"] > 200 else (), inputs["budget_tokens"])

    found = retrieve(Growing(*(f"D{session}:{turn}" for session in range(1, 40) for turn in range(1, 60))), num_test=4)
    assert found.metrics["evidence_recall_at_100"] == 0
    assert found.metrics["evidence_recall_at_300"] == found.metrics["evidence_recall"] == 1
    assert found.metrics["context_tokens_mean"] == 300


def test_a_question_that_failed_found_nothing_and_its_time_does_not_count() -> None:
    result = retrieve(Fixed("D1:1", error=RuntimeError("no luck")), num_test=10)
    failed = [row for row in result.rows.values() if row["error"]]
    assert [row["error"] for row in failed] == ["RuntimeError: no luck"]
    assert failed[0]["evidence_recall"] == failed[0]["evidence_recall_at"]["100"] == 0
    assert failed[0]["context_tokens"] is failed[0]["latency_sec"] is None
    assert (result.metrics["failures"], result.metrics["latency_questions"]) == (1, 9)


# -- rows, progress, resuming ------------------------------------------------------------------------------------------


def test_every_question_is_a_row_in_the_file_and_none_is_asked_twice(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {}, {})
    program = Fixed("D1:1")
    jsonl = run.run_dir / "answers.jsonl"
    first = retrieve_into(run, jsonl, program)
    assert first.jsonl == jsonl
    assert len(jsonl.read_text().splitlines()) == 4
    again = retrieve_into(run, jsonl, program)
    assert len(program.calls) == 8
    assert again.metrics == first.metrics


def retrieve_into(run: Run, jsonl: Path, program: Fixed) -> BenchmarkResult:
    return retrieve(program, num_test=4, rows=run, jsonl=jsonl)


def test_progress_is_told_after_each_row_and_what_it_raises_ends_the_run() -> None:
    told: list[BenchmarkProgress] = []

    def on_progress(progress: BenchmarkProgress) -> None:
        told.append(progress)
        if progress.completed == 3:
            raise InterruptedError

    program, rows = Fixed("D1:1"), RowList()
    with pytest.raises(InterruptedError):
        retrieve(program, num_test=9, rows=rows, on_progress=on_progress)
    assert [(one.completed, one.total, one.failed) for one in told] == [(1, 9, 0), (2, 9, 0), (3, 9, 0)]
    assert len(rows.latest_rows("question_id")) == 3
    retrieve(program, num_test=9, rows=rows)
    assert len({call["question"] for call in program.calls}) == 9


def test_a_program_that_fails_throughout_stops_the_benchmark() -> None:
    class Broken:
        def __call__(self, **inputs: Any) -> Finding:
            raise ValueError("broken")

    with pytest.raises(BenchmarkStoppedError, match="broken"):
        retrieve(Broken(), num_test=10)


def test_the_report_is_a_table_of_what_was_measured() -> None:
    result = retrieve(Fixed("D1:1"), num_test=4)
    lines = result.report.splitlines()
    assert lines[0].startswith("sample, split all: 4 questions of ")
    assert len({len(line) for line in lines[1:-1]}) == 1
    assert not [line for line in lines if line.startswith("f1")]
    assert any(line.split() == ["questions", "4"] for line in lines)
    assert PERCENTILE_DEFINITION in lines[-1]


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"budgets_tokens": (500, 100)}, r"budgets_tokens must ascend"),
        ({"programs": ("full-context",)}, "full-context retrieves nothing"),
        ({"model": "openai/x"}, "asks no LM: drop `model`"),
        ({"predictions": "x.jsonl"}, "asks no LM: drop `predictions`"),
    ],
)
def test_a_bad_option_is_one_line(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as error:
        EvaluationConfig(**{"data": SAMPLE, "mode": "retrieval", **options})
    assert "\n" not in str(error.value)


def test_an_unknown_split_is_one_line() -> None:
    with pytest.raises(DataError, match="unknown split 'dev'") as error:
        choose(SAMPLE, split="dev")
    assert "\n" not in str(error.value)


def test_the_data_come_from_the_environment_where_no_option_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCOMO_PATH", SAMPLE)
    assert choose().dataset.is_sample


@pytest.mark.slow
def test_a_retrieval_run_of_evaluate_has_the_benchmarks_numbers_and_loads_no_language_model_library(
    tmp_path: Path,
) -> None:
    check = (
        "import sys, evaluate\n"
        "assert evaluate.main(sys.argv[1:]) == 0\n"
        "assert not {'dspy', 'litellm', 'mlflow'} & set(sys.modules)\n"
    )
    flags = ["--data", SAMPLE, "--split", "all", "--mode", "retrieval", "--num-test", "30", "--no-mlflow"]
    command = [sys.executable, "-c", check, *flags, "--programs", "memory", "--run-dir", "r"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])["programs"]["memory"]
    metrics = retrieve_sample().metrics
    assert summary["evidence_recall_at"] == {
        str(b): metrics[f"evidence_recall_at_{b}"] for b in (500, 1000, 2000, 4000)
    }
    assert summary["retention"] == metrics["retention"]
    assert len((tmp_path / "r" / "answers.jsonl").read_text().splitlines()) == 30
    assert "all_evidence_at_2000" in (tmp_path / "r" / "report.txt").read_text()
    with pytest.raises(RunFolderError, match="is a retrieval run, without answers to show"):
        load_run(tmp_path / "r")


@pytest.mark.parametrize("flag", [["--judge-model", "openai/x"], ["--dry-run"]])
def test_a_retrieval_run_has_no_use_for_an_lm(flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--data", SAMPLE, "--mode", "retrieval", *flag]) == 2
    assert f"--mode retrieval asks no LM: drop {flag[0]}" in capsys.readouterr().err


# -- the plain call ----------------------------------------------------------------------------------------------------


def test_programs_are_asked_the_questions_of_a_selection() -> None:
    selection = choose(SAMPLE, split="all", num=6)
    assert set(selection.conversations) == {question.conversation_id for question in selection.questions}
    program = Fixed("D1:1")
    result = ask_programs({"mine": program}, selection, budgets_tokens=(100, 300))
    assert set(result.rows) == {("mine", question.id) for question in selection.questions}
    assert result.metrics["context_tokens_mean"] == 3000
    assert [call["question"] for call in program.calls[::2]] == [question.text for question in selection.questions]


def test_a_report_on_the_sample_says_that_it_is_not_locomo() -> None:
    report = ask_programs({"mine": Fixed()}, choose(SAMPLE, split="all", num=2), budgets_tokens=(100,)).report
    assert "NOT LoCoMo" in report.splitlines()[0]


def test_a_row_of_an_earlier_measurement_is_used_through_the_seam_that_asks() -> None:
    selection = choose(SAMPLE, split="all", num=3)

    def ask(name: str, program: Any, question: Question) -> tuple[SearchRow, None]:
        measured = {"evidence_recall": 1.0, "evidence_recall_at": {"100": 1.0}, "all_evidence_at": {"100": True}}
        return recalled(name, question, measured), None

    def never(**inputs: Any) -> Finding:
        raise AssertionError

    result = ask_programs({"mine": never}, selection, budgets_tokens=(100,), ask=ask)
    assert result.metrics["evidence_recall"] == result.metrics["evidence_recall_at_100"] == 1.0
    assert (result.metrics["latency_questions"], result.metrics["failures"]) == (0, 0)
