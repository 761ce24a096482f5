from __future__ import annotations

import json
from pathlib import Path

import pytest
from format_files import beam_chat, chat_record, check_parsed, write_beam, write_realtalk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from locomo_files import conversation_record, write_records
from strategies import num_examples

from locomo.dataset import load
from locomo.formats.detect import read
from locomo.formats.names import FORMATS
from locomo.formats.records import DataError


def test_a_file_is_read_by_what_is_in_it_not_by_its_name(tmp_path: Path) -> None:
    files = {
        "locomo": write_records(tmp_path / "a.json", [conversation_record()]),
        "realtalk": write_records(tmp_path / "b.json", chat_record()),
        "beam": write_records(tmp_path / "c.json", beam_chat()),
    }
    assert {name: load(path).format for name, path in files.items()} == {name: name for name in files}


@pytest.mark.parametrize("wanted", FORMATS)
def test_a_forced_format_is_the_one_that_is_read(tmp_path: Path, wanted: str) -> None:
    path = write_records(tmp_path / "a.json", {"neither": 1})
    with pytest.raises(DataError, match=r"a\.json: "):
        load(path, wanted)


def test_a_folder_of_another_format_than_the_forced_one_is_refused(tmp_path: Path) -> None:
    write_beam(tmp_path / "1")
    write_realtalk(tmp_path / "rt")
    with pytest.raises(DataError, match="holds no data of format locomo"):
        load(tmp_path / "1", "locomo")
    with pytest.raises(DataError, match="holds no data of format beam"):
        load(tmp_path / "rt", "beam")
    with pytest.raises(DataError, match="unknown format 'mbox'; it is one of locomo"):
        load(tmp_path / "rt", "mbox")


def test_a_broken_file_of_a_folder_is_named(tmp_path: Path) -> None:
    folder = write_realtalk(tmp_path / "rt")
    (folder / "Chat_5_Kim_Lee.json").write_text("{")
    with pytest.raises(DataError, match=r"rt: Chat_5_Kim_Lee\.json: not JSON"):
        load(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="a folder without chats"):
        load(tmp_path / "empty")


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    one, other = write_beam(tmp_path / "a" / "1"), write_beam(tmp_path / "b" / "1")
    assert read(one).sha256 == read(other).sha256
    (other / "chat.json").write_text(json.dumps(beam_chat(), indent=1))
    assert read(one).sha256 != read(other).sha256


BEGINNINGS = [b"", b"{", b"[{", b'{"text": "a"}\n', b"speaker,text\n", b"text\tspeaker\n", b"\xff\xfe", b"\xef\xbb\xbf"]


@settings(max_examples=num_examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=60), st.sampled_from([None, *FORMATS]))
def test_any_bytes_are_a_data_set_or_a_data_error(
    tmp_path: Path, beginning: bytes, rest: bytes, wanted: str | None
) -> None:
    path = tmp_path / "any.json"
    path.write_bytes(beginning + rest)
    check_parsed(lambda: read(path, wanted).parsed)
