"""The command `memoryqa`: search a conversation from the terminal. No language model is asked.

    memoryqa search chat.jsonl "When did Ana move?"
    memoryqa search chat.sqlite "When did Ana move?" --budget 300 --json
    memoryqa stats chat.sqlite
    memoryqa serve --mcp                                    # for Claude, Cursor and other programs; docs/mcp.md

FILE is a memory saved by AdaptiveMemory.save(), or one message per line as JSON: {"speaker": "Ana", "time":
"2023-05-25", "text": "I moved to Porto last Saturday!"} ("role", "name", "content", "timestamp" work too).
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memoryqa import __version__
from memoryqa.errors import MemoryQAError, UsageError
from memoryqa.serve import command as serving
from memoryqa.terminal import harmless, is_terminal

if TYPE_CHECKING:
    from memoryqa.memory import AdaptiveMemory

_SQLITE = b"SQLite format 3\0"
MIN_SCORE = 0.3  # leaves out 3 of 4 questions about another chat, and at most 1 in 20 of those that were answered in it
_CONTROLS = {code: f"\\u{code:04x}" for code in range(127, 160)}  # which JSON allows, and a terminal obeys


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memoryqa", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"memoryqa {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    search = commands.add_parser("search", help="print the dated, cited lines that answer best")
    search.add_argument("file", type=Path, metavar="FILE")
    search.add_argument("question", metavar="QUESTION")
    search.add_argument(
        "--budget", type=int, default=1_000, metavar="N", help="tokens of the lines at most (default: %(default)s)"
    )
    search.add_argument(
        "--min-score",
        type=float,
        default=MIN_SCORE,
        metavar="X",
        help="leave out lines that score less, so that a question about something else finds nothing; 0 shows as many "
        "as fit (default: %(default)s)",
    )
    search.add_argument(
        "--asked",
        metavar="DATE",
        help='the day of asking, 2023-05-25, by which "last week" is read (default: the last day of the conversation)',
    )
    stats = commands.add_parser("stats", help="print how much is in a conversation")
    stats.add_argument("file", type=Path, metavar="FILE")
    for command in (search, stats):
        command.add_argument("--json", action="store_true", help="print JSON, for programs")
    server = commands.add_parser(
        "serve",
        help="serve the chats of this machine to other programs",
        description=serving.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serving.add_arguments(server)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0; 2 with one line on stderr for a file or argument that cannot be used."""
    args = build_parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without UTF-8 cannot print every sign
            stream.reconfigure(errors="backslashreplace")
    try:
        if args.command == "serve":
            serving.serve(args)
            return 0
        memory = open_memory(args.file)
        if args.command == "search":
            search(memory, args.question, args.budget, args.min_score, args.asked, as_json=args.json)
        else:
            show_stats(memory, as_json=args.json)
        if sys.stdout is not None:
            sys.stdout.flush()  # so that an error of writing is met here
    except MemoryQAError as error:
        print(f"memoryqa: {harmless(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stderr.close()
    except OSError as error:
        print(f"memoryqa: the output cannot be written ({error.strerror}); free some space", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("memoryqa: interrupted", file=sys.stderr)
        return 1
    return 0


def search(
    memory: AdaptiveMemory,
    question: str,
    budget_tokens: int,
    min_score: float,
    asked: str | None = None,
    *,
    as_json: bool,
) -> None:
    """Print what `question` finds: the text, or one JSON object."""
    if budget_tokens < 1:
        raise UsageError(f"--budget must be at least 1, got {budget_tokens}")
    found = memory.search(question, budget_tokens, min_score=min_score, asked=asked)
    if not as_json:
        show(str(found))
        return
    turns = [
        {
            "id": turn.id,
            "score": round(score, 6),
            "time": None if turn.time is None else turn.time.isoformat(),
            "speaker": turn.speaker,
            "text": turn.text,
        }
        for turn, score in zip(found, found.scores, strict=True)
    ]
    print_json({"text": found.text, "tokens": found.tokens, "turns": turns})


def show(text: str) -> None:
    """Print `text`; on a terminal with its control characters shown and not sent."""
    print(harmless(text) if is_terminal(sys.stdout) else text)


def print_json(document: Mapping[str, Any]) -> None:
    """One line, with its signs as they are where stdout can print them, else escaped."""
    line = json.dumps(document, ensure_ascii=False).translate(_CONTROLS)
    try:
        line.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = json.dumps(document)
    print(line)


def show_stats(memory: AdaptiveMemory, *, as_json: bool) -> None:
    """Print the sizes of `memory`."""
    sizes = asdict(memory.stats())
    if as_json:
        print_json(sizes)
        return
    from rich.console import Console
    from rich.table import Table

    show(repr(memory).strip("<>"))
    table = Table(show_header=False, box=None)
    for name, value in sizes.items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    Console().print(table)


def open_memory(path: Path) -> AdaptiveMemory:
    """The memory in `path`, saved or as messages. Raises UsageError that names the file, the line and the fix."""
    from memoryqa.archive.exchange import COUNTS
    from memoryqa.memory import AdaptiveMemory

    try:
        with path.open("rb") as file:
            is_saved = file.read(len(_SQLITE)) == _SQLITE
        if is_saved:
            return AdaptiveMemory.load(path, embedder=None)
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); give a saved memory or a JSONL file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: neither a saved memory nor JSONL in UTF-8 ({error.reason})") from error
    memory = AdaptiveMemory()
    for number, line in enumerate(content.split("\n"), start=1):  # splitlines() would cut at U+2028 too
        if line.strip():
            try:
                message = _message(line)
                if COUNTS not in message:  # of turns that were forgotten, in an export
                    memory.add(message)
            except (TypeError, ValueError) as error:
                raise UsageError(f"{path}, line {number}: {error}") from error
    return memory


def _message(line: str) -> Mapping[str, Any]:
    try:
        message = json.loads(line)
    except RecursionError:
        raise UsageError("not JSON of a message (nested too deep); write one message per line") from None
    except json.JSONDecodeError as error:
        raise UsageError(f"not JSON ({error.msg}); write one message per line") from None
    if not isinstance(message, dict):
        raise UsageError('not a message; write {"speaker": ..., "time": ..., "text": ...}')
    return message
