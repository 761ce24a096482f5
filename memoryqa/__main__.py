"""`python -m memoryqa` is the command `memoryqa`."""

from memoryqa.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
