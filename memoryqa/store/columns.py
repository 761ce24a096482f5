"""Writes what an index is made of as bytes, and reads it back equal: numbers, texts, and lists and dicts of them.

Only the kinds below are known, and reading makes no other objects, so that a file from elsewhere can do no harm. Arrays
are compressed, for speed by little; texts are not, so that whoever looks through a file for words finds them.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, cast

_LEVEL = 1  # of zlib
_HEAD_BYTES = 4  # in front of the head: its length

Parts = list[bytes]


class UnknownKindError(TypeError):
    """A value of a kind that cannot be written."""


def encode(value: object) -> bytes:
    """`value` as bytes. Raises UnknownKindError for a kind not listed in `_KINDS`."""
    for name, (fits, write, _) in _KINDS.items():
        if fits(value):
            try:
                parts = cast(Callable[[Any], Parts], write)(value)
            except OverflowError:  # a number that no array holds: a kind of large ones comes later
                continue
            head = json.dumps([name, [len(part) for part in parts]]).encode()
            return b"".join((len(head).to_bytes(_HEAD_BYTES, "little"), head, *parts))
    raise UnknownKindError(f"cannot write {type(value).__name__} of {_example(value)}")


def decode(data: bytes) -> Any:
    """What `encode` wrote."""
    start = _HEAD_BYTES + int.from_bytes(data[:_HEAD_BYTES], "little")
    name, lengths = json.loads(data[_HEAD_BYTES:start])
    edges = accumulate(lengths, initial=start)
    return _KINDS[name][2]([data[first:last] for first, last in pairwise(edges)])


def _example(value: object) -> str:
    found = list(value.items() if isinstance(value, Mapping) else value) if isinstance(value, Iterable) else []
    return f"{type(found[0]).__name__} such as {found[0]!r}" if found else "nothing"


# -- arrays and texts --------------------------------------------------------------------------------------------------


def _pack(numbers: array[Any]) -> bytes:
    return numbers.typecode.encode() + zlib.compress(numbers.tobytes(), _LEVEL)


def _unpack(data: bytes) -> array[Any]:
    numbers = array(data[:1].decode())
    numbers.frombytes(zlib.decompress(data[1:]))
    return numbers


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _of_text(data: bytes) -> Any:
    return json.loads(data.decode("utf-8", "surrogatepass"))


def _terms(data: bytes) -> list[str]:
    return list(map(sys.intern, _of_text(data)))  # one object for a term in all of the index's tables


def _joined(runs: Iterable[Sequence[Any]], typecode: str) -> Parts:
    """Runs of numbers as their lengths and all numbers together."""
    runs = list(runs)
    together = array(typecode)
    for run in runs:
        together.extend(run)
    return [_pack(array("q", map(len, runs))), _pack(together)]


def _parted(lengths: bytes, together: bytes) -> list[array[Any]]:
    numbers = _unpack(together)
    return [numbers[first:last] for first, last in pairwise(accumulate(_unpack(lengths), initial=0))]


# -- the kinds ---------------------------------------------------------------------------------------------------------


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _all(kind: type, values: Iterable[object]) -> bool:
    return all(type(one) is kind for one in values)


def _list_of(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is list and _all(kind, value)


def _dict_of(key: type, fits: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, dict) and _all(key, value) and all(map(fits, value.values()))


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


def _is_postings(value: object) -> bool:
    return isinstance(value, array | int) and not isinstance(value, bool)


def _write_postings(postings: Mapping[str, array[int] | int]) -> Parts:
    runs = [one if isinstance(one, array) else (one,) for one in postings.values()]
    return [_text(list(postings)), *_joined(runs, "i")]


def _read_postings(parts: Parts) -> dict[str, array[int] | int]:
    terms, lengths, numbers = _terms(parts[0]), _unpack(parts[1]), _unpack(parts[2])
    found: dict[str, array[int] | int] = {}
    first = 0
    for term, length in zip(terms, lengths, strict=True):
        found[term] = numbers[first] if length == 1 else numbers[first : first + length]
        first += length
    return found


def _write_runs(typecode: str) -> Callable[[Mapping[int, Sequence[Any]]], Parts]:
    return lambda value: [_pack(array("q", value)), *_joined(value.values(), typecode)]


def _read_runs(parts: Parts) -> dict[int, list[Any]]:
    return {key: run.tolist() for key, run in zip(_unpack(parts[0]), _parted(*parts[1:]), strict=True)}


_LARGE = (_is(int), _is(str), _list_of(int), _list_of(float))

_KINDS: dict[str, tuple[Callable[[object], bool], Any, Callable[[Parts], Any]]] = {
    # name: (which values, how they are written, how they are read); the first that fits is taken
    "plain": (_is_plain, lambda value: [_text(value)], lambda parts: _of_text(parts[0])),
    "bytes": (lambda value: isinstance(value, bytes | bytearray), lambda value: [bytes(value)], lambda parts: parts[0]),
    "array": (_is(array), lambda value: [_pack(value)], lambda parts: _unpack(parts[0])),
    "ints": (_list_of(int), lambda value: [_pack(array("q", value))], lambda parts: _unpack(parts[0]).tolist()),
    "floats": (_list_of(float), lambda value: [_pack(array("d", value))], lambda parts: _unpack(parts[0]).tolist()),
    "texts": (_list_of(str), lambda value: [_text(value)], lambda parts: _of_text(parts[0])),
    "deque": (_is(deque), lambda value: [_pack(array("q", value))], lambda parts: deque(_unpack(parts[0]))),
    "tuples": (
        lambda value: type(value) is list and _all(tuple, value) and all(map(_is_plain, (x for y in value for x in y))),
        lambda value: [_text(value)],
        lambda parts: list(map(tuple, _of_text(parts[0]))),
    ),
    "arrays": (_list_of(array), lambda value: _joined(value, "i"), lambda parts: _parted(*parts)),
    "set": (_is(set), lambda value: [_text(sorted(value))], lambda parts: set(_of_text(parts[0]))),
    "frozenset": (_is(frozenset), lambda value: [_text(sorted(value))], lambda parts: frozenset(_of_text(parts[0]))),
    "numbers by text": (
        _dict_of(str, _is(int)),
        lambda value: [_text(list(value)), _pack(array("q", value.values()))],
        lambda parts: dict(zip(_terms(parts[0]), _unpack(parts[1]), strict=True)),
    ),
    "numbers by number": (
        _dict_of(int, _is(int)),
        lambda value: [_pack(array("q", value)), _pack(array("q", value.values()))],
        lambda parts: dict(zip(*map(_unpack, parts), strict=True)),
    ),
    "texts by number": (
        _dict_of(int, _is(str)),
        lambda value: [_pack(array("q", value)), _text(list(value.values()))],
        lambda parts: dict(zip(_unpack(parts[0]), _of_text(parts[1]), strict=True)),
    ),
    "ints by number": (_dict_of(int, _list_of(int)), _write_runs("q"), _read_runs),
    "floats by number": (_dict_of(int, _list_of(float)), _write_runs("d"), _read_runs),
    "postings": (_dict_of(str, _is_postings), _write_postings, _read_postings),
    # Numbers beyond 64 bits, as digits.
    "large ints": (_list_of(int), lambda value: [_text(value)], lambda parts: _of_text(parts[0])),
    "large deque": (_is(deque), lambda value: [_text(list(value))], lambda parts: deque(_of_text(parts[0]))),
    "large by any": (
        lambda value: any(_dict_of(key, fits)(value) for key in (int, str) for fits in _LARGE),
        lambda value: [_text(list(value)), _text(list(value.values()))],
        lambda parts: dict(zip(_of_text(parts[0]), _of_text(parts[1]), strict=True)),
    ),
}


def state_of(owner: object, *, leave_out: Iterable[str]) -> dict[str, Any]:
    """All attributes of `owner` by name but those left out."""
    return {name: value for name, value in vars(owner).items() if name not in frozenset(leave_out)}


def set_state(owner: object, state: Mapping[str, Any], *, leave_out: Iterable[str]) -> None:
    """Give `owner`, a new object, the attributes that `state_of` gave. Raises KeyError for one that is missing."""
    for name, fresh in state_of(owner, leave_out=leave_out).items():
        value = state[name]
        if isinstance(fresh, defaultdict):
            value = defaultdict(fresh.default_factory, value)
        setattr(owner, name, value)
