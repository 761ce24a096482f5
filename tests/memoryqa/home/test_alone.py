"""Imports into one folder wait for each other, so that the same export at once is imported once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from checkout import ROOT

from memoryqa.home.alone import alone_in
from memoryqa.home.importing import import_export
from memoryqa.memories import Memories

CHAT = "".join(f"13/05/2024, 10:{minute:02} - Ines: The kettle has {minute} cups.\n" for minute in range(60))
unix = pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "WhatsApp Chat with Ines.txt"
    path.write_text(CHAT, encoding="utf-8")
    return path


@unix
@pytest.mark.parametrize("is_shared", [True, False])
def test_threads_that_import_the_same_export_add_it_once(is_shared: bool, export: Path, tmp_path: Path) -> None:
    folder, barrier, added = tmp_path / "store", threading.Barrier(4), []
    with Memories.open(folder) as shared:

        def add() -> None:
            with Memories.open(folder) as own:
                barrier.wait()
                added.append(import_export(shared if is_shared else own, export).chats[0].added)

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shared.refresh()
        assert sorted(added) == [0, 0, 0, 60]
        assert {name: len(memory) for name, memory in shared.items()} == {"Ines": 60}


@unix
def test_who_waits_is_told_so(export: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Memories.open(tmp_path / "store") as memories:
        thread = threading.Thread(target=import_export, args=(memories, export))
        with alone_in(memories.folder):
            thread.start()
            deadline = time.monotonic() + 30
            while not caplog.messages and time.monotonic() < deadline:
                time.sleep(0.01)
            assert caplog.messages == [f"waiting for another import into {memories.folder} to end"]
            assert list(memories) == []
        thread.join()
        assert len(memories["Ines"]) == 60


@unix
@pytest.mark.slow
def test_processes_that_import_the_same_export_add_it_once(export: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    command = [sys.executable, "-m", "memoryqa", "import", "--store", str(folder), str(export)]
    started = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate()[0] for process in started]
    assert sorted("in the new chat Ines: 60 new" in one for one in said) == [False, False, True]
    assert sum("in the chat Ines: 60 known" in one for one in said) == 2
    with Memories.open(folder) as memories:
        assert len(memories["Ines"]) == 60


def test_a_dry_run_waits_for_nobody_and_needs_no_folder(export: Path) -> None:
    assert import_export(Memories(), export, dry_run=True).chats[0].messages == 60
