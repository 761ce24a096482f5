"""A study's journal file in Optuna's format, which stays whole when a full disk or a kill cuts a write short.

Optuna's `JournalFileBackend` leaves a half-written line behind when a write fails; the next append then joins it, and
the journal is unreadable from then on. This backend cuts such a line off: nothing that was acknowledged is lost.
Files and locks are Optuna's own, so that its dashboard and scripts can share them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileSymlinkLock
from optuna.storages.journal._storage import JournalOperation

from harness.signals import signals_held_back
from tuning.errors import StorageUnavailableError

_STALE_LOCK_SEC = 10  # a killed process may leave its lock; a write takes milliseconds, on a busy disk some seconds
_TAIL_BYTES = 1 << 16
_RECORD = b'{"op_code":'
# By operation the fields that Optuna reads of its record, besides op_code and worker_id.
_FIELDS = {
    JournalOperation.CREATE_STUDY: ("study_name", "directions"),
    JournalOperation.DELETE_STUDY: ("study_id",),
    JournalOperation.SET_STUDY_USER_ATTR: ("study_id", "user_attr"),
    JournalOperation.SET_STUDY_SYSTEM_ATTR: ("study_id", "system_attr"),
    JournalOperation.CREATE_TRIAL: ("study_id",),
    JournalOperation.SET_TRIAL_PARAM: ("trial_id", "param_name", "param_value_internal", "distribution"),
    JournalOperation.SET_TRIAL_STATE_VALUES: ("trial_id", "state", "values"),
    JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE: ("trial_id", "step", "intermediate_value"),
    JournalOperation.SET_TRIAL_USER_ATTR: ("trial_id", "user_attr"),
    JournalOperation.SET_TRIAL_SYSTEM_ATTR: ("trial_id", "system_attr"),
}


class JournalFile(BaseJournalBackend):
    """The journal at `path`, which is created when it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = JournalFileSymlinkLock(str(path), grace_period=_STALE_LOCK_SEC)
        self._reader = JournalFileBackend(str(path))
        self._seen_bytes = 0  # whole lines that were there: what was read is never written again

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """The records from number `log_number_from` on.

        Raises StorageUnavailableError for a line that is none, and for a journal that is shorter than it was.
        """
        try:
            with self._path.open("rb") as file:
                self._check_length(file.fileno())
            for record in self._reader.read_logs(log_number_from):
                if problem := _problem(record):
                    raise ValueError(problem)
                yield record
        except (ValueError, KeyError, AssertionError) as error:  # changed by somebody else since it was opened
            raise self._damaged(error or "a line is no record") from error
        except OSError as error:
            raise StorageUnavailableError(
                f"the journal {self._path} cannot be read: {error.strerror or error}; restore it, or use another"
            ) from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Add records, and return when they are on the disk. StorageUnavailableError means that none was added."""
        data = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode()
        try:
            with self._locked(), self._path.open("ab+", buffering=0) as file:
                self._check_length(file.fileno())
                append(file.fileno(), data)
        except OSError as error:
            raise StorageUnavailableError(
                f"cannot write to {self._path}: {error.strerror or error}; what is in it is safe, start again when it "
                "can be written"
            ) from error

    def _check_length(self, descriptor: int) -> None:
        end = _whole_lines_end(descriptor)
        if end < self._seen_bytes:
            raise self._damaged("it is shorter than it was")
        self._seen_bytes = end

    def _damaged(self, problem: object) -> StorageUnavailableError:
        return StorageUnavailableError(f"the journal {self._path} is damaged ({problem}); restore it, or use another")

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        """A signal in the middle of it would leave the lock to go stale, or take it from the process that holds it."""
        with signals_held_back():
            self._lock.acquire()
            try:
                yield
            finally:
                self._lock.release()


def _problem(record: object) -> str | None:
    """What is wrong with a record, which Optuna would read only to fail at it; None when nothing is."""
    if not isinstance(record, dict):
        return "a line is no record"
    operation = record.get("op_code")
    if isinstance(operation, bool) or not isinstance(operation, int) or operation not in set(JournalOperation):
        return f"a record has no operation of Optuna's: {operation!r}"
    fields = ("worker_id", *_FIELDS.get(JournalOperation(operation), ()))
    return next((f"a record has no {name}" for name in fields if name not in record), None)


def append(descriptor: int, data: bytes) -> None:
    """Write `data` after the last whole line of the file: all of it, or nothing and an OSError."""
    end = _whole_lines_end(descriptor)
    if end < os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, end)
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _whole_lines_end(descriptor: int) -> int:
    """Number of bytes up to the last line break, which is included."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _TAIL_BYTES)
        line_break = os.pread(descriptor, end - start, start).rfind(b"\n")
        if line_break >= 0:
            return start + line_break + 1
        end = start
    return 0


def starts_as_journal(path: Path) -> bool:
    """Whether the file is empty or its first line is a record of a journal, which may be cut short."""
    with path.open("rb") as file:
        first = file.readline(_TAIL_BYTES)
    return not first or first.startswith(_RECORD)
