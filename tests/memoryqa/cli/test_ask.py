"""`memoryqa ask`, `search` and `show` over a store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from openai_server import OpenAIServer, chat_fields, server_error
from own_chats import fill_store, use_environment, without_keys

from memoryqa.asking import answers
from memoryqa.cli import main
from memoryqa.cli.commands import ask
from memoryqa.offline_reader import OFFLINE_MODEL

OFFLINE = "answered by the offline reader"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from use_environment(without_keys(tmp_path), monkeypatch)


@pytest.fixture
def ines(tmp_path: Path) -> Path:
    """The default store with one chat."""
    return fill_store(tmp_path / ".local/share/memoryqa", "Ines")


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return fill_store(tmp_path / ".local/share/memoryqa", "Bo", "Ines")


def answered(*arguments: str) -> int:
    return main([*arguments])


# -- ask ---------------------------------------------------------------------------------------------------------------


def test_an_answer_has_its_lines_and_says_who_gave_it(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "When is the operation?"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("28 May 2024\n\n[D1, 13 May 2024]\n1 Ines: The hospital called. The operation is on the 28th")
    assert OFFLINE in out.splitlines()[-1]


def test_a_question_may_be_typed_without_quotes(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "When", "is", "the", "operation?"]) == 0
    assert capsys.readouterr().out.startswith("28 May 2024\n")


def test_what_never_came_up_is_not_answered(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "Which dentist repaired the broken windscreen?"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("No information available\n\nNothing like it was said in 2 chats.\n")
    assert OFFLINE in out


def test_json_has_the_answer_what_it_stands_on_and_what_it_cost(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "When is the operation?", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["answer"], found["known"], found["model"]) == ("28 May 2024", True, OFFLINE_MODEL)
    assert [(one["chat"], one["id"], one["time"]) for one in found["cited"]] == [
        ("Ines", "D1:1", "2024-05-13T09:02:00")
    ]
    assert found["evidence"].startswith("# Ines\n[D1, 13 May 2024]\n1 Ines: ")
    assert (found["tokens"]["prompt"], found["cost_usd"]) == (0, 0.0)
    assert {"chat": "Ines", "id": "D1:1"} in found["found"]


@pytest.mark.parametrize(
    ("asked", "said"), [("2024-05-24", "2024-05-13"), ("2024-05-26", "2024-05-13"), ("2024-06-03", "2024-05-27")]
)
def test_last_week_is_the_week_before_the_day_of_asking(
    asked: str, said: str, ines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "What did Ines tell last week?", "--asked", asked, "--json"]) == 0
    turns = json.loads(capsys.readouterr().out)["turns"]
    assert {turn["time"][:10] for turn in turns} == {said}, "no word of it was said: the days are what is found"


def test_the_day_of_asking_is_today_in_a_store_and_the_last_day_of_a_file(
    ines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argparse
    from datetime import date

    from memoryqa.cli.shared import selection

    given = {"people": None, "since": None, "until": None, "asked": None}
    assert selection(argparse.Namespace(file=None, **given))["asked"] == date.today()
    assert selection(argparse.Namespace(file=ines, **given))["asked"] is None


@pytest.mark.parametrize(
    ("question", "answer"),
    [("What time does the ferry to Barreiro leave?", "06:10"), ("Wann ist die Operation?", "28 May 2024")],
)
def test_questions_for_hours_and_in_german(
    question: str, answer: str, ines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", question]) == 0
    assert capsys.readouterr().out.startswith(f"{answer}\n")


def test_a_chinese_question_finds_its_line(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "手术什么时候？", "--json"]) == 0
    assert [one["chat"] for one in json.loads(capsys.readouterr().out)["cited"]] == ["Bo"]


def test_a_question_for_hours_shows_them_and_clock_always_does(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "What time does the ferry leave?"]) == 0
    assert "\n1 21:10 Ines: My bag" in capsys.readouterr().out
    for command in (["ask", "When is the operation?"], ["search", "operation"], ["show", "D1:1"]):
        assert main([*command, "--clock"]) == 0
        assert "1 09:02 Ines: The hospital" in capsys.readouterr().out
        assert main(command) == 0
        assert "1 Ines: The hospital" in capsys.readouterr().out


def test_a_file_is_asked_as_a_chat_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text('{"speaker": "Ana", "time": "2023-05-25", "text": "I moved to Porto last Saturday!"}\n')
    for arguments in (["--file", str(path), "When did Ana move?"], [str(path), "When did Ana move?"]):
        assert main(["ask", *arguments]) == 0
        assert capsys.readouterr().out.startswith(
            "The Saturday before 25 May 2023\n\n[D1, 25 May 2023]\n1 Ana: I moved"
        )


@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_store_says_what_to_do_and_is_not_made(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "When is the operation?"]) == 2
    folder = tmp_path / ".local/share/memoryqa"
    assert capsys.readouterr().err == f"memoryqa: no chats in {folder}; import one first: memoryqa import FILE\n"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "x", "--chat", "Ana"], "there is no chat 'Ana'; there are: Ines"),
        (["ask", "x", "--context", "0"], "--context must be at least 1, got 0"),
        (["ask", "x", "--asked", "soon"], "'soon' is not ISO 8601"),
        (["ask", "x", "--since", "2024-06-01", "--until", "2024-05-01"], "turn them round"),
        (["ask", "x", "--model", "gpt-4o"], "--model 'gpt-4o' names no provider: write openai/gpt-4o"),
        (["search", "x", "--file", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["show", "D9:9"], "there is no message D9:9 in any chat"),
        (["show", "hello"], "'hello' cites no message"),
        (["show"], "name a message, D8:6, or a day"),
        (["show", "D1:1", "--around", "-1"], "--around must be at least 0"),
        (["show", "--day", "2020-01-01"], "nothing was said on 2020-01-01"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, ines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_the_tokens_that_are_read_are_those_of_the_program() -> None:
    assert ask.CONTEXT_TOKENS == answers.CONTEXT_TOKENS


# -- with an LM --------------------------------------------------------------------------------------------------------


def reply(messages: list[dict[str, str]], body: object) -> str:
    system = str(messages[0]["content"])
    if "`queries`" in system:
        return chat_fields(queries='["the operation"]')
    if "`sufficient`" in system:
        return chat_fields(sufficient="True", follow_up_queries="[]")
    return chat_fields(answer="on 28 May 2024", evidence_ids="D1:1")


def lm(server: OpenAIServer) -> list[str]:
    return ["--model", "hosted_vllm/test-model", "--api-base", server.api_base]


@pytest.mark.slow
def test_the_model_answers_and_is_named(ines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with OpenAIServer(answer=reply) as server:
        assert main(["ask", "When is the operation?", *lm(server)]) == 0
        out = capsys.readouterr().out
        assert out.startswith("on 28 May 2024\n\n[D1, 13 May 2024]\n1 Ines: The hospital")
        assert f"answered by hosted_vllm/test-model at {server.api_base}" in out
        assert OFFLINE not in out
        assert main(["ask", "When is the operation?", "--json", *lm(server)]) == 0
        found = json.loads(capsys.readouterr().out)
    assert found["cost_usd"] is None, "a server of one's own has no known price"
    assert found["tokens"]["prompt"] > 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".db"]
    assert not [path for path in kept if b"operation" in path.read_bytes()], "no question is kept on the disk"


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 500])
def test_a_model_that_fails_is_one_line_and_nobody_answers_for_it(
    status: int, ines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from http_stand_in import Fault

    fault = server_error() if status == 500 else Fault(401, {"error": {"message": "Incorrect API key: sk-secret"}})
    monkeypatch.setattr("memoryqa.asking.program._RETRY_SEC", 0.1)
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "sk-secret-of-ours-123456")
    with OpenAIServer(answer=reply, faults=[fault] * 20) as server:
        assert main(["ask", "When is the operation?", *lm(server)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memoryqa: task LM hosted_vllm/test-model: ")
    assert captured.err.count("\n") == 1
    assert "sk-secret-of-ours" not in captured.err


@pytest.mark.slow
def test_a_server_that_is_not_there_is_one_line(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ports import free_port

    arguments = ["--model", "hosted_vllm/test-model", "--api-base", f"http://127.0.0.1:{free_port()}/v1"]
    assert main(["ask", "When is the operation?", *arguments]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "connection refused" in captured.err


@pytest.mark.slow
def test_a_model_without_its_extra_is_one_line_and_the_offline_reader_needs_none(ines: Path, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['dspy', 'litellm', 'openai', 'torch', 'mlflow']))\n"
        "from memoryqa.cli import main; raise SystemExit(main(sys.argv[1:]))"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, "ask", "When is the operation?", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))

    assert run().stdout.startswith("28 May 2024\n")
    failed = run("--model", "openai/gpt-4o-mini")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.count("\n") == 1
    assert "pip install 'memoryqa[ask]'" in failed.stderr


# -- search and show ---------------------------------------------------------------------------------------------------


def test_results_over_several_chats_say_which(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "the ferry to Barreiro", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {turn["chat"] for turn in found["turns"]} == {"Bo", "Ines"}
    assert "# Ines\n[D3, 27 May 2024]\n1 Ines: My bag" in found["text"]
    assert main(["search", "the ferry to Barreiro", "--chat", "Ines", "--from", "Ines", "--until", "2024-05-26"]) == 0
    assert "ferry" not in capsys.readouterr().out


@pytest.mark.parametrize("command", ["search", "ask"])
def test_a_person_who_never_spoke_is_named(command: str, both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "the ferry", "--from", "ines", "--from", "Nobody"]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert told.err.startswith("memoryqa: --from Nobody: nobody is called so; people are ")
    assert "Ines" in told.err
    assert main([command, "the ferry", "--chat", "Ines", "--from", "Bo"]) == 2, "Bo speaks in the other chat"


def test_a_message_is_shown_among_its_neighbours_and_marked(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for citation in ("D1:2", "mem:D1:2", "Ines/D1:2", "1:2"):
        assert main(["show", citation, "--around", "1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line[:2] for line in lines] == ["[D", "  ", "> ", "[D", "  "]
        assert lines[2].startswith("> 2 Tomás: That early?")


def test_a_citation_of_several_chats_asks_which(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "D1:1"]) == 2
    assert "D1:1 is in 2 chats; write one of Bo/D1:1, Ines/D1:1" in capsys.readouterr().err
    assert main(["show", "Bo/D1:1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == "D1:1"
    assert found["turns"][0]["speaker"] == "Bo"


def test_a_day_is_shown_whole(both: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "--day", "2024-05-13"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# Ines\n[D1, 13 May 2024]\n1 Ines: The hospital called.")
    assert out.count("\n") == 4


# -- real processes ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_reader_that_stops_early_and_a_locale_without_utf_8(ines: Path) -> None:
    command = [sys.executable, "-m", "memoryqa", "ask", "How is the knee?"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"Tom\\xe1s" in ran.stdout
    closed, writing = os.pipe()
    os.close(closed)
    ran = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert b"Traceback" not in ran.stderr


def test_a_small_model_can_be_held_to_the_form(ines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(messages: object, body: Mapping[str, Any]) -> str:
        if "response_format" not in body:
            return "I would rather talk about the weather."
        fields = {"queries": ["operation"], "sufficient": True, "follow_up_queries": []}
        fields |= {"answer": "28 May 2024", "evidence_ids": "D1:1"}
        names = body["response_format"]["json_schema"]["schema"]["required"]
        return json.dumps({name: fields[name] for name in names})

    with OpenAIServer(answer) as server:
        lm = ["--model", "hosted_vllm/small", "--api-base", server.api_base, "--timeout", "50", "--structured"]
        assert main(["ask", "When is the operation?", *lm]) == 0
    assert capsys.readouterr().out.startswith("28 May 2024")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_timeout_that_is_none_is_refused(ines: Path, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "When?", f"--timeout={seconds}"]) == 2
    assert "--timeout must be a number above 0" in capsys.readouterr().err


def test_litellm_is_kept_from_the_network_before_it_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    from memoryqa.asking import program
    from memoryqa.asking.readers import choose_reader

    monkeypatch.delenv("LITELLM_LOCAL_MODEL_COST_MAP", raising=False)
    seen: list[str | None] = []
    monkeypatch.setattr(program, "LMReader", lambda choice: seen.append(os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP")))
    choose_reader("hosted_vllm/m", "http://127.0.0.1:1/v1")
    assert seen == ["True"]
