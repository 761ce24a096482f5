"""tuning/Dockerfile, without Docker: what is installed is copied before, and all that the tuner imports is copied."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = [line for line in (ROOT / "tuning" / "Dockerfile").read_text().splitlines() if line and line[0] != "#"]


def copied(lines: list[str]) -> set[str]:
    """What COPY lines name, without the slashes of folders."""
    return {one.rstrip("/") for line in lines if line.startswith("COPY") for one in line.split()[1:-1]}


def test_what_pip_builds_is_copied_before_it_is_built() -> None:
    (install,) = [number for number, line in enumerate(LINES) if "pip install" in line]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules = [f"{module}.py" for module in project["tool"]["setuptools"]["py-modules"]]
    assert {"pyproject.toml", project["project"]["readme"], "memoryqa", *modules} <= copied(LINES[:install])


def test_the_extras_of_the_image_exist() -> None:
    (extras,) = re.findall(r"'\.\[([\w,-]+)\]'", "\n".join(LINES))
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= set(known)


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def imported(path: Path) -> Iterator[Path]:
    """Files of ours that `path` imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from filter(None, map(file_of, names))


def test_everything_that_the_tuner_imports_is_in_the_image() -> None:
    waiting, seen = [ROOT / "tune.py", *(ROOT / "tuning").rglob("*.py")], set[Path]()
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += imported(path)
    needed = {path.relative_to(ROOT).parts[0] for path in seen}
    assert {"memoryqa", "locomo"} <= needed
    assert needed - copied(LINES) == set()
