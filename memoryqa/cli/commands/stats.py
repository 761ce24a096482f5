"""Print how much is in your chats, in one of them, or in a file.

    memoryqa stats
    memoryqa stats --chat ines
    memoryqa stats chat.jsonl --json

FILE is a saved memory or one message per line as JSON; memoryqa search --help says more.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from memoryqa.cli.commands.chats import iso
from memoryqa.cli.files import open_memory
from memoryqa.cli.output import print_json, print_table, show
from memoryqa.cli.shared import add_chat, add_json, add_store, choose_chats, each_readable, open_store
from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from memoryqa.memory import AdaptiveMemory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a saved memory, or one message per line as JSON"
    )
    add_chat(parser, several=True)
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if args.file is not None:
        if args.chat:
            raise UsageError("--chat names a chat of the store, and a file is one chat: drop one of them")
        _print_memory(open_memory(args.file), as_json=args.json)
        return
    from memoryqa.archive.summary import summary

    with open_store(args.store) as memories:
        chats = choose_chats(memories, args.chat)
        if len(chats) == 1 and args.chat:
            _print_memory(memories[chats[0]], as_json=args.json)
            return
        found = list(each_readable(chats, lambda chat: summary(memories.path_of(chat))).values())
    first = min((one.first for one in found if one.first), default=None)
    last = max((one.last for one in found if one.last), default=None)
    sizes = {
        "chats": len(found),
        "conversations": sum(max(1, one.conversations) for one in found),
        "sessions": sum(one.sessions for one in found),
        "messages": sum(one.messages for one in found),
        "people": len({name for one in found for name in one.speakers}),
        "corrected": sum(one.corrected for one in found),
        "forgotten": sum(one.forgotten for one in found),
        "bytes": sum(one.bytes for one in found),
    }
    if args.json:
        print_json({**sizes, "first": iso(first), "last": iso(last)})
        return
    rows = [(name, f"{value:,}") for name, value in sizes.items()]
    print_table([*rows, ("first", iso(first) or "unknown"), ("last", iso(last) or "unknown")])


def _print_memory(memory: AdaptiveMemory, *, as_json: bool) -> None:
    sizes = asdict(memory.stats())
    if as_json:
        print_json(sizes)
        return
    show(repr(memory).strip("<>"))
    print_table((name.replace("_", " "), f"{value:,}") for name, value in sizes.items())
