"""The wheel, installed into an empty environment and used in another folder, far from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from checkout import ROOT

THREE_LINES = """
from memoryqa import AdaptiveMemory
memory = AdaptiveMemory()
memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
print(memory.search("When did Ana move?"))
"""
ASKING = """
import dspy
from memoryqa import AdaptiveMemory
from memory_system import MemoryQA
from memoryqa.lms.roles import build, resolve
memory = AdaptiveMemory()
memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
dspy.configure(lm=build(resolve("task", model="offline")))
prediction = MemoryQA(memory)(question="When did Ana move to Porto?")
print(prediction.answer, prediction.evidence_ids)
"""
MAX_MB = 150
PACKAGED = ("memoryqa/", "memory_system.py", "pyproject.toml", "README.md", "LICENSE")

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(command: list[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=environment, timeout=900, check=False, **options
    )  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that git would check out, so that no left-over of a build gets in."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file() and name.startswith(
            ("memoryqa/", "memory_system.py", "pyproject", "README", "LICENSE")
        ):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", built, source])
    (made,) = built.glob("memoryqa-*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a virtual environment in which nothing but the wheel was asked for."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel])
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the user's own, whose files have names that ours have, too."""
    for name in ("memory.py", "evaluate.py", "harness.py", "locomo.py"):
        (tmp_path / name).write_text("raise SystemExit('the file of the user was imported')\n")
    return tmp_path


def test_the_wheel_holds_every_file_of_the_page(wheel: Path) -> None:
    here = {f"memoryqa/serve/page/{path.name}" for path in (ROOT / "memoryqa/serve/page").iterdir()}
    assert "memoryqa/serve/page/index.html" in here
    assert here <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_the_library_its_vocabulary_and_its_licences_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"memoryqa", "memory_system.py"}
    wanted = ("memoryqa/py.typed", "memoryqa/vocabulary/o200k_base.tiktoken", "memoryqa/vocabulary/LICENSE")
    assert set(wanted) <= set(names)
    in_checkout = {path.relative_to(ROOT).as_posix() for path in (ROOT / "memoryqa").rglob("*.py")}
    assert in_checkout <= set(names)


def test_three_lines_work_in_another_folder_beside_files_of_the_same_names(environment: Path, elsewhere: Path) -> None:
    ran = run([environment / "bin/python", "-W", "error", "-c", THREE_LINES], cwd=elsewhere)
    assert ran.stdout == "[D1, 25 May 2023]\n1 Ana: I moved to Porto last Saturday (= 20 May 2023)!\n"
    assert ran.stderr == ""


def test_the_command_is_installed_and_needs_no_network(environment: Path, elsewhere: Path) -> None:
    (elsewhere / "chat.jsonl").write_text('{"role": "user", "content": "My cello broke.", "timestamp": 1684990800}\n')
    ran = run([environment / "bin/memoryqa", "search", "chat.jsonl", "cello"], cwd=elsewhere)
    assert ran.stdout == "[D1, 25 May 2023]\n1 user: My cello broke.\n"


def test_the_environment_is_small_whole_and_has_no_language_model(environment: Path) -> None:
    run([environment / "bin/python", "-m", "pip", "check"])
    packages = run([environment / "bin/python", "-m", "pip", "list", "--format=freeze"]).stdout.lower()
    assert not [name for name in ("dspy", "litellm", "mlflow", "torch", "scipy", "openai") if f"{name}==" in packages]
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
    pip = sum(path.stat().st_size for path in environment.rglob("site-packages/pip/**/*") if path.is_file())
    assert (size - pip) / 1e6 <= MAX_MB


def test_an_installed_library_writes_nothing_where_it_is(environment: Path, elsewhere: Path) -> None:
    (site,) = (environment / "lib").glob("python*/site-packages")
    before = {path for path in site.rglob("*") if "__pycache__" not in path.parts}
    run([environment / "bin/python", "-c", THREE_LINES], cwd=elsewhere)
    run([environment / "bin/memoryqa", "--version"], cwd=elsewhere)
    assert {path for path in site.rglob("*") if "__pycache__" not in path.parts} == before


def test_the_program_answers_offline_with_the_extra_ask(wheel: Path, environment: Path, elsewhere: Path) -> None:
    without = subprocess.run(
        [environment / "bin/python", "-c", "from memoryqa import MemoryQA"],
        cwd=elsewhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "memoryqa.MemoryQA needs the package dspy: pip install 'memoryqa[ask]'" in without.stderr
    run([environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[ask]"])
    ran = run([environment / "bin/python", "-c", ASKING], cwd=elsewhere)
    assert ran.stdout == "The Saturday before 25 May 2023 ['D1:1']\n"
    run([environment / "bin/python", "-m", "pip", "check"])
