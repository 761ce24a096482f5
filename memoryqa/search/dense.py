"""Matches turns with a question in meaning, by vectors. The ranking adds this match to the lexical one.

With one vector per text, the match is the cosine of question and turn, and of question and the turn's neighbourhood. A
local model adds late interaction: each word piece of the question takes its most similar piece of a turn (MaxSim,
Khattab and Zaharia 2020, "ColBERT", formula 3). These similarities are spread over neighbouring turns like term
frequencies in memoryqa/search/ranking.py, and pieces are weighed by how rare they are.

Every turn is compared, word piece by word piece: milliseconds for a history of months, too slow for 100,000 turns.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Floats, Matrix, Vectors
from memoryqa.checks import described, one_of_kind
from memoryqa.config import ONE_VECTOR, DenseConfig
from memoryqa.language.question import without_names
from memoryqa.language.terms import idfs
from memoryqa.rendering import Line
from memoryqa.search.embedders import Embedder, EmbeddingError, LocalEmbedder, Pieces, embed, unit_length
from memoryqa.search.postings import REACH, Windows
from memoryqa.search.vector_cache import VectorCache

logger = logging.getLogger(__name__)

_TURNS_AT_ONCE = 256  # embedded and cached together: an error loses at most the work on so many


class DenseIndex:
    """Vectors of one conversation's turns, which are embedded when they are needed. Not thread-safe."""

    def __init__(self, embedder: Embedder, config: DenseConfig | None = None, cache: VectorCache | None = None) -> None:
        if not callable(embedder):
            raise TypeError(f"embedder must be callable, such as load_embedder(NAME), got {described(embedder)}")
        if config is None:
            config = DenseConfig() if isinstance(embedder, LocalEmbedder) else ONE_VECTOR
        self.config = one_of_kind("dense", config, DenseConfig)
        self._embedder = embedder
        self._cache = cache
        self._dimension: int | None = None
        self._sessions: list[int] = []  # by passage embedded so far
        self._turns: list[int] = []  # by passage: the number of its turn in the session
        self._tokens: list[int] = []  # by passage
        self._texts: list[str] = []  # by turn, as the model reads it
        self._vectors = _Rows()  # by turn
        self._around: Vectors | None = None  # by turn, its neighbours added; None after turns were added
        self._pieces = _PieceIndex() if isinstance(embedder, LocalEmbedder) else None
        self._passage_start = 0  # first turn of the last passage; later turns may join it

    def __len__(self) -> int:
        return len(self._sessions)

    def arguments(self) -> dict[str, Any]:
        """What another index like this one is made of, by the names of AdaptiveMemory's arguments."""
        return {"embedder": self._embedder, "dense": self.config, "vector_cache": self._cache}

    def update(self, lines: Sequence[Line]) -> None:
        """Embed the new ones among `lines`, the lines of all turns in order. Raises EmbeddingError.

        Turns that were embedded before an error stay embedded; the next call continues after them.
        """
        while len(self) < len(lines):
            new = lines[len(self) : len(self) + _TURNS_AT_ONCE]
            texts = [_as_read(line) for line in new]
            sessions = [line.turn.session for line in new]
            if isinstance(self._embedder, LocalEmbedder):
                self._add_local(self._embedder, texts, sessions)
            else:
                self._vectors.extend(self._embed_turns(texts))
            self._texts += texts
            self._sessions += sessions
            self._turns += [line.turn.number for line in new]
            self._tokens += [line.tokens for line in new]
            self._around = None

    def match(self, queries: Sequence[str], speakers: Collection[str]) -> list[Floats]:
        """For each query the match of every turn, shape (len(self),): 0 or more, in units of the lexical match.

        The speakers' names are left out: turns that address a person contain the name, turns the person said do not.
        Raises EmbeddingError.
        """
        nameless = [without_names(query, speakers) for query in queries]
        read = nameless if self._pieces is None else [*nameless, *queries]
        encoded = self._encode_queries([text for text in read if text.strip()])
        matches = []
        for query, stripped in zip(queries, nameless, strict=True):
            match = np.zeros(len(self))
            if stripped.strip() and len(self):
                match += self._match_vectors(encoded[stripped].pooled)
            if query.strip() and len(self) and self._pieces is not None:
                kept = self._query_pieces(query, stripped, encoded[query])
                match += self.config.token_weight * self._match_pieces(self._pieces, kept)
            matches.append(np.round(match, 4))  # a batch of other texts moves a vector by 1e-7
        return matches

    # -- turns ---------------------------------------------------------------------------------------------------------

    def _embed_turns(self, texts: Sequence[str]) -> Vectors:
        """One vector per text."""
        if self._dimension is None:
            self._dimension = embed(self._embedder, texts[:1]).shape[1]  # needed to check cached vectors
        dimension = self._dimension

        def make(missing: Sequence[str]) -> list[Vectors]:
            return list(embed(self._embedder, missing, dimension)[:, None])

        return np.concatenate(self._kept_or_made("vector", texts, make), dtype=np.float32)

    def _add_local(self, model: LocalEmbedder, texts: Sequence[str], sessions: Sequence[int]) -> None:
        """Add the word pieces of each turn, and a vector of each turn as it reads in its passage."""
        assert self._pieces is not None
        if self._dimension is None:
            self._dimension = model.encode(["dimension"])[0].vectors.shape[1]
        ids = [model.piece_ids(text)[: model.max_pieces] for text in texts]

        def make_pieces(missing: Sequence[str]) -> list[Vectors]:
            return [_checked(text.vectors) for text in model.encode(missing)]

        pieces = self._kept_or_made("pieces", texts, make_pieces, rows=[len(one) for one in ids])
        if [len(one) for one in pieces] != [len(one) for one in ids]:
            raise EmbeddingError(f"{model.name}: its tokenizer reads a text by itself and in a batch differently")
        start = self._passage_start
        all_texts = [*self._texts[start:], *texts]
        lengths = [*self._pieces.lengths[start:], *map(len, ids)]
        limit = min(self.config.passage_pieces, model.max_pieces)
        spans = list(_passages([*self._sessions[start:], *sessions], lengths, limit))
        passages = ["\x1e".join(all_texts[first:last]) for first, last in spans]

        def make_passages(missing: Sequence[str]) -> list[Vectors]:
            return model.encode_passage([passage.split("\x1e") for passage in missing])

        vectors = self._kept_or_made("passage", passages, make_passages, rows=[last - first for first, last in spans])
        self._pieces.extend(ids, pieces)
        self._vectors.truncate(start)
        self._vectors.extend(np.concatenate(vectors, dtype=np.float32))
        self._passage_start = start + spans[-1][0]

    def _kept_or_made(
        self,
        kind: str,
        contents: Sequence[str],
        make: Callable[[Sequence[str]], list[Vectors]],
        rows: Sequence[int] | None = None,
    ) -> list[Matrix]:
        """The matrices of `contents`, from the cache or computed; float16 in both cases, so that they are the same."""
        assert self._dimension is not None
        kept = self._cache.get(kind, contents, self._dimension) if self._cache else {}
        kept = {place: one for place, one in kept.items() if len(one) == (rows[place] if rows else 1)}
        missing = list(dict.fromkeys(content for place, content in enumerate(contents) if place not in kept))
        made = {
            content: one.astype(np.float16)
            for content, one in zip(missing, make(missing) if missing else (), strict=True)
        }
        if self._cache and made:
            self._cache.put(kind, made)
        return [kept[place] if place in kept else made[content] for place, content in enumerate(contents)]

    # -- queries -------------------------------------------------------------------------------------------------------

    def _encode_queries(self, texts: Sequence[str]) -> dict[str, Pieces]:
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        if isinstance(self._embedder, LocalEmbedder):
            encoded = self._embedder.encode(distinct)
            for one in encoded:
                _checked(one.vectors)
            return dict(zip(distinct, encoded, strict=True))
        vectors = embed(self._embedder, distinct, self._dimension)
        self._dimension = vectors.shape[1]
        nothing = np.zeros((0, self._dimension), dtype=np.float32)
        return {text: Pieces((), nothing, vector) for text, vector in zip(distinct, vectors, strict=True)}

    def _query_pieces(self, query: str, stripped: str, encoded: Pieces) -> Pieces:
        """The pieces that carry meaning, encoded in the whole question; pieces of names are left out."""
        assert isinstance(self._embedder, LocalEmbedder)
        names = set(self._embedder.piece_ids(query)) - set(self._embedder.piece_ids(stripped))
        kept = [
            place for place, piece in enumerate(encoded.ids) if piece not in names and self._embedder.is_content(piece)
        ]
        return Pieces(tuple(encoded.ids[place] for place in kept), encoded.vectors[kept], encoded.pooled)

    # -- scores --------------------------------------------------------------------------------------------------------

    def _match_vectors(self, query: Vectors) -> Floats:
        """Cosine of turns and their neighbourhoods, minus the mean cosine: unrelated texts have a cosine above 0."""
        config, vectors = self.config, self._vectors.rows
        if self._around is None:
            self._around = unit_length(self._windowed(vectors.T).T.astype(np.float32))
        cosine = config.turn_weight * (vectors @ query) + config.window_weight * (self._around @ query)
        return np.maximum(cosine - cosine.mean(), 0.0).astype(np.float64)

    def _match_pieces(self, pieces: _PieceIndex, query: Pieces) -> Floats:
        """Windowed MaxSim, about 0 to 1: saturated like a term frequency, with k1 = 1."""
        if not query.ids:
            return np.zeros(len(self))
        floor = self.config.similarity_floor
        similarity = np.maximum(pieces.max_similarity(query.vectors) - floor, 0.0) / (1 - floor)
        windowed = self._windowed(similarity)
        idf = pieces.idf(query.ids)
        return np.asarray((idf[:, None] * (2 * windowed / (windowed + 1))).sum(axis=0) / idf.sum())

    def _windowed(self, values: npt.NDArray[np.floating]) -> Floats:
        """`values` (rows, passages), to which those of other turns around are added: less, the more is said between."""
        ranking = self.config.ranking
        windows = Windows(ranking.window_before, ranking.window_after, ranking.window_tokens)
        total = np.array(values, dtype=np.float64)
        starts, turns = np.cumsum([0, *self._tokens]), np.array(self._turns)
        sessions = np.array(self._sessions)
        blocks = np.cumsum(np.append(True, sessions[1:] != sessions[:-1]))
        for distance in range(1, min(REACH, len(self) - 1) + 1):
            lends = (blocks[distance:] == blocks[:-distance]) & (turns[distance:] != turns[:-distance])
            inherited = lends * windows.before * windows.decay(starts[distance:-1] - starts[: -1 - distance])
            lent = lends * windows.after * windows.decay(starts[1 + distance :] - starts[1:-distance])
            total[:, distance:] += inherited * values[:, :-distance]
            total[:, :-distance] += lent * values[:, distance:]
        return total


