"""How many messages a second each importer reads on one core, and whether its memory grows with the export.

    python -m benchmarks.importers                        # every format
    python -m benchmarks.importers --messages 400000 --format whatsapp

Exports are generated: the words are random, the structure is the app's. Two of each are read, every one in a process
of its own: one of `--messages` messages and one of a quarter of them. Nothing is indexed. messages_per_s: of the larger
one, by CPU time. peak_mb: the most memory of the process in 10^6 bytes, interpreter and imports included. growth: peak
of the larger export over that of the smaller. The last line on stdout is one JSON document; the table goes to stderr.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.importers")

import argparse
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.importers.exports import WRITERS
from benchmarks.importers.speed import compare
from harness.commands import add_json_flag, print_document, run_command
from memoryqa.errors import UsageError


def run(args: argparse.Namespace) -> None:
    if args.messages < 4:
        raise UsageError(f"messages must be at least 4, got {args.messages}")
    names = args.format or list(WRITERS)
    rows = []
    columns = ("format", "messages", "file_mb", "messages_per_s", "peak_mb", "growth")
    print("".join(f"{column:>16}" for column in columns), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="importers-") as folder:
        for name in names:
            row = compare(name, Path(folder), args.messages)
            rows.append(row)
            print(
                "".join(f"{row[column]:>16,}" if column != "format" else f"{name:>16}" for column in columns),
                file=sys.stderr,
            )
    document = {"python": platform.python_version(), "machine": platform.machine(), "rows": rows}
    print_document(document, as_json=args.json)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.importers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--messages", type=int, default=200_000, metavar="N", help="of each export (default: %(default)s)"
    )
    parser.add_argument("--format", action="append", choices=list(WRITERS), help="only this one; may be given again")
    add_json_flag(parser)
    args = parser.parse_args(argv)
    return run_command("benchmarks.importers", lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
