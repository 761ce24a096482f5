"""`python -m benchmarks.temporal`: see evidence.py and sentences.py."""

from __future__ import annotations

from benchmarks.temporal.evidence import main

if __name__ == "__main__":
    raise SystemExit(main())
