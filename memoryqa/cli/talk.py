"""A conversation about chats: questions, follow-ups, and what a person types to look closer."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from memoryqa.cli.answers import show_answer, worded_for
from memoryqa.cli.flags import in_flags
from memoryqa.cli.output import show, show_styled
from memoryqa.cli.shared import open_chats, selection
from memoryqa.errors import MemoryQAError, UsageError
from memoryqa.lms.flags import lm_settings
from memoryqa.terminal import harmless

if TYPE_CHECKING:
    from memoryqa.asking.answers import Answer
    from memoryqa.asking.view import Source
    from memoryqa.memories import Memories

PROMPT = "> "
CONTEXT_TOKENS = 4_000  # as ProgramConfig has it, held by a test
HELP = """\
/open 2       source 2 of the last answer, among the messages around it; /open D8:6 any message
/sources      what the last answer cites, then what else was read for it
/budget 2000  read at most so many tokens for an answer
/chat NAME    ask this chat alone; /chat all asks all of them
/new          begin anew: the next question does not follow from the one before
/quit         leave (or Ctrl-D)"""
_AROUND = 3
_MOST_SOURCES = 10
_SHOWN_CHARS = 100
_OPENING = re.compile(
    r"^(?:and|but|so|then|also|what about|how about|und|aber|et|mais|y|e|ma|mas|а|и|那么?|それで)\b[ ,]*", re.I
)
_POINTING = re.compile(r"\b(?:he|she|it|they|him|them|there|er|sie|es|ihn|il|elle|lui|él|ella|él)\b", re.I)


class Talk:
    """Takes what is typed, a line at a time. failures: lines that could not be answered."""

    def __init__(self, args: argparse.Namespace, memories: Memories, chats: list[str]) -> None:
        from memoryqa.asking.readers import choose_reader

        self._args, self._memories, self._chats = args, memories, chats
        self._reader, self._choice = choose_reader(args.model, args.api_base, lm_settings(args))
        self._budget = CONTEXT_TOKENS
        self._last: tuple[str, Answer] | None = None
        self.failures = 0

    def greeting(self) -> str:
        who = "the offline reader" if self._choice.offline else str(self._choice.model)
        listed = ", ".join(self._chats[:5]) + (", ..." if len(self._chats) > 5 else "")
        return harmless(f"Asking {who} about {listed}. /help lists what can be typed, Ctrl-D leaves.")

    def take(self, line: str) -> bool:
        """Answer `line`, or do what it says; False to leave. What goes wrong is one line on stderr."""
        line = line.strip()
        if line in ("/quit", "/exit", "/q"):
            return False
        try:
            if line.startswith("/"):
                name, _, argument = line[1:].partition(" ")
                self._obey(name, argument.strip())
            elif line:
                self._answer(line)
        except MemoryQAError as error:
            self.failures += 1
            print(f"memoryqa: {harmless(in_flags(str(error), self._args.flags))}", file=sys.stderr)
        return True

    def _answer(self, question: str) -> None:
        from memoryqa.asking.view import View
        from memoryqa.language.question import asks_clock

        before = self._before(question)
        clock = self._args.clock or asks_clock(question)
        view = View(self._memories, self._chats, clock=clock, **selection(self._args))
        answer = self._reader(view, question, self._budget, before)
        answer = worded_for(self._args.flags, answer)
        self._last = question, answer
        show_answer(answer, self._memories, self._chats, clock=clock)

    def _before(self, question: str) -> tuple[str, str] | None:
        """The last question and answer, if this one follows from them, which is shown."""
        if self._last is None or not follows(question):
            return None
        before, answer = self._last
        show_styled(f"(after: {before})", "dim")
        return before, answer.text

    def _obey(self, name: str, argument: str) -> None:
        if name == "open":
            self._open(argument)
        elif name == "sources":
            self._list_sources()
        elif name == "budget":
            if not argument.isdecimal() or int(argument) < 1:
                raise UsageError("write /budget 2000: tokens, at least 1")
            self._budget = int(argument)
            show(f"at most {self._budget:,} tokens are read for an answer")
        elif name == "chat":
            self._chats = open_chats(self._memories, None if argument in ("", "all") else [argument])
            self._last = None
            show(f"asking {', '.join(self._chats)}")
        elif name == "new":
            self._last = None
        elif name == "help":
            show(HELP)
        else:
            raise UsageError(f"there is no /{name}; /help lists what can be typed")

    def _sources(self) -> list[Source]:
        if self._last is None:
            raise UsageError("no answer yet: ask something first")
        _, answer = self._last
        return list(dict.fromkeys((*answer.cited, *answer.found)))[:_MOST_SOURCES]

    def _list_sources(self) -> None:
        sources = self._sources()
        for number, source in enumerate(sources, start=1):
            day = f"{source.turn.time:%Y-%m-%d}" if source.turn.time else "no date"
            text = " ".join(source.turn.text.split())
            text = text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
            show(f"{number:2} {source.chat}/{source.turn.id} {day} {source.turn.speaker}: {text}")
        if not sources:
            show("nothing was found for the last question")

    def _open(self, argument: str) -> None:
        from memoryqa.cli.commands.show import find, marked

        if argument.isdecimal():
            sources = self._sources()
            if not 1 <= int(argument) <= len(sources):
                raise UsageError(f"the last answer has {len(sources)} sources; /sources lists them")
            source = sources[int(argument) - 1]
            chat, target = source.chat, source.turn.id
        else:
            chat, target = find(self._memories, argument, self._chats[0] if len(self._chats) == 1 else None)
        if len(self._memories) > 1:
            show(f"# {chat}")
        show(marked(self._memories[chat].around(target, _AROUND, clock=True), target))


def follows(question: str) -> bool:
    """Whether a question is understood only with the one before: it begins with "and", or points to what was named."""
    from memoryqa.language.question import read_query

    return bool(_OPENING.match(question) or _POINTING.search(question) or not read_query(question, (), ()).terms)
