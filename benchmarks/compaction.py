"""How much of the evidence is still there when a conversation must shrink before anybody knows the question.

    python -m benchmarks.compaction --data data/locomo10.json                    # the published table
    python -m benchmarks.compaction                                              # the bundled sample
    python -m benchmarks.compaction --data data/locomo10.json --split train --plot compaction.png

Every method keeps turns, or passages of them, within a size: a share of the tokens of the whole (by_ratio), or a number
of tokens (by_budget). Scores are over the questions that have evidence, of the kinds that the headline is over:
`evidence` is the mean share of a question's evidence turns of which any passage is kept, `strict` the share of those
whose passages kept hold as much of the answer as the best one does, `all_evidence` the share of questions with all of
the evidence turns. Tokens (o200k_base) are those of the lines, dates resolved and
each session's header included, the same for all methods. How a peer is run: benchmarks/selectors.py.

by_budget_with_recovery: so many tokens in all when the question is asked. "memory" keeps a quarter of them as a working
memory, chosen before, and spends the rest on what its search finds among the turns that have left. "search alone"
spends all of them on its search, "archive search" on plain full-text search in the archive (SQLite FTS5, BM25).

searched_alone: what searches find that may look at a working memory alone, by its size and by the tokens found; of
"memory", and of "recent turns", whose working memory holds the newest.

ms_per_conversation: CPU time to bring one conversation to one size, the mean over conversations and sizes; that of
"memory" includes indexing its turns for search. Peers that are not installed are named, and listed under `not_run`.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.compaction")

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.counting import Passages, lenient, strict
from benchmarks.questions import add_format_flag, add_split_flag, print_notes, restrict, with_evidence
from benchmarks.recall_tables import plot_recall, share_complete
from benchmarks.selectors import METHODS, PACKAGES, Build, held_by
from harness.commands import run_command
from locomo.rows import MAIN_PROGRAM as MEMORY

if TYPE_CHECKING:
    from locomo.schema import Conversation, Question
    from memoryqa.evidence import Evidence
    from memoryqa.memory import AdaptiveMemory

RATIOS = (0.5, 0.25, 0.1, 0.05)
BUDGETS = (20_000, 8_000, 4_000, 2_000)
RECOVERY_SHARE = 0.75  # of the tokens; of 1/8, 1/4, 1/2, 3/4 and 9/10 more was better on train, up to the search alone
SEARCHED_SIZES = (20_000, 10_000, 5_000)  # of working memories that are searched alone
SEARCH, ARCHIVE, RECENT = "search alone", "archive search", "recent turns"


Shares = dict[Any, list[tuple[float, float]]]  # by size, for every question: evidence, strict


def _shares() -> Shares:
    return defaultdict(list)


@dataclass
class Scores:
    """What one method kept or found, by kind of size; times in ms. searched_alone: by sizes of memory and of search."""

    by_ratio: Shares = field(default_factory=_shares)
    by_budget: Shares = field(default_factory=_shares)
    by_budget_with_recovery: Shares = field(default_factory=_shares)
    searched_alone: dict[int, Shares] = field(default_factory=lambda: defaultdict(_shares))
    times_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """JSON-ready, shares in 0..1; None where no time was measured."""
        return {
            "by_ratio": _means(self.by_ratio),
            "by_budget": _means(self.by_budget),
            "by_budget_with_recovery": _means(self.by_budget_with_recovery),
            "searched_alone": {str(size): _means(shares) for size, shares in self.searched_alone.items()},
            "ms_per_conversation": round(statistics.fmean(self.times_ms), 2) if self.times_ms else None,
        }


def _means(shares: Shares) -> dict[str, dict[str, float]]:
    means = {}
    for size, pairs in shares.items():
        found, strictly = zip(*pairs, strict=True)
        scores = {"evidence": statistics.fmean(found), "all_evidence": share_complete(found)}
        means[str(size)] = {
            name: round(share, 4) for name, share in (scores | {"strict": statistics.fmean(strictly)}).items()
        }
    return means


@dataclass(frozen=True)
class Asked:
    """One conversation, all of it in a memory, and its questions."""

    conversation: Conversation
    lines: AdaptiveMemory
    questions: Sequence[Question]
    passages: Passages

    def shares(self, kept: Evidence) -> list[tuple[float, float]]:
        """For each question the shares of its evidence in `kept`."""
        return [self.share(question, kept) for question in self.questions]

    def share(self, question: Question, kept: Evidence) -> tuple[float, float]:
        return lenient(question, kept, self.passages), strict(question, kept, self.passages)


def measure_method(scores: Scores, build: Build, asked: Asked) -> None:
    """One method on one conversation, at all sizes."""
    tokens = asked.lines.transcript().tokens
    started = time.process_time()
    keep = build(asked.conversation, asked.lines)
    build_ms = (time.process_time() - started) * 1000
    sizes: list[tuple[Shares, float, int]] = [
        *((scores.by_ratio, ratio, int(ratio * tokens)) for ratio in RATIOS),
        *((scores.by_budget, budget, budget) for budget in BUDGETS),
    ]
    for shares, size, budget_tokens in sizes:
        started = time.process_time()
        kept = keep(budget_tokens)
        scores.times_ms.append(build_ms + (time.process_time() - started) * 1000)
        shares[size] += asked.shares(kept)


def measure_recovery(scores: Mapping[str, Scores], asked: Asked) -> None:
    """The share of each question's evidence that is in its context, by the size of that context."""
    from memoryqa.archive.database import Archive
    from memoryqa.evidence import Evidence
    from memoryqa.memory import AdaptiveMemory

    turns, lines = asked.conversation.turns, asked.lines
    tokens = lines.transcript().tokens
    with Archive(":memory:") as archive:
        archive.extend(turns)
        for budget in BUDGETS:
            recovered_tokens = int(budget * RECOVERY_SHARE)
            memory = AdaptiveMemory(budget - recovered_tokens)
            memory.extend(turns)
            held = held_by(memory)
            held_ids = set(held.line_ids)
            for question in asked.questions:
                ranked = memory.search(question.text, 2 * tokens).lines
                recovered = memory.pack([one for one in ranked if one.id not in held_ids], recovered_tokens)
                found = {
                    MEMORY: Evidence.of([*held.lines, *recovered.lines]),
                    SEARCH: lines.search(question.text, budget),
                    ARCHIVE: lines.pack(archive.search(question.text, len(turns)), budget),
                }
                for name, evidence in found.items():
                    scores[name].by_budget_with_recovery[budget].append(asked.share(question, evidence))


