"""The memory of one conversation: what it answers (reading.py), and what changes it (adaptive.py)."""

from __future__ import annotations

from memoryqa.evidence import Evidence
from memoryqa.memory.adaptive import AdaptiveMemory
from memoryqa.memory.reading import SEARCH_TOKENS, Scope

__all__ = ["SEARCH_TOKENS", "AdaptiveMemory", "Evidence", "Scope"]
