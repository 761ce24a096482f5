"""Plain text with a name before each message, and a time where there is one.

    Ana: I moved to Porto.
    [2024-05-13 10:15] Rui: When?
    10:15 Rui: When?                       (the day is that of the file's name)
    13/05/2024, 10:16 - Ana: Last Saturday.

Lines without a name go on with the message before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from memoryqa.importers.format import Format
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import Options
from memoryqa.importers.plain.clocks import CLOCK, HALF, NO_DAY, DayClock
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.written_times import NumericTimes, UnreadTimes, from_text

_TIME = rf"[\[(]?(?P<time>\d[\d/.:,\-TZ +\u00a0\u202fAPMapm]{{6,28}}?\d[Zz]?(?:{HALF})?)[\])]?(?: ?[-–|] ?| |: )"
_CLOCK = rf"[\[(]?(?P<clock>{CLOCK})[\])]?(?: ?[-–|] ?|[ \t]+)(?:From +)?"  # From: Zoom
_COLON = r"(?:(?::|\*+:|:\*+)[ \t]+|：[ \t]*)"
_LINE = re.compile(rf"(?:{_CLOCK}|{_TIME})?\**(?P<speaker>[^\W\d_][^:：\n\t*]{{0,39}}?) ?{_COLON}(?P<text>\S.*)")
_LOOKED_AT = 200  # lines
_FEW = 4  # messages, in which nobody need speak twice
_LEAST_SHARE = 0.5  # of them begin a message


class _Said(NamedTuple):
    number: int
    time: str
    clock: str
    speaker: str
    text: str


def recognises(source: Source) -> bool:
    """Whether half of the first lines begin with a name, and a name comes back or each line has a time."""
    return any(_is_known(source.head(name)) for name in _documents(source)[:20])


def _documents(source: Source) -> list[str]:
    return source.named(".txt", ".md", ".log")


def _is_known(head: str) -> bool:
    lines = [line for line in head.split("\n")[:_LOOKED_AT] if line.strip()]
    begun = [match for line in lines if (match := _LINE.match(line))]
    names = [match["speaker"] for match in begun]
    is_dated = all(match["time"] or match["clock"] for match in begun)
    comes_back = is_dated or len(set(names)) < len(names) or len(names) < _FEW
    return len(names) >= 2 and len(names) >= _LEAST_SHARE * len(lines) and comes_back


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file."""
    for name in _documents(source):
        dated = (one for one in _said(source, name, None) if one.time)
        undecided = ((one.number, one.time) for one in dated if from_text(one.time, options) is None)
        times = NumericTimes(undecided, source.place(name), options)
        if times.order:
            report.note(f"dates are read as {'/'.join(times.order)}: {times.reason}")
        stem = name.rpartition("/")[2].rpartition(".")[0]
        unread, clock = UnreadTimes(), DayClock(name)
        for one in _said(source, name, report):
            if one.clock:
                of_day = clock.time_of(one.clock)
                time = None if of_day is None else options.placed(of_day)
                if time is None:
                    report.note(f"{NO_DAY} 2024-05-13 chat.txt")
            else:
                time = from_text(one.time, options) or times.time_of(one.time)
            if one.time and time is None:
                unread.add(f"line {one.number} of {name.rpartition('/')[2]}", one.time)
            local = digest(one.time or one.clock, one.speaker, str(one.number))
            yield Message(one.speaker, one.text.rstrip(), time, f"lines:{digest(stem, local)}", local=local)
        unread.note(report)


def _said(source: Source, name: str, report: ImportReport | None) -> Iterator[_Said]:
    """What is said, with its time as written; None counts nothing. number: of the message's first line."""
    begun: _Said | None = None
    lines: list[str] = []
    for number, line in enumerate(source.lines(name), start=1):
        match = _LINE.match(line)
        if match:
            if begun is not None:
                yield begun._replace(text="\n".join(lines))
            begun, lines = (
                _Said(number, match["time"] or "", match["clock"] or "", match["speaker"].strip(), ""),
                [match["text"]],
            )
        elif begun is not None:
            lines.append(line)
        elif line.strip() and report is not None:
            report.skip("line before the first message")
    if begun is not None:
        yield begun._replace(text="\n".join(lines))


NAMED_LINES = Format("lines", "Text with names", recognises, read)
