"""A chat that `memoryqa export` wrote as JSONL comes back as it was: sessions, numbers, captions, revisions, counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from memoryqa.archive.exchange import COUNTS, from_jsonl
from memoryqa.archive.text_files import read_text
from memoryqa.errors import UsageError
from memoryqa.home.names import free_name, safe_name
from memoryqa.importers import ImportReport, Message
from memoryqa.memories import Memories
from memoryqa.turns import Turn

_OWN = {"session", "number", "speaker", "text"}  # what each line has
_MOST_BYTES = 1_000_000  # of the first line, by which the format is known


def is_own_export(path: Path) -> bool:
    """Whether a file is one of `AdaptiveMemory.export`, as JSONL."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            first = json.loads(file.readline(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(first, Mapping) and (COUNTS in first or first.keys() >= _OWN)


def restore(
    memories: Memories, path: Path, chat: str | None, *, new: bool, dry_run: bool
) -> tuple[ImportReport, str, bool, int]:
    """Put the chat back: the report, the chat, whether it is new, and how many messages were added.

    chat: None for one named after the file. new: one that is not there yet. A chat that has these messages already
    stays as it is. UsageError for one that has others, because messages of two chats would have the same numbers.
    """
    turns, _ = from_jsonl(read_text(path).split("\n"))
    if not turns:
        raise UsageError(f"{path}: an export without a message")
    name = chat or safe_name(path.stem)
    if new and chat is None:
        name = free_name(name, memories)
    there = memories[name].turns() if name in memories else []
    if there and (new or not _has(there, turns)):
        raise UsageError(f"{path}: the chat {name} has other messages; name a new one with `chat`")
    if not there and not dry_run:
        memories.create(name).import_jsonl(path)
    return _report(turns), name, not there, 0 if there else len(turns)


def _has(there: list[Turn], turns: list[Turn]) -> bool:
    known = {turn.id: turn for turn in there}
    return all(known.get(turn.id) == turn for turn in turns)


def _report(turns: list[Turn]) -> ImportReport:
    report = ImportReport("Export of memoryqa")
    for turn in turns:
        report.count(Message(turn.speaker, turn.text, turn.time, attachments=(turn.caption,) if turn.caption else ()))
    return report
