"""What the scripts show: nothing that somebody else wrote drives the terminal."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from harness.commands import run_command
from harness.terminal import rows_table, stderr_console
from memoryqa.errors import UsageError
from memoryqa.terminal import harmless

HOSTILE = "\x1b[31mred\x1b]0;owned\x07 \x9b2J"


def test_a_console_shows_control_characters_in_lines_and_tables() -> None:
    stream = io.StringIO()
    console = stderr_console(file=stream, width=100, force_terminal=True, color_system=None)
    console.print(HOSTILE, markup=False)
    table = Table("answer", title=HOSTILE)
    table.add_row(HOSTILE)
    console.print(table)
    console.print(rows_table([{"study": f"[bold]{HOSTILE}"}]))
    assert harmless(stream.getvalue()) == stream.getvalue()
    assert stream.getvalue().count(r"\x1b[31mred") == 4
    assert "[bold]" in stream.getvalue()


def test_colours_of_our_own_are_sent() -> None:
    stream = io.StringIO()
    stderr_console(file=stream, force_terminal=True, color_system="standard").print("[red]careful[/red]")
    assert "\x1b[31mcareful" in stream.getvalue()


def test_an_error_is_shown_without_its_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UsageError(f"no study {HOSTILE}")

    assert run_command("tune.py", fail) == 2
    assert capsys.readouterr().err == f"tune.py: no study {harmless(HOSTILE)}\n"
