"""Keeps what a memory built from its turns in its file, and takes it from there: see memoryqa/store/snapshot.py."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from memoryqa.archive.database import Archive, ArchiveError
from memoryqa.config import MemoryConfig, RankingConfig
from memoryqa.store.columns import UnknownKindError, decode, encode
from memoryqa.store.snapshot import Built, are_whole, built_of, digest_of, rows_of
from memoryqa.turns import Turn

logger = logging.getLogger(__name__)

# A snapshot is written when so many turns came since the last one: at least, and as a share of all. Reading takes
# longer the more come after it, and adding the more often it is written.
WHILE_ADDING = (500, 0.05)
AT_THE_END = (20, 0.01)  # when the memory is closed, or many turns were added at once
_READ_AHEAD = 256  # turns at once, at most, where they are read in order
_MOST_JUMPS = 256  # reads of single turns of a file, before all around each are read with it
_AROUND = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept, and the positions in the file of the turns that it was built from. reader: of those."""

    built: Built
    positions: array[int]
    reader: TurnReader


class TurnReader:
    """Gives the turns of a file by their number, from 0, each once; those behind it too, twice as many each time, while
    they are asked for in order. A search asks for few that lie beside each other, and reads hardly more than those. Who
    has asked for many is given those around each, too: most of them will be asked for."""

    def __init__(self, archive: Archive, positions: Sequence[int]) -> None:
        self._archive, self._positions = archive, positions
        self._next, self._size = -1, 1
        self._ahead: list[Turn] = []  # from `_next` on, in reverse
        self._jumps = 0
        self._around: dict[int, Turn] = {}  # by number
        self._is_given = bytearray(len(positions))

    def __call__(self, number: int) -> Turn:
        self._is_given[number] = True
        if (turn := self._around.pop(number, None)) is not None:
            return turn
        if number != self._next:
            self._ahead, self._size = [], 1
            self._jumps += 1
            if self._jumps > _MOST_JUMPS:
                first = number - number % _AROUND
                around = self._read(first, first + _AROUND)
                self._around.update((at, turn) for at, turn in enumerate(around, first) if not self._is_given[at])
                return around[number - first]
        self._next = number + 1
        if not self._ahead:
            self._ahead = self._read(number, number + self._size)[::-1]
            self._size = min(2 * self._size, _READ_AHEAD)
        return self._ahead.pop()

    def leave_out(self, number: int) -> None:
        """The turn with that number is no more, nor is its position; those behind it are one less each."""
        if number < len(self._is_given):
            del self._is_given[number]
            self._next, self._ahead = -1, []
            self._around.clear()

    def _read(self, first: int, end: int) -> list[Turn]:
        end = min(end, len(self._is_given))
        turns = self._archive.between(self._positions[first], self._positions[end - 1])
        if len(turns) != end - first:
            raise ArchiveError(f"{self._archive.path}: was changed by another process at this moment; ask again")
        return turns


def read_kept(archive: Archive, config: MemoryConfig, ranking: RankingConfig, generation: int) -> Kept | None:
    """What is kept in the file; None when that is nothing, or made by other code or settings or of other turns."""
    rows = archive.snapshot()
    made_by = encode([digest_of(config, ranking), str(generation)])
    if rows.get("meta.made_by") != made_by or not are_whole(rows):
        return None
    positions = array("q", decode(rows["meta.positions"]))
    reader = TurnReader(archive, positions)
    return Kept(built_of(rows, config, ranking, reader), positions, reader)


def turns_to_index(archive: Archive, config: MemoryConfig, ranking: RankingConfig, generation: int) -> int:
    """How many turns of the file are not in the index that is kept in it; all, where that cannot be used."""
    kept: dict[str, bytes] = dict(
        archive.fetch("SELECT name, data FROM snapshot WHERE name IN ('meta.made_by', 'meta.positions')")
    )
    if kept.get("meta.made_by") != encode([digest_of(config, ranking), str(generation)]):
        return len(archive)
    positions = decode(kept["meta.positions"])
    return archive.count_after(positions[-1] if len(positions) else 0)


def keep(archive: Archive, built: Built, positions: array[int], config: MemoryConfig, generation: int) -> bool:
    """Keep what was built in the file. Returns False when that is impossible now; nothing is lost then but time."""
    meta = {"made_by": [digest_of(config, built.index.config), str(generation)], "positions": positions}
    try:
        rows = rows_of(built, meta)
        with archive.transaction():
            if archive.state()["generation"] == generation:
                archive.write_snapshot(rows)
    except (UnknownKindError, OverflowError, ArchiveError) as error:
        logger.warning("%s: the index is not kept in the file (%s)", archive.path, error)
        return False
    return True


def is_due(new: int, total: int, when: tuple[int, float]) -> bool:
    """Whether so many `new` turns of `total` are worth a snapshot. `when`: WHILE_ADDING or AT_THE_END."""
    least, share = when
    return new > max(least, share * total)
