"""Peers that are always beside our memory: how each ranks the lines of a conversation for a question.

A line is a turn, or a passage of a long one: the units that our memory ranks, as a text splitter would give them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoryqa.rendering import Line

# ranks the lines for a question, best first; may leave lines out
Rank = Callable[[str], Sequence["Line"]]


def peer_text(line: Line) -> str:
    """The text that peers index. The speaker is part of it, since they know no speakers."""
    return f"{line.turn.speaker}: {line.content}"


def build_bm25s(lines: Sequence[Line]) -> Rank:
    """bm25s with its own English stop words and the Snowball stemmer, its documented set-up.

    Lines of equal score keep the order of time. bm25s leaves their order to numpy's build, which moves recall by .1.
    """
    import bm25s
    import numpy as np
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    corpus = bm25s.tokenize([peer_text(line) for line in lines], stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(corpus, show_progress=False)

    def rank(question: str) -> Sequence[Line]:
        query = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        places, scores = index.retrieve(query, k=len(lines), show_progress=False, n_threads=0)
        return [lines[place] for place in places[0][np.lexsort((places[0], -scores[0]))]]

    return rank


def build_rank_bm25(lines: Sequence[Line]) -> Rank:
    """rank-bm25 on lower-case words, as its README does."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    index = BM25Okapi([peer_text(line).lower().split() for line in lines])

    def rank(question: str) -> Sequence[Line]:
        scores = index.get_scores(question.lower().split())
        return [lines[place] for place in np.argsort(-scores, kind="stable")]

    return rank


def build_recent(lines: Sequence[Line]) -> Rank:
    """Most recent first; the question changes nothing."""
    newest_first = tuple(reversed(lines))
    return lambda question: newest_first


PEERS: Mapping[str, Callable[[Sequence[Line]], Rank]] = {
    "bm25s": build_bm25s,
    "rank-bm25": build_rank_bm25,
    "most recent first": build_recent,
}
PACKAGES: Mapping[str, tuple[str, ...]] = {"bm25s": ("bm25s", "PyStemmer"), "rank-bm25": ("rank-bm25",)}
