"""What a conversation is made of: dated sessions of turns, and the one line by which a turn is shown to a reader.

A rendered conversation looks like this:

    [D8, 15 July 2023]
    2 Melanie: Last Friday (= 14 July 2023) I finally took my kids to a pottery workshop.
    3 Caroline: Wow, the pottery looks great! (photo: a bowl)

The header carries the session's number and date once, each line the turn's number in its session. Together they are the
citation: line 2 under D8 is turn `D8:2`. That costs one token a line where `[D8:2]` would cost six.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

from memoryqa.checks import one_of_kind, text, whole_number
from memoryqa.errors import UsageError

MONTHS = (  # not calendar.month_name, which follows the locale
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
PHOTO_PREFIX = "(photo: "
KEPT_TAG = "memoryqa:"  # begins a tag that is no word: what a program keeps with a turn (see adapters/kept.py)
KEPT_TEXT_TAG = f"{KEPT_TAG}text:"  # the same where it repeats what was said, and ends when that is corrected
HANDLE_PREFIX = "mem:"  # before an id: "mem:D8:6" is the handle by which an archive gives the turn back
# Message ids and time stamps are numbers of up to 20 digits; a babbling LM writes thousands.
_MOST = 10**100  # of a session's or a turn's number; Python itself refuses to write one of 5,000 digits
_CITATION = re.compile(r"\bD?(\d{1,20}):(\d{1,20})\b")


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance. `session` and `number` are its address; `time` is that of its session (None when unknown).

    `tags` are words by which it may be looked for besides its own (see tags/files.py): they rank it, and are never
    shown.
    """

    session: int
    number: int
    speaker: str
    text: str
    time: datetime | None = None
    caption: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise TypeError for a field of another type, which an index or a file would find out about too late."""
        for name in ("session", "number"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name)))
        for name in ("speaker", "text", "caption"):
            text(name, getattr(self, name))
        if self.time is not None and not _is_plain(self.time):
            time = _plain(one_of_kind("time", self.time, datetime, "a datetime or None"))
            object.__setattr__(self, "time", self._with_known_zone(time))
        for tag in one_of_kind("tags", self.tags, tuple, "a tuple of texts"):
            text("a tag", tag)
        if self.session < 0 or self.number < 0:
            raise UsageError(f"session and number must not be negative, got {self.session} and {self.number}")
        if self.session >= _MOST or self.number >= _MOST:
            raise UsageError("session and number must have 100 digits at most")

    def _with_known_zone(self, time: datetime) -> datetime:
        """`time` with its offset instead of a zone that no file could keep, such as pytz's and dateutil's."""
        if _has_known_zone(time):
            return time
        try:
            offset, name = time.utcoffset(), time.tzname()
        except NotImplementedError:
            offset = name = None
        if offset is None:
            raise UsageError(
                f"turn {self.id}: cannot keep the time zone {time.tzinfo!r}; use datetime.timezone or zoneinfo.ZoneInfo"
            )
        return time.replace(tzinfo=timezone(offset) if name is None else timezone(offset, name), fold=0)

    @property
    def id(self) -> str:
        """The address as LoCoMo writes it, e.g. `D8:6`."""
        return id_of_turn(self.session, self.number)

    @property
    def words(self) -> tuple[str, ...]:
        """The tags that are words."""
        return tuple(tag for tag in self.tags if not tag.startswith(KEPT_TAG))


@dataclass(frozen=True, slots=True)
class Session:
    """Consecutive turns under one date."""

    number: int
    time: datetime | None
    turns: tuple[Turn, ...]


def _is_plain(time: object) -> bool:
    return type(time) is datetime and _has_known_zone(time)


def _has_known_zone(time: datetime) -> bool:
    """Whether the zone can be written down: none, an offset, or the name of one in the tz database."""
    zone = time.tzinfo
    return zone is None or type(zone) is timezone or (type(zone) is ZoneInfo and zone.key is not None)


def _plain(time: datetime) -> datetime:
    """`time` without what a subclass adds, such as the nanoseconds of pandas.Timestamp, which no file would keep."""
    day, clock = (time.year, time.month, time.day), (time.hour, time.minute, time.second, time.microsecond)
    return datetime(*day, *clock, tzinfo=time.tzinfo, fold=time.fold)


def format_date(time: date | None) -> str:
    """`15 July 2023`: the form in which LoCoMo's gold answers write dates."""
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}" if time else "date unknown"


def id_of_turn(session: int, number: int) -> str:
    """`D8:6`: the address of a turn, as LoCoMo writes it."""
    return f"D{session}:{number}"


def render_header(session: int, day: date | None) -> str:
    """The line above the turns of a session, or above those of one of its days."""
    return f"[D{session}, {format_date(day)}]"


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character: no encoding has it, so none prints it


def line_prefix(turn: Turn, clock: bool = False) -> str:
    """What a turn's line begins with, up to the text: `6 Ana:`; with `clock` its time of day too, `6 14:05 Ana:`."""
    said_at = f" {turn.time:%H:%M}" if clock and turn.time else ""
    return f"{turn.number}{said_at} {' '.join(turn.speaker.split())}:"


def join_caption(text: str, caption: str) -> str:
    """`text`, and what its photo shows."""
    return f"{text} {photo(caption)}".lstrip() if caption else text


def printable(text: str) -> str:
    """`text` without halves of characters."""
    try:
        text.encode()  # four times as fast as a search
        return text
    except UnicodeEncodeError:
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def render_line(turn: Turn, text: str, caption: str = "") -> str:
    """One line for `turn`, showing `text` and `caption` (which may be shorter than its own). Never a newline inside."""
    return printable(f"{line_prefix(turn)} {join_caption(' '.join(text.split()), caption)}")


def photo(caption: str) -> str:
    """How a line shows the photo of a turn. Never a newline inside."""
    return f"{PHOTO_PREFIX}{' '.join(caption.split())})"


def parse_citations(text: str) -> list[str]:
    """All turn ids named in `text` (`D8:6`, or `8:6`), in order of first mention, without repeats."""
    return list(dict.fromkeys(id_of_turn(int(session), int(number)) for session, number in _CITATION.findall(text)))
