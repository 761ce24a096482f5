"""Tables without a line of names."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from exports import import_export, messages_or_refusal, write_export
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryqa.importers import Message

NO_NAMES = "the table is read without a line of names: fields are the numbers of its columns"
COMMAS = '2024-05-13 10:15,Ana,"The kettle is on, come"\n2024-05-13 10:16,Rui,ok\n2024-05-13 10:17,Ana,"two\nlines"\n'
CLOCKS = "13/05/2024\t10:15\tAna Silva\tThe kettle\n14/05/2024\t10:16\tRui\tis on now\n"
NUMBERS = "17;1715591700;+351912345678;hello there, you\n18;1715591760;Rui;hi\n"
UNDATED = "Ana;Hello\nRui;Hi there you\nAna;Bye, all\n"
HEADED = "id,when_sent,person,words\n1,2024-05-13,Ana,Hi\n2,2024-05-14,Rui,Ho\n"


def said(messages: Sequence[Message]) -> list[tuple[str, str, str]]:
    return [(f"{one.time:%d %H:%M}" if one.time else "", one.speaker, one.text) for one in messages]


@pytest.mark.parametrize(
    ("table", "fields", "first", "last"),
    [
        (
            COMMAS,
            "speaker=2, text=3, time=1",
            ("13 10:15", "Ana", "The kettle is on, come"),
            ("13 10:17", "Ana", "two\nlines"),
        ),
        (
            CLOCKS,
            "speaker=3, text=4, time=1 2",
            ("13 10:15", "Ana Silva", "The kettle"),
            ("14 10:16", "Rui", "is on now"),
        ),
        (
            NUMBERS,
            "speaker=3, text=4, time=2",
            ("13 09:15", "+351912345678", "hello there, you"),
            ("13 09:16", "Rui", "hi"),
        ),
        (UNDATED, "speaker=1, text=2", ("", "Ana", "Hello"), ("", "Ana", "Bye, all")),
    ],
)
def test_columns_are_guessed_by_what_is_in_them(
    table: str, fields: str, first: tuple[str, str, str], last: tuple[str, str, str], tmp_path: Path
) -> None:
    messages, found = import_export(write_export(tmp_path / "chat.csv", table))
    assert found.report.notes[:2] == [NO_NAMES, f"fields: {fields}"]
    assert (said(messages)[0], said(messages)[-1]) == (first, last)


def test_columns_are_given_by_number(tmp_path: Path) -> None:
    columns = {"speaker": "2", "text": "1"}
    messages, _ = import_export(write_export(tmp_path / "a.csv", UNDATED), columns=columns)
    assert said(messages)[0] == ("", "Hello", "Ana")
    messages, found = import_export(write_export(tmp_path / "b.csv", HEADED), columns={"speaker": "3", "text": "4"})
    assert said(messages) == [("13 00:00", "Ana", "Hi"), ("14 00:00", "Rui", "Ho")]
    assert NO_NAMES not in found.report.notes
    refusal = messages_or_refusal(tmp_path / "a.csv", columns={"speaker": "2", "text": "9"})
    assert str(refusal).endswith("a.csv: no column 9; there are 2")


def test_columns_of_what_is_no_table_are_refused(tmp_path: Path) -> None:
    path = write_export(tmp_path / "a.txt", "Ana: hello\nRui: hi\nAna: bye\n")
    refusal = messages_or_refusal(path, columns={"speaker": "1", "text": "2"})
    assert str(refusal).endswith("`columns` names fields of a table or of JSON, and this is neither; drop it")


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("a.csv", HEADED),  # its names say nothing, and no number was given
        ("a.csv", "1,2,3\n4,5,6\n"),
        ("a.csv", "name,age\nAna,3\nRui,4\n"),
        ("a.csv", "2024-05-13 10:15,Ana\n2024-05-13 10:16,Rui\n"),
        ("a.txt", "Hello, world\nthis, that\nHello, again\n"),
    ],
)
def test_what_may_be_no_chat_is_refused(name: str, table: str, tmp_path: Path) -> None:
    assert "no export that is known" in str(messages_or_refusal(write_export(tmp_path / name, table)))


NAMES = st.sampled_from(["Ana", "Rui Lima", "Zoë", "+351 912 345 678"])
TEXTS = st.text('abc é,;"\t\n.', min_size=1, max_size=40).map(lambda text: f"x{text.strip()} and then some more")


@given(st.lists(st.tuples(NAMES, TEXTS, st.integers(1, 5000)), min_size=3, max_size=9), st.sampled_from(",;\t|"))
@settings(max_examples=60, deadline=None)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, generated: list[tuple[str, str, int]], delimiter: str
) -> None:
    at, chat = datetime(2024, 2, 28, 22, 0), list[tuple[str, str, datetime]]()
    for speaker, text, minutes in generated:
        at += timedelta(minutes=minutes)
        chat.append((speaker, text, at))
    path = tmp_path_factory.mktemp("table") / "chat.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows((f"{at:%Y-%m-%d %H:%M}", *said) for *said, at in chat)
    messages, _ = import_export(path)
    assert [(one.speaker, one.text, one.time) for one in messages] == chat
