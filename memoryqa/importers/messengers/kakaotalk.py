"""KakaoTalk: the text files of its apps, in Korean or English.

Structure, as public parsers of it read it (https://github.com/uoneway/kakaotalk_msg_preprocessor and others):
    --------------- 2024년 5월 13일 월요일 ---------------     Windows: a line for each day
    [Ana] [오후 3:04] text                                     [3:04 PM] in English, [15:04] with 24 hours
    2024년 5월 13일 오후 3:04, Ana : text                      Android; May 13, 2024 at 3:04 PM, ... in English
    2024. 5. 13. 오후 3:04, Ana : text                         iOS
    2024. 5. 13. 오후 3:04: Ana님이 나갔습니다.                what the app reports
The Mac writes a table (Date,User,Message), which is one of records. Lines without a beginning belong to the message
before. There are no ids, nor marks of edits; the owner is called 회원님 where the app hides the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import PurePosixPath
from typing import NamedTuple

from memoryqa.importers.format import Format
from memoryqa.importers.message import ME, Message, digest
from memoryqa.importers.moments import Moments
from memoryqa.importers.options import Options
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import LONGEST_LINE, Source
from memoryqa.importers.spelled_times import spelled_time

_HALF = r"(?:(?:오전|오후|午前|午後|上午|下午) ?)?"
_CLOCK = rf"{_HALF}\d{{1,2}}:\d\d(?:[ \u202f\u00a0]?[APap]\.?[Mm]\.?)?"
_DATE = (
    r"(?:\d{4}년 \d{1,2}월 \d{1,2}일|\d{4}\. ?\d{1,2}\. ?\d{1,2}\.|\d{4}年 ?\d{1,2}月 ?\d{1,2}日|"
    r"(?:[A-Z][a-z]{2,8} \d{1,2}|\d{1,2} [A-Z][a-z]{2,8}),? \d{4}(?: at|,)?)"
)
_MOBILE = re.compile(rf"(?P<day>{_DATE}) (?P<time>{_CLOCK}), (?P<name>.{{1,100}}?) :(?: (?P<said>.*)|$)")
_REPORTED = re.compile(rf"{_DATE} {_CLOCK}(?P<what>$|[,:] .*)")  # nothing: the beginning of a day
_DESKTOP = re.compile(rf"\[(?P<name>.{{1,100}}?)\] \[(?P<time>{_CLOCK})\](?: (?P<said>.*)|$)")
_DAY = re.compile(
    r"-{5,} *(?P<day>\S.{6,40}?\S) *-{5,}|(?P<alone>\d{4}년 \d{1,2}월 \d{1,2}일 [월화수목금토일]요일|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, [A-Z][a-z]{2,8} \d{1,2}, \d{4})"
)
_TITLE = re.compile(
    r"(?P<ko>.{1,200}?) ?(?:님과(?:의)? )?카카오톡 대화|KakaoTalk Chats? with (?P<en>.{1,200}?)(?:\.txt)?|"
    r"(?P<of>.{1,200}?) (?:with )?KakaoTalk Chats"
)
_SAVED = re.compile(r"(?:저장한 ?날짜|Date Saved|Saved Date) ?: .*")
_EVENT = re.compile(
    r".{1,120}님(?:이|께서) (?:들어왔|나갔|나가셨|퇴장했|입장했)습니다\.?|"
    r".{1,120}님(?:이|께서) .{1,400}님을 (?:초대|내보)\S*습니다\.?|"
    r".{1,200}님을 (?:초대했|초대하였|내보냈)습니다\.?|"
    r"채팅방 관리자가 메시지를 가렸습니다\.?|.{1,120}(?:방장이|부방장이) 되었습니다\.?|"
    r".{1,120} (?:has )?(?:joined|left|entered) (?:this|the) chat ?room\.?|"
    r".{1,120} (?:has )?invited .{1,400} to (?:this|the) chat ?room\.?"
)
_DELETED = re.compile(
    r"삭제된 메시지입니다\.?|메시지가 삭제되었습니다\.?|(?:This message (?:was|has been) deleted|Deleted message)\.?"
)
_CALL = re.compile(
    r"(?:보이스톡|페이스톡|그룹콜|라이브톡|음성통화|영상통화) ?"
    r"(?:해요|취소|부재중|종료|응답 ?없음|시작|거절|\d{1,2}:\d\d(?::\d\d)?)?\.?|"
    r"(?:Missed |Canceled )?(?:Voice|Video|Face|Group|Live) ?(?:[Cc]all|[Tt]alk)(?: \d{1,2}:\d\d(?::\d\d)?)?"
)
_FILE = re.compile(
    r"(?:파일|File) ?: ?(?P<name>.{1,200})|(?P<hashed>[0-9a-f]{32,128}\.\w{2,5})|"
    r"(?P<what>사진(?: \d+장)?|동영상|이모티콘|음성메시지|Photo|(?:\d+ )?[Pp]hotos|Video|Emoticons?|Stickers?|"
    r"Voice (?:[Nn]ote|[Mm]essage))"
)
_WITH_STICKER = re.compile(r"\((이모티콘|Emoticons?|Stickers?)\) (.+)", re.DOTALL)
_LIKELY = re.compile(  # how all begins that is known by what it says
    r"보이스|페이스|그룹콜|라이브|음성|영상통|삭제된|메시지|파일|사진|동영상|이모티|File|\(|\d+ [Pp]hot|"
    r"[0-9a-f]{32}|Photo|photos|Video|"
    r"Emotic|Sticker|Voice|This message|Deleted|Missed|Canceled|Face|Group|Live"
)
_OWNER = "회원님"
_LOOKED_AT = 60  # lines


class _Begun(NamedTuple):
    """The first line of a message, with its time as written."""

    name: str
    day: str
    clock: str


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".txt") if _is_known(source.head(name))]


def _is_known(head: str) -> bool:
    lines = [line.rstrip("\r") for line in head.lstrip("\ufeff").split("\n")[:_LOOKED_AT] if line.strip()]
    said = sum(_MOBILE.match(line) is not None or _DESKTOP.match(line) is not None for line in lines)
    is_titled = any(_TITLE.fullmatch(line) or _SAVED.fullmatch(line) for line in lines[:3])
    is_dated = any(one is not None and one["day"] and _day(one["day"]) for one in map(_DAY.fullmatch, lines))
    others = any(_REPORTED.match(line) or _DAY.fullmatch(line) for line in lines)
    return bool(is_titled and (said or others)) or bool(said and is_dated)


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file."""
    for name in _documents(source):
        yield from _Chat(source, name, options, report).messages()


