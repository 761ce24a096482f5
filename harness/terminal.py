"""What the scripts show on stderr: consoles on which text that somebody else wrote is only text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

from memoryqa.terminal import harmless


def stderr_console(**options: Any) -> Console:
    """A Console on stderr that shows control characters and does not send them. `options`: those of Console."""
    made = Console(stderr=True, **options)
    made.push_render_hook(_HarmlessHook())
    return made


def rows_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Rows of one shape as a table."""
    table = Table()
    for title in rows[0] if rows else ():
        table.add_column(title)
    for row in rows:
        table.add_row(*("-" if value is None else escape(str(value)) for value in row.values()))
    return table


class _HarmlessHook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Harmless(one) for one in renderables]


class _Harmless:
    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._segments(console, options)

    def _segments(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._inner, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
