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
import math
from typing import Any

from memoryqa.cli.output import print_json, show
from memoryqa.cli.shared import add_json, add_scope, opened, record, selection, take_file
from memoryqa.errors import UsageError
from memoryqa.home.titles import titles_of, with_titles

MIN_SCORE = 0.3  # leaves out 3 of 4 questions about another chat, and at most 1 in 20 of those that were answered in it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="what to look for, in any of fifteen languages")
    add_scope(parser)
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
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if args.budget < 1:
        raise UsageError(f"--budget must be at least 1, got {args.budget}")
    if math.isnan(args.min_score):
        raise UsageError("--min-score must be a number, got nan")
    question = take_file(args, args.question)
    with opened(args) as (memories, chats):
        from memoryqa.asking.finding import find
        from memoryqa.language.question import asks_clock

        how = {**selection(args), "min_score": args.min_score, "clock": args.clock or asks_clock(question)}
        found = find(memories, chats, question, args.budget, **how)
        titles = {chat: titles_of(memories[chat]) for chat in chats}
    if not args.json:
        show(with_titles(str(found), titles, chats[0] if len(chats) == 1 else None))
        return
    turns: list[dict[str, Any]] = []
    for chat, turn, score in found.ranked:
        of_chat = {} if args.file else {"chat": chat}
        title = titles[chat].get(turn.session)
        of_title = {"conversation": title} if title else {}
        turns.append({**of_chat, **of_title, "score": round(score, 6), **record(turn)})
    print_json({"text": found.text, "tokens": found.tokens, "turns": turns})
