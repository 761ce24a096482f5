"""A run folder: everything one evaluation or training run leaves behind, written so that an interruption loses nothing.

    config.json     what was asked for; a run is only resumed with the same
    manifest.json   where the numbers come from: commit, versions, data digest, models, seed
    answers.jsonl   one row per question, written as it completes
    program.json    and other files, by `write_json`

Secrets (memoryqa/lms/roles.py, `redact`) are removed from everything written here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from harness.checkout import checkout_root, commit_of
from harness.files import JsonlError, JsonlFile, to_json, write_bytes_atomically
from memoryqa.errors import UsageError
from memoryqa.redaction import redact

CONFIG, MANIFEST, ANSWERS = "config.json", "manifest.json", "answers.jsonl"
LOCK = ".lock"
_PACKAGES = ("dspy", "litellm", "mlflow", "nltk", "numpy", "optuna", "PyStemmer", "tiktoken")


class RunFolderError(UsageError):
    """The folder cannot be used as asked; the message names the file and the fix."""


class RunConfigChanged(RunFolderError):  # noqa: N818 (it names what happened)
    """A run was to be resumed with another config; the message lists each differing key, old -> new."""


class FolderLock:
    """This process's lock on a folder; every object of the process that works on the folder has the same.

    It is on the folder itself, or where the file system locks files only, as NFS does, on a hidden file in it.
    """

    _held: ClassVar[WeakValueDictionary[str, FolderLock]] = WeakValueDictionary()

    def __init__(self, folder: Path) -> None:
        self._descriptor: int | None = None
        try:
            import fcntl
        except ModuleNotFoundError:  # Windows
            return
        for path, flags in ((folder, os.O_RDONLY), (folder / LOCK, os.O_RDWR | os.O_CREAT)):
            try:
                descriptor = os.open(path, flags, 0o666)
            except OSError:  # it cannot be written; the write that matters will say so
                return
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if isinstance(error, BlockingIOError | PermissionError):  # EAGAIN; EACCES on some file systems
                    raise RunFolderError(
                        f"another process is working on {folder}, and two would both ask and pay: wait for it, or "
                        "stop it"
                    ) from None
            else:
                self._descriptor = descriptor
                return
        print(
            f"warning: {folder}: its file system has no locks, so nothing keeps a second process from asking, and "
            "paying, once more",
            file=sys.stderr,
        )

    @classmethod
    def of(cls, folder: Path) -> FolderLock:
        """The lock on `folder`. Raises RunFolderError when another process holds it."""
        name = str(folder.resolve())
        held = cls._held.get(name)
        if held is None:
            held = cls._held[name] = cls(folder)
        return held

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


class Run:
    """One run folder. `append` may be called from many threads; one process at a time writes to a folder (`lock`).

    Get one from `Run.create`, `Run.resume` or, to read only, `Run.open`.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._answers = JsonlFile(run_dir / ANSWERS)
        self._lock: FolderLock | None = None

    @classmethod
    def create(cls, run_dir: Path, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> Run:
        """Start a run in a folder that is new or empty. Raises RunFolderError otherwise."""
        in_use = f"{run_dir} is in use: name a new folder, or continue that run with --resume {run_dir}"
        if run_dir.exists() and not run_dir.is_dir():
            raise RunFolderError(in_use)
        run_dir.mkdir(parents=True, exist_ok=True)
        run = cls(run_dir)
        run.lock()  # before looking: another process may be about to start here too
        if any(path.name != LOCK for path in run_dir.iterdir()):
            raise RunFolderError(in_use)
        try:
            run.write_json(MANIFEST, manifest)
            run.write_json(CONFIG, config)  # last: a folder with a config.json is a whole run folder
        except OSError:  # a full disk; else the folder could be neither continued nor used anew
            (run_dir / MANIFEST).unlink(missing_ok=True)
            raise
        return run

    @classmethod
    def open(cls, run_dir: Path) -> Run:
        """An existing run with any config. Raises RunFolderError when `run_dir` is not a run folder."""
        if not (run_dir / CONFIG).is_file():
            raise RunFolderError(
                f"{run_dir} is not a run folder: it has no {CONFIG}; give the folder of an earlier run"
            )
        return cls(run_dir)

    @classmethod
    def resume(cls, run_dir: Path, config: Mapping[str, Any], *, lock: bool = True) -> Run:
        """An existing run with this very config, else RunConfigChanged. Compared as JSON: tuples equal lists.

        lock: this process will write to it; only what spends nothing may do without.
        """
        run = cls.open(run_dir)
        differences = list(_differences(run.config, json.loads(to_json(config))))
        if differences:
            raise RunConfigChanged(
                f"{run_dir} was made with another config ({'; '.join(differences)}): "
                "drop the flags that differ, or start a new run"
            )
        if lock:
            run.lock()
            run._answers.mend()  # here, since a run that has all its rows appends none
        return run

    def lock(self) -> None:
        """Be the only process that works on this run until this object is gone: two would both ask, and pay.

        The operating system drops the lock when the process ends, even by a kill. Raises RunFolderError.
        """
        self._lock = FolderLock.of(self.run_dir)

    @property
    def config(self) -> dict[str, Any]:
        """The saved config.json. Raises RunFolderError when it is not a JSON object."""
        return self._read_object(CONFIG)

    @property
    def manifest(self) -> dict[str, Any]:
        """The saved manifest.json. Raises RunFolderError when it is not a JSON object."""
        return self._read_object(MANIFEST)

    def _read_object(self, name: str) -> dict[str, Any]:
        path = self.run_dir / name
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} is not JSON ({error}): restore it, or start a new run") from error
        if not isinstance(content, dict):
            raise RunFolderError(f"{path} holds no JSON object: restore it, or start a new run")
        return content

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row to answers.jsonl, as JsonlFile.append; it survives the death of the process."""
        self._answers.append(row)

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows, as JsonlFile.rows. Raises RunFolderError, with its number, for a line that is no object."""
        try:
            return self._answers.rows()
        except JsonlError as error:
            raise RunFolderError(str(error)) from None

    @property
    def half_written_bytes(self) -> int:
        """Size of the stump that `rows` leaves out and the next `append` removes; 0 normally."""
        return self._answers.half_written_bytes

    def latest_rows(self, *fields: str) -> dict[tuple[Any, ...], dict[str, Any]]:
        """The rows by the values of `fields`; of several with the same values the last, which was asked again."""
        rows = {}
        for number, row in enumerate(self.rows(), start=1):
            missing = [field for field in fields if field not in row]
            if missing:
                raise RunFolderError(f"{self.run_dir / ANSWERS}, line {number} has no {missing[0]!r}: delete the line")
            rows[tuple(row[field] for field in fields)] = row
        return rows

    def write_json(self, name: str, obj: object) -> Path:
        """Write `<run_dir>/<name>` whole or not at all (temporary file, then rename). Returns its path."""
        path = self.run_dir / name
        write_bytes_atomically(path, (to_json(obj, indent=2) + "\n").encode())
        return path


