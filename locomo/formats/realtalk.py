"""REALTALK: one JSON file per chat of two real people, with questions of three kinds.

Format: https://github.com/danny911kr/REALTALK (Lee et al. 2025, arXiv 2502.13270), files `Chat_2_Some_Names.json`.
Read from a turn: `speaker`, `dia_id`, `date_time`, `clean_text`, `blip_caption`.

A `dia_id` counts sessions of its own, so that D9 may run through two lists, and leaves numbers out. A turn's address
here is the list that it is in (its session) and its place in it; evidence, which names `dia_id`s, is translated.
Evidence is written in several ways: `D5:12;D5:16`, `D12:3-D12:5`, `D3:30.`; what names no turn is dropped and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from locomo.formats import reading
from locomo.formats.locomo import category_of, evidence_texts, session_keys
from locomo.formats.reading import DROPPED, HINT, SILENT, UNANSWERED, Notes, show
from locomo.formats.records import Conversation, DataError, Parsed, Question
from locomo.kinds import Kind, Kinds
from memoryqa.turns import Session, Turn

KINDS = Kinds(  # the file's numbers; scored as LoCoMo's kinds of these numbers, on whose code the paper builds
    (Kind(1, "multi_hop", "parts"), Kind(2, "temporal"), Kind(3, "commonsense", "before_semicolon")),
    counted_label="all kinds",
)
_TIME = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4}), ([0-9]{1,2}):([0-9]{2}):([0-9]{2})")
_FILE = re.compile(r"chat_([0-9]+)_.*", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"D([0-9]{1,9}):([0-9]{1,9})", re.IGNORECASE)
_RANGE = re.compile(r"D([0-9]{1,9}):([0-9]{1,9})[-–](?:D([0-9]{1,9}):)?([0-9]{1,9})", re.IGNORECASE)
_UNTIMED = ("dated by its session", "turn", "without a readable time of its own")
_RENUMBERED = ("numbered anew", "turn", "whose dia_id is not its session and place in it")
_WITHOUT = ("kept", "question", "none of whose evidence ids names a turn")
_IN_ORDER = (_UNTIMED, SILENT, _RENUMBERED, UNANSWERED, DROPPED, _WITHOUT)
Address = tuple[int, int]  # session and number of a dia_id


def recognises(document: object) -> bool:
    """Whether a JSON document looks like a chat of REALTALK."""
    return isinstance(document, dict) and "qa" in document and any(key.startswith("session_") for key in document)


def is_chat(file_name: str) -> bool:
    """Whether a file is named as REALTALK's chats are."""
    return _FILE.fullmatch(file_name) is not None


def conversation_id(file_name: str) -> str:
    """`Chat_2_Kim_Lee.json` -> `rt-2`; any other name after `rt-`, without its ending."""
    match = _FILE.fullmatch(file_name)
    return f"rt-{int(match[1])}" if match else f"rt-{file_name.rpartition('.')[0] or file_name}"


def parse(documents: Mapping[str, object]) -> Parsed:
    """Chats by file name, in the order of their ids. Raises DataError, and nothing else, for any JSON documents."""
    conversations: dict[str, Conversation] = {}
    questions: list[Question] = []
    notes = Notes(_IN_ORDER)
    for file_name, document in sorted(documents.items(), key=lambda one: _natural(one[0])):
        name = reading.printable_name(conversation_id(file_name), "the file's name", file_name)
        if name in conversations:
            raise DataError(f"{file_name}: another file is chat {name}, too; rename one")
        body = reading.mapping(document, f"chat {name}")
        conversations[name], addresses = _conversation(body, name, notes)
        questions += _questions(body, name, addresses, notes)
    return Parsed(tuple(conversations.values()), tuple(questions), notes.lines(), KINDS)


