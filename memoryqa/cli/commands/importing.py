"""Add the exports of your apps to your chats: no model, no network. Nothing is kept twice.

    memoryqa import "WhatsApp Chat with Ines.zip"
    memoryqa import result.json --dry-run
    memoryqa import conversations.zip --timezone Europe/Lisbon --me Ana
    memoryqa import chat.csv --column speaker=from --column text=body
    memoryqa import "WhatsApp Chat.zip" --same "+351 912 345 678=Tomás" --chat family

A file, a folder or a zip is recognised by its content; of several, one that cannot be read stops no other. A newer
export of the same chat adds what is new and takes over what was edited or deleted. docs/your-chats.md says for each app
how to get its export.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from memoryqa.cli.flags import in_flags
from memoryqa.cli.output import messages, print_json, show
from memoryqa.cli.shared import add_json, add_store, named_pairs
from memoryqa.errors import MemoryQAError, StoppedError, UsageError
from memoryqa.home.folder import store_folder
from memoryqa.terminal import harmless, is_terminal

if TYPE_CHECKING:
    from memoryqa.home.importing import ChatImport, ImportResult
    from memoryqa.importers import ImportReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="an export: a file, a folder or a zip")
    parser.add_argument("--chat", metavar="NAME", help="the chat that it goes to (default: one named after the export)")
    parser.add_argument("--new", action="store_true", help="a chat of its own, even if another has the same name")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be read, and write nothing")
    parser.add_argument("--format", metavar="NAME", help="where it is not recognised; docs/your-chats.md has the names")
    parser.add_argument(
        "--timezone", metavar="ZONE", help="yours, Europe/Lisbon or +01:00, for exports in UTC or without a zone"
    )
    parser.add_argument(
        "--dates", metavar="ORDER", help="dmy, mdy or ymd: the order of dates, where the file leaves it open"
    )
    parser.add_argument(
        "--column",
        "--columns",
        dest="columns",
        action="append",
        metavar="PART=FIELD",
        help="the field of a table or of JSON that is the speaker, text, time, id, reply_to, chat or attachments; "
        "may be repeated, or several with commas",
    )
    parser.add_argument(
        "--same", action="append", metavar="OTHER=NAME", help="a name, number or id that means NAME; may be repeated"
    )
    parser.add_argument("--me", metavar="NAME", help='your name: who "I" and "my" mean in questions')
    add_store(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    from memoryqa.archive.file import ArchiveError
    from memoryqa.home.importing import import_export
    from memoryqa.memories import Memories

    said = {"chat": args.chat, "format": args.format, "timezone": args.timezone, "dates": args.dates, "me": args.me}
    said["new"] = args.new
    columns = named_pairs("--column", [part for one in args.columns or () for part in one.split(",")])
    said |= {"columns": columns or None, "same": named_pairs("--same", args.same or ())}
    problems: dict[str, MemoryQAError] = {}  # by what they say: a wrong flag is wrong for each file
    unread: OSError | None = None
    with Memories.open(store_folder(args.store)) as memories:
        for name in args.files:
            path = Path(name)
            with _shown_progress(path) as shown:
                try:
                    result = import_export(memories, name, dry_run=args.dry_run, **shown, **said)
                except KeyboardInterrupt:
                    raise StoppedError(f"{path}: interrupted; import it again to add the rest") from None
                except (UsageError, ArchiveError) as error:
                    problems.setdefault(str(error), error)
                    continue
            try:
                if args.json:
                    print_json({"file": str(path), **result.to_dict()})
                else:
                    show(in_flags("\n".join(lines(result)), args.flags))
            except OSError as error:  # nobody reads it any more: the other files are imported all the same
                unread = error
    ended_by = problems.popitem()[1] if problems else unread
    for problem in problems:
        print(f"memoryqa: {harmless(in_flags(problem, args.flags))}", file=sys.stderr)
    if ended_by is not None:
        raise ended_by


def lines(result: ImportResult) -> Iterator[str]:
    """What an import did, for people."""
    yield from result.report.lines()
    for one in result.chats:
        yield f"{'would go to' if result.is_dry else 'in'} the {'new ' * one.is_new}chat {one.chat}: {_done(one)}"
        if one.missing:
            yield f"note: kept although not in this export: {messages(one.missing)} of {one.chat}"
        if one.forgotten and one.added and not result.is_dry:
            yield f"note: {messages(one.forgotten)} of {one.chat} had been forgotten; what this export has is back"


def _done(one: ChatImport) -> str:
    counts = {"new": one.added, "edited": one.edited, "deleted": one.deleted, "known": one.unchanged}
    said = [f"{count:,} {what}" for what, count in counts.items() if count]
    if one.renamed:
        said.append(f"{one.renamed:,} under another name than before")
    return ", ".join(said) or messages(one.messages)


@contextmanager
def _shown_progress(path: Path) -> Iterator[dict[str, Any]]:
    """A bar on a terminal's stderr, nothing elsewhere: the arguments of `import_export` that keep it moving."""
    if not is_terminal(sys.stderr):
        yield {}
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, TextColumn

    columns: tuple[Any, ...] = (*Progress.get_default_columns(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {escape(path.name)}", total=None, said="")
        began = {"reading": monotonic()}
        days = 0

        def progress(step: str, done: int, total: int) -> None:
            elapsed = monotonic() - began.setdefault(step, monotonic())
            said = progress_line(done, days, done / elapsed if elapsed >= 1 else 0)
            bar.update(task, description=f"{step} {escape(path.name)}", completed=done, total=total or None, said=said)

        def counted(report: ImportReport) -> None:
            nonlocal days
            days = len(report.days)
            progress("reading", report.messages, 0)

        yield {"progress": progress, "counted": counted}


def progress_line(done: int, days: int, rate: float) -> str:
    """`2,000 messages on 31 days, 45,000/s`, as far as it is known."""
    on = f" on {days:,} day{'' if days == 1 else 's'}" if days else ""
    return f"{messages(done)}{on}{f', {rate:,.0f}/s' if rate else ''}"
