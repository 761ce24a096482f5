"""The progress bar of long work, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(description: str, *, total: int, completed: int = 0) -> Iterator[Callable[[str], None]]:
    """A bar that counts to `total`. What it yields is called once per finished item, with a note to show at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[note]}"), console=Console(stderr=True)) as progress:
        bar = progress.add_task(description, total=total, completed=completed, note="")
        yield lambda note: progress.update(bar, advance=1, note=note)
