"""A memory in a file: its turns in an archive and, in the archive's settings, what it was configured with."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

from memoryqa import checks
from memoryqa.archive.carried import Carried
from memoryqa.archive.changes import write_history
from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.config import CoverageConfig, DenseConfig, MemoryConfig, RankingConfig
from memoryqa.errors import UsageError
from memoryqa.parameters import ParametersError, config_from
from memoryqa.turns import Turn

_PLAIN = ("memory_tokens", "recovery", "compaction")
_TEMPORARY_BYTES = 150  # of a file's name, in that of the file that becomes it: a name has 255 at most


@dataclass(frozen=True, slots=True)
class History:
    """What a memory keeps besides its turns.

    revisions: by id what a turn was before, oldest first. forgotten: by session the highest number of a forgotten turn,
    and how many there were. carried: what is known of the exports that the turns came from.
    """

    revisions: Mapping[str, list[Turn]] = field(default_factory=dict)
    forgotten: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    carried: Carried = field(default_factory=Carried)


def settings_of(config: MemoryConfig, dense: DenseConfig | None, session_gap: timedelta) -> dict[str, Any]:
    """What an archive keeps of a memory's settings; `dense`: None without an embedder."""
    settings = {name: value for name, value in asdict(config).items() if name != "embedder"}
    settings["dense"] = None if dense is None else asdict(dense)
    settings["session_gap_sec"] = session_gap.total_seconds()
    return settings


def open_archive(path: str | Path) -> Archive:
    """The archive in `path`, which is made when there is none; for reading only where it may not be written."""
    if str(path) == ":memory:":
        raise UsageError('open(":memory:") would make a file of that name; AdaptiveMemory() is a memory without a file')
    path = _checked(path)
    return Archive(path, create=not path.exists() or (path.is_file() and not path.stat().st_size))


def save_memory(
    path: str | Path,
    turns: Sequence[Turn],
    config: MemoryConfig,
    dense: DenseConfig | None,
    session_gap: timedelta,
    history: History | None = None,
) -> None:
    """Write all of it in `path`, or nothing: a new file appears when it is complete, one that is there (the archive of
    the beginning of `turns`, see `Archive.save`) grows in one transaction. Raises ArchiveError.

    `dense`: None without an embedder. Killed in between, it may leave a file `.NAME.*.tmp` behind, to be deleted; where
    the file system has no hard links, an archive without turns, to which it can be saved again.
    """
    path = _checked(path)
    settings = settings_of(config, dense, session_gap)
    if path.exists() or not _save_anew(path, turns, settings, history or History()):
        with Archive(path) as archive:
            _write(archive, turns, settings, history or History())


def _write(archive: Archive, turns: Sequence[Turn], settings: Mapping[str, Any], history: History) -> None:
    with archive.transaction():
        archive.save(turns, settings)
        write_history(archive, chain.from_iterable(history.revisions.values()), history.forgotten)


def _checked(path: str | Path) -> Path:
    """`path`, as far as one can say without opening it."""
    path = checks.path("path", path)
    if "\0" in str(path):
        raise ArchiveError(f"{str(path)!r}: no name of a file contains NUL; choose another one")
    try:
        path.with_name(f"{path.name}-journal").exists() if path.name else path.exists()  # SQLite's has the longest name
    except OSError as error:  # such as a name that is too long
        raise ArchiveError(f"{path}: cannot be written there ({error.strerror})") from error
    return path


def constructor_arguments(archive: Archive, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for `AdaptiveMemory`: those that `save_memory` wrote, but for `overrides`. ArchiveError when there are
    none, or when they name an embedder and `overrides` do not."""
    saved = _of_this_version(archive.settings())
    if not saved:
        raise ArchiveError(
            f"{archive.path}: an archive of turns, not a saved memory; extend() a new memory with its restore()"
        )
    dense = saved.pop("dense", None)
    arguments = {name: value for name, value in saved.items() if name in _PLAIN}
    if "session_gap_sec" in saved:
        arguments["session_gap"] = timedelta(seconds=saved["session_gap_sec"])
    try:
        if "coverage" not in overrides:
            arguments["coverage"] = config_from(CoverageConfig, saved.get("coverage", {}))
        if "ranking" not in overrides:
            arguments["ranking"] = config_from(RankingConfig, saved["ranking"])
        if dense is not None:
            if "embedder" not in overrides:
                raise ArchiveError(
                    f"{archive.path}: this memory ranked with an embedder; give embedder=..., or embedder=None to rank"
                    " by words alone"
                )
            if "dense" not in overrides and overrides["embedder"] is not None:
                arguments["dense"] = config_from(DenseConfig, dense)
    except ParametersError as error:  # a setting that is no more
        problem = str(error).partition(";")[0]
        raise ArchiveError(
            f"{archive.path}: saved by another version ({problem}); give ranking=..., coverage=..., and dense=... with"
            " an embedder"
        ) from error
    return {**arguments, **overrides}


def _of_this_version(saved: dict[str, Any]) -> dict[str, Any]:
    """Version 0.1 wrote `budget_tokens`, and recovery as "on" or "off"; its first files had no recovery.

    Its `passage_pieces` said how much a model read at once, which passages say now.
    """
    if "budget_tokens" in saved:
        saved["memory_tokens"] = saved.pop("budget_tokens")
        saved["recovery"] = saved.get("recovery", "on") == "on"
    (saved.get("dense") or {}).pop("passage_pieces", None)
    return saved


def _save_anew(path: Path, turns: Sequence[Turn], settings: Mapping[str, Any], history: History) -> bool:
    """False when that cannot be: there is a file at `path` by now, or only writing in place is possible there."""
    for suffix in ("-journal", "-wal"):
        left = path.with_name(path.name + suffix)
        if left.exists():  # SQLite would play it into the new file
            raise ArchiveError(f"{left}: left over from an archive that was deleted; delete it too")
    name = os.fsdecode(os.fsencode(path.name)[:_TEMPORARY_BYTES])
    new = path.with_name(f".{name}.{uuid4().hex}.tmp")
    try:
        with Archive(new) as archive:
            _write(archive, turns, settings, history)
        try:
            os.link(new, path)  # unlike a rename never over another file
        except OSError:  # there is one, or the file system has no hard links: then SQLite's locks keep writers apart
            return False
        return True
    except ArchiveError as error:  # it names a file that nobody asked for
        raise ArchiveError(str(error).replace(str(new), str(path))) from error
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be written there ({error})") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            new.with_name(new.name + suffix).unlink(missing_ok=True)
