"""Compaction of a history: rlm-code's names. See conversation.py, which documents them."""

from memoryqa.compaction.conversation import *  # noqa: F403
from memoryqa.compaction.conversation import __all__ as __all__
