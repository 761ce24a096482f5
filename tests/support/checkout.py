"""Where this checkout is, for tests: its root, its bundled sample, and the folder of the test helpers."""

from __future__ import annotations

from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
ROOT = SUPPORT.parents[1]
SAMPLE = ROOT / "data" / "sample.json"
