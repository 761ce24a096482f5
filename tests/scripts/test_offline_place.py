"""The offline reader never answers for a model that failed, and says who it is where it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from commands import Command
from http_stand_in import Fault
from instructed_reader import write_carried
from openai_server import OpenAIServer, Shaped, off_format, server_error, unauthorized

import evaluate
import optimization.metered_lm
import optimize
from memoryqa.asking.readers import choose_reader
from memoryqa.errors import StoppedError
from memoryqa.lms.roles import build, resolve
from memoryqa.memories import Memories
from memoryqa.offline_reader import OFFLINE_MODEL
from memoryqa.offline_reader import engine as offline_engine
from memoryqa.serve.asking import Asking
from memoryqa.serve.operations import Operations

pytestmark = pytest.mark.usefixtures("own_folder", "wide_terminal", "short_waits")

# How a model fails -> a server of which every call fails so, after its pre-flight.
FAILURES: dict[str, Callable[[], OpenAIServer]] = {
    "server errors": lambda: OpenAIServer(faults=[None, *[server_error()] * 500]),
    "a key that is revoked": lambda: OpenAIServer(faults=[None, *[unauthorized()] * 500]),
    "a server that dies": lambda: OpenAIServer(die_after=1),
    "small talk": lambda: OpenAIServer(faults=[None, *[off_format()] * 500]),
    "nothing": lambda: OpenAIServer(lambda *_: Shaped(text="")),
    "null": lambda: OpenAIServer(lambda *_: Shaped(text=None)),
    "a refusal": lambda: OpenAIServer(lambda *_: "I'm sorry, but I can't help with that."),
    "a reply that is cut": lambda: OpenAIServer(lambda *_: Shaped(text="[[ ## ans", finish_reason="length")),
    "a model that is gone": lambda: OpenAIServer(faults=[None, *[Fault(404, {"error": {"message": "gone"}})] * 500]),
}


@pytest.fixture(autouse=True)
def no_offline_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks it fails the test, but for the tests that want it."""
    monkeypatch.setattr(optimization.metered_lm, "PAUSE_SEC", 0.02)
    monkeypatch.setattr(optimization.metered_lm, "MAX_OUTAGE_SEC", 0.2)

    def asked() -> Any:
        raise AssertionError("the offline reader was asked")

    monkeypatch.setattr(offline_engine, "offline_lm", asked)


def answers_of(run_dir: Path) -> list[dict[str, Any]]:
    path = run_dir / "answers.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("failure", FAILURES)
def test_an_evaluation_has_no_answer_of_a_model_that_failed(
    failure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_carried(tmp_path / "data.json")
    run = Command("evaluate.py", evaluate.main, capsys)
    with FAILURES[failure]() as server:
        outcome = run(
            *("--data", data, "--model", "hosted_vllm/m", "--api-base", server.api_base, "--split", "all"),
            *("--num-test", 6, "--num-threads", 2, "--no-mlflow", "--run-dir", tmp_path / "r"),
        )
    rows = answers_of(tmp_path / "r")
    assert outcome.status == 1
    assert all(row["answer"] == "" and row["error"] for row in rows)
    assert "offline" not in outcome.err.split("report.html")[0].replace("use --model offline", "")


@pytest.mark.parametrize("failure", ["server errors", "a key that is revoked", "small talk", "a server that dies"])
def test_a_search_ends_with_a_model_that_failed(
    failure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_carried(tmp_path / "data.json")
    run = Command("optimize.py", optimize.main, capsys)
    with FAILURES[failure]() as server:
        outcome = run(
            *("--data", data, "--model", "hosted_vllm/m", "--api-base", server.api_base, "--num-examples", 4),
            *("--num-val", 2, "--num-held-back", 4, "--no-mlflow", "--run-dir", tmp_path / "r"),
        )
    assert outcome.status == 1
    assert not Path("optimized_memory_qa.json").exists()


@pytest.mark.parametrize("failure", FAILURES)
def test_the_tool_ask_names_the_model_that_failed(
    failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryqa.asking.program._RETRY_SEC", 0.1)
    with Memories.open(tmp_path / "chats") as chats:
        chats.create("ana").add("I moved to Porto on 20 May 2023.", speaker="Ana", time="2023-05-21")
        operations = Operations(chats)
        with FAILURES[failure]() as server:
            choice = resolve("task", model="hosted_vllm/m", api_base=server.api_base)
            lm = build(choice, cache=False, num_retries=0)
            if failure in ("server errors", "a key that is revoked", "small talk", "a model that is gone"):
                lm("the first call")
            elif failure == "a server that dies":
                lm("the last call")
            ask = Asking(operations, *choose_reader("hosted_vllm/m", server.api_base))
            with pytest.raises(StoppedError, match=r"^(task LM )?hosted_vllm/m(: | did not answer: )") as told:
                ask.answer("When did Ana move?", "ana")
    assert "\n" not in str(told.value)


def test_the_offline_reader_says_who_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    data = write_carried(tmp_path / "data.json")
    run = Command("evaluate.py", evaluate.main, capsys)
    outcome = run("--data", data, "--model", "offline", "--split", "all", "--num-test", 2, "--no-mlflow")
    assert "offline extractive reader (no LM)" in outcome.document["task_lm"]
    run_dir = Path(outcome.document["run_dir"])
    assert json.loads((run_dir / "config.json").read_text())["resolved"]["model"] == OFFLINE_MODEL
    assert "offline extractive reader" in (run_dir / "report.html").read_text()
    assert dspy.settings.lm.model == OFFLINE_MODEL
