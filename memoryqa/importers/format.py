"""The shape of a format's module: its name, how it is recognised, and how it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from memoryqa.importers.message import Message
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

Read = Callable[[Source, Options, ImportReport], Iterator[Message]]


@dataclass(frozen=True, slots=True)
class Format:
    """One export format.

    name: as `--format` takes it. title: what people call the app. recognises: whether a source is such an export, by
    its content. read: its messages in the export's order; `speaker` and `author` as the export has them.
    """

    name: str
    title: str
    recognises: Callable[[Source], bool]
    read: Read
