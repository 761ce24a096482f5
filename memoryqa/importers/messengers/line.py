"""LINE: the text files of its apps, in Japanese, English, Chinese, Korean and Thai.

Structure, as public parsers of it read it (https://github.com/hellodigua/ChatLab, parser/formats/line-native-txt):
    [LINE] Anaとのトーク履歴       [LINE] Chat history with Ana
    保存日時：2024/05/13 22:00     Saved on: 2024/05/13 22:00
    2024/05/13(月)                 Mon, 05/13/2024: the day comes first on other phones
    15:04<tab>Ana<tab>text         午後3:04, 3:04 PM; a text of several lines is in quotes
    15:05<tab>Ana joined the group.
The desktop's file has blanks for tabs and no heading: names are then what the lines of the file share. There are no
ids, and nothing says who the owner is but a message that they unsent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import PurePosixPath

from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.messengers.line_days import DayLines, is_day_line
from memoryqa.importers.messengers.line_words import CALLS, UNSENT, UNSENT_MARKS, content_of, is_event
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import LONGEST_LINE, Source
from memoryqa.importers.whatsapp.header import hour_of

_CLOCK = r"(?P<before>午前|午後|上午|下午|오전|오후)? ?(?P<hour>\d{1,2}):(?P<minute>\d\d) ?(?P<after>[AaPp]\.?[Mm]\.?)?"
_TABBED = re.compile(rf"{_CLOCK}\t(?P<rest>.*)")
_SPACED = re.compile(rf"{_CLOCK} (?P<rest>\S.*)")
_LATE = ("午後", "下午", "오후")
_TITLES = re.compile(
    r"\[LINE\] ?(?:(?P<ja>.{1,200}?)(?:との|の)トーク履歴|Chat(?: history)? (?:with|in) (?P<en>.{1,200})|"
    r"[与與](?P<with>.{1,200}?)的聊天[记記][录錄]|(?P<zh>.{1,200}?)的聊天[记記][录錄]|"
    r"(?P<ko>.{1,200}?) ?님?과의 대화|ประวัติการสนทนากับ ?(?P<th>.{1,200})|(?P<bare>.{1,200}))"
)
_SAVED = re.compile(r".{2,30}[:：] ?\d.*\d{1,2}:\d\d.*")
_LOOKED_AT = 60  # lines
_FEW = 5  # messages of one person, from which what they all begin with is taken for the name
_MOST_PEOPLE = 20_000  # first words of lines


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".txt") if _is_known(source.head(name))]


def _is_known(head: str) -> bool:
    lines = [line.rstrip("\r") for line in head.lstrip("\ufeff").split("\n")[:_LOOKED_AT]]
    days = sum(is_day_line(line) for line in lines)
    tabbed = sum(_TABBED.fullmatch(line) is not None for line in lines)
    if any(line.startswith("[LINE]") for line in lines[:3]):
        return days > 0 or tabbed > 0
    spaced = sum(_SPACED.fullmatch(line) is not None for line in lines)
    return days > 0 and (tabbed > 0 or (spaced > 0 and is_day_line(next(filter(None, lines), ""))))


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file."""
    for name in _documents(source):
        yield from _Chat(source, name, options, report).messages()


