"""`python -m benchmarks.scale`: see costs.py."""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.scale")

from benchmarks.scale.costs import main

if __name__ == "__main__":
    raise SystemExit(main())
