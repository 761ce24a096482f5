"""Which commands there are, and the parser that loads a command's module when its turn comes: `--help` takes 0.1 s.

A module of commands/ has a docstring, which `memoryqa COMMAND --help` shows, `add_arguments(parser)` and
`run(args) -> None`, which raises MemoryQAError for what goes wrong. Arguments that several commands have are in
shared.py, what prints is in output.py.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from memoryqa import __version__
from memoryqa.cli.flags import flags_of

DESCRIPTION = """Answers from your own chats, with the lines that say so. Nothing leaves this machine
unless you name a model.

    memoryqa import "WhatsApp Chat with Ana.zip"            # or an export of any of twenty apps
    memoryqa ask "When did Ana move?"                       # the answer, and the lines it stands on
    memoryqa search "When did Ana move?"                    # the dated, cited lines that answer best
    memoryqa search chat.jsonl "When did Ana move?"         # of a saved memory or a file of messages
    memoryqa serve --mcp                                    # for Claude, Cursor and other programs; docs/mcp.md
"""
EPILOG = "memoryqa COMMAND --help shows the options and examples of a command."


class Command(NamedTuple):
    """module: in commands/. help: its line in `memoryqa --help`."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "import": Command("importing", "add the exports of your apps to your chats"),
    "ask": Command("ask", "answer a question, with the lines that the answer stands on"),
    "search": Command("search", "print the dated, cited lines that answer best; no language model"),
    "chat": Command("chat", "ask question after question, at a prompt"),
    "show": Command("show", "print a message and those around it, or a day"),
    "chats": Command("chats", "list your chats"),
    "people": Command("people", "list who speaks; say which names are one person, and which is you"),
    "stats": Command("stats", "print how much is in your chats, or in a file"),
    "correct": Command("correct", "let a message say something else"),
    "forget": Command("forget", "erase messages: one, a person's, those before a day, or all"),
    "export": Command("export", "write a chat to a file: JSONL, CSV, Markdown, LoCoMo's JSON"),
    "doctor": Command("doctor", "check that the files of your chats are sound and only yours"),
    "serve": Command("serve", "serve the chats of this machine to other programs"),
    "completion": Command("completion", "print what lets bash, zsh or fish complete the commands"),
}


class CommandParser(argparse.ArgumentParser):
    """The parser of a command, which has its arguments once something is parsed or `fill` is called."""

    def __init__(self, *, module: str | None = None, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self._module = module

    def fill(self) -> None:
        """Load the module of the command and add its arguments, once."""
        if self._module is None:
            return
        module = importlib.import_module(f"memoryqa.cli.commands.{self._module}")
        self._module = None
        self.description = (module.__doc__ or "").strip()
        module.add_arguments(self)
        self.set_defaults(run=module.run, flags=flags_of(self))

    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        self.fill()
        return super().parse_known_args(*args, **options)


def parser_of(name: str) -> CommandParser | None:
    """The parser of a command, with its arguments; None when there is none of that name."""
    if name not in COMMANDS:
        return None
    parser = CommandParser(prog=f"memoryqa {name}", module=COMMANDS[name].module)
    parser.fill()
    return parser


def build_parser() -> CommandParser:
    parser = CommandParser(prog="memoryqa", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"memoryqa {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=CommandParser)
    for name, command in COMMANDS.items():
        commands.add_parser(name, module=command.module, help=command.help)
    return parser
