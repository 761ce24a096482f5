"""Your own chat: messages as JSON, JSONL or CSV, with questions in the same JSON or in a file beside it.

    chat.json            [{"speaker": "Ana", "text": "I moved to Porto.", "time": "2024-03-02T10:15", "id": "m1"}, ...]
    chat.json            {"messages": [...], "questions": [...]}
    chat.csv             speaker,text,time
    chat.questions.json  [{"question": "Where does Ana live?", "answer": "Porto", "evidence": ["m1"]}, ...]

A message may also name its conversation, session, number and caption; the other names of `memory.add` ("role",
"content", "timestamp") are understood too. A question may name its conversation, its kind (a text of your own) and
"declined": true where the chat does not hold the answer. Evidence names messages by their "id", or turns (`D1:2`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from locomo.formats import reading
from locomo.formats.reading import DROPPED, HINT, SILENT, Notes, show
from locomo.formats.records import Conversation, DataError, Parsed, Question
from locomo.kinds import Kind, Kinds
from memoryqa.errors import UsageError
from memoryqa.importers.plain.tables import csv_rows, delimiter_of, jsonl_rows
from memoryqa.messages import Numbering
from memoryqa.turns import Session, Turn

QUESTIONS = (".questions.json", ".questions.jsonl", ".questions.csv")  # endings of the file beside the messages
_HERE = "the file"  # which the caller names in front of an error
_TEXT_KEYS = ("text", "content")
_UNANSWERED = ("left out", "question", "with neither an answer nor evidence")
_IN_ORDER = (SILENT, _UNANSWERED, DROPPED)
_ANY_KIND, _DECLINED = "question", "declined"
_NUMBER = re.compile(r"-?[0-9]{1,18}")


def recognises(document: object) -> bool:
    """Whether a document looks like messages."""
    listed = document.get("messages") if isinstance(document, dict) else document
    return isinstance(listed, list) and bool(listed) and isinstance(listed[0], dict) and _is_message(listed[0])


def _is_message(record: Mapping[str, object]) -> bool:
    return any(key in record for key in _TEXT_KEYS)


def decode(content: bytes, *, columns: Sequence[str] = _TEXT_KEYS) -> object:
    """The JSON, JSONL or CSV in `content`; CSV is what has one of `columns` in its first line. Raises DataError."""
    try:
        return reading.decode(content)
    except DataError:
        written = reading.text_of(content)
        first = written.lstrip().partition("\n")[0]
        is_jsonl = first.startswith("{")
        names = {name.strip().strip('"').lower() for name in first.split(delimiter_of(first) or ",")}
        if not is_jsonl and not names & set(columns):
            raise
    try:
        return _jsonl(written) if is_jsonl else _csv(written)
    except UsageError as error:
        raise DataError(str(error).removeprefix(f"{_HERE}, ")) from error


def _jsonl(written: str) -> list[object]:
    return [row for _, row in jsonl_rows(written.split("\n"), _HERE, lambda line: reading.decode(line.encode()))]


def _csv(written: str) -> list[object]:
    rows = csv_rows(io.StringIO(written.lstrip(), newline=""), _HERE)
    named = ({name.lower(): value for name, value in row.items() if name and value} for _, row in rows)
    return [{name: _typed(name, value) for name, value in row.items()} for row in named]


def _typed(name: str, value: str) -> object:
    """Numbers where messages have numbers; a cell is text otherwise."""
    is_number = name in ("session", "number", "time", "timestamp", "created_at") and _NUMBER.fullmatch(value.strip())
    return int(value) if is_number else value


@dataclass
class _Chat:
    """One conversation as it is read. ids: turns by the ids of their messages."""

    numbering: Numbering = field(default_factory=Numbering)
    turns: dict[str, Turn] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)


def parse(document: object, name: str, beside: object = None) -> Parsed:
    """Messages, and the questions in the document or `beside` it; `name` is the conversation of all that name none.

    Raises DataError, and nothing else, for any JSON documents.
    """
    reading.printable_name(name, "the file's name", "the messages")
    fields = document if isinstance(document, dict) else {"messages": document}
    messages = reading.items(fields.get("messages"), "messages")
    notes = Notes(_IN_ORDER)
    chats: dict[str, _Chat] = {}
    for index, message in enumerate(messages):
        _add(chats, reading.mapping(message, f"message {index}"), name, f"message {index}", notes)
    conversations = tuple(_conversation(one, chat) for one, chat in chats.items() if chat.turns)
    if not conversations:
        raise DataError(f"no message holds text; {HINT}")
    asked = fields.get("questions") if beside is None else beside
    records = [reading.mapping(one, f"question {index}") for index, one in enumerate(reading.items(asked, "questions"))]
    kinds = _kinds(records)
    return Parsed(conversations, tuple(_questions(records, chats, kinds, notes)), notes.lines(), kinds)


def _add(chats: dict[str, _Chat], fields: Mapping[str, object], default: str, place: str, notes: Notes) -> None:
    chat = chats.setdefault(_name(fields, "conversation", default, place), _Chat())
    for key in (*_TEXT_KEYS, "caption", "speaker", "name", "role"):
        if isinstance(fields.get(key), str):
            reading.text(fields, key, place)  # half a character is an error
    try:
        turn = chat.numbering.turn_of(fields, {})
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{place}: {_one_line(error)}") from error
    if turn.id in chat.turns:
        raise DataError(f"{place}: another message has session {turn.session} and number {turn.number}, too")
    chat.numbering.note(turn)
    if not turn.text.strip() and not turn.caption.strip():
        notes.add(*SILENT, place)
        return
    chat.turns[turn.id] = turn
    given = fields.get("id")
    if given is not None and chat.ids.setdefault(_key(given, place), turn.id) != turn.id:
        raise DataError(f"{place}: another message has the id {show(given)}, too; give each its own")


def _one_line(error: Exception) -> str:
    """A message that may quote half a character."""
    return " ".join(str(error).encode("utf-8", "replace").decode().split())


def _key(given: object, place: str) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise DataError(f"{place}: an id is a text or a whole number, found {show(given)}")
    try:
        return str(given).strip()
    except ValueError as error:
        raise DataError(f"{place}: an id has too many digits; write it as text") from error


def _name(fields: Mapping[str, object], key: str, default: str, place: str) -> str:
    given = fields.get(key)
    return default if given is None else reading.printable_name(_key(given, place), key, place)


def _conversation(name: str, chat: _Chat) -> Conversation:
    by_session: dict[int, list[Turn]] = {}
    for turn in chat.turns.values():
        by_session.setdefault(turn.session, []).append(turn)
    sessions = tuple(Session(number, turns[0].time, tuple(turns)) for number, turns in by_session.items())
    return Conversation(name, tuple(dict.fromkeys(turn.speaker for turn in chat.turns.values())), sessions)


def _is_declined(fields: Mapping[str, object], place: str) -> bool:
    given = fields.get("declined")
    if isinstance(given, bool) or given is None:
        return bool(given)
    if isinstance(given, str) and given.strip().lower() in ("true", "yes", "1", "false", "no", "0", ""):
        return given.strip().lower() in ("true", "yes", "1")
    raise DataError(f'{place}: "declined" must be true or false, found {show(given)}')


def _kind_name(fields: Mapping[str, object], place: str) -> str:
    return _name(fields, "kind", _DECLINED if _is_declined(fields, place) else _ANY_KIND, place)


def _kinds(records: Sequence[Mapping[str, object]]) -> Kinds:
    """The kinds that the questions name, in the order in which they are met."""
    found: dict[str, bool] = {}
    for index, fields in enumerate(records):
        place = f"question {index}"
        name, is_declined = _kind_name(fields, place), _is_declined(fields, place)
        if found.setdefault(name, is_declined) != is_declined:
            raise DataError(f"{place}: kind {show(name)} is declined in one question and not in another; use two kinds")
    found = found or {_ANY_KIND: False}
    return Kinds(
        tuple(
            Kind(number, name, "declines" if is_declined else "tokens")
            for number, (name, is_declined) in enumerate(found.items(), start=1)
        ),
        counted_label="kinds to answer",
    )


def _questions(
    records: Sequence[Mapping[str, object]], chats: Mapping[str, _Chat], kinds: Kinds, notes: Notes
) -> Iterator[Question]:
    numbers = {name: number for number, name in kinds.names.items()}
    default = next(iter(chats))
    for index, fields in enumerate(records):
        place = f"question {index}"
        name = _name(fields, "conversation", default, place)
        if name not in chats or not chats[name].turns:
            raise DataError(f"{place}: there is no conversation {show(name)}; there are {', '.join(chats)}")
        asked, gold = reading.text(fields, "question", place), reading.answer(fields, "answer", place)
        reading.not_blank(asked, "question", place)
        kind, evidence = numbers[_kind_name(fields, place)], []
        for one in _evidence_keys(fields, place):
            turn_id = chats[name].ids.get(one) or (one if one in chats[name].turns else None)
            if turn_id is None:
                notes.add(*DROPPED, f"{name}:{index} {show(one)}")
            else:
                evidence.append(turn_id)
        if not gold.strip() and not evidence and kind not in kinds.declined:
            notes.add(*_UNANSWERED, f"{name}:{index}")
            continue
        yield Question(f"{name}:{index}", name, asked, gold, kind, tuple(dict.fromkeys(evidence)), kinds=kinds)


def _evidence_keys(fields: Mapping[str, object], place: str) -> list[str]:
    given = fields.get("evidence")
    if isinstance(given, str):  # a cell of CSV
        return [piece for piece in re.split(r"[;,\s]+", given) if piece]
    return [_key(one, place) for one in reading.items(given, f'{place}, "evidence"')]
