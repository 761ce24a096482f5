"""Answers a question from chats: what is read for it, and the reader that needs no language model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from memoryqa.evidence import Evidence
from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import TimeLike
from memoryqa.offline_reader import NO_INFORMATION
from memoryqa.offline_reader.extraction import read
from memoryqa.rendering import Line
from memoryqa.serve.operations import MIN_SCORE, Operations
from memoryqa.turns import Turn

_SESSION = re.compile(r"^\[D\d+")
_ID = re.compile(r"\bD(\d{1,20}):(\d{1,20})\b")
OFFLINE_TOKENS = 1_000

Tell = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class Question:
    """text: the question. chats: in which it is answered. budget_tokens: of what is read; None: as the reader likes.
    only: people and days, as `Memories.search` takes them."""

    text: str
    chats: Sequence[str]
    budget_tokens: int | None = None
    only: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """What was found for a question: its text, its tokens, and chat, message and score of its lines, best first."""

    text: str
    tokens: int
    ranked: Sequence[tuple[str, Turn, float]]


@dataclass(frozen=True, slots=True)
class Reply:
    """cited: chats and ids. model: who answered; None for the offline reader."""

    answer: str
    cited: Sequence[tuple[str, str]]
    model: str | None
    read: Read


class Reader(Protocol):
    """Answers questions. `tell` is passed "queries" with a list of them and "evidence" with a `Read`, as they come.

    StoppedError when a model fails: nothing else answers in its place.
    """

    @property
    def model(self) -> str | None: ...

    def __call__(self, question: Question, tell: Tell) -> Reply: ...


class OfflineReader:
    """Answers by rules in the words of the evidence; it is quick, knows little, and says so."""

    model = None

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def __call__(self, question: Question, tell: Tell) -> Reply:
        source = Source(self._operations, question, tell)
        found = source.search([question.text], question.budget_tokens or OFFLINE_TOKENS, min_score=MIN_SCORE)
        if not found.text:
            return Reply(NO_INFORMATION, (), None, source.read)
        reading = read(question.text, found.text)
        return Reply(source.named(reading.answer), source.origins(reading.evidence_ids), None, source.read)


class Source:
    """The chats of a question as one memory, for reading. The ids of several are told apart: chat 2 begins at D1000:1
    (or a larger power of ten), which `origins` undoes.

    It has what `MemoryQA.steps` needs of a memory: `search`, `recent`, `tokens`.
    """

    def __init__(self, operations: Operations, question: Question, tell: Tell) -> None:
        self._operations, self._only, self._tell = operations, dict(question.only), tell
        self._chats = list(question.chats)
        self._memories: dict[str, AdaptiveMemory] = {chat: operations.memory(chat) for chat in self._chats}
        self._step = 1
        self.read = Read("(nothing found)", 0, ())
        if len(self._chats) > 1:
            highest = max((turn.session for one in self._memories.values() for turn in one.turns()), default=0)
            self._step = 10 ** max(3, len(str(highest)))

    @property
    def is_single(self) -> bool:
        return len(self._chats) == 1

    @property
    def tokens(self) -> int:
        """Of the working memories."""
        return sum(memory.tokens for memory in self._memories.values())

    def recent(self, budget_tokens: int) -> Evidence:
        """The latest of the first chat that has any: whether there is anything at all."""
        for memory in self._memories.values():
            if (found := memory.recent(budget_tokens)).text:
                return found
        return Evidence.of([])

    def search(
        self,
        queries: Sequence[str],
        budget_tokens: int,
        *,
        keep: Sequence[str] = (),
        score_floor: float = 0.0,
        min_score: float = 0.0,
        asked: TimeLike = None,
    ) -> Evidence:
        """What answers best in all chats, under ids that `origins` undoes."""
        if len(queries) > 1:
            self._tell("queries", list(queries[1:]))
        how = {**self._only, "score_floor": score_floor, "min_score": min_score, "asked": asked}
        if self.is_single:
            found = self._memories[self._chats[0]].search(queries, budget_tokens, keep=keep, **how)
            ranked = [(self._chats[0], turn, score) for turn, score in zip(found, found.scores, strict=True)]
            self.read = Read(str(found), found.tokens, ranked)
        else:
            joined = self._operations.joined(queries, budget_tokens, self._chats, **how)
            self.read = Read(str(joined), joined.tokens, joined.ranked)
            found = self._told_apart(joined.by_chat)
        self._tell("evidence", self.read)
        return found

    def origins(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """Chat and id of each of `ids`, without those of none."""
        found = [self._origin(match) for one in ids if (match := _ID.fullmatch(one))]
        return list(dict.fromkeys(one for one in found if one is not None))

    def named(self, answer: str) -> str:
        """`answer` with the ids that it cites as they are in their chats."""
        if self.is_single:
            return answer
        return _ID.sub(lambda match: origin[1] if (origin := self._origin(match)) else match[0], answer)

    def _origin(self, match: re.Match[str]) -> tuple[str, str] | None:
        if self.is_single:
            return self._chats[0], match[0]
        place, session = divmod(int(match[1]), self._step)
        return (self._chats[place], f"D{session}:{match[2]}") if place < len(self._chats) else None

    def _told_apart(self, by_chat: Mapping[str, Evidence]) -> Evidence:
        lines, scores = list[Line](), dict[tuple[int, int, int], float]()
        for chat, evidence in by_chat.items():
            shift = self._chats.index(chat) * self._step
            score_of = dict(zip(evidence.ids, evidence.scores, strict=True))
            for line in evidence.lines:
                session = shift + line.turn.session
                header = _SESSION.sub(f"[D{session}", line.header)
                lines.append(replace(line, turn=replace(line.turn, session=session), header=header))
                scores[lines[-1].key] = score_of[line.turn.id]
        return Evidence.of(lines, scores)
