"""Forget messages for good: one, a person's, those before a day, or a whole chat. No byte of them stays.

    memoryqa forget D8:6 --chat ines
    memoryqa forget --person "Tomás"
    memoryqa forget --before 2020-01-01 --chat family
    memoryqa forget --everything --chat family --yes

A count stays, and the highest number of each session, so that no handle is ever given to another message. An export
that still has them brings them back when it is imported again. docs/store.md says what is out of reach.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from memoryqa.cli.output import messages, print_json, show
from memoryqa.cli.shared import add_chat, add_json, add_store, check_day, choose_chats, one_chat, open_chats, open_store
from memoryqa.errors import StoppedError, UsageError
from memoryqa.terminal import harmless, is_terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("handle", nargs="?", metavar="HANDLE", help="of a message, D8:6, as search shows it")
    parser.add_argument(
        "--person", metavar="NAME", help="all that this person said; in all chats unless --chat names one"
    )
    parser.add_argument("--before", metavar="DATE", help="what was said before this day, 2020-01-01")
    parser.add_argument("--everything", action="store_true", help="all messages of the chat")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_chat(parser)
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    what: dict[str, Any] = {"person": args.person, "before": args.before, "everything": args.everything}
    if sum(map(bool, (args.handle, *what.values()))) != 1:
        raise UsageError("say what to forget: one of HANDLE, --person, --before and --everything")
    check_day("--before", args.before)
    with open_store(args.store) as memories:
        is_everywhere = args.person is not None and args.chat is None
        chats = open_chats(memories, None) if is_everywhere else [one_chat(memories, args.chat)]
        left_out = set(choose_chats(memories, None)).difference(chats) if is_everywhere else ()
        try:
            meant = {chat: len(memories[chat].would_forget(args.handle, **what)) for chat in chats}
        except KeyError as error:
            raise UsageError(f"{chats[0]}: {error.args[0]}") from None
        meant = {chat: count for chat, count in meant.items() if count}
        if not meant:
            raise UsageError("nothing is forgotten: no message is meant")
        if not args.yes:
            _ask(meant)
        gone = {chat: memories[chat].forget(args.handle, **what) for chat in meant}
    if args.json:
        print_json({"forgotten": gone})
    else:
        show("\n".join(f"forgotten: {messages(count)} of {chat}" for chat, count in gone.items()))
    if left_out:
        raise StoppedError(f"nothing was forgotten in {', '.join(sorted(left_out))}, which cannot be read")


def _ask(meant: dict[str, int]) -> None:
    """Raise StoppedError unless the user says yes; UsageError where nobody can be asked."""
    asked = ", ".join(f"{messages(count)} of {chat}" for chat, count in meant.items())
    if not is_terminal(sys.stdin):
        raise UsageError(f"this forgets {asked} for good: say --yes")
    print(harmless(f"Forget {asked} for good? [y/N] "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        raise StoppedError("nothing was forgotten")
