"""Turns as text for others: JSONL, which is read back equal, CSV, Markdown, and LoCoMo's JSON.

A line of JSONL is one turn, and a chat message as `AdaptiveMemory.add` takes it:

    {"session": 1, "number": 2, "speaker": "Ana", "time": "2023-05-25T18:30:00", "text": "I moved to Porto!"}

Left out where they say nothing: time, caption, tags, fold (1: the second of two equal clock times), zone (of the tz
database), zone_name (given to an offset), revisions (what the turn was before, oldest first, with the same keys) and
import (number of the conversation, key and digest, by which a newer export of the same app knows the message). The
first line has what is not of one turn, where there is any: {"memoryqa_export": {"forgotten": [[session, highest number,
turns], ...], "conversations": [[number, format, scope, title], ...], "people": {"joins": ..., "authors": ..., "owner":
..., "choices": ...}}}.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from memoryqa.archive.carried import Carried
from memoryqa.archive.imports import Conversation, People
from memoryqa.archive.saved import History
from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.turns import MONTHS, Turn, join_caption, printable, render_header

COUNTS = "memoryqa_export"  # the key of the line that is no turn
_COLUMNS = ("id", "session", "number", "speaker", "time", "text", "caption", "tags")

# -- JSONL -------------------------------------------------------------------------------------------------------------


def to_jsonl(turns: Iterable[Turn], history: History) -> Iterator[str]:
    """The lines, each with its newline."""
    carried = history.carried
    counts = [[session, highest, count] for session, (highest, count) in history.forgotten.items()]
    first: dict[str, Any] = {"forgotten": counts} if counts else {}
    if carried:
        first["conversations"] = [[one.number, one.format, one.scope, one.title] for one in carried.conversations]
        first["people"] = asdict(carried.people)
    if first:
        yield _line({COUNTS: first})
    for turn in turns:
        fields = _fields(turn)
        if older := [_fields(one) for one in history.revisions.get(turn.id, ())]:
            fields["revisions"] = older
        if turn.id in carried.messages:
            fields["import"] = list(carried.messages[turn.id])
        yield _line(fields)


def _line(document: Mapping[str, Any]) -> str:
    line = json.dumps(document, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:  # half a character, which only an escape can write
        line = json.dumps(document)
    return f"{line}\n"


def _fields(turn: Turn) -> dict[str, Any]:
    zone = turn.time.tzinfo if turn.time else None
    named = isinstance(zone, timezone) and zone.tzname(None) != timezone(zone.utcoffset(None)).tzname(None)
    fields = {
        "session": turn.session,
        "number": turn.number,
        "speaker": turn.speaker,
        "time": turn.time.isoformat() if turn.time else None,
        "fold": turn.time.fold if turn.time else 0,
        "zone": zone.key if isinstance(zone, ZoneInfo) else None,
        "text": turn.text,
        "caption": turn.caption,
        "tags": list(turn.tags),
    }
    kept = {name: value for name, value in fields.items() if value or name in ("session", "number", "speaker", "text")}
    return {**kept, "zone_name": zone.tzname(None)} if named and zone else kept


def from_jsonl(lines: Iterable[str]) -> tuple[list[Turn], History]:
    """The turns and what is kept besides them. UsageError for a line that is none of ours, which it names."""
    turns, revisions, forgotten = list[Turn](), dict[str, list[Turn]](), dict[int, tuple[int, int]]()
    conversations, people, messages = list[Conversation](), People(), dict[str, tuple[int, int, int | None]]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            if COUNTS in document:
                first = document[COUNTS]
                forgotten |= {session: (highest, n) for session, highest, n in first.get("forgotten", ())}
                conversations += [_conversation(*one) for one in first.get("conversations", ())]
                people = _people(**first["people"]) if "people" in first else people
                continue
            turn = _turn(document)
            older = [_turn(one) for one in document.get("revisions", ())]
            if "import" in document:
                messages[turn.id] = _message(*document["import"])
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError, ZoneInfoNotFoundError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else error
            raise UsageError(f"line {number}: no turn as export wrote it ({reason}); see {__name__}") from error
        turns.append(turn)
        if older:
            revisions[turn.id] = older
    return turns, History(revisions, forgotten, Carried(tuple(conversations), messages, people))


def _conversation(number: int, format: str, scope: str, title: str) -> Conversation:
    return Conversation(int(number), str(format), str(scope), str(title))


def _message(number: int, key: int, digest: int | None) -> tuple[int, int, int | None]:
    found = (int(number), int(key), None if digest is None else int(digest))
    if max(map(abs, filter(None, found)), default=0) >= 1 << 63:
        raise ValueError("an import has numbers of 63 bits at most")
    return found


def _people(
    joins: Mapping[str, str], authors: Mapping[str, str], choices: Mapping[str, str], owner: str | None = None
) -> People:
    texts = [{str(alias): str(name) for alias, name in one.items()} for one in (joins, authors, choices)]
    return People(texts[0], texts[1], None if owner is None else str(owner), texts[2])


def _turn(fields: Mapping[str, Any]) -> Turn:
    time = datetime.fromisoformat(fields["time"]).replace(fold=fields.get("fold", 0)) if fields.get("time") else None
    if time is not None and fields.get("zone"):
        time = time.replace(tzinfo=ZoneInfo(fields["zone"]))
    elif time is not None and "zone_name" in fields and (offset := time.utcoffset()) is not None:
        time = time.replace(tzinfo=timezone(offset, fields["zone_name"]))
    said = (fields["speaker"], fields["text"], time, fields.get("caption", ""))
    return Turn(fields["session"], fields["number"], *said, tuple(fields.get("tags", ())))


# -- for people and other programs, one way ----------------------------------------------------------------------------


def to_csv(turns: Iterable[Turn]) -> Iterator[str]:
    """A row for each turn, under a row of names. Texts are as they were said: a spreadsheet may take one that begins
    with = for a formula."""
    yield _row(_COLUMNS)
    for turn in turns:
        time = turn.time.isoformat() if turn.time else ""
        said = (turn.speaker, time, turn.text, turn.caption, "; ".join(turn.words))
        yield _row((turn.id, turn.session, turn.number, *said))


def _row(values: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([printable(str(value)) for value in values])
    return written.getvalue()


def to_markdown(turns: Iterable[Turn]) -> Iterator[str]:
    """A heading for each session, an item for each turn."""
    headings: dict[int, str] = {}
    for place, (session, of_session) in enumerate(groupby(turns, key=lambda turn: turn.session)):
        said = list(of_session)
        heading = headings.setdefault(session, render_header(session, said[0].time).strip("[]"))
        yield f"{chr(10) * bool(place)}## {heading}\n\n"
        for turn in said:
            lines = "\n  ".join(printable(join_caption(turn.text.strip(), turn.caption)).splitlines())
            yield f"- {turn.number} **{printable(' '.join(turn.speaker.split()))}**: {lines}\n"


def to_locomo(turns: Iterable[Turn], name: str) -> Iterator[str]:
    """One conversation without questions: to the minute, without zones and tags. UsageError for a session without a
    time, which the format must have."""
    sessions: dict[int, list[Turn]] = {}
    for turn in turns:
        sessions.setdefault(turn.session, []).append(turn)
    speakers = list(dict.fromkeys(turn.speaker for said in sessions.values() for turn in said))
    body: dict[str, Any] = {f"speaker_{letter}": one for letter, one in zip("ab", speakers, strict=False)}
    for session, said in sessions.items():
        if said[0].time is None:
            raise UsageError(
                f"LoCoMo's format needs a time for each session, and session {session} has none; use JSONL"
            )
        body[f"session_{session}_date_time"] = _locomo_time(said[0].time)
        body[f"session_{session}"] = [_locomo_turn(turn) for turn in said]
    yield json.dumps([{"sample_id": name, "conversation": body, "qa": []}], indent=1) + "\n"


def _locomo_time(time: datetime) -> str:
    half = "am" if time.hour < 12 else "pm"
    return f"{time.hour % 12 or 12}:{time.minute:02d} {half} on {time.day} {MONTHS[time.month - 1]}, {time.year:04d}"


def _locomo_turn(turn: Turn) -> dict[str, str]:
    fields = {"speaker": turn.speaker, "dia_id": turn.id, "text": printable(turn.text)}
    return {**fields, "blip_caption": printable(turn.caption)} if turn.caption else fields


FORMATS: dict[str, str] = {"jsonl": ".jsonl", "csv": ".csv", "markdown": ".md", "locomo": ".json"}  # their suffixes


def exported(turns: Iterable[Turn], history: History, format_name: str, name: str) -> Iterator[str]:
    """The text of `turns` in one of FORMATS. `name`: of the conversation."""
    writers: dict[str, Callable[[], Iterator[str]]] = {
        "jsonl": lambda: to_jsonl(turns, history),
        "csv": lambda: to_csv(turns),
        "markdown": lambda: to_markdown(turns),
        "locomo": lambda: to_locomo(turns, name),
    }
    if format_name not in writers:
        raise UsageError(f"format must be {', '.join(writers)}, got {shown(format_name)}")
    return writers[format_name]()


def format_of(suffix: str) -> str:
    """The format of a file by its suffix; UsageError for none of ours."""
    by_suffix = {one: name for name, one in FORMATS.items()}
    if suffix.lower() not in by_suffix:
        raise UsageError(f"no format for files {suffix or 'without a suffix'}; use {', '.join(by_suffix)}, or format=")
    return by_suffix[suffix.lower()]
