"""Answer a question from your chats, with the lines that the answer stands on.

    memoryqa ask "When is the operation?"
    memoryqa ask "What did we plan for last weekend?" --chat ines --model openai/gpt-5.4-mini
    memoryqa ask "Um wie viel Uhr geht die Fähre?" --json
    memoryqa ask --file chat.jsonl "Where does Ana live?"

Without a model or a key the offline reader answers: rules, no language model. With one (extra [ask]), the question and
at most --context tokens of the lines that are found are sent to it, and nothing else.
"""

from __future__ import annotations

import argparse

from memoryqa.cli.answers import answer_record, show_answer, worded_for
from memoryqa.cli.output import print_json
from memoryqa.cli.shared import add_json, add_scope, opened, selection, take_file
from memoryqa.errors import UsageError
from memoryqa.lms.flags import add_model, lm_settings

CONTEXT_TOKENS = 4_000  # as ProgramConfig has it, held by a test: to import that takes longer than --help may


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("question", nargs="+", metavar="QUESTION", help="in any language")
    add_model(parser)
    parser.add_argument(
        "--context",
        type=int,
        default=CONTEXT_TOKENS,
        metavar="N",
        help="tokens of the lines that are read for the answer at most (default: %(default)s)",
    )
    add_scope(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> None:
    if args.context < 1:
        raise UsageError(f"--context must be at least 1, got {args.context}")
    settings = lm_settings(args)
    question = take_file(args, args.question)
    with opened(args) as (memories, chats):
        from memoryqa.asking.readers import choose_reader
        from memoryqa.asking.view import View
        from memoryqa.language.question import asks_clock

        reader, _ = choose_reader(args.model, args.api_base, settings)
        clock = args.clock or asks_clock(question)
        answer = reader(View(memories, chats, clock=clock, **selection(args)), question, args.context, None)
        answer = worded_for(args.flags, answer)
        if args.json:
            print_json(answer_record(answer, memories, clock=clock))
        else:
            show_answer(answer, memories, chats, clock=clock)
