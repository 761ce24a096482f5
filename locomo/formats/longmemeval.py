"""LongMemEval: a list of questions, each with its own history of sessions between a user and an assistant.

Format: https://github.com/xiaowu0162/LongMemEval (Wu et al., ICLR 2025), e.g. `longmemeval_s_cleaned.json`. Read:
`question_id`, `question_type`, `question`, `answer`, `haystack_sessions`, `haystack_dates`, and of a turn `role`,
`content`, `has_answer`. Every item is a conversation of its own, its sessions in the order of their dates. The turns
marked `has_answer` are the evidence. An id that ends in `_abs` is a question to be declined. `question_date` is not
shown to a program, so what asks for "how long ago" cannot be worked out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from locomo.formats import reading
from locomo.formats.reading import HINT, SILENT, UNANSWERED, Notes, show
from locomo.formats.records import Conversation, DataError, Parsed, Question
from locomo.kinds import Kind, Kinds
from memoryqa.turns import Session, Turn

_TYPES = (
    "single-session-user",
    "single-session-assistant",
    "single-session-preference",
    "multi-session",
    "knowledge-update",
    "temporal-reasoning",
)
KINDS = Kinds(
    (
        *(Kind(number, name.replace("-", "_")) for number, name in enumerate(_TYPES, start=1)),
        Kind(len(_TYPES) + 1, "abstention", "declines"),
    ),
    counted_label="kinds to answer",
    declined_label="abstention",
)
_ABSTENTION = len(_TYPES) + 1
_TIME = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})(?: \([A-Za-z]+\))?(?: ([0-9]{1,2}):([0-9]{2}))?")
_UNDATED = ("kept", "session", "without a readable date")
_UNMARKED = ("kept", "question", "without evidence: no turn is marked has_answer")
_IN_ORDER = (SILENT, _UNDATED, UNANSWERED, _UNMARKED)


def recognises(document: object) -> bool:
    """Whether a JSON document looks like LongMemEval's."""
    return (
        isinstance(document, list)
        and bool(document)
        and isinstance(document[0], dict)
        and "haystack_sessions" in document[0]
    )


def parse_document(document: object) -> Parsed:
    """Items as conversations with a question each. Raises DataError, and nothing else, for any JSON document."""
    items = reading.items(document, "the file")
    if not items:
        raise DataError(f"the file holds no question; {HINT}")
    conversations: dict[str, Conversation] = {}
    questions: list[Question] = []
    notes = Notes(_IN_ORDER)
    for index, item in enumerate(items):
        place = f"question number {index}"
        fields = reading.mapping(item, place)
        name = reading.printable_name(reading.text(fields, "question_id", place), "question_id", place)
        if name in conversations:
            raise DataError(f"two questions have the question_id {name!r}; give each its own")
        conversations[name], marked = _conversation(fields, name, notes)
        question = _question(fields, name, marked, notes)
        if question is not None:
            questions.append(question)
    return Parsed(tuple(conversations.values()), tuple(questions), notes.lines(), KINDS)


def parse_time(text: str) -> datetime:
    """`2023/05/20 (Sat) 02:21` as a datetime without a zone. Raises ValueError on any other form."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a time like '2023/05/20 (Sat) 02:21'")
    return datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]


def _conversation(fields: Mapping[str, object], name: str, notes: Notes) -> tuple[Conversation, list[str]]:
    """The history of an item, and the ids of the turns that are marked as evidence."""
    place = f"question {name}"
    histories = reading.items(fields.get("haystack_sessions"), f"{place}, haystack_sessions")
    dates = reading.items(fields.get("haystack_dates"), f"{place}, haystack_dates")
    if len(dates) > len(histories):
        raise DataError(f"{place}: {len(dates)} haystack_dates for {len(histories)} haystack_sessions; {HINT}")
    times = [_time(dates[index] if index < len(dates) else None) for index in range(len(histories))]
    order = sorted(range(len(histories)), key=lambda index: times[index] or datetime.max)
    sessions, marked = [], list[str]()
    for number, index in enumerate(order, start=1):
        if times[index] is None:
            notes.add(*_UNDATED, f"{place}, session {index}")
        turns = _turns(histories[index], number, times[index], f"{place}, session {index}", marked, notes)
        if turns:
            sessions.append(Session(number, times[index], turns))
    if not sessions:
        raise DataError(f"{place}: no session holds a turn; {HINT}")
    speakers = dict.fromkeys(turn.speaker for session in sessions for turn in session.turns)
    return Conversation(name, tuple(speakers), tuple(sessions)), marked


def _turns(
    history: object, number: int, time: datetime | None, place: str, marked: list[str], notes: Notes
) -> tuple[Turn, ...]:
    turns = []
    for position, record in enumerate(reading.items(history, place), start=1):
        turn_place = f"{place}, turn {position}"
        fields = reading.mapping(record, turn_place)
        speaker = reading.name(fields, "role", turn_place).capitalize()
        turn = Turn(number, position, speaker, reading.optional_text(fields, "content", turn_place), time)
        if not turn.text.strip():
            notes.add(*SILENT, turn_place)
            continue
        turns.append(turn)
        if fields.get("has_answer") is True:
            marked.append(turn.id)
    return tuple(turns)


def _time(written: object) -> datetime | None:
    try:
        return parse_time(written) if isinstance(written, str) else None
    except ValueError:
        return None


def _question(fields: Mapping[str, object], name: str, marked: list[str], notes: Notes) -> Question | None:
    place = f"question {name}"
    asked, kind = reading.text(fields, "question", place), fields.get("question_type")
    reading.not_blank(asked, "question", place)
    if kind not in _TYPES:
        raise DataError(f"{place}: unknown question_type {show(kind)}; it is one of {', '.join(_TYPES)}")
    gold = reading.answer(fields, "answer", place)
    question_id = f"{name}:0"
    if name.endswith("_abs"):
        return Question(question_id, name, asked, gold, _ABSTENTION, (), kinds=KINDS)
    if not gold.strip():
        notes.add(*UNANSWERED, question_id)
        return None
    if not marked:
        notes.add(*_UNMARKED, question_id)
    return Question(question_id, name, asked, gold, _TYPES.index(str(kind)) + 1, tuple(marked), kinds=KINDS)
