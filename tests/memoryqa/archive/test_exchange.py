from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import conversations, tagged, texts

from locomo.formats.locomo import parse
from memoryqa.archive.exchange import exported, from_jsonl
from memoryqa.archive.saved import History
from memoryqa.cli import main
from memoryqa.memory import AdaptiveMemory
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)
SAID = (
    Turn(1, 1, "Ines", 'Hi!\nI said: "otters".', MONDAY, "a photo of a mill"),
    Turn(1, 2, "Bo", "=1+1, really", MONDAY, tags=("sum", "maths")),
    Turn(2, 1, "Ines", "李雷 rowed 🚣", MONDAY + timedelta(days=1, hours=12)),
)
zones = st.sampled_from(
    (None, timezone(timedelta(hours=-3)), timezone(timedelta(seconds=61), "Mine"), ZoneInfo("Europe/Lisbon"))
)


@st.composite
def zoned(draw: st.DrawFn) -> list[Turn]:
    return [
        replace(turn, time=turn.time and turn.time.replace(tzinfo=draw(zones), fold=draw(st.sampled_from((0, 1)))))
        for turn in draw(tagged(conversations()))
    ]


@given(zoned())
@example([replace(SAID[0], time=datetime(2023, 10, 29, 1, 30, fold=1, tzinfo=ZoneInfo("Europe/Lisbon")))])
@example([replace(SAID[0], text="\ud800", speaker="\u2028", session=2**70)])
def test_turns_come_back_from_jsonl_as_they_were(conversation: list[Turn]) -> None:
    written = "".join(exported(conversation, History(), "jsonl", "a"))
    written.encode()
    turns, history = from_jsonl(written.split("\n"))
    assert repr(turns) == repr(conversation)
    assert history == History()


@pytest.mark.slow
@given(zoned(), st.data())
@settings(max_examples=25)
def test_a_memory_comes_back_from_its_export_the_same(conversation: list[Turn], data: st.DataObject) -> None:
    memory = AdaptiveMemory(300)
    memory.extend(conversation)
    ids = [turn.id for turn in conversation]
    for turn_id in data.draw(st.lists(st.sampled_from(ids), max_size=3)) if ids else ():
        memory.correct(turn_id, data.draw(texts))
    if ids:
        memory.forget(data.draw(st.sampled_from(ids)))
    with tempfile.TemporaryDirectory() as folder:
        memory.export(Path(folder) / "a.jsonl")
        with AdaptiveMemory.open(Path(folder) / "b.db", memory_tokens=300) as stored:
            for other in (AdaptiveMemory(300), stored):
                assert other.import_jsonl(Path(folder) / "a.jsonl") == len(memory)
                assert repr(other.transcript().turns) == repr(memory.transcript().turns)
                assert (other.render(), other.stats()) == (memory.render(), memory.stats())
                for turn_id in set(ids) & {turn.id for turn in other.transcript()}:
                    assert other.revisions(turn_id) == memory.revisions(turn_id)
                other.export(Path(folder) / "c.jsonl")
                assert (Path(folder) / "c.jsonl").read_bytes() == (Path(folder) / "a.jsonl").read_bytes()
                expected = AdaptiveMemory(300)
                expected.import_jsonl(Path(folder) / "a.jsonl")
                assert other.add("Next.", speaker="Bo").id == expected.add("Next.", speaker="Bo").id


def test_an_import_takes_no_handle_of_a_forgotten_turn_again(tmp_path: Path) -> None:
    with AdaptiveMemory.open(tmp_path / "a.db") as memory:
        memory.extend(SAID)
        memory.export(tmp_path / "all.jsonl")
        memory.forget("D2:1")
        memory.export(tmp_path / "rest.jsonl")
        memory.forget(everything=True)
        with pytest.raises(ValueError, match="D1:1 may be the id of a turn that was forgotten"):
            memory.import_jsonl(tmp_path / "all.jsonl")
    with AdaptiveMemory.open(tmp_path / "b.db") as other:
        other.import_jsonl(tmp_path / "rest.jsonl")
    with AdaptiveMemory.open(tmp_path / "b.db") as other:
        assert other.stats().turns_forgotten == 1
        assert other.add("Next.", speaker="Bo", session=2).id == "D2:2"


