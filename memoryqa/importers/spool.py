"""Conversations in the order of time, without holding them: exports of assistants list the newest first."""

from __future__ import annotations

import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from memoryqa.importers.message import Message

_IN_MEMORY_BYTES = 1 << 22
_AT_ONCE = 500  # messages


def oldest_first(conversations: Iterable[Iterable[Message]]) -> Iterator[Message]:
    """The messages of all conversations, the one that began first first; within each as they come.

    They wait in a temporary file that nobody else can read and that goes with the process.
    """
    begins, offsets, batches = array("d"), array("q"), array("l")  # of each conversation, in 24 bytes
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file:
        for conversation in conversations:
            offset, count, began = file.tell(), 0, float("-inf")
            for batch in _batches(conversation):
                if began == float("-inf"):
                    began = next((_moment(one.time) for one in batch if one.time is not None), began)
                pickle.dump(batch, file, pickle.HIGHEST_PROTOCOL)
                count += 1
            if count:
                begins.append(began)
                offsets.append(offset)
                batches.append(count)
        for place in sorted(range(len(begins)), key=begins.__getitem__):
            file.seek(offsets[place])
            for _ in range(batches[place]):
                yield from pickle.load(file)


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    waiting = iter(messages)
    while batch := list(islice(waiting, _AT_ONCE)):
        yield batch


def _moment(time: datetime) -> float:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):  # the years 1 and 9999, moved into another zone
        return float("-inf")
