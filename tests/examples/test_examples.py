"""The examples run as their docstrings say: from any folder, with nothing but the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
RECIPES = ("high_throughput", "long_research", "minimal_memory", "none")


def run(example: Path, *flags: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(example), *flags], cwd=cwd, capture_output=True, text=True, timeout=60
    )


def test_the_examples_are_found() -> None:
    assert [path.name for path in EXAMPLES] == [
        "compaction.py",
        "library.py",
        "tiny_grpo.py",
        "tune_optuna.py",
        "tune_ray.py",
    ]
    index = (ROOT / "examples" / "README.md").read_text()
    assert [path.name for path in EXAMPLES if f"({path.name})" not in index] == []
    assert index.index("(library.py)") == min(index.index(f"({path.name})") for path in EXAMPLES), "it comes first"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_says_how_to_run_it(example: Path) -> None:
    done = run(example, "--help")
    assert done.returncode == 0, done.stderr
    assert f"python examples/{example.name}" in done.stdout


@pytest.mark.slow
def test_the_compaction_example_runs_every_recipe(tmp_path: Path) -> None:
    done = run(ROOT / "examples/compaction.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert tuple(figures["recipes"]) == RECIPES
    assert figures["recipes"]["none"] == {"entries": 24, "compactions": 0}
    assert all(figures["recipes"][name]["compactions"] > 0 for name in RECIPES[:3])
    assert figures["report"]["tokens_after"] <= 400 < figures["report"]["tokens_before"]
    assert figures["lm"] == {"used_llm": True, "sentences_rejected": 1}
    assert "Zebedee" not in done.stdout
    assert figures["chat"]["turns"] == 24
    assert "[Previous conversation (" in done.stdout


@pytest.mark.slow
def test_the_library_example_remembers_shrinks_and_loads(tmp_path: Path) -> None:
    done = run(ROOT / "examples/library.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["turns"] == 10
    assert figures["found"][0] == "D1:1"
    assert figures["found_when_small"][0] == "D1:1"
    assert figures["held_tokens_when_small"] <= 90
    assert figures["same_after_loading"] is True
    assert "(= 1 March 2024)" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_library_example_answers_another_question() -> None:
    done = run(ROOT / "examples/library.py", "--question", "What does Tom's sister grow?", "--budget-tokens", "60")
    assert done.returncode == 0, done.stderr
    assert "She grows saffron" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_each_recipe_runs_alone(recipe: str) -> None:
    done = run(ROOT / "examples/compaction.py", "--recipe", recipe, "--steps", "30")
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout.splitlines()[-1])["recipes"]) == [recipe]


def test_a_session_too_short_to_show_anything_is_refused() -> None:
    done = run(ROOT / "examples/compaction.py", "--steps", "3")
    assert done.returncode == 2
    assert "--steps must be at least 12" in done.stderr
