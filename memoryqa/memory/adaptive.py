"""AdaptiveMemory: everything that was said, at most `memory_tokens` of it at hand, and a search over all of it.

The working memory is what a reader could be given whole (working/memory.py). What does not fit leaves for the archive,
where it stays, whole, by its handle. With `recovery` a search finds archived turns too, in the same number of tokens.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Self

from memoryqa import checks
from memoryqa.archive import changes
from memoryqa.archive.database import Archive
from memoryqa.archive.saved import History, constructor_arguments, open_archive, save_memory, settings_of
from memoryqa.checks import described, one_of_kind
from memoryqa.config import (
    ConfigError,
    CoverageConfig,
    DenseConfig,
    MemoryConfig,
    RankingConfig,
    renamed,
)
from memoryqa.memory.imported import ImportedMemory
from memoryqa.memory.kept_index import AT_THE_END, WHILE_ADDING, is_due
from memoryqa.memory.stored import ADDED_AT_ONCE
from memoryqa.messages import SESSION_GAP, Message, Numbering, TimeLike
from memoryqa.search.dense import DenseIndex
from memoryqa.search.embedders import Embedder
from memoryqa.search.ranking import PassageIndex
from memoryqa.search.vector_cache import VectorCache
from memoryqa.tokens import count_tokens
from memoryqa.transcript import Transcript
from memoryqa.turns import Turn
from memoryqa.working.memory import WorkingMemory


class AdaptiveMemory(ImportedMemory):
    """A memory of one conversation: `add` what is said, `search` at any time, from any thread.

        memory = AdaptiveMemory()
        memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
        print(memory.search("When did Ana move?"))

    memory_tokens: of o200k_base; bounds `render()` after every `add`. recovery: whether searches find what has left the
    working memory too. compaction: what stays, "coverage" (weighed by `coverage`) or "recency"; see working/memory.py.
    ranking: weights of the search. session_gap: see memoryqa/messages.py. Adding costs amortised constant time.

    embedder: see search/embedders.py. It adds a match in meaning to the ranking, weighed by `dense`, whose own
    `ranking` then replaces the other. Turns are embedded at the first search after they came, or by `embed()`, and kept
    in `vector_cache`. When the embedder fails, words alone rank; that is logged once and counted in `stats()`.

    Raises ConfigError for a setting that it cannot have. `budget_tokens` and recovery="on" are version 0.1's spelling.
    """

    def __init__(
        self,
        memory_tokens: int = 20_000,
        *,
        recovery: bool | str = True,
        compaction: str = "coverage",
        coverage: CoverageConfig | None = None,
        ranking: RankingConfig | None = None,
        embedder: Embedder | None = None,
        dense: DenseConfig | None = None,
        vector_cache: VectorCache | None = None,
        session_gap: timedelta = SESSION_GAP,
        budget_tokens: int | None = None,
    ) -> None:
        memory_tokens, recovery = renamed(memory_tokens, recovery, budget_tokens)
        if isinstance(memory_tokens, str | Path):
            got = described(memory_tokens)
            raise TypeError(f"memory_tokens must be a whole number, got {got}; AdaptiveMemory.open(path) opens a file")
        self.config = MemoryConfig(
            memory_tokens,
            recovery,  # type: ignore[arg-type]  # text that is neither on nor off is refused there
            compaction,
            getattr(embedder, "name", None),
            RankingConfig() if ranking is None else ranking,
            CoverageConfig() if coverage is None else coverage,
        )
        self._lock = threading.RLock()
        self._numbering = Numbering(session_gap)
        self._index = PassageIndex(self.config.ranking)
        self._dense: DenseIndex | None = None
        if vector_cache is not None:
            one_of_kind("vector_cache", vector_cache, VectorCache, "a VectorCache(path, model)")
        if embedder is None:
            for name, given in (("dense", dense), ("vector_cache", vector_cache)):
                if given is not None:
                    raise ConfigError(name, "does nothing without an embedder: give embedder=load_embedder(NAME) too")
        else:
            self._dense = DenseIndex(embedder, dense, vector_cache)
            self._dense_ranking = self._index.with_config(self._dense.config.ranking)
        self._embedding_failures = 0
        self._positions = array("q")
        self._revisions: dict[str, list[Turn]] = {}
        self._forgotten: dict[int, tuple[int, int]] = {}
        self._transcript = Transcript()
        self._held = WorkingMemory(self.memory_tokens, *self._transcript.lines, compaction, self.config.coverage)

    @classmethod
    def of(cls, config: MemoryConfig, **other: Any) -> Self:
        """An empty memory as `config` says. other: more arguments of the constructor, and the loaded embedder where
        `config` names one; None to rank by words alone."""
        one_of_kind("config", config, MemoryConfig)
        if config.embedder is not None and "embedder" not in other:
            raise ConfigError("embedder", f"{config.embedder!r} must be loaded: give embedder=load_embedder(NAME)")
        settings = {one.name: getattr(config, one.name) for one in fields(config) if one.name != "embedder"}
        return cls(**{**settings, **other})

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, deep or not, and one by pickle is a memory of its own: built anew from the settings and the turns."""
        with self._current():
            vectors = {} if self._dense is None else self._dense.arguments()
            given = {"ranking": self._index.config, "session_gap": self._numbering.session_gap, **vectors}
            return _build_again, (type(self), self.config, given, list(self._transcript.turns), self._history())

    # -- adding --------------------------------------------------------------------------------------------------------

    def add(
        self,
        message: Message,
        *,
        speaker: str | None = None,
        time: TimeLike = None,
        session: int | None = None,
        number: int | None = None,
        caption: str | None = None,
        tags: Iterable[str] | None = None,
    ) -> Turn:
        """Remember a message, then shrink the working memory to its size. Returns the turn that it became.

        message: text (with `speaker`, and `time` where it is known), a `Turn`, or a chat message dict: "content" as
        text or a list of parts, "role" or "name", "timestamp". time: a datetime, a date, ISO 8601 text, seconds since
        1970. session, number: its address, assigned by time gaps when not given (memoryqa/messages.py). caption: what a
        photo shows. tags: further words to find it by. Raises TypeError or ValueError, and then has added nothing.
        """
        given: dict[str, Any] = {"speaker": speaker, "time": time, "session": session, "number": number}
        given |= {"caption": caption, "tags": tags}
        turns, error = self._add([message], given)
        if error is not None:
            raise error
        with self._lock:
            self._keep_index(WHILE_ADDING, with_working=False)
        return turns[0]

    def extend(self, messages: Iterable[Message]) -> list[Turn]:
        """`add` each of `messages`, any mixture of what it takes; stops at the first that is refused."""
        if isinstance(messages, str | bytes | Mapping | Turn) or not isinstance(messages, Iterable):
            raise TypeError(f"extend takes a list of messages, got {described(messages)}; add takes a single one")
        added = list[Turn]()
        for batch in _batches(messages, 1 if self._archive is None else ADDED_AT_ONCE):
            turns, error = self._add(batch, {})
            added += turns
            if error is not None:
                error.add_note(f"message {len(added) + 1} of extend(); those before it were added")
                raise error
        with self._lock:
            if is_due(len(added), len(self), AT_THE_END):
                self._keep_index(AT_THE_END)
            else:
                self._keep_index(WHILE_ADDING, with_working=False)
        return added

    # -- keeping -------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the turns and the configuration to an archive (see memoryqa/archive/database.py), whole or not at all.

        A file that is there must be an archive of the beginning of this conversation; else ArchiveError. Of an embedder
        only its weights in the ranking (`DenseConfig`) are kept.
        """
        with self._current():
            turns, history = list(self._transcript.turns), self._history()
        save_memory(path, turns, self.config, self._dense_config, self._numbering.session_gap, history)

    @property
    def _dense_config(self) -> DenseConfig | None:
        return None if self._dense is None else self._dense.config

    @classmethod
    def open(cls, path: str | Path, **settings: Any) -> Self:
        """The memory that lives in the file `path`, which is made when there is none; `close` it, or use `with`.

            with AdaptiveMemory.open("ines.db") as memory:
                memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")

        What is added is in the file when `add` returns, and kept whatever happens to the process. Several processes may
        have a file open: each sees what others add at its own next `add` or at `refresh`; who writes while another does
        waits. settings: arguments of the constructor. A new file keeps them; for one that is there they take the place
        of those it has, in this memory only. A file that may not be written is opened for searching. Raises
        ArchiveError; docs/store.md says what is promised.
        """
        if settings and not checks.path("path", path).exists():
            cls(**settings)  # refuses what is wrong with them before there is a file
        archive = open_archive(path)
        try:
            is_new = not archive.settings()
            memory = cls(**(settings if is_new else constructor_arguments(archive, settings)))
            if is_new and not archive.is_read_only:
                archive.set_settings(settings_of(memory.config, memory._dense_config, memory._numbering.session_gap))
            memory._archive = archive
            memory._data_version = archive.data_version()
            memory._has_usual_settings = is_new or not settings.keys() - {"embedder", "vector_cache"}
            memory._read_anew()
            memory._keep_index(WHILE_ADDING)
            archive.shrink()
            count_tokens(" ")  # what counts is made ready now, and not at the first search
        except BaseException:
            archive.close()
            raise
        return memory

    @property
    def is_gone(self) -> bool:
        """Whether its file was removed or replaced by another one since it was opened. Nothing can be added then."""
        return self._archive is not None and self._archive.is_gone

    def keep_index(self) -> None:
        """Keep the index in the file, where that is due, so that the file is opened at once again."""
        with self._lock:
            if self._archive is not None and not self._archive.is_closed:
                self._keep_index(AT_THE_END)

    def close(self) -> None:
        """Write everything to the disk and close the file of an `open`ed memory, which can then be used no more."""
        with self._lock:
            if self._archive is not None and not self._archive.is_closed:
                self._keep_index(AT_THE_END)
                self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def load(cls, path: str | Path, **overrides: Any) -> Self:
        """The memory that was saved: the same text, rankings, handles and, but for embedding failures, statistics.

        `overrides`: arguments of the constructor that take the place of what was saved. A memory that had an embedder
        is loaded with `embedder=...`, or None to rank by words alone. ArchiveError for a file that holds no memory.
        """
        with Archive(checks.path("path", path), create=False) as archive:
            memory = cls(**constructor_arguments(archive, overrides))
            memory._forgotten, memory._revisions = changes.forgotten(archive), changes.revisions(archive)
            memory._read_anew(archive.restore())
        return memory


def _batches(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    """Runs of `size` messages. When the source fails, those that it gave before come first."""
    waiting, batch = iter(messages), list[Message]()
    while True:
        try:
            batch.extend(islice(waiting, size))
        except Exception:
            if batch:
                yield batch
            raise
        if not batch:
            return
        yield batch
        batch = []


def _build_again(
    kind: type[AdaptiveMemory],
    config: MemoryConfig,
    given: Mapping[str, Any],
    turns: Sequence[Turn],
    history: History,
) -> AdaptiveMemory:
    memory = kind.of(config, **given)
    memory._revisions, memory._forgotten = dict(history.revisions), dict(history.forgotten)
    memory._read_anew(turns)
    return memory
