"""How a run's main program stands beside the best of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reports.comparing.difference_table import difference_table
from reports.comparing.differences import Differences, judge_measures, paired_differences, score_measures
from reports.comparing.verdict import alone_sentence, verdict_sentence
from reports.records import RunRecords

_KEPT = {"f1": ("categories_1_4", "counted", "all"), "evidence": ("recall", "all_found")}


@dataclass(frozen=True)
class Standing:
    """`main` against `other`, the best by F1 of `num_others`; None where the main program was run alone."""

    main: str
    other: str | None
    num_others: int
    differences: Differences
    scores: Mapping[str, Any]

    def sentence(self) -> str:
        """The verdict at the top of the page."""
        if self.other is None:
            return alone_sentence(self.main, self.scores)
        said = verdict_sentence(self.other, self.main, self.differences)
        if self.num_others < 2:
            return said
        return f"{said[:-1]} ({self.other} has the highest F1 of the {self.num_others} other programs)."

    def table(self) -> str:
        """The differences behind the sentence, as HTML; "" for a program alone."""
        if self.other is None:
            return ""
        few = {
            group: {name: one for name, one in by_name.items() if name in _KEPT.get(group, _KEPT["f1"][:2])}
            for group, by_name in self.differences.items()
        }
        shown = {group: by_name for group, by_name in few.items() if by_name}
        return "<h3>Is it more than chance?</h3>" + difference_table(shown, self.other, self.main, "Differences")


def standing_of(records: RunRecords) -> Standing:
    """The standing in a finished run, from its rows and verdicts."""
    main = records.main_program
    others = [name for name in records.rows if name != main]
    scores: Mapping[str, Mapping[str, Any]] = records.summary["programs"]
    if not others:
        return Standing(main, None, 0, {}, scores[main])
    best = max(others, key=lambda name: scores[name]["f1_categories_1_4"] or scores[name]["f1"])
    rows_a, rows_b = records.rows[best], records.rows[main]
    measures = [*score_measures(rows_a, rows_b, records.kinds)]
    for judge, verdicts in records.judges.items():
        of_a, of_b = (
            {question: row for (name, question), row in verdicts.items() if name == program} for program in (best, main)
        )
        measures += judge_measures(judge, of_a, of_b, rows_a, records.kinds)
    conversation_of = {question: row["conversation_id"] for question, row in rows_a.items()}
    return Standing(main, best, len(others), paired_differences(measures, conversation_of), scores[main])
