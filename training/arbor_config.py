"""Forwards `python -m training.arbor_config`, the name in version 0.1, to `python -m training.on_arbor.config`."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    print("note: this command is python -m training.on_arbor.config now", file=sys.stderr)
    runpy.run_module("training.on_arbor.config", run_name="__main__")
