"""Which conversations a benchmark asks about. Test conversations take part only when `--split` names them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from locomo.split_data import SPLITS, splits

if TYPE_CHECKING:
    from locomo.schema import Dataset, Question

PUBLISHED = "train+val"  # of LoCoMo: seven conversations, 1,033 questions of categories 1-4 with evidence
ALL = "+".join(SPLITS)


def add_split_flag(parser: argparse.ArgumentParser, default: str = PUBLISHED) -> None:
    """--split, with the split of the published figures as its default."""
    parser.add_argument(
        "--split",
        type=parse_split,
        default=default,
        metavar="NAME[+NAME...]",
        help=f"conversations to ask about: {', '.join(SPLITS)}, a sum such as train+val, or all, which is {ALL} "
        "(default: %(default)s, as published)",
    )


def add_format_flag(parser: argparse.ArgumentParser) -> None:
    """--format, for `locomo.dataset.find`."""
    from locomo.formats.names import FORMAT, FORMATS

    parser.add_argument("--format", choices=FORMATS, help=str(FORMAT["help"]))


def parse_split(text: str) -> str:
    """`val+train` -> `train+val`; `all` -> the sum of the three. Raises ArgumentTypeError for anything else."""
    names = SPLITS if text == "all" else text.split("+")
    if unknown := [name for name in names if name not in SPLITS]:
        raise argparse.ArgumentTypeError(
            f"no split {unknown[0]!r}; there are {', '.join(SPLITS)}, sums of them, and all"
        )
    return "+".join(name for name in SPLITS if name in names)


def restrict(dataset: Dataset, split: str) -> Dataset:
    """`dataset` with the conversations and questions of `split` only, in the file's order.

    Raises DataError when the file holds none of them.
    """
    from locomo.schema import DataError

    of_split = splits(dataset)
    wanted = {conversation_id for name in split.split("+") for conversation_id in of_split[name]}
    if not wanted:
        raise DataError(f"{dataset.path}: holds no conversation of split {split}; choose another --split")
    return replace(
        dataset,
        conversations=tuple(one for one in dataset.conversations if one.id in wanted),
        questions=tuple(one for one in dataset.questions if one.conversation_id in wanted),
    )


def with_evidence(dataset: Dataset, categories: Collection[int] | None = None) -> list[Question]:
    """Questions with evidence of some kinds; without `categories` of those that the headline is over, LoCoMo's 1-4.

    Raises DataError when there are none.
    """
    from locomo.schema import DataError

    wanted = dataset.kinds.counted if categories is None else categories
    chosen = [question for question in dataset.questions if question.category in wanted and question.evidence]
    if not chosen:
        raise DataError(f"{dataset.path}: no question of the chosen split has evidence")
    return chosen


def print_notes(dataset: Dataset, split: str, more: Iterable[str] = ()) -> None:
    """Print notes on the figures to stderr: the data's, the number of test conversations left out, and `more`."""
    num_left_out = 0 if "test" in split.split("+") else len(splits(dataset)["test"])
    noun = "conversation" if num_left_out == 1 else "conversations"
    left_out = [f"left out {num_left_out} test {noun}, asked about with --split test only"] if num_left_out else []
    for note in (*dataset.notes, *left_out, *more):
        print(f"note: {note}", file=sys.stderr)