def measure_searched_alone(scores: Mapping[str, Scores], asked: Asked, budgets: Sequence[int]) -> None:
    """What searches of a working memory find when nothing else may be searched."""
    from memoryqa.memory import AdaptiveMemory

    for name, compaction in ((MEMORY, "coverage"), (RECENT, "recency")):
        for size in SEARCHED_SIZES:
            memory = AdaptiveMemory(size, recovery=False, compaction=compaction)
            memory.extend(asked.conversation.turns)
            for budget in budgets:
                found = [asked.share(one, memory.search(one.text, budget)) for one in asked.questions]
                scores[name].searched_alone[size][budget] += found


def missing(name: str) -> str | None:
    """What to install for method `name`; None when it can run."""
    package = PACKAGES.get(name.split()[0])
    if package is None:
        return None
    try:
        version(package)
    except PackageNotFoundError:
        return f"pip install {package}"
    return None


COUNTED = "evidence % (all evidence %; s: strict, where other)"


def print_tables(title: str, methods: Mapping[str, Mapping[str, Any]], budgets: Sequence[int]) -> None:
    """Print the tables on stderr; `budgets`: tokens of a search."""
    from rich.table import Table

    from harness.terminal import stderr_console

    console = stderr_console(width=None if sys.stderr.isatty() else 110)
    console.print(f"[bold]{title}[/bold]")

    def cells(found: Mapping[str, Any], sizes: Sequence[float]) -> Iterator[str]:
        for size in map(str, sizes):
            yield "-" if size not in found else " ".join(_percent(found[size]))

    def show(caption: str, kind: str, sizes: Sequence[float], heads: Sequence[str]) -> None:
        table = Table(title=f"{COUNTED} {caption}", title_justify="left")
        for column in ("method", *heads):
            table.add_column(column, justify="left" if column == "method" else "right")
        for name, row in methods.items():
            if row[kind]:
                ms = [f"{row['ms_per_conversation']:,.0f}"] if heads[-1] == "ms" else []
                table.add_row(name, *cells(row[kind], sizes), *ms)
        console.print(table)

    at_tokens = [f"{budget:,}" for budget in BUDGETS]
    show("kept, of the whole", "by_ratio", RATIOS, [*(f"{ratio:.0%}" for ratio in RATIOS), "ms"])
    show("kept, tokens", "by_budget", BUDGETS, at_tokens)
    show("with recovery, tokens in all", "by_budget_with_recovery", BUDGETS, at_tokens)
    table = Table(title=f"{COUNTED} found by searches of a working memory alone", title_justify="left")
    for column in ("method", "working memory", *(f"{budget:,}" for budget in budgets)):
        table.add_column(column, justify="left" if column == "method" else "right")
    for name, row in methods.items():
        for size, found in row["searched_alone"].items():
            table.add_row(name, f"{int(size):,}", *cells(found, budgets))
    console.print(table)


