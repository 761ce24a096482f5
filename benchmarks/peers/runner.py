"""Runs peers in their environments, and keeps their rankings: a ranking changes only with the peer and the lines."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.catalogue import MINILM, OURS, Peer
from benchmarks.peers.vectors import DIMENSION, KeptVectors
from benchmarks.rankers import peer_text
from harness.files import write_bytes_atomically
from memoryqa.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from memoryqa.rendering import Line

FOLDER = Path(".peers")
LIMIT = 400  # lines that a peer is asked for; 8,000 tokens hold about 70 passages, or 300 short messages
WORKER = Path(__file__).with_name("worker.py")
_QUIET = ("OMP_NUM_THREADS=1", "MEM0_TELEMETRY=False", "ANONYMIZED_TELEMETRY=False", "HF_HUB_OFFLINE=1")
_LAST_LINES = 3
LIBRARY = Path(__file__).parents[2] / "memoryqa"
OUR_NEEDS = ("numpy", "PyStemmer", "regex", "tiktoken", "rich")  # the dependencies in pyproject.toml


@dataclass(frozen=True, slots=True)
class Ranked:
    """One peer on one conversation. `places` are by question, best first; index_ms is None where it is not known."""

    places: Sequence[Sequence[int]]
    query_ms: Sequence[float]
    index_ms: float | None


class Runner:
    """The chosen peers with their environments in `folder`. Raises UsageError, one line, when any is not installed."""

    def __init__(self, peers: Sequence[Peer], folder: Path = FOLDER) -> None:
        self.peers, self._folder = peers, folder
        if missing := [peer for peer in peers if not self._is_installed(peer)]:
            keys, left = ",".join(one.key for one in missing), ",".join(one.key for one in peers if one not in missing)
            raise UsageError(
                f"not installed: {keys}. Run `python -m benchmarks.peers.install {keys.replace(',', ' ')}`"
                + (f", or leave them out with --peers {left}" if left else "")
            )

    @cached_property
    def _vectors(self) -> KeptVectors:
        return KeptVectors(self._folder / "vectors.sqlite")

    def python(self, peer: Peer) -> str:
        """The interpreter of the peer's environment: ours where it has none of its own."""
        own = self._folder / "environments" / peer.environment / "bin" / "python"
        return str(own) if peer.environment != OURS and own.exists() else sys.executable

    def _is_installed(self, peer: Peer) -> bool:
        if self.python(peer) == sys.executable:
            return all(_found_here(module) for module in peer.modules)
        check = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(one) for one in sys.argv[1:]))"
        return subprocess.run([self.python(peer), "-c", check, *peer.modules], capture_output=True).returncode == 0

    def rank(self, peer: Peer, lines: Sequence[Line], questions: Sequence[str]) -> Ranked:
        """Rank `lines` for each question, or take what is kept. Raises StoppedError when the peer fails."""
        texts = [peer_text(line) for line in lines]
        kept = self._folder / "rankings" / f"{peer.key}-{_digest(peer, texts, questions)}.json"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_bytes_atomically(kept, json.dumps(self._run(peer, texts, questions)).encode())
        found = json.loads(kept.read_text(encoding="utf-8"))
        index_ms, each_ms = found["index_ms"], 0.0
        if peer.needs_vectors:
            embedded_ms, question_ms = self._vectors.of(texts)[1], self._vectors.of(questions)[1]
            index_ms = None if embedded_ms is None else index_ms + embedded_ms
            each_ms = (question_ms or 0.0) / len(questions)
        return Ranked(found["ranked"], [ms + each_ms for ms in found["query_ms"]], index_ms)

    def _run(self, peer: Peer, texts: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
        job: dict[str, Any] = {"peer": peer.key, "texts": texts, "questions": questions, "limit": LIMIT}
        with tempfile.TemporaryDirectory(prefix="peer-") as folder:
            if peer.needs_vectors:
                job["dimension"] = DIMENSION
                for name, some in (("vectors", texts), ("question_vectors", questions)):
                    job[name] = f"{folder}/{name}"
                    Path(job[name]).write_bytes(self._vectors.of(some)[0].tobytes())
            asked, result = Path(folder, "job.json"), Path(folder, "result.json")
            asked.write_text(json.dumps(job), encoding="utf-8")
            homes = (f"HOME={folder}", f"TMPDIR={folder}", f"MEM0_DIR={folder}/mem0")
            command = ["env", *_QUIET, *homes, self.python(peer), "-P", str(WORKER), "rank", str(asked), str(result)]
            ended = subprocess.run(command, capture_output=True, text=True)
            if ended.returncode:
                reason = " | ".join(ended.stderr.strip().splitlines()[-_LAST_LINES:])
                raise StoppedError(f"the peer {peer.key} failed: {reason}")
            found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
            return found

    def install_mb(self, peer: Peer) -> float:
        """Size of what its installation brings, MiniLM's included."""
        own = _size_mb(self.python(peer), peer.requirements) if peer.requirements else 0.0
        return own + (_size_mb(sys.executable, MINILM) if peer.needs_vectors else 0.0)


def our_install_mb(*, dense: bool) -> float:
    """The same of our library alone, with its extra [dense] or without."""
    own = sum(path.stat().st_size for path in LIBRARY.rglob("*") if path.is_file() and path.suffix != ".pyc") / 2**20
    return own + _size_mb(sys.executable, (*OUR_NEEDS, *(MINILM if dense else ())))


def package_mb(requirements: Sequence[str]) -> float:
    """The same of packages in our own environment."""
    return _size_mb(sys.executable, requirements)


def _found_here(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its package is not there
        return False


def _size_mb(python: str, requirements: Sequence[str]) -> float:
    ended = subprocess.run(
        [python, "-P", str(WORKER), "size", *requirements], capture_output=True, text=True, check=True
    )
    return float(ended.stdout)


def _digest(peer: Peer, texts: Sequence[str], questions: Sequence[str]) -> str:
    asked = json.dumps([peer.key, peer.requirements, LIMIT, list(texts), list(questions)])
    return hashlib.sha256(asked.encode()).hexdigest()[:24]
