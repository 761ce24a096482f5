"""`python -m benchmarks.serve`: see load.py."""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.serve")

from benchmarks.serve.load import main

if __name__ == "__main__":
    raise SystemExit(main())
