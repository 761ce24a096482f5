"""LoCoMo's JSON read into conversations and questions. Whatever is wrong is one `DataError` line with the place.

Format: https://github.com/snap-research/locomo/tree/3eb6f2c585f5e1699204e3c3bdf7adc5c28cb376 and `data/README.md`.
Read from a turn: `speaker`, `dia_id`, `text`, `blip_caption`. Not read: `query`, the words an image was searched with.
They were never part of the dialogue, and some gold answers stand in them, so a memory that holds them is helped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from locomo.formats import reading
from locomo.formats.reading import DROPPED, HINT, SILENT, UNANSWERED, Notes, show
from locomo.formats.records import Conversation, DataError, Parsed, Question
from locomo.kinds import LOCOMO, Kinds
from memoryqa.turns import MONTHS, Session, Turn, id_of_turn

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2}) (am|pm) on ([0-9]{1,2}) ([a-z]+), ([0-9]{4})", re.IGNORECASE)
_SESSION_KEY = re.compile(r"session_([0-9]{1,9})")
_TURN_ID = re.compile(r"D([0-9]{1,9}):([0-9]{1,9})")
_EVIDENCE_ID = re.compile(r"D:?([0-9]{1,9}):([0-9]{1,9})")  # the released file also writes D:11:26 and D30:05
_MISPLACED = ("kept", "turn", "whose dia_id names another session")
_IN_ORDER = (UNANSWERED, SILENT, _MISPLACED, DROPPED)


def parse(content: bytes) -> Parsed:
    """Conversations and questions of a LoCoMo file. Raises DataError, and nothing else, for any bytes."""
    return parse_document(reading.decode(content))


def parse_document(records: object) -> Parsed:
    """The same of a JSON document."""
    if not isinstance(records, list) or not records:
        raise DataError(f"expected a list of conversations, found {show(records)}; {HINT}")
    conversations: dict[str, Conversation] = {}
    questions: list[Question] = []
    notes = Notes(_IN_ORDER)
    for index, record in enumerate(records):
        conversation = _conversation(record, f"conversation number {index}", notes)
        if conversation.id in conversations:
            raise DataError(f"two conversations have the sample_id {conversation.id!r}; give each its own")
        conversations[conversation.id] = conversation
        for question in _questions(record, conversation, notes):
            if question.gold.strip() or question.category in LOCOMO.declined:
                questions.append(question)
            else:
                notes.add(*UNANSWERED, question.id)
    return Parsed(tuple(conversations.values()), tuple(questions), notes.lines())


def parse_time(text: str) -> datetime:
    """`1:56 pm on 8 May, 2023` as a datetime without a zone. Raises ValueError on any other form."""
    match = _TIME.fullmatch(text.strip())
    if match:
        hour, minute, half, day, month, year = match.groups()
        if 1 <= int(hour) <= 12 and month.capitalize() in MONTHS:
            hour_of_day = int(hour) % 12 + (12 if half.lower() == "pm" else 0)
            return datetime(int(year), MONTHS.index(month.capitalize()) + 1, int(day), hour_of_day, int(minute))
    raise ValueError(f"{text!r} is not a time like '1:56 pm on 8 May, 2023'")


def normalise_evidence(raw_ids: Iterable[str]) -> list[str]:
    """The ids named in an evidence list, written `D8:6`, in order, none twice; what cannot be read stays as it is.

    One string may hold several (`D8:6; D9:17`, `D9:1 D4:4`), a stray colon (`D:11:26`) or leading zeros (`D30:05`).
    """
    pieces = (piece for raw in raw_ids for piece in re.split(r"[;,\s]+", raw.strip()) if piece)
    matches = ((piece, _EVIDENCE_ID.fullmatch(piece)) for piece in pieces)
    return list(dict.fromkeys(id_of_turn(int(match[1]), int(match[2])) if match else piece for piece, match in matches))


def session_keys(body: Mapping[str, object], place: str) -> list[tuple[int, str]]:
    """The numbers and keys (`session_3`) of the sessions in `body`, by number: as text, 10 would come before 2."""
    numbered: dict[int, str] = {}
    for key in body:
        match = _SESSION_KEY.fullmatch(key)
        if match and numbered.setdefault(int(match[1]), key) != key:
            raise DataError(f"{place}: {key} and {numbered[int(match[1])]} are the same session; rename one")
    return sorted(numbered.items())


def _conversation(record: object, place: str, notes: Notes) -> Conversation:
    sample = reading.mapping(record, place)
    conversation_id = reading.printable_name(reading.text(sample, "sample_id", place), "sample_id", place)
    place = f"conversation {conversation_id}"
    body = reading.mapping(sample.get("conversation"), f'{place}, "conversation"')
    seen: set[str] = set()
    sessions = [_session(body, key, number, place, seen, notes) for number, key in session_keys(body, place)]
    kept = tuple(session for session in sessions if session is not None)
    if not kept:
        raise DataError(f"{place}: no session_N holds a turn; {HINT}")
    named = [reading.name(body, key, place) for key in ("speaker_a", "speaker_b") if key in body]
    speaking = (turn.speaker for session in kept for turn in session.turns)
    return Conversation(conversation_id, tuple(dict.fromkeys([*named, *speaking])), kept)


def _session(
    body: Mapping[str, object], key: str, number: int, place: str, seen: set[str], notes: Notes
) -> Session | None:
    records = reading.items(body.get(key), f"{place}, {key}")
    if not records:
        return None
    time_text = reading.text(body, f"{key}_date_time", place)
    try:
        time = parse_time(time_text)
    except ValueError as error:
        raise DataError(f"{place}, {key}_date_time: {error}") from error
    turns = []
    for index, record in enumerate(records, start=1):
        turn_place = f"{place}, {key}, turn {index}"
        turn = _turn(record, number, time, turn_place)
        if turn.id in seen:
            raise DataError(f"{turn_place}: dia_id {turn.id} is taken by another turn; give each turn its own")
        seen.add(turn.id)
        if turn.session != number:  # evidence goes by the dia_id, so that is the turn's address
            notes.add(*_MISPLACED, f"{turn_place} ({turn.id})")
        if turn.text.strip() or turn.caption.strip():
            turns.append(turn)
        else:
            notes.add(*SILENT, turn_place)
    return Session(number, time, tuple(turns)) if turns else None


def _turn(record: object, session: int, time: datetime, place: str) -> Turn:
    fields = reading.mapping(record, place)
    match = _TURN_ID.fullmatch(reading.text(fields, "dia_id", place).strip())
    if not match:
        raise DataError(f"{place}: dia_id {show(fields['dia_id'])} is not of the form D{session}:1; {HINT}")
    caption = reading.optional_text(fields, "blip_caption", place)
    said = reading.optional_text(fields, "text", place)
    return Turn(int(match[1]), int(match[2]), reading.name(fields, "speaker", place), said, time, caption)


def _questions(record: object, conversation: Conversation, notes: Notes) -> list[Question]:
    place = f"conversation {conversation.id}"
    known = {turn.id for turn in conversation.turns}
    listed = reading.items(reading.mapping(record, place).get("qa"), f'{place}, "qa"')
    return [
        _question(reading.mapping(item, f"{place}, question {index}"), index, conversation.id, known, notes)
        for index, item in enumerate(listed)
    ]


def _question(
    fields: Mapping[str, object], index: int, conversation_id: str, known: set[str], notes: Notes
) -> Question:
    place = f"conversation {conversation_id}, question {index}"
    question_id = f"{conversation_id}:{index}"
    category = category_of(fields, LOCOMO, place)
    asked = reading.text(fields, "question", place)
    gold = reading.answer(fields, "answer", place)
    reading.not_blank(asked, "question", place)
    named = normalise_evidence(evidence_texts(fields, place))
    evidence = tuple(turn_id for turn_id in named if turn_id in known)
    for turn_id in named:
        if turn_id not in known:
            notes.add(*DROPPED, f"{question_id} {show(turn_id)}")
    trap = reading.answer(fields, "adversarial_answer", place)
    return Question(question_id, conversation_id, asked, gold, category, evidence, trap)


def category_of(fields: Mapping[str, object], kinds: Kinds, place: str) -> int:
    """The number of a kind at "category"."""
    category = fields.get("category")
    if not isinstance(category, int) or isinstance(category, bool) or category not in kinds.names:
        raise DataError(f"{place}: unknown category {show(category)}; it is one of {sorted(kinds.names)}")
    return category


def evidence_texts(fields: Mapping[str, object], place: str) -> list[str]:
    """The texts that "evidence" lists, none of them read yet."""
    raw_evidence = reading.items(fields.get("evidence"), f'{place}, "evidence"')
    if not all(isinstance(item, str) for item in raw_evidence):
        raise DataError(f'{place}: "evidence" must list turn ids like "D8:6", found {show(raw_evidence)}')
    return [str(item) for item in raw_evidence]
