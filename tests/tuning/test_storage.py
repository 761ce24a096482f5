"""Where studies are kept: what opens, what is refused in one line, and a journal that survives cut-short writes."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from checkout import ROOT
from optuna.storages.journal import JournalFileBackend
from ports import free_port
from postgres_server import run_postgres
from tuning_objective import DEFAULTS, SPACE, SPACE_JSON, run_trial

from tuning.errors import (
    ForeignStudyError,
    StorageLocationError,
    StorageUnavailableError,
    StudyInUseError,
    StudyMismatchError,
    UnknownStudyError,
)
from tuning.space import SearchSpace
from tuning.studies.storage import hide_password, open_storage, sole_tuner
from tuning.studies.study import StudySpec, delete_study, load_study, open_study, study_names
from tuning.studies.worker import run_worker


@pytest.mark.slow
@pytest.mark.parametrize("location", ["{}/runs/a.journal", "sqlite:///{}/runs/a.db"])
def test_a_study_is_found_again_in_a_storage_that_is_opened_again(tmp_path: Path, location: str) -> None:
    location = location.format(tmp_path)
    spec = StudySpec("mine", SPACE, seed=3, sampler="random", pruner="median", settings={"budget_tokens": 2000})
    run_worker(open_study(open_storage(location), spec), run_trial, n_trials=3)

    study, saved = load_study(open_storage(location), "mine")

    assert saved == spec
    assert len(study.trials) == 3
    assert study.trials[0].params == DEFAULTS, "the defaults are trial 0"
    assert isinstance(study.pruner, optuna.pruners.MedianPruner)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("mysql://user@host/db", "no storage of the kind mysql://; give a path"),
        ("postgresql+psycopg2://user:secret@host:port/db", "cannot be read"),
        ("journal:{}/a.journal", "no storage of the kind journal:; give a path"),
        ("sqlite:a.db", "no storage of the kind sqlite:; give a path"),
        ("{}", "is a folder"),
        ("{}/other.db", "say sqlite:///"),
        ("{}/notes.txt", "is not a journal of studies"),
    ],
)
def test_a_location_that_holds_no_storage_is_refused(tmp_path: Path, location: str, message: str) -> None:
    open_storage(f"sqlite:///{tmp_path}/other.db")
    (tmp_path / "notes.txt").write_text("call the plumber\n")
    with pytest.raises(StorageLocationError, match=re.escape(message)) as refusal:
        open_storage(location.format(tmp_path))
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_database_that_refuses_connections_is_told_in_one_line_without_the_password() -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    with pytest.raises(StorageUnavailableError, match=r"tuner:\*\*\*@127.0.0.1.*cannot be reached") as refusal:
        open_storage(f"postgresql+psycopg2://tuner:secret@127.0.0.1:{free_port()}/tuner")
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.slow
def test_a_database_that_accepts_and_stays_silent_is_given_two_seconds() -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(StorageUnavailableError, match="cannot be reached"):
            open_storage(f"postgresql+psycopg2://tuner@127.0.0.1:{silent.getsockname()[1]}/tuner")
        assert time.monotonic() - started < 20, "an import on a busy machine, and two seconds of waiting"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "wakes_sec", "told"),
    [
        ("", 3.0, "is starting up"),
        ("?connect_timeout=10", 3.0, "is starting up"),
        ("?connect_timeout=nonsense", 3.0, "invalid"),
        ("?connect_timeout=1", 6.0, r"no answer within 1 seconds|timeout expired"),
    ],
)
def test_a_database_that_takes_seconds_to_answer_is_waited_for_as_its_address_says(
    query: str, wakes_sec: float, told: str
) -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    said = b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wake() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:  # else nobody asked
                time.sleep(wakes_sec)
                while int.from_bytes(connection.recv(4_096)[4:8], "big") in (80_877_103, 80_877_104):  # TLS? GSS?
                    connection.sendall(b"N")
                connection.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)

        server.settimeout(15)
        thread = threading.Thread(target=wake, daemon=True)
        thread.start()
        with pytest.raises(StorageUnavailableError, match=told) as refusal:
            open_storage(f"postgresql+psycopg2://tuner@127.0.0.1:{server.getsockname()[1]}/tuner{query}")
        if "nonsense" not in query:  # which is refused before anything is asked
            thread.join(15)
    assert "\n" not in str(refusal.value)


def test_passwords_are_hidden() -> None:
    assert hide_password("postgresql://me:secret@db/x") == "postgresql://me:***@db/x"
    assert hide_password("runs/tuning.journal") == "runs/tuning.journal"


# -- studies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", ".hidden", "two words", "x" * 65, "umlaut-ä", "line\nbreak", "a\n"]
)
def test_a_bad_study_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"study name .* is not usable; take 1 to 64 letters"):
        StudySpec(name, SPACE)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"directions": ()}, "directions must be of"),
        ({"directions": ("up",)}, "directions must be of maximize, minimize"),
        ({"sampler": "magic"}, "no sampler 'magic'; there are tpe"),
        ({"pruner": "magic"}, "no pruner 'magic'; there are wilcoxon"),
        ({"seed": -1}, "seed must be in"),
        ({"directions": ("maximize", "minimize"), "pruner": "wilcoxon"}, "works with one objective, got 2"),
    ],
)
def test_a_spec_that_makes_no_study_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudySpec("mine", SPACE, **fields)  # type: ignore[arg-type]


def with_x(**changes: object) -> SearchSpace:
    first, *others = SPACE_JSON["parameters"]
    return SearchSpace.from_json({"parameters": [{**first, **changes}, *others]})


def test_a_space_with_an_inverted_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x.*2.*-2"):
        with_x(low=2.0, high=-2.0)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (StudySpec("mine", with_x(low=-1.0)), r"another search space \(x \(.*'low': -2.0.*, not .*'low': -1.0"),
        (StudySpec("mine", SPACE, seed=5), r"another seed \(0, not 5\)"),
        (StudySpec("mine", SPACE, ("minimize",)), r"another directions"),
        (StudySpec("mine", SPACE, settings={"data_sha256": "b"}), r"another data_sha256 \(a, not b\)"),
    ],
)
def test_a_study_taken_up_with_another_spec_is_refused(tmp_path: Path, other: StudySpec, message: str) -> None:
    settings = {"data_sha256": "a"} if other.settings else {}
    storage = open_storage(tmp_path / "a.journal")
    open_study(storage, StudySpec("mine", SPACE, settings=settings))
    with pytest.raises(StudyMismatchError, match=message) as refusal:
        open_study(storage, other)
    assert "take another study name" in str(refusal.value)
    assert len(load_study(storage, "mine")[0].trials) == 1


@pytest.mark.slow
def test_unknown_and_foreign_studies_are_told_apart(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "a.journal")
    optuna.create_study(storage=storage, study_name="theirs")
    with pytest.raises(UnknownStudyError, match="no study 'mine' in this storage; there are: theirs"):
        load_study(storage, "mine")
    with pytest.raises(ForeignStudyError, match=r"'theirs' was not made by tune\.py"):
        load_study(storage, "theirs")
    delete_study(storage, "theirs")
    assert study_names(storage) == []
    with pytest.raises(UnknownStudyError):
        delete_study(storage, "theirs")


def open_and_report(location: str, barrier: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    study = open_study(open_storage(location), StudySpec("mine", SPACE))
    assert study.get_trials(deepcopy=False)[0].system_attrs["fixed_params"] == DEFAULTS


@pytest.mark.slow
@pytest.mark.parametrize("location", ["{}/a.journal", "sqlite:///{}/a.db"])
def test_processes_that_make_a_study_at_once_make_one(tmp_path: Path, location: str) -> None:
    location, context = location.format(tmp_path), multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    processes = [context.Process(target=open_and_report, args=(location, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(load_study(open_storage(location), "mine")[0].trials) == 1


# -- a second tuner ----------------------------------------------------------------------------------------------------


def test_a_second_tuner_on_the_same_study_is_sent_to_tune_py_worker(tmp_path: Path) -> None:
    location = tmp_path / "runs" / "a.journal"
    with sole_tuner(location, "mine"):
        refusal = pytest.raises(StudyInUseError, match=rf"being tuned by process {os.getpid()} on .*tune\.py worker")
        with refusal, sole_tuner(location, "mine"):
            pass
        with sole_tuner(location, "another"):
            pass
    with sole_tuner(location, "mine"):
        pass


def test_a_tuner_that_was_killed_holds_no_lock(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    code = f"import time; from tuning.studies.storage import sole_tuner\nwith sole_tuner({str(location)!r}, 'mine'):\n"
    code += "    print('locked', flush=True)\n    time.sleep(99)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) as tuner:
        assert tuner.stdout is not None
        tuner.stdout.readline()
        with pytest.raises(StudyInUseError), sole_tuner(location, "mine"):
            pass
        tuner.kill()
    with sole_tuner(location, "mine"):
        pass


# -- the journal -------------------------------------------------------------------------------------------------------


def test_a_half_written_line_is_cut_off_and_nothing_else_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    run_worker(open_study(open_storage(path), StudySpec("mine", SPACE)), run_trial, n_trials=2)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code":5,"worker_id":"kil')

    run_worker(load_study(open_storage(path), "mine")[0], run_trial, n_trials=4)

    assert path.read_bytes().startswith(whole)
    assert [json.loads(line)["op_code"] for line in path.read_text().splitlines()]
    assert len(load_study(open_storage(path), "mine")[0].trials) == 4


def test_optunas_own_backend_would_never_read_such_a_journal_again(tmp_path: Path) -> None:
    """What tuning.studies.journal is for; when this fails, it can go."""
    path = tmp_path / "a.journal"
    path.write_bytes(b'{"op_code":5,"worker_id":"kil')
    backend = JournalFileBackend(str(path))
    for _ in range(2):
        backend.append_logs([{"op_code": 0}])
    with pytest.raises(json.JSONDecodeError):
        list(backend.read_logs(0))


def fill_the_disk(path: Path, room_bytes: int, then: Callable[[], None]) -> None:
    """Run in a process of its own: files cannot grow beyond `room_bytes` more, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = path.stat().st_size + room_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    then()


