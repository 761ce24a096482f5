"""Ranks one conversation's lines by one peer, in an environment that has nothing of ours. runner.py starts it.

    python -P worker.py rank JOB.json RESULT.json
    python -P worker.py size REQUIREMENT...        # MB of the packages and all that they need

JOB: {peer, texts, questions, limit}, and with vectors their files: {vectors, question_vectors, dimension}.
RESULT: {index_ms, query_ms, ranked, versions}: CPU milliseconds, and by question the places of the lines, best first.
"""

from __future__ import annotations

import copy
import importlib.metadata
import json
import re
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Rank = Callable[[int], Sequence[int]]  # the number of a question -> places of lines, best first
_WORD = re.compile(r"\w+")
_FEW = 5
_RRF = 60  # Cormack, Clarke and Buettcher 2009


class Job:
    """What a peer is given."""

    def __init__(self, path: str) -> None:
        fields = json.loads(Path(path).read_text(encoding="utf-8"))
        self.peer: str = fields["peer"]
        self.texts: list[str] = fields["texts"]
        self.questions: list[str] = fields["questions"]
        self.limit = min(int(fields["limit"]), len(self.texts))
        dimension = int(fields.get("dimension", 0))
        self.vectors = _rows(fields["vectors"], dimension) if dimension else []
        self.question_vectors = _rows(fields["question_vectors"], dimension) if dimension else []
        self.folder = tempfile.mkdtemp(prefix="peer-")

    def beginning(self) -> Job:
        """Its first few lines and its first question, as a job of its own."""
        part = copy.copy(self)
        part.texts, part.vectors, part.limit = self.texts[:_FEW], self.vectors[:_FEW], min(self.limit, _FEW)
        part.questions, part.question_vectors = self.questions[:1], self.question_vectors[:1]
        part.folder = tempfile.mkdtemp(prefix="peer-")
        return part


def _rows(path: str, dimension: int) -> list[list[float]]:
    numbers = array("f", Path(path).read_bytes())
    return [list(numbers[first : first + dimension]) for first in range(0, len(numbers), dimension)]


def fts5(job: Job) -> Rank:
    """Every word of the question, by OR."""
    import sqlite3

    table = sqlite3.connect(":memory:")
    table.execute("CREATE VIRTUAL TABLE line USING fts5(text, tokenize='porter unicode61')")
    table.executemany("INSERT INTO line (rowid, text) VALUES (?, ?)", enumerate(job.texts))

    def rank(number: int) -> Sequence[int]:
        query = " OR ".join(f'"{word}"' for word in _WORD.findall(job.questions[number])) or '""'
        rows = table.execute(
            "SELECT rowid FROM line WHERE line MATCH ? ORDER BY bm25(line), rowid LIMIT ?", (query, job.limit)
        )
        return [row[0] for row in rows]

    return rank


def rrf(job: Job) -> Rank:
    """bm25s and cosine, each giving `limit` lines, by the sum of 1 / (60 + rank)."""
    import bm25s
    import numpy as np
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(job.texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    vectors, question_vectors = np.array(job.vectors), np.array(job.question_vectors)

    def rank(number: int) -> Sequence[int]:
        query = bm25s.tokenize(job.questions[number], stopwords="en", stemmer=stemmer, show_progress=False)
        by_words, scores = index.retrieve(query, k=job.limit, show_progress=False, n_threads=0)
        by_words = by_words[0][np.lexsort((by_words[0], -scores[0]))][: int((scores[0] > 0).sum())]
        by_meaning = np.argsort(-(vectors @ question_vectors[number]), kind="stable")[: job.limit]
        fused = np.zeros(len(job.texts))
        for order in (by_words, by_meaning):
            fused[order] += 1 / (_RRF + 1 + np.arange(len(order)))
        return [int(place) for place in np.argsort(-fused, kind="stable") if fused[place] > 0]

    return rank


def langchain(job: Job) -> Rank:
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore

    class Given(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return job.vectors

        def embed_query(self, text: str) -> list[float]:
            return job.question_vectors[int(text)]

    store = InMemoryVectorStore(Given())
    store.add_texts(job.texts, metadatas=[{"place": place} for place in range(len(job.texts))])
    retriever = store.as_retriever(search_kwargs={"k": job.limit})
    return lambda number: [found.metadata["place"] for found in retriever.invoke(str(number))]


def langchain_bm25(job: Job) -> Rank:
    from langchain_community.retrievers import BM25Retriever

    places: Any = [{"place": place} for place in range(len(job.texts))]
    retriever = BM25Retriever.from_texts(job.texts, metadatas=places, k=job.limit)
    return lambda number: [found.metadata["place"] for found in retriever.invoke(job.questions[number])]


def llamaindex(job: Job) -> Rank:
    from llama_index.core import MockEmbedding, QueryBundle, VectorStoreIndex
    from llama_index.core.schema import TextNode

    nodes = [
        TextNode(text=text, id_=str(place), embedding=vector)
        for place, (text, vector) in enumerate(zip(job.texts, job.vectors, strict=True))
    ]
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=len(job.vectors[0])))
    retriever = index.as_retriever(similarity_top_k=job.limit)

    def rank(number: int) -> Sequence[int]:
        query = QueryBundle(query_str=job.questions[number], embedding=job.question_vectors[number])
        return [int(found.node.node_id) for found in retriever.retrieve(query)]

    return rank


