"""What importers keep of an export does not grow with it: it waits on disk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from memoryqa.importers import Message, read, report, spool
from memoryqa.importers.spool import SeenKeys, oldest_first

START = datetime(2024, 5, 13, tzinfo=UTC)


def newest_first(count: int) -> Iterator[Iterator[Message]]:
    """The newest first, each of one message."""
    for number in range(count):
        yield iter([Message("Ana", f"text {number}", START - timedelta(minutes=number), f"id:{number}")])


def peak_of(act: Callable[[], object]) -> int:
    """The most bytes that Python holds while `act` runs."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_conversations_that_wait_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1000)

    def kept(count: int) -> int:
        return peak_of(lambda: sum(1 for _ in oldest_first(newest_first(count))))

    few, many = kept(500), kept(8000)
    assert many - few < 20_000, (few, many)  # less than three bytes a conversation


@pytest.mark.slow
def test_a_mailbox_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(spool, "_MOST_IN_MEMORY", 100)
    monkeypatch.setattr(report, "MOST_CHATS", 100)

    def kept(count: int) -> int:
        path = tmp_path / f"{count}.mbox"
        with path.open("w") as file:
            for number in range(count):
                at = START + timedelta(seconds=number)
                file.write(f"From x Mon Jan 1 2024\nFrom: A <a@x>\nSubject: about {number}\nMessage-ID: <{number}@x>\n")
                file.write(f"Date: {at:%a, %d %b %Y %H:%M:%S +0000}\n\nbody\n\n")
        read(path).scan()  # what is loaded once
        return peak_of(lambda: read(path).scan())

    few, many = kept(600), kept(4000)
    assert many - few < 40_000, (few, many)  # less than twelve bytes a mail, of threads that are all different


def test_messages_come_out_as_they_went_in() -> None:
    zones = [timezone(timedelta(minutes=minutes)) for minutes in range(100)]
    messages = [
        Message(
            "Ana", str(place), START.replace(tzinfo=zone), str(place), "r", ("a",), True, False, "x", "c", "ci", "l"
        )
        for place, zone in enumerate([*zones, None])
    ]
    messages.append(Message("Ana", "undated"))
    found = list(oldest_first([one] for one in messages))
    assert sorted(found, key=lambda one: one.text) == sorted(messages, key=lambda one: one.text)
    assert [str(one.time) for one in found] == [
        str(one.time) for one in sorted(messages, key=lambda one: spool._moment(one.time) if one.time else 0)
    ]
    assert found[0].text == "undated"


def test_keys_are_seen_wherever_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_MOST_IN_MEMORY", 3)
    seen = SeenKeys()
    assert [seen.add(key) for key in "abcdefdabcg"] == [True] * 6 + [False] * 4 + [True]
    assert len(seen) == 7
