from __future__ import annotations

from array import array
from collections import defaultdict, deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.store.columns import UnknownKindError, decode, encode, set_state, state_of

ints = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
keys = st.text(st.characters(), max_size=5)  # with halves of characters
postings = st.one_of(
    st.integers(0, 2**31 - 1),
    st.lists(st.integers(0, 2**31 - 1), min_size=2, max_size=5).map(lambda numbers: array("i", numbers)),
)
values = st.one_of(
    st.none(),
    st.booleans(),
    ints,
    floats,
    keys,
    st.binary(max_size=5),
    st.lists(ints, max_size=5),
    st.lists(floats, max_size=5),
    st.lists(keys, max_size=5),
    st.lists(ints, max_size=5).map(lambda numbers: array("q", numbers)),
    st.lists(floats, max_size=5).map(lambda numbers: array("d", numbers)),
    st.lists(ints, max_size=5).map(deque),
    st.lists(st.tuples(ints, keys), max_size=5),
    st.lists(st.lists(st.integers(0, 9), max_size=3).map(lambda numbers: array("i", numbers)), max_size=4),
    st.sets(keys, max_size=5),
    st.frozensets(ints, max_size=5),
    st.dictionaries(keys, ints, max_size=5),
    st.dictionaries(ints, ints, max_size=5),
    st.dictionaries(ints, keys, max_size=5),
    st.dictionaries(ints, st.lists(floats, max_size=3), max_size=5),
    st.dictionaries(ints, st.lists(ints, max_size=3), max_size=5),
    st.dictionaries(keys, postings, max_size=5),
)


@given(values)
def test_what_is_written_is_read_back_equal_and_of_the_same_kind(value: Any) -> None:
    read = decode(encode(value))
    assert read == value
    assert type(read) is type(value)
    if isinstance(value, dict):
        assert list(read) == list(value), "in the same order"
        assert [type(one) for one in read.values()] == [type(one) for one in value.values()]


@pytest.mark.parametrize(
    "value",
    [
        [2**63, -(10**30)],
        deque([10**30]),
        {"a": 10**30},
        {10**30: 1},
        {10**30: "a"},
        {1: [10**30]},
        {10**30: [0.5, -0.25]},
    ],
)
def test_numbers_beyond_64_bits_are_read_back(value: Any) -> None:
    read = decode(encode(value))
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("value", [object(), [object()], {"a": object()}, {("a",): 1}, [1, 2.0], [True], {"a": None}])
def test_other_kinds_are_refused(value: object) -> None:
    with pytest.raises(UnknownKindError, match="cannot write"):
        encode(value)


def test_an_object_gets_its_attributes_back() -> None:
    class Owner:
        def __init__(self) -> None:
            self.numbers: list[int] = []
            self.by_number: defaultdict[int, list[float]] = defaultdict(list)
            self.left_out = object()

    one = Owner()
    one.numbers.append(3)
    one.by_number[4].append(0.5)
    other = Owner()
    kept = {name: decode(encode(value)) for name, value in state_of(one, leave_out=["left_out"]).items()}
    set_state(other, kept, leave_out=["left_out"])
    assert (other.numbers, other.by_number) == ([3], {4: [0.5]})
    assert other.by_number[5] == []
    with pytest.raises(KeyError):
        set_state(other, {"numbers": []}, leave_out=["left_out"])
