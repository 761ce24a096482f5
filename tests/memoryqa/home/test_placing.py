"""Which chat an export goes to: two chats of one name stay apart, parts of one chat meet, renamed people are known."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exports import write_export

from memoryqa.errors import UsageError
from memoryqa.home.importing import ImportResult, import_export
from memoryqa.memories import Memories

NAME = "WhatsApp Chat with Walks.txt"
ANA = ("Ana", "Rui", "Ana", "Ana", "Rui", "Ana")
TEXTS = ("The ferry leaves at nine.", "I have the tickets.", "ok", "ok", "Bring the red bag.", "Which one?")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Memories.open(tmp_path / "store") as memories:
        yield memories, tmp_path


def chat(start: str, speakers: tuple[str, ...] = ANA, texts: tuple[str, ...] = TEXTS) -> str:
    times = [datetime.fromisoformat(start) + timedelta(seconds=40 * place) for place in range(len(speakers))]
    said = zip(times, speakers, texts, strict=True)
    return "".join(f"{time:%d/%m/%Y, %H:%M} - {speaker}: {text}\n" for time, speaker, text in said)


def imported(store: tuple[Memories, Path], content: str, name: str = NAME, **said: Any) -> ImportResult:
    memories, folder = store
    return import_export(memories, write_export(folder / name, content), **said)


def where(result: ImportResult) -> tuple[str, int]:
    (one,) = result.chats
    return one.chat, one.added


# -- one name ----------------------------------------------------------------------------------------------------------


def test_a_later_part_of_a_chat_joins_it_and_says_so(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    later = imported(store, chat("2024-06-13T10:00"), dry_run=True)
    assert "taken for another part of Walks" in "\n".join(later.report.lines())
    later = imported(store, chat("2024-06-13T10:00"))
    assert where(later) == ("Walks", 6)
    assert "`new` keeps it apart" in "\n".join(later.report.lines())


def test_other_people_of_a_chat_of_the_same_name_are_another_chat(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    other = imported(store, chat("2024-06-13T10:00", ("Ana", "Eva", "Ana", "Eva", "Eva", "Eva")))
    assert where(other) == ("Walks (2)", 6)
    assert "Walks is another chat: other people" in "\n".join(other.report.lines())
    put = imported(store, chat("2024-07-13T10:00", ("Zoë",) * 6), chat="Walks")
    assert where(put) == ("Walks", 6)
    assert len(store[0]["Walks"].conversations()) == 2


def test_people_who_were_joined_are_the_same_people(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"), same={"Ana": "Ana Silva", "Rui": "Rui Paz"})
    assert where(imported(store, chat("2024-06-13T10:00"))) == ("Walks", 6)


def test_new_keeps_a_chat_apart_and_later_exports_find_it(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    assert where(imported(store, chat("2024-06-13T10:00"), new=True)) == ("Walks (2)", 6)
    assert where(imported(store, chat("2024-06-13T10:00"))) == ("Walks (2)", 0)
    assert where(imported(store, chat("2024-05-13T10:00"))) == ("Walks", 0)
    with pytest.raises(UsageError, match=r"may be another part of Walks or of Walks \(2\); say which with `chat`"):
        imported(store, chat("2024-07-13T10:00"))
    assert where(imported(store, chat("2024-07-13T10:00"), chat="Walks (2)")) == ("Walks (2)", 6)
    with pytest.raises(UsageError, match="there is a chat Walks already"):
        imported(store, chat("2024-08-13T10:00"), new=True, chat="Walks")
    assert where(imported(store, chat("2024-08-13T10:00"), new=True, chat="Harbour")) == ("Harbour", 6)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-05-01 10:00 Ana: hi there\n2024-05-01 10:01 Bo: late\n", "2024-06-01 10:00 Ana: no\n2024-06-01 Bo: a\n"),
        ("speaker,text,time\nAna,hi there,2024-05-01T10:00\n", "speaker,text,time\nAna,hello,2024-07-01T10:00\n"),
    ],
)  # fmt: skip
def test_files_without_a_name_of_the_chat_meet_by_the_name_of_the_file_alone(
    first: str, second: str, store: tuple[Memories, Path]
) -> None:
    imported(store, first, "a.csv" if "," in first else "a.txt")
    assert where(imported(store, second, "b.csv" if "," in first else "b.txt"))[0] == "b"
    again = second.replace("2024-0", "2025-0")
    assert where(imported(store, again, "2025/a.csv" if "," in first else "2025/a.txt"))[0] == "a"


# -- renamed people ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NAME, "WhatsApp Chat with Ana Silva.txt"])
@pytest.mark.parametrize("names", [("Ana Silva", "Rui"), ("Ana Silva", "Rui Paz"), ("~\u202fAna", "+351 912 345 678")])
def test_a_renamed_contact_is_the_same_person(name: str, names: tuple[str, str], store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    renamed = tuple(names[speaker == "Rui"] for speaker in ANA)
    newer = chat("2024-05-13T10:00", renamed) + chat("2024-05-15T10:00", renamed, tuple(f"new {n}" for n in range(6)))
    newer = newer.replace("Which one?", "Which of them? <This message was edited>")
    dry = imported(store, newer, name, dry_run=True)
    assert "Ana, renamed: the messages are the same" in "\n".join(dry.report.lines())
    (one,) = imported(store, newer, name).chats
    assert (one.chat, one.added, one.edited, one.unchanged, one.missing) == ("Walks", 6, 1, 5, 0)
    turns = store[0]["Walks"].turns()
    assert [turn.speaker for turn in turns] == [*ANA, *ANA], "they keep the name that they had first"
    third = newer + chat("2024-05-17T10:00", renamed)
    (one,) = imported(store, third, name).chats
    assert (one.chat, one.added, one.edited, one.unchanged) == ("Walks", 6, 0, 12)
    assert "renamed" not in "\n".join(imported(store, third, name).report.lines()), "it is said once"


def test_a_renamed_contact_who_is_joined_by_hand_is_not_doubled(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    renamed = chat("2024-05-13T10:00", tuple(speaker.replace("Ana", "Ana Silva") for speaker in ANA))
    (one,) = imported(store, renamed, same={"Ana Silva": "Ana"}).chats
    assert (one.added, one.unchanged) == (0, 6)
    (one,) = imported(store, renamed, same={"Ana": "Ana Silva"}).chats
    assert (one.added, one.unchanged, one.renamed) == (0, 6, 4)
    (one,) = imported(store, renamed).chats
    assert (one.added, one.unchanged) == (0, 6)
    assert {turn.speaker for turn in store[0]["Walks"].turns()} == {"Ana Silva", "Rui"}


def test_a_message_that_was_forgotten_does_not_take_the_place_of_its_neighbour(store: tuple[Memories, Path]) -> None:
    said = tuple("abcdef")
    texts = tuple(f"I counted {one} otters" for one in said)
    minute = "".join(f"13/05/2024, 10:00 - {'Ana' if n % 2 else 'Rui'}: {text}\n" for n, text in enumerate(texts))
    imported(store, minute)
    store[0]["Walks"].forget("D1:2")
    (one,) = imported(store, minute.replace("Ana", "Ana Silva")).chats
    assert (one.added, one.edited, one.unchanged) == (1, 0, 5)


def test_another_person_who_says_the_same_once_is_not_taken_for_somebody_renamed(store: tuple[Memories, Path]) -> None:
    imported(store, chat("2024-05-13T10:00"))
    newer = chat("2024-05-13T10:00") + chat("2024-05-13T10:00", ("Eva",) * 6, (*(f"Eva {n}" for n in range(5)), "ok"))
    assert where(imported(store, newer)) == ("Walks", 6)
    assert {turn.speaker for turn in store[0]["Walks"].turns()} == {"Ana", "Rui", "Eva"}