def _percent(found: Mapping[str, float]) -> Iterator[str]:
    yield f"{100 * found['evidence']:.1f} ({100 * found['all_evidence']:.1f})"
    if abs(found["strict"] - found["evidence"]) >= 0.0005:
        yield f"s{100 * found['strict']:.1f}"


def plot(title: str, methods: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Evidence against tokens, one curve per method, with recovery one more."""
    curves = {}
    for name, row in methods.items():
        for kind, label in (
            ("by_budget", name),
            ("by_budget_with_recovery", f"{name}, recovery" if row["by_budget"] else name),
        ):
            if row[kind]:
                curves[label] = {"recall": {size: one["evidence"] for size, one in row[kind].items()}}
    plot_recall(curves, sorted(BUDGETS), title, path)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compaction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", metavar="PATH", help="a file, folder or named set (default: the bundled sample)")
    add_format_flag(parser)
    add_split_flag(parser, default="val")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw evidence against tokens, e.g. x.png")
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("benchmarks.compaction", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure every method that is installed, and print what came out. Raises UsageError for bad input."""
    from rich.console import Console
    from rich.progress import track

    from locomo.dataset import SAMPLE_PATH, find
    from memoryqa.memory import AdaptiveMemory
    from memoryqa.tokens import encoding

    dataset = find(args.data or str(SAMPLE_PATH), args.format)
    asked = restrict(dataset, args.split)
    chosen = with_evidence(asked)
    print_notes(dataset, args.split)
    not_run = {name: fix for name in METHODS if (fix := missing(name))}
    for name, fix in not_run.items():
        print(f"{name} is not run: {fix}", file=sys.stderr)
    encoding()  # loaded before the clock starts
    scores = {name: Scores() for name in (*METHODS, SEARCH, ARCHIVE) if name not in not_run}
    asked_of = {question.conversation_id for question in chosen}
    conversations = [one for one in asked.conversations if one.id in asked_of]
    for conversation in track(conversations, description="conversations", console=Console(stderr=True)):
        questions = [question for question in chosen if question.conversation_id == conversation.id]
        lines = AdaptiveMemory()
        lines.extend(conversation.turns)
        about = Asked(conversation, lines, questions, Passages(line for line, _ in lines.lines()))
        for name in METHODS.keys() - not_run.keys():
            measure_method(scores[name], METHODS[name], about)
        measure_recovery(scores, about)
        measure_searched_alone(scores, about, dataset.budgets_tokens)
    methods = {name: one.summary() for name, one in scores.items()}
    title = f"{dataset.name}, split {args.split}: {len(chosen)} questions of {len(conversations)} conversations"
    print_tables(title, methods, dataset.budgets_tokens)
    if args.plot:
        plot(title, methods, args.plot)
    data = {"name": dataset.name, "sha256": dataset.sha256, "split": args.split, "questions": len(chosen)}
    print(json.dumps({"data": data, "methods": methods, "not_run": not_run}))


if __name__ == "__main__":
    raise SystemExit(main())
