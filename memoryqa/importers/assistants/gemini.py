"""Gemini: `MyActivity.json` of Google Takeout ("My Activity", "Gemini Apps", format JSON).

Structure: https://github.com/AlexArchitect-Dev/gemini-takeout-refinery, and Takeout's own files. An activity is a
prompt (`title`, behind the word "Prompted") and its answer in HTML (`safeHtmlItem`); the newest comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from memoryqa.importers.fields import items_of, outline, record, records, text
from memoryqa.importers.format import Format
from memoryqa.importers.markup import words
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spool import oldest_first

_PROMPTED = re.compile(
    r"(?:Prompted|Asked|Said|(?:Eingegebener|Gesendeter) Prompt:?|Se ha hecho la petición:?|Has enviado la petición:?|"
    r"Requête envoyée ?:?|Prompt inserito:?|Hai inviato il prompt:?|Comando enviado:?|Prompt enviado:?|"
    r"Prompt verzonden:?|Отправлен запрос:?|送信したメッセージ:?|已输入提示:?)\s+"
)


def _documents(source: Source) -> list[str]:
    named = source.named("myactivity.json") or source.named(".json")[:20]
    return [name for name in named if _is_export(source, name)]


def _is_export(source: Source, name: str) -> bool:
    head = source.head(name)
    return {"header", "title", "time"} <= outline(source, name).keys and ("Gemini" in head or "Bard" in head)


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """Prompts and answers, the oldest first."""
    if options.zone is None:
        report.note_utc()
    found = (record(one) for name in _documents(source) for one in items_of(source, name))
    yield from oldest_first(_activity(one, options, report) for one in found)


def prompt_of(title: str) -> str | None:
    """What was asked, by the title of an activity; None for one that is no prompt."""
    match = _PROMPTED.match(title)
    return title[match.end() :] if match else None


def _activity(one: Mapping[str, Any], options: Options, report: ImportReport) -> Iterator[Message]:
    title, answers = text(one.get("title")), records(one.get("safeHtmlItem"))
    prompt = prompt_of(title)
    if prompt is None and not answers:
        report.skip("activity that is no prompt")
        return
    time, key = options.iso(text(one.get("time"))), digest(text(one.get("time")), title)
    files = (
        tuple(text(file) for file in one.get("attachedFiles") or () if text(file))
        if isinstance(one.get("attachedFiles"), list)
        else ()
    )
    prompt = title if prompt is None else prompt
    if prompt or files:
        yield Message("User", prompt, time, f"gemini:{key}:0", attachments=files, author=ME)
    said = "\n".join(words(text(answer.get("html"))) for answer in answers).strip()
    if said:
        yield Message("Assistant", said, time, f"gemini:{key}:1", author="assistant")
    else:
        report.skip("prompt without an answer")


GEMINI = Format("gemini", "Gemini", lambda source: bool(_documents(source)), read)
