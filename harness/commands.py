"""How a script ends: its exit status, one line on stderr or a traceback, and its document on stdout."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable

from harness.files import to_json
from harness.flags import with_flags
from memoryqa.errors import EXTRAS, MemoryQAError, MissingExtraError, StoppedError
from memoryqa.redaction import redact
from memoryqa.terminal import harmless, is_terminal, loaded

_DISK_PROBLEMS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG))


def run_command(name: str, command: Callable[[], int | None]) -> int:
    """The exit status: 1 after a StoppedError or Ctrl-C, 2 after any other MemoryQAError, else `command`'s own or 0.

    A full disk, a quota and a file system that may not be written are one line too. A package that is missing
    because its extra was not installed is a UsageError that names the extra. All other exceptions pass: they are
    bugs, and their traceback is what mends them.
    """
    try:
        loaded()
        return command() or 0
    except StoppedError as error:
        return _failed(name, error, 1)
    except MissingExtraError as error:  # the library does not know that a checkout's script asks
        return _failed(name, MissingExtraError(error.package, error.needed_by, in_checkout=True), 2)
    except MemoryQAError as error:
        return _failed(name, error, 2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        return _failed(name, MissingExtraError(error.name or "", name, in_checkout=True), 2)
    except OSError as error:
        if error.errno not in _DISK_PROBLEMS:
            raise
        return _failed(name, StoppedError(disk_problem(error)), 1)
    except KeyboardInterrupt:
        return _failed(name, None, 1)


def disk_problem(error: OSError) -> str:
    """One line for a write that the disk did not take; what was written before is whole."""
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error)
    return f"{where}{reason}; what was written until then is kept: free some space, then run it again (or --resume it)"


def _failed(name: str, error: Exception | None, status: int) -> int:
    print(f"{name}: {harmless(with_flags(redact(str(error)))) if error else 'interrupted'}", file=sys.stderr)
    return status


def add_json_flag(parser: argparse._ActionsContainer) -> None:
    """--json, for `print_document`."""
    parser.add_argument(
        "--json", action="store_true", help="print the result as JSON on stdout even when that is a terminal"
    )


def print_document(document: object, *, as_json: bool) -> None:
    """Print `document` as one line of JSON, the last on stdout, for the program that reads it.

    On a terminal it is printed only with `as_json` (the flag --json): people have read the tables on stderr.
    """
    if as_json or not is_terminal(sys.stdout):
        print(to_json(document, ensure_ascii=True), flush=True)
