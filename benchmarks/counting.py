"""What counts as found: each count scores one question by what was packed for it, 0..1.

`COUNTS` names them all; every one is in the tallies, the tables and the last line of the benchmark.

recall is lenient: a turn of the evidence counts when any of its passages is shown. strict recall asks whether the right
part of a long turn is shown: its lines must hold as many terms of the gold answer, weighed by idf, as its best passage
does. Where there is no gold answer, the terms are the question's. Both agree on turns that are one passage.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from locomo.schema import Question
    from memoryqa.evidence import Evidence
    from memoryqa.rendering import Line

RECALL, STRICT = "recall", "strict_recall"
TITLES = {RECALL: "evidence recall, lenient", STRICT: "evidence recall, strict"}
_SAME = 1e-9  # sums of the same weights in another order


class Passages:
    """The terms of every passage of one conversation, and how rare they are there."""

    def __init__(self, lines: Iterable[Line]) -> None:
        from memoryqa.language.terms import idf, terms

        self._terms = {line.id: frozenset(terms(line.content)) for line in lines}
        self._of_turn: dict[str, list[str]] = defaultdict(list)
        for line_id in self._terms:
            self._of_turn[line_id.partition("/")[0]].append(line_id)
        held = Counter(term for of_line in self._terms.values() for term in of_line)
        self._weights = {term: idf(count, len(self._terms)) for term, count in held.items()}

    def weigh(self, wanted: Set[str], shown: Set[str]) -> float:
        """The weight of the terms that are both wanted and shown."""
        return sum(self._weights.get(term, 0.0) for term in wanted & shown)

    def best(self, turn_id: str, wanted: Set[str]) -> float:
        """The most that one passage of the turn can show of what is wanted."""
        return max(self.weigh(wanted, self._terms[line_id]) for line_id in self._of_turn[turn_id])

    def terms_shown(self, line: Line) -> Set[str]:
        """The terms of a line: those of its passage, unless it shows a part of that."""
        from memoryqa.language.terms import terms

        return frozenset(terms(line.body)) if line.altered else self._terms[line.id]


def share_found(question: Question, found: Collection[str]) -> float:
    """Share of the question's evidence turns that are in `found`, 0..1."""
    return len(set(question.evidence).intersection(found)) / len(question.evidence)


def lenient(question: Question, evidence: Evidence, passages: Passages) -> float:
    """Share of the evidence turns of which anything is shown."""
    return share_found(question, evidence.ids)


def strict(question: Question, evidence: Evidence, passages: Passages) -> float:
    """Share of the evidence turns that show as much of the answer as their best passage does."""
    from memoryqa.language.terms import terms

    wanted = frozenset(terms(question.gold) or terms(question.text))
    shown: dict[str, frozenset[str]] = defaultdict(frozenset)
    for line in evidence.lines:
        shown[line.turn.id] |= passages.terms_shown(line)
    enough = [
        turn_id
        for turn_id in shown.keys() & set(question.evidence)
        if passages.weigh(wanted, shown[turn_id]) >= passages.best(turn_id, wanted) - _SAME
    ]
    return share_found(question, enough)


COUNTS: Mapping[str, Callable[[Question, Evidence, Passages], float]] = {RECALL: lenient, STRICT: strict}


def counted(question: Question, found: Mapping[int, Evidence], passages: Passages) -> dict[str, dict[int, float]]:
    """Every count of a question by budget, from what was packed at each budget."""
    return {
        name: {budget: count(question, evidence, passages) for budget, evidence in found.items()}
        for name, count in COUNTS.items()
    }
