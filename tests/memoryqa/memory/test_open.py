"""A memory that lives in a file: several processes, kill -9, full disks, files that may not be written."""

from __future__ import annotations

import gc
import random
import sqlite3
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from archive_process import LIVE_TIME, LIVE_TOKENS, acknowledged, begin, contents, kill
from read_only import as_nobody

from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.config import RankingConfig
from memoryqa.memory import AdaptiveMemory
from memoryqa.search.ranking import PassageIndex
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)


def turns(num_turns: int, first: int = 1) -> list[Turn]:
    return [
        Turn(1 + n // 9, 1 + n % 9, ("Ines", "Bo")[n % 2], f"We rowed past {n} otters at mill {n % 7}.", MONDAY)
        for n in range(first, first + num_turns)
    ]


def check_same(one: AdaptiveMemory, other: AdaptiveMemory) -> None:
    assert other.transcript() == one.transcript()
    assert other.render() == one.render()
    assert other.stats() == one.stats()
    for query in ("Who rowed past 17 otters?", "mill 3 in May"):
        found, expected = other.search(query, 200), one.search(query, 200)
        assert (found, found.scores, found.lines) == (expected, expected.scores, expected.lines)


def fresh(said: list[Turn], memory_tokens: int = 20_000) -> AdaptiveMemory:
    memory = AdaptiveMemory(memory_tokens)
    memory.extend(said)
    return memory


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count = connection.execute("SELECT count(*) FROM turns").fetchone()
        assert connection.execute("SELECT count(*) FROM words_docsize").fetchone() == count


# -- what goes in is there ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_added_is_in_the_file_at_once_and_after_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with AdaptiveMemory.open(path) as memory:
        for turn in turns(20):
            memory.add(turn)
            with Archive(path) as archive:
                assert archive.expand(turn.id) == turn
        memory.extend(turns(2500, first=21))
        check_same(memory, fresh(turns(2520)))
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]
    with AdaptiveMemory.open(path) as memory:
        check_same(memory, fresh(turns(2520)))
    check_integrity(path)


def test_many_are_added_in_few_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        sizes, add = list[int](), memory._add
        monkeypatch.setattr(memory, "_add", lambda batch, given: (sizes.append(len(batch)), add(batch, given))[1])
        memory.extend(turns(2500))
        assert sizes == [1000, 1000, 500]


def test_messages_without_an_address_follow_those_in_the_file(tmp_path: Path) -> None:
    for number in range(1, 4):
        with AdaptiveMemory.open(tmp_path / "a.db") as memory:
            assert memory.add(f"Otter {number}", speaker="Ines", time=MONDAY).id == f"D1:{number}"
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        assert memory.add("Otter", speaker="Ines", time="2023-05-09").id == "D2:1"


@pytest.mark.parametrize(
    "message", [turns(1)[0], {"content": "no speaker"}, {"content": "x", "speaker": "", "time": 1}]
)
def test_a_refused_message_adds_nothing_and_those_before_it_stay(message: Any, tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(turns(3))
        with pytest.raises((ValueError, TypeError)) as caught:
            memory.extend([*turns(2, first=4), message, *turns(2, first=6)])
        assert caught.value.__notes__ == ["message 3 of extend(); those before it were added"]
        with pytest.raises((ValueError, TypeError)):
            memory.add(message)
        check_same(memory, fresh(turns(5)))
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        check_same(memory, fresh(turns(5)))


def test_a_turn_that_comes_twice_in_one_call_is_refused_the_second_time(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        with pytest.raises(ValueError, match="turn D1:2 is in this memory already"):
            memory.extend([*turns(2), turns(1)[0]])
        check_same(memory, fresh(turns(2)))


def test_messages_from_a_source_that_fails_are_kept_up_to_there(tmp_path: Path) -> None:
    def broken() -> Iterator[Turn]:
        yield from turns(7)
        raise OSError("the source is gone")

    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        with pytest.raises(OSError, match="the source is gone"):
            memory.extend(broken())
        check_same(memory, fresh(turns(7)))


# -- settings ----------------------------------------------------------------------------------------------------------


def test_a_new_file_keeps_its_settings_and_others_take_their_place_for_once(tmp_path: Path) -> None:
    ranking = RankingConfig(window_before=0.3)
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=100, ranking=ranking) as memory:
        memory.extend(turns(30))
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=50) as memory:
        assert (memory.memory_tokens, memory.config.ranking) == (50, ranking)
    for one in (AdaptiveMemory.open(tmp_path / "a.db"), AdaptiveMemory.load(tmp_path / "a.db")):
        assert (one.memory_tokens, one.config.ranking) == (100, ranking)
        one.close()


