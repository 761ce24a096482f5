"""Opens a file that is named on the command line: a saved memory, or messages as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from memoryqa.memory import AdaptiveMemory

_SQLITE = b"SQLite format 3\0"
_SUFFIXES = (".jsonl", ".json", ".db", ".sqlite", ".sqlite3")


def names_file(word: str) -> bool:
    """Whether `word` on the command line is a file's name rather than the first word of a question."""
    return "/" in word or "\\" in word or word.endswith(_SUFFIXES) or Path(word).is_file()


def open_memory(path: Path) -> AdaptiveMemory:
    """The memory in `path`, saved or as messages. Raises UsageError that names the file, the line and the fix."""
    from memoryqa.archive.exchange import COUNTS
    from memoryqa.memory import AdaptiveMemory

    try:
        with path.open("rb") as file:
            is_saved = file.read(len(_SQLITE)) == _SQLITE
        if is_saved:
            return AdaptiveMemory.load(path, embedder=None)
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a saved memory or a JSONL file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: neither a saved memory nor JSONL in UTF-8 ({error.reason})") from error
    memory = AdaptiveMemory()
    for number, line in enumerate(content.split("\n"), start=1):  # splitlines() would cut at U+2028 too
        if line.strip():
            try:
                message = _message(line)
                if COUNTS not in message:  # of turns that were forgotten, in an export
                    memory.add(message)
            except (TypeError, ValueError) as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
    return memory


def _message(line: str) -> Mapping[str, Any]:
    try:
        message = json.loads(line)
    except RecursionError:
        raise UsageError("not JSON of a message (nested too deep); write one message per line") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"not JSON ({error.msg}); write one message per line") from None
    if not isinstance(message, dict):
        raise UsageError('not a message; write {"speaker": ..., "time": ..., "text": ...}')
    return message
