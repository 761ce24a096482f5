"""Compares all that two memories have built from their turns, column by column."""

from __future__ import annotations

from typing import Any

import numpy as np

from memoryqa.memory import AdaptiveMemory
from memoryqa.search.postings import IndexedPassages
from memoryqa.transcript import Transcript

_OBJECTS = ("_windows", "_edges", "_chunks", "_mean", "_replies", "version", "_places", "_kept_bounds", "_kept_counts")


def check_same_columns(one: AdaptiveMemory, other: AdaptiveMemory) -> None:
    """AssertionError that names a column in which `one` is not as `other`."""
    _check(_of_transcript(one._transcript), _of_transcript(other._transcript))
    _check(_of_index(one._index._passages), _of_index(other._index._passages))
    _check(*({"priors": np.array(memory._index._priors.of(memory._index._passages))} for memory in (one, other)))
    assert one._numbering == other._numbering
    assert len(one._positions) == len(one)


def check_same_working(one: AdaptiveMemory, other: AdaptiveMemory) -> None:
    """The same of the working memory."""
    _check(_of_working(one), _of_working(other))


def _check(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        expected = other[name]
        same = np.array_equal(value, expected) if isinstance(value, np.ndarray) else value == expected
        assert same, f"{name} is {value!r}, and {expected!r} in a memory built anew"


def _of_index(index: IndexedPassages) -> dict[str, Any]:
    found = {name: value for name, value in vars(index).items() if name not in (*_OBJECTS, "_blocks_of_chunks")}
    found["languages in order"], found["speakers in order"] = list(index.languages), list(index.speakers)
    found["kinds of postings"] = {term: type(one) for term, one in index._postings.items()}
    found["replies"] = _of_replies(index)
    if len(index):
        found["mean"] = index._mean_length()
        found["chunk flags"], found["chunk lengths"] = index.chunk_flags(), index.relative_chunk_lengths()
        for name in index.speakers:
            found[f"chunks of {name}"] = index.chunks_of(name)
        edges = index._edges.update(index._token_starts, index._block)
        found["to next"], found["to previous"] = np.array(edges.to_next), np.array(edges.to_previous)
        found["halves"] = np.concatenate([edges.halves_to_next, edges.halves_to_previous])
        found["blocks of chunks"] = index.largest_in_chunks(np.arange(index.num_blocks, dtype=np.float64))
    return found


def _of_transcript(transcript: Transcript) -> dict[str, Any]:
    found = {
        name: value
        for name, value in vars(transcript).items()
        if name not in ("_replies", "_starts", "_kept_brief", "turns", "full", "brief")
    }
    found["replies"] = _of_replies(transcript)
    found["speakers in order"], found["places in order"] = list(transcript._speakers), list(transcript.places)
    found |= {name: list(getattr(transcript, name)) for name in ("turns", "full", "brief")}
    found["kept"] = transcript.state()
    return found


def _of_replies(owner: IndexedPassages | Transcript) -> Any:
    return owner._replies._previous, owner._replies.state()


def _of_working(memory: AdaptiveMemory) -> dict[str, Any]:
    found = dict(vars(memory._working))
    best, tally = found.pop("_best"), found.pop("_tally")
    for name in ("_full", "_brief"):
        del found[name]
    found["tokens"] = tally.tokens
    if best is not None:
        found |= {f"chain {name}": value for name, value in vars(best).items() if name not in ("_lines", "_known")}
    return found