class _Chat:
    """One text file."""

    def __init__(self, source: Source, name: str, options: Options, report: ImportReport) -> None:
        self._source, self._name, self._options, self._report = source, name, options, report
        self._chat = _title_of(source.head(name)) or PurePosixPath(name).stem
        self._key = digest(self._chat)
        self._moments = Moments()
        self._day = ""

    def messages(self) -> Iterator[Message]:
        begun: _Begun | None = None
        lines: list[str] = []
        held = 0
        for line in self._source.lines(self._name):
            is_desktop = line.startswith("[")
            match = (_DESKTOP if is_desktop else _MOBILE).match(line)
            day = None if match else _DAY.fullmatch(line)
            reported = None if match or day else _REPORTED.match(line) or _EVENT.fullmatch(line)
            if not (match or day or reported):
                if begun is None:
                    self._skip_heading(line)
                    continue
                lines.append(line)
                held += len(line) + 1
                if held <= LONGEST_LINE:
                    continue
            if begun is not None:
                yield from self._message(begun, lines)
            begun, lines, held = None, [], 0
            if match:
                day_of = self._day if is_desktop else match["day"]
                begun, lines = _Begun(match["name"], day_of, match["time"]), [match["said"] or ""]
            elif day:
                self._day = day["day"] or day["alone"]
            elif reported and (reported.re is _EVENT or reported["what"]):
                self._report.skip("event of the chat")
        if begun is not None:
            yield from self._message(begun, lines)

    def _skip_heading(self, line: str) -> None:
        line = line.strip("\ufeff ")
        if line and not _TITLE.fullmatch(line) and not _SAVED.fullmatch(line):
            self._report.skip("line before the first message")

    def _message(self, begun: _Begun, lines: list[str]) -> Iterator[Message]:
        said = "\n".join(lines).strip()
        is_deleted, attachments = False, tuple[str, ...]()
        if not said or _LIKELY.match(said):
            if not said or _CALL.fullmatch(said):
                self._report.skip("call" if said else "empty message")
                return
            is_deleted = _DELETED.fullmatch(said) is not None
            said, attachments = ("", ()) if is_deleted else _content(said)
        at = _time(begun.day, begun.clock)
        written = f"{begun.day} {begun.clock}" if at is None else at.isoformat(" ")
        if at is None:
            self._report.note("a time without a day, or one that is none: its message is kept without a date")
        local = digest(written, begun.name, self._moments.number(written, begun.name))
        yield Message(
            speaker=begun.name,
            text=said,
            time=None if at is None else self._options.placed(at),
            id=f"kakaotalk:{self._key}:{local}",
            attachments=attachments,
            deleted=is_deleted,
            author=ME if begun.name == _OWNER else "",
            chat=self._chat,
            local=local,
        )


def _title_of(head: str) -> str:
    lines = [line.strip("\ufeff\r ") for line in head.split("\n", 4)[:4]]
    match = next((match for line in lines if (match := _TITLE.fullmatch(line))), None)
    return "" if match is None else (match["ko"] or match["en"] or match["of"]).strip()


def _time(day: str, clock: str) -> datetime | None:
    on, at = _day(day), _hour(clock)
    return None if on is None or at is None else datetime.combine(on, at)


@lru_cache(maxsize=4096)
def _day(written: str) -> date | None:
    found = spelled_time(f"{written} 00:00")
    return None if found is None else found.date()


@lru_cache(maxsize=4096)
def _hour(written: str) -> time | None:
    found = spelled_time(f"2000년 1월 1일 {written}")
    return None if found is None else found.time()


def _content(said: str) -> tuple[str, tuple[str, ...]]:
    """Text, and attachments."""
    match = _FILE.fullmatch(said)
    if match:
        return "", ((match["name"] or match["hashed"] or match["what"]).strip(),)
    sticker = _WITH_STICKER.fullmatch(said)
    return (sticker[2], (sticker[1],)) if sticker else (said, ())


KAKAOTALK = Format("kakaotalk", "KakaoTalk", lambda source: bool(_documents(source)), read)
