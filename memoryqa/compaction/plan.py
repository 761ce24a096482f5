"""Which entries a compaction keeps, which its summary covers, and how large that summary may be."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from memoryqa.compaction.config import MIN_TARGET_TOKENS, CompactionConfig
from memoryqa.compaction.entries import Entry, Item, SummaryEntry, as_entry, count_chars, render_entries, render_entry
from memoryqa.errors import UsageError
from memoryqa.tokens import count_tokens

# Of the target goes to entries kept whole at most, the rest to the summary. What they get depends on the target and the
# newest entries alone, never on how many of those fit, so that a larger target keeps a superset.
_VERBATIM_SHARE = 0.75
_SUMMARY_CHARS = 160  # an empty summary with its marks, when characters are counted
_LEAST_CHARS = 1_000  # a smaller trigger (in tests, mostly) bounds nothing: a summary and a few steps take so much


class PinnedEntriesError(UsageError):
    """The pinned entries alone are larger than the target."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`total` is what a compacted history may take by `size`. In tokens that is promised; in characters, where it is
    the size that would make a compaction due again, an entry may be larger by itself."""

    size: Callable[[str], int]
    total: int
    empty_summary: int
    is_promised: bool

    @classmethod
    def of(cls, config: CompactionConfig) -> Limit:
        """The target in tokens, or else the characters that trigger."""
        target = config.resolved_target_tokens
        if target is not None:
            return cls(count_tokens, target, MIN_TARGET_TOKENS, is_promised=True)
        return cls(len, max(config.max_chars_before_compaction, _LEAST_CHARS) - 1, _SUMMARY_CHARS, is_promised=False)


@dataclass(frozen=True)
class Plan:
    """Entries as they came, in order; `room` is for the words of the summary, in units of `limit`."""

    items: tuple[Item, ...]
    covered_items: tuple[Item, ...]
    kept_items: tuple[Item, ...]
    room: int
    limit: Limit

    @cached_property
    def covered(self) -> list[Entry]:
        """The entries that the summary is of."""
        return [as_entry(item) for item in self.covered_items]

    @cached_property
    def kept(self) -> list[Entry]:
        """The entries after the summary."""
        return [as_entry(item) for item in self.kept_items]

    @cached_property
    def size(self) -> int:
        """Of the history as it is, in units of `limit`."""
        return self.limit.size(render_entries(self.items))

    @cached_property
    def is_over(self) -> bool:
        """Whether the history is larger than promised now."""
        return self.limit.is_promised and self.size > self.limit.total

    @cached_property
    def has_work(self) -> bool:
        """Something to cover besides a summary; or a summary that is too large itself."""
        if len(self.covered) == 1 and isinstance(self.covered[0], SummaryEntry):
            return self.is_over
        return bool(self.covered)

    def size_with(self, summary: SummaryEntry) -> int:
        """Of the history that begins with `summary`, in units of `limit`."""
        return self.limit.size(render_entries([summary, *self.kept]))

    def fits(self, summary: SummaryEntry) -> bool:
        """Whether the history would be within the target; and where it is already, no larger than it is."""
        if self.is_over:
            return self.size_with(summary) <= self.limit.total
        after = [summary, *self.kept]
        return count_chars(after) <= self._chars and count_tokens(render_entries(after)) <= self._tokens

    @cached_property
    def _chars(self) -> int:
        return count_chars(self.items)

    @cached_property
    def _tokens(self) -> int:
        return count_tokens(render_entries(self.items))


def make_plan(items: tuple[Item, ...], config: CompactionConfig, pinned: Collection[str]) -> Plan:
    """Pinned entries are kept, and of the newest as many as fit their share, up to the number asked for."""
    limit = Limit.of(config)
    entries = [as_entry(item) for item in items]
    sizes = [limit.size(render_entry(entry)) for entry in entries]
    spare = limit.total - limit.empty_summary
    spare -= sum(size for entry, size in zip(entries, sizes, strict=True) if entry.id in pinned)
    oldest_kept = max(0, len(entries) - config.preserve_last_n_entries)
    newest = sum(sizes[place] for place in range(oldest_kept, len(entries)) if entries[place].id not in pinned)
    verbatim = min(newest, int(max(0, spare) * _VERBATIM_SHARE))
    left, first_kept = verbatim, len(entries)
    while first_kept > oldest_kept:
        entry = entries[first_kept - 1]
        left -= 0 if entry.id in pinned else sizes[first_kept - 1]
        if left < 0 or isinstance(entry, SummaryEntry):
            break
        first_kept -= 1
    is_kept = [place >= first_kept or entry.id in pinned for place, entry in enumerate(entries)]
    return Plan(
        items,
        tuple(item for item, kept in zip(items, is_kept, strict=True) if not kept),
        tuple(item for item, kept in zip(items, is_kept, strict=True) if kept),
        spare - verbatim,
        limit,
    )


def plan_fold(items: tuple[Item, ...], config: CompactionConfig) -> Plan:
    """Everything is covered."""
    limit = Limit.of(config)
    return Plan(items, items, (), limit.total - limit.empty_summary, limit)


def check_pinned(items: tuple[Item, ...], pinned: Collection[str]) -> None:
    """Raise ValueError for a pinned id that no entry has, or only a summary."""
    known = {item.id for item in items if not isinstance(as_entry(item), SummaryEntry)}
    unknown = [one for one in pinned if one not in known]
    if unknown:
        raise UsageError(f"only entries of the history can be pinned, no summaries and none that left: {unknown}")
