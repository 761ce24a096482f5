"""`python -m harness.report` as version 0.1 had it; the command is `python -m reports.terminal` now."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    print("note: this command is python -m reports.terminal now", file=sys.stderr)
    runpy.run_module("reports.terminal", run_name="__main__")
