"""The peers of the retrieval benchmark: how each ranks the turns of a conversation for a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memoryqa.turns import Turn

# ranks the turns for a question, best first; may leave turns out
Rank = Callable[[str], Sequence["Turn"]]


def peer_text(turn: Turn) -> str:
    """The text that peers index. The speaker is part of it, since they know no speakers."""
    return f"{turn.speaker}: {turn.text} {turn.caption}"


def build_bm25s(turns: Sequence[Turn]) -> Rank:
    """bm25s with its own English stop words and the Snowball stemmer, its documented set-up.

    Turns of equal score keep the order of time. bm25s leaves their order to numpy's build, which moves recall by .1.
    """
    import bm25s
    import numpy as np
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    corpus = bm25s.tokenize([peer_text(turn) for turn in turns], stopwords="en", stemmer=stemmer, show_progress=False)
    index.index(corpus, show_progress=False)

    def rank(question: str) -> Sequence[Turn]:
        query = bm25s.tokenize(question, stopwords="en", stemmer=stemmer, show_progress=False)
        places, scores = index.retrieve(query, k=len(turns), show_progress=False, n_threads=0)
        return [turns[place] for place in places[0][np.lexsort((places[0], -scores[0]))]]

    return rank


def build_rank_bm25(turns: Sequence[Turn]) -> Rank:
    """rank-bm25 on lower-case words, as its README does."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    index = BM25Okapi([peer_text(turn).lower().split() for turn in turns])

    def rank(question: str) -> Sequence[Turn]:
        scores = index.get_scores(question.lower().split())
        return [turns[place] for place in np.argsort(-scores, kind="stable")]

    return rank


def build_recent(turns: Sequence[Turn]) -> Rank:
    """Most recent first; the question changes nothing."""
    newest_first = tuple(reversed(turns))
    return lambda question: newest_first


PEERS: Mapping[str, Callable[[Sequence[Turn]], Rank]] = {
    "bm25s": build_bm25s,
    "rank-bm25": build_rank_bm25,
    "most recent first": build_recent,
}
