"""Opens the storage of studies: a journal file on one machine, SQLite, or PostgreSQL for many machines.

    storage = open_storage("runs/tuning.journal")
    storage = open_storage("postgresql+psycopg2://tuner@db.example/tuner")   # the password from PGPASSWORD or ~/.pgpass

The journal is the default: it needs no server, several processes can share it, and it is faster than SQLite, whose
"database is locked" under several writers is Optuna's perennial issue (optuna/optuna#820).
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tuning.errors import StorageLocationError, StorageUnavailableError, StudyInUseError

if TYPE_CHECKING:
    import optuna
    from sqlalchemy import URL

DEFAULT_STORAGE = "runs/tuning.journal"
_CONNECT_SEC = 10.0  # a database in the cloud may take some seconds to wake
_ATTEMPTS = 5
_FORMS = "a path (a journal file), sqlite:///FILE or postgresql+psycopg2://USER@HOST/DATABASE"
_DRIVERS = ("sqlite", "postgresql", "postgresql+psycopg2")


def open_storage(location: str | Path) -> optuna.storages.BaseStorage:
    """The storage at `location`; a missing journal or SQLite file is created, its folder too.

    Answers within ten seconds when a server cannot be reached, or as `connect_timeout` in its address says. Raises
    StorageLocationError for what can never be a storage, and StorageUnavailableError for one that is unavailable
    now; neither shows a password.
    """
    if "://" not in str(location):
        if scheme := re.match(r"[a-z][a-z0-9+]+:", str(location)):  # a folder of that name would be made
            raise StorageLocationError(f"no storage of the kind {scheme[0]}; give {_FORMS}")
        return _open_journal(Path(location))
    url = _parsed(str(location))
    if url.drivername.startswith("postgresql"):
        _reach(url)
        return _open_database(url, {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}})
    if url.database and url.database != ":memory:":
        _make_folder(Path(url.database))
    return _open_database(url, {"connect_args": {"timeout": 60}})


def hide_password(location: str | Path) -> str:
    """`location` as it may be printed."""
    if "://" not in str(location):
        return str(location)
    return _parsed(str(location)).render_as_string(hide_password=True)


@contextmanager
def sole_tuner(location: str | Path, study_name: str) -> Iterator[None]:
    """Be the only tuner of this study of a journal, since two would both promote; workers need no lock.

    The operating system drops the lock when the process ends, even by a kill. A database may have tuners on several
    machines and is not locked. Raises StudyInUseError.
    """
    if "://" in str(location):
        yield
        return
    import fcntl

    path = Path(f"{location}.{study_name}.tuner")
    _make_folder(path)
    with _open_lock(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise StudyInUseError(
                f"study {study_name} of {location} is being tuned by {file.read() or 'another process'}; join it with "
                f"`python tune.py worker --storage {location} --study {study_name}`, or choose another --study"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield
        # The file stays: removing it could leave two tuners with a lock each, on two files of the same name.


def _open_lock(path: Path) -> TextIO:
    try:
        return path.open("a+")
    except OSError as error:
        raise StorageUnavailableError(f"the storage's lock {path} cannot be written: {error.strerror}") from error


def _open_journal(path: Path) -> optuna.storages.JournalStorage:
    from optuna.storages import JournalStorage

    from tuning.studies.journal import JournalFile, starts_as_journal

    if path.is_dir():
        raise StorageLocationError(f"the storage {path} is a folder; give {_FORMS}")
    _make_folder(path)
    try:
        with path.open("ab"), path.open("rb") as file:
            start = file.read(6)
        if start == b"SQLite":
            raise StorageLocationError(f"the storage {path} is an SQLite file; say sqlite:///{path}")
        if not starts_as_journal(path):
            raise StorageLocationError(f"the storage {path} is not a journal of studies; give {_FORMS}")
        return JournalStorage(JournalFile(path))
    except OSError as error:
        raise StorageUnavailableError(f"the storage {path} cannot be opened: {error.strerror}") from error
    except (JSONDecodeError, KeyError) as error:
        raise StorageUnavailableError(f"the journal {path} is damaged ({error}); restore it, or use another") from error


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailableError(f"the folder {path.parent} cannot be made: {error.strerror}") from error


def _parsed(location: str) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    scheme = location.split("://")[0]
    if scheme not in _DRIVERS:
        raise StorageLocationError(f"no storage of the kind {scheme}://; give {_FORMS}")
    try:
        return make_url(location)
    except (ArgumentError, ValueError):  # both quote the location, which may hold a password
        raise StorageLocationError(f"the storage's address {scheme}://... cannot be read; give {_FORMS}") from None


def _reach(url: URL) -> None:
    """Log in once, in a thread of its own: a name server or a silent server may take longer than we wait."""
    wait_sec = _connect_sec(url)
    try:
        import psycopg2
    except ModuleNotFoundError:
        raise StorageLocationError("PostgreSQL needs psycopg2: pip install '.[tune]'") from None
    outcome: list[str] = []

    def log_in() -> None:
        arguments = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
        try:
            psycopg2.connect(**{"connect_timeout": round(wait_sec), **arguments}).close()
            outcome.append("")
        except psycopg2.Error as error:
            outcome.append(_first_line(error))

    thread = threading.Thread(target=log_in, daemon=True)
    thread.start()
    thread.join(wait_sec)
    problem = outcome[0] if outcome else f"no answer within {wait_sec:g} seconds"
    if problem:
        shown = url.render_as_string(hide_password=True)
        raise StorageUnavailableError(f"the storage {shown} cannot be reached: {problem}")


def _connect_sec(url: URL) -> float:
    """How long to wait for a connection: as the address says, else `_CONNECT_SEC`; never without end."""
    try:
        asked_for = float(str(url.query.get("connect_timeout", _CONNECT_SEC)))
    except ValueError:
        return _CONNECT_SEC
    return min(asked_for, 300.0) if asked_for > 0 else _CONNECT_SEC


def _open_database(url: URL, engine_kwargs: dict[str, Any]) -> optuna.storages.RDBStorage:
    """Optuna creates missing tables; when several processes do so at once, all but one fail and try again."""
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import DBAPIError

    address = url.render_as_string(hide_password=False)
    problem = ""
    for attempt in range(_ATTEMPTS):
        time.sleep(0.1 * attempt)
        try:
            return RDBStorage(address, engine_kwargs=engine_kwargs)
        except DBAPIError as error:
            problem = _first_line(error.orig or error)
        except RuntimeError as error:  # made by another version of Optuna; the message says how to upgrade
            problem = _first_line(error)
            break
    raise StorageUnavailableError(f"the storage {hide_password(address)} cannot be opened: {problem}")


def failure_text(error: BaseException) -> str:
    """The cause of Optuna's StorageInternalError, whose own text guesses at invalid data, in one line."""
    return f"the storage failed: {_first_line(error.__cause__ or error)}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
