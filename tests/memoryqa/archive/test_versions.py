"""Files that each version of the schema wrote, kept as they were: they must open for ever.

A new version adds a file: open a memory with the code of that day, add SAID, close, and `gzip -9n` it.
"""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from archive_process import contents
from read_only import as_nobody

from memoryqa.archive.database import MIGRATIONS, Archive, ArchiveError
from memoryqa.archive.imports import Conversation, Incoming, People
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

FILES = Path(__file__).parent / "files"
MONDAY = datetime(2023, 5, 8, 13, 56)
CLOCK = datetime(2023, 10, 29, 1, 30)  # of which Lisbon has two on that day
SAID = (
    Turn(1, 1, "Ines", "Hi Bo! I bought a xylophone last Friday.", MONDAY, "a photo of a xylophone"),
    Turn(1, 2, "Bo", "Which one?", MONDAY),
    Turn(2, 1, "李雷", "昨天我去了博物馆。\n\ud800 half", CLOCK.replace(fold=1, tzinfo=ZoneInfo("Europe/Lisbon"))),
    Turn(2, 2, "Bo", "We rowed past 3 otters.", CLOCK.replace(tzinfo=timezone(timedelta(hours=-3), "Mine"))),
    Turn(3, 7, "Ines", "I need a yacht by Friday.", None),
)
VERSIONS = range(1, len(MIGRATIONS) + 1)


def said(version: int) -> list[Turn]:
    """What the file of a version contains: turns have tags from version 2 on."""
    return [replace(turn, tags=("animal", "boat trip")) if version > 1 and turn.id == "D2:2" else turn for turn in SAID]


def written(version: int, folder: Path) -> Path:
    path = folder / f"version_{version}.db"
    path.write_bytes(gzip.decompress((FILES / f"{path.name}.gz").read_bytes()))
    return path


def test_every_version_has_a_file() -> None:
    assert sorted(one.name for one in FILES.iterdir()) == [f"version_{version}.db.gz" for version in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive_of_any_version_gives_its_turns_back(version: int, tmp_path: Path) -> None:
    with Archive(written(version, tmp_path)) as archive:
        assert repr(list(archive.restore())) == repr(said(version))
        assert [turn.id for turn in archive.search("otters")] == ["D2:2"]
        assert archive.extend(SAID) == 0
        assert archive.add(Turn(9, 1, "Bo", "New otters.")) is True


@pytest.mark.parametrize("version", VERSIONS)
def test_a_memory_of_any_version_is_opened_loaded_changed_and_saved(version: int, tmp_path: Path) -> None:
    path = written(version, tmp_path)
    fresh = AdaptiveMemory(500)
    fresh.extend(said(version))
    for memory in (AdaptiveMemory.load(path), AdaptiveMemory.open(path)):
        assert repr(memory.transcript().turns) == repr(tuple(said(version)))
        assert memory.render() == fresh.render()
        assert memory.search("Who rowed past otters?", 60) == fresh.search("Who rowed past otters?", 60)
        assert memory.add("Next.", speaker="Bo").id == "D3:8"
        memory.save(tmp_path / "saved.db")
        assert memory.forget(person="Ines") == 2
        assert memory.correct("D1:2", "Which one was it?").text == memory.expand("D1:2").text
        memory.close()
        (tmp_path / "saved.db").unlink()
    with AdaptiveMemory.open(path) as memory:
        assert [turn.text for turn in memory.revisions("D1:2")][-1] == "Which one?"
        assert b"yacht" not in path.read_bytes()


def test_what_version_3_had_besides_is_there(tmp_path: Path) -> None:
    with AdaptiveMemory.open(written(3, tmp_path)) as memory:
        assert [turn.text for turn in memory.revisions("D1:2")] == ["Which one?", "Which one was it?"]
        assert memory.stats().turns_forgotten == 1
        assert memory.add("Next.", speaker="Bo", session=4).id == "D4:2"


def test_what_version_4_had_besides_is_there(tmp_path: Path) -> None:
    with AdaptiveMemory.open(written(4, tmp_path)) as memory:
        assert [turn.text for turn in memory.revisions("D1:2")] == ["Which one?", "Which one was it?"]
        assert memory.stats().turns_forgotten == 1
        assert memory.conversations() == [Conversation(1, "telegram", "77", "Boats")]
        assert memory.titles() == {2: "Boats", 3: "Boats"}
        assert memory.people() == People({"+351 912": "Ines"}, {"user5": "Bo"}, "Ines", {"dates": "dmy"})
        message = Incoming(1, 101, 201, {"speaker": "Bo", "text": "We rowed past 3 otters."})
        assert memory.take_in([message]).unchanged == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_an_earlier_version_that_may_not_be_written_stays_as_it_is(version: int) -> None:
    with as_nobody() as folder:
        path = written(version, folder)
        path.chmod(0o444)
        before = contents(folder)
        if version == len(MIGRATIONS):
            with AdaptiveMemory.open(path) as memory:
                assert memory.search("otters").ids[0] == "D2:2"
        else:
            with pytest.raises(ArchiveError, match="written by an earlier version, which must be changed once"):
                AdaptiveMemory.open(path)
        assert contents(folder) == before
