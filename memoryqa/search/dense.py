"""Matches passages with a question in meaning, by vectors. The ranking adds this match to the lexical one.

An embedder that gives one vector a text is asked for each passage. The match is then the cosine of question and
passage, and of question and the mean of the passages around it. A local model that averages its word pieces gives more
in the same pass: the cosine of the question and the passage's most similar sentence, and late interaction, in which
each word piece of the question takes its most similar piece of a passage (MaxSim, Khattab and Zaharia 2020, "ColBERT",
formula 3). These similarities are spread over the passages around like term frequencies (memoryqa/search/postings.py),
and pieces are weighed by how rare they are.

Every passage is compared by its vectors, and piece by piece as many as have 60,000 pieces: all of a
history of months, and of a longer one those that the vectors rank first.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memoryqa.arrays import Floats, Ints, Matrix, Vectors
from memoryqa.checks import described, one_of_kind
from memoryqa.config import ONE_VECTOR, DenseConfig
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.names import in_first_person, without_names
from memoryqa.passages import split_sentences
from memoryqa.rendering import Line
from memoryqa.search.bounds.chunks import REACH
from memoryqa.search.embedders import Embedder, EmbeddingError, LocalEmbedder, Pieces, embed, unit_length
from memoryqa.search.vector_cache import VectorCache
from memoryqa.search.vectors import PieceIndex, Rows, Runs
from memoryqa.search.windows import Windows

logger = logging.getLogger(__name__)

_PASSAGES_AT_ONCE = 256  # embedded and cached together: an error loses at most the work on so many
_MOST_PIECES = 60_000  # content pieces compared with a question: a chat of 100,000 tokens has about as many
_SEPARATOR = "\x1e"  # between the parts of a text, where it is kept
_SENTENCE_WORDS = 4  # a shorter one counts to the one before it


class DenseIndex:
    """Vectors of one conversation's passages, which are embedded when they are needed. Not thread-safe."""

    def __init__(self, embedder: Embedder, config: DenseConfig | None = None, cache: VectorCache | None = None) -> None:
        if not callable(embedder):
            raise TypeError(f"embedder must be callable, such as load_embedder(NAME), got {described(embedder)}")
        self._local = embedder if isinstance(embedder, LocalEmbedder) and embedder.averages_pieces else None
        if config is None:
            config = DenseConfig() if self._local else getattr(embedder, "weights", ONE_VECTOR)
        self.config = one_of_kind("dense", config, DenseConfig)
        self._embedder = embedder
        self._cache = cache
        self._dimension: int | None = None
        self._gaps: list[
            int
        ] = []  # places, in order, of passages that were changed since, and of which nothing is here
        self._keys: list[tuple[int, int]] = []  # by passage embedded so far: session, and number of the turn in it
        self._tokens: list[int] = []  # by passage
        self._vectors = Rows()  # by passage
        self._sentences = Runs()  # by passage its sentences', where the model gives them
        self._pieces = PieceIndex()  # the same
        self._around: Vectors | None = None  # by passage, the mean of those around; None after passages were added
        self._shares: list[tuple[Floats, Floats]] | None = None  # the same, see `_windowed`

    def __len__(self) -> int:
        return len(self._keys) + len(self._gaps)

    def arguments(self) -> dict[str, Any]:
        """What another index like this one is made of, by the names of AdaptiveMemory's arguments."""
        return {"embedder": self._embedder, "dense": self.config, "vector_cache": self._cache}

    def empty(self) -> DenseIndex:
        """One like this, without passages."""
        return DenseIndex(self._embedder, self.config, self._cache)

    def update(self, lines: Sequence[Line]) -> None:
        """Embed the new ones among `lines`, the lines of all passages in order. Raises EmbeddingError.

        Passages that were embedded before an error stay embedded; the next call continues after them.
        """
        while self._gaps:
            first, end = self._gaps[0], self._gaps[0] + 1
            while end - first < min(len(self._gaps), _PASSAGES_AT_ONCE) and self._gaps[end - first] == end:
                end += 1
            filled = self.empty()
            filled._dimension = self._dimension
            filled.update(lines[first:end])
            del self._gaps[: end - first]
            self._put(first, first, filled, ())
        while len(self) < len(lines):
            new = lines[len(self) : len(self) + _PASSAGES_AT_ONCE]
            texts = [_as_read(line) for line in new]
            if self._local:
                self._add_local(self._local, texts)
            else:
                self._vectors.extend(self._embed(texts))
            self._keys += [line.key[:2] for line in new]
            self._tokens += [line.tokens for line in new]
            self._around = self._shares = None

    def change(self, places: range, before: Sequence[Line], count: int) -> None:
        """The passages at `places`, whose lines were `before`, are `count` others: those are embedded at the next
        `update`."""
        end = min(places.stop, len(self))
        if places.start >= len(self):
            return
        count = count if places.stop <= len(self) else 0
        had = [place for place in range(places.start, end) if place not in self._gaps]
        first = places.start - bisect_left(self._gaps, places.start)
        gone = [self._content_of(_as_read(before[place - places.start])) for place in had]
        self._put(first, first + len(had), self.empty(), gone)
        by = count - len(places)
        others = [place + by * (place >= end) for place in self._gaps if place not in places]
        self._gaps = sorted([*others, *range(places.start, places.start + count)])

    def _put(self, first: int, end: int, new: DenseIndex, gone: Sequence[Sequence[int]]) -> None:
        """Let the passages from `first` to before `end` of those that are here be those of `new`."""
        self._keys[first:end], self._tokens[first:end] = new._keys, new._tokens
        self._vectors.put(first, end, new._vectors.rows)
        if self._local:
            self._sentences.put(first, end, new._sentences)
            self._pieces.put(first, end, new._pieces, gone)
        self._dimension = self._dimension or new._dimension
        self._around = self._shares = None

    def _content_of(self, parts: Sequence[str]) -> list[int]:
        """The pieces of a text that carry meaning; [] without a local model."""
        model = self._local
        if model is None:
            return []
        return [one for one in model.piece_ids(" ".join(parts))[: model.max_pieces] if model.is_content(one)]

    def forget(self, lines: Iterable[Line]) -> None:
        """Take the vectors of `lines` out of the cache."""
        if self._cache is not None:
            read = [_as_read(line) for line in lines]
            self._cache.forget("vector", [" ".join(parts) for parts in read])
            self._cache.forget("passage", [_SEPARATOR.join(parts) for parts in read])

    def match(self, queries: Sequence[str], speakers: Collection[str], language: str = ENGLISH) -> list[Floats]:
        """For each query the match of every passage, shape (len(self),): 0 or more, in units of the lexical match.

        The speakers' names are left out: turns that address a person contain the name, turns the person said do not.
        Where they are, a query in English says "I", as those turns do. Raises EmbeddingError.
        """
        nameless = [without_names(query, speakers) for query in queries]
        worded = nameless
        if language == ENGLISH:
            worded = [
                stripped.strip() and in_first_person(query, speakers)
                for query, stripped in zip(queries, nameless, strict=True)
            ]
        read = [*worded, *queries] if self._late_interaction else worded
        encoded = self._encode_queries([text for text in read if text.strip()])
        matches = []
        for query, stripped, as_said in zip(queries, nameless, worded, strict=True):
            match = np.zeros(len(self))
            if as_said.strip() and len(self):
                match += self._match_vectors(encoded[as_said].pooled)
            if query.strip() and len(self) and self._late_interaction:
                kept = self._query_pieces(query, stripped, encoded[query])
                match += self.config.token_weight * self._match_pieces(kept, self._likely(match))
            matches.append(np.round(match, 4))  # a batch of other texts moves a vector by 1e-7
        return matches

    @property
    def _late_interaction(self) -> bool:
        return self._local is not None and self.config.token_weight > 0

    # -- passages ------------------------------------------------------------------------------------------------------

    def _embed(self, texts: Sequence[Sequence[str]]) -> Vectors:
        """One vector per text."""
        whole = [" ".join(parts) for parts in texts]
        if self._dimension is None:
            self._dimension = embed(self._embedder, whole[:1]).shape[1]  # needed to check cached vectors
        dimension = self._dimension

        def make(missing: Sequence[str]) -> list[Vectors]:
            return list(embed(self._embedder, missing, dimension)[:, None])

        return np.concatenate(self._kept_or_made("vector", whole, make, [1] * len(whole)), dtype=np.float32)

    def _add_local(self, model: LocalEmbedder, texts: Sequence[Sequence[str]]) -> None:
        """Add a vector of each text, of its parts, and of its content pieces."""
        if self._dimension is None:
            self._dimension = model.encode(["dimension"])[0].vectors.shape[1]
        ids = list(map(self._content_of, texts))

        def make(missing: Sequence[str]) -> list[Vectors]:
            return [
                _stacked(model, text) for text in model.encode_parts([joined.split(_SEPARATOR) for joined in missing])
            ]

        rows = [1 + len(parts) + len(held) for parts, held in zip(texts, ids, strict=True)]
        made = self._kept_or_made("passage", [_SEPARATOR.join(parts) for parts in texts], make, rows)
        if [len(one) for one in made] != rows:
            raise EmbeddingError(f"{model.name}: its tokenizer reads a text by itself and in a batch differently")
        self._vectors.extend(np.concatenate([one[:1] for one in made], dtype=np.float32))
        self._sentences.extend([one[1 : 1 + len(parts)] for one, parts in zip(made, texts, strict=True)])
        self._pieces.extend(ids, [one[1 + len(parts) :] for one, parts in zip(made, texts, strict=True)])

    def _kept_or_made(
        self,
        kind: str,
        contents: Sequence[str],
        make: Callable[[Sequence[str]], list[Vectors]],
        rows: Sequence[int],
    ) -> list[Matrix]:
        """The matrices of `contents`, from the cache or computed; float16 in both cases, so that they are the same.

        rows: how many rows the matrix of each has.
        """
        assert self._dimension is not None
        kept = self._cache.get(kind, contents, self._dimension) if self._cache else {}
        kept = {place: one for place, one in kept.items() if len(one) == rows[place]}
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
        if self._local:
            encoded = self._local.encode_queries(distinct)
            for one in encoded:
                _checked(one.vectors)
            return dict(zip(distinct, encoded, strict=True))
        vectors = embed(getattr(self._embedder, "queries", self._embedder), distinct, self._dimension)
        self._dimension = vectors.shape[1]
        nothing = np.zeros((0, self._dimension), dtype=np.float32)
        return {text: Pieces((), nothing, vector, nothing) for text, vector in zip(distinct, vectors, strict=True)}

    def _query_pieces(self, query: str, stripped: str, encoded: Pieces) -> Pieces:
        """The pieces that carry meaning, encoded in the whole question; pieces of names are left out."""
        assert self._local
        names = set(self._local.piece_ids(query)) - set(self._local.piece_ids(stripped))
        kept = [
            place for place, piece in enumerate(encoded.ids) if piece not in names and self._local.is_content(piece)
        ]
        ids = tuple(encoded.ids[place] for place in kept)
        return Pieces(ids, encoded.vectors[kept], encoded.pooled, encoded.parts)

    # -- scores --------------------------------------------------------------------------------------------------------

    def _match_vectors(self, query: Vectors) -> Floats:
        """Cosine of passages and their neighbourhoods, minus the mean cosine: unrelated texts have a cosine above 0."""
        config, vectors = self.config, self._vectors.rows
        if self._around is None:
            self._around = unit_length(self._windowed(vectors.T).T.astype(np.float32))
        own = self._sentences.max_similarity(query[None])[0] if self._local else vectors @ query
        cosine = config.turn_weight * own + config.window_weight * (self._around @ query)
        return np.maximum(cosine - cosine.mean(), 0.0).astype(np.float64)

    def _likely(self, match: Floats) -> Ints:
        """The passages to compare piece by piece, ascending: all of them, or of a long history the most similar."""
        return np.sort(self._pieces.within(np.argsort(-match, kind="stable"), _MOST_PIECES))

    def _match_pieces(self, query: Pieces, places: Ints) -> Floats:
        """Windowed MaxSim with the passages at `places`, about 0 to 1: saturated like a term frequency, with k1 = 1."""
        if not query.ids:
            return np.zeros(len(self))
        floor = self.config.similarity_floor
        similarity = np.maximum(self._pieces.max_similarity(query.vectors, places) - floor, 0.0) / (1 - floor)
        windowed = self._windowed(similarity)
        idf = self._pieces.idf(query.ids)
        return np.asarray((idf[:, None] * (2 * windowed / (windowed + 1))).sum(axis=0) / idf.sum())

    def _windowed(self, values: npt.NDArray[np.floating]) -> Floats:
        """`values` (rows, passages), to which those of other turns around are added: less, the more is said between."""
        if self._shares is None:
            self._shares = self._shares_by_distance()
        total = np.array(values, dtype=np.float64)
        for distance, (inherited, lent) in enumerate(self._shares, 1):
            total[:, distance:] += inherited * values[:, :-distance]
            total[:, :-distance] += lent * values[:, distance:]
        return total

    def _shares_by_distance(self) -> list[tuple[Floats, Floats]]:
        """For passages 1, 2, ... apart: what the later one inherits of the earlier one, and what it lends to it."""
        ranking = self.config.ranking
        windows = Windows(ranking.window_before, ranking.window_after, ranking.window_tokens)
        starts, keys = np.cumsum([0, *self._tokens]), np.array(self._keys)
        blocks = np.cumsum(np.append(True, keys[1:, 0] != keys[:-1, 0]))
        shares = []
        for distance in range(1, min(REACH, len(self) - 1) + 1):
            lends = (blocks[distance:] == blocks[:-distance]) & (keys[distance:, 1] != keys[:-distance, 1])
            inherited = lends * windows.before * windows.decay(starts[distance:-1] - starts[: -1 - distance])
            lent = lends * windows.after * windows.decay(starts[1 + distance :] - starts[1:-distance])
            shares.append((inherited, lent))
        return shares


def _as_read(line: Line) -> list[str]:
    """The passage's sentences for the model, with the speaker first and the caption last."""
    text = f"{line.turn.speaker}: {line.said}" + (f" (shared photo: {line.caption})" if line.caption else "")
    sentences: list[str] = []
    for part in (part for piece in text.replace(_SEPARATOR, " ").split("\n") for part in split_sentences(piece)):
        words = part.split()
        if sentences and len(words) < _SENTENCE_WORDS:
            sentences[-1] = " ".join([sentences[-1], *words])
        else:
            sentences.append(" ".join(words))
    return sentences


def _stacked(model: LocalEmbedder, text: Pieces) -> Vectors:
    """The vector of the text, those of its parts, and those of its content pieces, one below the other."""
    content = [place for place, piece in enumerate(text.ids) if model.is_content(piece)]
    return _checked(np.concatenate([text.pooled[None], text.parts, text.vectors[content]]))


def _checked(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise EmbeddingError("the model returned NaN or infinity")
    return vectors
