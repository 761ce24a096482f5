"""iMessage: the text files of imessage-exporter, one a chat.

Structure: https://github.com/ReagentX/imessage-exporter (imessage-exporter/src/exporters/txt.rs): a line with the time,
a line with who wrote, then the text, attachments as paths, and reactions below "Tapbacks:". Replies are listed twice,
indented below the message that they answer: those are left out. Times are those of the Mac that exported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath

from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spelled_times import spelled_time

_HEAD = re.compile(r"( *)([A-Z][a-z]{2} \d{1,2}, \d{4} +\d{1,2}:\d\d:\d\d [AP]M)(.*)")
_READ = re.compile(r"| \((?:Read|Delivered).*\)")
_FILE = re.compile(r"(?:[~/]|attachments/|[A-Z]:\\)\S.*\.\w{2,5}")
_NOTES = ("This message responded to an earlier message.", "Attachment missing!")
_EDITED = re.compile(r"Edited .{1,40}? later: (.*)")
_UNSENT = re.compile(r"(?:You|.{1,60}) unsent (?:this message part|this|a message).*")


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".txt") if _is_known(source.head(name))]


def _is_known(head: str) -> bool:
    lines = head.lstrip("\n\ufeff").split("\n", 2)
    match = _HEAD.fullmatch(lines[0].rstrip("\r"))
    return match is not None and (len(lines) > 2 or not _READ.fullmatch(match[3]))


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every chat."""
    for name in _documents(source):
        chat, moments = PurePosixPath(name).stem, Moments()
        for written, is_indented, lines in _parts(source, name, report):
            if is_indented:
                continue  # a reply, which comes again
            time = spelled_time(written)
            yield from _message(lines, None if time is None else options.placed(time), chat, moments, report)


def _parts(source: Source, name: str, report: ImportReport) -> Iterator[tuple[str, bool, list[str]]]:
    """Time, whether it is indented, and the lines of each message."""
    begun: tuple[str, bool, list[str]] | None = None
    for line in source.lines(name):
        match = _HEAD.fullmatch(line)
        if match is None:
            if begun is not None:
                begun[2].append(line)
            continue
        if begun is not None:
            yield begun
        is_message = _READ.fullmatch(match[3]) is not None
        begun = (match[2], bool(match[1]), []) if is_message else None
        if not is_message and not match[1]:
            report.skip("event of the chat")
    if begun is not None:
        yield begun


def _message(
    lines: list[str], time: datetime | None, chat: str, moments: Moments, report: ImportReport
) -> Iterator[Message]:
    speaker, texts, files = lines[0].strip() if lines else "", list[str](), list[str]()
    is_edited = is_deleted = False
    for place, line in enumerate(lines[1:], start=1):
        edited = _EDITED.fullmatch(line.strip())
        if line.strip() in ("Tapbacks:", "Stickers:"):
            report.skip("reaction", sum(1 for one in lines[place + 1 :] if one.strip()))
            break
        if edited:
            is_edited, texts = True, [edited[1]]
        elif _UNSENT.fullmatch(line.strip()):
            is_deleted = True
        elif _FILE.fullmatch(line):
            files.append(line.replace("\\", "/").rpartition("/")[2])
        elif line.strip() not in _NOTES:
            texts.append(line)
    said = "\n".join(texts).strip()
    is_deleted = is_deleted and not said and not files
    if not said and not files and not is_deleted:
        report.skip("empty message")
        return
    local = digest(str(time), speaker, moments.number(time, speaker))
    yield Message(
        speaker=speaker or "Unknown",
        text=said,
        time=time,
        id=f"imessage:{digest(chat, local)}",
        attachments=tuple(files),
        edited=is_edited,
        deleted=is_deleted,
        author=ME if speaker == "Me" else "",
        chat=chat,
        local=local,
    )


IMESSAGE_TEXT = Format("imessage-text", "iMessage (text)", lambda source: bool(_documents(source)), read)
