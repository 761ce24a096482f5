from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from archive_process import begin, contents, counted_turn, kill, spawn
from hypothesis import example, given, settings
from hypothesis import strategies as st
from read_only import as_nobody
from strategies import conversations, num_examples, tagged, texts

from memoryqa.archive import database as archive_module
from memoryqa.archive.database import APPLICATION_ID, MIGRATIONS, Archive, ArchiveError
from memoryqa.turns import Turn

INES = Turn(8, 6, "Ines", "We rowed past 3 otters.", datetime(2023, 5, 8, 13, 56), "a photo of a mill")


def turns(num_turns: int) -> list[Turn]:
    return [counted_turn(number) for number in range(num_turns)]


def check_integrity(path: Path) -> None:
    """By SQLite's own account the file is whole, and every turn has its words."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count = connection.execute("SELECT count(*) FROM turns").fetchone()
        assert connection.execute("SELECT count(*) FROM words_docsize").fetchone() == count


# -- what goes in comes out --------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(tagged(conversations()))
@example([replace(INES, text="\n", caption="\0", speaker="\ud800")])
@example([replace(INES, time=datetime(2023, 10, 29, 1, 30, fold=1, tzinfo=ZoneInfo("Europe/Lisbon")))])
def test_every_turn_comes_back_as_it_was_by_handle_and_in_order(conversation: list[Turn]) -> None:
    with Archive(":memory:") as archive:
        assert archive.extend(conversation) == len(archive) == len(conversation)
        assert repr(list(archive.restore())) == repr(conversation)
        for one in conversation:
            assert archive.expand(f"mem:{one.id}") == archive.expand(one.id) == one
            assert f"mem:{one.id}" in archive
            assert one.id in archive


def test_a_file_holds_what_was_added_before_it_was_closed(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.extend(turns(2500))
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"], "no log is left"
    with Archive(tmp_path / "a.db") as archive:
        assert list(archive.restore()) == turns(2500)
        assert archive.add(counted_turn(2500))
    check_integrity(tmp_path / "a.db")


@pytest.mark.parametrize("handle", ["", "mem:", "D8:7", "mem:mem:D8:6", "D08:6", "D8:6 ", "8:6", "\0", "\ud800", "'--"])
def test_a_handle_of_no_turn_is_a_key_error(handle: str) -> None:
    with Archive(":memory:") as archive:
        archive.add(INES)
        assert handle not in archive
        with pytest.raises(KeyError, match="no turn"):
            archive.expand(handle)
        assert 6 not in archive


def test_the_same_turn_is_kept_once() -> None:
    with Archive(":memory:") as archive:
        assert archive.add(INES) is True
        assert archive.add(replace(INES)) is False
        assert archive.extend([INES, counted_turn(0), INES, counted_turn(0)]) == 1
        assert list(archive.restore()) == [INES, counted_turn(0)]
        assert archive.search("otters rowed", 9) == [INES, counted_turn(0)]


@pytest.mark.parametrize(
    "other",
    [
        replace(INES, text="We rowed past 4 otters."),
        replace(INES, speaker="Bo"),
        replace(INES, caption=""),
        replace(INES, time=None),
        replace(INES, time=datetime(2023, 5, 8, 13, 56, fold=1)),
    ],
)
def test_an_id_with_other_content_is_an_error_that_says_so(other: Turn) -> None:
    with Archive(":memory:") as archive:
        archive.add(INES)
        with pytest.raises(ArchiveError, match="holds another turn D8:6, with other content; every turn needs its own"):
            archive.extend([counted_turn(0), other, counted_turn(1)])
        assert list(archive.restore()) == [INES], "the transaction as a whole is taken back"
        assert archive.search("otters", 9) == [INES]


def test_tags_are_no_part_of_what_was_said_and_the_last_ones_count() -> None:
    tagged_ines = replace(INES, tags=("animal", "boat trip"))
    with Archive(":memory:") as archive:
        assert archive.extend([INES, counted_turn(0)]) == 2
        assert archive.add(tagged_ines) is False
        assert archive.add(INES) is False
        assert list(archive.restore()) == [tagged_ines, counted_turn(0)], (
            "a turn that comes without tags takes none away"
        )
        archive.add(replace(INES, tags=("river",)))
        assert archive.expand("D8:6").tags == ("river",)
        archive.save([INES, counted_turn(0)], {})
        assert list(archive.restore()) == [INES, counted_turn(0)], "saved is exactly what was given"
        archive.save([tagged_ines, counted_turn(0), counted_turn(1)], {})
        assert list(archive.restore()) == [tagged_ines, counted_turn(0), counted_turn(1)]
        assert archive.search("animal") == [], "a search in the archive is in what was said"


class Martian(tzinfo):
    """A zone that has no name."""


def test_a_turn_that_cannot_be_kept_is_an_error_and_leaves_no_trace() -> None:
    with Archive(":memory:") as archive:
        with pytest.raises(ValueError, match="turn D8:6: cannot keep the time zone"):
            archive.extend([counted_turn(0), replace(INES, time=datetime(2023, 5, 8, tzinfo=Martian()))])
        assert len(archive) == 0
        assert archive.search("otters") == []


def test_turns_from_an_iterator_that_raises_are_kept_up_to_its_last_thousand() -> None:
    def broken() -> Iterator[Turn]:
        yield from turns(1500)
        raise OSError("the source is gone")

    with Archive(":memory:") as archive:
        with pytest.raises(OSError, match="the source is gone"):
            archive.extend(broken())
        assert list(archive.restore()) == turns(1000)


def test_turns_that_are_added_while_all_are_read_come_too() -> None:
    with Archive(":memory:") as archive:
        archive.extend(turns(1500))
        read = archive.restore()
        first = [next(read) for _ in range(1200)]
        archive.extend(counted_turn(number) for number in range(1500, 2100))
        assert first + list(read) == turns(2100)


# -- search ------------------------------------------------------------------------------------------------------------


@given(st.one_of(texts, st.text(alphabet="\"*^:(){}-+ANDORNOTnear\0 '", max_size=30)), conversations(max_turns=4))
@settings(max_examples=num_examples(150))
@example('NEAR("a" "b', [INES])
@example('"', [INES])
@example("past\0otters", [INES])
@example("* OR ^ AND NOT ( { words : turn : -x", [INES])
@example("otter " * 3000 + " ".join(f"w{n}" for n in range(3000)), [INES])
def test_any_text_is_a_query(query: str, conversation: list[Turn]) -> None:
    with Archive(":memory:") as archive:
        archive.extend(conversation)
        found = archive.search(query, 3)
        assert len(found) <= 3
        assert len({one.id for one in found}) == len(found)
        assert all(one in conversation for one in found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Who ROWED past the otter?", "D1:1"),  # case and stems
        ("ines", "D1:1"),  # speakers
        ("mill", "D1:1"),  # captions
        ("cafe Zoe", "D1:2"),  # accents, however they are encoded
        ("博物馆", "D1:3"),
        ("ฉันไป", "D1:4"),
        ("दिल्ली", "D1:5"),
        ("the AND 7:30", "D1:6"),
        ("swans", ""),
        ("👍 ... \ud800", ""),
        ("", ""),
    ],
)
def test_search_finds_words_in_many_scripts(query: str, found: str) -> None:
    others = (
        "Zoe\u0301 at the café",
        "昨天我去了博物馆。",
        "ฉันไปพิพิธภัณฑ์",
        "हम दिल्ली गए",
        "at 7:30!",
    )
    with Archive(":memory:") as archive:
        archive.add(Turn(1, 1, "Ines", "We rowed past 3 otters.", None, "a photo of a mill"))
        archive.extend(Turn(1, number, "Bo", text) for number, text in enumerate(others, 2))
        assert [one.id for one in archive.search(query, 1)] == [found] * bool(found)


def test_search_gives_the_best_first_and_no_more_than_asked() -> None:
    with Archive(":memory:") as archive:
        archive.extend(turns(50))
        archive.add(INES)
        found = archive.search("rowed past otters", 3)
        assert (found[0], len(found)) == (INES, 3)
        assert len(archive.search("otters", 1000)) == 51
        assert archive.search("counted", 50) == archive.search("counted", 50)
        with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
            archive.search("otters", 0)


# -- many at once ------------------------------------------------------------------------------------------------------


def test_threads_share_an_archive(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:

        def work(worker: int) -> None:
            for number in range(40):
                archive.add(Turn(worker, number, "Ines", f"otter {worker} {number}"))
                assert archive.expand(f"mem:D{worker}:{number}").text == f"otter {worker} {number}"
                assert len(archive.search(f"{worker} {number}", 1)) == 1
                assert list(archive.restore())

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert len(archive) == 240
    check_integrity(tmp_path / "a.db")


@pytest.mark.slow
def test_two_processes_read_while_one_writes(tmp_path: Path) -> None:
    writer = begin("add", tmp_path / "a.db")
    try:
        while len_of(tmp_path / "a.db") < 5:
            time.sleep(0.01)
        readers = [begin("read", tmp_path / "a.db") for _ in range(2)]
        for reader in readers:
            out, errors = reader.communicate(timeout=60)
            assert reader.returncode == 0, errors
            assert int(out) > 5, "what was written while it read was seen"
    finally:
        written = kill(writer)
    with Archive(tmp_path / "a.db") as archive:
        assert len(archive) >= len(written) > 5


def len_of(path: Path) -> int:
    with Archive(path) as archive:
        return len(archive)


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    for attempt in range(8):
        barrier = threading.Barrier(8)

        def open_and_add(
            worker: int, barrier: threading.Barrier = barrier, path: Path = tmp_path / f"{attempt}.db"
        ) -> None:
            barrier.wait()
            with Archive(path) as archive:  # a connection each, as a process would have
                archive.add(Turn(worker, 1, "Ines", "otter"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(open_and_add, range(8)))
        assert len_of(tmp_path / f"{attempt}.db") == 8


def test_a_new_file_to_which_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    write_by_hand(tmp_path / "a.db", VERSION_1)  # not in WAL mode yet, and SQLite does not wait for the switch
    with closing(sqlite3.connect(tmp_path / "a.db", check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.rollback)
        timer.start()
        with Archive(tmp_path / "a.db") as archive:
            assert archive.add(counted_turn(0))
        timer.join()


def test_another_process_that_never_stops_writing_is_named_as_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_module, "BUSY_SEC", 0.05)
    with Archive(tmp_path / "a.db") as archive, closing(sqlite3.connect(tmp_path / "a.db")) as other:
        archive.add(counted_turn(0))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ArchiveError, match=r"a\.db: another process has been writing"):
            archive.add(counted_turn(1))
        assert list(archive.restore()) == turns(1), "it can still be read"
        other.rollback()
        assert archive.add(counted_turn(1))


# -- kill -9 -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_while_adding_a_file_holds_every_turn_that_was_acknowledged(tmp_path: Path) -> None:
    chance, path, acknowledged = random.Random(5), tmp_path / "a.db", 0
    for _ in range(9):
        process = begin("add", path)
        time.sleep(chance.uniform(0, 0.12))
        acknowledged = max([acknowledged, *(int(line) + 1 for line in kill(process))])
        with Archive(path) as archive:
            held = list(archive.restore())
        assert held == turns(len(held)), "whole turns, from the first on"
        assert acknowledged <= len(held) <= acknowledged + 1
        check_integrity(path)
    assert acknowledged > 9


@pytest.mark.slow
def test_killed_while_adding_many_a_file_holds_whole_transactions(tmp_path: Path) -> None:
    chance, path, lengths, attempt = random.Random(6), tmp_path / "a.db", set(), 0
    while attempt < 6 or (attempt < 30 and len(lengths) < 2):  # a busy machine takes longer over a thousand
        attempt += 1
        process = begin("extend", path)
        time.sleep(chance.uniform(0, 0.07 * attempt))
        kill(process)
        with Archive(path) as archive:
            held = list(archive.restore())
        assert held == turns(len(held))
        assert len(held) % 1000 == 0
        lengths.add(len(held))
        check_integrity(path)
    assert len(lengths) > 1


@pytest.mark.slow
def test_killed_while_the_file_is_made_it_can_be_opened_again(tmp_path: Path) -> None:
    chance = random.Random(7)
    for attempt in range(6):
        path = tmp_path / f"{attempt}.db"
        process = spawn("add", path)
        while not path.exists():
            assert process.poll() is None
        time.sleep(chance.uniform(0, 0.01))
        kill(process)
        with Archive(path) as archive:
            held = list(archive.restore())
            assert held == turns(len(held))
            archive.add(counted_turn(len(held)))
        check_integrity(path)


# -- full disks --------------------------------------------------------------------------------------------------------


def fill(archive: Archive) -> None:
    """Let the file grow no further."""
    pages = archive._connection.execute("PRAGMA page_count").fetchone()[0]
    archive._connection.execute(f"PRAGMA max_page_count = {pages}")


def test_on_a_full_disk_nothing_is_lost_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.extend(turns(30))
        fill(archive)
        with pytest.raises(ArchiveError, match=r"a\.db: the disk is full; nothing that was kept is lost\. Free some"):
            archive.extend(counted_turn(number) for number in range(30, 900))
        assert list(archive.restore()) == turns(30)
        assert len(archive.search("otters", 100)) == 30
        archive._connection.execute("PRAGMA max_page_count = 1000000")
        assert archive.extend(turns(900)) == 870, "with room again it goes on"
    check_integrity(tmp_path / "a.db")


def test_a_write_that_the_system_refuses_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    with Archive(tmp_path / "a.db") as archive:
        archive.extend(turns(30))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
        try:
            with pytest.raises(ArchiveError, match=r"a\.db: the disk cannot be read or written"):
                archive.extend(counted_turn(number) for number in range(30, 900))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert list(archive.restore()) == turns(30)
    check_integrity(tmp_path / "a.db")


# -- files that are not ours -------------------------------------------------------------------------------------------


def other_program(path: Path, statement: str = "CREATE TABLE bookmarks (url TEXT)") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)


def other_program_killed(path: Path) -> None:
    """In WAL mode, with a log that is not in the file yet."""
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "x.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
        for suffix in ("", "-wal"):
            shutil.copy(Path(folder) / f"x.db{suffix}", f"{path}{suffix}")


def closed_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def of_a_newer_version(path: Path) -> None:
    Archive(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


NOT_OURS: dict[str, tuple[Callable[[Path], object], str]] = {
    "another program's database": (other_program, "not an archive of turns; name another file"),
    "another program's, by name": (
        lambda path: other_program(path, "PRAGMA application_id = 77"),
        "not an archive of turns; name another file",
    ),
    "another program's, killed": (other_program_killed, "not an archive of turns; name another file"),
    "another program's, in WAL mode": (closed_wal, "not an archive of turns; name another file"),
    "our tables, without our mark": (
        lambda path: other_program(path, "CREATE TABLE turns (position INTEGER PRIMARY KEY, id TEXT)"),
        "not an archive of turns; name another file",
    ),
    "text": (lambda path: path.write_text("My diary\n" * 500), "not an archive of turns; name another file"),
    "one byte": (lambda path: path.write_bytes(b"\0"), "not an archive of turns; name another file"),
    "half a header": (lambda path: path.write_bytes(b"SQLite format 3\0"), "not an archive of turns"),
    "noise": (lambda path: path.write_bytes(random.Random(1).randbytes(9000)), "not an archive of turns"),
    "a folder": (Path.mkdir, "a folder; name a file"),
    "a pipe": (lambda path: os.mkfifo(path), "no regular file; name a file"),
    "a newer version": (of_a_newer_version, "of schema version 99, this program knows 4; update it"),
}


@pytest.mark.parametrize("name", NOT_OURS)
@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_not_ours_is_refused_and_left_as_it_is(name: str, create: bool, tmp_path: Path) -> None:
    make, reason = NOT_OURS[name]
    path = tmp_path / "not ours? #1%41.db"
    make(path)
    before = contents(tmp_path)
    with pytest.raises(ArchiveError) as error:
        Archive(path, create=create)
    assert str(error.value).startswith(f"{path}: {reason}")
    assert len(str(error.value).splitlines()) == 1
    assert contents(tmp_path) == before


def test_a_file_that_may_not_be_written_is_refused_and_left_as_it_is() -> None:
    with as_nobody() as folder:
        path = folder / "a.db"
        with Archive(path) as archive:
            archive.add(INES)
        path.chmod(0o444)
        before = contents(folder)
        with pytest.raises(ArchiveError, match=r"a\.db: cannot be written; make the file and its folder writable"):
            Archive(path)
        assert contents(folder) == before


def test_a_folder_that_may_not_be_written_is_an_error_that_says_so() -> None:
    with as_nobody() as folder:
        inner = folder / "inner"
        inner.mkdir()
        with Archive(inner / "a.db") as archive:
            archive.add(INES)
        inner.chmod(0o555)
        try:
            before = contents(inner)
            for name in ("a.db", "new.db"):
                with pytest.raises(ArchiveError, match=rf"{name}: cannot be (written|opened).*folder"):
                    Archive(inner / name)
            assert contents(inner) == before
        finally:
            inner.chmod(0o777)


@pytest.mark.parametrize("unwritable", ["file", "folder"])
def test_an_archive_that_may_not_be_written_is_read_where_none_may_be_made(unwritable: str) -> None:
    with as_nobody() as folder:
        inner = folder / "inner"
        inner.mkdir()
        path = inner / "a.db"
        with Archive(path) as archive:
            archive.add(INES)
        target, mode = (path, 0o444) if unwritable == "file" else (inner, 0o555)
        target.chmod(mode)
        try:
            before = contents(inner)
            with Archive(path, create=False) as archive:
                assert list(archive.restore()) == [INES]
                with pytest.raises(ArchiveError, match=r"a\.db: cannot be written; make the file and its folder"):
                    archive.add(replace(INES, number=9))
            assert contents(inner) == before
        finally:
            target.chmod(0o777)


def test_an_archive_of_an_earlier_version_that_may_not_be_written_says_why_that_is_needed() -> None:
    with as_nobody() as folder:
        path = folder / "a.db"
        with Archive(path) as archive:
            archive.add(INES)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 1")
        path.chmod(0o444)
        with pytest.raises(ArchiveError, match="written by an earlier version, which must be changed once: make"):
            Archive(path, create=False)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gone/a\.db: the folder .*gone does not exist; create it first"):
        Archive(tmp_path / "gone" / "a.db")
    with pytest.raises(ArchiveError, match=r"a\.db: no such file"):
        Archive(tmp_path / "a.db", create=False)
    (tmp_path / "empty.db").touch()
    with pytest.raises(ArchiveError, match=r"empty\.db: not an archive"):
        Archive(tmp_path / "empty.db", create=False)
    assert contents(tmp_path) == {"empty.db": b""}
    with Archive(tmp_path / "empty.db") as archive:
        assert archive.add(INES)


def test_a_file_of_that_name_is_a_file_and_not_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Archive(Path(":memory:")) as archive:
        archive.add(INES)
    assert [one.name for one in tmp_path.iterdir()] == [":memory:"]


def test_a_closed_archive_says_so(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db")
    archive.close()
    archive.close()
    for use in (lambda: archive.add(INES), lambda: len(archive), lambda: archive.expand("mem:D8:6")):
        with pytest.raises(ArchiveError, match=r"a\.db: .*closed"):
            use()


def test_opening_an_archive_keeps_the_locks_of_others_in_the_process(tmp_path: Path) -> None:
    """Closing a file drops all of the process's locks on it; were the file looked at by `open`, this would be lost."""
    path = tmp_path / "a.db"
    with Archive(path) as archive:
        archive.add(counted_turn(0))
        Archive(path).close()
        # the last connection deletes the log when it closes: this one must know that it is not the last
        read = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM turns').fetchall()"
        subprocess.run([sys.executable, "-c", read, path], check=True)
        assert path.with_name("a.db-wal").exists()
        archive.add(counted_turn(1))
    assert len_of(path) == 2


