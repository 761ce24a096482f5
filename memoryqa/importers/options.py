"""What a person may say about an export that the export itself does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from memoryqa.checks import shown
from memoryqa.errors import UsageError

ORDERS = ("dmy", "mdy", "ymd")
COLUMNS = ("speaker", "text", "time", "id", "reply_to", "chat", "attachments")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of one import.

    zone: shows times that the export has in UTC, and is attached to times without a zone. dates: the order of day,
    month and year, where the file leaves it open. columns: names of the fields of a table or of JSON records, by what
    they are (`COLUMNS`). same: names by the names, numbers or ids that mean the same person. me: the owner's name.
    known: names by the ids of authors, as an earlier import gave them.
    """

    zone: tzinfo | None = None
    dates: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    same: Mapping[str, str] = field(default_factory=dict)
    me: str | None = None
    known: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dates is not None and self.dates not in ORDERS:
            raise UsageError(f"`dates` must be one of {', '.join(ORDERS)}, got {shown(self.dates)}")
        for name in self.columns:
            if name not in COLUMNS:
                raise UsageError(f"`columns`: unknown part {shown(name)}; it is one of {', '.join(COLUMNS)}")
        for name, joined in self.same.items():
            if not name.strip() or not joined.strip():
                raise UsageError(f'`same` must join two names, as in {{"+351 912 345 678": "Ana"}}, got {shown(name)}')

    def moment(self, seconds: float) -> datetime | None:
        """Seconds since 1970 as a time in `zone`, in UTC without one; None for a number that is no time."""
        try:
            return datetime.fromtimestamp(seconds, self.zone or timezone.utc)  # noqa: UP017  same object, by its other name
        except (ValueError, OverflowError, OSError):
            return None

    def iso(self, written: str) -> datetime | None:
        """An ISO 8601 time, None for any other text."""
        try:
            time = datetime.fromisoformat(written.strip())
        except ValueError:
            return None
        try:
            return self.placed(time)
        except OverflowError:  # the first and the last day that there is, moved into another zone
            return time

    def placed(self, time: datetime) -> datetime:
        """`time` in `zone`: converted where it has a zone, attached where it has none."""
        if self.zone is None:
            return time
        return time.replace(tzinfo=self.zone) if time.tzinfo is None else time.astimezone(self.zone)


def zone_of(name: str | tzinfo | None) -> tzinfo | None:
    """The zone called `name`: `Europe/Lisbon`, `UTC`, `+02:00`. Raises UsageError for any other name."""
    if name is None or isinstance(name, tzinfo):
        return name
    match = _OFFSET.fullmatch(name.strip())
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset < timedelta(hours=24) and int(match[3] or 0) < 60:
            return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):
        raise UsageError(f"`timezone` {shown(name)} is unknown; write it as Europe/Lisbon or +02:00") from None
