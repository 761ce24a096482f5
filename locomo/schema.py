"""LoCoMo's JSON read into conversations and questions. Whatever is wrong is one `DataError` line with the place.

Format: https://github.com/snap-research/locomo/tree/3eb6f2c585f5e1699204e3c3bdf7adc5c28cb376 and `data/README.md`.
Read from a turn: `speaker`, `dia_id`, `text`, `blip_caption`. Not read: `query`, the words an image was searched with.
They were never part of the dialogue, and some gold answers stand in them, so a memory that holds them is helped.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from memoryqa.errors import UsageError
from memoryqa.turns import MONTHS, Session, Turn, id_of_turn

CATEGORY_NAMES = {1: "multi_hop", 2: "temporal", 3: "open_domain", 4: "single_hop", 5: "adversarial"}
"""The paper's names for the file's category ids. Several papers permute them: compare ids, not names."""

ADVERSARIAL = 5
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2}) (am|pm) on ([0-9]{1,2}) ([a-z]+), ([0-9]{4})", re.IGNORECASE)
_SESSION_KEY = re.compile(r"session_([0-9]{1,9})")
_TURN_ID = re.compile(r"D([0-9]{1,9}):([0-9]{1,9})")
_EVIDENCE_ID = re.compile(r"D:?([0-9]{1,9}):([0-9]{1,9})")  # the released file also writes D:11:26 and D30:05
_FORMAT_HINT = "data/README.md describes the format"
_DROPPED_SHOWN = 5


class DataError(UsageError):
    """The data cannot be used as they are. The message is one line: file, place, what is wrong, how to mend it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Two people's dated sessions, in the order of their numbers; sessions without a turn are left out."""

    id: str
    speakers: tuple[str, ...]
    sessions: tuple[Session, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns, oldest session first."""
        return tuple(turn for session in self.sessions for turn in session.turns)


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what is known about it. Only `inputs()` may reach the program under test.

    id: `conv-26:12`, the conversation's id and the question's index in its `qa` list.
    gold: the reference answer, `""` for category 5 without one.
    category: 1..5, see CATEGORY_NAMES.
    evidence: ids of the turns that hold the answer (`D8:6`), each an existing turn, none twice; may be empty.
    adversarial_answer: the wrong answer a category 5 question invites, else `""`.
    """

    id: str
    conversation_id: str
    text: str
    gold: str
    category: int
    evidence: tuple[str, ...]
    adversarial_answer: str

    def inputs(self) -> dict[str, str]:
        """All that the program under test is given: no gold answer, no category, no evidence, no trap."""
        return {"conversation_id": self.conversation_id, "question": self.text}


@dataclass(frozen=True, slots=True)
class Dataset:
    """One file's conversations and questions.

    name: the file's, without its ending. sha256: of its bytes. is_sample: whether it is the bundled sample, not LoCoMo.
    notes: one line each on what the user has to know: what was left out, and why the sample is used.
    """

    name: str
    path: Path
    sha256: str
    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...]
    is_sample: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file held; `notes` are one line each, on what was left out of it."""

    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Notes:
    """Where a file was not as it should be, and could be read all the same."""

    unanswered: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def lines(self) -> tuple[str, ...]:
        """One line for each kind that there is."""
        return (
            *_counted("left out", self.unanswered, "question", "that have no answer to score against"),
            *_counted("left out", self.silent, "turn", "with neither text nor caption"),
            *_counted("kept", self.misplaced, "turn", "whose dia_id names another session"),
            *_counted("left out", self.dropped, "evidence id", "that name no turn"),
        )


def parse(content: bytes) -> Parsed:
    """Conversations and questions of a LoCoMo file. Raises DataError, and nothing else, for any bytes."""
    records = _decode(content)
    if not isinstance(records, list) or not records:
        raise DataError(f"expected a list of conversations, found {_show(records)}; {_FORMAT_HINT}")
    conversations: dict[str, Conversation] = {}
    questions: list[Question] = []
    notes = _Notes()
    for index, record in enumerate(records):
        conversation = _conversation(record, f"conversation number {index}", notes)
        if conversation.id in conversations:
            raise DataError(f"two conversations have the sample_id {conversation.id!r}; give each its own")
        conversations[conversation.id] = conversation
        for question in _questions(record, conversation, notes.dropped):
            if question.gold.strip() or question.category == ADVERSARIAL:
                questions.append(question)
            else:
                notes.unanswered.append(question.id)
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


def _decode(content: bytes) -> object:
    if not content.strip():
        raise DataError("the file is empty; download it again, or name another one")
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_object_without_repeated_keys)
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except RecursionError as error:
        raise DataError(f"the JSON is nested too deeply; {_FORMAT_HINT}") from error
    except DataError:
        raise
    except ValueError as error:  # JSONDecodeError, or a number of more digits than Python converts
        raise DataError(f"not JSON ({error}); download it again, or name another file") from error


def _object_without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):  # json keeps the last one, and a whole session would be lost unseen
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"the key {_show(repeated)} stands twice in one JSON object; rename or remove one")
    return record


def _conversation(record: object, place: str, notes: _Notes) -> Conversation:
    sample = _mapping(record, place)
    conversation_id = _text(sample, "sample_id", place)
    if not conversation_id or not conversation_id.isprintable():
        raise DataError(f"{place}: sample_id {_show(conversation_id)} is not a printable name; {_FORMAT_HINT}")
    place = f"conversation {conversation_id}"
    body = _mapping(sample.get("conversation"), f'{place}, "conversation"')
    numbered: dict[int, str] = {}
    for key in body:
        match = _SESSION_KEY.fullmatch(key)
        if match and numbered.setdefault(int(match[1]), key) != key:
            raise DataError(f"{place}: {key} and {numbered[int(match[1])]} are the same session; rename one")
    seen: set[str] = set()
    # by number: as text, session_10 would come before session_2
    sessions = [_session(body, key, number, place, seen, notes) for number, key in sorted(numbered.items())]
    kept = tuple(session for session in sessions if session is not None)
    if not kept:
        raise DataError(f"{place}: no session_N holds a turn; {_FORMAT_HINT}")
    named = [_name(body, key, place) for key in ("speaker_a", "speaker_b") if key in body]
    speaking = (turn.speaker for session in kept for turn in session.turns)
    return Conversation(conversation_id, tuple(dict.fromkeys([*named, *speaking])), kept)


def _session(
    body: Mapping[str, object], key: str, number: int, place: str, seen: set[str], notes: _Notes
) -> Session | None:
    records = _list(body.get(key), f"{place}, {key}")
    if not records:
        return None
    time_text = _text(body, f"{key}_date_time", place)
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
            notes.misplaced.append(f"{turn_place} ({turn.id})")
        if turn.text.strip() or turn.caption.strip():
            turns.append(turn)
        else:
            notes.silent.append(turn_place)
    return Session(number, time, tuple(turns)) if turns else None


def _turn(record: object, session: int, time: datetime, place: str) -> Turn:
    fields = _mapping(record, place)
    match = _TURN_ID.fullmatch(_text(fields, "dia_id", place).strip())
    if not match:
        raise DataError(f"{place}: dia_id {_show(fields['dia_id'])} is not of the form D{session}:1; {_FORMAT_HINT}")
    caption = _text(fields, "blip_caption", place) if fields.get("blip_caption") is not None else ""
    text = _text(fields, "text", place) if fields.get("text") is not None else ""
    return Turn(int(match[1]), int(match[2]), _name(fields, "speaker", place), text, time, caption)


def _questions(record: object, conversation: Conversation, dropped: list[str]) -> list[Question]:
    place = f"conversation {conversation.id}"
    known = {turn.id for turn in conversation.turns}
    items = _list(_mapping(record, place).get("qa"), f'{place}, "qa"')
    return [
        _question(_mapping(item, f"{place}, question {index}"), index, conversation.id, known, dropped)
        for index, item in enumerate(items)
    ]


def _question(
    fields: Mapping[str, object], index: int, conversation_id: str, known: set[str], dropped: list[str]
) -> Question:
    place = f"conversation {conversation_id}, question {index}"
    question_id = f"{conversation_id}:{index}"
    category = fields.get("category")
    if not isinstance(category, int) or isinstance(category, bool) or category not in CATEGORY_NAMES:
        raise DataError(f"{place}: unknown category {_show(category)}; it is one of {sorted(CATEGORY_NAMES)}")
    text = _text(fields, "question", place)
    gold = _answer(fields, "answer", place)
    if not text.strip():
        raise DataError(f'{place}: "question" must not be empty; {_FORMAT_HINT}')
    raw_evidence = _list(fields.get("evidence"), f'{place}, "evidence"')
    if not all(isinstance(item, str) for item in raw_evidence):
        raise DataError(f'{place}: "evidence" must list turn ids like "D8:6", found {_show(raw_evidence)}')
    named = normalise_evidence(str(item) for item in raw_evidence)
    dropped += [f"{question_id} {_show(turn_id)}" for turn_id in named if turn_id not in known]
    evidence = tuple(turn_id for turn_id in named if turn_id in known)
    trap = _answer(fields, "adversarial_answer", place)
    return Question(question_id, conversation_id, text, gold, category, evidence, trap)


def _mapping(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected an object, found {_show(value)}; {_FORMAT_HINT}")
    return value


def _list(value: object, place: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise DataError(f"{place}: expected a list, found {_show(value)}; {_FORMAT_HINT}")
    return value


def _text(fields: Mapping[str, object], key: str, place: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise DataError(f'{place}: "{key}" must be text, found {_show(value)}; {_FORMAT_HINT}')
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON may spell half a character; nothing downstream could store or print it
        raise DataError(f'{place}: "{key}" holds half a surrogate pair; write the whole character') from error
    return value


def _name(fields: Mapping[str, object], key: str, place: str) -> str:
    name = " ".join(_text(fields, key, place).split())  # a newline in it would break the one-line rendering of turns
    if not name:
        raise DataError(f'{place}: "{key}" is empty; name who speaks')
    return name


def _answer(fields: Mapping[str, object], key: str, place: str) -> str:
    """The answer as text, `""` where there is none; the released file holds years and counts as numbers."""
    value = fields.get(key)
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return _text(fields, key, place)


def _counted(what: str, items: list[str], noun: str, reason: str) -> list[str]:
    if not items:
        return []
    shown = ", ".join(items[:_DROPPED_SHOWN]) + (", ..." if len(items) > _DROPPED_SHOWN else "")
    return [f"{what} {len(items)} {noun}{'s' if len(items) > 1 else ''} {reason}: {shown}"]


def _show(value: object) -> str:
    """A short form for messages, always one line."""
    return "nothing" if value is None else reprlib.repr(value)
