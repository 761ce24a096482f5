"""IRC logs: WeeChat, irssi, ZNC, HexChat, mIRC.

2024-05-13 10:15:10	ana	hello         WeeChat       https://weechat.org/files/doc/stable/weechat_user.en.html#logger
10:15 <@ana> hello                     irssi         https://irssi.org/documentation/settings/ (log_*)
[10:15:10] <ana> hello                 ZNC, mIRC     https://wiki.znc.in/Log
May 13 10:15:10 <ana>	hello         HexChat

A clock without a day is of the day of the file's name, or of the last line that says one ("--- Day changed ...").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from memoryqa.importers.format import Format
from memoryqa.importers.message import Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.plain.clocks import CLOCK, NO_DAY, DayClock
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source
from memoryqa.importers.spelled_times import spelled_time

_DATE = r"(?P<date>\d{4}-\d\d-\d\d[ T]|[A-Z][a-z]{2} \d\d )"
_STAMP = rf"\[?{_DATE}?(?P<clock>{CLOCK})\]?"
_NICK = r"[@+%~&! ]?(?P<nick>[^\s<>@+%~&!][^\s<>]{0,39})"
_SAID = re.compile(rf"{_STAMP}\s+<{_NICK}>\s(?P<said>.*)")
_DONE = re.compile(rf"{_STAMP}(?:\s+|\t ?)\*\s+(?P<nick>[^\s*]\S{{0,39}})\s(?P<said>.+)")
_COLUMNS = re.compile(rf"{_STAMP}\t(?!-->|<--|--|=!=| ?\*\t){_NICK}\t(?P<said>.*)")  # WeeChat
_STAMPED = re.compile(_STAMP)
_OPENED = re.compile(r"(?i)(?:--- (?:log opened|day changed)|\*{4} begin logging at|session start:) (?P<day>.+)")
_LOOKED_AT = 100  # lines
_LEAST_SHARE = 0.3  # of them are said; on a large channel most report who comes and goes


def _documents(source: Source) -> list[str]:
    named = [one for one in source.named(".log", ".txt", ".weechatlog") if not one.lower().endswith((".csv", ".tsv"))]
    return [name for name in named if _is_known(source.head(name))]


def _is_known(head: str) -> bool:
    lines = [line.rstrip("\r") for line in head.split("\n")[:_LOOKED_AT] if line.strip()]
    said = sum(_match(line) is not None for line in lines)
    others = sum(_OPENED.match(line) is not None or _STAMPED.match(line) is not None for line in lines)
    return said > 0 and said >= _LEAST_SHARE * len(lines) and others >= 0.8 * len(lines)


def _match(line: str) -> re.Match[str] | None:
    return _SAID.fullmatch(line) or _COLUMNS.fullmatch(line) or _DONE.fullmatch(line)


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every log, in the order of the files' names."""
    moments = Moments()
    for name in _documents(source):
        clock = DayClock(name)
        for line in source.lines(name):
            opened = _OPENED.match(line)
            if opened:
                _open(opened["day"], clock)
                continue
            match = _match(line)
            if match is None:
                if line.strip():
                    report.skip("line of the server")
                continue
            nick, said = match["nick"], match["said"].strip()
            if match.re is _DONE:
                said = f"* {nick} {said}"
            time = _time(match, clock)
            if time is None:
                report.note(f"{NO_DAY} 2024-05-13.log")
            if not said:
                report.skip("empty message")
                continue
            local = digest(str(time or match["clock"]), nick, moments.number(time or match["clock"], nick))
            placed = None if time is None else options.placed(time)
            yield Message(nick, said, placed, f"irc:{local}", local=local)


def _open(written: str, clock: DayClock) -> None:
    time = spelled_time(written) or spelled_time(f"{written} 00:00:00")
    if time is not None:
        clock.day_is(time.date())


def _time(match: re.Match[str], clock: DayClock) -> datetime | None:
    written = (match["date"] or "").strip(" T")
    if written[:1].isdigit():
        try:
            clock.day_is(datetime.fromisoformat(written).date())
        except ValueError:
            return None
    return clock.time_of(match["clock"])


IRC = Format("irc", "IRC", lambda source: bool(_documents(source)), read)
