"""evaluate.py --tags: an LM reads each session once, and what it wrote is used and never paid for again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from commands import Command
from http_stand_in import Fault
from locomo_files import conversation_record, turn_record, write_records
from openai_server import OpenAIServer, chat_fields, context_too_long, off_format

import evaluate

Run = Callable[..., tuple[int, dict[str, Any], str]]


pytestmark = pytest.mark.usefixtures("own_folder", "short_waits")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A conversation of three sessions; no table knows a word of the line that answers the question."""
    record = conversation_record("conv-48", num_sessions=3)
    for session in (1, 2, 3):
        record["conversation"][f"session_{session}"] = [
            turn_record(
                f"D{session}:{number}", f"Weather was grey on stretch {session}{number}.", ("Ines", "Bo")[number % 2]
            )
            for number in range(1, 13)
        ]
    record["conversation"]["session_2"][4]["text"] = "We zorbed down the slope above town."
    record["qa"] = [
        {"question": "Which pastime does Ines enjoy?", "category": 4, "answer": "zorbing", "evidence": ["D2:5"]}
    ]
    return write_records(tmp_path / "data.json", [record])


def write_words(messages: list[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
    """A tagger that knows what zorbing is."""
    lines = re.findall(r"^(\d+) \w+: .*zorbed", str(messages[-1]["content"]), re.MULTILINE)
    return chat_fields(tags="\n".join(f"{number}: pastime, outdoors" for number in lines) or "none")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], data: Path) -> Run:
    def call(*argv: object) -> tuple[int, dict[str, Any], str]:
        fixed = ["--data", data, "--model", "offline", "--programs", "memory", "--context-tokens", 60, "--no-mlflow"]
        outcome = Command("evaluate.py", evaluate.main, capsys)(*fixed, *argv)
        return outcome.status, json.loads(outcome.out[-1]) if outcome.out else {}, outcome.err

    return call


def asking(server: OpenAIServer) -> list[object]:
    return ["--tags", "tags.json", "--tag-model", "hosted_vllm/tagger", "--tag-api-base", server.api_base]


def sessions_read(server: OpenAIServer) -> int:
    return sum("zorbed" in str(one.body) or "Weather" in str(one.body) for one in server.chat_requests)


def recall(document: Mapping[str, Any]) -> float:
    value: float = document["programs"]["memory"]["evidence_recall"]
    return value


@pytest.mark.slow
def test_tags_written_once_find_what_the_words_of_the_question_do_not(run: Run, tmp_path: Path) -> None:
    assert recall(run("--run-dir", "without")[1]) == 0.0
    with OpenAIServer(write_words) as server:
        status, document, told = run("--run-dir", "with", *asking(server))
        assert (status, recall(document)) == (0, 1.0)
        assert sessions_read(server) == 3
        assert "tags.json: 3 LM calls" in told
        run("--run-dir", "again", *asking(server))
        assert sessions_read(server) == 3
    assert recall(run("--run-dir", "offline", "--tags", "tags.json")[1]) == 1.0
    resolved = json.loads(Path("with/config.json").read_text())["resolved"]
    assert resolved["tags"]["untagged_sessions"] == 0
    assert resolved["tags"]["written_by"].startswith("hosted_vllm/tagger")


def test_a_dry_run_counts_the_sessions_and_sends_nothing(run: Run) -> None:
    with OpenAIServer(write_words) as server:
        status, document, told = run("--dry-run", *asking(server))
        assert (status, document["dry_run"]) == (0, True)
        assert "tags.json: 3 LM calls" in told
        assert server.chat_requests == []
    assert not Path("tags.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [off_format(""), context_too_long()], ids=["unreadable", "too long"])
def test_a_session_that_fails_is_named_counted_and_read_by_the_next_run(run: Run, fault: Fault) -> None:
    faults = [None, fault]  # the first is the pre-flight call
    with OpenAIServer(write_words, faults=faults) as server:
        status, _, told = run("--run-dir", "a", *asking(server))
        assert status == 0, told
        assert told.count("not tagged: conv-48 D") == 1
        untagged = json.loads(Path("a/config.json").read_text())["resolved"]["tags"]["untagged_sessions"]
        assert untagged == 1
        assert f"tags.json: {untagged} sessions are not tagged" in told
    with OpenAIServer(write_words, port=server.port) as server:  # another address would be another author
        status, document, _ = run("--run-dir", "b", *asking(server))
        assert (status, recall(document)) == (0, 1.0)
        assert sessions_read(server) == untagged


def test_a_run_is_not_resumed_with_other_tags(run: Run) -> None:
    Path("tags.json").write_text('{"conversations": {"conv-48": {"D2:5": ["pastime"]}}}')
    assert run("--run-dir", "a", "--tags", "tags.json")[0] == 0
    Path("tags.json").write_text('{"conversations": {"conv-48": {"D2:5": ["sport"]}}}')
    status, _, told = run("--resume", "a")
    assert status == 2
    assert "tags" in told.splitlines()[-1]


def test_bad_tags_are_one_line_and_exit_2(run: Run) -> None:
    with OpenAIServer(write_words) as server:
        Path("by_hand.json").write_text('{"conversations": {"conv-48": {"D2:5": ["pastime"]}}}')
        bad: list[tuple[list[object], str]] = [
            (["--tag-model", "hosted_vllm/tagger"], "--tags tags.json"),
            (["--tags", "tags.json", "--tag-model", "offline"], "the offline reader cannot write tags"),
            (["--tags", "missing.json"], "missing.json: no such file"),
            (["--tags", "by_hand.json", *asking(server)[2:]], "by_hand.json: written by nobody it names"),
        ]
        for flags, reason in bad:
            status, document, told = run("--run-dir", "a", *flags)
            assert (status, document) == (2, {})
            assert reason in told.splitlines()[-1]
            assert "Traceback" not in told
        assert server.chat_requests == []
    assert not Path("a").exists()


def test_a_tagger_that_is_not_there_is_told_before_anything_is_written(run: Run) -> None:
    with OpenAIServer(write_words) as gone:
        pass
    status, _, told = run("--run-dir", "a", *asking(gone))
    assert status == 1
    assert told.splitlines()[-1].startswith("evaluate.py: index LM hosted_vllm/tagger: ")
    assert not Path("a").exists()
    assert not Path("tags.json").exists()
