"""Measured questions, kept across trials, studies and runs: a question is measured again only if its result may differ.

    cache = QuestionCache(Path("runs/tuning.sqlite"))
    context = cache.context(split="train", parameters=..., data_sha256=..., versions={"code": ...}, seed=0)
    measured, from_cache = cache.get_or_measure(context, question.id, lambda: measure(question))
    cache.why_miss(context, question.id)      # 'parameters.ranking.bm25_k1: 0.9 -> 1.2'

An entry's key is a digest of everything that can change the number. `split` is a required keyword: a train question is
never served to a val run. A broken entry or file is a miss. Times are never kept: an old time says nothing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from memoryqa.archive.database import BUSY_SEC
from memoryqa.errors import UsageError

logger = logging.getLogger(__name__)

_DIGITS = 12  # of a float: what the ranges' arithmetic adds beyond is no other value
_SCHEMA = """
CREATE TABLE IF NOT EXISTS contexts (digest TEXT PRIMARY KEY, parts TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS measured (
    context TEXT NOT NULL, question_id TEXT NOT NULL, value TEXT NOT NULL, checksum TEXT NOT NULL,
    PRIMARY KEY (context, question_id)
) WITHOUT ROWID;
"""

Measured = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Everything but the question that a measurement depends on, in canonical form, and its digest."""

    digest: str
    parts: str = field(repr=False)


@dataclass(slots=True)
class _Flight:
    """An entry that is being measured, and how many threads want it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: int = 0


class QuestionCache:
    """Measurements in one SQLite file, by context and question. For many threads and processes.

    When threads want the same entry at once, one measures and the others wait; two processes may both measure.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hits = 0
        self.misses = 0
        self._lock = threading.Lock()
        self._in_flight: dict[tuple[str, str], _Flight] = {}
        self._known: set[str] = set()  # digests of contexts that the file holds
        self._is_writable = True
        self._connection = _open(path)

    def context(
        self,
        *,
        split: str,
        parameters: Mapping[str, Any],
        data_sha256: str,
        versions: Mapping[str, Any],
        seed: int | None,
    ) -> Context:
        """What measurements depend on. parameters: with defaults filled in. versions: code, prompts, models and judges
        that take part. seed: of random draws, None without any."""
        parts = canonical(
            {
                "split": split,
                "parameters": parameters,
                "data_sha256": data_sha256,
                "versions": versions,
                "seed": seed,
            }
        )
        return Context(hashlib.sha256(parts.encode()).hexdigest(), parts)

    def get_or_measure(
        self, context: Context, question_id: str, measure: Callable[[], Measured | None]
    ) -> tuple[Measured | None, bool]:
        """The entry or the result of `measure`, and whether the entry was there. None, a failure, is not kept."""
        with self._alone(context.digest, question_id):
            found = self._get(context, question_id)
            if found is not None:
                self.hits += 1
                return found, True
            self.misses += 1
            measured = measure()
            if measured is not None:
                self._put(context, question_id, measured)
            return measured, False

    def why_miss(self, context: Context, question_id: str) -> str:
        """Why the entry is missing: what differs from the nearest context that was measured. For people."""
        with self._lock:
            held = self._connection.execute("SELECT digest, parts FROM contexts").fetchall()
        if context.digest in {digest for digest, _ in held}:
            return f"question {question_id} was not measured in this context"
        if not held:
            return "the cache is empty"
        wanted = dict(_leaves("", json.loads(context.parts)))
        nearest = min((_differences(dict(_leaves("", json.loads(parts))), wanted) for _, parts in held), key=len)
        return "; ".join(nearest)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def _alone(self, digest: str, question_id: str) -> Iterator[None]:
        """One thread at a time for one entry."""
        key = (digest, question_id)
        with self._lock:
            flight = self._in_flight.setdefault(key, _Flight())
            flight.threads += 1
        try:
            with flight.lock:
                yield
        finally:
            with self._lock:
                flight.threads -= 1
                if not flight.threads:
                    del self._in_flight[key]

    def _get(self, context: Context, question_id: str) -> Measured | None:
        try:
            with self._lock:
                row = self._connection.execute(
                    "SELECT value, checksum FROM measured WHERE context = ? AND question_id = ?",
                    (context.digest, question_id),
                ).fetchone()
        except sqlite3.DatabaseError as error:
            logger.warning("%s: cannot be read (%s); measuring anew", self.path, error)
            return None
        if row is None or _checksum(row[0]) != row[1]:
            return None
        measured: Measured = json.loads(row[0])
        return measured

    def _put(self, context: Context, question_id: str, measured: Measured) -> None:
        if not self._is_writable:
            return
        value = json.dumps(measured, allow_nan=False)  # to the last digit: it may decide between two trials
        try:
            with self._lock:
                if context.digest not in self._known:
                    self._connection.execute(
                        "INSERT OR IGNORE INTO contexts VALUES (?, ?)", (context.digest, context.parts)
                    )
                    self._known.add(context.digest)
                self._connection.execute(
                    "INSERT OR REPLACE INTO measured VALUES (?, ?, ?, ?)",
                    (context.digest, question_id, value, _checksum(value)),
                )
        except sqlite3.DatabaseError as error:  # a full disk, above all: tuning continues without
            self._is_writable = False
            logger.warning("%s: cannot be written (%s); continuing without keeping measurements", self.path, error)


def canonical(value: object) -> str:
    """JSON that is equal exactly for equal values: keys sorted, 1.0 and -0.0 as 1 and 0, true and false not as numbers.

    Raises ValueError for NaN and infinities, which are no measurements.
    """
    return json.dumps(_normalised(value), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def _normalised(value: object) -> object:
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        rounded = round(value, _DIGITS)
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, Mapping):
        return {str(key): _normalised(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_normalised(inner) for inner in value]
    return value


def _open(path: Path) -> sqlite3.Connection:
    """The file's connection; a file that is no database is put aside, and a new one begun."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _connect(path)
    except (OSError, sqlite3.OperationalError) as error:  # a folder, no permission: not broken, but not usable
        raise UsageError(f"{path}: cannot be used as a cache ({error}); name another by --cache") from error
    except sqlite3.DatabaseError as error:
        aside = path.with_name(path.name + ".broken")
        path.replace(aside)
        logger.warning("%s is no cache (%s); it is %s now, and a new one is begun", path, error, aside)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SEC, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a crash of the machine may lose the last ones, and no more
        connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _checksum(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _leaves(f"{name}.{key}" if name else key, inner)


def _differences(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {json.dumps(held.get(name))} -> {json.dumps(wanted.get(name))}"
        for name in sorted({*held, *wanted})
        if held.get(name) != wanted.get(name)
    ]
