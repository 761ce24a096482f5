"""Messages in any JSON, JSONL or CSV: which field is what is given as `columns`, or guessed and shown in the report.

[{"from": "Ana", "body": "Hi", "sent": "2024-05-13T10:15"}]         columns: speaker=from, text=body, time=sent
{"messages": [...]}, a line of JSON per message, a table with a line of names
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from memoryqa.errors import UsageError
from memoryqa.importers.fields import record, text
from memoryqa.importers.format import Format
from memoryqa.importers.message import Message, digest
from memoryqa.importers.options import COLUMNS, Options
from memoryqa.importers.plain.clocks import CLOCK
from memoryqa.importers.plain.tables import kind_of, rows
from memoryqa.importers.plain.unnamed import Unnamed, unnamed_rows, unnamed_table
from memoryqa.importers.report import ImportReport
from memoryqa.importers.source import Source, reading
from memoryqa.importers.written_times import NumericTimes, UnreadTimes, from_number, from_text
from memoryqa.messages import text_of

_GUESSES: Mapping[str, str] = {  # in lower case, without signs; the first that is there counts
    "speaker": "speaker sender from author fromname sendername authorname name username user nickname displayname "
    "who role",
    "text": "text content message body msg messagetext messagebody contents comment said value",
    "time": "time timestamp datetime date createdat sentat senton created sent ts timecreated timestampms when",
    "id": "id messageid msgid uuid guid",
    "reply_to": "replyto replytoid inreplyto replytomessageid parentid",
    "chat": "chat conversation conversationid channel channelname thread threadid room chatname chatid",
    "attachments": "attachments attachment files media",
}
_NAMES = ("name", "display_name", "displayName", "username", "nickname", "email", "role", "id")
_CLOCK = re.compile(CLOCK)
_DAYS = ("date", "day", "datum", "fecha", "data", "дата", "日期", "日付")
_LOOKED_AT = 20  # records
Listed = Callable[[], Iterator[tuple[int, Any]]]  # gives number and value of each record, each time anew


def _documents(source: Source) -> list[str]:
    return [name for name in source.named(".json", ".jsonl", ".ndjson", ".csv", ".tsv") if kind_of(source, name)]


def recognises(source: Source) -> bool:
    """Whether a speaker and a text can be found in the first records of a file."""
    return any(_is_known(source, name) for name in _documents(source)[:20])


def unnamed_fields(source: Source) -> list[str]:
    """The fields of a table or of records in which no speaker or no text was recognised; none for other files."""
    return next((fields for name in _documents(source)[:20] if (fields := _fields_of(_first(source, name)))), [])


def _is_known(source: Source, name: str) -> bool:
    found = _guess(_first(source, name), {})
    return ("text" in found and "speaker" in found) or _unnamed(source, name, {}) is not None


def read(source: Source, options: Options, report: ImportReport) -> Iterator[Message]:
    """The messages of every file."""
    documents = _documents(source)
    if not documents and options.columns:
        raise UsageError(f"{source.path}: `columns` names fields of a table or of JSON, and this is neither; drop it")
    for name in documents:
        first = _first(source, name)
        columns = _guess(first, options.columns)
        fields = _fields_of(first)
        wrong = [field for field in options.columns.values() if first and field not in fields]
        missing = [part for part in ("speaker", "text") if part not in columns]
        unnamed = _unnamed(source, name, options.columns) if wrong or missing else None
        if unnamed is not None:
            columns, day = dict(unnamed.columns), unnamed.day
            listed = partial(unnamed_rows, source, name, unnamed.delimiter, int(unnamed.is_headed))
            if not unnamed.is_headed:
                report.note("the table is read without a line of names: fields are the numbers of its columns")
        else:
            _check(wrong, missing, fields, source.place(name))
            day, listed = _day_beside(first, columns.get("time", "")), partial(rows, source, name)
        shown = columns | {"time": f"{day} {columns['time']}"} if day else columns
        report.note("fields: " + ", ".join(f"{part}={shown[part]}" for part in COLUMNS if part in shown))
        yield from _messages(listed, source, name, columns, day, options, report)


def _unnamed(source: Source, name: str, given: Mapping[str, str]) -> Unnamed | None:
    return unnamed_table(source, name, given) if kind_of(source, name) == "csv" else None


def _check(wrong: Sequence[str], missing: Sequence[str], fields: Sequence[str], place: str) -> None:
    """UsageError for a field that there is not, and where one that is needed was neither given nor guessed."""
    known = ", ".join(fields) or "none"
    if wrong:
        raise UsageError(f"{place}: no field {wrong[0]!r}; there are {known}")
    if missing:
        raise UsageError(f"{place}: which field is the {missing[0]}? Say it with `columns`; there are {known}")


def _first(source: Source, name: str) -> list[Mapping[str, Any]]:
    """The first records that have a field; a fault among them is met when all are read."""
    found = list[Mapping[str, Any]]()
    with suppress(UsageError), reading(source.path):
        for _, row in islice(rows(source, name), _LOOKED_AT):
            found.append(record(row))
    return [one for one in found if one]


def _fields_of(first: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for one in first for key in one))


def _guess(first: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> dict[str, str]:
    bare: dict[str, str] = {}
    for key in _fields_of(first):
        if key not in given.values() and any(one.get(key) not in (None, "") for one in first):
            bare.setdefault("".join(sign for sign in key.lower() if sign.isalnum()), key)
    found = dict(given)
    for part, names in _GUESSES.items():
        name = next((name for name in names.split() if name in bare and bare[name] not in found.values()), None)
        if part not in found and name is not None:
            found[part] = bare[name]
    return found


def _day_beside(first: Sequence[Mapping[str, Any]], at: str) -> str:
    """The field of the day, where that of the time has clocks alone; else ""."""
    clocks = [text(one.get(at)) for one in first if one.get(at)] if at else []
    if not clocks or not all(_CLOCK.fullmatch(one.strip()) for one in clocks):
        return ""
    return next((one for one in _fields_of(first) if one.strip().lower() in _DAYS and one != at), "")


def _written(fields: Mapping[str, Any], at: str, day: str) -> object:
    written = fields.get(at) if at else None
    return f"{text(fields.get(day))} {text(written)}".strip() if day else written


def _messages(
    listed: Listed,
    source: Source,
    name: str,
    columns: Mapping[str, str],
    day: str,
    options: Options,
    report: ImportReport,
) -> Iterator[Message]:
    at = columns.get("time", "")
    times = NumericTimes(_undecided(listed, at, day, options), source.place(name), options) if at else None
    if times is not None and times.order:
        report.note(f"dates are read as {'/'.join(times.order)}: {times.reason}")
    stem = name.rpartition("/")[2].rpartition(".")[0]
    unread, unit = UnreadTimes(), "record" if kind_of(source, name) == "json" else "line"
    for number, row in listed():
        fields = record(row)
        said, captions = _said(fields.get(columns["text"]))
        attachments = (*captions, *_named(fields.get(columns.get("attachments", ""))))
        if not said.strip() and not attachments:
            report.skip("record without a text")
            continue
        written = _written(fields, at, day)
        time = _time(written, times, options)
        if time is None and written is not None and str(written).strip():
            unread.add(f"{unit} {number} of {name.rpartition('/')[2]}", str(written))
        speaker, author = _speaker(fields.get(columns["speaker"]))
        own = text(fields.get(columns.get("id", "")))
        chat = _speaker(fields.get(columns.get("chat", "")))[0] if "chat" in columns else ""
        local = f"id {own}" if own else digest(speaker, str(written), str(number))
        yield Message(
            speaker=speaker,
            text=said,
            time=time,
            id=f"record:{stem}:{own or local}",
            reply_to=f"record:{stem}:{answered}" if (answered := text(fields.get(columns.get("reply_to", "")))) else "",
            attachments=attachments,
            author=author,
            chat=chat,
            local=local,
        )
    unread.note(report)


def _undecided(listed: Listed, at: str, day: str, options: Options) -> Iterator[tuple[int, str]]:
    for number, row in listed():
        written = _written(record(row), at, day)
        if isinstance(written, str) and from_text(written, options) is None:
            yield number, written


def _time(written: object, times: NumericTimes | None, options: Options) -> datetime | None:
    if isinstance(written, str):
        return from_text(written, options) or (times.time_of(written) if times else None)
    if isinstance(written, int | float) and not isinstance(written, bool):
        return from_number(written, options)
    return None


def _speaker(value: object) -> tuple[str, str]:
    """Name and id: a text, or an object that has them."""
    if isinstance(value, dict):
        names = [name for key in _NAMES if (name := text(value.get(key)))]
        return (names[0] if names else ""), text(value.get("id"))
    return text(value), ""


def _said(value: object) -> tuple[str, tuple[str, ...]]:
    try:
        said, caption = text_of(value)
    except TypeError:
        return text(value), ()
    return said, (caption,) if caption else ()


def _named(value: object) -> tuple[str, ...]:
    found = list[str]()
    for one in value if isinstance(value, list) else [value]:
        names = (text(record(one).get(key)) for key in ("name", "filename", "file_name", "title", "url", "type"))
        found.append(next(filter(None, names), "") or text(one))
    return tuple(one for one in found if one)


RECORDS = Format("records", "Records", recognises, read)
