"""WhatsApp: the text that "Export chat" writes, alone, in its zip or in a folder.

Format: no documentation is public; the structure is that of the samples and patterns of
https://github.com/starkdmi/whats_json (test/data, lib/src/patterns.dart) and of
https://github.com/mlomb/chat-analytics (pipeline/parse/parsers/WhatsAppParser.ts). A file is read twice: first for the
order of day, month and year and for names that only events have, then for its messages.

An id is made of chat, minute, speaker and the place among that speaker's messages of this minute, not of the text: so
an edited or deleted message keeps its id, and a chat that moved between Android, which writes minutes, and iOS, which
writes seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import PurePosixPath

from memoryqa.errors import UsageError
from memoryqa.importers.format import Format
from memoryqa.importers.message import Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import LONGEST_LINE, Source
from memoryqa.importers.whatsapp.colons import ColonNames, parted
from memoryqa.importers.whatsapp.content import MARK, Content, content_of
from memoryqa.importers.whatsapp.dates import OrderEvidence, Triple, day_of, is_day, shown_date
from memoryqa.importers.whatsapp.events import event_of
from memoryqa.importers.whatsapp.header import Header, Headers, header_of, hour_of
from memoryqa.importers.written_times import UnreadTimes

_SPEAKER = re.compile(r"[^:\n]{1,150}:")
_MOST_NAME = 150  # characters
_QUOTES = re.compile('["“”„«»「」]')
_TITLES = re.compile(  # what is before a name, and what is behind it
    r"(?i)^(?:WhatsApp[ -]Chat (?:with|mit|-|–|met) |Chat de WhatsApp con |Conversa do WhatsApp com |"
    r"Discussion WhatsApp avec (?:le contact )?|Chat WhatsApp con |Чат WhatsApp с (?:контактом )?|"
    r"Cza?t WhatsApp z (?:użytkownikiem |użytkowniczką |grupą )?|(?:محادثة|دردشة) (?:واتساب|WhatsApp) مع |"
    r"Chat WhatsApp s uživatelem |WhatsApp (?:聊天|对话|對話|대화)[ -]*(?=.)|WhatsApp Chat )|"
    r" (?:ile|kişisiyle|grubuyla) WhatsApp Sohbeti$| के साथ WhatsApp (?:चैट|चैट करें)$| ?と(?:の|やりとりした) ?WhatsApp ?"
    r"(?:チャット|トーク)(?:履歴)?$|(?:님과|와|과)(?:의)? (?:WhatsApp|왓츠앱) 대화$"
)
_CHINESE_TITLE = re.compile(
    r"(?i)^(?:与|與|和) ?(.+?) ?(?:的|之間的|之间的) ?WhatsApp ?(?:聊天|对话|對話)(?:记录|紀錄|記錄)?$"
)
_COPY = re.compile(r"(?: ?\(\d+\)| - Copy)+$")
_TESTED_LINES = 40


def recognises(source: Source) -> bool:
    """Whether one of the text files has lines of a chat."""
    return bool(_chats(source))


def _chats(source: Source) -> list[str]:
    texts = [name for name in source.names if name.lower().endswith(".txt") or len(source.names) == 1]
    exported = [name for name in texts if PurePosixPath(name).name == "_chat.txt" or _is_called_so(name.lower())]
    return [name for name in exported or texts[:1000] if _is_chat(source.head(name))]


def _is_called_so(name: str) -> bool:
    return "whatsapp" in name or "واتساب" in name


def _is_chat(head: str) -> bool:
    headers = [(header_of(line), line) for line in head.split("\n")[:_TESTED_LINES]]
    said = [line for header, line in headers if header and _SPEAKER.match(line[header.end :])]
    return bool(said) or (bool(headers) and any(header and event_of(line[header.end :]) for header, line in headers))


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of each chat."""
    names = frozenset(PurePosixPath(name).name for name in source.names)
    for name in _chats(source):
        yield from _Chat(source, name, options, report, names).messages()


def chat_name(source: Source, name: str) -> str:
    """What the chat is called by the names of the files."""
    stem = PurePosixPath(name).stem
    parents = PurePosixPath(name).parts[:-1]
    if stem == "_chat":
        stem = parents[-1] if parents else source.title if source.is_zip or source.is_folder else ""
    stem = _COPY.sub("", stem)
    chinese = _CHINESE_TITLE.match(stem)
    return chinese[1] if chinese else _COPY.sub("", _TITLES.sub("", stem)).strip(" \u200e\u200f\u2068\u2069")


