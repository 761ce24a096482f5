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

import dspy


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


def question_alone(memories):
    return lambda question: "leeks"


def any_keyword(memories):
    return lambda **inputs: " ".join(sorted(inputs))


def other_names(memories):
    return lambda q: "leeks"


def no_answer():
    return lambda conversation_id, question: {"answer": "leeks"}


class Module(dspy.Module):
    def __init__(self, memories):
        super().__init__()
        self.memories = memories

    def forward(self, conversation_id, question):
        found = self.memories[conversation_id].search(question, 60)
        return dspy.Prediction(answer="leeks", retrieved_ids=found.ids)


def returns_text(memories):
    return lambda conversation_id, question, budget_tokens: "D1:1"


def returns_none(memories):
    return lambda conversation_id, question, budget_tokens: None


def returns_strangers(memories):
    return lambda conversation_id, question, budget_tokens: ["D99:9"]


def fails(memories):
    def line_of_hers(conversation_id, question):
        raise KeyError("spam")

    return line_of_hers


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


@pytest.mark.slow
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


def test_a_callable_gets_what_its_signature_names(run: Command, data: Path, tmp_path: Path) -> None:
    flags = ["--programs", "short=her_system:question_alone,all=her_system:any_keyword", "--num-test", 1]
    run("--data", data, *flags, "--run-dir", tmp_path / "r")
    assert {row["program"]: row["answer"] for row in rows_of(tmp_path / "r")} == {
        "short": "leeks",
        "all": "conversation_id question",
    }


@pytest.mark.slow
def test_a_dspy_module_of_ones_own_is_made_from_the_memories(run: Command, data: Path) -> None:
    programs = run("--data", data, "--programs", "mine=her_system:Module").document["programs"]
    assert programs["mine"]["failures"] == 0
    assert programs["mine"]["evidence_recall"] is not None


@pytest.mark.slow
def test_evidence_of_a_program_that_does_not_name_it_is_not_measured(run: Command, data: Path, tmp_path: Path) -> None:
    outcome = run("--data", data, "--programs", "memory,plain=her_system:text", "--run-dir", tmp_path / "r")
    plain = outcome.document["programs"]["plain"]
    assert plain["f1"] is not None
    assert plain["evidence_recall"] is plain["all_evidence_rate"] is None
    assert outcome.document["programs"]["memory"]["evidence_recall"] is not None
    assert (tmp_path / "r" / "report.html").is_file()


def test_ones_own_program_may_be_called_memory(run: Command, data: Path, tmp_path: Path) -> None:
    assert run("--data", data, "--programs", "memory=her_system:text", "--run-dir", tmp_path / "r").status == 0
    assert not (tmp_path / "r" / "program.json").exists()


def test_the_first_failure_of_ones_own_program_shows_where_it_failed(run: Command, data: Path) -> None:
    outcome = run("--data", data, "--programs", "mine=her_system:fails")
    assert outcome.status == 1
    assert outcome.err.count("line_of_hers") == 1
    assert outcome.err.count("Traceback") == 1
    assert "KeyError: 'spam'" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("returns_text", "mine returned str; return turn ids, best first, or an Evidence"),
        ("returns_none", "mine returned NoneType; return turn ids, best first, or an Evidence"),
        ("returns_strangers", "mine returned 'D99:9', which is no turn of conv-48"),
    ],
)
def test_what_is_no_evidence_says_what_is_expected(
    data: Path, capsys: pytest.CaptureFixture[str], run: Command, factory: str, message: str
) -> None:
    argv = ["--data", str(data), "--mode", "retrieval", "--programs", f"mine=her_system:{factory}", "--no-mlflow"]
    assert evaluate.main(argv) == 1
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_program_of_no_known_name_is_reported_with_the_form_of_ones_own(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        evaluate.main(["--data", str(data), "--programs", "her_system:text"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert "is not one of simple, memory, full-context, and not name=module:factory" in last


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
        ("mine=her_system:other_names", "nothing gives mine its 'q'; it gets conversation_id, question by name"),
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


@pytest.mark.slow
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


@pytest.mark.slow
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
        "1 question id not in the data, left out (conv-99:3)",
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
        ('{"question_id": "conv-48:0", "answer": "x", "program": " "}', 'line 1: "program" is empty'),
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


def test_predictions_alone_need_no_lm(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEMORY_MODEL", "hosted_vllm/no-such-server")
    (tmp_path / "memory.jsonl").write_text('{"question_id": "conv-48:0", "answer": "leeks"}', encoding="utf-8")
    argv = ["--data", str(data), "--predictions", "memory.jsonl", "--no-mlflow"]
    assert evaluate.main([*argv, "--dry-run"]) == 0
    dry = capsys.readouterr()
    assert "memory: answered already, no LM calls" in dry.err
    assert json.loads(dry.out) == {"dry_run": True, "model": None, "programs": {}, "judge_lm_calls": 0, "cost_usd": 0}
    assert evaluate.main(argv) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["task_lm"] == "task LM: none, the answers were given elsewhere"
    assert document["programs"]["memory"]["evidence_recall"] is None


def test_a_wrong_address_of_mlflow_leaves_no_run_folder(data: Path, tmp_path: Path, run: Command) -> None:
    argv = ["--data", str(data), "--model", "offline", "--mlflow-uri", "foo://x", "--run-dir", str(tmp_path / "r")]
    assert evaluate.main(argv) == 2
    assert not (tmp_path / "r").exists()


# -- protocol, cost ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_protocol_decides_on_the_split_and_leaves_out_category_5(run: Command, data: Path, tmp_path: Path) -> None:
    argv = ["--data", data, "--protocol", "memory-r1", "--programs", "simple", "--run-dir", tmp_path / "r"]
    document = run(*argv).document
    assert document["data"]["split"] == "test"
    assert "protocol memory-r1: its own split, categories 1-4" in run(*argv[:-2]).err
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
    little, told = dry("--model", "openai/gpt-4o-mini", "--num-test", "1")
    assert 0 < little["cost_usd"] < 0.01
    assert told.splitlines()[-1] == "about $0.01 or less"
    unknown, told = dry("--model", "hosted_vllm/x", "--api-base", "http://127.0.0.1:1/v1")
    assert unknown["cost_usd"] is None
    assert "no price is known of hosted_vllm/x" in told
