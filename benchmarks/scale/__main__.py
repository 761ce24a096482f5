"""`python -m benchmarks.scale`: see costs.py."""

from __future__ import annotations

from benchmarks.scale.costs import main

if __name__ == "__main__":
    raise SystemExit(main())
