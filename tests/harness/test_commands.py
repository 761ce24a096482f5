"""harness.commands: how a script ends, and when it prints its document."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
from typing import Any

import pytest

from harness.commands import add_json_flag, print_document, run_command
from memoryqa.errors import MissingExtraError, StoppedError, UsageError
from memoryqa.search.embedders import EmbeddingError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def raising(error: BaseException) -> Any:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UsageError("--n 0: give more"), 2, "x.py: --n 0: give more\n"),
        (MissingExtraError("torch", "train.py"), 2, "x.py: train.py needs the package torch: pip install"),
        (EmbeddingError("cannot load the embedder x"), 2, "x.py: cannot load the embedder x\n"),
        (StoppedError("no server answers"), 1, "x.py: no server answers\n"),
        (KeyboardInterrupt(), 1, "x.py: interrupted\n"),
        (ModuleNotFoundError("no torch", name="torch.nn"), 2, "x.py: x.py needs the package torch.nn: pip install"),
    ],
)
def test_deliberate_errors_are_one_line_and_a_status(
    error: BaseException, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("x.py", raising(error)) == status
    captured = capsys.readouterr()
    assert captured.err.startswith(line)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    "error", [ValueError("operands could not be broadcast"), OSError("gone"), ModuleNotFoundError("no x", name="x")]
)
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run_command("x.py", raising(error))
    assert caught.value is error


def test_no_error_is_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("x.py", lambda: None) == 0
    assert run_command("x.py", lambda: 3) == 3
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_the_document_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    add_json_flag(parser)
    for argv, stdout, printed in (
        ([], Terminal(), False),
        (["--json"], Terminal(), True),
        ([], io.StringIO(), True),
        (["--json"], io.StringIO(), True),
    ):
        monkeypatch.setattr(sys, "stdout", stdout)
        print_document({"name": "Zoë", "n": 1}, as_json=parser.parse_args(argv).json)
        text = stdout.getvalue()
        assert (text != "") == printed
        if printed:
            assert text.isascii()
            assert json.loads(text) == {"name": "Zoë", "n": 1}


def test_a_document_holds_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-key-0123456789")
    print_document({"error": "rejected planted-key-0123456789"}, as_json=True)
    assert "planted" not in capsys.readouterr().out


def test_settings_in_a_message_of_the_library_are_flags_in_a_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UsageError("write hosted_vllm/m with `judge_api_base` URL, or run `ollama pull m`")

    assert run_command("evaluate.py", fail) == 2
    told = capsys.readouterr().err
    assert told == "evaluate.py: write hosted_vllm/m with --judge-api-base URL, or run `ollama pull m`\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_one_line_and_no_bug(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise OSError(number, os.strerror(number), "runs/x/report.html")

    assert run_command("x.py", write) == 1
    line = capsys.readouterr().err
    assert line.startswith(f"x.py: runs/x/report.html: {os.strerror(number)}; what was written until then is kept")
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.EACCES, "give yourself the right to it"),
        (errno.EPERM, "give yourself the right to it"),
        (errno.EROFS, "give yourself the right to it"),
        (errno.EIO, "mend the disk"),
        (errno.ESTALE, "mend the disk"),
        (errno.ENOENT, "its folder was removed"),
    ],
)
def test_what_the_machine_refuses_is_one_line(number: int, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        raise OSError(number, os.strerror(number), "no/such/folder/report.html")

    assert run_command("x.py", write) == 1
    line = capsys.readouterr().err
    assert line.startswith("x.py: no/such/folder/report.html: ")
    assert told in line
    assert line.count("\n") == 1


def test_other_errors_of_the_system_are_bugs() -> None:
    def read() -> None:
        raise FileNotFoundError(errno.ENOENT, "no", "x")

    with pytest.raises(FileNotFoundError):
        run_command("x.py", read)
