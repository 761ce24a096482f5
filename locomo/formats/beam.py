"""BEAM: long chats of a user with an assistant, a folder per chat, with questions of ten kinds.

Format: https://github.com/mohammadtavakoli78/BEAM (Tavakoli et al., "Beyond a Million Tokens"), folders `chats/100K/1`
with `chat.json` (batches > groups > messages) and `probing_questions.json` (kind > questions), which is in a folder of
its own there. A batch is a session here, a message's id its number in it: message 96 of the second batch is `D2:96`.

Read from a message: `role`, `id`, `content`, `time_anchor`. The anchor dates all that follows in its batch. User texts
end in a label such as `->-> 1,1`, which is cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from locomo.formats import reading
from locomo.formats.reading import DROPPED, HINT, SILENT, UNANSWERED, Notes, show
from locomo.formats.records import Conversation, DataError, Parsed, Question
from locomo.kinds import Kind, Kinds
from memoryqa.turns import MONTHS, Session, Turn

CHAT, QUESTIONS = "chat.json", "probing_questions.json"
BUDGETS_TOKENS = (1000, 2000, 4000, 8000)  # its messages are long: 500 tokens would hold one of them
KINDS = Kinds(
    (
        Kind(1, "contradiction_resolution"),
        Kind(2, "information_extraction"),
        Kind(3, "instruction_following"),
        Kind(4, "knowledge_update"),
        Kind(5, "multi_session_reasoning"),
        Kind(6, "preference_following"),
        Kind(7, "temporal_reasoning"),
        Kind(8, "event_ordering", is_apart=True),
        Kind(9, "summarization", is_apart=True),
        Kind(10, "abstention", "declines"),
    ),
    counted_label="core kinds",
    declined_label="abstention",
)
_NUMBERS = {name: number for number, name in KINDS.names.items()}
_GOLDS = ("answer", "ideal_answer", "ideal_response", "ideal_summary")
_COMPLIANCE = "expected_compliance"
_LABEL = re.compile(r"\s*->->\s*[0-9]+,\s*(?:[0-9]+|N/A)\)?\s*\Z")
_ANCHOR = re.compile(r"([A-Za-z]+)-([0-9]{1,2})-([0-9]{4})")
_CUT = ("cut", "label", "such as ->-> 1,1 off user turns")
_UNDATED = ("kept", "batch", "without a time anchor, and so without a date")
_BY_COMPLIANCE = ("scored", "question", "against what an answer should comply with, for want of a reference answer")
_WITHOUT = ("kept", "question", "without evidence")
_IN_ORDER = (_CUT, _UNDATED, SILENT, UNANSWERED, _BY_COMPLIANCE, DROPPED, _WITHOUT)


def recognises(document: object) -> bool:
    """Whether a JSON document looks like a `chat.json` of BEAM."""
    return (
        isinstance(document, list)
        and bool(document)
        and isinstance(document[0], dict)
        and "batch_number" in document[0]
        and "turns" in document[0]
    )


def conversation_id(folder: str, size: str) -> str:
    """`beam-100K-3` for folder 3 of the folder 100K; `beam-NAME` for any other folder."""
    if re.fullmatch(r"[0-9]+", folder) and re.fullmatch(r"[0-9]+[KM]", size, re.IGNORECASE):
        return f"beam-{size.upper()}-{int(folder)}"
    return f"beam-{folder}"


def parse(chats: Mapping[str, tuple[object, object]]) -> Parsed:
    """Chats and their questions by conversation id. Raises DataError, and nothing else, for any JSON documents."""
    conversations: list[Conversation] = []
    questions: list[Question] = []
    notes = Notes(_IN_ORDER)
    for name, (chat, probing) in chats.items():
        reading.printable_name(name, "the folder's name", "the chat")
        conversation = _conversation(chat, name, notes)
        conversations.append(conversation)
        turns = {turn.number: turn.id for turn in conversation.turns}
        questions += _questions(probing, name, turns, notes)
    return Parsed(tuple(conversations), tuple(questions), notes.lines(), KINDS, BUDGETS_TOKENS)


def parse_anchor(text: str) -> datetime:
    """`March-15-2024` as a datetime at midnight, without a zone. Raises ValueError on any other form."""
    match = _ANCHOR.fullmatch(text.strip())
    if not match or match[1].capitalize() not in MONTHS:
        raise ValueError(f"{text!r} is not a time anchor like 'March-15-2024'")
    return datetime(int(match[3]), MONTHS.index(match[1].capitalize()) + 1, int(match[2]))


def _conversation(chat: object, name: str, notes: Notes) -> Conversation:
    place = f"chat {name}"
    seen: set[int] = set()
    sessions = [
        _session(batch, number, f"{place}, batch {number}", seen, notes)
        for number, batch in enumerate(reading.items(chat, place), start=1)
    ]
    kept = tuple(session for session in sessions if session.turns)
    if not kept:
        raise DataError(f"{place}: no batch holds a message; {HINT}")
    speakers = dict.fromkeys(turn.speaker for session in kept for turn in session.turns)
    return Conversation(name, tuple(speakers), kept)


def _session(batch: object, number: int, place: str, seen: set[int], notes: Notes) -> Session:
    began: datetime | None = None
    time: datetime | None = None
    turns: list[Turn] = []
    for fields in _messages(batch, place):
        time = _time(fields, place) or time
        began = began or time
        message = _number(fields, place)
        if message in seen:
            raise DataError(f"{place}: two messages have the id {message}; give each its own")
        seen.add(message)
        speaker = reading.name(fields, "role", f"{place}, message {message}").capitalize()
        said = reading.optional_text(fields, "content", f"{place}, message {message}")
        label = _LABEL.search(said) if speaker == "User" else None
        turn = Turn(number, message, speaker, said[: label.start()] if label else said, time)
        if label:
            notes.add(*_CUT, f"{place} {turn.id}")
        if turn.text.strip():
            turns.append(turn)
        else:
            notes.add(*SILENT, f"{place} {turn.id}")
    if turns and began is None:
        notes.add(*_UNDATED, place)
    return Session(number, began, tuple(turns))


def _messages(batch: object, place: str) -> Iterator[Mapping[str, object]]:
    for group in reading.items(reading.mapping(batch, place).get("turns"), f'{place}, "turns"'):
        for message in reading.items(group, f"{place}, a group of turns"):
            yield reading.mapping(message, f"{place}, a message")


def _number(fields: Mapping[str, object], place: str) -> int:
    found = fields.get("id")
    if type(found) is not int or not 0 <= found < 10**9:
        raise DataError(f'{place}: "id" must be a whole number from 0 on, found {show(found)}; {HINT}')
    return found


def _time(fields: Mapping[str, object], place: str) -> datetime | None:
    written = reading.optional_text(fields, "time_anchor", place)
    if not written.strip():
        return None
    try:
        return parse_anchor(written)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from error


def _questions(probing: object, name: str, turns: Mapping[int, str], notes: Notes) -> Iterator[Question]:
    place = f"chat {name}"
    by_kind = reading.mapping({} if probing is None else probing, f"{place}, {QUESTIONS}")
    for kind in by_kind:
        if kind not in _NUMBERS:
            raise DataError(f"{place}, {QUESTIONS}: unknown kind {show(kind)}; it is one of {', '.join(_NUMBERS)}")
    for kind, number in _NUMBERS.items():
        for index, item in enumerate(reading.items(by_kind.get(kind), f"{place}, {kind}")):
            fields = reading.mapping(item, f"{place}, {kind} {index}")
            question = _question(fields, f"{name}:{kind}:{index}", name, number, turns, notes)
            if question is not None:
                yield question


def _question(
    fields: Mapping[str, object], question_id: str, name: str, kind: int, turns: Mapping[int, str], notes: Notes
) -> Question | None:
    asked = reading.text(fields, "question", question_id)
    reading.not_blank(asked, "question", question_id)
    gold = next((one for key in _GOLDS if (one := reading.answer(fields, key, question_id)).strip()), "")
    if not gold and kind not in KINDS.declined:
        gold = reading.optional_text(fields, _COMPLIANCE, question_id)
        notes.add(*(_BY_COMPLIANCE if gold.strip() else UNANSWERED), question_id)
        if not gold.strip():
            return None
    evidence: dict[str, None] = {}
    for leaf in _leaves(fields.get("source_chat_ids")):
        number = int(leaf) if isinstance(leaf, str) and re.fullmatch(r"[0-9]{1,9}", leaf) else leaf
        if type(number) is int and number in turns:
            evidence[turns[number]] = None
        else:
            notes.add(*DROPPED, f"{question_id} {show(leaf)}")
    if not evidence and kind not in KINDS.declined:
        notes.add(*_WITHOUT, question_id)
    return Question(question_id, name, asked, gold, kind, tuple(evidence), kinds=KINDS)


def _leaves(value: object) -> Iterator[object]:
    """What nested lists and objects hold; nothing for null. Without recursion: the nesting is the file's."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)
        elif one is not None:
            yield one
