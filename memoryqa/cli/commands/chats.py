"""List your chats: how much is in each, who speaks, and from when to when.

    memoryqa chats
    memoryqa chats --json

An export of many conversations (ChatGPT, an account of Telegram) is one chat; its conversations are counted.
"""

from __future__ import annotations

import argparse
from datetime import date

from memoryqa.cli.output import print_json, print_table
from memoryqa.cli.shared import add_json, add_store, each_readable, open_store

_PEOPLE = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from memoryqa.archive.summary import summary

    with open_store(args.store) as memories:
        found = each_readable(sorted(memories), lambda name: summary(memories.path_of(name)))
    if args.json:
        listed = [
            {
                "chat": name,
                "messages": one.messages,
                "conversations": max(1, one.conversations),
                "people": list(one.speakers),
                "first": iso(one.first),
                "last": iso(one.last),
                "bytes": one.bytes,
            }
            for name, one in found.items()
        ]
        print_json({"chats": listed})
        return
    print_table(
        (
            (
                name,
                f"{one.messages:,}",
                f"{max(1, one.conversations):,}",
                _people(list(one.speakers)),
                *span(one.first, one.last),
            )
            for name, one in found.items()
        ),
        ("chat", "messages", "conversations", "people", "first", "last"),
    )


def iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def span(first: date | None, last: date | None) -> tuple[str, str]:
    return iso(first) or "", iso(last) or ""


def _people(names: list[str]) -> str:
    more = len(names) - _PEOPLE
    return ", ".join(names[:_PEOPLE]) + (f" and {more} more" if more > 0 else "")