def parse_time(text: str) -> datetime:
    """`29.12.2023, 22:42:04` as a datetime without a zone. Raises ValueError on any other form."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time like '29.12.2023, 22:42:04'")
    day, month, year, hour, minute, second = map(int, match.groups())
    return datetime(year, month, day, hour, minute, second)


def _natural(file_name: str) -> tuple[int, str]:
    match = _FILE.fullmatch(file_name)
    return (int(match[1]) if match else 0, file_name)


def _conversation(body: Mapping[str, object], name: str, notes: Notes) -> tuple[Conversation, dict[Address, str]]:
    """The chat, and the ids of its turns by their `dia_id`s."""
    place = f"chat {name}"
    addresses: dict[Address, str] = {}
    sessions = [_session(body, key, number, place, addresses, notes) for number, key in session_keys(body, place)]
    kept = tuple(session for session in sessions if session is not None)
    if not kept:
        raise DataError(f"{place}: no session_N holds a turn; {HINT}")
    speakers = dict.fromkeys(turn.speaker for session in kept for turn in session.turns)
    return Conversation(name, tuple(speakers), kept), addresses


def _session(
    body: Mapping[str, object], key: str, number: int, place: str, addresses: dict[Address, str], notes: Notes
) -> Session | None:
    records = reading.items(body.get(key), f"{place}, {key}")
    began = _time(body, f"{key}_date_time")
    turns = []
    for index, record in enumerate(records, start=1):
        turn_place = f"{place}, {key}, turn {index}"
        fields = reading.mapping(record, turn_place)
        time = _time(fields, "date_time")
        if time is None:
            notes.add(*_UNTIMED, turn_place)
        began = began or time
        said = reading.optional_text(fields, "clean_text", turn_place)
        caption = reading.optional_text(fields, "blip_caption", turn_place)
        turn = Turn(number, index, reading.name(fields, "speaker", turn_place), said, time or began, caption)
        if not said.strip() and not caption.strip():
            notes.add(*SILENT, turn_place)
            continue
        _enter(addresses, fields, turn, turn_place, notes)
        turns.append(turn)
    return Session(number, began, tuple(turns)) if turns else None


def _enter(addresses: dict[Address, str], fields: Mapping[str, object], turn: Turn, place: str, notes: Notes) -> None:
    """Keep by which `dia_id` evidence names the turn."""
    written = reading.text(fields, "dia_id", place).strip()
    match = _ADDRESS.fullmatch(written)
    if not match:
        raise DataError(f"{place}: dia_id {show(written)} is not of the form D{turn.session}:1; {HINT}")
    address = (int(match[1]), int(match[2]))
    if addresses.setdefault(address, turn.id) != turn.id:
        raise DataError(f"{place}: dia_id {show(written)} is taken by another turn; give each turn its own")
    if address != (turn.session, turn.number):
        notes.add(*_RENUMBERED, f"{place} ({written})")


def _time(fields: Mapping[str, object], key: str) -> datetime | None:
    """The time at `key`, None when it is missing or unreadable."""
    written = fields.get(key)
    try:
        return parse_time(written) if isinstance(written, str) else None
    except ValueError:
        return None


def _questions(
    body: Mapping[str, object], name: str, addresses: Mapping[Address, str], notes: Notes
) -> Iterator[Question]:
    for index, item in enumerate(reading.items(body.get("qa"), f'chat {name}, "qa"')):
        place = f"chat {name}, question {index}"
        fields = reading.mapping(item, place)
        asked, gold = reading.text(fields, "question", place), reading.answer(fields, "answer", place)
        reading.not_blank(asked, "question", place)
        kind = category_of(fields, KINDS, place)
        question_id = f"{name}:{index}"
        found, missing = find_evidence(evidence_texts(fields, place), addresses)
        for one in missing:
            notes.add(*DROPPED, f"{question_id} {show(one)}")
        if not gold.strip():
            notes.add(*UNANSWERED, question_id)
            continue
        if not found:
            notes.add(*_WITHOUT, question_id)
        yield Question(question_id, name, asked, gold, kind, tuple(found), kinds=KINDS)


def find_evidence(raw: Iterable[str], addresses: Mapping[Address, str]) -> tuple[list[str], list[str]]:
    """The ids of the turns that an evidence list names, in order and none twice, and the pieces that name none."""
    found: dict[str, None] = {}
    missing: list[str] = []
    for written in raw:
        joined = re.sub(r"\s*([-–])\s*", r"\1", written)  # a range may have blanks around its dash
        for piece in re.split(r"[;,\s]+", joined):
            bare = piece.strip(".()[]\"'")
            turns = list(_named(bare, addresses))
            found |= dict.fromkeys(turns)
            if bare and not turns:
                missing.append(piece)
    return list(found), missing


def _named(piece: str, addresses: Mapping[Address, str]) -> Iterator[str]:
    if match := _ADDRESS.fullmatch(piece):
        address = (int(match[1]), int(match[2]))
        if address in addresses:
            yield addresses[address]
    elif match := _RANGE.fullmatch(piece):
        first = (int(match[1]), int(match[2]))
        last = (int(match[3] or match[1]), int(match[4]))
        yield from (turn_id for address, turn_id in addresses.items() if first <= address <= last)
