"""SRT and WebVTT transcripts with speakers: `<v Ana>` of WebVTT, or `Ana: ` before what is said.

Format: https://www.w3.org/TR/webvtt1/ (cues, voice spans); SRT has no specification, but the same cues with a number
before each and a comma in the times. What one speaker says in cues that follow each other is one message. Times in the
file count from its beginning: a day is known only from the file's name (`2024-05-13 meeting.vtt`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath

from memoryqa.importers.format import Format
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.plain.clocks import NO_DAY, named_day
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source

_CUE = re.compile(r"\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{3})\s+-->\s+(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{3}")
_VOICE = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^>\n]+)>")
_NAMED = re.compile(r"(?:>> ?|- ?)?\[?([^\W\d_][^:\n\[\]]{0,39}?)\]?: +(\S.*)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<\d[\d:.]*>|\{\\an\d\}")
_LONGEST_PAUSE = timedelta(minutes=2)


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".srt", ".vtt") if _is_known(source.head(name))]


def _is_known(head: str) -> bool:
    return head.lstrip("\ufeff").startswith("WEBVTT") or any(_CUE.match(line) for line in head.split("\n")[:6])


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every transcript."""
    for name in _documents(source):
        yield from _transcript(source, name, options, report)


def _transcript(source: Source, name: str, options: Options, report: ImportReport) -> Iterator[Message]:
    began = named_day(name)
    if began is None:
        report.note(f"{NO_DAY} 2024-05-13 meeting.vtt")
    stem = PurePosixPath(name).stem
    speaker, texts, start, end = "", list[str](), timedelta(0), timedelta(0)

    def message() -> Message:
        time = None if began is None else options.placed(began + start)
        local = digest(str(began), str(start), speaker)
        return Message(speaker, " ".join(texts), time, f"subtitles:{digest(stem, local)}", chat=stem, local=local)

    for at, cue in _cues(source, name):
        for voice, said in _voices(cue):
            if not said:
                report.skip("empty cue")
                continue
            if texts and ((voice and voice != speaker) or at - end > _LONGEST_PAUSE):
                yield message()
                texts = []
            if not texts:
                start = at
            speaker, end = voice or speaker or "Unknown", at
            texts.append(said)
    if texts:
        yield message()


def _cues(source: Source, name: str) -> Iterator[tuple[timedelta, str]]:
    """Start and text of each cue."""
    at: timedelta | None = None
    lines: list[str] = []
    for line in source.lines(name):
        match = _CUE.match(line)
        if match:
            if at is not None:  # the blank line between two cues is missing: the number before this one is no text
                yield at, "\n".join(lines[:-1] if lines and lines[-1].strip().isdigit() else lines)
            hours, minutes, seconds, thousandths = (int(part or 0) for part in match.groups())
            at = timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=thousandths)
            lines = []
        elif not line.strip():
            if at is not None:
                yield at, "\n".join(lines)
            at = None
        elif at is not None:
            lines.append(line)
    if at is not None:
        yield at, "\n".join(lines)


def _voices(cue: str) -> Iterator[tuple[str, str]]:
    """Speaker and text of each voice in a cue; "" where the cue names nobody."""
    parts = _VOICE.split(cue)
    for name, said in zip(["", *parts[1::2]], parts[::2], strict=True):
        bare = html.unescape(_TAG.sub("", said)).strip()
        if not bare and len(parts) > 1 and not name:
            continue
        match = _NAMED.fullmatch(bare) if not name else None
        yield (match[1].strip(), _flat(match[2])) if match else (html.unescape(name).strip(), _flat(bare))


def _flat(said: str) -> str:
    return " ".join(said.split())


SUBTITLES = Format("subtitles", "Transcript", lambda source: bool(_documents(source)), read)
