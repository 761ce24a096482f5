"""The words that studies, workers, the service and its clients share. Light: imported for `--help`."""

from __future__ import annotations

from memoryqa.errors import StoppedError

SAMPLERS = ("tpe", "random", "nsgaii")
PRUNERS = ("wilcoxon", "median", "none")
DIRECTIONS = ("maximize", "minimize")
STATES = ("running", "complete", "pruned", "fail", "waiting")
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""Of studies, whose names stand in addresses and file names."""

LEASE_SEC = 30.0
"""How long a trial stays with a worker that is not heard of: short enough to wait for, long for a busy machine."""

MAX_REPORTS = 1_000
"""In one request to the service: each is a write, while others wait."""

SPEC_ATTR = "tuning_spec"
WORKER_ATTR = "worker"
LEASE_ATTR = "lease_until"
"""Unix time in seconds."""
ERROR_ATTR = "error"
LOST_ATTR = "lost"
"""Unix time in seconds of when it was given up."""
RETRY_ATTR = "retry_of"


class TrialLostError(StoppedError):
    """The trial is no longer the worker's: it has been given up or finished by somebody else."""


class StorageUnavailableError(StoppedError):
    """A storage cannot be reached, read or written now: no server, a full disk, a damaged file. In one line."""
