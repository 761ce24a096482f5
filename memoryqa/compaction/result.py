"""What a compaction did, what it lost, and how to get it back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from memoryqa.compaction.entries import Coverage, utc_now
from memoryqa.errors import UsageError
from memoryqa.language.facts import Fact
from memoryqa.turns import HANDLE_PREFIX


@dataclass(frozen=True, slots=True)
class CompactionStats:
    """Counts over a compactor's life. Many `no_ops` mean that the triggers ask for more than the target allows."""

    compactions: int = 0
    no_ops: int = 0
    lm_calls: int = 0
    lm_failures: int = 0
    lm_sentences_rejected: int = 0


@dataclass(frozen=True, slots=True)
class CompactionResult:
    """What a compaction did, or, with an empty `summary`, why it did nothing (`reason`).

    Sizes are those of the history before and of the result of `apply_compaction`: characters of all parts, tokens
    (o200k_base) of the rendered text. `dropped` are the facts of the covered entries, and of earlier summaries, that
    the summary does not show, most specific first, each with the handle (`mem:` + id) of the entry that contains it.
    `retention` is the share of the covered numbers, dates and names that the compacted history still shows.
    """

    original_entries: int
    compacted_entries: int
    original_chars: int
    compacted_chars: int
    summary: str
    preserved_entries: list[Any]  # of the same type as in the history
    timestamp: str = field(default_factory=utc_now, compare=False)
    used_llm: bool = False
    original_tokens: int = 0
    compacted_tokens: int = 0
    covered_entries: tuple[Any, ...] = ()  # the whole entries that the summary replaces
    dropped: tuple[Fact, ...] = ()
    retention: float = 1.0
    reason: str = ""
    lm_error: str = ""  # why there is no summary by the LM although one was wanted
    coverage: Coverage | None = None

    @property
    def compression_ratio(self) -> float:
        """Share of the characters that was removed, 0.0 to 1.0; 0.0 for an empty history."""
        return 1.0 - self.compacted_chars / self.original_chars if self.original_chars else 0.0

    @property
    def covered_ids(self) -> tuple[str, ...]:
        """Ids of the entries that the summary replaces, in order."""
        return tuple(entry.id for entry in self.covered_entries)

    def expand(self, handle: str) -> Any:
        """The covered entry with a handle (`mem:` + id) or an id. KeyError when this compaction did not cover it."""
        wanted = handle.removeprefix(HANDLE_PREFIX)
        for entry in self.covered_entries:
            if entry.id == wanted:
                return entry
        raise KeyError(f"{handle} is none of the {len(self.covered_entries)} entries that this compaction covered")

    def evidence_retention(self, evidence_ids: Collection[str]) -> float:
        """How much of these entries (for example a question's gold evidence) the compacted history still has.

        The mean over the entries, 0.0 to 1.0: 1.0 for an entry kept whole, else the share of its facts, weighed by
        specificity, that is quoted. Raises UsageError for an id that is not in the history, and for no ids.
        """
        kept = {entry.id for entry in self.preserved_entries}
        unknown = set(evidence_ids) - kept - set(self.covered_ids)
        if unknown or not evidence_ids:
            raise UsageError(f"evidence must be entries of this history, and these are not: {sorted(unknown)}")
        quoted = self.coverage.facts if self.coverage else ()
        return sum(1.0 if one in kept else self._share(one, quoted) for one in evidence_ids) / len(evidence_ids)

    def _share(self, entry_id: str, quoted: Collection[Fact]) -> float:
        handle = HANDLE_PREFIX + entry_id
        shown = sum(fact.specificity for fact in quoted if fact.handle == handle)
        lost = sum(fact.specificity for fact in self.dropped if fact.handle == handle)
        return shown / (shown + lost) if shown else 0.0
