"""Tiny data sets of the formats beside LoCoMo, of our own writing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from locomo.formats.records import DataError, Parsed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def check_parsed(parse: Callable[[], Parsed]) -> None:
    """A parser returns questions whose evidence exists, or raises a DataError of one line, and nothing else."""
    try:
        found = parse()
    except DataError as error:
        message = str(error)
    else:
        known = {one.id: {turn.id for turn in one.turns} for one in found.conversations}
        assert all(known[question.conversation_id].issuperset(question.evidence) for question in found.questions)
        return
    assert "\n" not in message


def chat_turn(dia_id: str, text: str, speaker: str = "Kim", time: str = "29.12.2023, 22:42:04", **more: Any) -> Any:
    """One message of a REALTALK chat."""
    return {"clean_text": text, "speaker": speaker, "date_time": time, "dia_id": dia_id, **more}


def chat_record(**more: Any) -> dict[str, Any]:
    """A REALTALK chat of two sessions; the ids of the second go on counting in the first."""
    return {
        "name": {"speaker_1": "Kim", "speaker_2": "lee"},
        "session_1": [
            chat_turn("D1:1", "I bought a kayak."),
            chat_turn("D1:3", "Which colour?", "lee", "29.12.2023, 22:43:00"),
            chat_turn("D1:4", "Red.", blip_caption="a red boat"),
        ],
        "session_1_date_time": "29.12.2023, 22:42:04",
        "session_2": [
            chat_turn("D1:5", "We paddled to the island.", time="02.01.2024, 09:00:00"),
            chat_turn("D2:1", "Was it cold?", "lee", "02.01.2024, 09:05:00"),
        ],
        "session_2_date_time": "02.01.2024, 09:00:00",
        "qa": [
            {"question": "What did Kim buy?", "answer": "a kayak", "category": 1, "evidence": ["D1:1;D1:4"]},
            {"question": "When did Kim paddle?", "answer": "2 January 2024", "category": 2, "evidence": ["D1:5."]},
            {"question": "Is Kim brave?", "answer": "likely", "category": 3, "evidence": ["D9:9"]},
        ],
        **more,
    }


def write_realtalk(folder: Path, numbers: tuple[int, ...] = (2, 5)) -> Path:
    """A folder of REALTALK chats of these numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"Chat_{number}_Kim_Lee.json").write_text(json.dumps(chat_record()), encoding="utf-8")
    return folder


def beam_messages(number: int, *texts: str, anchor: str | None = None) -> list[dict[str, Any]]:
    """A group of a BEAM batch: messages from id `number` on, the user's first."""
    return [
        {
            "id": number + place,
            "role": "assistant" if place % 2 else "user",
            "content": text if place % 2 else f"{text} ->-> 1,{number + 1}",
            **({"time_anchor": anchor} if place == 0 else {}),
        }
        for place, text in enumerate(texts)
    ]


def beam_chat() -> list[dict[str, Any]]:
    """A `chat.json` of two batches."""
    return [
        {
            "batch_number": 1,
            "time_anchor": None,
            "turns": [
                beam_messages(0, "My parser is slow.", "Measure it first.", anchor="March-15-2024"),
                beam_messages(2, "It takes 40 seconds.", "Cache the grammar."),
            ],
        },
        {
            "batch_number": 2,
            "turns": [beam_messages(4, "Now it takes 3 seconds.", "Well done.", anchor="April-02-2024")],
        },
    ]


def beam_questions() -> dict[str, list[dict[str, Any]]]:
    """Its `probing_questions.json`: one question of five kinds."""
    return {
        "abstention": [{"question": "Which editor do I use?", "ideal_response": "The chat does not say."}],
        "knowledge_update": [
            {
                "question": "How long does my parser take?",
                "answer": "3 seconds",
                "source_chat_ids": {"original_info": [2], "updated_info": [[4]]},
            }
        ],
        "information_extraction": [
            {"question": "What did you advise me to cache?", "answer": "the grammar", "source_chat_ids": [3, 99]}
        ],
        "preference_following": [
            {"question": "Suggest a profiler", "expected_compliance": "names a light one", "source_chat_ids": ["0"]}
        ],
        "summarization": [
            {"question": "Sum it up", "ideal_summary": "A parser got fast.", "source_chat_ids": [0, 2, 4]}
        ],
    }


def write_beam(folder: Path, chat: object = None, questions: object = None, *, nested: bool = False) -> Path:
    """A BEAM chat's folder; `nested` puts the questions where the published repository has them."""
    beside = folder / "probing_questions" if nested else folder
    beside.mkdir(parents=True, exist_ok=True)
    (folder / "chat.json").write_text(json.dumps(beam_chat() if chat is None else chat), encoding="utf-8")
    text = json.dumps(beam_questions() if questions is None else questions)
    (beside / "probing_questions.json").write_text(text, encoding="utf-8")
    return folder
