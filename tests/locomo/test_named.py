"""Named sets that are one file come over HTTP, from a real server on this machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from http_stand_in import NOT_FOUND, Fault, HttpStandIn, RecordedRequest
from locomo_files import locomo_records

import locomo.dataset
from harness.checkout import checkout_root
from locomo.dataset import find
from locomo.download import DownloadError, RemoteFile
from locomo.formats.records import DataError
from locomo.named import NAMED, NamedSet
from locomo.repository import RemoteFiles
from locomo.split_data import main as split_data

BODY = json.dumps(locomo_records(["one", "two"]))


class Files(HttpStandIn):
    def respond(self, request: RecordedRequest) -> Fault:
        return Fault(body=BODY) if request.path == "/set.json" else NOT_FOUND


def set_at(url: str, body: str = BODY) -> NamedSet:
    digest = hashlib.sha256(body.encode()).hexdigest()
    return NamedSet(RemoteFile(url, len(body.encode()), digest), "set.json", "LONGMEMEVAL_S_PATH", 2)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(locomo.dataset, "DATA_DIR", tmp_path / "data")
    for one in NAMED.values():
        monkeypatch.delenv(one.variable, raising=False)
    return tmp_path / "data"


def test_a_file_is_downloaded_once_and_checked(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Files() as server:
        monkeypatch.setattr(locomo.dataset, "NAMED", {"mine": set_at(f"http://127.0.0.1:{server.port}/set.json")})
        dataset = find("mine")
        assert find("mine") == dataset
        assert len(server.requests) == 1
    assert (dataset.name, dataset.notes) == ("mine", ())
    assert (data_dir / "set.json").read_text() == BODY


@pytest.mark.parametrize(("path", "body"), [("/gone.json", BODY), ("/set.json", BODY + " ")])
def test_what_is_not_there_or_another_file_is_a_data_error_and_not_kept(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, path: str, body: str
) -> None:
    with Files() as server:
        named = set_at(f"http://127.0.0.1:{server.port}{path}", body)
        monkeypatch.setattr(locomo.dataset, "NAMED", {"mine": named})
        with pytest.raises(
            DataError, match=r"^mine could not be downloaded \(http://.*\); name its files by --data PATH$"
        ):
            find("mine")
    assert not (data_dir / "set.json").exists()


def test_locomo_by_its_name_is_never_the_sample(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise DownloadError("no network")

    monkeypatch.setattr(locomo.dataset, "download", no_network)
    monkeypatch.setattr(locomo.dataset, "LOCOMO10_PATH", tmp_path / "locomo10.json")
    assert find(None).is_sample
    with pytest.raises(DataError, match=r"^locomo could not be downloaded \(no network\)"):
        find("locomo")


def test_every_named_set_is_pinned() -> None:
    for name, one in NAMED.items():
        pinned = one.remote.commit if isinstance(one.remote, RemoteFiles) else one.remote.sha256
        assert len(pinned) in (40, 64), name
        assert int(pinned, 16)


def test_git_ignores_every_place_that_a_set_is_kept_in() -> None:
    root = checkout_root(Path(locomo.dataset.__file__))
    assert root is not None
    ignored = [line for line in (root / ".gitignore").read_text().splitlines() if line.startswith("data/")]
    for one in NAMED.values():
        place = Path("data") / one.kept_as
        assert any(place.match(pattern.rstrip("/")) for pattern in ignored), place


def test_a_forced_format_is_the_one_that_a_command_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.json"
    path.write_text(BODY)
    flags = ["--data", str(path), "--output", str(tmp_path / "splits")]
    assert split_data([*flags, "--format", "beam"]) == 2
    assert "set.json: " in capsys.readouterr().err
    assert split_data([*flags, "--format", "locomo"]) == 0
