"""Named sets are fetched by a real git from a real repository, which stands on this machine."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from format_files import write_beam, write_realtalk

import locomo.dataset
import locomo.repository
from locomo.dataset import absolute, find
from locomo.download import DownloadError
from locomo.formats.records import DataError
from locomo.named import NamedSet
from locomo.repository import RemoteFiles, fetch

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *author, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def published(tmp_path: Path) -> RemoteFiles:
    """A repository whose first commit has two chats, and whose second changed one."""
    home = tmp_path / "published"
    write_realtalk(home / "data")
    (home / "data" / "big.pickle").write_bytes(b"\0" * 1000)
    for number in (1, 2):
        write_beam(home / "chats" / "100K" / str(number), nested=True)
        (home / "chats" / "100K" / str(number) / "plan.txt").write_text("a plan")
    git(home, "init", "--quiet")
    git(home, "config", "uploadpack.allowFilter", "true")
    git(home, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(home, "add", "--all")
    git(home, "commit", "--quiet", "-m", "one")
    commit = git(home, "rev-parse", "HEAD")
    (home / "data" / "Chat_2_Kim_Lee.json").write_text("{}")
    git(home, "commit", "--quiet", "--all", "-m", "two")
    return RemoteFiles(home.as_uri(), commit, "data", r"Chat_[0-9]+_.*\.json")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: RemoteFiles) -> Path:
    """An empty data folder, and named sets of the repository on this machine."""
    beam = replace(published, folder="chats", wanted=r"100K/[0-9]+/(chat|probing_questions/probing_questions)\.json")
    sets = {
        "realtalk": NamedSet(published, "realtalk", "REALTALK_PATH", 2),
        "beam-100k": NamedSet(beam, "beam-100k", "BEAM_100K_PATH", 2),
    }
    monkeypatch.setattr(locomo.dataset, "NAMED", sets)
    monkeypatch.setattr(locomo.dataset, "DATA_DIR", tmp_path / "data")
    for one in sets.values():
        monkeypatch.delenv(one.variable, raising=False)
    return tmp_path / "data"


def test_a_named_set_is_fetched_at_its_commit_once_and_without_what_is_not_wanted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = find("realtalk")
    assert (dataset.name, dataset.format) == ("realtalk", "realtalk")
    assert [one.id for one in dataset.conversations] == ["rt-2", "rt-5"]
    assert {path.name for path in (data_dir / "realtalk").iterdir()} == {
        ".sha256",
        "Chat_2_Kim_Lee.json",
        "Chat_5_Kim_Lee.json",
    }
    monkeypatch.setattr(locomo.dataset, "fetch", lambda *_: pytest.fail("fetched again"))
    assert find("realtalk") == dataset
    assert [path.name for path in data_dir.iterdir()] == ["realtalk"]


def test_beam_keeps_the_folders_that_its_ids_come_from(data_dir: Path) -> None:
    dataset = find("beam-100k")
    assert (dataset.name, [one.id for one in dataset.conversations]) == ("beam-100k", ["beam-100K-1", "beam-100K-2"])
    assert len(dataset.questions) == 10
    assert not list(data_dir.rglob("plan.txt"))


def test_files_that_changed_since_are_noted(data_dir: Path) -> None:
    find("realtalk")
    (data_dir / "realtalk" / "Chat_5_Kim_Lee.json").unlink()
    notes = find("realtalk").notes
    assert notes[0] == f"{data_dir / 'realtalk'} holds 1 of realtalk's 2 conversations"
    assert "is not what was released" in notes[1]


def test_a_variable_names_another_place_and_a_path_of_that_name_is_written_as_one(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REALTALK_PATH", str(write_realtalk(tmp_path / "mine", (9,))))
    assert [one.id for one in find("realtalk").conversations] == ["rt-9"]
    monkeypatch.setenv("REALTALK_PATH", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"^REALTALK_PATH names .*gone: cannot be read"):
        find("realtalk")
    monkeypatch.chdir(tmp_path)
    write_realtalk(tmp_path / "realtalk", (4,))
    assert [one.id for one in find("./realtalk").conversations] == ["rt-4"]
    assert absolute("./realtalk") == str(tmp_path / "realtalk")
    assert absolute("realtalk") == "realtalk"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"commit": "0" * 40}, "fatal:"),
        ({"url": "file:///nowhere/at-all"}, "fatal:"),
        ({"folder": "elsewhere"}, "has no such files in elsewhere/"),
        ({"url": "http://127.0.0.1:9/x"}, "fatal:"),
    ],
)
def test_what_cannot_be_fetched_is_one_line_and_leaves_nothing(
    published: RemoteFiles, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch(replace(published, **change), tmp_path / "data" / "set", lambda folder: None)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_named_set_that_cannot_be_fetched_is_a_data_error_and_no_sample(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, published: RemoteFiles
) -> None:
    gone = NamedSet(replace(published, commit="1" * 40), "realtalk", "REALTALK_PATH", 2)
    monkeypatch.setattr(locomo.dataset, "NAMED", {"realtalk": gone})
    with pytest.raises(DataError, match=r"^realtalk could not be downloaded \(.*\); name its files by --data PATH$"):
        find("realtalk")


def test_files_that_cannot_be_read_are_not_kept(published: RemoteFiles, tmp_path: Path) -> None:
    def refuse(folder: Path) -> None:
        raise DataError("unreadable")

    with pytest.raises(DataError, match="unreadable"):
        fetch(published, tmp_path / "data" / "set", refuse)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_server_that_never_answers_ends_in_time(
    published: RemoteFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(locomo.repository, "TOTAL_TIMEOUT_SEC", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = replace(published, url=f"http://127.0.0.1:{server.getsockname()[1]}/x")
        started = time.monotonic()
        with pytest.raises(DownloadError, match="did not send all of it in time"):
            fetch(silent, tmp_path / "data" / "set", lambda folder: None)
    assert time.monotonic() - started < 20
    assert list((tmp_path / "data").iterdir()) == []