def test_saved_memories_and_archives_of_turns_are_opened_and_what_is_opened_is_loaded(tmp_path: Path) -> None:
    fresh(turns(9), 100).save(tmp_path / "saved.db")
    with Archive(tmp_path / "turns.db") as archive:
        archive.extend(turns(9))
    for name, tokens in (("saved.db", 100), ("turns.db", 20_000)):
        with AdaptiveMemory.open(tmp_path / name) as memory:
            memory.extend(turns(9, first=10))
            check_same(memory, fresh(turns(18), tokens))
        check_same(AdaptiveMemory.load(tmp_path / name), fresh(turns(18), tokens))


def test_a_memory_of_the_file_saves_to_other_files_and_to_its_own(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=100) as memory:
        memory.extend(turns(30))
        for name in ("a.db", "b.db"):
            memory.save(tmp_path / name)
            check_same(AdaptiveMemory.load(tmp_path / name), fresh(turns(30), 100))


def test_a_database_in_memory_is_no_file_to_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"AdaptiveMemory\(\) is a memory without a file"):
        AdaptiveMemory.open(":memory:")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("settings", [{"memory_tokens": 0}, {"budget": 3}])
def test_a_setting_that_is_refused_closes_the_file(settings: dict[str, int], tmp_path: Path) -> None:
    AdaptiveMemory.open(tmp_path / "a.db").close()  # without it there would be no file: a new one is not begun
    with pytest.raises((ValueError, TypeError)):
        AdaptiveMemory.open(tmp_path / "a.db", **settings)
    assert {one.name for one in tmp_path.iterdir()} == {"a.db"}
    AdaptiveMemory.open(tmp_path / "a.db").close()


def test_a_closed_memory_says_so(tmp_path: Path) -> None:
    memory = AdaptiveMemory.open(tmp_path / "a.db")
    memory.close()
    memory.close()
    for use in (lambda: memory.add(turns(1)[0]), memory.refresh, lambda: memory.search("otters"), memory.render):
        with pytest.raises(ArchiveError, match=r"a\.db: was closed; open it again$"):
            use()


def test_a_memory_is_described_whatever_became_of_its_file(tmp_path: Path) -> None:
    """A log or a debugger that shows it must not fail."""
    memory = AdaptiveMemory.open(tmp_path / "a.db")
    memory.extend(turns(3))
    described = repr(memory)
    memory.close()
    assert repr(memory) == described
    (tmp_path / "a.db").write_text("My diary\n" * 500)
    assert repr(memory) == described


