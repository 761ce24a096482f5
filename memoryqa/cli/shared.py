"""Arguments that several commands have, and what they stand for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memoryqa.checks import shown
from memoryqa.cli.files import names_file, open_memory
from memoryqa.errors import UsageError
from memoryqa.home.folder import store_folder
from memoryqa.terminal import harmless

if TYPE_CHECKING:
    from memoryqa.memories import Memories
    from memoryqa.turns import Turn

Found = TypeVar("Found")


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


def add_clock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--clock", action="store_true", help="show the time of day of each message")


def add_scope(parser: argparse.ArgumentParser) -> None:
    """Where to look: --file, --chat, --store; whom and when: --from, --since, --until; and --asked, --clock."""
    parser.add_argument("--file", type=Path, metavar="FILE", help="look in this file rather than in the store")
    add_chat(parser, several=True)
    parser.add_argument(
        "--from", action="append", dest="people", metavar="NAME", help="only what this person said; may be repeated"
    )
    parser.add_argument("--since", metavar="DATE", help="only what was said from this day on, 2024-05-01")
    parser.add_argument("--until", metavar="DATE", help="only what was said up to this day, the day included")
    parser.add_argument(
        "--asked",
        metavar="DATE",
        help='the day of asking, 2024-05-25, by which "last week" in the question is read (default: today; with --file '
        "the last day of the conversation)",
    )
    add_clock(parser)
    add_store(parser)


def take_file(args: argparse.Namespace, words: list[str]) -> str:
    """The question of `words`, whose first may name a file, which then is `args.file`."""
    if args.file is None and len(words) > 1 and names_file(words[0]):
        args.file = Path(words[0])
        words = words[1:]
    question = " ".join(words)
    if not question.strip():
        raise UsageError("the question is empty; write it in quotes")
    return question


def selection(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a search that `add_scope` stands for, but `clock`."""
    for flag in ("since", "until", "asked"):
        check_day(f"--{flag}", getattr(args, flag))
    today = None if args.file else date.today()
    return {"speakers": args.people, "since": args.since, "until": args.until, "asked": args.asked or today}


def check_day(flag: str, written: str | None) -> None:
    """UsageError that names the flag, for what is no day."""
    from memoryqa.messages import parse_time

    try:
        parse_time(written or None)
    except UsageError as error:
        raise UsageError(f"{flag}: {error}") from None


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[tuple[Memories, list[str]]]:
    """What `add_scope` names: the memories, and the chats of them to look in. Raises UsageError."""
    if args.file is None:
        with open_store(args.store) as memories:
            chats = open_chats(memories, args.chat)
            _check_people(memories, chats, args.people)
            yield memories, chats
        return
    if args.chat:
        raise UsageError("--chat names a chat of the store, and a file is one chat: drop one of them")
    from memoryqa.memories import Memories

    name = args.file.stem or "chat"
    of_file = Memories({name: open_memory(args.file)})
    _check_people(of_file, [name], args.people)
    yield of_file, [name]


def _check_people(memories: Memories, chats: Sequence[str], people: Sequence[str] | None) -> None:
    """UsageError for a name under which nobody speaks in these chats."""
    if not people:
        return
    from memoryqa.language.folding import fold

    names = list(dict.fromkeys(name for chat in chats for name in memories[chat].speakers))
    known = {fold(name).strip() for name in names}
    if unknown := [one for one in people if fold(one).strip() not in known]:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise UsageError(f"--from {unknown[0]}: nobody is called so; people are {listed}")


def open_store(given: Path | None) -> Memories:
    """The chats of the store, to be closed. UsageError when there are none."""
    from memoryqa.memories import Memories

    folder = store_folder(given)
    memories = Memories.open(folder) if folder.is_dir() else None
    if not memories:
        raise UsageError(f"no chats in {folder}; import one first: memoryqa import FILE")
    return memories


def one_chat(memories: Memories, name: str | None) -> str:
    """The chat that was named, or the only one. UsageError when there are several, or none of that name."""
    chats = choose_chats(memories, None if name is None else [name])
    if len(chats) > 1:
        raise UsageError(f"name the chat with --chat; there are: {', '.join(chats[:8])}{', ...' * (len(chats) > 8)}")
    return chats[0]


def named_pairs(flag: str, written: Iterable[str]) -> dict[str, str]:
    """What was written as LEFT=RIGHT. UsageError for anything else."""
    found: dict[str, str] = {}
    for one in written:
        left, equals, right = (part.strip() for part in one.rpartition("="))
        if not equals or not left or not right:
            raise UsageError(f"{flag} takes two names with = between them, got {shown(one)}")
        found[left] = right
    return found


def choose_chats(memories: Memories, names: list[str] | None) -> list[str]:
    """The chats that were named, once each; all where none was. UsageError for one that is not there."""
    by_key = {one.casefold(): one for one in memories}
    names = (
        None if names is None else [name if name in memories else by_key.get(name.casefold(), name) for name in names]
    )
    for name in names or ():
        if name not in memories:
            known = ", ".join(sorted(memories)[:8]) + (", ..." if len(memories) > 8 else "")
            raise UsageError(f"there is no chat {shown(name)}; there are: {known}")
    return sorted(memories) if names is None else list(dict.fromkeys(names))


def open_chats(memories: Memories, names: list[str] | None) -> list[str]:
    """`choose_chats`, with the chats opened; see `each_readable` for those that cannot be."""
    chats = choose_chats(memories, names)
    if names is not None:
        return chats
    is_many = len(chats) > memories.most_open
    return list(each_readable(chats, memories.look_at if is_many else memories.__getitem__))


def each_readable(chats: Sequence[str], read: Callable[[str], Found]) -> dict[str, Found]:
    """What `read` gives for each of all chats; one that is damaged, or of a later version, does not stop the others: it
    is one line on stderr. ArchiveError when no chat can be read."""
    from memoryqa.archive.file import ArchiveError

    found: dict[str, Found] = {}
    problems: list[ArchiveError] = []
    for chat in chats:
        try:
            found[chat] = read(chat)
        except ArchiveError as error:
            problems.append(error)
    if problems and not found:
        raise problems[0]
    for problem in problems:
        print(f"memoryqa: left out: {harmless(str(problem))}", file=sys.stderr)
    return found


def record(turn: Turn) -> dict[str, Any]:
    """A message in JSON."""
    time = None if turn.time is None else turn.time.isoformat()
    return {"id": turn.id, "time": time, "speaker": turn.speaker, "text": turn.text}