class _Chat:
    """One text file."""

    def __init__(
        self, source: Source, name: str, options: Options, report: ImportReport, names: frozenset[str]
    ) -> None:
        self._source, self._name, self._options, self._report = source, name, options, report
        self._place = source.place(name)
        self._chat = chat_name(source, name)
        self._names = names
        self._order = "dmy"
        self._notices: set[str] = set()  # speakers that only ever stand above events: the group itself
        self._within: Mapping[str, frozenset[str]] = {}  # what belongs to a name behind its first colon
        self._moments = Moments()
        self._impossible: Mapping[Triple, int] = {}  # days that there are not, and the lines where they come first
        self._unread = UnreadTimes()
        self._key = digest(self._chat)

    def messages(self) -> Iterator[Message]:
        self._survey()
        header: Header | None = None
        lines: list[str] = []
        held = 0  # characters of the message's lines
        headers = Headers()
        for line in self._source.lines(self._name):
            found = headers.of(line)
            if found is None:
                if header is None:
                    if line.strip():
                        self._report.skip("line before the first message")
                else:
                    lines.append(line)
                    held += len(line) + 1
                    if held > LONGEST_LINE:
                        raise UsageError(f"{self._place}: {LONGEST_LINE:,} characters without a date; this is no chat")
                continue
            held = 0
            if header is not None:
                message = self._message(header, lines)
                if message is not None:
                    yield message
            header, lines = found, [line[found.end :]]
        last = None if header is None else self._message(header, lines)
        if last is not None:
            yield last
        self._unread.note(self._report)

    # -- the first pass ------------------------------------------------------------------------------------------------

    def _survey(self) -> None:
        evidence = OrderEvidence()
        wrote: set[str] = set()
        named: set[str] = set()  # of those, whose whole name is known
        colons = ColonNames(self._chat)
        notices: set[str] = set()
        unknown: set[str] = set()
        headers, latest_hour, is_clear = Headers(), 0, False
        for number, line in enumerate(self._source.lines(self._name), start=1):
            is_plain = MARK not in line and "-WA" not in line
            if is_clear and is_plain and (end := headers.end(line)) and line[end : line.find(":", end)] in named:
                if not line.isascii():
                    evidence.add_text(line)
                continue  # day and speaker are known
            header = headers.of(line)
            if header is None:
                continue
            is_clear = header.hour > 12 or header.half is not None or is_clear
            evidence.add(header.date, number)
            latest_hour = max(latest_hour, header.hour)
            if header.unknown and len(unknown) < 10:
                unknown.add(header.unknown)
            if not line.isascii():
                evidence.add_text(line)
            if not is_plain:
                evidence.add_name(header.date, line[header.end :])
            speaker, colon, said = line[header.end :].partition(":")
            if colon:
                colons.add(speaker, said)
            if speaker in wrote:
                if colons.is_whole(speaker):
                    named.add(speaker)
            else:
                content = content_of(said.removeprefix(" ")) if said.startswith(f" {MARK}") else None
                if content is None or content.attachments or content.deleted:
                    wrote.add(speaker)
                elif content.event:
                    notices.add(speaker)
        if len(unknown) > 1 and latest_hour <= 12:
            words = ", ".join(sorted(unknown))
            raise UsageError(f"{self._place}: cannot tell morning from afternoon by {words}; export with 24 hours")
        self._impossible = evidence.impossible
        self._order, reason = evidence.decide(self._place, self._options.dates, date.today())
        self._notices = notices - wrote
        self._within = colons.decide()
        if self._within:
            names = sorted(f"{first}:{second}" for first, seconds in self._within.items() for second in seconds)
            self._report.note(f"names with a colon: {', '.join(names[:8])}")
        self._report.note(f"dates are read as {'/'.join(self._order)}: {reason}")

    # -- the second ----------------------------------------------------------------------------------------------------

    def _message(self, header: Header, lines: list[str]) -> Message | None:
        text = "\n".join(lines).rstrip() if len(lines) > 1 else lines[0].rstrip()
        name, colon, said = parted(text, self._within)
        speaker = _speaker_of(name) if colon else ""
        if not speaker:
            self._report.skip(event_of(text) or "group event or notice")
            return None
        content = content_of(said.removeprefix(" "), self._names)
        if name in self._notices and not content.attachments and not content.deleted:
            content = Content("", event="group event or notice")
        if said.startswith(f" {MARK}") and content.text.startswith(f"{speaker} "):  # Ana: Ana added Rui
            content = Content("", event="group event or notice")
        if content.event:
            self._report.skip(content.event)
            return None
        if not content.text and not content.attachments and not content.deleted:
            self._report.skip("empty message")
            return None
        time = self._time(header)
        minute = shown_date(header.date) if time is None else f"{time.isoformat()[:16]}:00"
        local = digest(minute, speaker, self._moments.number(minute, speaker))
        return Message(
            speaker, content.text, time and self._options.placed(time), f"whatsapp:{self._key}:{local}", "",
            content.attachments, content.edited, content.deleted, "", self._chat, "", local,
        )  # fmt: skip

    def _time(self, header: Header) -> datetime | None:
        """None for a day that there is not."""
        day = day_of(header.date, self._order)
        if day is None:
            if is_day(header.date):  # the first pass has seen every date
                raise UsageError(f"{self._place}: the file changed while it was read; import it again")
            line = self._impossible.get(header.date, 0)
            self._unread.add(f"line {line:,}", shown_date(header.date))
            return None
        return datetime(day.year, day.month, day.day, hour_of(header.hour, header.half), header.minute, header.second)


@lru_cache(maxsize=4096)
def _speaker_of(name: str) -> str:
    """Who is named before a colon; "" for what names nobody."""
    if len(name) > _MOST_NAME or "\n" in name or _is_unbalanced(name):
        return ""
    return name.strip(f"{MARK}\u200f ")


def _is_unbalanced(name: str) -> bool:
    """Whether a quote begins in what stands before the colon: `Ana created group "Trip: Rome"` names no speaker."""
    quotes = _QUOTES.findall(name)
    return quotes.count('"') % 2 == 1 or (len(quotes) - quotes.count('"')) % 2 == 1


WHATSAPP = Format("whatsapp", "WhatsApp", recognises, read)
