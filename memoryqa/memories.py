"""The memories that a program answers from: one per conversation. Those of a folder live in its files."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any, Self

import regex

from memoryqa import checks
from memoryqa.archive.database import Archive
from memoryqa.archive.limits import has_room_for_files
from memoryqa.chats import ChatsEvidence, HasLines, pack_chats
from memoryqa.checks import described, one_of_kind, shown, text
from memoryqa.config import MemoryConfig
from memoryqa.errors import UsageError
from memoryqa.memory import SEARCH_TOKENS, AdaptiveMemory
from memoryqa.memory.passing import PassedLines
from memoryqa.rendering import whole_line
from memoryqa.search.arguments import check_search
from memoryqa.search.excerpt import shortened
from memoryqa.transcript import Transcript
from memoryqa.turns import Turn

_NAME = regex.compile(r"[\p{L}\p{N}_(@+][\p{L}\p{N}\p{M}_ .,@+()-]{0,99}(?<![ .])")  # of a file, on every system
_HOW = ("scope", "score_floor", "min_score", "speakers", "since", "until", "asked")
SUFFIX = ".db"  # of the files of a folder of chats
_OWNED = 4  # times as many chats are open at most where an owner leaves them to their files
_KEEPING = threading.Lock()  # held for a moment, and of the module, so that memories can be pickled
MOST_OPEN = 1000  # of them at once: a short one takes a quarter of a megabyte, and three files


class Memories(MutableMapping[str, AdaptiveMemory]):
    """Memories by conversation id. Copies of a program share them: optimizers copy it hundreds of times a step.

    most_open: chats of a folder that are kept open; of more, those that were opened first are left to their files.
    makes_room: whether that is done here, and not by an owner.

    with Memories.open("chats") as chats:       # a folder, which is made when there is none
        chats.create("ines").add("I moved to Porto!", speaker="Ines", time="2023-05-25")
        print(chats.search("Who moved?"))       # in all; what is found is under the name of its chat
    """

    most_open = MOST_OPEN
    makes_room = True

    def __init__(self, memories: Mapping[str, AdaptiveMemory] | None = None) -> None:
        self._memories: dict[str, AdaptiveMemory | None] = {}  # None: in its file, not opened yet
        self._opened_first: dict[str, None] = {}  # chats of the folder that may be open, in the order of opening
        self._folder: Path | None = None
        self._settings: dict[str, Any] = {}
        if memories is not None and not isinstance(memories, Mapping):
            raise TypeError(f'memories must be a dict such as {{"chat": memory}}, got {described(memories)}')
        self.update(memories or {})

    @classmethod
    def of(
        cls, conversations: Mapping[str, Iterable[Turn]], config: MemoryConfig, vector_cache: Path | None = None
    ) -> Self:
        """A memory as `config` says for each conversation, by its id; `vector_cache` keeps an embedder's vectors.

        Raises memoryqa.search.embedders.EmbeddingError when the embedder cannot be loaded.
        """
        one_of_kind("config", config, MemoryConfig)
        vectors: dict[str, Any] = {}
        if config.embedder is not None:
            from memoryqa.search.embedders import load_embedder
            from memoryqa.search.vector_cache import VectorCache

            embedder = load_embedder(config.embedder)
            cache = VectorCache(vector_cache, embedder.name) if vector_cache else None
            vectors = {"embedder": embedder, "vector_cache": cache}
        memories = cls()
        for conversation_id, turns in conversations.items():
            memories[conversation_id] = AdaptiveMemory.of(config, **vectors)
            memories[conversation_id].extend(turns)
            memories[conversation_id].embed()
        return memories

    @classmethod
    def open(cls, folder: str | Path, **settings: Any) -> Self:
        """The chats that live in the files NAME.db of `folder`; a new folder can be read by its owner alone.

        Each is opened (`AdaptiveMemory.open`, with `settings`) when it is first asked for. Close them all with `close`,
        or use `with`. Raises UsageError.
        """
        memories = cls()
        memories._folder, memories._settings = checks.path("folder", folder), settings
        if settings:
            AdaptiveMemory(**settings)  # refuses what is wrong with them now, rather than when a chat is opened
        try:
            memories._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            memories.find()
        except OSError as error:
            raise UsageError(f"{folder}: no folder for chats ({error.strerror}); name another one") from error
        return memories

    def create(self, name: str) -> AdaptiveMemory:
        """The chat `name` of the folder, in a new file when there is none."""
        if self._folder is None:
            raise UsageError("create needs the folder of Memories.open(folder); here, set memories[name] = memory")
        check_name(name)
        self.leave_removed(name)
        memory = self._memories.get(name)
        if name not in self._memories and (usual := unicodedata.normalize("NFC", name)) != name:
            raise UsageError(
                f"{shown(name)} has accents of their own (NFD) and would look like {shown(usual)}; use that"
            )
        if memory is None:  # not by way of None: another thread may leave out at this moment what has no file
            memory = self._kept_open(name)
        return memory

    @property
    def folder(self) -> Path:
        """Where the chats are. UsageError for memories without a folder."""
        if self._folder is None:
            raise UsageError("these memories have no folder; Memories.open(folder) has")
        return self._folder

    def path_of(self, name: str) -> Path:
        """The file of a chat of the folder."""
        return self.folder / f"{name}{SUFFIX}"

    def delete(self, name: str) -> None:
        """Close the chat `name` and remove its file. KeyError when it is not there."""
        memory = self._memories.pop(name)
        if memory is not None:
            memory.close()
        if self._folder is not None:
            for ending in ("", "-wal", "-shm"):
                (self._folder / f"{name}{SUFFIX}{ending}").unlink(missing_ok=True)

    def opened(self, name: str) -> AdaptiveMemory | None:
        """The memory of the chat `name` when it is open; None for one that is in its file, or not there."""
        return self._memories.get(name)

    def look_at(self, name: str) -> None:
        """ArchiveError when the file of a chat cannot be opened; it is left as it was, open or not."""
        if self.opened(name) is None:
            with Archive(self.path_of(name), create=False):
                pass

    def put_away(self, name: str, *, keep_index: bool = True) -> None:
        """Leave the chat `name` to its file, from which it is opened again when it is asked for. Its index is kept
        there, unless that would be of no use. Who has its memory can go on with it; the file is closed when nobody
        has."""
        memory = self._memories.get(name)
        if memory is not None and self._folder is not None:
            if keep_index:
                memory.keep_index()
            if self._memories.get(name) is memory:  # not deleted meanwhile
                self._memories[name] = None
                self._opened_first.pop(name, None)

    @property
    def open_count(self) -> int:
        """How many memories are in memory, rather than in a file that was not opened yet."""
        return sum(memory is not None for memory in self._memories.values())

    def refresh(self) -> int:
        """Take in new files of the folder and what other processes added to the chats that are open: see
        `AdaptiveMemory.refresh`. Returns how many turns of those are new."""
        self.find()
        return sum(memory.refresh() for memory in self._memories.values() if memory is not None)

    def close(self) -> None:
        """Close all files that were opened."""
        for memory in self._memories.values():
            if memory is not None:
                memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leave_removed(self, name: str) -> None:
        """Leave out the chat `name` of the folder when its file was removed, and open it anew when it was replaced."""
        memory = self._memories.get(name)
        if self._folder is None or name not in self._memories:
            return
        if memory is not None and memory.is_gone:
            memory.close()
            self._memories[name] = None
        if self._memories[name] is None and not self.path_of(name).exists():
            del self._memories[name]

    def find(self) -> None:
        """Take in new files of the folder, without opening them, and leave out those that are there no more."""
        if self._folder is not None:
            for name in list(self._memories):
                self.leave_removed(name)
            for path in sorted(self._folder.glob(f"*{SUFFIX}")):
                if not path.name.startswith(".") and is_begun(path):
                    self._memories.setdefault(path.stem, None)

    def search(
        self,
        queries: str | Sequence[str],
        budget_tokens: int = SEARCH_TOKENS,
        *,
        chats: str | Iterable[str] | None = None,
        clock: bool = False,
        **how: Any,
    ) -> ChatsEvidence:
        """What answers best in one chat, some, or all (None): as many turns as `budget_tokens` hold, never more.

        clock, how: further arguments of `AdaptiveMemory.search`, but for `keep`. KeyError for a chat that is not there.
        """
        if unknown := sorted(how.keys() - _HOW):
            raise TypeError(f"a search in chats takes {', '.join(_HOW)}, not {unknown[0]}")
        floors = how.get("score_floor", 0.0), how.get("min_score", 0.0)
        listed = check_search(queries, budget_tokens, (), *floors)
        checks.true_or_false("clock", clock)
        if chats is None or isinstance(chats, str):
            names = list(self) if chats is None else [chats]
        else:
            names = list(dict.fromkeys(checks.collection("chats", chats, "names")))
        passed = self._to_pass(names)
        memories = {name: self[name] for name in names if name not in passed}
        found: dict[str, tuple[Iterable[tuple[int, float]], HasLines]] = {}
        for name in passed:
            lines = PassedLines(partial(self._ranking_in_passing, name, listed, how))
            found[name] = lines, lines
        with ExitStack() as stack:  # in one order, so that no two threads wait for each other
            for name in sorted(memories):
                found[name] = stack.enter_context(memories[name].ranking(listed, **how))
            return pack_chats({name: found[name] for name in names}, budget_tokens, partial(shortened, listed), clock)

    def _to_pass(self, names: Sequence[str]) -> frozenset[str]:
        """Those chats of a search that are opened for it alone, because too many would be open at once."""
        closed = [name for name in names if self._memories.get(name, self) is None]
        room = max(self.most_open - self.open_count, 0) if has_room_for_files() else 0
        return frozenset(closed[room:])

    @contextmanager
    def _ranking_in_passing(
        self, name: str, queries: Sequence[str], how: Mapping[str, Any]
    ) -> Iterator[tuple[Iterable[tuple[int, float]], Transcript]]:
        with self._opened_anew(name) as memory, memory.ranking(queries, **how) as found:
            yield found

    def choose(self, conversation_id: str | None) -> AdaptiveMemory:
        """The memory of that conversation; None means the only one. UsageError when there are several or none."""
        if conversation_id is not None:
            return self[conversation_id]
        if len(self) != 1:
            raise UsageError(f"conversation_id is missing: there are {len(self)} memories ({self._known()})")
        return self[next(iter(self._memories))]

    @property
    def embedding_failures(self) -> int:
        """Searches that had to do without an embedder's vectors, of all memories."""
        return sum(memory.stats().embedding_failures for memory in self._memories.values() if memory is not None)

    def rendered_lines(self) -> dict[str, dict[str, Any]]:
        """Every turn as an LM may be sent it: by conversation and turn id, [header, in brief, in full], under "turns".

        Under "passages" stands where the passages of long turns begin in these lines. With the ids that a prediction
        retrieved, and how it showed them (`Evidence.shown`), this gives its context back, without keeping it for every
        question; see `rendering.join_passages`.
        """
        return {conversation_id: _rendered(memory) for conversation_id, memory in self.items()}

    def __getitem__(self, conversation_id: str) -> AdaptiveMemory:
        try:
            memory = self._memories[conversation_id]
        except KeyError:
            raise KeyError(f"no memory of conversation {conversation_id!r}; there are: {self._known()}") from None
        return self._kept_open(conversation_id) if memory is None else memory

    def _kept_open(self, name: str) -> AdaptiveMemory:
        """The memory of a chat that is in its file; of threads that open it at once all get the same one, since what is
        added by one is not found by another."""
        self._make_room()
        opened = self._opened_anew(name)
        with _KEEPING:
            kept = self._memories.get(name)
            if kept is None:
                self._memories[name], self._opened_first[name] = opened, None
                return opened
        opened.close()
        return kept

    def _make_room(self) -> None:
        """Leave the chats that were opened first to their files, where as many are open as may be; where an owner does
        that, only when it does not, and without waiting for those who use them."""
        most = self.most_open if self.makes_room else _OWNED * self.most_open
        while len(self._opened_first) >= most:
            with suppress(KeyError, StopIteration):  # another thread was faster
                name = next(iter(self._opened_first))
                del self._opened_first[name]
                self.put_away(name, keep_index=self.makes_room)

    def _opened_anew(self, name: str) -> AdaptiveMemory:
        return AdaptiveMemory.open(self.path_of(name), **self._settings)

    def __contains__(self, conversation_id: object) -> bool:
        return conversation_id in self._memories  # whose file need not be opened for that

    def _known(self) -> str:
        known = ", ".join(islice(self._memories, 8)) or "none"
        return f"{known}, ..." if len(self) > 8 else known

    def __repr__(self) -> str:
        return f"<Memories: {len(self)} ({self._known()})>"

    def __setitem__(self, conversation_id: str, memory: AdaptiveMemory) -> None:
        text("conversation_id", conversation_id)
        if self._folder is not None:
            check_name(conversation_id)  # the name of a file, which `delete` removes
            raise UsageError(
                f"a folder keeps its chats in files, and {shown(conversation_id)} would be in none: create(name) makes "
                "one, and memory.save(folder / 'NAME.db') writes a memory into one"
            )
        self._memories[conversation_id] = one_of_kind(f"the memory of {conversation_id}", memory, AdaptiveMemory)

    def __delitem__(self, conversation_id: str) -> None:
        if self._folder is not None:
            raise UsageError(
                f"the file of {shown(conversation_id)} would stay: delete(name) removes it, put_away(name) closes it"
            )
        del self._memories[conversation_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._memories)

    def __len__(self) -> int:
        return len(self._memories)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def is_begun(path: Path) -> bool:
    """Whether there is a chat in a file: none is in an empty one, which a full disk or a kill leaves, nor in a folder
    of such a name."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return True  # and what is wrong with it is said by who opens it


def check_name(name: str) -> None:
    """UsageError for what is no name of a chat."""
    if not _NAME.fullmatch(text("name", name)):
        raise UsageError(f"{shown(name)} is no name for a chat; use letters, digits, spaces and -_.,@+() in it")


def _rendered(memory: AdaptiveMemory) -> dict[str, Any]:
    turns: dict[str, list[str]] = {}
    passages: dict[str, list[int]] = {}
    for turn_id, of_turn in groupby(memory.lines(), key=lambda pair: pair[0].turn.id):
        full, brief = zip(*of_turn, strict=True)
        (whole, starts), (shown, _) = whole_line(full), whole_line(brief)
        turns[turn_id] = [full[0].header, shown, whole]
        if starts:
            passages[turn_id] = starts
    return {"turns": turns, "passages": passages}
