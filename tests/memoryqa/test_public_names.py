"""`memoryqa.__all__` is the public API: a change here needs a line in CHANGELOG.md."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib

import pytest
from checkout import ROOT

import memoryqa

PUBLIC = [
    "AdaptiveMemory",
    "Archive",
    "CoverageConfig",
    "DenseConfig",
    "Evidence",
    "Memories",
    "MemoryConfig",
    "MemoryQA",
    "MemoryQAError",
    "MemoryStats",
    "ProgramConfig",
    "RankingConfig",
    "Session",
    "Turn",
    "UsageError",
    "__version__",
    "load_embedder",
]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_public_names_are_these_and_each_has_a_docstring() -> None:
    assert memoryqa.__all__ == PUBLIC
    assert dir(memoryqa) == sorted(PUBLIC)
    for name in set(PUBLIC) - {"__version__"}:
        assert getattr(memoryqa, name).__doc__, name
        home = importlib.import_module(memoryqa._HOME_OF[name])
        assert getattr(home, name) is getattr(memoryqa, name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'memoryqa' has no attribute 'AdaptivMemory'"):
        _ = memoryqa.AdaptivMemory  # type: ignore[attr-defined]
    assert not hasattr(memoryqa, "nothing")


def test_the_import_loads_nothing_but_itself() -> None:
    """numpy alone would take longer than the 0.3 s that `import memoryqa` may take."""
    heavy = {"numpy", "tiktoken", "Stemmer", "regex", "rich", "dspy", "litellm", "mlflow", "torch"}
    ran = run(f"import memoryqa, sys; print(sorted({heavy!r} & set(sys.modules)))")
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_the_library_loads_no_language_model_and_no_laboratory() -> None:
    heavy = {"dspy", "litellm", "openai", "mlflow", "torch", "optuna", "scipy", "matplotlib", "harness", "locomo"}
    ran = run(
        "import sys, memoryqa\n"
        f"[getattr(memoryqa, name) for name in {sorted(set(PUBLIC) - {'MemoryQA'})!r}]\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_the_program_without_its_extra_says_what_to_install() -> None:
    ran = run("import sys\nsys.modules['dspy'] = None\nfrom memoryqa import MemoryQA")
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingExtraError: memoryqa.MemoryQA needs the package dspy: pip install 'memoryqa[ask]'")
    caught = run(
        "import sys\nsys.modules['dspy'] = None\ntry: from memoryqa import MemoryQA\nexcept ImportError: print(1)"
    )
    assert caught.stdout == "1\n"


def test_a_star_import_and_help_need_no_extra() -> None:
    ran = run(
        "import inspect, sys, importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'dspy' else find(name, *more)\n"
        "sys.modules['dspy'] = None\n"
        "from memoryqa import *\n"
        "import memoryqa\n"
        "print(AdaptiveMemory(), 'Turn' in dict(inspect.getmembers(memoryqa)), 'MemoryQA' in dir(memoryqa))"
    )
    assert (ran.stdout, ran.stderr) == (
        "<AdaptiveMemory: 0 turns in 0 sessions; 0 of 20,000 tokens held> True False\n",
        "",
    )


def test_the_version_is_written_once_and_has_its_entry_in_the_changelog() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "memoryqa.__version__"}
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    assert newest
    assert newest[1] == memoryqa.__version__
