"""Choices, limits and defaults that studies, workers, the service and its clients share. Light: `--help` needs them."""

from __future__ import annotations

from pathlib import Path

SAMPLERS = ("tpe", "random", "nsgaii")
PRUNERS = ("wilcoxon", "median", "none")
DIRECTIONS = ("maximize", "minimize")
STATES = ("running", "complete", "pruned", "fail", "waiting")

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Names of studies, which appear in addresses and file names."""

LEASE_SEC = 30.0
"""A trial stays so long with a worker that sends nothing: short enough to wait for, long enough on a busy machine."""

RESUMABLE = "finished trials are safe, start again to resume"
"""The end of the line for a storage that is away and keeps what it has."""

DEFAULT_CACHE = Path("runs/tuning-cache.sqlite")
"""Measured questions, see tuning.measuring.cache."""

MAX_REPORTS = 1_000
"""In one request to the service: each report is a write, while others wait."""
