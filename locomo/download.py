"""A released file such as LoCoMo's, fetched once: short timeouts, a bound on the whole, its hash, a rename."""

from __future__ import annotations

import hashlib
import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from harness.files import write_bytes_atomically

CONNECT_TIMEOUT_SEC = (
    8.0  # for name resolution, connection and headers together: a firewall may swallow packets silently
)
READ_TIMEOUT_SEC = 5.0
TOTAL_TIMEOUT_SEC = 60.0  # the file arrives at 50 kB/s, too
_CHUNK_BYTES = 64 * 1024


class DownloadError(OSError):
    """The file could not be fetched, or is not the expected one. One line."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that never changes, by its address."""

    url: str
    size_bytes: int
    sha256: str
    total_timeout_sec: float | None = None  # of the transfer; without it TOTAL_TIMEOUT_SEC


LOCOMO10 = RemoteFile(
    "https://raw.githubusercontent.com/snap-research/LoCoMo/3eb6f2c585f5e1699204e3c3bdf7adc5c28cb376/data/locomo10.json",
    2_805_274,
    "79fa87e90f04081343b8c8debecb80a9a6842b76a7aa537dc9fdf651ea698ff4",
)
"""Ten conversations, 1,986 questions, CC BY-NC 4.0 (Maharana et al., ACL 2024): loaded, never committed."""


def download(remote: RemoteFile, destination: Path) -> None:
    """Fetch `remote` into `destination`, with a progress bar on stderr. On DownloadError nothing is written."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("downloading {task.description}"), BarColumn(), DownloadColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(destination.name, total=remote.size_bytes)
            content = _fetch(remote, lambda received_bytes: progress.update(task, completed=received_bytes))
        digest = hashlib.sha256(content).hexdigest()
        if digest != remote.sha256:
            raise DownloadError(
                f"{remote.url} sent {len(content):,} bytes that are not the expected {remote.size_bytes:,}"
            )
        destination.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(destination, content)
    except DownloadError:
        raise
    except TimeoutError as error:
        raise DownloadError(f"{remote.url} did not answer in time") from error
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(error).removeprefix("<urlopen error ").removesuffix(">").split())
        raise DownloadError(f"{remote.url}: {reason or type(error).__name__}") from error


def _fetch(remote: RemoteFile, report: Callable[[int], None]) -> bytes:
    """The body; at most a chunk more than expected, so that a wrong answer of any length ends soon."""
    deadline = time.monotonic() + (remote.total_timeout_sec or TOTAL_TIMEOUT_SEC)
    content = bytearray()
    with _open(remote.url) as response:
        while len(content) <= remote.size_bytes:
            if time.monotonic() > deadline:
                raise TimeoutError
            chunk = response.read1(_CHUNK_BYTES)  # not read: that waits for a whole chunk, however slowly it drips
            if not chunk:
                break
            content += chunk
            report(len(content))
    return bytes(content)


def _open(url: str) -> http.client.HTTPResponse:
    # in a thread: no socket timeout covers name resolution, and each of a host's addresses gets a timeout of its own;
    # a daemon one, because the interpreter would wait for any other before it exits
    opening: Future[http.client.HTTPResponse] = Future()

    def connect() -> None:
        try:
            opening.set_result(urllib.request.urlopen(url, timeout=READ_TIMEOUT_SEC))
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is the response, too
            opening.set_exception(error)

    threading.Thread(target=connect, name="download", daemon=True).start()
    return opening.result(timeout=CONNECT_TIMEOUT_SEC)