def test_a_new_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.add(INES)
        assert {one.name: one.stat().st_mode & 0o777 for one in tmp_path.iterdir()} == dict.fromkeys(
            ("a.db", "a.db-shm", "a.db-wal"), 0o600
        )
    (tmp_path / "a.db").chmod(0o640)
    Archive(tmp_path / "a.db").close()
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o640, "what the owner allows stays allowed"


# -- damage and versions -----------------------------------------------------------------------------------------------


def test_a_turn_that_was_changed_behind_our_back_is_not_given_out(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.extend([counted_turn(0), INES, counted_turn(1)])
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("UPDATE turns SET text = 'We rowed past 4 otters.' WHERE id = 'D8:6'")
    with Archive(tmp_path / "a.db") as archive:
        assert archive.expand("D1:1") == counted_turn(0)
        for read in (lambda: archive.expand("D8:6"), lambda: list(archive.restore()), lambda: archive.search("rowed")):
            with pytest.raises(ArchiveError, match=r"a\.db: damaged, turn D8:6 is not what was added; restore it"):
                read()


@pytest.mark.parametrize("tags", ["[", "5"])
def test_tags_that_were_damaged_are_an_error_that_says_so(tags: str, tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.add(INES)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("UPDATE turns SET tags = ?", (tags,))
    with (
        Archive(tmp_path / "a.db") as archive,
        pytest.raises(ArchiveError, match=r"a\.db: damaged, the tags of turn D8:6 cannot be read"),
    ):
        archive.expand("D8:6")


def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Archive(path) as archive:
        archive.extend(turns(300))
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + random.Random(3).randbytes(len(whole) - 8192))
    with pytest.raises(ArchiveError, match=r"a\.db: damaged; restore it from a copy"), Archive(path) as archive:
        list(archive.restore())


def test_an_archive_whose_log_was_half_written_to_the_file_is_recognised(tmp_path: Path) -> None:
    """A process killed at a checkpoint: the header tells of more pages than there are; the rest is in the log."""
    path = tmp_path / "a.db"
    with Archive(path) as archive:
        archive.extend(turns(5))
    length = path.stat().st_size
    with Archive(path) as archive:
        archive.extend(turns(50))
        shutil.copy(path.with_name("a.db-wal"), tmp_path / "log")
    assert path.stat().st_size > length
    os.truncate(path, length)
    (tmp_path / "log").rename(path.with_name("a.db-wal"))
    with Archive(path) as archive:
        assert list(archive.restore()) == turns(50)
    check_integrity(path)


# Version 1 as it was first written: files like this one must open for ever, whatever becomes of the code above.
VERSION_1 = (
    "PRAGMA application_id = 1835363649",
    "CREATE TABLE turns (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time TEXT, fold INTEGER NOT NULL,"
    " utc_offset_us INTEGER, zone TEXT, speaker TEXT NOT NULL, text TEXT NOT NULL, caption TEXT NOT NULL,"
    " digest BLOB NOT NULL)",
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE VIRTUAL TABLE words USING fts5 (turn, content='',"
    " tokenize=\"porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")",
    "INSERT INTO turns VALUES (1, 'D8:6', '2023-05-08T13:56:00', 0, NULL, NULL, 'Ines', 'We rowed past 3 otters.',"
    " 'a photo of a mill', x'6f14c8323a657ec39a2950f743ee899cc9363fdcbdbfbc3536f8e7ac8303bc5f')",
    "INSERT INTO words (rowid, turn) VALUES (1, 'Ines We rowed past 3 otters. a photo of a mill')",
    "PRAGMA user_version = 1",
)
# Version 2, as it was first written: turns may have tags.
VERSION_2 = (*VERSION_1, "ALTER TABLE turns ADD COLUMN tags TEXT", "PRAGMA user_version = 2")
# Version 3: turns may be corrected and forgotten.
VERSION_3 = (
    *VERSION_2,
    "CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "INSERT INTO state VALUES ('generation', 0), ('stale_words', 0), ('erase_due', 0)",
    "CREATE TABLE revisions (id TEXT NOT NULL, number INTEGER NOT NULL, time TEXT, fold INTEGER NOT NULL,"
    " utc_offset_us INTEGER, zone TEXT, speaker TEXT NOT NULL, text TEXT NOT NULL, caption TEXT NOT NULL,"
    " tags TEXT, PRIMARY KEY (id, number))",
    "CREATE TABLE forgotten (session TEXT PRIMARY KEY, highest TEXT NOT NULL, turns INTEGER NOT NULL)",
    "CREATE TABLE snapshot (name TEXT PRIMARY KEY, data BLOB NOT NULL)",
    "CREATE TRIGGER turn_deleted AFTER DELETE ON turns BEGIN"
    " UPDATE state SET value = value + 1 WHERE name IN ('generation', 'stale_words');"
    " DELETE FROM revisions WHERE id = OLD.id; END",
    "CREATE TRIGGER turn_changed AFTER UPDATE OF position, id, time, fold, utc_offset_us, zone, speaker, text, caption"
    " ON turns BEGIN UPDATE state SET value = value + 1 WHERE name IN ('generation', 'stale_words'); END",
    "CREATE TRIGGER tags_changed AFTER UPDATE OF tags ON turns BEGIN"
    " UPDATE state SET value = value + 1 WHERE name IN ('generation'); END",
    "PRAGMA user_version = 3",
)
# Version 4: what was imported from exports, and who is who.
VERSION_4 = (
    *VERSION_3,
    "CREATE TABLE conversations (number INTEGER PRIMARY KEY, format TEXT NOT NULL, scope TEXT NOT NULL,"
    " title TEXT NOT NULL, last INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE imported (position INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, key INTEGER NOT NULL,"
    " digest INTEGER, UNIQUE (key, conversation))",
    "CREATE TABLE people (kind TEXT NOT NULL, alias TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, alias))",
    "CREATE TRIGGER import_forgotten AFTER DELETE ON turns BEGIN"
    " DELETE FROM imported WHERE position = OLD.position; END",
    "PRAGMA user_version = 4",
)


def write_by_hand(path: Path, statements: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("statements", [VERSION_1, VERSION_2, VERSION_3, VERSION_4])
def test_a_hand_made_file_of_every_version_opens(statements: tuple[str, ...], tmp_path: Path) -> None:
    write_by_hand(tmp_path / "a.db", statements)
    with Archive(tmp_path / "a.db") as archive:
        assert list(archive.restore()) == archive.search("otter") == [INES]
        assert archive.add(INES) is False
        assert archive.extend(turns(3)) == 3
        assert archive.add(replace(INES, tags=("animal",))) is False
    with Archive(tmp_path / "a.db") as archive:
        assert list(archive.restore()) == [replace(INES, tags=("animal",)), *turns(3)]
    check_integrity(tmp_path / "a.db")


@pytest.mark.parametrize("version", [VERSION_1, VERSION_2, None])
def test_a_turn_that_another_program_deleted_is_found_no_more_and_the_index_is_mended(
    version: tuple[str, ...] | None, tmp_path: Path
) -> None:
    if version:
        write_by_hand(tmp_path / "a.db", (*version, "INSERT INTO words (rowid, turn) VALUES (7, 'otters of no turn')"))
    with Archive(tmp_path / "a.db") as archive:
        archive.extend([INES, *turns(3)])
        assert [one.id for one in archive.search("mill rowed", 9)] == ["D8:6"]
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
            connection.execute("DELETE FROM turns WHERE id = 'D8:6'")
        assert archive.search("mill rowed") == []
        assert {one.id for one in archive.search("otters", 3)} == {one.id for one in turns(3)}, "as many as asked for"
        assert archive.state() == {"generation": 1, "stale_words": 1, "erase_due": 0}
    with Archive(tmp_path / "a.db") as archive:
        assert archive.state()["stale_words"] == 0
        assert len(archive.search("otters", 9)) == 3
    check_integrity(tmp_path / "a.db")


def test_what_is_written_today_has_the_schema_of_the_hand_made_file(tmp_path: Path) -> None:
    assert len(MIGRATIONS) == 4
    schemas = []
    write_by_hand(tmp_path / "old.db", VERSION_4)
    with Archive(tmp_path / "new.db") as archive:
        archive.add(INES)
    for name in ("old.db", "new.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            dump = [line for line in connection.iterdump() if "_config" not in line and "words_" not in line]
            versions = connection.execute("PRAGMA application_id").fetchone()
            schemas.append((dump, versions, connection.execute("PRAGMA user_version").fetchone()))
    assert schemas[0] == schemas[1]
    assert schemas[1][1] == (APPLICATION_ID,)


def test_an_older_file_goes_through_the_later_migrations_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def m005_notes(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE notes (id TEXT)")

    def m006_rename(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE notes RENAME TO remarks")

    write_by_hand(tmp_path / "a.db", VERSION_1)
    monkeypatch.setattr(archive_module, "MIGRATIONS", (*MIGRATIONS, m005_notes, m006_rename))
    for path in (tmp_path / "a.db", tmp_path / "new.db", tmp_path / "a.db"):
        with Archive(path) as archive:
            archive.add(INES)
            assert list(archive.restore()) == [INES]
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT * FROM remarks").fetchall() == []
            assert connection.execute("PRAGMA user_version").fetchone() == (6,)
    monkeypatch.undo()
    with pytest.raises(ArchiveError, match="of schema version 6, this program knows 4; update it"):
        Archive(tmp_path / "a.db")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def m005_half(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM turns")
        connection.execute("DROP TABLE missing")

    write_by_hand(tmp_path / "a.db", VERSION_1)
    with Archive(tmp_path / "a.db") as archive:  # as it is from now on, in WAL mode
        archive.add(counted_turn(0))
    before = contents(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(archive_module, "MIGRATIONS", (*MIGRATIONS, m005_half))
        with pytest.raises(ArchiveError, match=r"a\.db: failed \(no such table: missing\)"):
            Archive(tmp_path / "a.db")
    assert contents(tmp_path) == before
    with Archive(tmp_path / "a.db") as archive:
        assert list(archive.restore()) == [INES, counted_turn(0)]
