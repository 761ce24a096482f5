"""Messages that programs gave a key of their own: a key that the chat has is not added again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from memoryqa.archive.imports import Incoming
from memoryqa.errors import StoppedError
from memoryqa.memory import AdaptiveMemory

_BY_PROGRAMS = "api"  # the format of their conversation


def kept_once(
    memory: AdaptiveMemory, records: Sequence[dict[str, str]], keys: Sequence[str], *, as_known: bool = False
) -> list[str]:
    """Add those of `records` whose key the memory does not have; ids of all, which the keys name ever after. as_known:
    see `take_in`."""
    number = _own_conversation(memory)
    incoming = [
        Incoming(number, _number(key), _number(f"{one['speaker']}\n{one['text']}"), one)
        for one, key in zip(records, keys, strict=True)
    ]
    memory.take_in(incoming, as_known=as_known)
    return memory.ids_of(incoming)


def _own_conversation(memory: AdaptiveMemory) -> int:
    """The number that the file has for what programs add: the first, if two processes began one at once."""
    for _ in range(2):
        if numbers := [one.number for one in memory.conversations() if one.format == _BY_PROGRAMS]:
            return min(numbers)
        memory.add_conversation(_BY_PROGRAMS, "", "")
    raise StoppedError("the chat was changed meanwhile; send the messages again")


def _number(words: str) -> int:
    return int.from_bytes(blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
