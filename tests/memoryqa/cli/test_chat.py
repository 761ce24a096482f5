"""`memoryqa chat`: by a pipe and on a terminal; and what a shell completes."""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import ROOT
from own_chats import fill_store, use_environment, without_keys

from memoryqa.asking.answers import CONTEXT_TOKENS
from memoryqa.cli import main, talk
from memoryqa.cli.commands.completion import SCRIPTS, words
from memoryqa.cli.parser import COMMANDS

INTERRUPTIBLE = (  # the tests may run where SIGINT is ignored, which processes inherit
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from memoryqa.cli import main; raise SystemExit(main(sys.argv[1:]))"
)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from use_environment({**without_keys(tmp_path), "PYTHONPATH": str(ROOT)}, monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fill_store(tmp_path / ".local/share/memoryqa", "Bo", "Ines")


def typed(lines: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    return main(["chat", *arguments])


def test_lines_of_a_pipe_are_answered_one_after_another(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "When is the operation?\n/open 1\n/sources\n\n/quit\nHow is the knee?\n"
    assert typed(lines, monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.startswith("28 May 2024\n\n# Ines\n[D1, 13 May 2024]\n1 Ines: The hospital")
    assert "answered by the offline reader" in out
    assert "\n# Ines\n[D1, 13 May 2024]\n> 1 09:02 Ines: The hospital" in out
    assert "\n 1 Ines/D1:1 2024-05-13 Ines: The hospital" in out
    assert "knee" not in out.partition(" 1 Ines/D1:1")[0].partition("> 1")[0]


def test_a_chat_alone_a_budget_and_what_cannot_be_done(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "/chat Bo\n/budget 200\n/budget none\n/open 1\n/chat Nobody\n/dance\n/open D9:9\n/help\n"
    assert typed(lines, monkeypatch) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("asking Bo\nat most 200 tokens are read for an answer\n/open 2")
    said = captured.err.splitlines()
    assert [line.split(": ", 1)[1] for line in said] == [
        "write /budget 2000: tokens, at least 1",
        "no answer yet: ask something first",
        "there is no chat 'Nobody'; there are: Bo, Ines",
        "there is no /dance; /help lists what can be typed",
        "there is no message D9:9 in Bo; a search shows what there is",
        "5 of the lines could not be answered",
    ]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("And who drives?", True),
        ("When does it leave?", True),
        ("Und wann?", True),
        ("why?", True),
        ("When is the operation?", False),
        ("Wann ist die Operation?", False),
        ("Andalusia was when?", False),
    ],
)
def test_questions_that_follow_from_the_one_before_are_known(question: str, expected: bool) -> None:
    assert talk.follows(question) is expected


def test_a_follow_up_finds_what_was_spoken_of(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed("When does the ferry to Barreiro leave?\nAnd what is packed for it?\n", monkeypatch) == 0
    out = capsys.readouterr().out
    assert "(after: When does the ferry to Barreiro leave?)" in out
    assert "My bag is packed" in out.partition("(after:")[2]


def test_the_tokens_that_are_read_are_those_of_the_program() -> None:
    assert talk.CONTEXT_TOKENS == CONTEXT_TOKENS


def test_an_empty_store_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("x\n", monkeypatch) == 2
    assert "import one first: memoryqa import FILE" in capsys.readouterr().err


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, arguments: list[str], **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} is not in {self.shown!r}"
            try:
                self.shown += os.read(self._ours, 4096).decode("utf-8", "replace")
            except OSError:  # the command has ended
                assert text in self.shown, self.shown
                return

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


@pytest.mark.slow
def test_a_person_asks_cancels_and_leaves(store: Path, terminals: list[Terminal], tmp_path: Path) -> None:
    terminal = Terminal(["chat"])
    terminals.append(terminal)
    terminal.wait_for("> ")
    assert "Asking the offline reader about Bo, Ines." in terminal.shown
    terminal.type("When is the operation?\r")
    terminal.wait_for(
        "--model NAME asks an LM\x1b[0m\r\n> "
    )  # the next prompt: what is interrupted waits for a question
    assert "\x1b[1m28 May 2024" in terminal.shown
    time.sleep(1)  # readline waits for keys only a moment after it has shown the prompt
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.wait_for("(cancelled; Ctrl-D leaves)\r\n> ")
    terminal.type("\x04")
    assert terminal.process.wait(30) == 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".db", ".pyc")]
    assert not [path for path in kept if b"When is the operation" in path.read_bytes()], "nothing typed is kept"


@pytest.mark.slow
def test_no_colour_is_sent_where_none_is_wanted(store: Path, terminals: list[Terminal]) -> None:
    terminal = Terminal(["ask", "When is the operation?"], TERM="dumb")
    terminals.append(terminal)
    terminal.wait_for("--model NAME asks an LM")
    assert "\x1b" not in terminal.shown
    terminal = Terminal(["ask", "When is the operation?"], NO_COLOR="1")
    terminals.append(terminal)
    terminal.wait_for("--model NAME asks an LM")
    assert "\x1b[3" not in terminal.shown, "bold is no colour"


# -- completion --------------------------------------------------------------------------------------------------------


def test_commands_options_values_and_chats_are_completed(store: Path, tmp_path: Path) -> None:
    assert words([""]) == list(COMMANDS)
    assert words(["se"]) == ["search", "serve"]
    assert words(["ask", "--ch"]) == ["--chat"]
    assert words(["ask", "--chat", ""]) == ["Bo", "Ines"]
    assert words(["ask", "When?", "--chat", "I"]) == ["Ines"]
    assert words(["ask", "--store", str(tmp_path), "--chat", ""]) == []
    assert words(["completion", "z"]) == ["zsh"]
    assert words(["ask", "--file", ""]) == words(["nothing", ""]) == []


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_scripts_are_printed_and_their_shells_read_them(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "completion words" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_chat_with_a_space_in_its_name(tmp_path: Path) -> None:
    (tmp_path / ".local/share/memoryqa").mkdir(parents=True)
    (tmp_path / ".local/share/memoryqa/The band.db").touch()
    script = (
        f'memoryqa() {{ {sys.executable} -m memoryqa "$@"; }}\n{SCRIPTS["bash"]}\n'
        'COMP_WORDS=(memoryqa ask --chat Th); COMP_CWORD=3; _memoryqa; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "The\\ band\n"