def test_what_is_exported_is_searched_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = AdaptiveMemory()
    memory.extend(SAID)
    memory.forget("D1:2")
    assert memory.export(tmp_path / "a.jsonl") == 2
    assert (tmp_path / "a.jsonl").stat().st_mode & 0o777 == 0o600
    assert main(["search", str(tmp_path / "a.jsonl"), "Who rowed?"]) == 0
    assert "李雷 rowed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nothing", "Expecting value"),
        ("[]", "object|indices|list"),
        ("3", "int"),
        ('{"session": 1}', "speaker is missing"),
        ('{"session": "1", "number": 1, "speaker": "A", "text": "x"}', "session must be a whole number"),
        ('{"session": 1, "number": 1, "speaker": "A", "text": "x", "time": "soon"}', "soon"),
        (
            '{"session": 1, "number": 1, "speaker": "A", "text": "x", "time": "2023-05-25", "zone": "No/Where"}',
            "No/Where",
        ),
        ("[" * 10_000, "recursion|Expecting"),
        ('{"memoryqa_export": {"forgotten": [[1]]}}', "unpack"),
    ],
)
def test_a_line_of_something_else_is_named(line: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"\n{line}\n")
    memory = AdaptiveMemory()
    with pytest.raises(ValueError, match=f"line 2: no turn as export wrote it .*({reason})"):
        memory.import_jsonl(tmp_path / "a.jsonl")
    assert len(memory) == 0


def test_csv_has_a_row_for_each_turn() -> None:
    rows = list(csv.DictReader(io.StringIO("".join(exported(SAID, History(), "csv", "a")), newline="")))
    assert [row["text"] for row in rows] == [turn.text for turn in SAID]
    assert rows[1] == {
        **{"id": "D1:2", "session": "1", "number": "2", "speaker": "Bo", "time": "2023-05-08T13:56:00"},
        **{"text": "=1+1, really", "caption": "", "tags": "sum; maths"},
    }


def test_markdown_has_a_heading_for_each_session() -> None:
    assert "".join(exported(SAID, History(), "markdown", "a")) == (
        "## D1, 8 May 2023\n\n"
        '- 1 **Ines**: Hi!\n  I said: "otters". (photo: a photo of a mill)\n'
        "- 2 **Bo**: =1+1, really\n"
        "\n## D2, 10 May 2023\n\n"
        "- 1 **Ines**: 李雷 rowed 🚣\n"
    )


def test_what_is_exported_for_locomo_is_read_as_locomo() -> None:
    written = "".join(exported(SAID, History(), "locomo", "ines"))
    (conversation,) = parse(written.encode()).conversations
    assert conversation.id == "ines"
    assert [replace(turn, tags=()) for turn in SAID] == list(conversation.turns)
    assert json.loads(written)[0]["conversation"]["speaker_b"] == "Bo"
    with pytest.raises(ValueError, match="needs a time for each session, and session 3 has none; use JSONL"):
        list(exported([Turn(3, 1, "Bo", "x")], History(), "locomo", "a"))


@pytest.mark.parametrize("format_name", ["jsonl", "csv", "markdown", "locomo"])
def test_files_of_every_format_are_written_whole_by_suffix_or_name(format_name: str, tmp_path: Path) -> None:
    memory = AdaptiveMemory()
    memory.extend(SAID)
    suffix = {"jsonl": ".jsonl", "csv": ".CSV", "markdown": ".md", "locomo": ".json"}[format_name]
    memory.export(tmp_path / f"ines{suffix}")
    memory.export(tmp_path / "ines", format=format_name)
    expected = "".join(exported(SAID, History(), format_name, "ines")).encode()
    assert (tmp_path / f"ines{suffix}").read_bytes() == (tmp_path / "ines").read_bytes() == expected
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_exported_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    memory = AdaptiveMemory()
    memory.add(Turn(3, 1, "Bo", "x"))
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("a.txt", {}, "no format for files .txt; use .jsonl, .csv, .md, .json, or format="),
        ("a", {"format": "xml"}, "format must be jsonl, csv, markdown, locomo, got 'xml'"),
        ("a.json", {}, "LoCoMo's format needs a time"),
        ("none/a.csv", {}, "cannot be written there"),
    ]
    for name, arguments, message in wrong:
        with pytest.raises(ValueError, match=message):
            memory.export(tmp_path / name, **arguments)
    for name in ("none.jsonl", "."):
        with pytest.raises(ValueError, match="cannot be read"):
            memory.import_jsonl(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
