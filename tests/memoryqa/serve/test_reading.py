"""A chat a part at a time, and its days."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from memoryqa import AdaptiveMemory
from memoryqa.errors import UsageError
from memoryqa.serve.reading import days_of, page_of


@pytest.fixture
def memory() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    start = datetime(2024, 1, 1, 9)
    for number in range(100):
        memory.add(f"line {number}", speaker="Ana", time=(start + timedelta(hours=6 * number)).isoformat())
    return memory


def texts(memory: AdaptiveMemory, **which: object) -> tuple[int, list[str]]:
    page = page_of("garden", memory, **which)  # type: ignore[arg-type]
    assert page.total == len(memory)
    assert [one.place for one in page.messages] == list(range(page.start, page.start + len(page.messages)))
    return page.start, [one.text.removeprefix("line ") for one in page.messages]


def test_a_part_begins_where_it_is_asked_to(memory: AdaptiveMemory) -> None:
    assert texts(memory, start=10, limit=3) == (10, ["10", "11", "12"])
    assert texts(memory, start=98, limit=5) == (98, ["98", "99"])
    assert texts(memory, start=100, limit=5) == (100, [])
    assert texts(memory, start=-3, limit=5) == (97, ["97", "98", "99"])
    assert texts(memory, start=-300, limit=2) == (0, ["0", "1"])


def test_a_part_surrounds_a_message(memory: AdaptiveMemory) -> None:
    ids = [turn.id for turn in memory.turns()]
    assert texts(memory, around=ids[50], limit=4) == (48, ["48", "49", "50", "51"])
    assert texts(memory, around=ids[0], limit=2) == (0, ["0", "1"])
    assert texts(memory, around=f"mem:{ids[99]}", limit=2) == (98, ["98", "99"])
    assert texts(memory, around=ids[1], limit=500)[0] == 0
    with pytest.raises(UsageError, match="D9:9999"):
        page_of("garden", memory, around="D9:9999", limit=2)
    with pytest.raises(UsageError, match="limit"):
        page_of("garden", memory, limit=0)


def test_a_corrected_message_says_so(memory: AdaptiveMemory, tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "chat.db") as stored:
        for one in (memory, stored):
            one.add("the last", speaker="Bo", time="2024-03-01")
            one.correct(one.turns()[-1].id, "the very last")
            (last,) = page_of("garden", one, start=-1, limit=1).messages
            assert (last.text, last.revised, last.speaker) == ("the very last", True, "Bo")
            one.correct(last.id, "last of all", keep_revision=False)
            assert not page_of("garden", one, start=-1, limit=1).messages[0].revised


def test_days_say_how_much_was_said_and_where_they_begin(memory: AdaptiveMemory) -> None:
    days = days_of("garden", memory).days
    assert len(days) == 26
    assert days[0].model_dump() == {"day": "2024-01-01", "messages": 3, "place": 0}
    assert days[1].model_dump() == {"day": "2024-01-02", "messages": 4, "place": 3}
    assert sum(one.messages for one in days) == 100


def test_a_message_without_a_time_is_in_no_day() -> None:
    memory = AdaptiveMemory()
    memory.add("when?", speaker="Ana")
    assert days_of("garden", memory).days == []
    assert page_of("garden", memory, limit=1).messages[0].time is None
