from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from locomo import download as download_module
from locomo.download import DownloadError, RemoteFile, download

BODY = b'["a whole file"]' * 10_000


class Files(BaseHTTPRequestHandler):
    """/whole, /cut (half of what it announces), /drip (a byte every 50 ms) and /stuck (headers never come)."""

    def do_GET(self) -> None:
        if self.path == "/stuck":
            self.server.released.wait(5)  # type: ignore[attr-defined]
            return
        if self.path not in ("/whole", "/cut", "/drip"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.path == "/drip":
            for _ in range(100):  # not for ever: a client that does not give up shall fail its test, not hang it
                if self.server.released.wait(0.05):  # type: ignore[attr-defined]
                    return
                self.wfile.write(b"x")
            return
        self.wfile.write(BODY if self.path == "/whole" else BODY[: len(BODY) // 2])

    def log_message(self, format: str, *args: object) -> None:
        return


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        return  # a client that gave up is what these tests are about


@pytest.fixture
def server() -> Iterator[str]:
    http_server = QuietServer(("127.0.0.1", 0), Files)
    http_server.released = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http_server.server_port}"
    http_server.released.set()  # type: ignore[attr-defined]
    http_server.shutdown()
    http_server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def remote(url: str, body: bytes = BODY) -> RemoteFile:
    return RemoteFile(url, len(body), hashlib.sha256(body).hexdigest())


def test_the_file_arrives_whole_and_alone(server: str, tmp_path: Path) -> None:
    destination = tmp_path / "data" / "file.json"
    download(remote(f"{server}/whole"), destination)
    assert destination.read_bytes() == BODY
    assert [path.name for path in destination.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize(
    ("path", "reason"), [("/missing", "404"), ("/cut", "not the expected"), ("/whole", "not the expected")]
)
def test_anything_but_the_expected_file_leaves_nothing_behind(
    server: str, tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(DownloadError, match=reason) as caught:
        download(remote(server + path, b"another file"), tmp_path / "file.json")
    assert server in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_a_download_error(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(DownloadError, match="refused"):
            download(remote(url), tmp_path / "file.json")


@pytest.mark.parametrize(("path", "limit"), [("/stuck", "CONNECT_TIMEOUT_SEC"), ("/drip", "TOTAL_TIMEOUT_SEC")])
def test_a_server_that_stalls_is_given_up(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, limit: str
) -> None:
    monkeypatch.setattr(download_module, limit, 0.3)
    start_sec = time.monotonic()
    with pytest.raises(DownloadError, match="did not answer in time"):
        download(remote(server + path), tmp_path / "file.json")
    assert time.monotonic() - start_sec < 3
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_download_error(server: str, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(DownloadError):
        download(remote(f"{server}/whole"), tmp_path / "data" / "file.json")
