from __future__ import annotations

import errno
import json
import os
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import archive_process
import numpy as np
import pytest
from archive_process import begin, contents, kill
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import conversations, sentences, tagged, texts

from memoryqa.archive import database as archive_module
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.archive.saved import save_memory
from memoryqa.config import CoverageConfig, DenseConfig, MemoryConfig, RankingConfig
from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import SESSION_GAP
from memoryqa.turns import Turn

INES = Turn(8, 6, "Ines", "We rowed past 3 otters.", datetime(2023, 5, 8, 13, 56), "a photo of a mill")
NEW_WEIGHTS = ("window_tokens", "role_weight", "length_weight", "code_weight")
RANKING = RankingConfig(window_before=0.5, window_after=0.0, bm25_k1=1.3, query_weight=0.1 + 0.2)

shares = st.floats(0, 1)
rankings = st.builds(
    RankingConfig,
    window_before=shares,
    window_after=shares,
    bm25_k1=st.floats(1e-6, 1e6),
    tag_weight=st.floats(0, 1e6),
    session_weight=st.floats(0, 1e6),
    question_prior=st.floats(-1e3, 1e3),
)


def memory_of(turns: list[Turn], budget_tokens: int = 20_000, **arguments: Any) -> AdaptiveMemory:
    memory = AdaptiveMemory(budget_tokens, **arguments)
    memory.extend(turns)
    return memory


def turn(number: int) -> Turn:
    return replace(archive_process.counted_turn(number), text=f"Hi! I counted {number} otters at mill {number % 7}.")


def turns(num_turns: int) -> list[Turn]:
    return [turn(number) for number in range(num_turns)]


def check_same(one: AdaptiveMemory, other: AdaptiveMemory, query: str = "Who counted 17 otters?") -> None:
    assert other.render() == one.render()
    assert other.stats() == one.stats()
    assert other.memory_tokens == one.memory_tokens
    assert list(other.archived()) == list(one.archived())
    assert other.transcript() == one.transcript()
    for scope in ("all", "working"):
        assert other.search([query, "otters"], 300, scope=scope) == one.search([query, "otters"], 300, scope=scope)
        assert repr(other.rank(query, scope=scope)) == repr(one.rank(query, scope=scope))


@pytest.mark.slow
@given(tagged(conversations()), st.integers(1, 400), rankings, st.one_of(sentences, texts))
@settings(max_examples=30)
@example([INES, replace(INES, session=1, text="\ud800 otters\0")], 20, RANKING, "otters")
def test_a_loaded_memory_is_the_one_that_was_saved(
    conversation: list[Turn], budget_tokens: int, ranking: RankingConfig, query: str
) -> None:
    memory = memory_of(conversation, budget_tokens, ranking=ranking)
    with tempfile.TemporaryDirectory() as folder:
        memory.save(Path(folder) / "a.db")
        loaded = AdaptiveMemory.load(Path(folder) / "a.db")
        check_same(memory, loaded, query)
        loaded.save(Path(folder) / "b.db")
        check_same(memory, AdaptiveMemory.load(Path(folder) / "b.db"), query)


def test_both_go_on_alike_after_a_load(tmp_path: Path) -> None:
    memory = memory_of(turns(40), 600, ranking=RANKING)
    memory.save(tmp_path / "a.db")
    loaded = AdaptiveMemory.load(tmp_path / "a.db")
    for one in (memory, loaded):
        one.extend(turns(80)[40:])
    assert memory.stats().turns_archived > 0 < memory.stats().turns_working
    check_same(memory, loaded)
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"], "neither a temporary file nor a log is left"


def test_arguments_take_the_place_of_what_was_saved(tmp_path: Path) -> None:
    memory_of(turns(60), 20_000, ranking=RANKING).save(tmp_path / "a.db")
    check_same(memory_of(turns(60), 300, ranking=RANKING), AdaptiveMemory.load(tmp_path / "a.db", memory_tokens=300))
    check_same(memory_of(turns(60)), AdaptiveMemory.load(tmp_path / "a.db", ranking=RankingConfig()))
    with pytest.raises(TypeError, match="budget"):
        AdaptiveMemory.load(tmp_path / "a.db", budget=300)


def test_recovery_is_kept_and_is_on_in_files_that_have_no_such_setting(tmp_path: Path) -> None:
    memory_of(turns(60), 300, recovery=False).save(tmp_path / "a.db")
    assert AdaptiveMemory.load(tmp_path / "a.db").recovery is False
    assert AdaptiveMemory.load(tmp_path / "a.db", recovery=True).recovery is True
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("DELETE FROM settings WHERE name = 'recovery'")
    check_same(memory_of(turns(60), 300), AdaptiveMemory.load(tmp_path / "a.db"))


