"""No byte sequence gives a traceback: a file is read, or refused in one line."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
from exports import messages_or_refusal, write_export
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_of_exports import SAMPLES
from strategies import num_examples

from memoryqa.importers.detect import FORMATS


@given(st.binary(max_size=400))
@settings(max_examples=num_examples(60), deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = write_export(tmp_path_factory.mktemp("any") / "file", content)
    assert messages_or_refusal(path), "messages, or the line of a refusal"
    for name in FORMATS:
        assert messages_or_refusal(path, name), name


def damaged(content: bytes, chance: random.Random) -> bytes:
    """`content` with a few bytes cut, doubled, swapped or replaced."""
    parts = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(parts) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            del parts[at : at + chance.randint(1, 40)]
        elif kind == 1:
            parts[at:at] = parts[at : at + chance.randint(1, 60)]
        elif kind == 2:
            parts[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            parts[at:at] = chance.choice(
                [b"null", b"[]", b"{}", b'""', b"-1", b"1e999", b"\xed\xa0\x80", b"\\ud800", b"\0"]
            )
        else:
            del parts[at:]
    return bytes(parts)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_damaged_exports_are_read_or_refused(name: str, tmp_path: Path) -> None:
    chance = random.Random(name)
    format, file_name, content = SAMPLES[name]
    for number in range(50):
        path = write_export(tmp_path / str(number) / file_name, damaged(content, chance))
        assert messages_or_refusal(path), number
        assert messages_or_refusal(path, format), number


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_recognised(name: str, tmp_path: Path) -> None:
    format, file_name, content = SAMPLES[name]
    messages = messages_or_refusal(write_export(tmp_path / file_name, content))
    assert isinstance(messages, list), messages
    assert messages == messages_or_refusal(tmp_path / file_name, format)
    assert len({one.id for one in messages}) == len(messages), "ids are unique"
    assert all(one.id for one in messages)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_ids_are_the_same_at_the_next_import(name: str, tmp_path: Path) -> None:
    _, file_name, content = SAMPLES[name]
    first, second = (messages_or_refusal(write_export(tmp_path / one / file_name, content)) for one in "ab")
    assert first == second


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    chance = random.Random(1)
    with zipfile.ZipFile(tmp_path / "whole.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number, (_, file_name, content) in enumerate(SAMPLES.values()):
            file.writestr(f"{number}/{file_name}", content)
    whole = (tmp_path / "whole.zip").read_bytes()
    for number in range(60):
        assert messages_or_refusal(write_export(tmp_path / f"{number}.zip", damaged(whole, chance))), number


def test_nothing_folders_and_empty_files_are_refused(tmp_path: Path) -> None:
    assert "no such file" in str(messages_or_refusal(tmp_path / "none"))
    assert "has no files" in str(messages_or_refusal(tmp_path))
    assert "no export that is known" in str(messages_or_refusal(write_export(tmp_path / "empty.txt", b"")))
