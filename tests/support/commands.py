"""Commands run in this process: their main() is called, and what they print is captured."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Outcome:
    """What a call of main() left: its exit status, the lines of stdout, and stderr.

    `name` is what the command's messages begin with.
    """

    name: str
    status: int
    out: list[str]
    err: str

    @property
    def document(self) -> Any:
        """The JSON document of a command that succeeded: the last line of stdout."""
        assert self.status == 0, self.err
        return json.loads(self.out[-1])

    @property
    def message(self) -> str:
        """The one line of a command that failed: the last one of stderr, with nothing on stdout and no traceback."""
        said = [line for line in self.err.splitlines() if line.startswith(f"{self.name}: ")]
        assert len(said) == 1, self.err
        assert self.err.rstrip().splitlines()[-1] == said[0]
        assert self.out == []
        assert "Traceback" not in self.err
        return said[0]


@dataclass(frozen=True)
class Command:
    """`command("--flag", value)` calls `main` with strings; a SystemExit of argparse is its status."""

    name: str
    main: Callable[[list[str]], int]
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *argv: object) -> Outcome:
        self.capsys.readouterr()
        try:
            status = self.main([str(argument) for argument in argv])
        except SystemExit as stop:
            status = int(stop.code or 0)
        captured = self.capsys.readouterr()
        return Outcome(self.name, status, captured.out.splitlines(), captured.err)
