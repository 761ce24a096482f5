"""Let a message say something else. What it said before is kept as a revision, or erased.

    memoryqa correct D8:6 "I moved to Braga!"
    memoryqa correct D8:6 "I moved to Braga!" --chat ines --erase

Importing the export again does not undo it.
"""

from __future__ import annotations

import argparse

from memoryqa.cli.output import print_json, show
from memoryqa.cli.shared import add_chat, add_json, add_store, one_chat, open_store
from memoryqa.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("handle", metavar="HANDLE", help="of a message, D8:6, as search shows it")
    parser.add_argument("text", metavar="TEXT", help="what it says from now on")
    parser.add_argument("--erase", action="store_true", help="keep no revision: no byte of the old text stays")
    add_chat(parser)
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if not args.text.strip():
        raise UsageError("the new text is empty; memoryqa forget erases a message")
    with open_store(args.store) as memories:
        chat = one_chat(memories, args.chat)
        try:
            before = memories[chat].expand(args.handle)
        except KeyError as error:
            raise UsageError(f"{chat}: {error.args[0]}") from None
        after = memories[chat].correct(args.handle, args.text, keep_revision=not args.erase)
    if args.json:
        old = {} if args.erase else {"before": before.text}
        print_json({"chat": chat, "id": after.id, "text": after.text, **old})
    else:
        show(f"{after.id} {after.speaker}: {after.text}")
