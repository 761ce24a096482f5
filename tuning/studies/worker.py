"""A worker takes trials of a study and measures them, beside any number of others, on this machine or elsewhere.

    python tune.py worker --storage postgresql+psycopg2://tuner@db.example/tuner --study standard

A killed worker loses its running trial: the lease runs out, and another worker gets the same parameters.
"""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import optuna
from optuna.exceptions import StorageInternalError

from harness.signals import sigterm_interrupts
from tuning.errors import StorageUnavailableError, TrialLostError, WorkerStoppedError
from tuning.studies.constants import LEASE_SEC, RESUMABLE
from tuning.studies.source import Outcome, RunTrial, StudyTrials, TrialSource
from tuning.studies.storage import failure_text

MAX_FAILURES_IN_A_ROW = 3
_POLL_SEC = 0.2
_STOP_SEC = 10.0
_FILE_IS_LOST = re.compile(
    r"sqlite3\.\w+\) (?:disk I/O error|attempt to write a readonly|no such table|unable to open"
    r"|file is not a database|.*malformed)"
)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerReport:
    """Trials that this worker ended, and why it stopped: `n_trials` (the study has them) or `timeout`."""

    completed: int
    pruned: int
    failed: int
    lost: int
    stopped_by: str


def run_worker(
    study: optuna.Study,
    run_trial: RunTrial,
    *,
    n_trials: int,
    timeout_sec: float | None = None,
    worker_id: str | None = None,
    on_trial: Callable[[Outcome], None] | None = None,
    lease_sec: float = LEASE_SEC,
) -> WorkerReport:
    """`work` on the trials of a study in a storage. Also raises StorageUnavailableError."""
    source = StudyTrials(study, worker_id or new_worker_id(), lease_sec)
    with storage_failures():
        return work(source, run_trial, n_trials=n_trials, timeout_sec=timeout_sec, on_trial=on_trial)


def work(
    source: TrialSource,
    run_trial: RunTrial,
    *,
    n_trials: int,
    timeout_sec: float | None = None,
    on_trial: Callable[[Outcome], None] | None = None,
) -> WorkerReport:
    """Measure trials until the study's first `n_trials` have ended: those of all workers, none of them lost.

    Workers that look at the same moment may each add one more. After `timeout_sec` no further trial begins. Ctrl-C and
    SIGTERM give the running trial back. Raises WorkerStoppedError after three failed trials in a row.
    """
    deadline = math.inf if timeout_sec is None else time.monotonic() + timeout_sec
    tally: Counter[str] = Counter()
    failures_in_a_row = 0
    with sigterm_interrupts():
        while (settled := source.settled()) < n_trials and time.monotonic() < deadline:
            trial = source.take(n_trials)
            if trial is None:
                time.sleep(_POLL_SEC)  # others run the last ones; if one of them dies, its trial comes back
                continue
            try:
                outcome = measure(source, trial, run_trial)
            except TrialLostError as error:
                _logger.warning("%s; its result is dropped", error)
                tally["lost"] += 1
                continue
            tally[outcome.state] += 1
            failures_in_a_row = failures_in_a_row + 1 if outcome.state == "fail" else 0
            if on_trial is not None:
                on_trial(outcome)
            if failures_in_a_row == MAX_FAILURES_IN_A_ROW:
                raise WorkerStoppedError(f"{failures_in_a_row} trials failed in a row, the last with: {outcome.error}")
    stopped_by = "n_trials" if settled >= n_trials else "timeout"
    return WorkerReport(tally["complete"], tally["pruned"], tally["fail"], tally["lost"], stopped_by)


def measure(source: TrialSource, trial: object, run_trial: RunTrial) -> Outcome:
    """Run a trial and end it with its result. Raises TrialLostError when another process ended it first."""
    try:
        with source.held(trial):
            values = run_trial(trial, source.best_params())
    except optuna.TrialPruned:
        return source.finish(trial, pruned=True)
    except (StorageInternalError, StorageUnavailableError, TrialLostError):
        raise
    except (KeyboardInterrupt, SystemExit):
        source.give_up(trial, "interrupted")
        raise
    except Exception as error:  # noqa: BLE001 (an error in one trial is that trial's failure)
        return source.finish(trial, error=f"{type(error).__name__}: {error}")
    return source.finish(trial, values if isinstance(values, Sequence) else [values])


def new_worker_id() -> str:
    """Machine, process and a random part, so that no two processes ever share it."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


@contextmanager
def extra_workers(command: Sequence[str], count: int) -> Iterator[None]:
    """Run `count` processes of `command` beside the block.

    After the block they end by their own limits; if the block raises, they are stopped and give their trials back. What
    is written to their standard input is nothing: it ends when this process does, even by a kill (`end_with_stdin`).
    """
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
        for process in processes:
            if process.wait():
                _logger.warning("a worker ended with status %d", process.returncode)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(_STOP_SEC)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn what Optuna raises for a failing database into StorageUnavailableError, in one line."""
    try:
        yield
    except StorageInternalError as error:
        text = failure_text(error)
        raise StorageUnavailableError(f"{text}; {_what_now(text)}") from error


def _what_now(failure: str) -> str:
    """A server that is away keeps what it has; SQLite fails like this when its file is no longer what it was."""
    if _FILE_IS_LOST.search(failure):
        return "its file was removed, replaced or damaged: restore it, or start again with another --storage"
    return RESUMABLE