@dataclass(slots=True)
class _Rows:
    """A matrix that grows at its end in amortised constant time. It is float32: CPUs multiply float16 far slower."""

    _buffer: Vectors = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    _length: int = 0

    @property
    def rows(self) -> Vectors:
        return self._buffer[: self._length]

    def truncate(self, length: int) -> None:
        self._length = length

    def extend(self, rows: Matrix) -> None:
        needed = self._length + len(rows)
        if needed > len(self._buffer):
            grown = np.zeros((max(needed, 2 * self._length), rows.shape[1]), dtype=np.float32)
            if self._length:
                grown[: self._length] = self.rows
            self._buffer = grown
        self._buffer[self._length : needed] = rows
        self._length = needed


class _PieceIndex:
    """The word pieces of the turns: the vectors of all pieces, and the number of turns in which each piece occurs."""

    def __init__(self) -> None:
        self.lengths: list[int] = []  # number of pieces by turn
        self._held: Counter[int] = Counter()
        self._vectors = _Rows()

    def extend(self, ids: Sequence[Sequence[int]], vectors: Sequence[Matrix]) -> None:
        for of_turn in ids:
            self._held.update(set(of_turn))
            self.lengths.append(len(of_turn))
        self._vectors.extend(np.concatenate(vectors, dtype=np.float32))

    def idf(self, ids: Sequence[int]) -> Floats:
        """Inverse document frequency of each piece among the turns."""
        return idfs([self._held[piece] for piece in ids], len(self.lengths))

    def max_similarity(self, query: Vectors) -> Vectors:
        """Cosine of each query piece with the most similar piece of each turn, shape (query pieces, turns)."""
        lengths = np.array(self.lengths)
        best = np.full((len(query), len(lengths)), -1.0, dtype=np.float32)
        spoken = lengths > 0
        starts = (np.cumsum(lengths) - lengths)[spoken]
        if len(starts):
            best[:, spoken] = np.maximum.reduceat(query @ self._vectors.rows.T, starts, axis=1)
        return best


def _as_read(line: Line) -> str:
    """The passage's text for the model, with its speaker and caption."""
    text = f"{line.turn.speaker}: {line.said}" + (f" (shared photo: {line.caption})" if line.caption else "")
    return " ".join(text.replace("\x1e", " ").split())


def _passages(sessions: Sequence[int], lengths: Sequence[int], limit: int) -> Iterator[tuple[int, int]]:
    """Cut turns into runs of one session and at most `limit` pieces (or a single turn): pairs (first, last + 1)."""
    first, pieces = 0, 0
    for place, length in enumerate(lengths):
        if place > first and (sessions[place] != sessions[first] or pieces + length > limit):
            yield first, place
            first, pieces = place, 0
        pieces += length
    yield first, len(lengths)


def _checked(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise EmbeddingError("the model returned NaN or infinity")
    return vectors
