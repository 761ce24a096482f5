"""Print how much is in a conversation: turns, days, tokens held and archived.

    memoryqa stats chat.sqlite
    memoryqa stats chat.jsonl --json

FILE is a saved memory or one message per line as JSON; memoryqa search --help says more.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from memoryqa.cli.files import open_memory
from memoryqa.cli.output import print_json, print_table, show
from memoryqa.cli.shared import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="a saved memory, or one message per line as JSON")
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    memory = open_memory(args.file)
    sizes = asdict(memory.stats())
    if args.json:
        print_json(sizes)
        return
    show(repr(memory).strip("<>"))
    print_table((name.replace("_", " "), f"{value:,}") for name, value in sizes.items())
