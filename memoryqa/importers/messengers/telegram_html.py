"""Telegram: the pages `messages.html`, `messages2.html`, ... that Telegram Desktop writes.

Structure: https://github.com/telegramdesktop/tdesktop (export/output/export_output_html.cpp): `div.message` with
`div.from_name`, `div.text`, and `div.date` whose title is the time, `13.05.2024 10:15:00 UTC+01:00`. A message whose
class says `joined` is of the speaker before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import PurePosixPath

from memoryqa.importers.format import Format
from memoryqa.importers.markup import Attributes, Block, blocks
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_PAGE = re.compile(r"messages(\d*)\.html")
_TIME = re.compile(r"(\d\d)\.(\d\d)\.(\d{4}) (\d\d):(\d\d):(\d\d)(?: (?:UTC|GMT)([+-])(\d\d):?(\d\d))?")
_VIA = re.compile(r" via @\w+$")  # the bot that helped to write it
_MEDIA = re.compile(r"media_(?!wrap)(\w+)|(photo|video_file|animated|sticker)_wrap")


def _pages(source: Source) -> list[str]:
    found = [name for name in source.named(".html") if _is_page(source, name)]
    return sorted(found, key=lambda name: (PurePosixPath(name).parent, _number(name), name))


def _number(name: str) -> int:
    match = _PAGE.fullmatch(PurePosixPath(name).name)
    return int(match[1][-9:] or 1) if match else 0


def _is_page(source: Source, name: str) -> bool:
    head = source.head(name)
    return "<html" in head.lower() and "tgme" not in head and 'class="page_wrap"' in head and 'class="history"' in head


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every page, in the order of the pages."""
    speaker, title, folder = "", "", None
    for name in _pages(source):
        if PurePosixPath(name).parent != folder:
            folder, speaker, title = PurePosixPath(name).parent, "", ""
        with source.text(name) as file:
            for block in blocks(file, source.place(name), _starts, _region, _note):
                if block.id == "title":
                    title = title or block.text("title")
                elif "service" in block.classes:
                    report.skip("service message")
                else:
                    speaker = _VIA.sub("", block.text("from")) or (speaker if "joined" in block.classes else "")
                    yield from _message(block, speaker, title, options, report)


def _starts(tag: str, classes: frozenset[str], attributes: Attributes) -> str:
    if tag == "div" and "message" in classes:
        return attributes.get("id", "") or "message"
    return "title" if "page_header" in classes else ""


def _region(classes: frozenset[str], around: frozenset[str]) -> str:
    if "from_name" in classes:
        return "forwarded" if "forwarded" in around else "from"
    if "text" in classes:
        return "title" if "bold" in classes else "text"
    return "media" if "title" in classes and "body" in around else ""


def _note(classes: frozenset[str], attributes: Attributes, block: Block, around: frozenset[str]) -> None:
    if "date" in classes and "pull_right" in classes:
        block.texts.setdefault("time", []).append(attributes.get("title", ""))
    href = attributes.get("href", "")
    if href.startswith(("#go_to_message", "messages")) and "reply_to" in around:
        block.texts.setdefault("reply", []).append(href.rpartition("go_to_message")[2])
    media = next((match for one in classes if (match := _MEDIA.fullmatch(one))), None)
    if media:
        name = PurePosixPath(href).name if href and "://" not in href else ""
        block.texts.setdefault("file", []).append(name or (media[1] or media[2]).replace("_", " "))


def _message(block: Block, speaker: str, title: str, options: Options, report: ImportReport) -> Iterator[Message]:
    said, attachments = block.text("text"), tuple(dict.fromkeys(block.texts.get("file", ())))
    if not said and not attachments:
        report.skip("empty message")
        return
    source = block.text("forwarded")
    number = block.id.removeprefix("message")
    answered = block.text("reply")
    yield Message(
        speaker=speaker or "Deleted Account",
        text=f"Forwarded from {source}: {said}" if source and said else said,
        time=_time(block.text("time"), options),
        id=f"telegram:{digest(title)}:{number}",
        reply_to=f"telegram:{digest(title)}:{answered}" if answered else "",
        attachments=attachments,
        chat=title,
    )


def _time(written: str, options: Options) -> datetime | None:
    match = _TIME.search(written)
    if not match:
        return None
    zone = None
    if match[7]:
        offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
        zone = timezone(-offset if match[7] == "-" else offset) if offset < timedelta(hours=24) else None
    day, month, year, hour, minute, second = map(int, match.groups()[:6])
    try:
        return options.placed(datetime(year, month, day, hour, minute, second, tzinfo=zone))
    except (ValueError, OverflowError):
        return None


TELEGRAM_HTML = Format("telegram-html", "Telegram (HTML)", lambda source: bool(_pages(source)), read)
