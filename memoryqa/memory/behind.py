"""How many turns a chat's file has that would have to be indexed first, found out before that is begun."""

from __future__ import annotations

from pathlib import Path

from memoryqa.archive.database import Archive
from memoryqa.archive.saved import constructor_arguments
from memoryqa.memory.adaptive import AdaptiveMemory
from memoryqa.memory.kept_index import turns_to_index


def turns_to_open(path: Path) -> int:
    """How many turns of the file `path` `AdaptiveMemory.open` would index: those that are not in the index kept in it,
    or all where that is made by other code or settings, or of turns that were changed since. ArchiveError."""
    if not path.exists():
        return 0
    with Archive(path, create=False) as archive:
        if not archive.settings():
            return 0
        memory = AdaptiveMemory(**constructor_arguments(archive, {}))
        return turns_to_index(archive, memory.config, memory.config.ranking, archive.state()["generation"])
