"""Where a store of MLflow is, and whether it can be reached: answered in a second or so, without importing MLflow."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import urlsplit

from memoryqa.errors import StoppedError, UsageError
from memoryqa.redaction import redact

T = TypeVar("T")
DEFAULT_URI = "sqlite:///mlflow.db"
_PROBE_SEC = 1.0
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_MAX_ERROR_CHARS = 200
_CAUSE = re.compile(
    r"""\(Caused by \w+\(["'](?:\w+\([^)]*\): )?(.+?)["']\)\)$"""
)  # urllib3's, at the end of its address


class TrackingError(UsageError):
    """The store that was asked for cannot be used; the message is one line with the fix."""


class StoreUnavailable(StoppedError):  # noqa: N818 (it names a state, like StopIteration)
    """The store cannot be written to. The message is one line without secrets."""


def check_uri(uri: str, source: str) -> None:
    """Raise TrackingError, naming the `source` of the address and the fix, for one that MLflow cannot write to."""
    scheme, separator, rest = uri.partition("://")
    shown = f"{source} {redact(uri)}"
    if not separator:
        if re.fullmatch(r"[\w.-]+:\d+(/.*)?", uri):
            raise TrackingError(f"{shown} names no protocol: write http://{uri}")
        if uri == "databricks":
            return
    if not separator or scheme == "file":
        raise TrackingError(f"{shown} is a folder, which MLflow no longer writes to: write {DEFAULT_URI} for a file")
    scheme = scheme.split("+")[0]
    if scheme not in (*_PORTS, "sqlite", "databricks"):
        raise TrackingError(f"{shown}: MLflow knows no {scheme}://; write http://HOST:PORT or {DEFAULT_URI}")
    if scheme == "sqlite" and not re.match(r"/[^?]", rest):
        raise TrackingError(f"{shown} names no file: write three slashes before a relative path, as {DEFAULT_URI}")
    if scheme.startswith("http") and not _has_host(uri):
        raise TrackingError(f"{shown} is no address: write {scheme}://HOST:PORT")


def describe_error(error: BaseException) -> str:
    """One line without secrets: the cause, where an address is told before it at length."""
    line = " ".join(redact(str(error)).split()) or type(error).__name__
    line = cause[1] if (cause := _CAUSE.search(line)) else line
    return line if len(line) <= _MAX_ERROR_CHARS else f"{line[:_MAX_ERROR_CHARS]}..."


def _has_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # no number, or one out of range
        return False


def probe(uri: str) -> None:
    """Whether somebody listens there, in a second: MLflow itself would try for minutes."""
    parts = urlsplit(uri)
    scheme = parts.scheme.split("+")[0]
    if not parts.hostname or scheme not in _PORTS:
        return
    if scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname):
        return  # it need not be reachable directly
    try:
        socket.create_connection((parts.hostname, parts.port or _PORTS[scheme]), timeout=_PROBE_SEC).close()
    except OSError as error:
        raise StoreUnavailable(f"no server answers there ({describe_error(error)})") from error


def in_time(call: Callable[[], T], seconds: float) -> T:
    """What `call` returns or raises; TimeoutError when that takes too long, while its thread may go on."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="in-time").start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # its own
            raise
        raise TimeoutError(f"no whole answer within {seconds:g} s") from None


def sqlite_path(uri: str) -> Path | None:
    return Path(uri.split("///", 1)[1].split("?", 1)[0]) if uri.startswith("sqlite") else None


def prepare_sqlite(database: Path) -> None:
    """Make sure that `database` can be written to: MLflow would try a broken one ten times, for a minute and a half.

    A new one gets a write-ahead log, with which creating MLflow's tables took 2.3 s instead of 6.8 s, and the UI can
    read while a run writes.
    """
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        is_new = not database.exists() or database.stat().st_size == 0
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            if is_new:
                print(f"MLflow: creating {database}, some seconds, once", file=sys.stderr)
                connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"the SQLite database cannot be written ({describe_error(error)})") from error


@contextmanager
def one_at_a_time(database: Path | None) -> Iterator[None]:
    """Be the only process in the block that works on `database`; None, or a system without such locks: at once.

    The lock is a file beside it, which the last process in the block takes away.
    """
    if database is None:
        yield
        return
    with ExitStack() as stack:
        with suppress(OSError, ModuleNotFoundError):  # no locks on Windows, and on some file systems
            path = database.with_name(f"{database.name}.lock")
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(path))
            stack.callback(path.unlink, missing_ok=True)  # before the lock is given back
        yield


def _locked(path: Path) -> IO[str]:
    """`path`, made if it is missing, open and locked by this process alone until it is closed."""
    import fcntl

    while True:
        with ExitStack() as stack:
            file = stack.enter_context(path.open("a"))
            fcntl.flock(file, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):  # another process may have removed it, and a third made a new one
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    stack.pop_all()
                    return file
