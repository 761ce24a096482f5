"""Conversations in the order of time, without holding them: exports of assistants list the newest first."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from memoryqa.importers.message import Message

_IN_MEMORY_BYTES = 1 << 22
_AT_ONCE = 500  # messages


def oldest_first(conversations: Iterable[Iterable[Message]]) -> Iterator[Message]:
    """The messages of all conversations, the one that began first first; within each as they come.

    They wait in a temporary file that nobody else can read and that goes with the process.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        places: list[tuple[float, int, list[int]]] = []
        for number, conversation in enumerate(conversations):
            began, batch, offsets = float("-inf"), list[Message](), list[int]()
            for message in conversation:
                if message.time is not None and began == float("-inf"):
                    began = _moment(message.time)
                batch.append(message)
                if len(batch) == _AT_ONCE:
                    offsets.append(_kept(file, batch))
                    batch = []
            if batch:
                offsets.append(_kept(file, batch))
            places.append((began, number, offsets))
        for _, _, offsets in sorted(places):
            for offset in offsets:
                file.seek(offset)
                yield from pickle.load(file)


def _kept(file: tempfile.SpooledTemporaryFile[bytes], batch: list[Message]) -> int:
    offset = file.tell()
    pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
    return offset


def _moment(time: datetime) -> float:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the years 1 and 9999, moved into another zone
        return float("-inf")