def test_a_memory_that_nobody_has_any_more_is_closed_without_a_warning(tmp_path: Path) -> None:
    """Python 3.13 warns of each connection that is collected open; `Memories.put_away` leaves them to be collected."""
    memory = AdaptiveMemory.open(tmp_path / "a.db")
    memory.extend(turns(3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del memory
        gc.collect()
    assert [str(one.message) for one in caught] == []
    assert len(AdaptiveMemory.open(tmp_path / "a.db")) == 3


# -- several at once ---------------------------------------------------------------------------------------------------


def test_a_reader_sees_what_came_later_when_it_refreshes(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as writer, AdaptiveMemory.open(tmp_path / "a.db") as reader:
        writer.extend(turns(5))
        assert len(reader) == 0
        assert reader.refresh() == 5
        assert reader.refresh() == 0
        check_same(reader, fresh(turns(5)))


def test_what_another_process_forgot_or_corrected_is_found_by_no_search(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as writer, AdaptiveMemory.open(tmp_path / "a.db") as reader:
        writer.extend(turns(5))
        reader.refresh()
        writer.forget("D1:3")
        assert "D1:3" not in reader.search("How many otters?").ids
        writer.correct("D1:4", "Nothing.")
        assert reader.expand("D1:4").text == "Nothing."
        writer.forget(everything=True)
        for answer in (reader.render(), reader.search("otters").text, reader.transcript().text):
            assert answer == ""


def test_two_that_add_in_turn_lose_nothing(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as one, AdaptiveMemory.open(tmp_path / "a.db") as other:
        ids = [memory.add("Otter.", speaker="Ines", time=MONDAY).id for _ in range(9) for memory in (one, other)]
        assert ids == [f"D1:{number}" for number in range(1, 19)]
        one.refresh()
        check_same(one, other)


@pytest.mark.slow
def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [begin("live", tmp_path / "a.db") for _ in range(3)]
    said = [line for writer in writers for line in acknowledged(writer, 2)]
    said += [line for writer in writers for line in kill(writer)]
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        held = memory.transcript().turns
        assert {f"{turn.id} {turn.text}" for turn in held} >= set(said)
        assert [turn.id for turn in held] == [f"D1:{number}" for number in range(1, len(held) + 1)]
        for worker in {turn.text.split()[3] for turn in held}:
            numbers = [int(turn.text.split()[1]) for turn in held if turn.text.split()[3] == worker]
            assert numbers == list(range(len(numbers))), "in its own order, none left out"
        check_same(memory, fresh(list(held), LIVE_TOKENS))
    check_integrity(tmp_path / "a.db")


def test_threads_share_a_memory_and_its_file(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:

        def work(worker: int) -> None:
            for number in range(20):
                memory.add(f"otter {worker} {number}", speaker="Ines", time=MONDAY)
                assert memory.search(f"otter {worker} {number}", 100)
                memory.refresh()

        with ThreadPoolExecutor(5) as pool:
            list(pool.map(work, range(5)))
        assert [turn.id for turn in memory.transcript()] == [f"D1:{number}" for number in range(1, 101)]
        check_same(memory, fresh(list(memory.transcript().turns)))


def test_a_writer_waits_for_another_and_names_it_when_that_takes_too_long(tmp_path: Path) -> None:
    with (
        AdaptiveMemory.open(tmp_path / "a.db") as memory,
        closing(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.rollback)
        timer.start()
        memory.add(turns(1)[0])
        timer.join()
        assert memory._archive is not None
        memory._archive.connection.execute("PRAGMA busy_timeout = 50")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ArchiveError, match=r"a\.db: another process has been writing"):
            memory.add(turns(1, first=2)[0])
        check_same(memory, fresh(turns(1)))
        other.rollback()
        memory.add(turns(1, first=2)[0])
        check_same(memory, fresh(turns(2)))


# -- kill -9, full disks, files that may not be written ----------------------------------------------------------------


@pytest.mark.slow
def test_killed_while_adding_a_file_holds_every_turn_that_was_acknowledged(tmp_path: Path) -> None:
    chance, said = random.Random(4), set[str]()
    for at_least in range(5):
        process = begin("live", tmp_path / "a.db")
        said |= set(acknowledged(process, at_least))
        time.sleep(chance.uniform(0, 0.3))
        said |= set(kill(process))
        with AdaptiveMemory.open(tmp_path / "a.db") as memory:
            held = list(memory.transcript().turns)
            assert {f"{turn.id} {turn.text}" for turn in held} >= said
            check_same(memory, fresh(held, LIVE_TOKENS))
        check_integrity(tmp_path / "a.db")
    assert len(said) > 5
    assert held[0].time == LIVE_TIME


@pytest.mark.slow
def test_killed_while_forgetting_a_turn_is_there_or_gone_from_every_byte(tmp_path: Path) -> None:
    chance, path = random.Random(3), tmp_path / "a.db"
    with AdaptiveMemory.open(path) as memory:
        memory.extend(Turn(1, n, "Ines", f"quokka{n:03d} swam away.", MONDAY) for n in range(1, 200))
    for at_least in (0, 0, 0, 1, 1, 1):
        process = begin("forget", path)
        gone = set(acknowledged(process, at_least))
        time.sleep(chance.uniform(0, 0.2))
        gone |= set(kill(process))
        with AdaptiveMemory.open(path) as memory:
            held = {turn.id for turn in memory.transcript()}
            content = b"".join(one.read_bytes() for one in tmp_path.iterdir())
            assert not gone & held
            for number in range(1, 200):
                assert (b"quokka%03d" % number in content) is (f"D1:{number}" in held)
            assert memory.stats().turns_forgotten == 199 - len(held)
            check_integrity(path)
    assert len(held) < 199


def test_on_a_full_disk_nothing_is_lost_and_the_memory_is_what_the_file_has(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(turns(30))
        assert memory._archive is not None
        connection = memory._archive.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ArchiveError, match=r"a\.db: the disk is full; nothing that was kept is lost"):
            memory.extend(turns(900, first=31))
        check_same(memory, fresh(turns(30)))
        connection.execute("PRAGMA max_page_count = 1000000")
        memory.extend(turns(900, first=31))
        check_same(memory, fresh(turns(930)))


@pytest.mark.parametrize("unwritable", ["file", "folder"])
def test_a_file_that_may_not_be_written_is_searched(unwritable: str) -> None:
    with as_nobody() as folder:
        inner = folder / "inner"
        inner.mkdir()
        with AdaptiveMemory.open(inner / "a.db", memory_tokens=100) as memory:
            memory.extend(turns(30))
        target, mode = (inner / "a.db", 0o444) if unwritable == "file" else (inner, 0o555)
        target.chmod(mode)
        try:
            before = contents(inner)
            with AdaptiveMemory.open(inner / "a.db") as memory:
                check_same(memory, fresh(turns(30), 100))
                assert memory.refresh() == 0
                with pytest.raises(ArchiveError, match=r"a\.db: cannot be written; make the file and its folder"):
                    memory.add(turns(1, first=31)[0])
                check_same(memory, fresh(turns(30), 100))
            assert contents(inner) == before
        finally:
            target.chmod(0o777)


@pytest.mark.parametrize("count", [1, 2])
def test_taking_a_turn_in_that_was_interrupted_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(turns(3))

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(PassageIndex, "extend", interrupt)
            with pytest.raises(KeyboardInterrupt):
                memory.extend(turns(count, first=4))
        check_same(memory, fresh(turns(3 + count)))
