"""Ask question after question: a prompt in the terminal.

    memoryqa chat
    memoryqa chat --chat ines --model openai/gpt-5.4-mini
    printf 'When is the operation?\\n/open 1\\n' | memoryqa chat

A question may follow from the one before: "And who drives?". /help lists what else can be typed. Ctrl-C cancels an
answer, Ctrl-D leaves. Nothing of what is typed is kept.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress

from memoryqa.cli.shared import add_scope, opened
from memoryqa.cli.talk import PROMPT, Talk
from memoryqa.errors import StoppedError
from memoryqa.lms.flags import add_model
from memoryqa.terminal import is_terminal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    add_scope(parser)


def run(args: argparse.Namespace) -> None:
    with opened(args) as (memories, chats):
        talk = Talk(args, memories, chats)
        if is_terminal(sys.stdin):
            _ask_a_person(talk)
            return
        for line in sys.stdin:
            if not talk.take(line):
                break
        if talk.failures:
            raise StoppedError(f"{talk.failures} of the lines could not be answered")


def _ask_a_person(talk: Talk) -> None:
    with suppress(ImportError):
        import readline  # noqa: F401  edits lines, and has those of this session
    print(talk.greeting())
    while True:
        try:
            if not talk.take(input(PROMPT)):
                return
        except EOFError:
            print()
            return
        except KeyboardInterrupt:  # what was typed, or an answer on its way
            print("\n(cancelled; Ctrl-D leaves)")
