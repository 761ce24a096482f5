"""Ctrl-C and SIGTERM at any moment: the journal is written to its end, its lock is free, and no trial stays behind."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import JournalFileSymlinkLock
from optuna.trial import TrialState
from tuning_objective import SPACE, run_trial

from tuning.studies.journal import JournalFile
from tuning.studies.leases import was_lost
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker


class SignalOnce:
    """Called in place of a function, it sends this process a signal after its `at`-th call."""

    def __init__(self, function: Any, at: int, number: int = signal.SIGINT) -> None:
        self._function, self._at, self._number = function, at, number
        self.calls = 0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        result = self._function(*arguments, **named)
        self.calls += 1
        if self.calls == self._at:
            signal.raise_signal(self._number)
        return result


@pytest.mark.parametrize("function", ["symlink", "fsync", "rename", "unlink"])
def test_a_signal_in_a_write_leaves_the_record_and_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    path = tmp_path / "a.journal"
    journal = JournalFile(path)
    monkeypatch.setattr(os, function, SignalOnce(getattr(os, function), 1))
    with pytest.raises(KeyboardInterrupt):
        journal.append_logs([{"op_code": 0}])
    assert json.loads(path.read_text()) == {"op_code": 0}
    assert list(tmp_path.iterdir()) == [path]


def test_a_signal_while_another_process_writes_leaves_that_process_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.journal"
    journal, other = JournalFile(path), JournalFileSymlinkLock(str(path))
    other.acquire()
    held = []

    def pause(sec: float) -> None:  # the wait for the lock
        signal.raise_signal(signal.SIGINT)
        held.append(Path(f"{path}.lock").is_symlink())
        other.release()

    monkeypatch.setattr("optuna.storages.journal._file.time.sleep", pause)
    with pytest.raises(KeyboardInterrupt):
        journal.append_logs([{"op_code": 0}])
    assert held == [True]
    assert json.loads(path.read_text()) == {"op_code": 0}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_interrupted_at_any_of_its_writes_leaves_no_trial_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    append, interrupted, lost = JournalFile.append_logs, 0, 0
    while True:
        location = tmp_path / f"{interrupted}.journal"
        study = open_study(open_storage(location), StudySpec("mine", SPACE, seed=1))
        signalling = SignalOnce(append, interrupted + 1, number)
        monkeypatch.setattr(JournalFile, "append_logs", lambda *given, do=signalling: do(*given))
        try:
            run_worker(study, run_trial, n_trials=1)
        except KeyboardInterrupt:
            interrupted += 1
        finally:
            monkeypatch.setattr(JournalFile, "append_logs", append)
        trials = load_study(open_storage(location), "mine")[0].trials
        assert not [trial.number for trial in trials if trial.state == TrialState.RUNNING]
        lost += sum(map(was_lost, trials))
        if signalling.calls < signalling._at:
            break
    assert interrupted > 5
    assert 0 < lost < interrupted
