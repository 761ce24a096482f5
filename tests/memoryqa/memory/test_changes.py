"""Correcting and forgetting, in memory and in a file: what is gone is gone from every byte, and nothing else is."""

from __future__ import annotations

import copy
import pickle
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import store_histories

from memoryqa.archive import file as archive_file
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.memory import AdaptiveMemory
from memoryqa.search.vector_cache import VectorCache
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)
SAID = (
    Turn(1, 1, "Ines", "Hi! I bought a xylophone.", MONDAY, "a photo of a xylophone"),
    Turn(1, 2, "Bo", "Which zeppelin did you fly?", MONDAY, tags=("airship",)),
    Turn(2, 1, "Ines", "We rowed past 3 otters.", MONDAY + timedelta(days=1)),
    Turn(2, 2, "Bo", "I need a yacht by Friday.", None),
)


@pytest.fixture(params=["file", "memory"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AdaptiveMemory]:
    one = AdaptiveMemory.open(tmp_path / "a.db") if request.param == "file" else AdaptiveMemory()
    one.extend(SAID)
    yield one
    one.close()


def bytes_of(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


def check_is(memory: AdaptiveMemory, turns: list[Turn]) -> None:
    fresh = AdaptiveMemory()
    fresh.extend(turns)
    assert memory.transcript() == fresh.transcript()
    assert memory.render() == fresh.render()
    for question in ("Who has a xylophone?", "zeppelin airship", "What did Bo need in May 2023?"):
        found, expected = memory.search(question), fresh.search(question)
        assert (found, found.scores, found.lines) == (expected, expected.scores, expected.lines)
    assert replace(memory.stats(), turns_forgotten=0) == fresh.stats()
    assert memory.losses() == fresh.losses()


# -- correcting --------------------------------------------------------------------------------------------------------


def test_a_corrected_turn_says_the_new_text_and_its_revisions_the_old_ones(memory: AdaptiveMemory) -> None:
    corrected = memory.correct("mem:D1:1", "Hi! I bought a marimba.")
    assert corrected == replace(SAID[0], text="Hi! I bought a marimba.")
    again = memory.correct("D1:1", "Hi! I sold a marimba.")
    assert memory.expand("mem:D1:1") == again
    assert memory.revisions("mem:D1:1") == [SAID[0], corrected]
    assert memory.revisions("D1:2") == []
    check_is(memory, [again, *SAID[1:]])


def test_a_correction_that_is_made_twice_is_one(memory: AdaptiveMemory) -> None:
    corrected = memory.correct("D1:1", "Hi! I bought a marimba.")
    assert memory.correct("D1:1", "Hi! I bought a marimba.") == corrected
    assert memory.revisions("D1:1") == [SAID[0]]
    assert memory.correct("D1:1", "Hi! I bought a marimba.", keep_revision=False) == corrected
    assert memory.revisions("D1:1") == []


def test_the_index_of_words_follows_corrections_without_being_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = ("a\0b 東京 \ud83d kite", "Straße, e\u0301te\u0301", "", "zeppelin zeppelin")
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        with monkeypatch.context() as patched:
            patched.setattr(Archive, "write_words", None)
            for text in (*odd, *odd[::-1], "the last xylophone"):
                memory.correct("D1:2", text)
    with Archive(tmp_path / "a.db") as archive:
        assert {turn.id for turn in archive.search("xylophone")} == {"D1:1", "D1:2"}
        for gone in ("zeppelin", "kite", "東", "strasse"):
            assert archive.search(gone) == []
        with archive.transaction():
            archive.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_the_index_of_words_is_rid_of_single_turns_without_being_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        memory.extend([replace(SAID[0], number=one, text=f"Kite {one}.", caption="") for one in range(5, 60)])
        with monkeypatch.context() as patched:
            patched.setattr(Archive, "write_words", None)
            memory.forget(["D1:2", "D1:7"])
            memory.correct("D2:2", "A raft.", keep_revision=False)
        for word in (b"zeppelin", b"airship", b"yacht"):
            assert word not in bytes_of(tmp_path).lower()
    with Archive(tmp_path / "a.db") as archive:
        assert archive.search("zeppelin") == archive.search("yacht") == []
        assert len(archive.search("kite", 100)) == 54
        with archive.transaction():
            archive.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def test_words_that_another_version_cut_otherwise_are_forgotten_too(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
            connection.execute("INSERT INTO words (rowid, turn) VALUES (2, 'zeppelinwords of another kind')")
        memory.forget("D1:2")
        assert b"zeppelin" not in bytes_of(tmp_path).lower()


def test_the_index_of_words_is_written_anew_by_a_correction_after_another_program(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
            connection.execute("DELETE FROM turns WHERE id IN ('D1:1', 'D2:1')")
        memory.correct("D1:2", "A kite.")
    with Archive(tmp_path / "a.db") as archive:
        assert archive.search("xylophone") == archive.search("otters") == []
        assert [turn.id for turn in archive.search("kite")] == ["D1:2"]


def test_a_correction_without_a_revision_takes_the_earlier_ones_with_it(memory: AdaptiveMemory) -> None:
    memory.correct("D1:2", "Which balloon did you fly?")
    memory.correct("D1:2", "Which kite did you fly?", keep_revision=False)
    assert memory.revisions("D1:2") == []
    check_is(memory, [SAID[0], replace(SAID[1], text="Which kite did you fly?"), *SAID[2:]])


def test_a_replaced_text_is_in_no_file_and_a_revision_is(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        memory.correct("D2:2", "I need a boat by Friday.")
        assert b"yacht" in bytes_of(tmp_path)
        memory.correct("D2:2", "I need a raft by Friday.", keep_revision=False)
        for word in (b"yacht", b"boat"):
            assert word not in bytes_of(tmp_path)
        assert b"raft" in bytes_of(tmp_path)


@pytest.mark.parametrize("handle", ["D1:9", "", "mem:D9:1", "D1:1/2"])
def test_a_handle_of_no_turn_changes_nothing(handle: str, memory: AdaptiveMemory) -> None:
    for change in (
        lambda: memory.correct(handle, "x"),
        lambda: memory.forget(handle),
        lambda: memory.revisions(handle),
    ):
        with pytest.raises(KeyError, match="no turn"):
            change()
    check_is(memory, list(SAID))


def test_a_correction_is_text(memory: AdaptiveMemory) -> None:
    wrong: Any = None
    with pytest.raises(TypeError, match="new_text must be text"):
        memory.correct("D1:1", wrong)
    check_is(memory, list(SAID))


# -- forgetting --------------------------------------------------------------------------------------------------------

WHAT: dict[str, tuple[dict[str, Any], list[int]]] = {  # arguments, and the places of the turns that are left
    "a handle": ({"handle": "mem:D1:2"}, [0, 2, 3]),
    "a person": ({"person": "Ines"}, [1, 3]),
    "a person as another writes it": ({"person": " iNES"}, [1, 3]),
    "a person who said nothing": ({"person": "In"}, [0, 1, 2, 3]),
    "before a time": ({"before": MONDAY + timedelta(minutes=1)}, [2, 3]),
    "before a day": ({"before": "2023-05-09"}, [2, 3]),
    "before a time with a zone": ({"before": datetime(2023, 5, 8, 13, 57, tzinfo=UTC)}, [2, 3]),
    "before all": ({"before": "1970-01-01"}, [0, 1, 2, 3]),
    "everything": ({"everything": True}, []),
}


@pytest.mark.parametrize("what", WHAT)
def test_what_is_forgotten_leaves_a_count(what: str, memory: AdaptiveMemory) -> None:
    arguments, left = WHAT[what]
    arguments = dict(arguments)
    handle = [arguments.pop("handle")] if "handle" in arguments else []
    assert memory.forget(*handle, **arguments) == len(SAID) - len(left)
    check_is(memory, [SAID[place] for place in left])
    assert memory.stats().turns_forgotten == len(SAID) - len(left)


@pytest.mark.parametrize("what", WHAT)
def test_what_is_forgotten_is_in_no_byte_of_any_file(what: str, tmp_path: Path) -> None:
    arguments, left = WHAT[what]
    arguments = dict(arguments)
    handle = [arguments.pop("handle")] if "handle" in arguments else []
    words = [(b"xylophon", b"bought"), (b"zeppelin", b"airship", b"which"), (b"otter",), (b"yacht",)]
    with AdaptiveMemory.open(tmp_path / "a.db") as memory, AdaptiveMemory.open(tmp_path / "a.db") as other:
        memory.extend(SAID)
        memory.correct("D1:1", "Hi! I sold a xylophone.")
        memory.correct("D1:1", SAID[0].text)
        assert all(word in bytes_of(tmp_path).lower() for of_turn in words for word in of_turn)
        (tmp_path / f".a.db.{'0' * 32}.tmp").write_bytes(b"a copy with the zeppelin of a save that was killed")
        other.refresh()
        memory.forget(*handle, **arguments)
        for place, of_turn in enumerate(words):
            for word in of_turn:
                assert (word in bytes_of(tmp_path).lower()) is (place in left), word
    assert [one.name for one in tmp_path.iterdir() if "tmp" not in one.name] == ["a.db"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ({}, "none"),
        ({"person": "Bo", "everything": True}, "person and everything"),
        ({"handle": "D1:1", "before": 0}, "a handle and before"),
    ],
)
def test_one_thing_is_forgotten_at_a_time(arguments: dict[str, Any], given: str, memory: AdaptiveMemory) -> None:
    with pytest.raises(ValueError, match=f"forget needs one of a handle, person=NAME, .* got {given}$"):
        memory.forget(**arguments)
    check_is(memory, list(SAID))


@pytest.mark.parametrize("change", ["forget", "correct"])
def test_one_turn_of_a_reopened_file_is_changed_without_reading_the_others(change: str, tmp_path: Path) -> None:
    """The index is in the file, and turns are read from it when they are needed: what is forgotten is not there."""
    said = [Turn(1, number, "Ines", f"Otter {number} came up to the boat.", MONDAY) for number in range(1, 301)]
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(said)
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        if change == "forget":
            assert memory.forget("D1:150") == 1
            del said[149]
        else:
            said[149] = memory.correct("D1:150", "No otter came.")
        check_is(memory, said)


def test_no_handle_is_used_twice(memory: AdaptiveMemory) -> None:
    memory.forget("D2:2")
    assert memory.add("Next.", speaker="Bo").id == "D2:3"
    with pytest.raises(ValueError, match="D2:2 may be the id of a turn that was forgotten, and no id is used twice"):
        memory.add(SAID[3])
    memory.forget(everything=True)
    assert memory.add("Hello again.", speaker="Bo").id == "D3:1"
    assert memory.add("And here.", speaker="Bo", session=1).id == "D1:3"
    assert memory.stats().turns_forgotten == 5


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_knows_what_was_corrected_and_forgotten(copied: Any, memory: AdaptiveMemory) -> None:
    memory.correct("D1:1", "Hi!")
    memory.forget("D2:2")
    other = copied(memory)
    assert other.revisions("D1:1") == [SAID[0]]
    assert other.add("Next.", speaker="Bo").id == "D2:3"


def test_a_saved_memory_knows_what_was_corrected_and_forgotten(memory: AdaptiveMemory, tmp_path: Path) -> None:
    memory.correct("D1:1", "Hi!")
    memory.forget("D2:2")
    memory.save(tmp_path / "b.db")
    with AdaptiveMemory.open(tmp_path / "b.db") as opened:
        for other in (AdaptiveMemory.load(tmp_path / "b.db"), opened):
            assert other.stats() == memory.stats()
            assert other.revisions("D1:1") == [SAID[0]]
            assert other.add("Next.", speaker="Bo").id == "D2:3"
    assert b"yacht" not in (tmp_path / "b.db").read_bytes()


def test_an_archive_takes_no_id_of_a_forgotten_turn(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        memory.forget("D2:2")
    with Archive(tmp_path / "a.db") as archive:
        assert archive.add(SAID[2]) is False
        with pytest.raises(ArchiveError, match=r"a\.db: D2:2 may be the id of a turn that was forgotten"):
            archive.add(SAID[3])
        assert list(archive.restore()) == list(SAID[:3])


@pytest.mark.parametrize("in_file", [True, False])
def test_vectors_of_what_is_forgotten_are_erased_from_the_cache(in_file: bool, tmp_path: Path) -> None:
    def embedder(texts: list[str]) -> np.ndarray:  # type: ignore[type-arg]
        return np.array([[len(text), text.count("o"), 1] for text in texts], dtype=np.float32)

    cache = VectorCache(tmp_path / "vectors.sqlite", "letters")
    settings: dict[str, Any] = {"embedder": embedder, "vector_cache": cache}
    with AdaptiveMemory.open(tmp_path / "a.db", **settings) if in_file else AdaptiveMemory(**settings) as memory:
        memory.extend(SAID)
        memory.embed()
        before = vectors_in(tmp_path / "vectors.sqlite")
        assert len(before) == len(SAID)
        assert memory.forget("D1:2") == 1
        (gone,) = before - vectors_in(tmp_path / "vectors.sqlite")
        assert gone not in (tmp_path / "vectors.sqlite").read_bytes()
        assert memory.search("otters", 60).ids[0] == "D2:1"
        assert vectors_in(tmp_path / "vectors.sqlite") == before - {gone}
    cache.close()


def vectors_in(path: Path) -> set[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return {data for (data,) in connection.execute("SELECT data FROM vectors")}


# -- when it cannot be done at once ------------------------------------------------------------------------------------


def test_bytes_that_another_process_keeps_in_use_are_erased_when_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory, closing(sqlite3.connect(tmp_path / "a.db")) as reader:
        memory.extend(SAID)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM turns").fetchall()
        assert memory._archive is not None
        monkeypatch.setattr(memory._archive, "busy_sec", 0.05)
        memory._archive.connection.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(ArchiveError, match="nothing finds any more what was to be forgotten, but the file"):
            memory.forget(person="Bo")
        check_is(memory, [SAID[0], SAID[2]])
        assert b"yacht" in bytes_of(tmp_path)
        started = time.monotonic()
        AdaptiveMemory.open(tmp_path / "a.db").close()
        assert time.monotonic() - started < 15, "opening does not wait for the reader as long as a writer would"
        assert b"yacht" in bytes_of(tmp_path)
        reader.rollback()
        AdaptiveMemory.open(tmp_path / "a.db").close()
        assert b"yacht" not in bytes_of(tmp_path)
        check_is(memory, [SAID[0], SAID[2]])


def test_forgetting_that_was_killed_half_way_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        patch.setattr("memoryqa.memory.stored.erase", lambda archive: None)
        memory.forget(person="Bo")
        assert b"yacht" in bytes_of(tmp_path)
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        assert b"yacht" not in bytes_of(tmp_path)
        check_is(memory, [SAID[0], SAID[2]])


def test_what_cannot_be_written_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
    monkeypatch.setattr(archive_file, "_may_write", lambda path: False)
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        for change in (lambda: memory.forget("D1:1"), lambda: memory.correct("D1:1", "x")):
            with pytest.raises(ArchiveError, match=r"a\.db: cannot be written; make the file and its folder writable"):
                change()
        check_is(memory, list(SAID))


# -- random lives ------------------------------------------------------------------------------------------------------

BLOCK = 500


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_random_histories_of_two_processes_agree_with_a_memory_built_anew(block: int) -> None:
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        assert len(store_histories.play(seed)) == 3, "the steps, each of them checked"


@pytest.mark.parametrize("seed", [0, 50])
def test_a_long_random_history_agrees_with_a_memory_built_anew(seed: int) -> None:
    assert len(store_histories.play(seed, num_steps=25)) == 25, "the steps, each of them checked"
