"""The systems that `benchmarks.scale` measures: how each takes in turns, and how it is asked.

Each system keeps the texts, so that it can show what it found; all work in memory and on one thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from locomo.rows import MAIN_PROGRAM as MEMORY

if TYPE_CHECKING:
    from memoryqa.turns import Turn

BUDGET_TOKENS = 4_000
PEER_RESULTS = 50
COMMITS = 100

Ask = Callable[[str], object]  # answers one question by what was added
Build = Callable[[Iterable["Turn"]], tuple[float, Ask]]  # microseconds per add, and the search


def add_all(turns: Iterable[Turn], add: Callable[[Turn], object]) -> float:
    """Microseconds per add, without the time to make the turns."""
    turns, elapsed, number = iter(turns), 0.0, 0
    while some := list(islice(turns, 1_000)):
        started = time.process_time()
        for turn in some:
            add(turn)
        elapsed += time.process_time() - started
        number += len(some)
    return elapsed / number * 1e6


def peer_text(turn: Turn) -> str:
    """The text that peers index and keep. The speaker is part of it, since they know no speakers."""
    return f"{turn.speaker}: {turn.text} {turn.caption}"


def query_words(text: str) -> list[str]:
    """The question's words without stop words, for peers that index those and would score every turn."""
    from memoryqa.language.lexicon.word_lists import STOPWORDS
    from memoryqa.language.terms import words

    return [word for word in dict.fromkeys(words(text)) if word not in STOPWORDS and word.isalnum()]


def build_memory(turns: Iterable[Turn]) -> tuple[float, Ask]:
    """Ours, as the program uses it."""
    from memoryqa.memory import AdaptiveMemory

    memory = AdaptiveMemory()
    return add_all(turns, memory.add), lambda question: memory.search(question, BUDGET_TOKENS)


def build_bm25s(turns: Iterable[Turn]) -> tuple[float, Ask]:
    """bm25s with its own English stop words and the Snowball stemmer, its documented set-up."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    texts = [peer_text(turn) for turn in turns]
    index = bm25s.BM25()
    started = time.process_time()
    corpus = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(corpus, show_progress=False)
    rebuild_us = (time.process_time() - started) * 1e6

    def ask(question: str) -> list[str]:
        query = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        places, _ = index.retrieve(query, k=min(PEER_RESULTS, len(texts)), show_progress=False, n_threads=0)
        return [texts[place] for place in places[0]]

    return rebuild_us, ask


def build_rank_bm25(turns: Iterable[Turn]) -> tuple[float, Ask]:
    """rank-bm25 on lower-case words, as its README does."""
    from rank_bm25 import BM25Okapi

    texts = [peer_text(turn) for turn in turns]
    started = time.process_time()
    index = BM25Okapi([text.lower().split() for text in texts])
    rebuild_us = (time.process_time() - started) * 1e6
    return rebuild_us, lambda question: index.get_top_n(question.lower().split(), texts, n=PEER_RESULTS)


def build_sqlite(turns: Iterable[Turn]) -> tuple[float, Ask]:
    """SQLite FTS5 in memory, with its Porter stemmer and bm25()."""
    table = sqlite3.connect(":memory:")
    table.execute("CREATE VIRTUAL TABLE turns USING fts5(text, tokenize = 'porter unicode61')")
    insert = "INSERT INTO turns(text) VALUES (?)"
    add_us = add_all(turns, lambda turn: table.execute(insert, (peer_text(turn),)))
    select = "SELECT text FROM turns WHERE turns MATCH ? ORDER BY bm25(turns) LIMIT ?"

    def ask(question: str) -> list[Any]:
        either = " OR ".join(f'"{word}"' for word in query_words(question)) or '""'
        return table.execute(select, (either, PEER_RESULTS)).fetchall()

    return add_us, ask


def build_tantivy(turns: Iterable[Turn]) -> tuple[float, Ask]:
    """tantivy in memory, with its English stemmer and one writing thread."""
    import tantivy

    schema = tantivy.SchemaBuilder().add_text_field("text", stored=True, tokenizer_name="en_stem").build()
    index = tantivy.Index(schema)
    writer = index.writer(num_threads=1)
    last: list[Turn] = []  # added one by one, when the history is as long as it gets
    for turn in turns:
        last.append(turn)
        if len(last) > COMMITS:
            writer.add_document(tantivy.Document(text=peer_text(last.pop(0))))
    writer.commit()

    def add(turn: Turn) -> None:
        writer.add_document(tantivy.Document(text=peer_text(turn)))
        writer.commit()
        index.reload()

    add_us = add_all(last, add)

    def ask(question: str) -> list[Any]:
        searcher = index.searcher()
        query = index.parse_query(" ".join(query_words(question)), ["text"])
        return [searcher.doc(address)["text"] for _, address in searcher.search(query, PEER_RESULTS).hits]

    return add_us, ask


ENGINES: dict[str, Build] = {
    MEMORY: build_memory,
    "bm25s": build_bm25s,
    "rank-bm25": build_rank_bm25,
    "SQLite FTS5": build_sqlite,
    "tantivy": build_tantivy,
}
MOST_TURNS = {"rank-bm25": 100_000}  # for each word of a question it walks over all turns, in Python
