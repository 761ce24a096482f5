"""What a memory returns: the evidence that a search found, and how much is held."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from memoryqa.rendering import Line, count_lines, render
from memoryqa.turns import Turn


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """The turns that a search found. `print(evidence)` shows them; iterating gives the turns, best first.

    turns: in order of rank. text: the same in time order, as dated, cited lines: what a reader is sent. tokens: of
    `text`, in o200k_base. scores: one per turn, higher is better, comparable between questions; a turn that holds every
    word of the question often has about 1.0. Empty where nothing was ranked (the most recent turns, a transcript).
    """

    turns: tuple[Turn, ...]
    text: str
    tokens: int
    scores: tuple[float, ...] = field(default=(), compare=False)  # the same turns are the same evidence
    lines: tuple[Line, ...] = field(default=(), compare=False)  # what is shown: one or more of each turn, best first

    @classmethod
    def of(cls, lines: Sequence[Line], scores: Mapping[tuple[int, int, int], float] | None = None) -> Evidence:
        """The turns of `lines`, in their order; `scores` by the lines' keys. A turn scores what its best line does."""
        turns = tuple({line.key[:2]: line.turn for line in lines}.values())
        best: dict[tuple[int, int], float] = {}
        for line in lines if scores is not None else ():
            turn = line.key[:2]
            best[turn] = max(scores[line.key], best.get(turn, -math.inf))  # type: ignore[index]
        return cls(turns, render(lines), count_lines(lines), tuple(best.values()), tuple(lines))

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the turns, best first: what an answer cites."""
        return tuple(turn.id for turn in self.turns)

    @property
    def line_ids(self) -> tuple[str, ...]:
        """Ids of the lines, best first, of a long turn those of its passages (`D8:6/2`): what a search can keep."""
        return tuple(line.id for line in self.lines)

    @property
    def shown(self) -> dict[str, list[int] | str]:
        """By id the turns that are not shown by one whole line: the numbers of their passages from 0, or the text."""
        found: dict[str, list[int] | str] = {}
        parts: dict[str, list[int]] = {}
        for line in self.lines:
            if line.altered:
                found[line.turn.id] = line.text
            elif line.part is not None:
                numbers = parts.setdefault(line.turn.id, [])
                numbers.append(line.part.number)
                found[line.turn.id] = sorted(numbers)
                if len(numbers) == line.part.of:
                    del found[line.turn.id]
        return found

    def __getitem__(self, rank: int) -> Turn:
        return self.turns[rank]

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __len__(self) -> int:
        return len(self.turns)

    def __str__(self) -> str:
        return self.text.rstrip("\n") or "(nothing found)"

    def __repr__(self) -> str:
        shown = ", ".join(self.ids[:5]) + (", ..." if len(self) > 5 else "")
        return f"<Evidence: {len(self)} turn{'' if len(self) == 1 else 's'} [{shown}] in {self.tokens:,} tokens>"


@dataclass(frozen=True, slots=True)
class MemoryStats:
    """Sizes of a memory. A turn without text or photo counts as archived: there is nothing to hold."""

    tokens: int
    turns: int
    turns_working: int
    turns_archived: int
    turns_shortened: int
    embedding_failures: int = 0  # rankings that did without vectors, because the embedder failed
    turns_forgotten: int = 0  # and in no other number


def sizes(turns: int, sessions: int, first_day: date | None, last_day: date | None) -> str:
    """`5 turns in 2 sessions, 2023-05-25 to 2023-08-02`; the days of the turns that have a time."""
    dated = f", {first_day} to {last_day}" if first_day else ""
    return f"{turns:,} turn{'' if turns == 1 else 's'} in {sessions:,} session{'' if sessions == 1 else 's'}{dated}"
