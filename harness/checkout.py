"""Where this project's checkout is, if the code runs from one: data are kept there, and its commit is recorded."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

PROJECT = "memoryqa"
_GIT_TIMEOUT_SEC = 10.0


def checkout_root(module_file: Path) -> Path | None:
    """The checkout in which `module_file`, a module of a top-level package, stands; None where it is installed.

    It is the folder that holds harness/ and the pyproject.toml of this project: site-packages holds no such file, and a
    user's repository around it is not ours.
    """
    root = module_file.resolve().parents[1]
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return root if project.get("project", {}).get("name") == PROJECT and (root / "harness").is_dir() else None


def commit_of(root: Path) -> str | None:
    """The commit of the git work tree whose top is `root`, with "-dirty" when it has changes.

    None without git or a commit, and for a folder inside of another repository.
    """
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return None
        commit = _git(root, "rev-parse", "--verify", "HEAD")
        return f"{commit}-dirty" if _git(root, "status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=True, timeout=_GIT_TIMEOUT_SEC
    ).stdout.strip()