def llamaindex_bm25(job: Job) -> Rank:
    from llama_index.core.schema import TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    nodes = [TextNode(text=text, id_=str(place)) for place, text in enumerate(job.texts)]
    retriever = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=job.limit)
    return lambda number: [int(found.node.node_id) for found in retriever.retrieve(job.questions[number])]


def mem0(job: Job) -> Rank:
    """Its own local store. It makes an LLM's client, which nothing here calls, and wants a key for it."""
    from mem0 import Memory

    class Given:
        config: Any = None

        def embed(self, text: str, memory_action: str | None = None) -> list[float]:
            return of_text[text.strip()]

        def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
            return [of_text[text.strip()] for text in texts]

    texts, vectors = [*job.texts, *job.questions], [*job.vectors, *job.question_vectors]
    of_text = {text.strip(): vector for text, vector in zip(texts, vectors, strict=True)}  # it strips what it is asked
    store = {"path": f"{job.folder}/qdrant", "embedding_model_dims": len(job.vectors[0]), "on_disk": False}
    unused = {"provider": "openai", "config": {"api_key": "unused"}}
    memory: Any = Memory.from_config(
        {
            "vector_store": {"provider": "qdrant", "config": store},
            "llm": unused,
            "embedder": unused,
            "history_db_path": f"{job.folder}/history.db",
        }
    )
    memory.embedding_model = Given()
    for place, text in enumerate(job.texts):
        memory.add([{"role": "user", "content": text}], user_id="one", metadata={"place": place}, infer=False)

    def rank(number: int) -> Sequence[int]:
        found = memory.search(job.questions[number], filters={"user_id": "one"}, top_k=job.limit)
        return [one["metadata"]["place"] for one in found["results"]]

    return rank


def agentrecall(job: Job) -> Rank:
    from agentrecall import Memory

    memory = Memory(f"{job.folder}/memory.db")
    memory.add_many([{"content": text, "metadata": {"place": place}} for place, text in enumerate(job.texts)])
    return lambda number: [hit.metadata["place"] for hit in memory.search(job.questions[number], k=job.limit)]


def fluctlightdb(job: Job) -> Rank:
    """It leaves out, without an error, lines that resemble earlier ones."""
    from fluctlightdb import connect

    brain = connect(f"{job.folder}/brain")
    places: dict[str, int] = {}
    for place, text in enumerate(job.texts):
        places.setdefault(brain.experience(text, context="chat")["engram_id"], place)

    def rank(number: int) -> Sequence[int]:
        found = brain.activate(job.questions[number], limit=job.limit)["recalls"]
        return [places[one["engram_id"]] for one in found if one["engram_id"] in places]

    return rank


PEERS: dict[str, Callable[[Job], Rank]] = {
    "fts5": fts5,
    "rrf": rrf,
    "langchain": langchain,
    "langchain-bm25": langchain_bm25,
    "llamaindex": llamaindex,
    "llamaindex-bm25": llamaindex_bm25,
    "mem0": mem0,
    "agentrecall": agentrecall,
    "fluctlightdb": fluctlightdb,
}


def run(job: Job) -> dict[str, Any]:
    """Index, then ask every question. What happens once, such as imports, is done before and not counted."""
    PEERS[job.peer](job.beginning())(0)
    started = time.process_time()
    rank = PEERS[job.peer](job)
    index_ms = (time.process_time() - started) * 1000
    ranked, query_ms = [], []
    for number in range(len(job.questions)):
        started = time.process_time()
        places = rank(number)
        query_ms.append((time.process_time() - started) * 1000)
        ranked.append(list(dict.fromkeys(places)))
    return {"index_ms": index_ms, "query_ms": query_ms, "ranked": ranked}


def size_mb(requirements: Sequence[str]) -> float:
    """MB of the installed files of these packages and all that they need."""
    waiting, seen, size = list(requirements), set(), 0
    while waiting:
        name = re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", waiting.pop(), maxsplit=1)[0]).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        waiting += [one for one in distribution.requires or () if "extra ==" not in one]
        paths = [Path(str(file.locate())) for file in distribution.files or ()]
        size += sum(path.stat().st_size for path in paths if path.is_file())
    return size / 2**20


def main(command: str, *arguments: str) -> None:
    if command == "size":
        print(f"{size_mb(arguments):.1f}")
        return
    job, result = arguments
    Path(result).write_text(json.dumps(run(Job(job))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
