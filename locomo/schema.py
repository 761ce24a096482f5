"""The names that code about data sets needs: what a file is read into, and LoCoMo's own parser and categories.

Other formats have modules of their own in locomo/formats/.
"""

from __future__ import annotations

from locomo.formats.locomo import normalise_evidence, parse, parse_time
from locomo.formats.records import Conversation, DataError, Dataset, Parsed, Question
from locomo.kinds import LOCOMO

__all__ = [
    "ADVERSARIAL",
    "CATEGORY_NAMES",
    "Conversation",
    "DataError",
    "Dataset",
    "Parsed",
    "Question",
    "normalise_evidence",
    "parse",
    "parse_time",
]

CATEGORY_NAMES = LOCOMO.names
"""The paper's names for LoCoMo's category ids. Several papers permute them: compare ids, not names."""

(ADVERSARIAL,) = LOCOMO.declined
