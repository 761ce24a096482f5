"""Accessibility of an open page by axe-core, which the package axe-core-python carries. Without it a test is skipped,
and fails in CI, which must have it."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations.map((one) => ({
  id: one.id, impact: one.impact, places: one.nodes.slice(0, 5).map((node) => node.target.join(" "))
}))));
"""


@cache
def _script() -> str:
    found = importlib.util.find_spec("axe_core_python")
    if found is None or not found.submodule_search_locations:
        reason = "no axe-core: pip install axe-core-python"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text(encoding="utf-8")


def violations(driver: Any, impacts: tuple[str, ...] = ("serious", "critical")) -> list[str]:
    """What axe finds of these impacts, a line each."""
    driver.execute_script(_script())
    return [
        f"{one['impact']} {one['id']}: {', '.join(one['places'])}"
        for one in driver.execute_async_script(_RUN)
        if one["impact"] in impacts
    ]