def test_how_lines_are_chosen_is_kept_and_is_coverage_in_files_that_have_no_such_setting(tmp_path: Path) -> None:
    asked = [
        replace(turn, text=turn.text.replace(".", "?")) if number % 2 else turn for number, turn in enumerate(turns(60))
    ]
    by_recency = memory_of(asked, 300, compaction="recency")
    by_recency.save(tmp_path / "a.db")
    check_same(by_recency, AdaptiveMemory.load(tmp_path / "a.db"))
    weighed = memory_of(asked, 300, coverage=CoverageConfig(question_share=1.0, repeat_share=0.1))
    weighed.save(tmp_path / "b.db")
    check_same(weighed, AdaptiveMemory.load(tmp_path / "b.db"))
    shipped = memory_of(asked, 300)
    assert len({by_recency.render(), weighed.render(), shipped.render()}) == 3
    with closing(sqlite3.connect(tmp_path / "b.db")) as connection, connection:
        connection.execute("DELETE FROM settings WHERE name IN ('compaction', 'coverage')")
    check_same(shipped, AdaptiveMemory.load(tmp_path / "b.db"))


# -- with an embedder --------------------------------------------------------------------------------------------------


class Letters:
    """An embedder: how often each letter occurs."""

    alphabet: ClassVar[str] = "abcdefghijklmnopqrstuvwxyz"

    def __call__(self, texts: list[str]) -> np.ndarray[Any, Any]:
        return np.array([[text.count(letter) + 0.01 for letter in self.alphabet] for text in texts])


def test_a_memory_with_an_embedder_is_loaded_with_one_and_keeps_its_weights(tmp_path: Path) -> None:
    dense = DenseConfig(token_weight=0.0, turn_weight=1.5, ranking=RANKING)
    memory = memory_of(turns(60), 600, embedder=Letters(), dense=dense)
    memory.save(tmp_path / "a.db")
    check_same(memory, AdaptiveMemory.load(tmp_path / "a.db", embedder=Letters()))
    with pytest.raises(ArchiveError, match=r"a\.db: this memory ranked with an embedder; give embedder=\.\.\., or"):
        AdaptiveMemory.load(tmp_path / "a.db")
    by_words = AdaptiveMemory.load(tmp_path / "a.db", embedder=None)
    check_same(memory_of(turns(60), 600), by_words)
    assert by_words.rank("Who counted 17 otters?") != memory.rank("Who counted 17 otters?")


def test_a_memory_saved_when_a_model_read_several_turns_at_once_is_loaded(tmp_path: Path) -> None:
    memory = memory_of(turns(30), embedder=Letters(), dense=DenseConfig(token_weight=0.0, turn_weight=1.5))
    memory.save(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        (saved,) = connection.execute("SELECT value FROM settings WHERE name = 'dense'").fetchone()
        old = json.dumps({**json.loads(saved), "passage_pieces": 250})
        connection.execute("UPDATE settings SET value = ? WHERE name = 'dense'", (old,))
    check_same(memory, AdaptiveMemory.load(tmp_path / "a.db", embedder=Letters()))


def test_an_embedder_is_added_when_a_memory_is_loaded(tmp_path: Path) -> None:
    memory_of(turns(30)).save(tmp_path / "a.db")
    check_same(memory_of(turns(30), embedder=Letters()), AdaptiveMemory.load(tmp_path / "a.db", embedder=Letters()))


# -- over a file that is there -----------------------------------------------------------------------------------------


def test_saving_again_adds_what_has_come_and_what_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    memory_of(turns(20)).save(path)
    memory_of(turns(20)).save(path)
    memory = memory_of(turns(50), 300, ranking=RANKING)
    memory.save(path)
    check_same(memory, AdaptiveMemory.load(path))
    with Archive(path) as archive:
        assert list(archive.restore()) == turns(50)
        assert len(archive.search("otters", 100)) == 50


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ([INES], "holds another conversation: its D1:1 is not the D8:6 to be saved; choose another file"),
        ([*turns(9), replace(turn(9), text="Other.")], "its D1:10 is not the D1:10 to be saved"),
        ([turn(1), turn(0), *turns(30)[2:]], "its D1:1 is not the D1:2 to be saved"),
        (turns(19), "holds 20 turns, of which 19 are to be saved; load it and add to that, or choose another file"),
        ([], "holds 20 turns, of which 0 are to be saved"),
    ],
)
def test_another_conversation_is_never_mixed_in_nor_written_over(
    others: list[Turn], reason: str, tmp_path: Path
) -> None:
    memory_of(turns(20)).save(tmp_path / "a.db")
    before = contents(tmp_path)
    with pytest.raises(ArchiveError) as error:
        memory_of(others).save(tmp_path / "a.db")
    assert reason in str(error.value)
    assert contents(tmp_path) == before


