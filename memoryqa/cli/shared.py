"""Arguments that several commands have, and what they stand for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from memoryqa.checks import shown
from memoryqa.errors import UsageError
from memoryqa.home.folder import store_folder

if TYPE_CHECKING:
    from memoryqa.memories import Memories


def add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="where the chats are (default: MEMORYQA_HOME, or memoryqa in the folder for data of this user)",
    )


def add_chat(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """--chat NAME: `args.chat` is a name or None; with `several` a list of names or None."""
    if several:
        parser.add_argument(
            "--chat", action="append", metavar="NAME", help="only in this chat; may be repeated (default: in all)"
        )
    else:
        parser.add_argument("--chat", metavar="NAME", help="the chat (default: the only one there is)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def open_store(given: Path | None) -> Memories:
    """The chats of the store, to be closed. UsageError when there are none."""
    from memoryqa.memories import Memories

    folder = store_folder(given)
    if not folder.is_dir():
        raise UsageError(f"no chats in {folder}; import one first: memoryqa import FILE")
    memories = Memories.open(folder)
    if not memories:
        raise UsageError(f"no chats in {folder}; import one first: memoryqa import FILE")
    return memories


def choose_chats(memories: Memories, names: list[str] | None) -> list[str]:
    """The chats that were named, once each; all where none was. UsageError for one that is not there."""
    if names is None:
        return sorted(memories)
    for name in names:
        if name not in memories:
            known = ", ".join(sorted(memories)[:8]) + (", ..." if len(memories) > 8 else "")
            raise UsageError(f"there is no chat {shown(name)}; there are: {known}")
    return list(dict.fromkeys(names))
