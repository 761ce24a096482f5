"""Forwards `python -m harness.report` of version 0.1 to the commands that have its work now."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    print("note: this command is python -m reports.terminal now, and reports.compare for two runs", file=sys.stderr)
    runpy.run_module("reports.terminal", run_name="__main__")
