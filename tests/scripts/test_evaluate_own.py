"""evaluate.py on a researcher's own program, retriever and predictions; another protocol; what a dry run costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import checkout
import pytest
from commands import Command
from locomo_files import conversation_record, question_record, write_records

import evaluate
from locomo.questions import choose
from reports.records import load_run

MODULE = '''
"""A system of its own."""

from types import SimpleNamespace


def text(memories):
    return lambda conversation_id, question: memories[conversation_id].search(question, 60).text


def with_settings(memories, settings):
    def answer(conversation_id, question):
        found = memories[conversation_id].search(question, settings.program.context_tokens)
        return SimpleNamespace(answer="leeks", retrieved_ids=found.ids, context_tokens=found.tokens)

    return answer


class Newest:
    def __init__(self, memories):
        self.memories = memories

    def __call__(self, conversation_id, question, budget_tokens):
        return [turn.id for turn in self.memories[conversation_id].rank(question)]


def evidence(memories):
    return lambda conversation_id, question, budget_tokens: memories[conversation_id].search(question, budget_tokens)


def no_answer():
    return lambda conversation_id, question: {"answer": "leeks"}


def nothing(memories):
    return None


def bug(memories):
    raise ValueError("operands could not be broadcast together")
'''


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The offline reader answers, and nothing is tracked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "her_system.py").write_text(MODULE, encoding="utf-8")
    return Command("evaluate.py", lambda argv: evaluate.main([*argv, "--model", "offline", "--no-mlflow"]), capsys)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    qa = [question_record(category) for category in (1, 2, 3, 4, 5)]
    records = [conversation_record(name, qa=qa) for name in ("conv-26", "conv-30", "conv-41", "conv-48")]
    return write_records(tmp_path / "data.json", records)


def rows_of(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_program_of_ones_own_stands_beside_ours(run: Command, data: Path, tmp_path: Path) -> None:
    flags = ["--programs", "memory,mine=her_system:with_settings,plain=her_system.py:text", "--context-tokens", 100]
    outcome = run("--data", data, *flags, "--run-dir", tmp_path / "r")
    programs = outcome.document["programs"]
    assert list(programs) == ["memory", "mine", "plain"]
    assert programs["mine"]["f1_by_category"]["single_hop"] == 1.0
    assert 0 < programs["mine"]["context_tokens_mean"] <= 100
    assert "mine" in outcome.err
    assert list(load_run(tmp_path / "r").rows) == ["memory", "mine", "plain"]
    assert "mine" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert run("--resume", tmp_path / "r").document["programs"] == programs


def test_a_retriever_of_ones_own_is_cut_to_the_budget(run: Command, data: Path, tmp_path: Path) -> None:
    flags = ["--mode", "retrieval", "--budgets-tokens", "30,60", "--run-dir", tmp_path / "r"]
    programs = "memory,ids=her_system:Newest,evidence=her_system:evidence"
    argv = ["--data", data, "--programs", programs, *flags, "--no-mlflow"]
    assert evaluate.main([str(one) for one in argv]) == 0
    tokens: dict[str, set[int]] = {}
    for row in rows_of(tmp_path / "r"):
        tokens.setdefault(row["program"], set()).add(row["context_tokens"])
        assert row["error"] is None
    assert all(0 < one <= 60 for found in tokens.values() for one in found)
    by_program = {row["program"]: row["evidence_recall_at"] for row in rows_of(tmp_path / "r")}
    assert by_program["evidence"] == by_program["memory"]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("mine=nowhere:make", "there is no module nowhere"),
        ("mine=nowhere.py:make", "there is no file nowhere.py"),
        ("mine=her_system:gone", "has no callable 'gone'"),
        ("mine=her_system:nothing", "nothing returned NoneType; return a callable"),
        ("memory,memory=her_system:text", "give each program a name of its own"),
    ],
)
def test_a_factory_that_cannot_be_used_is_one_line(run: Command, data: Path, spec: str, told: str) -> None:
    outcome = run("--data", data, "--programs", spec)
    assert outcome.status == 2
    assert told in outcome.err.splitlines()[-1]
    assert not Path("runs").exists()


def test_what_is_no_answer_fails_the_question_and_says_what_is_expected(run: Command, data: Path) -> None:
    outcome = run("--data", data, "--programs", "mine=her_system:no_answer")
    assert outcome.status == 1
    assert "mine returned dict; return text, or an object with .answer" in outcome.err


def test_a_bug_keeps_its_traceback(run: Command, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(checkout.ROOT / "evaluate.py"), "--data", str(data), "--model", "offline"]
    command += ["--programs", "mine=her_system:bug", "--no-mlflow"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ValueError: operands could not be broadcast together" in done.stderr


def test_a_value_error_of_our_own_code_passes(run: Command, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **more: object) -> None:
        raise ValueError("a bug of ours")

    monkeypatch.setattr("reports.evaluated.write_plots", broken)
    with pytest.raises(ValueError, match="a bug of ours"):
        run("--data", data, "--programs", "simple")


# -- predictions -------------------------------------------------------------------------------------------------------


def test_answers_given_elsewhere_are_scored(run: Command, data: Path, tmp_path: Path) -> None:
    lines = [
        {"question_id": "conv-48:0", "answer": "leeks"},
        {"question_id": "conv-48:1", "answer": "onions"},
        {"question_id": "conv-48:1", "answer": "leeks"},
        {"question_id": "conv-48:3", "answer": "leeks", "program": "other"},
        {"question_id": "conv-99:3", "answer": "leeks"},
        {"question_id": "conv-26:3", "answer": "leeks"},
    ]
    file = tmp_path / "hers.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    outcome = run("--data", data, "--predictions", file, "--run-dir", tmp_path / "r")
    programs = outcome.document["programs"]
    assert list(programs) == ["hers", "other"]
    assert programs["hers"]["f1"] == pytest.approx(2 / 5)
    assert programs["other"]["f1"] == pytest.approx(1 / 5)
    assert programs["hers"]["failures"] == 0
    assert programs["hers"]["questions_with_problems"] == 3
    assert programs["hers"]["latency_sec_p50"] is None
    for told in (
        "1 question id of no question of the data, left out (conv-99:3)",
        "1 question id answered twice, the last answer counts (conv-48:1)",
        "3 question ids of 5 without an answer of hers, taken as wrong (conv-48:2, conv-48:3, conv-48:4)",
    ):
        assert told in outcome.err
    assert (tmp_path / "r" / "report.html").is_file()
    beside = run("--data", data, "--predictions", file, "--programs", "simple", "--run-dir", tmp_path / "s").document
    assert list(beside["programs"]) == ["simple", "hers", "other"]
    file.write_text(json.dumps(lines[0]), encoding="utf-8")
    changed = run("--resume", tmp_path / "r")
    assert changed.status == 2
    assert "resolved.predictions" in changed.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{}", 'line 1: "question_id" must be text'),
        ('{"question_id": "conv-48:0", "answer": 3}', 'line 1: "answer" must be text'),
        ("nonsense", "line 1 is not a JSON object"),
        ('{"question_id": "conv-26:0", "answer": "x"}', "answers none of the 5 questions"),
    ],
)
def test_predictions_that_cannot_be_used_are_one_line(
    run: Command, data: Path, tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "p.jsonl").write_text(content, encoding="utf-8")
    outcome = run("--data", data, "--predictions", tmp_path / "p.jsonl")
    assert outcome.status == 2
    assert told in outcome.err.splitlines()[-1]


# -- protocol, cost ----------------------------------------------------------------------------------------------------


def test_the_protocol_decides_on_the_split_and_leaves_out_category_5(run: Command, data: Path, tmp_path: Path) -> None:
    argv = ["--data", data, "--protocol", "memory-r1", "--programs", "simple", "--run-dir", tmp_path / "r"]
    document = run(*argv).document
    assert document["data"]["split"] == "test"
    assert {row["conversation_id"] for row in rows_of(tmp_path / "r")} == {"conv-41", "conv-48"}
    assert {row["category"] for row in rows_of(tmp_path / "r")} == {1, 2, 3, 4}
    assert len(choose(str(data), split="train", protocol="memory-r1").questions) == 4
    refused = run("--data", checkout.SAMPLE, "--protocol", "memory-r1")
    assert refused.status == 2
    assert "names LoCoMo's conversations" in refused.err


def test_a_dry_run_says_what_it_costs_in_dollars(run: Command, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def dry(*argv: object) -> tuple[dict[str, Any], str]:
        assert evaluate.main([str(one) for one in ("--data", data, "--dry-run", *argv)]) == 0
        captured = capsys.readouterr()
        return json.loads(captured.out), captured.err

    free, told = dry("--model", "offline")
    assert free["cost_usd"] == 0
    assert "none of it costs anything" in told
    priced, told = dry("--model", "openai/gpt-4o-mini")
    assert priced["cost_usd"] > 0
    assert "about " in told
    assert "$" in told
    judged, _ = dry("--model", "openai/gpt-4o-mini", "--judge-model", "openai/gpt-4o", "--judge-votes", "3")
    assert judged["judge_lm_calls"] == 3 * 2 * (4 + 4 + 5)
    assert judged["cost_usd"] > priced["cost_usd"]
    unknown, told = dry("--model", "hosted_vllm/x", "--api-base", "http://127.0.0.1:1/v1")
    assert unknown["cost_usd"] is None
    assert "no price is known of hosted_vllm/x" in told
