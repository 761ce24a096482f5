"""Print the dated, cited lines of your chats that answer a question best. No language model is asked.

    memoryqa search "When did Ana move?"
    memoryqa search "What did we eat yesterday?" --chat ines --from Ana --budget 300
    memoryqa search "the ferry" --since 2024-05-01 --until 2024-05-31 --json
    memoryqa search --file chat.jsonl "When did Ana move?"

A file is a memory saved by AdaptiveMemory.save(), or one message per line as JSON: {"speaker": "Ana", "time":
"2023-05-25", "text": "I moved to Porto last Saturday!"} ("role", "name", "content", "timestamp" work too). Without
--file, a first word that names a file is the file: memoryqa search chat.jsonl "When did Ana move?"
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa.cli.files import names_file, open_memory
from memoryqa.cli.output import print_json, show
from memoryqa.cli.shared import add_chat, add_json, add_store, choose_chats, open_store
from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from memoryqa.turns import Turn

MIN_SCORE = 0.3  # leaves out 3 of 4 questions about another chat, and at most 1 in 20 of those that were answered in it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="what to look for, in any of fifteen languages")
    parser.add_argument("--file", type=Path, metavar="FILE", help="search this file rather than the store")
    add_chat(parser, several=True)
    add_selection(parser)
    parser.add_argument(
        "--budget", type=int, default=1_000, metavar="N", help="tokens of the lines at most (default: %(default)s)"
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=MIN_SCORE,
        metavar="X",
        help="leave out lines that score less, so that a question about something else finds nothing; 0 shows as many "
        "as fit (default: %(default)s)",
    )
    add_asked(parser, "today; of --file, the last day of the conversation")
    add_store(parser)
    add_json(parser)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """--from, --since and --until: see `selection`."""
    parser.add_argument("--from", action="append", dest="people", metavar="NAME", help="only what this person said")
    parser.add_argument("--since", metavar="DATE", help="only what was said from this day on, 2024-05-01")
    parser.add_argument("--until", metavar="DATE", help="only what was said up to this day, the day included")


def add_asked(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--asked",
        metavar="DATE",
        help=f'the day of asking, 2023-05-25, by which "last week" is read (default: {default})',
    )


def selection(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of a search that say which lines it may find."""
    return {"speakers": args.people, "since": args.since, "until": args.until}


def run(args: argparse.Namespace) -> None:
    if args.budget < 1:
        raise UsageError(f"--budget must be at least 1, got {args.budget}")
    how = {"min_score": args.min_score, "asked": args.asked, **selection(args)}
    words = list(args.question)
    path = args.file or (Path(words.pop(0)) if len(words) > 1 and names_file(words[0]) else None)
    question = " ".join(words)
    if path is None:
        _search_store(args, question, how)
    elif args.chat:
        raise UsageError("--chat names a chat of the store, and a file is one chat: drop one of them")
    else:
        found = open_memory(path).search(question, args.budget, **how)
        turns = [_record(turn, score) for turn, score in zip(found, found.scores, strict=True)]
        _print(str(found), found.text, found.tokens, turns, as_json=args.json)


def _search_store(args: argparse.Namespace, question: str, how: dict[str, Any]) -> None:
    how["asked"] = how["asked"] or date.today()
    with open_store(args.store) as memories:
        chats = choose_chats(memories, args.chat)
        if len(chats) == 1:
            one = memories[chats[0]].search(question, args.budget, **how)
            text, tokens = one.text, one.tokens
            ranked = [(chats[0], turn, score) for turn, score in zip(one, one.scores, strict=True)]
        else:
            several = memories.search(question, args.budget, chats=chats, **how)
            text, tokens, ranked = several.text, several.tokens, list(several.ranked)
    turns = [{"chat": chat, **_record(turn, score)} for chat, turn, score in ranked]
    _print(text.rstrip("\n") or "(nothing found)", text, tokens, turns, as_json=args.json)


def _print(shown: str, text: str, tokens: int, turns: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"text": text, "tokens": tokens, "turns": turns})
    else:
        show(shown)


def _record(turn: Turn, score: float) -> dict[str, Any]:
    return {
        "id": turn.id,
        "score": round(score, 6),
        "time": None if turn.time is None else turn.time.isoformat(),
        "speaker": turn.speaker,
        "text": turn.text,
    }
