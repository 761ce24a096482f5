from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from hypothesis import given
from hypothesis import strategies as st

from harness import runs
from harness.runs import Run, RunConfigChanged, RunFolderError, default_run_dir, manifest_environment

CONFIG = {"memory": {"memory_tokens": 20_000, "max_hops": 2}, "split": "val", "programs": ("simple", "memory")}
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", CONFIG, {"seed": 1})


def answers(run: Run) -> Path:
    return run.run_dir / "answers.jsonl"


def test_create_writes_config_and_manifest(run: Run) -> None:
    assert json.loads((run.run_dir / "config.json").read_text())["memory"]["memory_tokens"] == 20_000
    assert json.loads((run.run_dir / "manifest.json").read_text()) == {"seed": 1}
    assert run.rows() == []


def test_create_refuses_a_folder_in_use_and_a_file(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"is in use.*--resume"):
        Run.create(run.run_dir, CONFIG, {})
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="is in use"):
        Run.create(tmp_path / "file", CONFIG, {})
    assert Run.create(tmp_path / "new" / "deep", CONFIG, {}).config["split"] == "val"


def test_a_folder_that_a_full_disk_left_without_config_can_be_used_again(tmp_path: Path) -> None:
    large = {"names": "x" * 5_000}
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, most))
    try:
        with pytest.raises(OSError, match="large"):
            Run.create(tmp_path / "run", large, {"seed": 1})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
        signal.signal(signal.SIGXFSZ, before)
    assert Run.create(tmp_path / "run", large, {"seed": 1}).config == large


def test_resume_finds_the_rows_of_the_same_config(run: Run) -> None:
    run.append({"program": "memory", "id": "a", "f1": 0.5})
    resumed = Run.resume(run.run_dir, CONFIG)  # tuples became lists on disk, and still count as the same
    resumed.append({"program": "memory", "id": "b", "f1": 1.0})
    assert set(resumed.latest_rows("program", "id")) == {("memory", "a"), ("memory", "b")}


def test_resume_refuses_a_changed_config_and_lists_the_differences(run: Run) -> None:
    changed = {"memory": {"memory_tokens": 8_000, "max_hops": 2}, "split": "val", "seed": 3}
    with pytest.raises(RunConfigChanged) as caught:
        Run.resume(run.run_dir, changed)
    message = str(caught.value)
    assert "memory.memory_tokens: 20000 -> 8000" in message
    assert 'programs: ["simple", "memory"] -> (absent)' in message
    assert "seed: (absent) -> 3" in message
    assert "split" not in message
    assert "max_hops" not in message
    assert "\n" not in message


