"""What `deploy.py` prints: progress and errors on stderr, results on stdout, the key nowhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from usage_error import UsageError

COMMAND = f"python {sys.argv[0]}"  # for the commands that are printed to be pasted


class Output:
    """`as_json`: the result is one JSON document instead of text. `secret` is replaced by *** in everything printed."""

    def __init__(self, *, as_json: bool, secret: str | None) -> None:
        self.as_json = as_json
        self._secret = secret

    def say(self, text: str) -> None:
        with suppress(OSError):  # the terminal may be gone; the pod must be terminated all the same
            print(self.without_secret(text), file=sys.stderr, flush=True)

    def result(self, text: Sequence[str], document: Mapping[str, Any]) -> None:
        """Print `document` with --json, else the lines of `text`."""
        shown = json.dumps(document, indent=2) if self.as_json else "\n".join(text)
        print(self.without_secret(shown), flush=True)

    def confirmed(self, question: str) -> bool:
        """The answer to a yes-no question; Ctrl-C is no. Raises UsageError at the end of stdin."""
        try:
            print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            answer = "no"
        if not answer:
            raise UsageError("nobody is there to confirm it: add --yes")
        return answer.strip().lower() in ("y", "yes")

    @contextmanager
    def progress(self) -> Iterator[PhaseDisplay]:
        """A line for each new phase; on a terminal also a spinner with the phase's current detail."""
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        with console.status("") as status:
            yield PhaseDisplay(self, console, status)

    def without_secret(self, text: str) -> str:
        return text.replace(self._secret, "***") if self._secret else text


class PhaseDisplay:
    """Shows each new `(phase, detail)`."""

    def __init__(self, output: Output, console: Any, status: Any) -> None:
        self._output, self._console, self._status = output, console, status
        self._last = ("", "")

    def show(self, phase: str, detail: str) -> None:
        if (phase, detail) == self._last:
            return
        line = self._output.without_secret(f"{phase}: {detail}")
        if phase != self._last[0] or not self._console.is_terminal:
            self._console.print(line, markup=False, soft_wrap=True)
        self._last = (phase, detail)
        from rich.text import Text

        self._status.update(Text(line))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns; the first row is the head. Lines are never wrapped: the last column is meant to be copied."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def duration_text(seconds: float | None) -> str:
    """`2 h 05 min`, `7 min`; `-` for None."""
    if seconds is None:
        return "-"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
