"""Files that cannot be read, in a folder of chats that can: the others answer, and the broken ones are named."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from exports import write_export

from memoryqa.archive.checkup import check_file
from memoryqa.archive.summary import summary
from memoryqa.cli import main
from memoryqa.errors import MemoryQAError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.serve.operations import Operations

CHATS = {
    "Ines": "13/05/2024, 10:15 - Ines: The ferry leaves at nine.\n13/05/2024, 10:16 - Rui: I have the tickets.\n",
    "Family": "14/06/2024, 10:15 - Ines: The ferry was late.\n14/06/2024, 10:16 - Maria: Poor you.\n",
}


@pytest.fixture
def store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Two chats, and one of each kind that cannot be read."""
    store = tmp_path / "store"
    for name, content in CHATS.items():
        export = write_export(tmp_path / f"WhatsApp Chat with {name}.txt", content)
        assert main(["import", str(export), "--store", str(store)]) == 0
    sound = (store / "Ines.db").read_bytes()
    (store / "later.db").write_bytes(sound)
    with closing(sqlite3.connect(store / "later.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    (store / "cut.db").write_bytes(sound[: len(sound) // 2])
    (store / "noise.db").write_bytes(b"no database at all " * 100)
    (store / "empty.db").touch()
    (store / "folder.db").mkdir()
    capsys.readouterr()
    return store


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["search", "When does the ferry leave?"], ("ferry leaves at nine", "ferry was late")),
        (["ask", "When does the ferry leave?"], ("nine",)),
        (["chats"], ("Ines", "Family")),
        (["people"], ("Maria", "Rui")),
        (["stats"], ("messages       4",)),
        (["show", "--day", "2024-06-14"], ("Poor you",)),
        (["people", "--same", "Rui=Rui Silva"], ("Rui Silva", "Maria")),
    ],
)
def test_a_broken_chat_is_named_and_the_others_answer(
    command: list[str], shown: tuple[str, ...], store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--store", str(store)]) == 0
    out, error = capsys.readouterr()
    assert all(one in out for one in shown)
    lines = error.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("memoryqa: left out: ") for line in lines)
    assert all(any(f"{name}.db: " in line for line in lines) for name in ("later", "cut", "noise"))


def test_a_person_is_forgotten_where_the_files_can_be_read_and_the_rest_is_said(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forget", "--person", "Ines", "--yes", "--store", str(store)]) == 1
    out, error = capsys.readouterr()
    assert out == "forgotten: 1 message of Family\nforgotten: 1 message of Ines\n"
    assert error.splitlines()[-1] == "memoryqa: nothing was forgotten in cut, later, noise, which cannot be read"


def test_a_store_of_broken_chats_alone_is_an_error(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in CHATS:
        (store / f"{name}.db").unlink()
    assert main(["search", "ferry", "--store", str(store)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_empty_file_is_no_chat_yet_and_can_become_one(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Memories.open(store) as memories:
        assert "empty" not in memories
        memories.create("empty").add("The kettle is red.", speaker="Ana")
    assert main(["search", "kettle", "--chat", "empty", "--store", str(store)]) == 0
    assert "Ana: The kettle is red." in capsys.readouterr().out


def test_the_doctor_shows_each_problem_in_full(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "Ines.db").chmod(0o644)
    assert main(["doctor", "--store", str(store)]) == 1
    assert f"\nInes: may be read by others (0644): chmod 600 '{store / 'Ines.db'}'\n" in capsys.readouterr().out


def test_joined_names_and_the_owner_hold_in_every_chat(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("later", "cut", "noise"):
        (store / f"{name}.db").unlink()
    assert main(["people", "--same", "Ines=Inês Costa", "--me", "Ines", "--store", str(store), "--json"]) == 0
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["people"]}
    assert found["Inês Costa"]["chats"] == ["Family", "Ines"]
    assert "Ines" not in found
    with Memories.open(store) as memories:
        assert {memory.people().owner for memory in memories.values()} == {"Inês Costa"}


def test_no_changed_bytes_of_a_file_give_a_traceback(store: Path, tmp_path: Path) -> None:
    sound, chance = (store / "Ines.db").read_bytes(), random.Random(17)
    for number in range(60):
        path = tmp_path / f"{number}.db"
        changed = bytearray(sound)
        for _ in range(chance.choice((1, 3, 30, 300))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        check_file(path)  # never raises
        said = [str(error) for use in (summary, _use) if (error := _error_of(use, path))]
        assert [one for one in said if len(one.splitlines()) != 1 or "ferry" in one] == []


def _error_of(use: Callable[[Path], object], path: Path) -> MemoryQAError | None:
    try:
        use(path)
    except MemoryQAError as error:
        return error
    return None


def _use(path: Path) -> None:
    with AdaptiveMemory.open(path) as memory:
        memory.search("ferry")
        memory.people()
        memory.add("hello", speaker="Ana")
        memory.forget("D1:1")


def test_the_server_answers_from_the_chats_that_can_be_read(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Memories.open(store) as memories:
        operations = Operations(memories)
        assert {line.chat for line in operations.search("When does the ferry leave?").lines} == set(CHATS)
        assert {one.name for one in operations.people().people} == {"Ines", "Rui", "Maria"}
        assert {one.chat for one in operations.summaries()} == set(CHATS)
        with pytest.raises(MemoryQAError):
            operations.search("ferry", chats=["cut"])
    assert {"cut.db" in one or "later.db" in one or "noise.db" in one for one in caplog.messages} == {True}


def test_a_chat_is_named_in_any_case_and_a_wrong_day_by_its_flag(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "ferry", "--chat", "ines", "--store", str(store)]) == 0
    assert "ferry leaves at nine" in capsys.readouterr().out
    assert main(["search", "ferry", "--chat", "ines", "--since", "soon", "--store", str(store)]) == 2
    assert capsys.readouterr().err.startswith("memoryqa: --since: time 'soon' is not ISO 8601")
    for command, flag in ((["show", "--day"], "--day"), (["forget", "--chat", "ines", "--before"], "--before")):
        assert main([*command, "soon", "--store", str(store)]) == 2
        assert capsys.readouterr().err.startswith(f"memoryqa: {flag}: time 'soon' is not ISO 8601")
    assert main(["search", "ferry", "--min-score", "nan", "--store", str(store)]) == 2
    assert capsys.readouterr().err == "memoryqa: --min-score must be a number, got nan\n"