def test_a_full_disk_is_one_line_and_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    study = open_study(open_storage(path), StudySpec("mine", SPACE))
    run_worker(study, run_trial, n_trials=2)
    before = path.read_bytes()

    def run_out_of_room() -> None:
        with pytest.raises(StorageUnavailableError, match=r"cannot write to .*a.journal: .*what is in it is safe"):
            run_worker(load_study(open_storage(path), "mine")[0], run_trial, n_trials=9)

    process = multiprocessing.get_context("fork").Process(target=fill_the_disk, args=(path, 50, run_out_of_room))
    process.start()
    process.join(60)

    assert process.exitcode == 0
    assert path.read_bytes() == before, "the write that did not fit is gone as a whole"
    run_worker(load_study(open_storage(path), "mine")[0], run_trial, n_trials=5)
    assert len(load_study(open_storage(path), "mine")[0].trials) >= 5


def test_a_journal_damaged_in_the_middle_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    run_worker(open_study(open_storage(path), StudySpec("mine", SPACE)), run_trial, n_trials=2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], lines[3][:9] + b"\n", *lines[4:]]))
    with pytest.raises(StorageUnavailableError, match="is damaged"):
        open_storage(path)


@pytest.mark.parametrize(
    "damage",
    {
        "text": lambda whole: whole + b"garbage\n",
        "bytes": lambda whole: whole + b"\xff\xfe\x00\n",
        "zeros": lambda whole: whole + b"\x00" * 300 + b"\n",
        "no record": lambda whole: whole + b"{}\n",
        "a number": lambda whole: whole + b"5\n",
        "null": lambda whole: whole + b"null\n",
        "a list": lambda whole: whole + b"[]\n",
        "an unknown operation": lambda whole: whole + b'{"op_code":99,"worker_id":"w"}\n',
        "no number": lambda whole: whole + b'{"op_code":"x","worker_id":"w"}\n',
        "no fields": lambda whole: whole + b'{"op_code":4,"worker_id":"w"}\n',
        "no worker": lambda whole: whole + b'{"op_code":4,"study_id":0}\n',
        "emptied": lambda whole: b"",
        "cut": lambda whole: whole[: len(whole) // 2],
        "a line shortened": lambda whole: whole.replace(b'"worker_id"', b'"w"', 1),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_journal_that_is_damaged_while_it_is_open_is_one_line(
    tmp_path: Path, damage: tuple[str, Callable[[bytes], bytes]]
) -> None:
    path = tmp_path / "a.journal"
    storage = open_storage(path)
    study = open_study(storage, StudySpec("mine", SPACE))
    run_worker(study, run_trial, n_trials=2)
    path.write_bytes(damage[1](path.read_bytes()))
    with pytest.raises(StorageUnavailableError, match=r"a\.journal is damaged \(.*restore it, or use another") as told:
        run_worker(study, run_trial, n_trials=9)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "damage",
    [Path.unlink, lambda path: path.write_bytes(os.urandom(path.stat().st_size)), lambda path: path.write_bytes(b"")],
    ids=["removed", "overwritten", "emptied"],
)
def test_a_database_file_that_is_lost_is_not_called_safe(damage: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    study = open_study(open_storage(f"sqlite:///{path}"), StudySpec("mine", SPACE))
    run_worker(study, run_trial, n_trials=1)
    damage(path)
    with pytest.raises(StorageUnavailableError, match=r"removed, replaced or damaged: restore it") as told:
        run_worker(study, run_trial, n_trials=4)
    assert "\n" not in str(told.value)


def test_a_journal_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailableError, match=r"folder .* cannot be made: (File exists|Not a directory)"):
        open_storage(tmp_path / "file" / "a.journal")


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_database_that_goes_away_is_one_line() -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    with run_postgres() as location:
        study = open_study(open_storage(location), StudySpec("mine", SPACE))
        run_worker(study, run_trial, n_trials=2)
    with pytest.raises(StorageUnavailableError, match=r"the storage failed: .*finished trials are safe"):
        run_worker(study, run_trial, n_trials=4)
