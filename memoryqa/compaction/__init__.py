"""Compaction of a history, under rlm-code's names, and the memory of a chat built on it.

    compactor = MemoryCompactor()                      # or MemoryCompactor(CompactionConfig.minimal_memory(), lm=lm)
    if compactor.should_compact(history):
        result = compactor.compact(history, task="Audit the orders")   # result.dropped, result.retention
        history = compactor.apply_compaction(history, result)

Names and defaults are those of rlm-code; docs/LOG.md says what differs, and why.
https://github.com/SuperagenticAI/rlm-code/blob/5207fbf40c6339f768533a66f7c40f7aad618db2/rlm_code/rlm/memory_compaction.py
"""

from memoryqa.compaction.compactor import MemoryCompactor
from memoryqa.compaction.config import CompactionConfig
from memoryqa.compaction.conversation import ConversationMemory, Exchange
from memoryqa.compaction.entries import Entry, REPLEntry, REPLHistory, SummaryEntry
from memoryqa.compaction.plan import PinnedEntriesError
from memoryqa.compaction.result import CompactionResult, CompactionStats
from memoryqa.compaction.summaries import UnusableSummaryError
from memoryqa.language.facts import Fact
from memoryqa.turns import Turn

__all__ = [
    "CompactionConfig",
    "CompactionResult",
    "CompactionStats",
    "ConversationMemory",
    "Entry",
    "Exchange",
    "Fact",
    "MemoryCompactor",
    "PinnedEntriesError",
    "REPLEntry",
    "REPLHistory",
    "SummaryEntry",
    "Turn",
    "UnusableSummaryError",
]
