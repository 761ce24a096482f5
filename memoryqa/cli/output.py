"""How commands print: text, JSON for programs, tables for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memoryqa.terminal import harmless, is_terminal

_CONTROLS = {code: f"\\u{code:04x}" for code in range(127, 160)}  # which JSON allows, and a terminal obeys


def show(text: str) -> None:
    """Print `text`; on a terminal with its control characters shown and not sent."""
    print(harmless(text) if is_terminal(sys.stdout) else text)


def show_styled(text: str, style: str) -> None:
    """`show` with a style of rich's, "bold" or "dim", on a terminal that shows such (NO_COLOR is obeyed)."""
    if not is_terminal(sys.stdout):
        show(text)
        return
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False).print(Text(harmless(text), style=style), soft_wrap=True)


def messages(count: int) -> str:
    """`1 message`, `2,000 messages`."""
    return f"{count:,} message{'' if count == 1 else 's'}"


def print_json(document: Mapping[str, Any]) -> None:
    """One line, with its signs as they are where stdout can print them, else escaped."""
    line = json.dumps(document, ensure_ascii=False).translate(_CONTROLS)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(document)
    print(line)


def print_table(rows: Iterable[Sequence[str]], heads: Sequence[str] = ()) -> None:
    """A table: as wide as the terminal, with colours on one that shows them (NO_COLOR is obeyed)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*heads, show_header=bool(heads), box=None)
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))  # Text: what others wrote is no markup
    Console().print(table)
