"""What a working memory no longer shows: how much of it in numbers, dates and names, and which facts, by handle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from memoryqa.language.facts import Fact, facts_of, probes, rank, shown
from memoryqa.rendering import Line
from memoryqa.turns import Turn


@dataclass(frozen=True, slots=True)
class Losses:
    """What left a working memory, and what of that is still said in it.

    `retention`: of the numbers, dates and names in the turns that left, the share that the working memory shows, 0.0 to
    1.0; 1.0 when none left. `dropped`: the facts of those turns that stand in no turn held, most specific first, each
    with the handle (`mem:D8:6`) of the turn that has it whole. `held_ids`, `archived_ids`: of all turns, in order.
    """

    retention: float
    dropped: tuple[Fact, ...]
    held_ids: tuple[str, ...]
    archived_ids: tuple[str, ...]

    def evidence_retention(self, evidence_ids: Collection[str]) -> float:
        """Share of these turns (a question's gold evidence, say) that is held, 0.0 to 1.0.

        ValueError for an id that the memory does not know, or for none at all.
        """
        unknown = set(evidence_ids).difference(self.held_ids, self.archived_ids)
        if unknown or not evidence_ids:
            raise ValueError(f"evidence must be turns of this memory, and these are not: {sorted(unknown)}")
        return len(set(evidence_ids).intersection(self.held_ids)) / len(set(evidence_ids))


def find_losses(held: Sequence[Line], archived: Sequence[Turn]) -> Losses:
    """`held`: the lines of the working memory; `archived`: all other turns. Costs a pass over all of them."""
    asked = probes("\n".join(f"{turn.text}\n{turn.caption}" for turn in archived))
    visible = shown("\n".join(line.text.partition(": ")[2] for line in held))  # the number of a line is no fact
    said = {fact.text.casefold() for line in held for fact in facts_of(line.turn)}
    facts = rank(fact for turn in archived for fact in facts_of(turn))
    return Losses(
        retention=len(asked & visible) / len(asked) if asked else 1.0,
        dropped=tuple(fact for fact in facts if fact.text.casefold() not in said),
        held_ids=tuple(line.turn.id for line in held),
        archived_ids=tuple(turn.id for turn in archived),
    )
