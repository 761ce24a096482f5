"""How a script ends: its exit status, one line on stderr or a traceback, and its document on stdout."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from harness.files import to_json
from harness.flags import with_flags
from memoryqa.errors import EXTRAS, MemoryQAError, MissingExtraError, StoppedError
from memoryqa.redaction import redact
from memoryqa.terminal import harmless, is_terminal, loaded

_ENDING = {"SIGTERM": "terminated", "SIGHUP": "hung up"}  # what each means for people; Windows has no SIGHUP
_DISK_PROBLEMS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE))
_FORBIDDEN = frozenset((errno.EACCES, errno.EPERM))


def run_command(name: str, command: Callable[[], int | None]) -> int:
    """The exit status: 1 after a StoppedError or Ctrl-C, 2 after any other MemoryQAError, else `command`'s own or 0.

    SIGTERM (a scheduler, a container that is stopped) and SIGHUP (a terminal that is closed) act like Ctrl-C: what is
    in flight is paid for and kept. The status is then 143 or 129, as that of a program which they end.
    A full disk, a quota, a file system or file that may not be written and a folder that was removed meanwhile are one
    line too. A package that is missing because its extra was not installed is a UsageError that names the extra. All
    other exceptions pass: they are bugs, and their traceback is what mends them.
    """
    with _terminable() as came:
        return _run(name, command, came)


def _run(name: str, command: Callable[[], int | None], came: Sequence[int]) -> int:
    """came: the numbers of the signals that have asked for the end."""

    def stopped(error: StoppedError) -> int:
        return _failed(name, error, 128 + came[0] if came else 1)

    try:
        loaded()
        return command() or 0
    except StoppedError as error:
        return stopped(error)
    except MissingExtraError as error:  # the library does not know that a checkout's script asks
        return _failed(name, MissingExtraError(error.package, error.needed_by, in_checkout=True), 2)
    except MemoryQAError as error:
        return _failed(name, error, 2)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRAS:
            raise
        return _failed(name, MissingExtraError(error.name or "", name, in_checkout=True), 2)
    except OSError as error:
        if not is_disk_problem(error):
            raise
        return stopped(StoppedError(disk_problem(error)))
    except KeyboardInterrupt:
        ended = _ENDING[signal.Signals(came[0]).name] if came else "interrupted"
        return stopped(StoppedError(ended))


@contextmanager
def _terminable() -> Iterator[Sequence[int]]:
    """Have SIGTERM and SIGHUP send a Ctrl-C, which others hold back while they write. Yields those that came."""
    came: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    numbers = [number for name in _ENDING if (number := getattr(signal, name, None)) is not None]
    ours = [number for number in numbers if is_main and signal.getsignal(number) is signal.SIG_DFL]
    terminals = [one for one in (1, 2) if os.isatty(one)]

    def terminate(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if signal.Signals(number).name == "SIGHUP":
            _drop(terminals)
        if callable(signal.getsignal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)
        else:  # a job that ignores Ctrl-C
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in ours:
        signal.signal(number, terminate)
    try:
        yield came
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _drop(terminals: Sequence[int]) -> None:
    """Send what is still printed nowhere: a terminal that was closed refuses it, and the refusal would end the work."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for one in terminals:
            os.dup2(nowhere, one)
        os.close(nowhere)


def is_disk_problem(error: OSError) -> bool:
    """Whether the machine did not take a write or no longer gives a file, and no code of ours asked for a wrong one."""
    if error.errno in _DISK_PROBLEMS:
        return True
    if error.filename is None:
        return False
    is_removed = error.errno == errno.ENOENT and not Path(os.fsdecode(error.filename)).parent.is_dir()
    return is_removed or error.errno in _FORBIDDEN


def disk_problem(error: OSError) -> str:
    """One line for a write that the disk did not take; what was written before is whole."""
    problem, fix = disk_reason(error)
    return f"{problem}; what was written until then is kept: {fix}, then run it again (or --resume it)"


def disk_reason(error: OSError) -> tuple[str, str]:
    """What the disk refused, and what to do about it."""
    where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    reason, fix = error.strerror or str(error), "mend the cause"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        fix = "free some space"
    elif error.errno == errno.ENOENT:
        reason, fix = "its folder was removed", "name a folder that stays"
    elif error.errno in _FORBIDDEN or error.errno == errno.EROFS:
        fix = "give yourself the right to it"
    elif error.errno in (errno.EIO, errno.ESTALE):
        fix = "mend the disk"
    return f"{where}{reason}", fix


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
