"""The command `memoryqa`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

import memoryqa
from memoryqa.cli import main
from memoryqa.cli.commands.search import MIN_SCORE
from memoryqa.memory import AdaptiveMemory
from memoryqa.terminal import harmless

LINES = [
    {"speaker": "Ana", "time": "2023-05-25", "text": "I moved to Porto last Saturday!"},
    {"role": "user", "name": "Bo", "timestamp": "2023-06-02", "content": "My sister plays the cello."},
]


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)) + "\n\n", encoding="utf-8")
    return path


def test_a_search_prints_the_lines(chat: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(chat), "When did Ana move?", "--budget", "30"]) == 0
    assert capsys.readouterr().out == "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!\n"


def test_a_question_about_something_else_finds_nothing_unless_every_line_is_wanted(
    chat: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = "Which dentist repaired the broken windscreen?"
    assert main(["search", str(chat), question]) == 0
    assert capsys.readouterr().out == "(nothing found)\n"
    assert main(["search", str(chat), question, "--min-score", "0"]) == 0
    assert "cello" in capsys.readouterr().out


def test_a_saved_memory_is_searched_alike_and_json_is_for_programs(
    chat: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = AdaptiveMemory()
    memory.extend(LINES)
    memory.save(tmp_path / "chat.sqlite")
    printed = []
    for path in (chat, tmp_path / "chat.sqlite"):
        assert main(["search", str(path), "cello", "--json"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    document = json.loads(printed[0])
    found = memory.search("cello", min_score=MIN_SCORE)
    assert (document["text"], document["tokens"]) == (found.text, found.tokens)
    assert [turn["id"] for turn in document["turns"]] == list(found.ids)
    assert document["turns"][0]["time"] == "2023-06-02T00:00:00"
    assert [turn["score"] for turn in document["turns"]] == pytest.approx(found.scores, abs=1e-6)


def test_stats_say_how_much_there_is(chat: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", str(chat)]) == 0
    assert "2 turns in 2 sessions, 2023-05-25 to 2023-06-02" in capsys.readouterr().out
    assert main(["stats", str(chat), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["turns"] == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "neither a saved memory nor JSONL in UTF-8"),
        (b'{"speaker": "Ana"}', 'line 1: a chat message needs "content"'),
        (b'{"speaker": "Ana", "text": "a"}\n{', "line 2: not JSON"),
        (b'["a"]', "line 1: not a message"),
        (b'{"text": "a", "speaker": "A", "time": "soon"}', "line 1: time 'soon' is not ISO 8601"),
        (b"SQLite format 3\0 and no more", "x.jsonl"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "x.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert main(["search", str(path), "anything"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("memoryqa: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_bad_budget_is_one_line_and_exit_2(chat: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(chat), "cello", "--budget", "0"]) == 2
    assert capsys.readouterr().err == "memoryqa: --budget must be at least 1, got 0\n"


def test_the_module_is_the_command_and_tells_its_version_and_examples() -> None:
    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "memoryqa", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert run("--version") == f"memoryqa {memoryqa.__version__}\n"
    assert 'memoryqa search chat.jsonl "When did Ana move?"' in run("--help")


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf{"speaker": "Ana", "text": "otters"}\n',  # a byte order mark
        '{"speaker": "Ana", "text": "otters\u2028\x85 eat"}\r\n'.encode(),  # ends of lines to str.splitlines()
    ],
)
def test_what_other_programs_write_as_json_lines_is_read(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert main(["search", str(tmp_path / "x.jsonl"), "otters"]) == 0
    assert capsys.readouterr().out.startswith("[D1, date unknown]\n1 Ana: otters")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[" * 100_000, "line 1: not JSON of a message (nested too deep)"),
        ('{"speaker": "A", "text": "b", "time": ' + "9" * 400 + "}", "is too large for seconds since 1970"),
        ('{"speaker": "A", "text": "b", "tags": "c"}', "tags must be a list of texts"),
    ],
)
def test_a_line_that_breaks_parsers_is_named(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.jsonl").write_text(line, encoding="utf-8")
    assert main(["stats", str(tmp_path / "x.jsonl")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("as_json", [True, False])
def test_signs_that_the_terminal_cannot_print_are_escaped(encoding: str, as_json: bool, tmp_path: Path) -> None:
    text = "Köln \ud800 😀"
    (tmp_path / "x.jsonl").write_text(json.dumps({"speaker": "Zoë", "text": text}), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "memoryqa", "search", str(tmp_path / "x.jsonl"), "Köln", *["--json"] * as_json],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")
    if as_json:
        assert json.loads(ran.stdout)["turns"][0]["text"] == text
    else:
        assert ("Zoë: Köln \ufffd 😀" if encoding == "utf-8" else "Zo\\xeb: K\\xf6ln") in ran.stdout.decode(encoding)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_is_one_line(chat: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "memoryqa", "search", str(chat), "Porto"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr == "memoryqa: the output cannot be written (No space left on device); free some space\n"


HOSTILE = "red \x1b[31m, a title \x1b]0;owned\x07, an old CSI \x9b2J, a return\roverwritten"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "hostile.jsonl"
    path.write_text(json.dumps({"speaker": "Eve\x1b[2J", "time": "2023-05-25", "text": HOSTILE}), encoding="utf-8")
    return path


def test_on_a_terminal_control_characters_are_shown_and_not_sent(
    hostile: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryqa.cli.output.is_terminal", lambda stream: True)
    for argv in (["search", str(hostile), "What is red?"], ["stats", str(hostile)]):
        assert main(argv) == 0
        assert harmless(out := capsys.readouterr().out) == out
    assert main(["search", str(hostile), "What is red?"]) == 0
    assert r"\x1b[31m" in capsys.readouterr().out


def test_a_pipe_gets_the_text_as_it_is_and_json_has_no_control_characters(
    hostile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", str(hostile), "What is red?"]) == 0
    assert "\x1b[31m" in capsys.readouterr().out
    assert main(["search", str(hostile), "What is red?", "--json"]) == 0
    out = capsys.readouterr().out
    assert harmless(out) == out
    assert json.loads(out)["turns"][0]["text"] == HOSTILE


def test_an_error_that_quotes_a_file_is_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", str(tmp_path / "a\x1b[31mb"), "x"]) == 2
    assert r"a\x1b[31mb" in capsys.readouterr().err
