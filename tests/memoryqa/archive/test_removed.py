"""What a memory does whose file is removed, or replaced by another one, behind its back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memoryqa.archive.file import ArchiveError
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.serve.open_chats import OpenChats, UnknownError


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def replace(path: Path) -> None:
    with AdaptiveMemory.open(path.with_name("other.db")) as other:
        other.add("Written by somebody else.", speaker="Bo")
    remove_all(path)
    path.with_name("other.db").rename(path)


@pytest.mark.parametrize("change", [remove, remove_all, replace])
def test_nothing_is_acknowledged_that_would_be_lost(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "ines.db"
    with AdaptiveMemory.open(path) as memory:
        memory.add("I moved to Porto.", speaker="Ines")
        assert not memory.is_gone
        change(path)
        assert memory.is_gone
        with pytest.raises(
            ArchiveError, match=r"ines\.db: was removed or replaced while it was open; .* open it again"
        ):
            memory.add("And on to Faro.", speaker="Ines")
        assert [turn.text for turn in memory.turns()] == ["I moved to Porto."]
    assert path.exists() == (change is replace)


def test_a_memory_without_a_file_is_never_gone() -> None:
    assert not AdaptiveMemory().is_gone


def test_a_memory_that_is_opened_by_a_relative_path_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with AdaptiveMemory.open("ines.db") as memory:
        monkeypatch.chdir("/")
        memory.add("I moved to Porto.", speaker="Ines")


@pytest.mark.parametrize("opened", [True, False])
def test_a_folder_leaves_out_what_was_removed_and_opens_what_was_replaced_anew(tmp_path: Path, opened: bool) -> None:
    with Memories.open(tmp_path) as made:
        for name in ("ines", "bo"):
            made.create(name).add("I moved to Porto.", speaker="Ines")
    with Memories.open(tmp_path) as chats:
        if opened:
            assert len(chats["ines"]) == len(chats["bo"]) == 1
        remove_all(tmp_path / "ines.db")
        replace(tmp_path / "bo.db")
        chats.refresh()
        assert list(chats) == ["bo"]
        assert [turn.text for turn in chats["bo"].turns()] == ["Written by somebody else."]
        assert chats.create("ines").add("Here again.", speaker="Ines").id == "D1:1"
    assert (tmp_path / "ines.db").exists()


def test_a_server_says_that_a_chat_is_removed_and_adds_to_the_one_in_its_place(tmp_path: Path) -> None:
    with Memories.open(tmp_path) as memories:
        chats = OpenChats(memories)
        for name in ("ines", "bo", "ana"):
            chats.memory(name, create=True).add("I moved to Porto.", speaker="Ines")
        for name in ("ines", "ana"):
            remove_all(tmp_path / f"{name}.db")
        replace(tmp_path / "bo.db")
        with pytest.raises(UnknownError, match="there is no chat 'ines'"):
            chats.memory("ines")
        chats.memory("bo").add("And I, too.", speaker="Ines")
        chats.memory("ana", create=True).add("Anew.", speaker="Ana")
        assert chats.names() == ["ana", "bo"]
    with Memories.open(tmp_path) as memories:
        assert [turn.text for turn in memories["bo"].turns()] == ["Written by somebody else.", "And I, too."]
        assert [turn.text for turn in memories["ana"].turns()] == ["Anew."]


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove_log(path: Path) -> None:
    path.with_name("ines.db-wal").unlink()


def remove_index_of_log(path: Path) -> None:
    path.with_name("ines.db-shm").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (empty, r"ines\.db: was emptied while it was open; nothing was written; restore it from a copy"),
        (remove_log, r"ines\.db-wal: was removed or replaced while it was open; nothing was written; open it again"),
        (remove_index_of_log, r"ines\.db-shm: was removed or replaced while it was open; .* open it again"),
    ],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_is_written_beside_a_log_of_others(
    tmp_path: Path, change: Callable[[Path], None], message: str, is_new: bool
) -> None:
    """Without its log, or with another one than a second process has, a file loses turns or is damaged."""
    path = tmp_path / "ines.db"
    if not is_new:
        AdaptiveMemory.open(path).close()
    with AdaptiveMemory.open(path) as memory:
        memory.add("I moved to Porto.", speaker="Ines")
        change(path)
        assert memory.is_gone
        for write in (lambda: memory.add("And on.", speaker="Ines"), lambda: memory.forget("D1:1")):
            with pytest.raises(ArchiveError, match=message):
                write()
        assert [turn.text for turn in memory.turns()] == ["I moved to Porto."]
    if change is not empty:
        with AdaptiveMemory.open(path) as memory:
            assert [turn.text for turn in memory.turns()] == ["I moved to Porto."], "close wrote what was in the log"


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.0001])
@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_that_is_cut_short_is_read_and_written_no_more(tmp_path: Path, share: float, is_new: bool) -> None:
    path = tmp_path / "ines.db"
    memory = AdaptiveMemory.open(path)
    memory.extend({"text": f"I saw {number} otters in Porto.", "speaker": "Ines"} for number in range(2500))
    if not is_new:
        memory.close()
        memory = AdaptiveMemory.open(path)
    with memory:
        memory.add("And one more.", speaker="Ines")
        os.truncate(path, int(share * path.stat().st_size))
        assert memory.is_gone
        for use in (
            lambda: memory.search("Who saw otters?"),
            lambda: memory.add("And on.", speaker="Ines"),
            lambda: memory.correct("D1:1", "Nothing."),
            lambda: memory.forget("D1:1"),
        ):
            with pytest.raises(ArchiveError, match=r"ines\.db: was cut short while it was open; .* from a copy$"):
                use()


@pytest.mark.slow
def test_a_file_that_another_process_wrote_anew_and_smaller_is_not_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "ines.db"
    with AdaptiveMemory.open(path) as memory:
        memory.extend({"text": f"I saw {number} otters in Porto.", "speaker": "Ines"} for number in range(2500))
    with AdaptiveMemory.open(path) as memory, AdaptiveMemory.open(path) as other:
        memory.add("The last one.", speaker="Ines")
        before = path.stat().st_size
        other.forget([turn.id for turn in other.turns()[:2400]])
        assert path.stat().st_size < before
        assert not memory.is_gone
        memory.add("And on.", speaker="Ines")
        assert len(memory) == 102


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_writes_nothing_through_what_its_parent_opened(tmp_path: Path) -> None:
    """SQLite's locks do not hold between the two: https://sqlite.org/howtocorrupt.html 2.6."""
    code = (
        "import os, sys\n"
        "from memoryqa import AdaptiveMemory\n"
        "memory = AdaptiveMemory.open(sys.argv[1])\n"
        "memory.add('I moved to Porto.', speaker='Ines')\n"
        "if not os.fork():\n"
        "    try:\n"
        "        memory.add('And on to Faro.', speaker='Ines')\n"
        "    except Exception as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "memory.add('And on to Braga.', speaker='Ines')\n"
        "print([turn.text for turn in memory.turns()])\n"
    )
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "a.db")], capture_output=True)
    assert said.stdout.decode().splitlines() == [
        f"{tmp_path / 'a.db'}: was opened before this process was forked; open it again in this process",
        "['I moved to Porto.', 'And on to Braga.']",
    ], said.stderr.decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")
@pytest.mark.parametrize(("hard", "expected"), [(4096, "60 chats"), (128, "may open no more files; close some chats")])
def test_chats_may_need_more_files_than_a_process_may_open_at_first(tmp_path: Path, hard: int, expected: str) -> None:
    code = (
        "import resource, sys\n"
        "from memoryqa import Memories\n"
        "from memoryqa.memory import AdaptiveMemory\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, int(sys.argv[2])))\n"
        "chats = Memories.open(sys.argv[1])\n"
        "try:\n"
        "    found = [chats.create(f'chat {number}').add('Otters!', speaker='Ines') for number in range(60)]\n"
        "    print(len(chats.search('Who saw otters?', 2000)), 'chats of', len(found), '60 chats')\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(hard)], capture_output=True)
    assert expected in said.stdout.decode(), said.stderr.decode()