class _Chat:
    """One text file."""

    def __init__(self, source: Source, name: str, options: Options, report: ImportReport) -> None:
        self._source, self._name, self._options, self._report = source, name, options, report
        self._title, self._chat = _title_of(source.head(name)), ""
        self._chat = self._title or PurePosixPath(name).stem.removeprefix("[LINE]").strip() or "LINE"
        self._key = digest(self._chat)
        self._days = DayLines()
        self._names: dict[str, str] = {}  # by the first word of a line, where blanks separate
        self._line = _TABBED
        self._day: date | None = None
        self._moments = Moments()

    def messages(self) -> Iterator[Message]:
        self._survey()
        begun: re.Match[str] | None = None
        lines: list[str] = []
        held = 0
        for line in self._source.lines(self._name):
            match = self._line.fullmatch(line)
            is_day = match is None and is_day_line(line)
            # A day in quotes is text.
            if match is None and (not is_day or (begun is not None and _is_open(begun, lines))):
                if begun is not None:
                    lines.append(line)
                    held += len(line) + 1
                elif line.strip("\ufeff ") and not _TITLES.match(line.lstrip("\ufeff")) and not _SAVED.fullmatch(line):
                    self._report.skip("line before the first message")
                if held <= LONGEST_LINE:
                    continue
            if begun is not None:
                yield from self._ended(begun, lines)
            begun, lines, held = match, [], 0
            if is_day:
                self._day = self._days.day_of(line)
        if begun is not None:
            yield from self._ended(begun, lines)

    def _survey(self) -> None:
        """The order of dates, what separates, and who speaks."""
        tabbed, spaced = False, 0
        shared: dict[str, tuple[int, list[str]]] = {}  # first word -> lines, and the words that all of these begin with
        for number, line in enumerate(self._source.lines(self._name), start=1):
            if "\t" in line:
                tabbed = tabbed or _TABBED.fullmatch(line) is not None
            elif is_day_line(line):
                self._days.add(line, number)
            elif not tabbed and (match := _SPACED.fullmatch(line)) and not is_event(match["rest"]):
                spaced += 1
                _share(shared, match["rest"].split(" "))
        order, reason = self._days.decide(self._source.place(self._name), self._options.dates)
        if order:
            self._report.note(f"dates are read as {'/'.join(order)}: {reason}")
        if spaced and not tabbed:
            self._line = _SPACED
            self._names = {first: _name_of(first, *found) for first, found in shared.items()}
            names = sorted({name for first, name in self._names.items() if shared[first][0] > 1})
            self._report.note(
                f"blanks separate names from texts; names are read as {', '.join(names[:8]) or 'one word'}"
            )

    def _ended(self, begun: re.Match[str], lines: list[str]) -> Iterator[Message]:
        """The message; the days that stood in a quote which nothing closes are days."""
        days = [line for line in lines if is_day_line(line)] if lines and _is_open(begun, lines) else []
        known = frozenset(days)
        yield from self._message(begun, [line for line in lines if line not in known] if days else lines)
        if days:
            self._day = self._days.day_of(days[-1])

    def _message(self, begun: re.Match[str], lines: list[str]) -> Iterator[Message]:
        speaker, said = self._parted(begun["rest"])
        said = "\n".join([said, *lines]).rstrip()
        unsent = UNSENT.fullmatch(said) if not lines and any(mark in said for mark in UNSENT_MARKS) else None
        if not speaker and unsent is None:
            self._report.skip("event of the chat")
            return
        if CALLS.match(said):
            self._report.skip("call")
            return
        if unsent is not None:
            speaker = speaker or next(filter(None, unsent.groups()), "") or "Me"
        said, attachments = ("", ()) if unsent is not None else content_of(_unquoted(said))
        if not said and not attachments and unsent is None:
            self._report.skip("empty message")
            return
        time = self._time(begun)
        written = begun[0].partition("\t")[0] if time is None else str(time)
        local = digest(written, speaker, self._moments.number(written, speaker))
        yield Message(
            speaker=speaker,
            text=said,
            time=None if time is None else self._options.placed(time),
            id=f"line:{self._key}:{local}",
            attachments=attachments,
            deleted=unsent is not None,
            author=ME if speaker == "Me" and unsent is not None else "",
            chat=self._chat,
            local=local,
        )

    def _parted(self, rest: str) -> tuple[str, str]:
        """Speaker and text; no speaker for what the app reports."""
        if self._line is _TABBED:
            name, tab, said = rest.partition("\t")
            return (name.strip(), said) if tab else ("", rest)
        if is_event(rest) or UNSENT.fullmatch(rest):
            return "", rest
        if self._title and rest.startswith(f"{self._title} "):
            return self._title, rest[len(self._title) + 1 :]
        first = rest.partition(" ")[0]
        name = self._names.get(first, first)
        name = name if rest.startswith(f"{name} ") else first
        return (name, rest[len(name) + 1 :]) if rest != name else ("", rest)

    def _time(self, begun: re.Match[str]) -> datetime | None:
        half = None
        if begun["before"]:
            half = int(begun["before"] in _LATE)
        elif begun["after"]:
            half = int(begun["after"][0] in "pP")
        hour, minute = int(begun["hour"]), int(begun["minute"])
        half = None if hour > 12 else half
        if self._day is None or hour > 24 or minute > 59:
            self._report.note("a time without a day, or one that is none: its message is kept without a date")
            return None
        return datetime(self._day.year, self._day.month, self._day.day, hour_of(hour, half), minute)


def _title_of(head: str) -> str:
    first = next((line.strip("\ufeff\r ") for line in head.split("\n", 3)[:3] if line.strip("\ufeff\r ")), "")
    match = _TITLES.fullmatch(first)
    return next(filter(None, match.groups()), "").strip() if match else ""


def _is_open(begun: re.Match[str], lines: list[str]) -> bool:
    """Whether the text began with a quote that no line has closed so far."""
    said = begun["rest"].partition("\t")[2]
    if not said.startswith('"'):
        return False
    last = lines[-1] if lines else said[1:]
    return not last.endswith('"')


def _unquoted(said: str) -> str:
    """The quotes around a text of several lines are not the writer's."""
    if "\n" in said and said.startswith('"') and said.endswith('"'):
        return said[1:-1].replace('""', '"')
    return said


def _share(shared: dict[str, tuple[int, list[str]]], words: list[str]) -> None:
    count, common = shared.get(words[0], (0, words[:6]))
    if count or len(shared) < _MOST_PEOPLE:
        same = next((at for at, (a, b) in enumerate(zip(common, words, strict=False)) if a != b), len(common))
        shared[words[0]] = count + 1, common[: min(same, len(words) - 1) or 1]


def _name_of(first: str, count: int, common: list[str]) -> str:
    return " ".join(common) if count >= _FEW else first


LINE = Format("line", "LINE", lambda source: bool(_documents(source)), read)
