"""Some files of a public git repository at one commit, fetched once: what a named data set is made of.

git checks all of it: the commit is asked for by its hash, and what arrives hashes to the trees and files that the
commit names, or git refuses it. So no list of digests is needed, and a repository that changed cannot pass unseen.
Only the chosen files are fetched (a partial clone), never the repository's history.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from locomo.download import DownloadError

TOTAL_TIMEOUT_SEC = 600.0  # of all git commands together
_SETTINGS = (  # a stalled transfer ends after 20 s; files are kept byte for byte on any system
    *("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20"),
    *("-c", "core.autocrlf=false", "-c", "core.symlinks=false", "-c", "advice.detachedHead=false"),
)


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """Files of a repository that never change. commit: its full hash. folder: below which they are. wanted: a regular
    expression that their paths in the folder match."""

    url: str
    commit: str
    folder: str
    wanted: str


def fetch(remote: RemoteFiles, destination: Path, check: Callable[[Path], None]) -> None:
    """Fetch the files into the new folder `destination`, each at its path below `remote.folder`.

    check: looks at the folder before it gets its name, and may refuse it by an exception. On any error, DownloadError
    of one line where git failed, nothing is left behind.
    """
    from rich.console import Console

    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f".{destination.name}-") as scratch:
        clone, chosen = Path(scratch) / "clone", Path(scratch) / "chosen"
        with Console(stderr=True).status(f"fetching {destination.name} from {remote.url}"):
            paths = _clone(remote, clone, time.monotonic() + TOTAL_TIMEOUT_SEC)
        for path in paths:
            target = chosen / PurePosixPath(path).relative_to(remote.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(clone / path, target)
        check(chosen)
        try:
            chosen.rename(destination)
        except OSError as error:
            if not destination.is_dir():  # else another process was faster
                raise DownloadError(f"{destination}: cannot be made ({error.strerror})") from error


def _clone(remote: RemoteFiles, clone: Path, deadline: float) -> list[str]:
    """Check the files out below `clone`; their paths in the repository."""

    def git(*arguments: str, given: str = "") -> str:
        return _run(remote, ["git", *_SETTINGS, "-C", str(clone), *arguments], given, deadline)

    clone.mkdir()
    git("init", "--quiet", "--template=")
    git("remote", "add", "origin", remote.url)
    git("fetch", "--quiet", "--no-tags", "--depth=1", "--filter=blob:none", "origin", remote.commit)
    if (found := git("rev-parse", "FETCH_HEAD").strip()) != remote.commit:
        raise DownloadError(f"{remote.url} sent commit {found[:12]}, not {remote.commit[:12]}")
    listed = git("ls-tree", "-r", "-z", "--name-only", remote.commit, "--", f"{remote.folder}/").split("\0")
    paths = [path for path in listed if re.fullmatch(remote.wanted, path.removeprefix(f"{remote.folder}/"))]
    if not paths:
        raise DownloadError(f"{remote.url} at {remote.commit[:12]} has no such files in {remote.folder}/")
    git("checkout", "--quiet", remote.commit, "--pathspec-from-file=-", "--pathspec-file-nul", given="\0".join(paths))
    return paths


def _run(remote: RemoteFiles, command: Sequence[str], given: str, deadline: float) -> str:
    """Run git without a terminal, so that it asks for nothing, and end it and its children at the deadline."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, encoding="utf-8", start_new_session=True
        )
    except OSError as error:
        raise DownloadError(f"git cannot be run ({error.strerror}): install it") from error
    try:
        out, said = process.communicate(given, timeout=max(0.1, deadline - time.monotonic()))
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise DownloadError(f"{remote.url} did not send all of it in time") from error
        raise
    if process.returncode:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        reason = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
        raise DownloadError(f"{remote.url}: {reason or f'git ended with {process.returncode}'}")
    return out


def _end(process: subprocess.Popen[str]) -> None:
    """Kill git and what it started (it transfers in a child)."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
