from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

from harness.files import JsonlError, JsonlFile, to_json


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    file = JsonlFile(tmp_path / "x.jsonl")
    assert file.rows() == []
    rows = [{"n": 1, "text": "a\nb"}, {"n": 2, "list": [None, 0.5, "ü"]}]
    for row in rows:
        file.append(row)
    assert file.rows() == JsonlFile(file.path).rows() == rows


def test_the_stump_of_a_killed_write_is_left_out_and_cut_off(tmp_path: Path) -> None:
    file = JsonlFile(tmp_path / "x.jsonl")
    file.append({"n": 1})
    with file.path.open("a") as handle:
        handle.write('{"n": 2, "te')
    assert file.rows() == [{"n": 1}]
    file.append({"n": 3})
    assert file.rows() == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("line", ["nonsense", "[1]", ""])
def test_a_line_that_is_no_object_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(f'{{"n": 1}}\n{line}\n')
    with pytest.raises(JsonlError, match=r"x\.jsonl, line 2 is not a JSON object: delete the line"):
        JsonlFile(path).rows()


def test_what_json_cannot_hold_writes_nothing(tmp_path: Path) -> None:
    file = JsonlFile(tmp_path / "x.jsonl")
    with pytest.raises(ValueError, match="Out of range"):
        file.append({"n": float("nan")})
    assert not file.path.exists()


def test_secrets_are_removed_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-key-0123456789")
    JsonlFile(tmp_path / "x.jsonl").append({"a": ["x planted-key-0123456789 y", {"b": "planted-key-0123456789"}]})
    assert "planted" not in (tmp_path / "x.jsonl").read_text()
    assert json.loads(to_json(("planted-key-0123456789", 1))) == ["[redacted]", 1]


def test_rows_are_replaced_all_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = JsonlFile(tmp_path / "x.jsonl")
    file.replace([{"n": 1}, {"n": 2}])
    assert file.rows() == [{"n": 1}, {"n": 2}]

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        file.replace([{"n": 3}])
    assert file.rows() == [{"n": 1}, {"n": 2}]
    assert list(tmp_path.iterdir()) == [file.path]


def test_an_error_of_a_write_names_the_file(tmp_path: Path) -> None:
    """RLIMIT_FSIZE fails in the write, as a full disk does, and not in the opening."""
    code = (
        "import resource, signal; from pathlib import Path; from harness.files import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for write in (lambda: JsonlFile(folder / 'a.jsonl').append({'n': 'x' * 99}),\n"
        "              lambda: write_bytes_atomically(folder / 'b.json', b'x' * 99)):\n"
        "    try:\n"
        "        write()\n"
        "    except OSError as error:\n"
        "        print(error.errno is not None, Path(error.filename).name)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "a.jsonl", "True", "b.json"]
    assert not (tmp_path / "b.json").exists()


def test_a_stump_is_cut_off_without_a_row_to_add(tmp_path: Path) -> None:
    file = JsonlFile(tmp_path / "rows.jsonl")
    file.mend()
    assert not file.path.exists()
    file.append({"a": 1})
    whole = file.path.read_bytes()
    file.mend()
    assert file.path.read_bytes() == whole
    file.path.write_bytes(whole + b'{"b": ')
    file.mend()
    assert file.path.read_bytes() == whole
    file.path.write_bytes(b'{"b": ')
    file.mend()
    assert file.path.read_bytes() == b""


def test_half_a_sign_is_written_as_a_sign_that_has_no_meaning(tmp_path: Path) -> None:
    """A reply or a prediction may end in half a surrogate pair, which JSON holds and UTF-8 does not."""
    rows = JsonlFile(tmp_path / "rows.jsonl")
    rows.append({"answer": "so far \ud83d", "list": ["\udc00"], "whole": "\U0001f600"})
    assert rows.rows() == [{"answer": "so far \ufffd", "list": ["\ufffd"], "whole": "\U0001f600"}]
