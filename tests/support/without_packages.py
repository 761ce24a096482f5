"""Programs that run where some packages are not installed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_HIDING = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {names} else self.finder.find_spec(name, path, target)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""


def hide_packages(folder: Path, names: Collection[str]) -> Path:
    """Let a Python whose PYTHONPATH begins with `folder` find none of these; returns it."""
    (folder / "sitecustomize.py").write_text(_HIDING.format(names=set(names)))
    return folder
