"""The index that is kept in a file: used where it may be, never where it would be wrong."""

from __future__ import annotations

import logging
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conversations, tagged

from memoryqa import transcript
from memoryqa.archive.database import Archive
from memoryqa.memory import AdaptiveMemory, adaptive, kept_index, stored
from memoryqa.rendering import render_turn
from memoryqa.search.ranking import PassageIndex
from memoryqa.store import snapshot
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)
LONG = "We rowed past the mill. " * 30 + "\n\n- otters\n- swans\n\n" + "Then it rained on Tuesday. " * 20


def turns(num_turns: int, first: int = 0) -> list[Turn]:
    """Short and long ones, questions, replies, repeats, tags and photos."""
    texts = (
        "How many?",
        "{0} of them, last Friday.",
        "Thanks!",
        "Please call me back at the mill.",
        LONG + "{0}",
    )
    return [
        Turn(
            1 + n // 7,
            1 + n % 7,
            ("Ines", "Bo", "Zoé", "user")[n % 4],
            texts[n % 5].format(n),
            MONDAY + timedelta(days=n // 7) if n % 3 else None,
            "a photo of a boat" if n % 6 == 1 else "",
            ("animal", f"tag{n}") if n % 8 == 2 else (),
        )
        for n in range(first, first + num_turns)
    ]


@pytest.fixture(autouse=True)
def kept_always(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AT_THE_END", "WHILE_ADDING"):
        monkeypatch.setattr(adaptive, name, (0, 0.0))


@pytest.fixture
def indexed(monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """The turns that were indexed from now on."""
    added: list[Turn] = []
    extend = PassageIndex.extend

    def note(self: PassageIndex, new: Any) -> None:
        added.extend(turn for turn, _ in new)
        extend(self, new)

    monkeypatch.setattr(PassageIndex, "extend", note)
    return added


def fresh(said: list[Turn], memory_tokens: int = 300, **other: Any) -> AdaptiveMemory:
    memory = AdaptiveMemory(memory_tokens, **other)
    memory.extend(said)
    return memory


def check_same(one: AdaptiveMemory, other: AdaptiveMemory) -> None:
    assert repr(other) == repr(one)
    for query in (["How many otters were there?", "boat"], "What did Zoé say in May 2023?", "animal", "call back mill"):
        for scope in ("all", "working"):
            found, expected = other.search(query, 200, scope=scope), one.search(query, 200, scope=scope)
            assert (found, found.scores, found.lines) == (expected, expected.scores, expected.lines)
    assert other.render() == one.render()
    assert other.stats() == one.stats()
    assert other.lines() == one.lines()
    assert other.losses() == one.losses()
    assert list(other.archived()) == list(one.archived())
    if len(one):
        assert other.add("And then?", speaker="Bo") == one.add("And then?", speaker="Bo")


@pytest.mark.slow
@pytest.mark.parametrize("memory_tokens", [30, 300, 20_000])
@pytest.mark.parametrize("compaction", ["coverage", "recency"])
def test_an_opened_memory_takes_its_index_from_the_file(
    memory_tokens: int, compaction: str, tmp_path: Path, indexed: list[Turn]
) -> None:
    path = tmp_path / "a.db"
    AdaptiveMemory.open(path, memory_tokens=memory_tokens, compaction=compaction).close()
    for count in range(0, 60, 5):
        with AdaptiveMemory.open(path) as memory:
            memory.extend(turns(5, first=count))
        indexed.clear()
        with AdaptiveMemory.open(path) as memory:
            assert indexed == []
            copy = tmp_path / f"{count}.db"
            memory.save(copy)
            check_same(fresh(turns(count + 5), memory_tokens, compaction=compaction), AdaptiveMemory.open(path))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DELETE FROM turns WHERE position = (SELECT max(position) FROM turns)")  # "And then?"


@pytest.mark.slow
@given(tagged(conversations()), st.data())
@settings(max_examples=60)
def test_random_conversations_are_the_same_opened_at_any_turn(conversation: list[Turn], data: st.DataObject) -> None:
    kept_after = data.draw(st.integers(0, len(conversation)))
    tokens = data.draw(st.sampled_from((20, 200, 20_000)))
    with tempfile.TemporaryDirectory() as folder:
        with AdaptiveMemory.open(Path(folder) / "a.db", memory_tokens=tokens) as memory:
            memory.extend(conversation[:kept_after])
        with Archive(Path(folder) / "a.db") as archive:
            archive.extend(conversation[kept_after:])  # which come after the index that is kept
        with AdaptiveMemory.open(Path(folder) / "a.db") as memory:
            check_same(fresh(conversation, tokens), memory)


def test_a_search_in_an_opened_memory_renders_no_short_turn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dates, filler and tokens of its lines are in the file, however often it was opened and kept again."""
    for count in (40, 70):
        with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
            memory.extend(turns(count)[len(memory) :])
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        rendered = []

        def note(turn: Turn, *other: Any) -> Any:
            rendered.append(turn)
            return render_turn(turn, *other)

        monkeypatch.setattr(transcript, "render_turn", note)
        found = memory.search("How many otters were there last Friday, Zoé?", 4000)
        assert len(found.ids) > 30
        assert {turn.text[:7] for turn in rendered} <= {LONG[:7]}
        monkeypatch.undo()
        assert found == fresh(turns(70)).search("How many otters were there last Friday, Zoé?", 4000)
        assert memory.lines() == fresh(turns(70)).lines()


def test_an_index_that_other_code_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indexed: list[Turn]
) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
        memory.extend(turns(20))
    monkeypatch.setattr(snapshot, "_code_digest", lambda: "other code")
    for expected in (20, 0):
        indexed.clear()
        with AdaptiveMemory.open(tmp_path / "a.db") as memory:
            assert len(indexed) == expected, "once"
            assert memory.render() == fresh(turns(20)).render()


def test_every_module_that_shapes_an_index_is_in_the_digest() -> None:
    names = {name for name, _ in snapshot._code()}
    assert {"terms.py", "word_lists.py", "postings.py", "coverage.py", "rendering.py", "transcript.py"} <= names
    assert snapshot._code_digest() == snapshot._code_digest.__wrapped__()


def test_other_settings_read_the_turns_anew_and_leave_the_index_that_is_kept(
    tmp_path: Path, indexed: list[Turn]
) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
        memory.extend(turns(20))
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=30) as memory:
        check_same(fresh(turns(20), 30), memory)
    indexed.clear()
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        assert [turn.text for turn in indexed] == ["And then?"], "what came after the index was kept"


def rows_of(path: Path) -> dict[str, bytes]:
    with Archive(path) as archive:
        return archive.snapshot()


@pytest.mark.slow
def test_a_damaged_index_is_made_anew(tmp_path: Path, indexed: list[Turn]) -> None:
    path = tmp_path / "a.db"
    with AdaptiveMemory.open(path, memory_tokens=300) as memory:
        memory.extend(turns(20))
    rows = rows_of(path)
    assert len(rows) > 30
    for name, data in rows.items():
        for damaged in (data[:-1] + bytes([data[-1] ^ 1]), None):
            with closing(sqlite3.connect(path)) as connection, connection:
                if damaged is None:
                    connection.execute("DELETE FROM snapshot WHERE name = ?", (name,))
                else:
                    connection.execute("UPDATE snapshot SET data = ? WHERE name = ?", (damaged, name))
            indexed.clear()
            with AdaptiveMemory.open(path) as memory:
                assert len(indexed) == 20
                assert memory.search("otters in May").lines == fresh(turns(20)).search("otters in May").lines
    assert rows_of(path) == rows


def test_a_change_by_another_program_makes_the_index_anew(tmp_path: Path, indexed: list[Turn]) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
        memory.extend(turns(20))
    said = turns(20)
    said[3] = replace(said[3], tags=("telephone",))
    with Archive(tmp_path / "a.db") as archive:
        archive.add(said[3])
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        check_same(fresh(said), memory)


def test_a_memory_that_has_not_seen_a_change_does_not_keep_its_index(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as writer, AdaptiveMemory.open(tmp_path / "a.db") as stale:
        writer.extend(turns(9))
        stale.refresh()
        writer.forget(person="Bo")
        stale._keep_index((-1, 0.0))
        assert rows_of(tmp_path / "a.db") == {}
        writer._keep_index((-1, 0.0))
        kept = rows_of(tmp_path / "a.db")
        assert kept
        stale._keep_index((-1, 0.0))
        assert rows_of(tmp_path / "a.db") == kept


@pytest.mark.parametrize(("when", "counts"), [((500, 0.05), [501, 1_002, 1_503]), ((10, 0.5), [11, 23, 47])])
def test_the_index_is_kept_after_so_many_turns(
    when: tuple[int, float], counts: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, kept = list[int](), 0
    for total in range(1, counts[-1] + 1):
        if kept_index.is_due(total - kept, total, when):
            written.append(total)
            kept = total
    assert written == counts
    assert kept_index.WHILE_ADDING == (500, 0.05)


def test_few_messages_at_once_keep_the_index_as_rarely_as_single_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program sends one message at a time; the index was written after every twenty."""
    for name in ("AT_THE_END", "WHILE_ADDING"):
        monkeypatch.setattr(adaptive, name, getattr(kept_index, name))
    written = list[int]()
    monkeypatch.setattr(stored, "keep", lambda archive, built, *rest: written.append(len(built.transcript.turns)))
    said = turns(600)
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(said[:30])
        assert written == [30]
        for first in range(30, 560, 2):
            memory.extend(said[first : first + 2])
        assert written == [30, 532]
        memory.extend(said[560:])
        assert written == [30, 532, 600]


def test_all_of_an_index_can_be_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new kind of attribute needs a kind in columns.py, or to be built anew in snapshot.py."""
    with caplog.at_level(logging.WARNING), AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=50) as memory:
        memory.extend(turns(40))
    assert rows_of(tmp_path / "a.db")
    assert caplog.messages == []


@pytest.mark.parametrize("base", [2**63, 10**30])
@pytest.mark.parametrize("name", ["session", "number"])
def test_an_index_of_numbers_that_no_array_holds_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, base: int
) -> None:
    said = [replace(turn, **{name: getattr(turn, name) + base}) for turn in turns(9)]
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=300) as memory:
        memory.extend(said)
    assert rows_of(tmp_path / "a.db")
    assert caplog.messages == []
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        assert memory.lines() == fresh(said).lines()


def lines_read(memory: AdaptiveMemory) -> int:
    return sum(line is not None for line in memory._transcript.full._items)  # type: ignore[attr-defined]


def test_opening_and_searching_renders_few_lines(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=100) as memory:
        memory.extend(turns(300))
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.search("How many?", 110)
        assert lines_read(memory) < 100
        assert len(memory.lines()) > 300


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[AdaptiveMemory]:
    with AdaptiveMemory.open(tmp_path / "a.db", memory_tokens=100) as one:
        one.extend(turns(30))
    with AdaptiveMemory.open(tmp_path / "a.db") as one:
        yield one


def test_a_memory_that_was_read_on_demand_can_be_changed_ranked_and_copied(memory: AdaptiveMemory) -> None:
    said = turns(30)
    memory.correct("D1:3", "Nothing at all.")
    said[2] = replace(said[2], text="Nothing at all.")
    other = memory.with_ranking(replace(memory.config.ranking, window_before=0.1))
    expected = fresh(said, 100).with_ranking(replace(memory.config.ranking, window_before=0.1))
    assert other.search("otters").lines == expected.search("otters").lines
    check_same(fresh(said, 100), memory)


@contextmanager
def counted_reader(path: Path, said: list[Turn]) -> Iterator[tuple[kept_index.TurnReader, list[int]]]:
    """A reader of `said` from a file, and how many turns each of its reads took."""
    with Archive(path) as archive:
        archive.extend(said)
        reads = list[int]()

        class Counted:
            path = "a.db"

            def between(self, first: int, last: int) -> list[Turn]:
                found = archive.between(first, last)
                reads.append(len(found))
                return found

        yield kept_index.TurnReader(Counted(), [position for position, _ in archive.after(0)]), reads  # type: ignore[arg-type]


def test_turns_are_read_ahead_only_while_they_are_asked_for_in_order(tmp_path: Path) -> None:
    said = turns(2_000)
    with counted_reader(tmp_path / "a.db", said) as (read, reads):
        assert [read(number) for number in range(2_000)] == said
        assert len(reads) < 20
        reads.clear()
        for number in range(0, 1_990, 10):  # as the best lines of a search are beside each other
            assert [read(number), read(number + 1)] == said[number : number + 2]
        assert sum(reads) < 4 * 200


def test_turns_of_a_file_that_is_searched_often_are_read_with_those_around_them(tmp_path: Path) -> None:
    said = turns(2_000)
    with counted_reader(tmp_path / "a.db", said) as (read, reads):
        numbers = list(range(2_000))
        random.Random(1).shuffle(numbers)
        assert [read(number) for number in numbers] == [said[number] for number in numbers]
        assert len(reads) < 256 + 2_000 / 16 + 20
