"""Contacts whose names have a colon."""

from __future__ import annotations

from pathlib import Path

import pytest
from exports import import_export, write_export
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryqa.importers import Import, Message


def chat(
    folder: Path, said: list[tuple[str, str]], name: str = "WhatsApp Chat with Boats.txt"
) -> tuple[list[Message], Import]:
    lines = [f"{day:02}/05/2024, 21:06 - {who}: {text}" for day, (who, text) in enumerate(said, start=13)]
    return import_export(write_export(folder / name, "\n".join(lines) + "\n"))


def test_names_that_recur_have_their_colons(tmp_path: Path) -> None:
    said = [
        ("Work: Ana", "The kettle is on"),
        ("Rui", "Note: no tea"),
        ("Work: Zoë", "At nine: be there"),
        ("Work: Ana", "Yes"),
        ("Rui", "ok"),
        ("Work:Tom", "no blank"),
        ("Work: Zoë", "IMG-20240519-WA0003.jpg (file attached)"),
        ("Work: Ana", "two\nlines: of text"),
        ("Work:Tom", "again"),
    ]
    messages, found = chat(tmp_path, said)
    assert [one.speaker for one in messages] == [who for who, _ in said]
    assert messages[2].text == "At nine: be there"
    assert messages[6].attachments == ("IMG-20240519-WA0003.jpg",)
    assert messages[7].text == "two\nlines: of text"
    assert found.report.notes[:1] == ["names with a colon: Work: Ana, Work: Zoë, Work:Tom"]


@pytest.mark.parametrize(
    "texts",
    [
        ["Note: tea", "Note: milk", "Note: bread", "no more", "Note: salt", "Note: oil"],  # once without
        ["Note: tea", "Todo: milk", "Idea: bread", "Wish: sun", "Fact: rain", "Plan: sail"],  # nothing recurs
        ["10:15 tea", "10:16 milk", "https://x.org", "see: this", "10:17 a", "10:18 b"],
        ["Note: tea", "Note: milk"],  # too few
    ],
)
def test_what_people_write_is_no_name(texts: list[str], tmp_path: Path) -> None:
    messages, found = chat(tmp_path, [("Ana", text) for text in texts])
    assert [(one.speaker, one.text) for one in messages] == [("Ana", text) for text in texts]
    assert not any("colon" in note for note in found.report.notes)


def test_the_title_of_the_chat_may_be_the_name(tmp_path: Path) -> None:
    messages, _ = chat(tmp_path, [("Work: Ana", "hi"), ("Rui", "ho")], "WhatsApp Chat with Work_ Ana.txt")
    assert [(one.speaker, one.text) for one in messages] == [("Work: Ana", "hi"), ("Rui", "ho")]


NAMES = st.sampled_from(["Work: Ana", "Work: Zoë", "Club: Rui: 2", "Tom", "+351 912 345 678"])


@given(st.lists(st.tuples(NAMES, st.text("abc :é.", min_size=1, max_size=30)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_nothing_that_was_written_is_lost(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, str]]
) -> None:
    said = [(who, f"x{text}y") for who, text in said]
    messages, _ = chat(tmp_path_factory.mktemp("colons"), said)
    assert [f"{one.speaker}: {one.text}" for one in messages] == [f"{who}: {text}" for who, text in said]
