"""List who speaks in your chats, say which names are one person, and which is you.

    memoryqa people
    memoryqa people --same "+351 912 345 678=Tomás" --same "~ Tomás=Tomás"
    memoryqa people --me Ana

What was said under the other names is shown under the one name, and later imports do the same. Joining cannot be
undone.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from memoryqa.cli.commands.chats import iso, span
from memoryqa.cli.output import messages, print_json, print_table, show
from memoryqa.cli.shared import (
    add_chat,
    add_json,
    add_store,
    choose_chats,
    each_readable,
    named_pairs,
    open_chats,
    open_store,
)
from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from memoryqa.home.people import Person
    from memoryqa.memories import Memories


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_chat(parser, several=True)
    parser.add_argument(
        "--same", action="append", metavar="OTHER=NAME", help="a name, number or id that means NAME; may be repeated"
    )
    parser.add_argument("--me", metavar="NAME", help='your name: who "I" and "my" mean in questions')
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    same = named_pairs("--same", args.same or ())
    with open_store(args.store) as memories:
        chats = args.chat
        if same or args.me is not None:
            chats = open_chats(memories, args.chat)
            changed = _join(memories, chats, same, args.me, is_named=args.chat is not None)
            if not args.json:
                show(f"{messages(changed)} {'is' if changed == 1 else 'are'} shown under another name than before")
        _list(memories, chats, as_json=args.json)


def _join(memories: Memories, chats: list[str], same: dict[str, str], me: str | None, *, is_named: bool) -> int:
    from memoryqa.home.people import join_people, occur

    names = {**dict.fromkeys(same), **({me: None} if me else {})}
    changed, unknown = 0, names
    for chat in chats:
        memory = memories[chat]
        there = occur(memory, names)
        mine = {other: name for other, name in same.items() if is_named or other in there}
        owner = me if me is not None and (is_named or me in there) else None
        if mine or owner:
            changed += join_people(memory, mine, owner)
        unknown = {name: None for name in unknown if name not in there}
    if unknown and not is_named:
        raise UsageError(f"nobody is called {', '.join(unknown)}; memoryqa people lists the names")
    return changed


def _list(memories: Memories, chats: list[str] | None, *, as_json: bool) -> None:
    from memoryqa.archive.summary import summary
    from memoryqa.home.people import people_in

    listed = choose_chats(memories, chats)
    found = people_in(each_readable(listed, lambda chat: summary(memories.path_of(chat))))
    if as_json:
        print_json({"people": [_record(one) for one in found]})
        return
    rows = (
        (one.name + " (me)" * one.is_owner, f"{one.messages:,}", *span(one.first, one.last), ", ".join(one.chats))
        for one in found
    )
    print_table(rows, ("person", "messages", "first", "last", "chats"))


def _record(one: Person) -> dict[str, Any]:
    days = {"first": iso(one.first), "last": iso(one.last)}
    return {"name": one.name, "me": one.is_owner, "chats": one.chats, "messages": one.messages, **days}