def test_a_folder_without_config_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        Run.resume(tmp_path, CONFIG)
    with pytest.raises(RunFolderError, match="not a run folder"):
        Run.open(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_broken_config_is_named(run: Run, content: str) -> None:
    (run.run_dir / "config.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(RunFolderError, match=r"config\.json"):
        Run.resume(run.run_dir, CONFIG)


@given(rows=st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4), max_size=5), cut=st.integers(0, 10_000))
def test_a_file_cut_anywhere_keeps_its_whole_rows_and_grows_on(rows: list[dict[str, Any]], cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(Path(folder) / "run", CONFIG, {})
        for row in rows:
            run.append(row)
        content = answers(run).read_bytes() if rows else b""
        answers(run).write_bytes(content[: cut % (len(content) + 1)])
        whole = content[: cut % (len(content) + 1)].count(b"\n")
        assert run.rows() == rows[:whole]
        run.append({"after": "the crash"})
        assert run.rows() == [*rows[:whole], {"after": "the crash"}]
        assert run.half_written_bytes == 0


def test_a_stump_is_counted_until_it_is_cut_off(run: Run) -> None:
    run.append({"id": 1})
    with answers(run).open("ab") as file:
        file.write(b'{"id": 2}')  # valid JSON, but its newline was never written
    assert run.rows() == [{"id": 1}]
    assert run.half_written_bytes == 9
    run.append({"id": 3})
    assert run.rows() == [{"id": 1}, {"id": 3}]
    assert run.half_written_bytes == 0


def test_a_resumed_run_that_has_all_its_rows_loses_a_stump_too(run: Run) -> None:
    run.append({"id": 1})
    with answers(run).open("ab") as file:
        file.write(b'{"id": 2')
    assert Run.resume(run.run_dir, run.config, lock=False).half_written_bytes == 8
    assert Run.resume(run.run_dir, run.config).half_written_bytes == 0
    assert run.rows() == [{"id": 1}]


@pytest.mark.parametrize("line", [b"{half", b"[1]", b"", b"\xff\xfe"])
def test_a_corrupt_line_in_the_middle_is_reported_with_its_number(run: Run, line: bytes) -> None:
    run.append({"id": 1})
    with answers(run).open("ab") as file:
        file.write(line + b'\n{"id": 3}\n')
    with pytest.raises(RunFolderError, match=r"answers\.jsonl, line 2 "):
        run.rows()


def test_latest_rows_names_a_row_without_the_field(run: Run) -> None:
    run.append({"id": 1})
    run.append({"other": 1})
    with pytest.raises(RunFolderError, match="line 2 has no 'id'"):
        run.latest_rows("id")


def test_of_rows_that_were_asked_again_the_last_counts(run: Run) -> None:
    for f1 in (0.0, 1.0):
        run.append({"id": "a", "f1": f1})
    assert run.latest_rows("id") == {("a",): {"id": "a", "f1": 1.0}}


@pytest.mark.parametrize("row", [{"f1": float("nan")}, {"path": Path("x")}])
def test_a_row_that_json_cannot_hold_is_refused_and_nothing_written(run: Run, row: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        run.append(row)
    assert run.rows() == []


def test_rows_appended_by_many_threads_are_all_whole(run: Run) -> None:
    def work(thread: int) -> None:
        for number in range(50):
            run.append({"thread": thread, "number": number, "text": "x" * 500})

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(run.latest_rows("thread", "number")) == {(thread, number) for thread in range(8) for number in range(50)}


def test_a_killed_process_loses_no_row_that_append_returned_from(run: Run) -> None:
    script = (
        "import itertools, sys; from pathlib import Path; from harness.runs import Run\n"
        "run = Run.open(Path(sys.argv[1]))\n"
        "for number in itertools.count():\n"
        "    run.append({'number': number, 'text': 'x' * 20_000})\n"
        "    print(number, flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(run.run_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        reported = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        reported += [int(line) for line in process.stdout if line.endswith("\n")]
    numbers = [row["number"] for row in run.rows()]
    assert numbers == list(range(len(numbers)))
    assert reported[-1] < len(numbers)
    run.append({"number": len(numbers)})
    assert len(run.rows()) == len(numbers) + 1


def test_write_json_replaces_whole_or_not_at_all(run: Run) -> None:
    run.write_json("metrics.json", {"f1": 0.5})
    with pytest.raises(TypeError):
        run.write_json("metrics.json", {"f1": object()})
    path = run.write_json("metrics.json", {"f1": 0.75})
    assert json.loads(path.read_text()) == {"f1": 0.75}
    assert sorted(file.name for file in run.run_dir.iterdir()) == ["config.json", "manifest.json", "metrics.json"]


def test_write_json_that_cannot_rename_leaves_no_temporary_file(run: Run) -> None:
    (run.run_dir / "taken").mkdir()
    with pytest.raises(OSError):
        run.write_json("taken", {})
    assert sorted(file.name for file in run.run_dir.iterdir()) == ["config.json", "manifest.json", "taken"]


def test_secrets_never_reach_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOGETHER_API_KEY", "planted-key-0123456789")
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "--api-base", "http://me:planted-password@host/v1"])
    config = {"api_base": "http://me:planted-password@host/v1"}
    run = Run.create(tmp_path / "run", config, manifest_environment())
    run.append({"error": "401 for planted-key-0123456789", "nested": [{"key": "planted-key-0123456789"}]})
    run.write_json("x.json", "sk-planted-key-of-openai")
    written = "".join(file.read_text() for file in run.run_dir.iterdir())
    assert "planted" not in written
    assert written.count("[redacted]") == 5
    assert Run.resume(run.run_dir, config).rows()[0]["error"] == "401 for [redacted]"


def test_default_run_dirs_differ_and_start_with_the_time() -> None:
    names = {default_run_dir(CONFIG).name for _ in range(20)}
    assert len(names) == 20
    assert default_run_dir(CONFIG, Path("elsewhere")).parent == Path("elsewhere")
    assert all(len(name) == len("20230715T120000Z-abcdef") and name[8] == "T" for name in names)


def git(folder: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@t",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@t",
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def checkout_at(folder: Path) -> Path:
    (folder / "harness").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "memoryqa"\n')
    return folder


@pytest.mark.parametrize("place", [".venv/lib/python3.11/site-packages", "vendor/memoryqa"])
def test_the_commit_of_a_users_repository_is_never_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "mine.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "the user's")
    folder = tmp_path / place
    if place.startswith("vendor"):  # a checkout without its own git: the repository around it is the user's
        checkout_at(folder)
    else:
        (folder / "harness").mkdir(parents=True)
    monkeypatch.setattr(runs, "__file__", str(folder / "harness" / "runs.py"))
    assert manifest_environment()["commit"] is None


def test_the_commit_is_marked_dirty_when_it_is_and_absent_outside_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    folder = checkout_at(tmp_path / "checkout")
    monkeypatch.setattr(runs, "__file__", str(folder / "harness" / "runs.py"))
    assert manifest_environment()["commit"] is None
    git(folder, "init", "--quiet")
    assert manifest_environment()["commit"] is None  # no commit yet
    (folder / "a").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    head = git(folder, "rev-parse", "HEAD")
    assert manifest_environment()["commit"] == head
    (folder / "a").write_text("2")
    assert manifest_environment()["commit"] == f"{head}-dirty"


def test_the_manifest_names_versions_platform_and_time() -> None:
    manifest = manifest_environment()
    assert manifest["packages"]["dspy"].startswith("3.4")
    assert manifest["python"].count(".") == 2
    assert manifest["started_at"].endswith("+00:00")
    assert manifest["argv"] == sys.argv
