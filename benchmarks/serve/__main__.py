"""`python -m benchmarks.serve`: see load.py."""

from __future__ import annotations

from benchmarks.serve.load import main

if __name__ == "__main__":
    raise SystemExit(main())
