"""Exports of messengers, mail and assistants, read as they are: no model, no network, streaming.

from memoryqa.importers import read

found = read("WhatsApp Chat.zip")
print(found.scan().lines())          # what it holds, and what is left out and why
memory.extend(found.messages)
"""

from __future__ import annotations

from memoryqa.importers.differences import Difference, difference
from memoryqa.importers.message import Message, fingerprint
from memoryqa.importers.reading import Import, read
from memoryqa.importers.report import ImportReport

__all__ = ["Difference", "Import", "ImportReport", "Message", "difference", "fingerprint", "read"]
