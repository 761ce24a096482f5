"""What counts as found: each count scores one question by what was packed for it, 0..1.

`COUNTS` names them all; every one is in the tallies, the tables and the last line of the benchmark. A further count, of
what is shown of a turn, say, is one more function here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from locomo.schema import Question
    from memoryqa.evidence import Evidence

RECALL = "recall"


def share_found(question: Question, found: Collection[str]) -> float:
    """Share of the question's evidence turns that are in `found`, 0..1."""
    return len(set(question.evidence).intersection(found)) / len(question.evidence)


def lenient(question: Question, evidence: Evidence) -> float:
    """Share of the evidence turns of which anything is shown."""
    return share_found(question, evidence.ids)


COUNTS: Mapping[str, Callable[[Question, Evidence], float]] = {RECALL: lenient}


def counted(question: Question, found: Mapping[int, Evidence]) -> dict[str, dict[int, float]]:
    """Every count of a question by budget, from what was packed at each budget."""
    return {
        name: {budget: count(question, evidence) for budget, evidence in found.items()}
        for name, count in COUNTS.items()
    }
