"""How a script ends: its exit status, one line on stderr or a traceback, and its document on stdout."""

from __future__ import annotations

import argparse
import errno
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from harness.files import to_json
from harness.flags import with_flags
from memoryqa.errors import EXTRAS, MemoryQAError, MissingExtraError, StoppedError
from memoryqa.redaction import redact
from memoryqa.terminal import harmless, is_terminal, loaded

_TERMINATED = 128 + signal.SIGTERM
_DISK_PROBLEMS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG))


def run_command(name: str, command: Callable[[], int | None]) -> int:
    """The exit status: 1 after a StoppedError or Ctrl-C, 2 after any other MemoryQAError, else `command`'s own or 0.

    SIGTERM (a scheduler, a container that is stopped) acts like Ctrl-C: what is in flight is paid for and kept. Its
    status is 143, as that of a program which SIGTERM ends.
    A full disk, a quota and a file system that may not be written are one line too. A package that is missing
    because its extra was not installed is a UsageError that names the extra. All other exceptions pass: they are
    bugs, and their traceback is what mends them.
    """
    with _terminable() as was_terminated:
        return _run(name, command, was_terminated)


def _run(name: str, command: Callable[[], int | None], was_terminated: threading.Event) -> int:
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
        return _failed(name, "terminated", _TERMINATED) if was_terminated.is_set() else _failed(name, "interrupted", 1)


@contextmanager
def _terminable() -> Iterator[threading.Event]:
    """Have SIGTERM send a Ctrl-C, which others hold back while they write. Sets the event when it came."""
    came = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield came
        return

    def terminate(number: int, frame: FrameType | None) -> None:
        came.set()
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)
        else:  # a job that ignores Ctrl-C
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def disk_problem(error: OSError) -> str:
    """One line for a write that the disk did not take; what was written before is whole."""
    where = f"{error.filename}: " if error.filename else ""
    reason = error.strerror or str(error)
    return f"{where}{reason}; what was written until then is kept: free some space, then run it again (or --resume it)"


def _failed(name: str, error: Exception | str, status: int) -> int:
    print(f"{name}: {harmless(with_flags(redact(str(error))))}", file=sys.stderr)
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
