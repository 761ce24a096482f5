from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import num_examples

from memoryqa.errors import UsageError
from memoryqa.importers import json_stream
from memoryqa.importers.json_stream import JsonReader

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


class Slow(io.StringIO):
    """Gives a few characters at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> str:
        return super().read(min(7, size) if size and size > 0 else 7)


@given(st.lists(VALUES, max_size=8), st.sampled_from([None, 1]))
@settings(max_examples=num_examples(150), deadline=None)
def test_items_are_what_json_reads_however_the_text_arrives(values: list[object], indent: int | None) -> None:
    reader = JsonReader(Slow(json.dumps(values, indent=indent)), "x")
    assert list(reader.items()) == values
    reader.end()


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=6), st.integers(0, 3))
@settings(max_examples=num_examples(100), deadline=None)
def test_fields_that_are_not_read_are_skipped(values: dict[str, object], every: int) -> None:
    reader = JsonReader(Slow(json.dumps(values)), "x")
    found = {key: reader.value() for number, key in enumerate(reader.fields()) if number % (every + 1) == 0}
    assert found == {key: value for number, (key, value) in enumerate(values.items()) if number % (every + 1) == 0}
    reader.end()


def read_all(reader: JsonReader) -> None:
    list(reader.items())
    reader.end()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[1, 2', "ends too early"),
        ('["abc', "ends too early"),
        ("[1 2]", "expecting ',' or ']', character 3"),
        ("[1, x" + " " * 50 + "]", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "9" * 10_000 + "]", "too many digits"),
        ("[1] 2", "text after the end"),
        ("", "ends too early"),
        ("7" + " " * 50, "expecting a list"),
    ],
)  # fmt: skip
def test_faults_are_one_line_with_their_place(text: str, problem: str) -> None:
    reader = JsonReader(io.StringIO(text), "chat.json")
    with pytest.raises(UsageError, match=rf"chat\.json: .*{re.escape(problem)}"):
        read_all(reader)


def test_memory_does_not_grow_with_the_document() -> None:
    class Endless:
        """A list of objects that is never held."""

        def __init__(self) -> None:
            self.left = 40

        def read(self, size: int) -> str:
            self.left -= 1
            return "[" + "{}," * 1000 if self.left == 39 else '{"a": "b"},' * 1000 if self.left > 0 else "0]"

    reader = JsonReader(Endless(), "x")  # type: ignore[arg-type]
    longest = 0
    for _ in reader.items():
        longest = max(longest, len(reader._text))
    assert longest < 3 * json_stream._CHUNK_CHARS
