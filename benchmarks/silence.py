"""How often a search finds nothing, by the least score that a line must have: `min_score`, and --min-score of memoryqa.

    python -m benchmarks.silence --data locomo10.json --data beam-100k

Nothing is right for questions about another conversation, and wrong for those that were answered in this one. Questions
that the data set itself wants declined (LoCoMo's category 5, BEAM's abstention) are near misses: their words were all
said, about something else. The last line on stdout is one JSON document.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.silence")

import argparse
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.counting import share_found
from benchmarks.questions import add_format_flag, add_split_flag, restrict
from harness.commands import run_command

if TYPE_CHECKING:
    from locomo.schema import Dataset, Question
    from memoryqa.memory import AdaptiveMemory

LEAST_SCORES = (0.0, 0.2, 0.3, 0.4, 0.5)
BUDGET_TOKENS = 1_000
OTHERS = 30  # questions of each other conversation that are asked of one


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.silence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", action="append", metavar="PATH", help="a data set; repeat for several")
    add_format_flag(parser)
    add_split_flag(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: measured; 2: bad input."""
    args = build_parser().parse_args(argv)
    return run_command("benchmarks.silence", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure all data sets and print a table and a JSON line."""
    from locomo.dataset import find

    datasets = [restrict(find(path, args.format), args.split) for path in args.data or [None]]
    rows = {dataset.name: measure(dataset, datasets) for dataset in datasets}
    print_table(rows)
    print(json.dumps({"split": args.split, "budget_tokens": BUDGET_TOKENS, "silence": rows}))


def measure(dataset: Dataset, datasets: Sequence[Dataset]) -> dict[str, Any]:
    """By least score: the share of questions of each sort that find nothing, and the evidence recall of the others."""
    from memoryqa.memories import Memories

    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, settings().memory)
    declined = dataset.kinds.declined
    asked = [(memories[one.conversation_id], one) for one in dataset.questions]
    sorts = {
        "answered": [pair for pair in asked if pair[1].category not in declined and pair[1].evidence],
        "to be declined": [pair for pair in asked if pair[1].category in declined],
        "of another conversation": list(foreign(memories, datasets)),
    }
    found: dict[str, Any] = {"n": {name: len(pairs) for name, pairs in sorts.items()}}
    for least in LEAST_SCORES:
        shares = {name: share_silent(pairs, least) for name, pairs in sorts.items()}
        found[str(least)] = {"silent": shares, "recall": recall(sorts["answered"], least)}
    return found


def settings() -> Any:
    from memoryqa.config import Settings

    return Settings()


def foreign(
    memories: Mapping[str, AdaptiveMemory], datasets: Sequence[Dataset]
) -> Iterable[tuple[AdaptiveMemory, Question]]:
    """Each memory with the first questions of every other conversation."""
    for conversation_id, memory in memories.items():
        for dataset in datasets:
            for other in dataset.conversations:
                if other.id != conversation_id:
                    theirs = (one for one in dataset.questions if one.conversation_id == other.id)
                    yield from ((memory, one) for _, one in zip(range(OTHERS), theirs, strict=False))


def share_silent(pairs: Sequence[tuple[AdaptiveMemory, Question]], least: float) -> float | None:
    """Share of the searches that find nothing."""
    silent = [not len(memory.search(question.text, BUDGET_TOKENS, min_score=least)) for memory, question in pairs]
    return round(statistics.fmean(silent), 4) if silent else None


def recall(pairs: Sequence[tuple[AdaptiveMemory, Question]], least: float) -> float | None:
    """Evidence recall of the searches."""
    found = [share_found(one, memory.search(one.text, BUDGET_TOKENS, min_score=least).ids) for memory, one in pairs]
    return round(statistics.fmean(found), 4) if found else None


def print_table(rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Percent, one row a data set and least score."""
    from rich.console import Console
    from rich.table import Table

    sorts = list(next(iter(rows.values()))["n"])
    heading = f"% of searches that find nothing, and evidence recall % at {BUDGET_TOKENS:,} tokens"
    table = Table("data", "min_score", *sorts, "recall", title=heading)
    for name, found in rows.items():
        table.add_row(name, "n", *(f"{found['n'][sort]:,}" for sort in sorts), "")
        for least in LEAST_SCORES:
            shares, recalled = found[str(least)]["silent"], found[str(least)]["recall"]
            table.add_row("", f"{least:.1f}", *(percent(shares[sort]) for sort in sorts), percent(recalled))
    Console().print(table)


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
