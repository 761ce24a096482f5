"""`python -m memoryqa` is the command `memoryqa`."""

from memoryqa.cli import main

raise SystemExit(main())
