"""Write a chat to a file for other programs, or to standard output.

    memoryqa export ines.jsonl --chat ines      # all of it, with revisions; memoryqa import reads it back
    memoryqa export ines.csv
    memoryqa export ines.md                     # to read
    memoryqa export - --format locomo           # LoCoMo's JSON, for evaluate.py

A new file can be read by its owner alone.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from memoryqa.cli.output import messages, print_json, show
from memoryqa.cli.shared import add_chat, add_json, add_store, one_chat, open_store

_FORMATS = ("jsonl", "csv", "markdown", "locomo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="to write, whole or not at all; - is standard output")
    parser.add_argument("--format", choices=_FORMATS, help="(default: by the suffix .jsonl, .csv, .md, .json)")
    add_chat(parser)
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    with open_store(args.store) as memories:
        chat = one_chat(memories, args.chat)
        if str(args.file) == "-":
            for piece in memories[chat].exported(args.format or "jsonl", chat):
                sys.stdout.write(piece)
            return
        count = memories[chat].export(args.file, format=args.format)
    if args.json:
        print_json({"chat": chat, "file": str(args.file), "messages": count})
    else:
        show(f"{args.file}: {messages(count)} of {chat}")
