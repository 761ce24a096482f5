"""A search for a person: a question that has nothing but days finds what was said on them, and nothing else."""

from __future__ import annotations

import pytest

from memoryqa.asking.finding import find
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory

SAID = (
    ("2024-05-13", "The hospital called about the operation."),
    ("2024-05-20", "I finished the fence. Shall we paint it?"),
    ("2024-05-27", "My bag is packed. The ferry leaves early!"),
    ("2024-05-28", "She is awake, all went well last week."),
)


@pytest.fixture
def memories() -> Memories:
    memory = AdaptiveMemory()
    memory.extend([{"text": text, "speaker": "Ines", "time": day} for day, text in SAID])
    return Memories({"ines": memory})


@pytest.mark.parametrize(
    ("question", "asked", "days"),
    [
        ("What happened three days ago?", "2024-05-23", ["2024-05-20"]),
        ("What happened yesterday?", "2024-05-28", ["2024-05-27"]),
        ("What happened yesterday?", "2024-05-26", []),
    ],
)
def test_days_alone_find_those_days(question: str, asked: str, days: list[str], memories: Memories) -> None:
    found = find(memories, ["ines"], question, 1_000, min_score=0.3, asked=asked)
    assert [str(turn.time)[:10] for _, turn in found] == days
    assert bool(found.text) is bool(days)


def test_other_words_count_beside_the_days(memories: Memories) -> None:
    found = find(memories, ["ines"], "When did she paint the fence?", 1_000, min_score=0.3, asked="2024-05-28")
    assert found.ranked[0][1].text.startswith("I finished the fence.")
