"""Exports of messengers, mail and assistants, read as they are: no model, no network, streaming.

from memoryqa.importers import read

found = read("WhatsApp Chat.zip")
print(found.scan().lines())          # what it holds, and what is left out and why
memory.extend(found.messages)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memoryqa.importers.differences import Difference, difference
from memoryqa.importers.message import Message, fingerprint
from memoryqa.importers.report import ImportReport

if TYPE_CHECKING:
    from memoryqa.importers.reading import Import, read

__all__ = ["Difference", "Import", "ImportReport", "Message", "difference", "fingerprint", "read"]


def __getattr__(name: str) -> Any:
    """What reads loads the modules of all apps, which who only asks for names of people does not need."""
    if name not in ("Import", "read"):
        raise AttributeError(f"module 'memoryqa.importers' has no attribute {name!r}")
    from memoryqa.importers import reading

    return getattr(reading, name)
