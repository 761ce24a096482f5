"""A folder of chats: searched one by one or together, with results that say which chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.chats import render_name
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

MONDAY = datetime(2023, 5, 8, 13, 56)
CHATS = {
    "ines": ("I bought a xylophone.", "We rowed past 3 otters at the mill."),
    "Bo & co": ("The zeppelin leaves on Friday.", "I saw otters too."),
    "李雷": ("博物馆很好看。",),
    "empty": (),
}


def said_in(name: str) -> list[Turn]:
    return [Turn(1, number, name, text, MONDAY) for number, text in enumerate(CHATS[name], 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in CHATS:
        with AdaptiveMemory.open(tmp_path / f"{name}.db") as memory:
            memory.extend(said_in(name))
    (tmp_path / "notes.txt").write_text("no chat")
    (tmp_path / ".hidden.db").write_text("no chat")
    return tmp_path


def test_a_folder_is_a_library_of_its_files(folder: Path) -> None:
    with Memories.open(folder) as chats:
        assert sorted(chats) == sorted(CHATS)
        assert {name: [turn.text for turn in chats[name].transcript()] for name in chats} == {
            name: list(said) for name, said in CHATS.items()
        }
        with pytest.raises(KeyError, match="no memory of conversation 'Zoe'; there are: "):
            chats["Zoe"]


def test_a_search_in_all_some_or_one_says_which_chat(folder: Path) -> None:
    with Memories.open(folder) as chats:
        found = chats.search("Who saw otters?", min_score=0.1)
        assert {chat for chat, _ in found} == {"ines", "Bo & co"} == set(found.chats)
        addresses = [(chat, turn.id) for chat, turn in found]
        assert addresses[0] == ("Bo & co", "D1:2")
        assert ("ines", "D1:2") in addresses
        assert str(found).splitlines()[:2] == ["# Bo & co", "[D1, 8 May 2023]"]
        assert found.text.endswith(f"# ines\n{found.by_chat['ines'].text}")
        assert found.by_chat["ines"].ids[0] == "D1:2"
        assert [score for _, _, score in found.ranked] == sorted((one[2] for one in found.ranked), reverse=True)
        assert chats.search("otters", chats="ines", min_score=0.1).chats == ("ines",)
        assert set(chats.search("otters", chats=["ines", "empty", "ines"]).chats) == {"ines"}
        assert str(chats.search("otters", chats="empty")) == "(nothing found)"
        assert chats.search("otters", speakers="ines").chats == ("ines",)
        with pytest.raises(KeyError, match="no memory of conversation 'Zoe'"):
            chats.search("otters", chats=["ines", "Zoe"])


@given(st.integers(0, 120), st.sampled_from(("otters", "zeppelin and xylophone", "博物馆", "nothing of the kind")))
def test_the_tokens_of_all_chats_fit_and_are_counted(budget_tokens: int, question: str) -> None:
    memories = Memories()
    for name in CHATS:
        memories[name] = AdaptiveMemory()
        memories[name].extend(said_in(name))
    found = memories.search(question, budget_tokens)
    assert found.tokens == count_tokens(found.text) <= budget_tokens
    assert "".join(f"# {chat}\n{one.text}" for chat, one in found.by_chat.items()) == found.text
    assert sorted((chat, turn.id) for chat, turn in found) == sorted(
        (chat, turn_id) for chat, one in found.by_chat.items() for turn_id in one.ids
    )


@given(
    st.integers(1, 300),
    st.sampled_from(("otters", "Who saw otters at the mill?", "zeppelin and xylophone", "When did Ines buy what?")),
    st.sampled_from((0.0, 0.2)),
)
def test_the_best_lines_of_all_chats_are_chosen_as_if_they_were_one_ranking(
    budget_tokens: int, question: str, min_score: float
) -> None:
    """The slow way: everything that each chat has, with its scores, in one list."""
    memories = Memories()
    for name in CHATS:
        memories[name] = AdaptiveMemory()
        memories[name].extend(replace(turn, session=session) for session in (1, 2, 3) for turn in said_in(name))
    alone = {name: memory.search(question, 100_000, min_score=min_score) for name, memory in memories.items()}
    every = [
        (-score, place, turn)
        for place, one in enumerate(alone.values())
        for turn, score in zip(one.turns, one.scores, strict=True)
    ]
    names, expected = list(alone), list[tuple[str, Turn]]()
    shown: dict[str, list[Turn]] = {}
    for _, place, turn in sorted(every, key=lambda one: one[:2]):
        tried = {**shown, names[place]: [*shown.get(names[place], ()), turn]}
        lines = {name: [line for line in alone[name].lines if line.turn in turns] for name, turns in tried.items()}
        text = "".join(render_name(name) + Evidence.of(some).text for name, some in lines.items())
        if count_tokens(text) <= budget_tokens:
            shown = tried
            expected.append((names[place], turn))
    found = memories.search(question, budget_tokens, min_score=min_score)
    part_of_best = len(found) == 1 and found.text.rstrip("\n").endswith("…")  # where the best line does not fit
    assert part_of_best or list(found) == expected


def test_a_budget_below_the_best_line_shows_a_part_of_it() -> None:
    memories = Memories()
    for name in ("ines", "bo"):
        memories[name] = AdaptiveMemory()
    memories["ines"].add("We rowed for hours. Then three otters came up to the boat. It rained later.", speaker="Ines")
    found = memories.search("Which otters came up?", 24)
    assert found.text.startswith("# ines\n")
    assert "otters" in found.text
    assert found.tokens == count_tokens(found.text) <= 24


def test_an_argument_that_a_search_in_chats_does_not_take_is_named() -> None:
    wrong: Any = Memories()
    with pytest.raises(TypeError, match="not keep"):
        wrong.search("otters", keep=["D1:1"])


def test_a_search_in_one_chat_finds_what_its_memory_finds(folder: Path) -> None:
    with Memories.open(folder) as chats:
        alone = chats["ines"].search("otters", 200)
        found = chats.search("otters", 200, chats="ines").by_chat["ines"]
        assert (found.text, found.ids, found.scores) == (alone.text, alone.ids, alone.scores)


def test_a_new_chat_is_a_new_file_and_a_new_folder_its_owners_alone(tmp_path: Path) -> None:
    with Memories.open(tmp_path / "all" / "chats", memory_tokens=100) as chats:
        assert (tmp_path / "all" / "chats").stat().st_mode & 0o777 == 0o700
        memory = chats.create("Ana, 2")
        memory.extend(said_in("ines"))
        assert chats.create("Ana, 2") is memory is chats["Ana, 2"]
        assert memory.memory_tokens == 100
    assert [one.name for one in (tmp_path / "all" / "chats").iterdir()] == ["Ana, 2.db"]
    with Archive(tmp_path / "all" / "chats" / "Ana, 2.db") as archive:
        assert list(archive.restore()) == said_in("ines")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "a\\b", ".hidden", "a\0", "x" * 101, "a:b", "end.", "a\nb"]
)
def test_a_name_that_is_no_files_is_refused(name: str, tmp_path: Path) -> None:
    with Memories.open(tmp_path) as chats:
        with pytest.raises(ValueError, match="is no name for a chat"):
            chats.create(name)
        assert list(chats) == list(tmp_path.iterdir()) == []


def test_files_and_turns_that_come_later_are_seen_at_a_refresh(folder: Path) -> None:
    with Memories.open(folder) as chats:
        assert len(chats["ines"]) == 2
        with AdaptiveMemory.open(folder / "new.db") as memory, AdaptiveMemory.open(folder / "ines.db") as ines:
            memory.add("Hello otters.", speaker="Ana")
            ines.add("More otters.", speaker="Ines")
        assert "new" not in chats
        assert chats.refresh() == 1
        assert len(chats["new"]) == 1
        assert len(chats["ines"]) == 3


def test_what_is_no_folder_or_no_chat_is_named(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"notes.txt: no folder for chats"):
        Memories.open(folder / "notes.txt")
    (folder / "broken.db").write_text("My diary\n" * 500)
    with Memories.open(folder) as chats, pytest.raises(ArchiveError, match=r"broken\.db: not an archive of turns"):
        chats.search("otters")
    wrong: Any = Memories()
    with pytest.raises(ValueError, match=r"create needs the folder of Memories.open\(folder\)"):
        wrong.create("ines")


def test_a_closed_library_says_so(folder: Path) -> None:
    chats = Memories.open(folder)
    chats.search("otters")
    chats.close()
    chats.close()
    with pytest.raises(ArchiveError, match="closed"):
        chats.search("otters")


def test_hours_are_shown_in_the_chats_that_have_them_within_the_budget() -> None:
    ines, bo = AdaptiveMemory(), AdaptiveMemory()
    ines.add("The ferry leaves at night.", speaker="Ines", time="2024-05-13T23:50")
    bo.add("The ferry was late.", speaker="Bo", time="2024-05-20")
    chats = Memories({"ines": ines, "bo": bo})
    assert "\n1 23:50 Ines: " in chats.search("the ferry", clock=True).text
    assert "\n1 Bo: " in chats.search("the ferry", clock=True).text
    for budget in range(0, 60, 3):
        found = chats.search("the ferry", budget, clock=True)
        assert count_tokens(found.text) == found.tokens <= budget


# -- more chats than may be open at once -------------------------------------------------------------------------------


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for number in range(14):
        with AdaptiveMemory.open(tmp_path / f"chat {number:02}.db") as memory:
            memory.extend(
                {
                    "text": "We saw the otters again!" if line % 3 else f"{line} otters rowed past mill {number}.",
                    "speaker": ("Ana", "Bo")[line % 2],
                    "time": f"2023-05-{1 + line:02}T14:05",
                }
                for line in range(number)
            )
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("how", [{}, {"min_score": 0.3}, {"clock": True}, {"speakers": "Bo", "since": "2023-05-03"}])
@pytest.mark.parametrize("budget_tokens", [20, 1_000, 20_000])
def test_a_search_in_more_chats_than_may_be_open_finds_the_same(
    many: Path, budget_tokens: int, how: dict[str, Any]
) -> None:
    with Memories.open(many) as chats, Memories.open(many) as few:
        few.most_open = 3
        few["chat 07"].add("Otters at mill 7, and this came later.", speaker="Bo", time="2023-06-01")
        chats.refresh()
        for question in ("Who saw otters?", "mill 5", "How often did we see the otters again?", "xylophone"):
            found, expected = (one.search(question, budget_tokens, **how) for one in (few, chats))
            assert (found.text, found.tokens, found.ranked) == (expected.text, expected.tokens, expected.ranked)
            assert few.open_count <= 3


def test_only_the_chats_opened_last_are_kept_open_and_the_others_can_be_used(many: Path) -> None:
    with Memories.open(many) as chats:
        chats.most_open = 3
        first = chats["chat 01"]
        lengths = {name: len(chats[name]) for name in chats}
        assert list(lengths.values()) == list(range(14))
        assert chats.open_count == 3
        first.add("Otters.", speaker="Ana")
        assert len(chats["chat 01"]) == 2
        assert chats.create("new").add("Otters.", speaker="Ana").id == "D1:1"
        assert chats.open_count == 3


def test_a_server_and_the_command_search_more_chats_than_they_keep_open(
    many: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pydantic", reason="needs pip install '.[serve]'")
    from memoryqa.cli import main
    from memoryqa.serve.operations import Operations

    with Memories.open(many) as chats, Memories.open(many) as few:
        expected = Operations(chats).search("Who saw 6 otters?")
        operations = Operations(few, max_open=3)
        assert operations.search("Who saw 6 otters?") == expected
        assert operations.open_chats <= 3
        assert len(operations.summaries()) == 14
        assert [len(few[name]) for name in few] == list(range(14))
        assert operations.open_chats == 12, "what reads all of them leaves most of them open no longer than that"
    monkeypatch.setattr(Memories, "most_open", 3)
    (many / "chat 08.db").write_bytes(b"no chat" * 1000)
    assert main(["search", "--store", str(many), "Who saw 6 otters?"]) == 0
    shown = capsys.readouterr()
    assert "6 otters rowed past mill 9." in shown.out
    assert "left out" in shown.err


def test_no_two_new_chats_look_the_same(tmp_path: Path) -> None:
    """macOS gives names with accents of their own, and some file systems have one file for both."""
    AdaptiveMemory.open(tmp_path / "Zoe\u0301.db").close()  # one that is there is used as it is
    with Memories.open(tmp_path) as chats:
        with pytest.raises(UsageError, match="has accents of their own"):
            chats.create("Rene\u0301")
        for name in ("Ren\u00e9", "Zoe\u0301", "\u0939\u093f\u0928\u094d\u0926\u0940"):
            assert chats.create(name).add("Otters.", speaker="Ana").id == "D1:1"
