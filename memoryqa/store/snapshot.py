"""Puts what a memory built from its turns in the memory's file, so that opening it need not build that again.

A snapshot is what the first turns of a file came to. It is used only when nothing that shaped it has changed: the code
and the tables of language, index and working memory, the settings, the Python and the libraries that cut words (all of
these in one digest), the turns (the file's generation), and its own bytes (a checksum). Otherwise the turns are read
anew, and a new snapshot is written.
"""

from __future__ import annotations

import hashlib
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from memoryqa.config import WINDOW_FIELDS, MemoryConfig, RankingConfig
from memoryqa.rendering import Tally
from memoryqa.search.ranking import PassageIndex
from memoryqa.store.columns import decode, encode, set_state, state_of
from memoryqa.transcript import Transcript
from memoryqa.turns import Turn
from memoryqa.working.coverage import CoverageChain, RecencyChain
from memoryqa.working.known import KnownWorking
from memoryqa.working.memory import WorkingMemory

_ROOMS = ("language", "search", "working", "store", "tokens")
_MODULES = ("passages.py", "rendering.py", "transcript.py", "turns.py")
_LIBRARIES = ("numpy", "PyStemmer", "regex", "tiktoken")
_KEPT_FOR_SEARCHES = (
    "_edges",
    "_chunks",
    "_mean",
    "version",
    "_places",
    "_kept_bounds",
    "_kept_counts",
    "_blocks_of_chunks",
)
_INDEX_LEFT_OUT = ("_windows", "_previous", "_replies", *_KEPT_FOR_SEARCHES)
_WORKING_LEFT_OUT = ("budget_tokens", "compaction", "coverage", "lines", "_full", "_brief", "_tally", "_best")
_CHAIN_LEFT_OUT = ("_lines", "_config", "_known")

Rows = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Built:
    """What a memory builds from its turns. working: makes the working memory, which many a search does without."""

    transcript: Transcript
    index: PassageIndex
    working: Callable[[], WorkingMemory]


def digest_of(config: MemoryConfig, ranking: RankingConfig) -> str:
    """What shapes a memory besides its turns, as one text. `ranking`: that of the index."""
    settings = {
        name: value for name, value in asdict(config).items() if name not in ("ranking", "embedder", "recovery")
    }
    windows = {name: getattr(ranking, name) for name in WINDOW_FIELDS}
    return hashlib.sha256(json.dumps([_code_digest(), settings, windows]).encode()).hexdigest()


@lru_cache(maxsize=1)
def _code_digest() -> str:
    found = hashlib.sha256()
    for name, content in _code():
        found.update(f"{name} {len(content)}\n".encode() + content)
    versions = [sys.version, sys.byteorder, unicodedata.unidata_version, *map(version, _LIBRARIES)]
    found.update("\n".join(versions).encode())
    return found.hexdigest()


def _code() -> Iterator[tuple[str, bytes]]:
    package = files("memoryqa")
    for name in _ROOMS:
        yield from _contents(package / name)
    for name in _MODULES:
        yield name, (package / name).read_bytes()


def _contents(folder: Traversable) -> Iterator[tuple[str, bytes]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir() and one.name != "__pycache__":
            yield from _contents(one)
        elif one.is_file():
            yield one.name, one.read_bytes()


# -- writing -----------------------------------------------------------------------------------------------------------


def rows_of(built: Built, meta: Mapping[str, Any]) -> Rows:
    """What is built and `meta`, as rows of bytes by name. Raises UnknownKindError: see columns.py."""
    working = built.working()
    chain = working._best
    parts: dict[str, Mapping[str, Any]] = {
        "meta": meta,
        "transcript": built.transcript.state(),
        "index": state_of(built.index._passages, leave_out=_INDEX_LEFT_OUT),
        "working": state_of(working, leave_out=_WORKING_LEFT_OUT),
        "held": {
            "places": list(working.lines),
            "is_brief": bytes(line is working._brief[place] for place, line in working.lines.items()),
            "chain": type(chain).__name__ if chain else "",
        },
        "chain": state_of(chain, leave_out=_CHAIN_LEFT_OUT) if chain else {},
    }
    rows = {f"{part}.{name}": encode(value) for part, values in parts.items() for name, value in values.items()}
    return {**rows, "checksum": _checksum(rows)}


def are_whole(rows: Mapping[str, bytes]) -> bool:
    """Whether `rows` are as they were written."""
    return rows.get("checksum") == _checksum(rows)


def _checksum(rows: Mapping[str, bytes]) -> bytes:
    """Over all rows but itself."""
    found = hashlib.sha256()
    for name in sorted(rows.keys() - {"checksum"}):
        found.update(f"{name} {len(rows[name])}\n".encode())
        found.update(rows[name])
    return found.digest()


# -- reading -----------------------------------------------------------------------------------------------------------


def built_of(
    rows: Mapping[str, bytes], config: MemoryConfig, ranking: RankingConfig, read: Callable[[int], Turn]
) -> Built:
    """What was built, from its rows, which are whole. `read`: gives a turn by its number, from 0."""
    parts: dict[str, dict[str, Any]] = {}
    for name, data in rows.items():
        if name == "checksum":
            continue
        part, _, attribute = name.partition(".")
        parts.setdefault(part, {})[attribute] = decode(data)
    transcript = Transcript.resume(parts["transcript"], read)
    index = PassageIndex(ranking)
    set_state(index._passages, parts["index"], leave_out=_INDEX_LEFT_OUT)
    index._passages._replies = copy(transcript._replies)
    index._passages._previous = transcript.turns[-1] if transcript.turns else None
    return Built(transcript, index, KeptWorking(parts, config, transcript))


@dataclass(frozen=True, slots=True)
class KeptWorking:
    """Makes the working memory of what was kept."""

    parts: Mapping[str, dict[str, Any]]
    config: MemoryConfig
    transcript: Transcript

    def __call__(self) -> WorkingMemory:
        working = self._without_lines()
        held = self.parts["held"]
        for place, is_brief in zip(held["places"], held["is_brief"], strict=True):
            working.lines[place] = (self.transcript.brief if is_brief else self.transcript.full)[place]
        working._tally = Tally(working.lines.values())
        return working

    def known(self) -> KnownWorking | None:
        """See `WorkingMemory.known`; no line is read for it."""
        return self._without_lines().known()

    def _without_lines(self) -> WorkingMemory:
        config, brief = self.config, self.transcript.brief
        working = WorkingMemory(config.memory_tokens, *self.transcript.lines, config.compaction, config.coverage)
        set_state(working, self.parts["working"], leave_out=_WORKING_LEFT_OUT)
        if kind := self.parts["held"]["chain"]:
            is_coverage = kind == CoverageChain.__name__
            chain = CoverageChain(brief, config.coverage) if is_coverage else RecencyChain(brief)
            set_state(chain, self.parts["chain"], leave_out=_CHAIN_LEFT_OUT)
            working._best = chain
        return working
