"""Makes the environments of the peers of benchmarks.retrieval.

    python -m benchmarks.peers.install                    # all of them, about 1 GB
    python -m benchmarks.peers.install llamaindex mem0    # some

Each gets a virtual environment of its own under .peers/environments, because their dependencies clash with one another
and with ours. Those that rank by MiniLM need `pip install '.[peers]'` besides, in the environment of the benchmark.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.peers.install")

import argparse
import subprocess
import sys

from benchmarks.peers.catalogue import CATALOGUE, OURS, chosen
from benchmarks.peers.runner import FOLDER
from harness.commands import run_command
from memoryqa.errors import StoppedError


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.install",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(peer.key for peer in CATALOGUE))
    args = parser.parse_args(argv)
    return run_command("benchmarks.peers.install", lambda: install(args.peers))


def install(keys: list[str]) -> None:
    """Make what is missing. Raises UsageError for an unknown peer, StoppedError when pip fails."""
    wanted: dict[str, dict[str, None]] = {}
    for peer in chosen(keys):
        wanted.setdefault(peer.environment, {}).update(dict.fromkeys(peer.requirements))
    if ours := wanted.pop(OURS, None):
        print(f"in this environment: pip install '.[peers]' ({', '.join(ours)})", file=sys.stderr)
    for name, requirements in wanted.items():
        folder = FOLDER / "environments" / name
        print(f"{folder}: {' '.join(requirements)}", file=sys.stderr)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *requirements)


def _run(*command: str) -> None:
    if subprocess.run(command).returncode:
        raise StoppedError(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    raise SystemExit(main())
