"""Verdicts of two servers never pass for each other's, and a reply that was cut is no verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Command
from judged_runs import ScriptedJudge, answer_row, make_run
from openai_server import OpenAIServer, Shaped, chat_fields

from locomo import llm_judge
from locomo.judging.prompts import read_verdict

pytestmark = pytest.mark.usefixtures("wide_terminal", "short_waits")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("locomo.llm_judge", llm_judge.main, capsys)


def asking(server: OpenAIServer) -> list[object]:
    return ["--judge", "strict", "--judge-model", "hosted_vllm/m", "--api-base", server.api_base, "--num-threads", 1]


def test_two_servers_of_one_name_have_a_file_each_and_a_repetition_asks_neither(
    command: Command, tmp_path: Path
) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0), answer_row(1, answer="beans")])
    with OpenAIServer(ScriptedJudge()) as first, OpenAIServer(ScriptedJudge()) as second:
        for server in (first, second):
            assert command(run_dir, *asking(server)).status == 0
        asked = [len(server.chat_requests) for server in (first, second)]
        assert min(asked) >= 2
        for server in (first, second):
            assert command(run_dir, *asking(server)).status == 0
        assert [len(server.chat_requests) for server in (first, second)] == asked
        files = sorted(run_dir.glob("judge-strict@hosted_vllm-m*.jsonl"))
        told = {json.loads(line)["lm"] for file in files for line in file.read_text().splitlines()}
        assert len(files) == 2
        assert told == {f"hosted_vllm/m at {server.api_base}" for server in (first, second)}


def test_a_half_written_verdict_is_cut_off_where_all_is_judged(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    with OpenAIServer(lambda *_: chat_fields(reason="it says so", verdict="CORRECT")) as server:
        assert command(run_dir, *asking(server)).status == 0
        path = run_dir / "judge-strict@hosted_vllm-m.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"verdict": "WR')
        assert command(run_dir, *asking(server)).status == 0
    assert path.read_bytes() == whole


def test_a_cut_verdict_is_unreadable(command: Command, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0)])
    cut = Shaped(text=chat_fields(reason="it says so", verdict="CORRECT"), finish_reason="length")
    with OpenAIServer(lambda *_: cut) as server:
        command(run_dir, *asking(server))
    (row,) = [json.loads(line) for line in (run_dir / "judge-strict@hosted_vllm-m.jsonl").read_text().splitlines()]
    assert row["verdict"] == "UNREADABLE"
    assert "cut" in row["reason"]


@pytest.mark.parametrize("text", [chat_fields(reason="it says so", verdict="CORRECT"), "CORRECT"])
def test_a_verdict_on_a_part_of_the_answer_is_unreadable(command: Command, tmp_path: Path, text: str) -> None:
    run_dir = make_run(tmp_path / "run", [answer_row(0, answer="leeks0, and then again leeks0. " * 200)])
    cut = Shaped(text=text, usage={"prompt_tokens": 1_024, "completion_tokens": 9})
    with OpenAIServer(lambda *_: cut) as server:
        command(run_dir, *asking(server))
    (row,) = [json.loads(line) for line in (run_dir / "judge-strict@hosted_vllm-m.jsonl").read_text().splitlines()]
    assert row["verdict"] == "UNREADABLE"
    assert "the server read 1,024 tokens of a prompt of about" in row["reason"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("CORRECT [[ ## completed ## ]]", True),
        ("Verdict: CORRECT", True),
        ("true", True),
        ('{"verdict": "WRONG"}', False),
        ("<think>WRONG?</think>CORRECT", True),
        ("CORRECT.\n\nReason: it is not wrong", True),
        ("WRONG, the date differs", False),
        ("CORRECT ✓", True),
        ("❌ WRONG", False),
        ("$\\boxed{CORRECT}$", True),
        ("\\boxed{\\text{WRONG}}", False),
        ("<verdict>CORRECT</verdict>", True),
        ("<think>WRONG</think><answer>CORRECT</answer>", True),
        ("The generated answer is wrong.", False),
        ("CORRECT (May 7 is the same day)", True),
        ("Label: CORRECT", True),
        ("Yes, CORRECT.", True),
        ("I would grade this as WRONG.", False),
        ("Based on the reference, the answer is CORRECT.", True),
        ('{"label": "CORRECT"}', True),
        ('{"is_correct": false}', False),
        ("CORRECT (if the date is ignored)", None),
        ("CORRECT, if one ignores the date", None),
        ("I judge that it is not correct", None),
        ("That would be correct only in May", None),
        ("CORRECT\nWRONG", None),
        ("WRONG\n\nCORRECT", None),
        ("The answer is not wrong", None),
        ("partially correct", None),
        ("CORRECT/WRONG", None),
        ("I'm sorry, I can't judge that", None),
        ("Error: 500", None),
        ("null", None),
    ],
)
def test_what_a_person_reads_at_once_is_read(text: str, finding: bool | None) -> None:
    assert read_verdict("strict", text) is finding


@pytest.mark.parametrize(
    ("text", "finding"),
    [("The answer declines", True), ("ANSWERS.", False), ("It answers the question.", False), ("true", None)],
)
def test_the_abstention_judge_needs_its_own_word(text: str, finding: bool | None) -> None:
    assert read_verdict("abstention", text) is finding
