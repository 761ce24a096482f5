"""Questions to leave out of a second number: those whose gold answer an audit found wrong."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_SHOWN = 5


def read_excluded_ids(path: Path, known_ids: Collection[str]) -> frozenset[str]:
    """The question ids in a file, one a line (`conv-26:12`); "#" begins a comment.

    known_ids: all questions of the data set. Raises ValueError, one line, when the file cannot be read, names none, or
    names a question that is not among them: a list for other data would silently exclude nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"--exclude {path}: cannot be read ({error.strerror}); give a file of question ids") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"--exclude {path}: not UTF-8 text; give a file of question ids, one a line") from error
    ids = [text for line in lines if (text := line.partition("#")[0].strip())]
    if not ids:
        raise ValueError(f"--exclude {path}: names no question; write ids such as conv-26:12, one a line")
    unknown = [question_id for question_id in dict.fromkeys(ids) if question_id not in known_ids]
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise ValueError(
            f"--exclude {path}: the data have no question {', '.join(unknown[:_SHOWN])}{more}; delete them"
        )
    return frozenset(ids)
