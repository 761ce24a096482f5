"""How `memoryqa ask` and `memoryqa chat` have an LM asked, and what they say when it sends no answer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai_server import OpenAIServer, Shaped, chat_fields
from own_chats import fill_store, use_environment, without_keys

from memoryqa.cli import main


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from use_environment(without_keys(tmp_path), monkeypatch)


@pytest.fixture
def ines(tmp_path: Path) -> Path:
    return fill_store(tmp_path / ".local/share/memoryqa", "Ines")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ask", "chat"])
def test_every_flag_reaches_the_server(command: str, ines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--max-tokens", "77", "--reasoning-effort", "low", "--timeout", "50"]
    question = ["When?"] if command == "ask" else []
    monkeypatch.setattr("sys.stdin", io.StringIO("When?\n"))
    with OpenAIServer(lambda *_: chat_fields(answer="soon", evidence_ids="")) as server:
        lm = ["--model", "hosted_vllm/small", "--api-base", server.api_base]
        assert main([command, *question, *lm, *flags]) == 0
        sent = server.chat_requests[0].body
    assert (sent["max_tokens"], sent["reasoning_effort"]) == (77, "low")


@pytest.mark.parametrize(
    "flags", [["--max-tokens", "0"], ["--num-ctx", "-1"], ["--timeout", "nan"], ["--num-ctx", "8192"]]
)
@pytest.mark.parametrize("command", ["ask", "chat"])
def test_a_setting_that_is_none_is_one_line(
    command: str, flags: list[str], ines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("When?\n"))
    question = ["When?"] if command == "ask" else []
    assert main([command, *question, "--model", "hosted_vllm/m", "--api-base", "http://127.0.0.1:9/v1", *flags]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert flags[0] in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (Shaped(text=None), "did not answer: the reply is empty"),
        (Shaped(text="", finish_reason="content_filter"), "the provider's content filter withheld the reply"),
        (Shaped(text="[[ ## ans", finish_reason="length"), "was cut at its 1,024 tokens; raise --max-tokens"),
        (Shaped(text="It is sunny."), "its reply is in no form that can be read; try again, or give --structured"),
    ],
)
def test_a_model_that_sends_no_answer_has_one_line_that_says_why(
    shape: Shaped, said: str, ines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenAIServer(lambda *_: shape) as server:
        assert main(["ask", "When?", "--model", "hosted_vllm/small", "--api-base", server.api_base]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err


@pytest.mark.slow
def test_what_was_wrong_with_replies_is_in_the_answer(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = Shaped(text=chat_fields(answer="soon", evidence_ids=""), finish_reason="content_filter")
    with OpenAIServer(lambda *_: answer) as server:
        assert main(["ask", "When?", "--json", "--model", "hosted_vllm/small", "--api-base", server.api_base]) == 0
    assert "a reply was ended by the provider's content filter" in json.loads(capsys.readouterr().out)["problems"]


@pytest.mark.slow
def test_a_problem_names_the_flag_that_mends_it(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = Shaped(text=chat_fields(answer="soon", evidence_ids=""), finish_reason="length")
    with OpenAIServer(lambda *_: answer) as server:
        assert main(["ask", "When?", "--model", "hosted_vllm/small", "--api-base", server.api_base]) == 0
    assert "a reply was cut at its 1,024 tokens; raise --max-tokens" in capsys.readouterr().out