def test_tags_that_came_later_are_saved_over_a_file_without_them(tmp_path: Path) -> None:
    memory_of(turns(20)).save(tmp_path / "a.db")
    tagged_turns = [replace(one, tags=("animal", "counting")) for one in turns(20)]
    memory_of(tagged_turns).save(tmp_path / "a.db")
    loaded = AdaptiveMemory.load(tmp_path / "a.db")
    check_same(memory_of(tagged_turns), loaded, "Which animal?")
    assert loaded.expand("D1:1").tags == ("animal", "counting")


def test_an_archive_kept_turn_by_turn_becomes_a_saved_memory_and_goes_on(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as archive:
        archive.extend(turns(20))
        with pytest.raises(ArchiveError, match=r"a\.db: an archive of turns, not a saved memory; extend\(\) a new"):
            AdaptiveMemory.load(tmp_path / "a.db")
        memory_of(turns(30), 300).save(tmp_path / "a.db")
        archive.add(turn(30))  # through the connection of before
        check_same(memory_of(turns(31), 300), AdaptiveMemory.load(tmp_path / "a.db"))


def test_a_file_that_is_not_ours_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("My diary")
    (tmp_path / "folder").mkdir()
    before = contents(tmp_path)
    for name in ("a.db", "folder"):
        with pytest.raises(ArchiveError, match=f"{name}: (not an archive|a folder)"):
            memory_of(turns(3)).save(tmp_path / name)
        with pytest.raises(ArchiveError, match=f"{name}: (not an archive|a folder)"):
            AdaptiveMemory.load(tmp_path / name)
    with pytest.raises(ArchiveError, match=r"gone\.db: no such file"):
        AdaptiveMemory.load(tmp_path / "gone.db")
    with pytest.raises(ArchiveError, match=r"the folder .*gone does not exist; create it first"):
        memory_of(turns(3)).save(tmp_path / "gone" / "a.db")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_the_log_of_a_deleted_archive_is_not_played_into_a_new_one(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a.db{suffix}").write_bytes(b"of another file")
    with pytest.raises(ArchiveError, match=rf"a\.db{suffix}: left over from an archive that was deleted; delete it"):
        memory_of(turns(3)).save(tmp_path / "a.db")
    assert contents(tmp_path) == {f"a.db{suffix}": b"of another file"}


def test_a_file_that_comes_while_a_new_one_is_written_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def slow_link(source: Path, target: Path) -> None:
        memory_of(turns(10)).save(tmp_path / "other.db")
        (tmp_path / "other.db").rename(target)
        link(source, target)

    monkeypatch.setattr(os, "link", lambda source, target: slow_link_once(source, target))
    calls: list[Path] = []

    def slow_link_once(source: Path, target: Path) -> None:
        calls.append(target)
        (slow_link if len(calls) == 1 else link)(source, target)

    memory_of(turns(20)).save(tmp_path / "a.db")
    check_same(memory_of(turns(20)), AdaptiveMemory.load(tmp_path / "a.db"))
    calls.clear()
    with pytest.raises(ArchiveError, match="holds another conversation"):
        memory_of([INES]).save(tmp_path / "b.db")
    check_same(memory_of(turns(10)), AdaptiveMemory.load(tmp_path / "b.db"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.db", "b.db"]


# -- whole or not at all -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_while_saving_a_new_file_is_complete_or_absent(tmp_path: Path) -> None:
    chance, found, attempt = random.Random(8), set(), 0
    while attempt < 8 or (attempt < 40 and len(found) < 2):  # a busy machine takes longer over it
        path, attempt = tmp_path / f"{attempt}.db", attempt + 1
        process = begin("save", path)
        time.sleep(chance.uniform(0, 0.06 * attempt))
        saved = "saved" in kill(process)
        found.add(path.exists())
        assert path.exists() or not saved
        if path.exists():
            with Archive(path) as archive:
                assert len(archive) == archive_process.SAVED_TURNS
                assert archive.settings()["memory_tokens"] == 500
    assert found == {True, False}


@pytest.mark.slow
def test_killed_while_saving_over_a_file_it_holds_the_old_or_the_new(tmp_path: Path) -> None:
    chance, path = random.Random(9), tmp_path / "a.db"
    for _ in range(6):
        path.unlink(missing_ok=True)
        tiny = MemoryConfig(memory_tokens=7)
        save_memory(path, [archive_process.counted_turn(n) for n in range(10)], tiny, None, SESSION_GAP)
        process = begin("save", path)
        time.sleep(chance.uniform(0, 0.3))
        kill(process)
        with Archive(path) as archive:
            assert (len(archive), archive.settings()["memory_tokens"]) in [(10, 7), (archive_process.SAVED_TURNS, 500)]
        for suffix in ("-wal", "-shm"):
            assert not path.with_name(path.name + suffix).exists()


def test_on_a_full_disk_nothing_is_left_of_a_new_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    memory_of(turns(10)).save(tmp_path / "a.db")
    before, limits = contents(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        for name in ("a.db", "b.db"):
            with pytest.raises(ArchiveError, match="the disk cannot be read or written"):
                save_memory(tmp_path / name, turns(900), MemoryConfig(memory_tokens=9), None, SESSION_GAP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(tmp_path) == before
    check_same(memory_of(turns(10)), AdaptiveMemory.load(tmp_path / "a.db"))


def test_a_file_system_without_hard_links_takes_a_first_save_and_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for num_turns in (3, 9):
        memory_of(turns(num_turns)).save(tmp_path / "a.db")
        check_same(memory_of(turns(num_turns)), AdaptiveMemory.load(tmp_path / "a.db"))
    assert [one.name for one in tmp_path.iterdir()] == ["a.db"]
    with pytest.raises(ArchiveError, match="holds another conversation"):
        memory_of([INES]).save(tmp_path / "a.db")


# -- other versions ----------------------------------------------------------------------------------------------------


def test_settings_of_another_version_are_named(tmp_path: Path) -> None:
    memory_of(turns(3)).save(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("UPDATE settings SET value = '{\"moon_weight\": 1.0}' WHERE name = 'ranking'")
    with pytest.raises(ArchiveError, match=r"a\.db: saved by another version \(.*'moon_weight'\); give ranking=\.\.\."):
        AdaptiveMemory.load(tmp_path / "a.db")
    check_same(memory_of(turns(3)), AdaptiveMemory.load(tmp_path / "a.db", ranking=RankingConfig()))


def test_a_newer_file_is_refused_by_load_and_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory_of(turns(3)).save(tmp_path / "a.db")
    monkeypatch.setattr(archive_module, "MIGRATIONS", ())
    before = contents(tmp_path)
    for use in (lambda: AdaptiveMemory.load(tmp_path / "a.db"), lambda: memory_of(turns(4)).save(tmp_path / "a.db")):
        with pytest.raises(ArchiveError, match="of schema version 4, this program knows 0; update it"):
            use()
    assert contents(tmp_path) == before


def test_what_cannot_be_written_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    memory = AdaptiveMemory()
    for path in (tmp_path / "none" / "a.db", tmp_path / ("x" * 300)):
        with pytest.raises(ArchiveError) as caught:
            memory.save(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert ".tmp" not in str(caught.value)


def test_a_name_with_nul_is_refused() -> None:
    with pytest.raises(ArchiveError, match="contains NUL; choose another"):
        AdaptiveMemory().save("a\0b")


@pytest.mark.parametrize("length", [180, 210, 217, 230, 247, 248, 255, 300])
@pytest.mark.parametrize("letter", ["x", "é", "語"])
def test_a_long_name_is_a_files_or_refused_in_one_line(letter: str, length: int, tmp_path: Path) -> None:
    """In bytes; SQLite needs eight more for its journal."""
    size = len(letter.encode())
    path = tmp_path / (letter * (length // size) + "y" * (length % size))
    memory = AdaptiveMemory()
    memory.add("I moved to Porto.", speaker="Ana")
    if length <= 247:
        memory.save(path)
        memory.save(path)
        assert len(AdaptiveMemory.load(path)) == 1
        return
    for use in (memory.save, AdaptiveMemory.open):
        with pytest.raises(ArchiveError, match="File name too long"):
            use(path)
    with pytest.raises(ArchiveError):
        AdaptiveMemory.load(path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_any_name_is_loaded_by_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    memory = memory_of(turns(3))
    for name in (":memory:", "a?b#c%20.db", "\udcff.db"):
        memory.save(name)
        memory.save(name)
        assert AdaptiveMemory.load(name).search("otters") == memory.search("otters")


def test_a_memory_saved_before_passages_is_loaded_with_todays_windows_and_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory_of(turns(30), 300, ranking=RankingConfig(bm25_k1=1.3)).save(tmp_path / "a.db")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        (saved,) = connection.execute("SELECT value FROM settings WHERE name = 'ranking'").fetchone()
        old = {name: value for name, value in json.loads(saved).items() if name not in NEW_WEIGHTS}
        old |= {"window_before": [0.6, 0.4, 0.2], "window_after": [0.3, 0.2, 0.1]}
        connection.execute("UPDATE settings SET value = ? WHERE name = 'ranking'", (json.dumps(old),))
    loaded = AdaptiveMemory.load(tmp_path / "a.db")
    check_same(memory_of(turns(30), 300, ranking=RankingConfig(bm25_k1=1.3)), loaded)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
