"""`python -m benchmarks.store`: see costs.py."""

from __future__ import annotations

from benchmarks.store.costs import main

if __name__ == "__main__":
    raise SystemExit(main())
