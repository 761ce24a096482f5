"""evaluate.py, end to end: against a real HTTP server, and with the offline reader."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dspy
import pytest
from checkout import ROOT, SAMPLE
from commands import Command
from http_stand_in import Fault
from judged_runs import ScriptedJudge
from locomo_files import conversation_record, turn_record, write_records
from openai_server import OpenAIServer, context_too_long, delayed, off_format, rate_limited, server_error, truncated
from scripted_reader import ScriptedReader, read_prompt
from waiting import wait_for

import evaluate
import locomo.dataset
from locomo.download import DownloadError
from memory_system import Memories, MemoryQA, save_program
from memoryqa.config import ProgramConfig
from memoryqa.tokens import count_tokens

SECRET = "planted-key-0123456789"
CATEGORIES = ("multi_hop", "temporal", "open_domain", "single_hop", "adversarial")
THINGS = ("kite", "violin", "canoe", "beehive", "lantern", "tortoise", "scarf", "compass")


pytestmark = pytest.mark.usefixtures("wide_terminal", "short_waits")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No run may look up a host but this machine."""
    elsewhere: list[object] = []
    resolve = socket.getaddrinfo

    def guarded(host: Any, *arguments: Any, **more: Any) -> Any:
        if not str(host).endswith("127.0.0.1"):
            elsewhere.append(host)
        return resolve(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    yield
    assert elsewhere == []


def forget_answers() -> None:
    """As in a new process that shares no cache."""
    dspy.configure_cache(enable_disk_cache=False)


# -- data --------------------------------------------------------------------------------------------------------------


def planted_record(sample_id: str, sessions: int = 5, turns: int = 8) -> dict[str, Any]:
    """A conversation whose golds, traps and evidence ids stand nowhere in its text. Ten questions, two a category."""
    record = conversation_record(sample_id, num_sessions=sessions)
    for session in range(1, sessions + 1):
        record["conversation"][f"session_{session}"] = [
            turn_record(
                f"D{session}:{number}",
                f"In {sample_id.replace('-', '')} I carried the {THINGS[(session + number) % 8]} to place {number}.",
                ("Ines", "Bo")[number % 2],
            )
            for number in range(1, turns + 1)
        ]
    record["qa"] = [
        {
            "question": f"What happened to the {THINGS[index % 8]} of {sample_id} in part {index}?",
            "category": index % 5 + 1,
            "evidence": [f"D{index % 3 + 2}:{index % 4 + 2}"],
            ("adversarial_answer" if index % 5 == 4 else "answer"): f"planted-gold-{index}",
        }
        for index in range(10)
    ]
    return record


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A train, a val and a test conversation by LoCoMo's names; the test one has ten questions."""
    return write_records(
        tmp_path / "planted.json", [planted_record(name) for name in ("conv-26", "conv-30", "conv-48")]
    )


@pytest.fixture
def reader() -> ScriptedReader:
    return ScriptedReader(answer="planted-gold-0", sufficient=True)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("evaluate.py", untracked, capsys)


def untracked(argv: list[str]) -> int:
    """evaluate.py, without MLflow unless its address is given."""
    return evaluate.main([*argv, *(() if "--mlflow-uri" in argv else ("--no-mlflow",))])


def rows_of(run_dir: Path) -> list[dict[str, Any]]:
    path = run_dir / "answers.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def asked_with(server: OpenAIServer, *more: object, num_test: int = 8, threads: int = 1) -> list[object]:
    """Flags for a run at `server`; the context is small enough for the programs to be shown different evidence, since
    equal prompts would be answered once, and then by the cache."""
    wire = ["--model", "hosted_vllm/test", "--api-base", server.api_base, "--context-tokens", 200]
    return [*wire, "--num-test", num_test, "--num-threads", threads, *more]


def prompts(server: OpenAIServer) -> list[Mapping[str, Any]]:
    """The bodies of the requests that asked something: all but the pre-flight call."""
    return [r.body for r in server.chat_requests if read_prompt(r.body["messages"]) is not None]


def count_sent(bodies: list[Mapping[str, Any]]) -> int:
    return sum(count_tokens("\n".join(message["content"] for message in body["messages"])) for body in bodies)


# -- the JSON document -------------------------------------------------------------------------------------------------

PROGRAM_KEYS = {  # of the issue; the others are ours
    *("f1", "f1_by_category", "f1_categories_1_4", "evidence_recall", "all_evidence_rate", "context_tokens_mean"),
    *("memory_tokens_max", "lm_calls_mean", "latency_sec_p50", "latency_sec_p95", "latency_sec_p99", "failures"),
    "questions",
}
OWN_PROGRAM_KEYS = {
    *("mem0_f1_categories_1_4", "evidence_recall_by_category", "all_evidence_rate_by_category", "hops_mean"),
    *("prompt_tokens", "completion_tokens", "latency_questions", "questions_with_problems", "questions_by_category"),
    *("judge_accuracy", "judge_accuracy_by_category", "judge_strict_accuracy", "judge_strict_accuracy_by_category"),
    *("judge_abstention_accuracy", "judge_false_abstention_rate", "judge_unreadable", "ci95"),
}


def check_document(document: dict[str, Any], programs: list[str], questions: int) -> None:
    assert set(document) == {"run_dir", "data", "programs", "task_lm", "judge_lm", "embedding_failures"}
    assert set(document["data"]) == {"name", "sha256", "split", "conversations", "questions", "is_bundled_sample"}
    assert re.fullmatch(r"[0-9a-f]{64}", document["data"]["sha256"])
    assert document["data"]["questions"] == questions
    assert Path(document["run_dir"]).is_dir()
    assert list(document["programs"]) == programs
    for name, summary in document["programs"].items():
        assert set(summary) == PROGRAM_KEYS | OWN_PROGRAM_KEYS
        assert set(summary["f1_by_category"]) == set(CATEGORIES)
        fractions = [*summary["f1_by_category"].values()]
        fractions += [summary[key] for key in ("f1", "f1_categories_1_4", "evidence_recall", "all_evidence_rate")]
        assert all(value is None or (isinstance(value, float) and 0 <= value <= 1) for value in fractions)
        for key in ("context_tokens_mean", "lm_calls_mean", "latency_sec_p50", "latency_sec_p95", "latency_sec_p99"):
            assert isinstance(summary[key], float), (name, key)
        assert summary["latency_sec_p50"] <= summary["latency_sec_p95"] <= summary["latency_sec_p99"]
        assert (summary["memory_tokens_max"] is None) == (name != "memory")
        assert isinstance(summary["failures"], int)
        assert summary["questions"] == questions == sum(summary["questions_by_category"].values())


def without_latency(document: dict[str, Any]) -> dict[str, Any]:
    programs = {
        name: {key: value for key, value in summary.items() if not key.startswith("latency_sec")}
        for name, summary in document["programs"].items()
    }
    return {**document, "run_dir": None, "programs": programs}


@pytest.mark.slow
def test_a_run_over_the_wire_leaves_a_document_a_table_and_rows(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    programs = "simple,memory,full-context"
    with OpenAIServer(reader) as server:
        flags = asked_with(server, "--programs", programs, "--run-dir", tmp_path / "r", threads=4)
        outcome = run("--data", data, *flags)
    document = outcome.document
    check_document(document, programs.split(","), 8)
    assert len(outcome.out) == 1
    assert document["data"] | {"sha256": ""} == {
        "name": "planted",
        "sha256": "",
        "split": "test",
        "conversations": 1,
        "questions": 8,
        "is_bundled_sample": False,
    }
    assert document == json.loads((tmp_path / "r" / "summary.json").read_text())
    for told in ("F1 % temporal", "evidence recall %", "latency p95 / s", "failed questions", "full-context"):
        assert told in outcome.err
    assert "NOT LoCoMo" not in outcome.err
    rows = rows_of(tmp_path / "r")
    assert len({(row["program"], row["question_id"]) for row in rows}) == len(rows) == 24
    assert len({frozenset(row) for row in rows}) == 1
    assert all(row["error"] is None and row["latency_sec"] > 0 and row["prompt_tokens"] > 0 for row in rows)
    assert {row["program"]: row["lm_calls"] for row in rows} == {"simple": 1, "memory": 3, "full-context": 1}
    assert document["programs"]["full-context"]["evidence_recall"] == 1.0
    assert document["programs"]["memory"]["f1"] == pytest.approx(
        sum(r["f1"] for r in rows if r["program"] == "memory") / 8
    )
    assert len(prompts(server)) == 8 * 5
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert manifest["data"]["sha256"] == document["data"]["sha256"]
    assert manifest["questions"] == 8


# -- isolation ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_request_holds_what_only_the_scorer_may_know(run: Command, data: Path, tmp_path: Path) -> None:
    reader = ScriptedReader(sufficient=False, follow_ups=["the violin", "the canoe"])
    flags = ["--programs", "simple,memory,full-context", "--max-hops", 3, "--context-tokens", 200, "--split", "all"]
    with OpenAIServer(reader) as server:
        outcome = run("--data", data, *asked_with(server, *flags, "--run-dir", tmp_path / "r", num_test=30, threads=4))
    assert outcome.document["data"]["conversations"] == 3
    questions = {question["question"] for record in json.loads(data.read_text()) for question in record["qa"]}
    evidence_ids = {item for record in json.loads(data.read_text()) for q in record["qa"] for item in q["evidence"]}
    asked_about = set()
    for body in prompts(server):
        sent = json.dumps(body)
        assert "planted" not in sent
        assert not [turn_id for turn_id in evidence_ids if turn_id in sent]
        assert not re.search(r"categor|adversarial|multi.?hop|open.?domain|single.?hop|gold", sent, re.IGNORECASE)
        assert set(body) <= {"model", "messages", "temperature", "max_tokens", "stop", "stream", "response_format"}
        asked = read_prompt(body["messages"])
        assert asked is not None
        assert set(asked.inputs) <= {"question", "evidence"}
        asked_about.add(asked.inputs["question"])
        conversation = re.search(r"conv-\d+", asked.inputs["question"])
        assert conversation
        told = set(re.findall(r"conv\d+", asked.inputs.get("evidence", "")))
        assert told <= {conversation[0].replace("-", "")}
    assert asked_about == questions
    for asked in reader.at("assess"):
        assert count_tokens(asked.inputs["evidence"]) <= 200


@pytest.mark.slow
def test_the_evidence_of_all_but_the_full_context_fits_the_budget(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    flags = ["--programs", "simple,memory", "--context-tokens", 90]
    with OpenAIServer(reader) as server:
        document = run("--data", data, *asked_with(server, *flags, "--run-dir", tmp_path / "r", num_test=3)).document
    evidence = [asked.inputs["evidence"] for asked in reader.at("answer")]
    assert len(evidence) == 6
    assert all(0 < count_tokens(text) <= 90 for text in evidence)
    assert document["programs"]["memory"]["context_tokens_mean"] <= 90


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_passing_faults_cost_no_question(run: Command, data: Path, reader: ScriptedReader, tmp_path: Path) -> None:
    faults = [None, rate_limited(), server_error(), None, delayed(0.4), truncated(), rate_limited(None), rate_limited()]
    with OpenAIServer(reader, faults=faults) as server:
        document = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r", threads=3)).document
        assert len(server.chat_requests) == 1 + 8 * 4 + 5
    assert [summary["failures"] for summary in document["programs"].values()] == [0, 0]
    assert [summary["lm_calls_mean"] for summary in document["programs"].values()] == [1.0, 3.0]
    assert max(row["latency_sec"] for row in rows_of(tmp_path / "r")) >= 0.4


@pytest.mark.slow
def test_an_off_format_answer_is_asked_again_in_the_other_format(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader, faults=[None, off_format()]) as server:
        document = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r")).document
    assert document["programs"]["simple"]["failures"] == 0
    assert rows_of(tmp_path / "r")[0]["lm_calls"] == 2
    assert [asked.is_json for asked in reader.asked[:2]] == [True, False]


@pytest.mark.slow
def test_what_stays_unreadable_is_an_error_or_a_problem_and_is_counted(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader, faults=[None, *[off_format()] * 4]) as server:
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"))
    programs = outcome.document["programs"]
    assert [programs[name]["failures"] for name in ("simple", "memory")] == [1, 0]
    assert [programs[name]["questions_with_problems"] for name in ("simple", "memory")] == [0, 1]
    simple, memory = rows_of(tmp_path / "r")[:2]
    assert simple["error"].startswith("AdapterParseError: ")
    assert (simple["answer"], simple["f1"], simple["lm_calls"]) == ("", 0.0, 2)
    assert memory["problems"] == ["the queries could not be read; searched with the question alone"]
    assert re.search(r"failed questions\s*│\s*1 │\s*0 ", outcome.err)


@pytest.mark.slow
def test_a_prompt_too_long_for_the_model_is_an_error_of_its_question(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader, faults=[None, context_too_long(), context_too_long("vllm")]) as server:
        document = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r")).document
    assert [summary["failures"] for summary in document["programs"].values()] == [1, 1]
    nested, flat = [row["error"] for row in rows_of(tmp_path / "r")[:2]]
    assert "maximum context length" in nested
    assert "maximum context length" in flat  # which DSPy loses, and the traceback's frames still hold


@pytest.mark.slow
def test_an_answer_with_half_a_character_is_stored(run: Command, data: Path, tmp_path: Path) -> None:
    reader = ScriptedReader(answer="kite \ud83d", queries=["\ud83d kite"])
    with OpenAIServer(reader) as server:
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"))
    assert outcome.document["programs"]["memory"]["failures"] == 0
    assert {row["answer"] for row in rows_of(tmp_path / "r")} == {"kite \ufffd"}


def test_more_failures_than_a_fifth_end_the_run(run: Command, data: Path, tmp_path: Path) -> None:
    with OpenAIServer(ScriptedReader(off_format=["answer"])) as server:
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"))
    assert outcome.status == 1
    assert "program simple failed on 2 of 8 questions, more than 20%" in outcome.message
    assert f"python evaluate.py --resume {tmp_path / 'r'}" in outcome.message
    assert [row["error"] is None for row in rows_of(tmp_path / "r")] == [False] * 3
    assert not (tmp_path / "r" / "summary.json").exists()


def test_a_server_that_is_not_there_is_told_before_anything_is_written(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader) as server:
        flags = asked_with(server, "--run-dir", tmp_path / "r")
    outcome = run("--data", data, *flags)
    assert outcome.status == 1
    assert "connection refused" in outcome.message
    assert not (tmp_path / "r").exists()


# -- interruption and --resume -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_whose_server_died_is_finished_by_resume_as_if_nothing_had_happened(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    with OpenAIServer(reader, die_after=1 + 3 * 4 + 1) as dying:
        flags = asked_with(dying)
        outcome = run("--data", data, *flags, "--run-dir", folder)
    assert outcome.status == 1
    assert re.search(
        rf"^evaluate.py: question conv-48:\d failed as every other would: \w+Error: .*; 7 answers are kept: "
        rf"mend the cause, then python evaluate.py --resume {re.escape(str(folder))}$",
        outcome.message,
    )
    assert [row["error"] is None for row in rows_of(folder)] == [True] * 7 + [False]

    forget_answers()
    with OpenAIServer(reader, port=dying.port) as server:
        resumed = run("--resume", folder).document
        assert len(prompts(server)) == 3 + 4 * 4
        forget_answers()
        uninterrupted = run("--data", data, *flags, "--run-dir", tmp_path / "whole").document
    check_document(resumed, ["simple", "memory"], 8)
    assert without_latency(resumed) == without_latency(uninterrupted)
    assert len(rows_of(folder)) == 8 * 2 + 1


@pytest.mark.slow
def test_a_failed_question_is_asked_again_by_resume_and_not_answered_by_the_cache(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader, faults=[None, off_format(), off_format()]) as server:
        first = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r")).document
        sent = len(prompts(server))
        second = run("--resume", tmp_path / "r").document
        assert len(prompts(server)) == sent + 1
    assert [document["programs"]["simple"]["failures"] for document in (first, second)] == [1, 0]


@pytest.mark.slow
def test_a_finished_run_is_reported_again_without_its_server(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader) as server:
        first = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r", num_test=2)).document
    assert run("--resume", tmp_path / "r").document == first


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "difference"),
    [
        (["--context-tokens", "100"], "program.context_tokens: 200 -> 100"),
        (["--num-test", "3"], "evaluation.num_test: 2 -> 3"),
        (["--model", "hosted_vllm/other"], 'evaluation.model: "hosted_vllm/test" -> "hosted_vllm/other"'),
        (["--temperature", "1"], "evaluation.temperature: 0.0 -> 1.0"),
    ],
)
def test_a_run_is_not_resumed_with_another_config(
    run: Command,
    data: Path,
    reader: ScriptedReader,
    tmp_path: Path,
    flags: list[str],
    difference: str,
) -> None:
    with OpenAIServer(reader) as server:
        run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r", num_test=2))
    for more in ([], ["--dry-run"]):  # the server is gone: the difference is seen before anybody is asked
        outcome = run("--resume", tmp_path / "r", *flags, *more)
        assert outcome.status == 2
        assert difference in outcome.message
        assert "drop the flags that differ" in outcome.message


@pytest.mark.slow
def test_a_run_is_not_resumed_on_other_data(run: Command, data: Path, reader: ScriptedReader, tmp_path: Path) -> None:
    with OpenAIServer(reader) as server:
        run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r", num_test=2))
        data.write_text(data.read_text().replace("carried", "pushed"))
        outcome = run("--resume", tmp_path / "r")
    assert outcome.status == 2
    assert "resolved.data_sha256" in outcome.message


def start(*argv: object, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "DSPY_CACHEDIR") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "evaluate.py"), *map(str, argv)],
        cwd=cwd,
        env={**inherited, "HOME": str(cwd), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_ctrl_c_keeps_the_rows_and_prints_how_to_go_on(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    def slowly(messages: Any, body: Mapping[str, Any]) -> str:
        time.sleep(0.05)
        return reader(messages, body)

    folder = tmp_path / "r"
    with OpenAIServer(slowly) as server:
        process = start("--data", data, *asked_with(server, "--run-dir", folder, threads=2), cwd=tmp_path)
        wait_for(lambda: len(rows_of(folder)) >= 3 or process.poll() is not None, "three rows")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 1, err
        assert out == ""
        kept = len(rows_of(folder))
        assert 3 <= kept < 16
        assert f"evaluate.py: interrupted; {kept} answers are kept: " in err
        assert f"python evaluate.py --resume {folder}" in err
        assert "Traceback" not in err
        before = len(prompts(server))
        document = run("--resume", folder).document
        assert len(prompts(server)) - before < 8 * 4 - kept
    check_document(document, ["simple", "memory"], 8)


# -- --dry-run ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("max_hops", [1, 3])
def test_a_dry_run_tells_what_a_run_costs_at_most_and_sends_nothing(
    run: Command, data: Path, tmp_path: Path, max_hops: int
) -> None:
    reader = ScriptedReader(queries=["a canoe"], sufficient=False, follow_ups=["a kite"])
    more = ["--programs", "simple,memory,full-context", "--max-hops", max_hops, "--run-dir", tmp_path / "r"]
    with OpenAIServer(reader) as server:
        flags = asked_with(server, *more)
        estimated = run("--data", data, *flags, "--dry-run").document
        assert server.chat_requests == []
        assert not (tmp_path / "r").exists()
        measured = run("--data", data, *flags).document
        bodies = prompts(server)
    costs = estimated["programs"]
    assert {name: cost["lm_calls"] for name, cost in costs.items()} == {
        name: summary["lm_calls_mean"] * 8 for name, summary in measured["programs"].items()
    }
    assert sum(cost["lm_calls"] for cost in costs.values()) == len(bodies) == 8 * (1 + (1 + max_hops) + 1)
    assert sum(cost["prompt_tokens"] for cost in costs.values()) == pytest.approx(count_sent(bodies), rel=0.05)


@pytest.mark.slow
def test_satisfied_assessments_cost_less_than_estimated(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader) as server:
        flags = asked_with(server, "--programs", "memory", "--max-hops", 3, "--run-dir", tmp_path / "r")
        estimated = run("--data", data, *flags, "--dry-run").document
        run("--data", data, *flags)
        assert len(prompts(server)) == 8 * 3 < estimated["programs"]["memory"]["lm_calls"] == 8 * 4


def test_a_dry_run_of_resume_counts_what_is_missing(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader, die_after=1 + 4) as server:
        assert run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r")).status == 1
    estimated = run("--resume", tmp_path / "r", "--dry-run").document
    assert {name: cost["lm_calls"] for name, cost in estimated["programs"].items()} == {"simple": 7, "memory": 21}


# -- secrets -----------------------------------------------------------------------------------------------------------


def unauthorized_quoting(key: str) -> Fault:
    message = f"Incorrect API key provided: {key}."
    return Fault(401, {"error": {"message": message, "type": "invalid_request_error", "code": "invalid_api_key"}})


def everything_in(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_key_that_stops_working_is_told_and_appears_nowhere(
    data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    faults = [None] * 6 + [unauthorized_quoting(SECRET)] * 4
    with OpenAIServer(reader, faults=faults, api_key=SECRET) as server:
        flags = ["--data", data, *asked_with(server, "--run-dir", folder)]
        process = start(*flags, cwd=tmp_path, HOSTED_VLLM_API_KEY=SECRET)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "failed as every other would" in err
    assert f"--resume {folder}" in err
    assert any(row["error"] for row in rows_of(folder))
    assert SECRET not in out + err + everything_in(folder)
    assert "[redacted]" in err + everything_in(folder)


def test_a_key_that_is_refused_at_the_start_appears_nowhere(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", SECRET)
    with OpenAIServer(reader, faults=[unauthorized_quoting(SECRET)] * 3) as server:
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"))
    assert outcome.status == 1
    assert "rejected the API key (401): Incorrect API key provided: [redacted]" in outcome.message
    assert "; check the value of HOSTED_VLLM_API_KEY" in outcome.message
    assert SECRET not in outcome.err
    assert not (tmp_path / "r").exists()


def test_a_password_in_the_servers_address_is_not_printed(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(reader) as server:
        address = server.api_base.replace("http://", "http://me:hush-hush-hush@")
        flags = ["--model", "hosted_vllm/test", "--num-test", "2", "--run-dir", tmp_path / "r"]
        outcome = run("--data", data, *flags, "--api-base", address)
    assert outcome.status == 2
    assert "no name or password in the URL" in outcome.message
    assert "hush" not in "".join(outcome.out) + outcome.err


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_bad_input_is_one_line_and_exit_2(run: Command, data: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("[{")
    (tmp_path / "only_train.json").write_text(json.dumps([planted_record("conv-26")]))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    offline = ["--model", "offline", "--run-dir", tmp_path / "r"]
    cases: list[tuple[list[object], str]] = [
        (["--data", tmp_path / "missing.json", *offline], r"missing\.json: cannot be read"),
        (["--data", tmp_path, *offline], r"cannot be read"),
        (["--data", tmp_path / "broken.json", *offline], r"broken\.json: not JSON"),
        (["--data", tmp_path / "only_train.json", *offline], r"split val is conv-30, conv-47, .* use train or all"),
        (["--data", data, *offline, "--categories", "6"], r"unknown categories \[6\]; they are \[1, 2, 3, 4, 5\]"),
        (["--data", data, *offline, "--num-test", "0"], "--num-test must be at least 1, got 0"),
        (["--data", data, *offline, "--num-threads", "0"], "--num-threads must be at least 1, got 0"),
        (["--data", data, *offline, "--context-tokens", "0"], "--context-tokens must be at least 1, got 0"),
        (["--data", data, *offline, "--programs", ""], "--programs is empty"),
        (["--data", data, *offline, "--programs", "simple", "--program", "x.json"], "add memory to --programs"),
        (["--data", data, *offline, "--program", tmp_path / "x.json"], r"x\.config\.json: no such file"),
        (["--data", data, "--model", "gpt-4o-mini"], "names no provider: write openai/gpt-4o-mini"),
        (["--data", data, "--model", "offline", "--run-dir", tmp_path / "used"], "is in use: name a new folder"),
        (["--data", data, "--model", "offline", "--run-dir", data / "r"], "cannot be written .*: name another folder"),
        (["--resume", tmp_path / "used"], "is not a run folder"),
        (["--resume", tmp_path / "nowhere"], "is not a run folder"),
    ]
    for argv, expected in cases:
        outcome = run(*argv)
        assert outcome.status == 2, argv
        assert re.search(expected, outcome.message), (argv, outcome.message)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--split", "dev"], "'dev' is not one of train, val, test, all"),
        (["--programs", "magic"], "'magic' is not one of simple, memory, full-context"),
        (["--categories", "six"], "expected a whole number, got 'six'"),
        (["--num-test", "many"], "expected a whole number, got 'many'"),
        (["--run-dir", "a", "--resume", "b"], "not allowed with argument --run-dir"),
        (["--frobnicate"], "unrecognized arguments: --frobnicate"),
    ],
)
def test_a_flag_that_makes_no_sense_is_exit_2(
    capsys: pytest.CaptureFixture[str], flags: list[str], problem: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        evaluate.main(flags)
    assert exit_.value.code == 2
    assert problem in capsys.readouterr().err


def test_help_needs_no_heavy_import() -> None:
    check = (
        "import sys, evaluate\n"
        "try: evaluate.main(['--help'])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "heavy = {'dspy', 'litellm', 'mlflow', 'datasets', 'numpy', 'tiktoken', 'rich', 'nltk'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    for flag in (
        *("--data", "--split", "--num-test", "--categories", "--programs", "--model", "--api-base", "--temperature"),
        *("--memory-tokens", "--context-tokens", "--max-hops", "--num-threads", "--seed", "--run-dir", "--resume"),
        *("--program FILE", "--dry-run"),
    ):
        assert flag in done.stdout


# -- a saved program ---------------------------------------------------------------------------------------------------


@pytest.fixture
def saved_program(tmp_path: Path) -> Path:
    program = MemoryQA(Memories(), ProgramConfig(context_tokens=150, max_hops=1))
    program.write_queries.signature = program.write_queries.signature.with_instructions("Write like a pirate.")
    save_program(program, tmp_path / "best.json")
    return tmp_path / "best.json"


@pytest.mark.slow
def test_a_saved_program_is_run_with_its_own_prompts_and_config(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path, saved_program: Path
) -> None:
    with OpenAIServer(reader) as server:
        flags = ["--model", "hosted_vllm/test", "--api-base", server.api_base, "--run-dir", tmp_path / "r"]
        assert run("--data", data, *flags, "--program", saved_program, "--num-test", 2).status == 0
    assert set(reader.steps) == {"queries", "answer"}
    assert all("Write like a pirate." in asked.sent for asked in reader.at("queries"))
    assert all(count_tokens(asked.inputs["evidence"]) <= 150 for asked in reader.at("answer"))
    assert json.loads((tmp_path / "r" / "config.json").read_text())["program"]["context_tokens"] == 150


def test_a_flag_that_contradicts_a_saved_program_is_refused(run: Command, data: Path, saved_program: Path) -> None:
    argv = ["--data", data, "--model", "offline", "--program", saved_program]
    outcome = run(*argv, "--context-tokens", "4000", "--max-hops", "1")
    assert outcome.status == 2
    assert "drop --context-tokens 4000, or optimise with it" in outcome.message


@pytest.mark.slow
def test_a_run_is_not_resumed_with_another_program_under_the_same_name(
    run: Command, data: Path, tmp_path: Path, saved_program: Path
) -> None:
    argv = ["--data", data, "--model", "offline", "--num-test", 2, "--program", saved_program]
    assert run(*argv, "--run-dir", tmp_path / "r").status == 0
    saved_program.write_text(saved_program.read_text().replace("pirate", "sailor"))
    outcome = run("--resume", tmp_path / "r")
    assert outcome.status == 2
    assert "resolved.prompts.memory.write_queries" in outcome.message


# -- which data, which LM ----------------------------------------------------------------------------------------------


def test_without_a_split_the_test_conversations_are_asked_about(run: Command, data: Path) -> None:
    outcome = run("--data", data, "--dry-run")
    assert outcome.document["programs"]["simple"]["lm_calls"] == 10
    assert "note:" not in outcome.err


@pytest.mark.slow
def test_without_test_conversations_val_is_used_and_said(run: Command, tmp_path: Path) -> None:
    part = write_records(tmp_path / "part.json", [planted_record(name) for name in ("conv-26", "conv-30", "conv-47")])
    outcome = run("--data", part, "--model", "offline", "--run-dir", tmp_path / "r", "--num-test", 4)
    assert outcome.document["data"]["split"] == "val"
    assert f"note: {part} holds no test conversations; using the val split" in outcome.err
    refused = run("--data", part, "--split", "test", "--dry-run")
    assert refused.status == 2
    assert "conv-48, conv-49, conv-50" in refused.message


@pytest.mark.slow
def test_locomo_path_names_the_data(run: Command, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCOMO_PATH", str(data))
    document = run("--model", "offline", "--run-dir", tmp_path / "r", "--num-test", 2).document
    assert document["data"]["name"] == "planted"
    monkeypatch.setenv("LOCOMO_PATH", str(tmp_path / "gone.json"))
    outcome = run("--model", "offline")
    assert outcome.status == 2
    assert "LOCOMO_PATH names" in outcome.message


@pytest.mark.slow
def test_the_questions_are_a_sample_that_the_seed_decides(run: Command, data: Path, tmp_path: Path) -> None:
    chosen = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        argv = ["--data", data, "--split", "all", "--num-test", 5, "--seed", seed, "--run-dir", tmp_path / name]
        assert run(*argv, "--model", "offline", "--programs", "simple").document["data"]["questions"] == 5
        chosen.append([row["question_id"] for row in rows_of(tmp_path / name)])
        assert {row["category"] for row in rows_of(tmp_path / name)} == {1, 2, 3, 4, 5}
    assert chosen[0] == chosen[1] != chosen[2]


@pytest.mark.slow
def test_categories_restrict_the_questions(run: Command, data: Path, tmp_path: Path) -> None:
    argv = ["--data", data, "--model", "offline", "--run-dir", tmp_path / "r", "--categories", "2,5"]
    document = run(*argv).document
    by_category = document["programs"]["memory"]["f1_by_category"]
    assert [name for name in CATEGORIES if by_category[name] is not None] == ["temporal", "adversarial"]
    assert document["data"]["questions"] == 4


# -- the offline reader ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sample_is_run_without_key_or_server_and_says_loudly_that_it_is_the_sample(tmp_path: Path) -> None:
    process = start(
        "--data", SAMPLE, "--num-test", 20, cwd=tmp_path, PYTHONWARNINGS="error::DeprecationWarning:evaluate"
    )
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert len(out.splitlines()) == 1
    document = json.loads(out)
    assert document["data"]["is_bundled_sample"] is True
    assert "NOT LoCoMo" in err
    assert "offline extractive reader (no LM)" in document["task_lm"]
    assert document["task_lm"] in err
    assert document["run_dir"].startswith("runs/")
    document["run_dir"] = str(tmp_path / document["run_dir"])
    check_document(document, ["simple", "memory"], 20)


@pytest.mark.slow
def test_a_failed_download_falls_back_on_the_sample_loudly(
    run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*arguments: object) -> None:
        raise DownloadError("the network is down")

    monkeypatch.setattr(locomo.dataset, "download", no_network)
    monkeypatch.setattr(locomo.dataset, "LOCOMO10_PATH", tmp_path / "locomo10.json")
    outcome = run("--num-test", 5, "--run-dir", tmp_path / "r")
    assert outcome.document["data"]["is_bundled_sample"] is True
    before, _, _ = outcome.err.partition("F1 %")
    assert "because the download failed (the network is down)" in before
    assert before.count("NOT LoCoMo") == 2  # when it starts, and above the numbers
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert any("NOT LoCoMo" in note for note in manifest["data"]["notes"])


@pytest.mark.slow
def test_offline_scores_do_not_depend_on_threads_and_the_memory_finds_more_than_the_newest_text(
    run: Command, tmp_path: Path
) -> None:
    argv = ["--data", SAMPLE, "--model", "offline", "--split", "all", "--num-test", 60, "--context-tokens", 600]
    first = run(*argv, "--run-dir", tmp_path / "a").document
    second = run(*argv, "--run-dir", tmp_path / "b", "--num-threads", 4).document
    assert without_latency(first) == without_latency(second)
    simple, memory = first["programs"]["simple"], first["programs"]["memory"]
    assert memory["evidence_recall"] > simple["evidence_recall"] + 0.3
    assert memory["f1_categories_1_4"] > simple["f1_categories_1_4"]


@pytest.mark.slow
def test_memory_model_chooses_the_lm_and_the_reason_is_told(
    run: Command, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMORY_MODEL", "groq/some-model")
    outcome = run("--data", data, "--dry-run")
    assert outcome.document["model"] == "groq/some-model"
    assert "task LM: groq/some-model — MEMORY_MODEL" in outcome.err


# -- tracking ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_is_in_mlflow_with_a_child_per_program(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # MLflow keeps artifacts beside its database
    uri = f"sqlite:///{tmp_path / 'tracked.db'}"
    with OpenAIServer(reader) as server:
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"), "--mlflow-uri", uri)
    assert outcome.status == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("adaptive-memory-qa")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        parent = next(one for one in runs if "mlflow.parentRunId" not in one.data.tags)
        children = {one.data.params["program"]: one for one in runs if one is not parent}
    summaries = outcome.document["programs"]
    assert {name: one.data.metrics["f1"] for name, one in children.items()} == {
        name: summary["f1"] for name, summary in summaries.items()
    }
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["evidence_recall"] == summaries["memory"]["evidence_recall"]
    assert parent.data.params["program.context_tokens"] == "200"
    assert parent.data.tags["data_sha256"] == outcome.document["data"]["sha256"]


# -- judging -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_judges_read_every_answer_and_stand_in_document_table_and_report(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    judge, folder = ScriptedJudge(), tmp_path / "r"
    with OpenAIServer(reader) as server, OpenAIServer(judge) as judging:
        flags = ["--judge-model", "hosted_vllm/judge", "--judge-api-base", judging.api_base]
        outcome = run("--data", data, *asked_with(server, "--run-dir", folder, num_test=10), *flags)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert run("--resume", folder).status == 0  # without a judge: what was judged stays on record
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8")) == manifest
    check_document(outcome.document, ["simple", "memory"], 10)
    rows = {row["question_id"]: row for row in rows_of(folder) if row["program"] == "memory"}
    answerable = [row for row in rows.values() if row["category"] != 5]
    right = sum(row["answer"] == row["gold"] for row in answerable)
    summary = outcome.document["programs"]["memory"]
    assert summary["judge_accuracy"] == summary["judge_strict_accuracy"] == right / len(answerable)
    assert summary["judge_unreadable"] == 0
    assert set(summary["judge_accuracy_by_category"]) >= {"multi_hop", "temporal"}
    assert "judge, strict %, categories 1-4" in outcome.err
    assert "hosted_vllm/judge" in outcome.document["judge_lm"]
    assert set(manifest["judge_prompt_digests"]) == {"lenient", "strict", "abstention"}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "graded " in page


@pytest.mark.parametrize(
    ("flags", "told"),
    [(["--judge-model", "offline"], "the offline reader judges nothing"), (["--trace-sample", "2"], "--trace-sample")],
)
def test_a_bad_judge_or_sample_is_refused_before_a_run_folder_is_made(
    run: Command, data: Path, tmp_path: Path, flags: list[str], told: str
) -> None:
    outcome = run("--data", data, "--model", "offline", "--run-dir", tmp_path / "r", *flags)
    assert outcome.status == 2
    assert told in outcome.message
    assert not (tmp_path / "r").exists()


def test_a_judge_that_is_not_there_is_noticed_before_anything_is_asked(
    run: Command, data: Path, reader: ScriptedReader, tmp_path: Path
) -> None:
    with OpenAIServer(ScriptedJudge()) as gone:
        pass
    with OpenAIServer(reader) as server:
        flags = ["--judge-model", "hosted_vllm/judge", "--judge-api-base", gone.api_base]
        outcome = run("--data", data, *asked_with(server, "--run-dir", tmp_path / "r"), *flags)
        assert outcome.status == 1
        assert outcome.message.startswith("evaluate.py: judge LM hosted_vllm/judge: ")
        assert prompts(server) == []
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_run_keeps_its_program_which_another_run_can_use(run: Command, data: Path, tmp_path: Path) -> None:
    argv = ["--data", data, "--model", "offline", "--num-test", 2, "--programs", "memory"]
    first = run(*argv, "--context-tokens", 300, "--run-dir", tmp_path / "a").document
    again = run(*argv, "--program", tmp_path / "a" / "program.json", "--run-dir", tmp_path / "b").document
    assert again["programs"]["memory"]["context_tokens_mean"] == first["programs"]["memory"]["context_tokens_mean"]
