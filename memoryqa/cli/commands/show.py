"""Print a message and those around it, or a day of a chat.

    memoryqa show D8:6                          # line 6 below [D8, ...], as a search or an answer cites it
    memoryqa show ines/D8:6 --around 10
    memoryqa show --day 2024-05-13 --chat ines
    memoryqa show D8:6 --clock

The message is marked with ">".
"""

from __future__ import annotations

import argparse
import re
from itertools import groupby
from typing import TYPE_CHECKING

from memoryqa.checks import shown
from memoryqa.cli.output import print_json, show
from memoryqa.cli.shared import add_chat, add_clock, add_json, add_store, check_day, open_chats, open_store, record
from memoryqa.errors import UsageError
from memoryqa.home.titles import titles_of, with_titles

if TYPE_CHECKING:
    from memoryqa.evidence import Evidence
    from memoryqa.memories import Memories
    from memoryqa.memory import AdaptiveMemory

_CITATION = re.compile(r"(?:(?P<chat>[^/]+)/)?(?:mem:)?D?(?P<session>\d{1,9}):(?P<number>\d{1,9})(?:/\d+)?")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("citation", nargs="?", metavar="CITATION", help="D8:6, mem:D8:6 or CHAT/D8:6")
    parser.add_argument("--day", metavar="DATE", help="all of a day, 2024-05-13")
    parser.add_argument(
        "--around", type=int, default=5, metavar="N", help="so many messages before and after (default: %(default)s)"
    )
    add_chat(parser)
    add_clock(parser)
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if (args.citation is None) == (args.day is None):
        raise UsageError("name a message, D8:6, or a day, --day 2024-05-13")
    if args.around < 0:
        raise UsageError(f"--around must be at least 0, got {args.around}")
    check_day("--day", args.day)
    with open_store(args.store) as memories:
        if args.day is None:
            chat, target = find(memories, args.citation, args.chat)
            found = {chat: memories[chat].around(target, args.around, clock=args.clock)}
        else:
            chats = open_chats(memories, [args.chat] if args.chat else None)
            days = {"since": args.day, "until": args.day}
            found, target = {chat: memories[chat].transcript(**days, clock=args.clock) for chat in chats}, None
            found = {chat: one for chat, one in found.items() if one}
            if not found:
                raise UsageError(f"nothing was said on {args.day} in {args.chat or 'any chat'}")
        if args.json:
            turns = [{"chat": chat, **record(turn)} for chat, one in found.items() for turn in one]
            print_json({"target": target, "turns": turns})
            return
        for chat, one in found.items():
            if len(memories) > 1:
                show(f"# {chat}")
            show(with_titles(marked(one, target), {chat: titles_of(memories[chat])}, chat))


def find(memories: Memories, citation: str, chat: str | None) -> tuple[str, str]:
    """The chat and the id of a citation. UsageError for no such message, and for one of several chats."""
    match = _CITATION.fullmatch(citation.strip())
    if match is None:
        raise UsageError(f"{shown(citation)} cites no message; write D8:6, or CHAT/D8:6")
    named = match["chat"] or chat
    target = f"D{int(match['session'])}:{int(match['number'])}"
    chats = open_chats(memories, [named] if named else None)
    having = [one for one in chats if _has(memories[one], target)]
    if len(having) == 1:
        return having[0], target
    if not having:
        raise UsageError(f"there is no message {target} in {named or 'any chat'}; a search shows what there is")
    raise UsageError(
        f"{target} is in {len(having)} chats; write one of {', '.join(f'{one}/{target}' for one in having[:8])}"
    )


def _has(memory: AdaptiveMemory, target: str) -> bool:
    try:
        memory.expand(target)
    except KeyError:
        return False
    return True


def marked(evidence: Evidence, target: str | None) -> str:
    """The lines of `evidence`, that of the turn `target` behind a ">"."""
    from memoryqa.rendering import render

    rows, header = [], None
    for turn_id, lines in groupby(sorted(evidence.lines, key=lambda line: line.key), key=lambda line: line.turn.id):
        first, text = render(lines).rstrip("\n").split("\n", 1)
        rows += [first] * (first != header)
        header = first
        mark = "> " if turn_id == target else "  "
        rows.append(mark + text.replace("\n", "\n  ") if target else text)
    return "\n".join(rows)
