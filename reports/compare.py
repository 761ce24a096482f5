"""Compare two programs: which questions one gained and lost against the other, and is it more than chance?

    python -m reports.compare RUN_A RUN_B                                   # the same program in two runs
    python -m reports.compare RUN --program-a simple --program-b memory     # two programs of one run
    python -m reports.compare RUN_A RUN_B --exclude wrong_gold.txt          # with, and without those questions

Only questions that both answered are compared. Intervals are of the bootstrap over conversations, and need five of them
(locomo/statistics.py); p is of the exact paired test over questions. Tables go to stderr, a page to comparison.html,
one JSON document to the last line of stdout.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("reports.compare")

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from harness.commands import run_command

PAGE = "comparison.html"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="folder of a run of evaluate.py")
    parser.add_argument("run_b", type=Path, nargs="?", metavar="RUN_B", help="another one; default: RUN_A")
    parser.add_argument(
        "--program-a", metavar="NAME", help="default: the only one, else memory; in one run the first other than B"
    )
    parser.add_argument("--program-b", metavar="NAME", help="default: the only one, else memory")
    parser.add_argument(
        "--exclude",
        type=Path,
        metavar="FILE",
        help="question ids, a line each, # for comments: compare without them, too",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help=f"the page (default: {PAGE} in the folder of B)")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: compared; 2: a run folder, a program's name or a file cannot be used."""
    args = build_parser().parse_args(argv)
    return run_command("reports.compare", lambda: print(json.dumps(compare_as_asked(args))))


def compare_as_asked(args: argparse.Namespace) -> dict[str, Any]:
    """The comparison on stderr and as a page; what the last line on stdout says. Raises UsageError."""
    from reports.comparing.comparison import compare
    from reports.comparing.tables import print_comparison, write_comparison

    compared = compare(args.run_a, args.run_b, (args.program_a, args.program_b), args.exclude)
    print_comparison(compared)
    page = None
    if unfinished := [side.run_dir for side in (compared.a, compared.b) if not side.is_finished]:
        print(f"no page: {unfinished[0]} is not finished, python evaluate.py --resume {unfinished[0]}", file=sys.stderr)
    else:
        page = str(write_comparison(compared, args.output or compared.b.run_dir / PAGE))
        print(f"written: {page}", file=sys.stderr)
    return {**compared.document(), "report": page}


if __name__ == "__main__":
    raise SystemExit(main())
