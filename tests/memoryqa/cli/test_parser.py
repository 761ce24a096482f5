"""The commands: what `--help` loads and shows."""

from __future__ import annotations

import subprocess
import sys

import pytest
from checkout import ROOT

from memoryqa.cli.parser import COMMANDS, build_parser

HEAVY = ("numpy", "rich", "dspy", "sqlite3", "tiktoken", "asyncio", "memoryqa.memory", "memoryqa.importers")


@pytest.mark.slow
@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_loads_nothing_heavy_and_shows_examples(command: tuple[str, ...]) -> None:
    script = (
        "import contextlib, sys; from memoryqa.cli import main\n"
        f"with contextlib.suppress(SystemExit): main([*{command!r}, '--help'])\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stderr == "\n"
    assert f"    memoryqa {' '.join(command)}" in ran.stdout, "an example to paste"


def test_every_command_is_in_the_help_with_its_line() -> None:
    shown = " ".join(build_parser().format_help().split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.help}" in shown


def test_an_unknown_command_names_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        build_parser().parse_args(["serach", "x"])
    assert "search" in capsys.readouterr().err
