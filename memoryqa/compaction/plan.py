"""Plans a compaction: which entries it keeps, which entries the summary covers, and how large the summary may be."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

from memoryqa.compaction.config import MIN_TARGET_TOKENS, CompactionConfig
from memoryqa.compaction.entries import Entry, Item, SummaryEntry, as_entry, count_chars, render_entries, render_entry
from memoryqa.errors import UsageError
from memoryqa.tokens import count_tokens

# The largest share of the target for entries that are kept whole; the rest is for the summary. The shares depend on the
# target and the newest entries alone, never on how many of these fit, so that a larger target keeps a superset.
_VERBATIM_SHARE = 0.75
_SUMMARY_CHARS = 160  # characters of an empty summary with its marks
_LEAST_CHARS = 1_000  # a summary and a few steps take so much, so a smaller trigger (mostly in tests) is no limit


class PinnedEntriesError(UsageError):
    """The pinned entries alone are larger than the target."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest `total` of a compacted history, measured by `size`.

    In tokens the limit is promised. In characters it is the size at which the next compaction would be due; there a
    single entry may be larger.
    """

    size: Callable[[str], int]
    total: int
    empty_summary: int
    is_promised: bool

    @classmethod
    def of(cls, config: CompactionConfig) -> Limit:
        """The target in tokens if there is one, else the number of characters that triggers."""
        target = config.resolved_target_tokens
        if target is not None:
            return cls(count_tokens, target, MIN_TARGET_TOKENS, is_promised=True)
        return cls(len, max(config.max_chars_before_compaction, _LEAST_CHARS) - 1, _SUMMARY_CHARS, is_promised=False)


@dataclass(frozen=True)
class Plan:
    """Entries in their order. `room` is left for the words of the summary, in units of `limit`."""

    items: tuple[Item, ...]
    covered_items: tuple[Item, ...]
    kept_items: tuple[Item, ...]
    room: int
    limit: Limit

    @cached_property
    def covered(self) -> list[Entry]:
        """The entries that the summary covers."""
        return [as_entry(item) for item in self.covered_items]

    @cached_property
    def kept(self) -> list[Entry]:
        """The entries after the summary."""
        return [as_entry(item) for item in self.kept_items]

    @cached_property
    def size(self) -> int:
        """Size of the history as it is, in units of `limit`."""
        return self.limit.size(render_entries(self.items))

    @cached_property
    def is_over(self) -> bool:
        """Whether the history is larger than promised."""
        return self.limit.is_promised and self.size > self.limit.total

    @cached_property
    def has_work(self) -> bool:
        """Whether there is something to cover besides a summary, or a summary that is too large itself."""
        if len(self.covered) == 1 and isinstance(self.covered[0], SummaryEntry):
            return self.is_over
        return bool(self.covered)

    def size_with(self, summary: SummaryEntry) -> int:
        """Size of the history that begins with `summary`, in units of `limit`."""
        return self.limit.size(render_entries([summary, *self.kept]))

    def fits(self, summary: SummaryEntry) -> bool:
        """Whether the history would be within the target and, when it already is, would not grow."""
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
    """Keep the pinned entries and as many of the newest as fit into their share, at most as many as `config` says."""
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
    """Cover everything."""
    limit = Limit.of(config)
    return Plan(items, items, (), limit.total - limit.empty_summary, limit)


def check_pinned(items: tuple[Item, ...], pinned: Collection[str]) -> None:
    """Raise UsageError for a pinned id that no entry has, or only a summary."""
    known = {item.id for item in items if not isinstance(as_entry(item), SummaryEntry)}
    unknown = [one for one in pinned if one not in known]
    if unknown:
        raise UsageError(f"only entries of the history can be pinned, no summaries and none that left: {unknown}")
