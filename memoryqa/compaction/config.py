"""When a history is compacted, and how far."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, fields
from typing import Self

from memoryqa.errors import UsageError

MIN_TARGET_TOKENS = 40  # size of an empty summary with its marks, for up to a million steps
TARGET_SHARE = 0.6  # of the trigger, when no target is set; the rest is room to grow before the next compaction


@dataclass(frozen=True, slots=True)
class CompactionConfig:
    """Triggers and targets of a compaction, validated. Counts are of entries, characters, or tokens (o200k_base).

    The first eight fields and their defaults are those of rlm-code. A history is compacted when it has at least
    `min_entries_for_compaction` and reaches any of the three `max_*` triggers.
    """

    min_entries_for_compaction: int = field(default=5, metadata={"help": "fewer entries are never compacted"})
    max_entries_before_compaction: int = field(default=10, metadata={"help": "so many entries are compacted"})
    max_chars_before_compaction: int = field(default=8000, metadata={"help": "so many characters are compacted"})
    summary_max_sentences: int = field(
        default=3, metadata={"help": "sentences of a summary at most, by the LM or without it"}
    )
    preserve_last_n_entries: int = field(
        default=2, metadata={"help": "newest entries kept word for word, as far as they fit"}
    )
    include_key_findings: bool = field(default=True, metadata={"help": "quote facts in a summary without an LM"})
    use_llm_for_summary: bool = field(default=True, metadata={"help": "have the LM, if there is one, write summaries"})
    fallback_to_deterministic: bool = field(
        default=True, metadata={"help": "summarise without the LM when it fails; otherwise its errors are raised"}
    )
    max_tokens_before_compaction: int | None = field(
        default=None, metadata={"help": "so many tokens are compacted; none: any more than target_tokens"}
    )
    target_tokens: int | None = field(
        default=None,
        metadata={"help": f"tokens of a compacted history at most; none: {TARGET_SHARE} of the tokens that trigger"},
    )
    max_key_findings: int = field(default=12, metadata={"help": "facts quoted at most, about 15 tokens each"})

    def __post_init__(self) -> None:
        self._check_ranges()
        trigger = max(self.min_entries_for_compaction, self.max_entries_before_compaction)
        if self.preserve_last_n_entries + 1 >= trigger:
            raise UsageError(
                f"preserve_last_n_entries={self.preserve_last_n_entries} can make no progress: with the summary "
                f"that is {self.preserve_last_n_entries + 1} entries, and {trigger} are compacted again; "
                f"preserve at most {trigger - 2}, or raise max_entries_before_compaction"
            )
        trigger_tokens, target = self.max_tokens_before_compaction, self.resolved_target_tokens
        if trigger_tokens is not None and self.target_tokens is not None and self.target_tokens >= trigger_tokens:
            raise UsageError(
                f"target_tokens={self.target_tokens} can make no progress: it must be below "
                f"max_tokens_before_compaction={trigger_tokens}, or every compaction is followed by the next"
            )
        if target is not None and target < MIN_TARGET_TOKENS:
            raise UsageError(
                f"a target of {target} tokens holds no summary: give target_tokens of at least {MIN_TARGET_TOKENS}"
            )

    def _check_ranges(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(one.default, bool):
                if not isinstance(value, bool):
                    raise TypeError(f"{one.name} must be True or False, got {value!r}")
                continue
            if value is None and one.default is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{one.name} must be a whole number, got {value!r}")
            least = 0 if one.name in ("preserve_last_n_entries", "max_key_findings") else 1
            if value < least:
                raise UsageError(f"{one.name} must be at least {least}, got {value}")

    @property
    def resolved_target_tokens(self) -> int | None:
        """The largest size of a compacted history, in tokens; None when no field sets tokens."""
        if self.target_tokens is not None or self.max_tokens_before_compaction is None:
            return self.target_tokens
        return int(self.max_tokens_before_compaction * TARGET_SHARE)

    @property
    def resolved_trigger_tokens(self) -> int | None:
        """The number of tokens that makes a compaction due; None when no field sets tokens."""
        if self.max_tokens_before_compaction is not None or self.target_tokens is None:
            return self.max_tokens_before_compaction
        return self.target_tokens + 1

    # The recipes of rlm-code's documentation, docs/core/memory-compaction.md at 878df0d.

    @classmethod
    def high_throughput(cls) -> Self:
        """For benchmarks: compacts early, without LM calls."""
        return cls(
            min_entries_for_compaction=3,
            max_entries_before_compaction=5,
            max_chars_before_compaction=3000,
            summary_max_sentences=2,
            preserve_last_n_entries=1,
            use_llm_for_summary=False,
        )

    @classmethod
    def long_research(cls) -> Self:
        """For long sessions: compacts late, keeps more, the LM writes the summaries."""
        return cls(
            min_entries_for_compaction=8,
            max_entries_before_compaction=15,
            max_chars_before_compaction=15_000,
            summary_max_sentences=4,
            preserve_last_n_entries=3,
        )

    @classmethod
    def minimal_memory(cls) -> Self:
        """For small context windows: compacts as early and as far as possible."""
        return cls(
            min_entries_for_compaction=2,
            max_entries_before_compaction=4,
            max_chars_before_compaction=2000,
            summary_max_sentences=1,
            preserve_last_n_entries=1,
            use_llm_for_summary=False,
        )

    @classmethod
    def none(cls) -> Self:
        """For large context windows: compacts only when forced. (rlm-code's recipe compacts at 999 entries.)"""
        return cls(
            min_entries_for_compaction=sys.maxsize,
            max_entries_before_compaction=sys.maxsize,
            max_chars_before_compaction=sys.maxsize,
        )
