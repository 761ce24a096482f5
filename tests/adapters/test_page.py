"""The examples of docs/adapters.md run offline and print what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
from checkout import ROOT
from without_packages import hide_packages

from memoryqa.errors import EXTRAS

PAGE = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
PRINTED = dict(re.findall(r"\]\(\.\./(examples/adapters/\w+\.py)\).*?```text\n(.*?)```", PAGE, re.DOTALL))
NEEDED = {"dspy": "dspy", "langchain": "langchain_core", "langgraph": "langgraph.graph", "llamaindex": "llama_index"}
NEEDED |= {"openai": "agents", "pydantic": "pydantic_ai"}


def is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def test_the_page_shows_every_example_and_names_every_module_and_extra() -> None:
    assert sorted(PRINTED) == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "examples/adapters").glob("*.py"))
    index = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [one for one in PRINTED if f"({one.removeprefix('examples/')})" not in index] == []
    own = {"calls", "chat_names", "kept", "sources", "__init__"}
    modules = {path.stem for path in (ROOT / "memoryqa/adapters").glob("*.py")} - own
    rows = re.findall(r"\| `memoryqa\.adapters\.(\w+)` \|.*\| `([\w-]+)` \|$", PAGE, re.MULTILINE)
    assert {module for module, _ in rows} == modules
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra for _, extra in rows} <= set(extras)


@pytest.mark.slow
@pytest.mark.parametrize("example", PRINTED)
def test_an_example_prints_what_the_page_says(example: str) -> None:
    module = next(module for name, module in NEEDED.items() if example.rpartition("/")[2].startswith(name))
    if not is_installed(module):
        pytest.skip(f"needs {module}: .ci/adapters has it")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HTTPS_PROXY": "http://127.0.0.1:9", "OPENAI_API_KEY": ""}
    done = subprocess.run(
        [sys.executable, example], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == PRINTED[example]


@pytest.mark.slow
@pytest.mark.parametrize("example", PRINTED)
def test_an_example_without_its_framework_says_in_one_line_how_to_install_it(example: str, tmp_path: Path) -> None:
    hide_packages(tmp_path, EXTRAS)
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, example], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    (command,) = re.findall(r"^pip install '(memoryqa\[[\w-]+\])'$", (ROOT / example).read_text(), re.MULTILINE)
    name = example.rpartition("/")[2]
    assert re.fullmatch(rf"{name}: needs the package \w+: pip install '{re.escape(command)}'\n", done.stderr)
