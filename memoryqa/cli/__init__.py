"""The command `memoryqa`: one module a command in commands/, loaded when the command is run or explained."""

from __future__ import annotations

import io
import sys

from memoryqa.cli.flags import in_flags
from memoryqa.cli.parser import build_parser
from memoryqa.errors import MemoryQAError, StoppedError
from memoryqa.terminal import harmless, loaded, quiet_while_loading


def main(argv: list[str] | None = None) -> int:
    """Run a command. Exit status 0; 2 with one line on stderr for a file or argument that cannot be used; 1 for work
    that stopped."""
    quiet_while_loading("memoryqa")
    try:
        args = build_parser().parse_args(argv)
    finally:
        loaded()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without UTF-8 cannot print every sign
            stream.reconfigure(errors="backslashreplace")
    try:
        args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()  # so that an error of writing is met here
    except MemoryQAError as error:
        print(f"memoryqa: {harmless(in_flags(str(error), args.flags))}", file=sys.stderr)
        return 1 if isinstance(error, StoppedError) else 2
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
    except OSError as error:
        print(f"memoryqa: the output cannot be written ({error.strerror}); free some space", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("memoryqa: interrupted", file=sys.stderr)
        return 1
    return 0