def default_run_dir(config: Mapping[str, Any], root: Path = Path("runs")) -> Path:
    """`runs/<UTC time>-<short hash>`: sorts by time; the hash is of the config, the process and the nanosecond."""
    unique = f"{to_json(config)} {os.getpid()} {time.time_ns()}"
    return root / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{hashlib.sha256(unique.encode()).hexdigest()[:6]}"


def manifest_environment() -> dict[str, Any]:
    """What of a run's manifest concerns the machine: commit, Python, platform, package versions, start (UTC), argv.

    `commit` ends in "-dirty" when this project's checkout has changes, and is None where the code is installed or not
    under git. A package that is not installed has version None.
    """
    root = checkout_root(Path(__file__))
    return {
        "commit": None if root is None else commit_of(root),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "argv": [redact(argument) for argument in sys.argv],
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in _in_order(old, new):
        name = f"{prefix}{key}"
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _differences(old[key], new[key], prefix=f"{name}.")
        elif key not in old or key not in new or old[key] != new[key]:
            yield f"{name}: {_shown(old, key)} -> {_shown(new, key)}"


def _in_order(old: Iterable[str], new: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*old, *new]))


def _shown(mapping: Mapping[str, Any], key: str) -> str:
    return json.dumps(mapping[key], ensure_ascii=False) if key in mapping else "(absent)"
