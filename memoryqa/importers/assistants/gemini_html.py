"""Gemini: `MyActivity.html` of Google Takeout, the form that Takeout offers first.

Structure: Takeout's own files. An activity is a `div.outer-cell`; its first `div.content-cell` has the prompt, a line
with the time in the account's language and zone, and the answer. The newest comes first. A style sheet of 150,000
characters comes before all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from memoryqa.importers.assistants.gemini import prompt_of
from memoryqa.importers.format import Format
from memoryqa.importers.markup import Attributes, Block, blocks
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spelled_times import spelled_time
from memoryqa.importers.spool import oldest_first

_BEGINNING = 1 << 19  # characters, in which the first activity is
_APPS = ("Gemini", "Bard")


def _pages(source: Source) -> list[str]:
    return [name for name in source.named(".html", ".htm") if _is_page(source, name)]


def _is_page(source: Source, name: str) -> bool:
    head = source.head(name)
    if "<html" not in head.lower() or not ("mdl-" in head or "content-cell" in head or "activity" in name.lower()):
        return False
    with source.text(name, errors="replace") as file:
        beginning = file.read(_BEGINNING)
    return "outer-cell" in beginning and any(app in beginning for app in _APPS)


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """Prompts and answers, the oldest first."""
    yield from oldest_first(_activity(block, options, report) for block in _activities(source))


def _activities(source: Source) -> Iterator[Block]:
    for name in _pages(source):
        with source.text(name) as file:
            yield from blocks(file, source.place(name), _starts, _region, lambda *_: None)


def _starts(tag: str, classes: frozenset[str], attributes: Attributes) -> str:
    return "activity" if tag == "div" and "outer-cell" in classes else ""


def _region(classes: frozenset[str], around: frozenset[str]) -> str:
    if "mdl-typography--title" in classes:
        return "app"
    is_said = "content-cell" in classes and "mdl-typography--body-1" in classes
    return "said" if is_said and "mdl-typography--text-right" not in classes else ""


def _activity(block: Block, options: Options, report: ImportReport) -> Iterator[Message]:
    lines = block.text("said").split("\n")
    place = next((number for number, line in enumerate(lines) if number and spelled_time(line)), None)
    prompt = prompt_of("\n".join(lines[:place]).strip())
    said = "" if place is None else "\n".join(lines[place + 1 :]).strip()
    if place is None or not any(app in block.text("app") for app in _APPS) or (prompt is None and not said):
        report.skip("activity that is no prompt")
        return
    written = spelled_time(lines[place])
    time = None if written is None else options.placed(written)
    key = digest(lines[place], lines[0])
    yield Message("User", prompt or lines[0], time, f"gemini:{key}:0", author=ME)
    if said:
        yield Message("Assistant", said, time, f"gemini:{key}:1", author="assistant")
    else:
        report.skip("prompt without an answer")


GEMINI_HTML = Format("gemini-html", "Gemini (HTML)", lambda source: bool(_pages(source)), read)
