"""`python -m training.arbor_config` as version 0.1 had it; the command is `python -m training.on_arbor.config` now."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    print("note: this command is python -m training.on_arbor.config now", file=sys.stderr)
    runpy.run_module("training.on_arbor.config", run_name="__main__")
