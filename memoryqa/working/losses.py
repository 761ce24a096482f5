"""What a working memory no longer shows: the share of numbers, dates and names, and the facts, by handle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from memoryqa.errors import UsageError
from memoryqa.language.facts import Fact, facts_of, probes, rank, shown
from memoryqa.rendering import Line
from memoryqa.turns import Turn


@dataclass(frozen=True, slots=True)
class Losses:
    """What left a working memory, and how much of that it still shows.

    `retention`: share (0.0 to 1.0) of the numbers, dates and names in the turns that left which the working memory
    still shows; 1.0 when no turn left. `dropped`: facts of those turns that no held turn says, most specific first,
    each with the handle (`mem:D8:6`) of its turn. `held_ids` are the turns that are held whole, `archived_ids` all
    others, each in order: a long turn is archived when one of its passages is.
    """

    retention: float
    dropped: tuple[Fact, ...]
    held_ids: tuple[str, ...]
    archived_ids: tuple[str, ...]

    def evidence_retention(self, evidence_ids: Collection[str]) -> float:
        """Share (0.0 to 1.0) of these turns, for example a question's gold evidence, that is held.

        Raises UsageError for an id that the memory does not know, and for no ids.
        """
        unknown = set(evidence_ids).difference(self.held_ids, self.archived_ids)
        if unknown or not evidence_ids:
            raise UsageError(f"evidence must be turns of this memory, and these are not: {sorted(unknown)}")
        return len(set(evidence_ids).intersection(self.held_ids)) / len(set(evidence_ids))


def find_losses(held: Sequence[Line], archived: Sequence[Line]) -> Losses:
    """Compare the lines of the working memory with those of all other passages. Reads every passage once."""
    asked = probes("\n".join(line.content for line in archived))
    visible = shown("\n".join(line.body for line in held))  # a line's number is no fact
    said = {fact.text.casefold() for line in held for fact in facts_of(_as_turn(line))}
    facts = rank(fact for line in archived for fact in facts_of(_as_turn(line)))
    partly_archived = {line.turn.id: None for line in archived}
    return Losses(
        retention=len(asked & visible) / len(asked) if asked else 1.0,
        dropped=tuple(fact for fact in facts if fact.text.casefold() not in said),
        held_ids=tuple({line.turn.id: None for line in held if line.turn.id not in partly_archived}),
        archived_ids=tuple(partly_archived),
    )


def _as_turn(line: Line) -> Turn:
    """The turn, or of a long one only the passage."""
    return line.turn if line.part is None else replace(line.turn, text=line.said, caption=line.caption)
