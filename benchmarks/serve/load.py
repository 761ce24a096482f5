"""What `memoryqa serve` bears: searches over many chats while messages are added, at fixed rates, by a real server.

    python -m benchmarks.serve                     # 100 chats of 1,000 turns, 200 searches and 50 adds a second, 30 s
    python -m benchmarks.serve --minutes 10        # whether its memory stays flat
    python -m benchmarks.serve --chats 10 --minutes 0.1 --json

The history is that of benchmarks.scale, of another start for each chat. A request is sent when it is due and timed
from then, though others wait: a server that falls behind shows it. The target is a p95 of searches below 50 ms on two
cores, of which the load itself needs a part. CPU is that of the server, which a busy machine moves less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from benchmarks.scale.histories import history
from benchmarks.serve.sending import Sender
from harness.checkout import commit_of
from harness.commands import add_json_flag, run_command
from locomo.latency import percentiles

TARGET_MS = 50.0
BUSY = 503  # a server that has too much to do refuses at once
ROOT = Path(__file__).parents[2]
_SAMPLES = 10  # of the server's memory
_START = 37  # sessions between the starts of two chats


@dataclass(frozen=True, slots=True)
class Load:
    """chats, turns: of each, before. searches, adds: a second. seconds: of the measurement. warm_up: searches in each
    chat before it."""

    chats: int = 100
    turns: int = 1_000
    searches: float = 200.0
    adds: float = 50.0
    seconds: float = 30.0
    warm_up: int = 30


@dataclass(slots=True)
class Outcome:
    """Times in milliseconds, from when a request was due. cpu_ms: of the server, for a request. resident_mib: of the
    server, at equal distances. refused: because the server had too much to do. failed: other requests without
    success, by why: a status of HTTP, or why no reply came. load_cpu_share: of a core, for the load
    itself. kib_an_add: by how much the server's memory grew in the second half for each message added in it: a message
    takes some, and more than that is a leak."""

    load: Load
    searches: dict[str, float | None] = field(default_factory=dict)
    adds: dict[str, float | None] = field(default_factory=dict)
    searches_a_sec: float = 0.0
    adds_a_sec: float = 0.0
    refused: int = 0
    failures: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    cpu_ms: float = 0.0
    cpu_share: float = 0.0
    load_cpu_share: float = 0.0
    resident_mib: list[float] = field(default_factory=list)
    kib_an_add: float | None = None
    machine: str = ""
    commit: str = ""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = Load()
    parser.add_argument("--minutes", type=float, default=usual.seconds / 60, metavar="N", help="(default: %(default)g)")
    parser.add_argument("--chats", type=int, default=usual.chats, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--turns", type=int, default=usual.turns, metavar="N", help="of each (default: %(default)s)")
    parser.add_argument(
        "--searches", type=float, default=usual.searches, metavar="N", help="a second (default: %(default)g)"
    )
    parser.add_argument("--adds", type=float, default=usual.adds, metavar="N", help="a second (default: %(default)g)")
    parser.add_argument(
        "--warm-up", type=int, default=usual.warm_up, metavar="N", help="searches a chat before (default: %(default)s)"
    )
    add_json_flag(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    load = Load(args.chats, args.turns, args.searches, args.adds, args.minutes * 60, args.warm_up)

    def command() -> int:
        outcome = measure(load)
        print(json.dumps(asdict(outcome)) if args.json else shown(outcome))
        return 0

    return run_command("benchmarks.serve", command)


def measure(load: Load) -> Outcome:
    """Fill a folder, serve it, and load the server."""
    with tempfile.TemporaryDirectory(prefix="memoryqa-serve-") as folder:
        questions = fill(Path(folder), load)
        with serving(Path(folder)) as (port, process):
            outcome = asyncio.run(_measure(load, questions, port, process.pid))
    outcome.machine, outcome.commit = machine(), commit_of(ROOT) or "unknown"
    return outcome


def fill(folder: Path, load: Load) -> list[str]:
    """Write the chats; returns questions to ask of them."""
    from locomo.dataset import SAMPLE_PATH
    from locomo.dataset import load as load_dataset
    from memoryqa.memories import Memories

    dataset = load_dataset(SAMPLE_PATH)
    with Memories.open(folder) as memories:
        for number in range(load.chats):
            turns = islice(history(dataset.conversations, number * _START), load.turns)
            memories.create(_chat(number)).extend(turns)
            memories.put_away(_chat(number))
    return [one.text for one in dataset.questions]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server of `folder` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable,
        "-m",
        "memoryqa",
        "serve",
        "--store",
        str(folder),
        "--port",
        str(port),
        "--rate",
        "1e6",
        "--model",
        "offline",
    ]
    process = subprocess.Popen(command)
    try:
        yield port, process
    finally:
        process.terminate()
        process.wait()


async def _measure(load: Load, questions: Sequence[str], port: int, pid: int) -> Outcome:
    sender, rng = Sender(port), random.Random(1)
    await sender.wait()
    for number in range(load.chats * load.warm_up):  # lines are rendered when they are first shown
        await sender.send(*_search(number % load.chats, rng.choice(questions)))
    outcome = Outcome(load, resident_mib=[resident_mib(pid)])
    searches, adds = list[float](), list[float]()
    waiting = list[asyncio.Task[None]]()

    async def timed(request: tuple[str, bytes], due: float, times: list[float]) -> None:
        status, why = await sender.reply(*request)
        if 200 <= status < 300:
            times.append((time.perf_counter() - due) * 1_000)
        elif status == BUSY:
            outcome.refused += 1
        else:
            outcome.failures += 1
            kind = why or f"status {status}"
            outcome.failed[kind] = outcome.failed.get(kind, 0) + 1

    cpu, own_cpu, began = cpu_sec(pid), time.process_time(), time.perf_counter()
    for due, is_search in _schedule(load):
        if (early := began + due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        if due >= len(outcome.resident_mib) * load.seconds / _SAMPLES:
            outcome.resident_mib.append(resident_mib(pid))
        chat = rng.randrange(load.chats)
        request = _search(chat, rng.choice(questions)) if is_search else _add(chat, rng.choice(questions), len(waiting))
        waiting.append(asyncio.create_task(timed(request, began + due, searches if is_search else adds)))
    await asyncio.gather(*waiting)
    took, cpu = time.perf_counter() - began, cpu_sec(pid) - cpu
    outcome.resident_mib.append(resident_mib(pid))
    outcome.kib_an_add = _growth(outcome)
    outcome.searches, outcome.adds = _times(searches), _times(adds)
    outcome.searches_a_sec, outcome.adds_a_sec = round(len(searches) / took, 1), round(len(adds) / took, 1)
    outcome.cpu_ms = round(1_000 * cpu / max(1, len(waiting)), 2)
    outcome.cpu_share = round(cpu / took, 2)
    outcome.load_cpu_share = round((time.process_time() - own_cpu) / took, 2)
    await sender.close()
    return outcome


def _schedule(load: Load) -> list[tuple[float, bool]]:
    """When each request is due, in seconds, and whether it is a search."""
    rates = ((load.searches, True), (load.adds, False))
    return sorted((number / rate, kind) for rate, kind in rates if rate for number in range(int(load.seconds * rate)))


def _growth(outcome: Outcome) -> float | None:
    """See `Outcome`. None without adds."""
    half = len(outcome.resident_mib) // 2
    later = outcome.resident_mib[half:]
    adds = outcome.load.adds * outcome.load.seconds * (len(later) - 1) / _SAMPLES
    return round(1024 * (later[-1] - later[0]) / adds, 1) if adds else None


def _times(milliseconds: list[float]) -> dict[str, float | None]:
    found = percentiles(milliseconds)
    return {"p50": _rounded(found["p50"]), "p95": _rounded(found["p95"]), "p99": _rounded(found["p99"])}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _chat(number: int) -> str:
    return f"chat{number:03d}"


def _search(chat: int, question: str) -> tuple[str, bytes]:
    return "/v1/search", json.dumps({"question": question, "chats": [_chat(chat)]}).encode()


def _add(chat: int, text: str, number: int) -> tuple[str, bytes]:
    said = {"text": f"{text} ({number})", "speaker": "Ada", "time": "2030-01-01T10:00"}
    return f"/v1/chats/{_chat(chat)}/messages", json.dumps({"messages": [said]}).encode()


# -- the machine -------------------------------------------------------------------------------------------------------


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def cpu_sec(pid: int) -> float:
    """Seconds of CPU time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    names = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    processor = next(names, platform.machine())
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores of {processor}, Python {platform.python_version()}{busy}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def shown(outcome: Outcome) -> str:
    """The figures as text."""
    load, p95 = outcome.load, outcome.searches["p95"]
    reached = "" if p95 is None else f"  (target p95 < {TARGET_MS:g} ms: {'met' if p95 < TARGET_MS else 'missed'})"
    return "\n".join([
        f"{load.chats} chats of {load.turns:,} turns, {load.seconds:g} s; {outcome.machine}; commit {outcome.commit}",
        f"searches  {outcome.searches_a_sec:6.1f}/s  {_in_ms(outcome.searches)}{reached}",
        f"adds      {outcome.adds_a_sec:6.1f}/s  {_in_ms(outcome.adds)}",
        f"refused   {outcome.refused}, failed {outcome.failures}"
        + "".join(f"; {why}: {count}" for why, count in sorted(outcome.failed.items())),
        f"server    {outcome.cpu_ms:.2f} ms of CPU a request, {outcome.cpu_share:.0%} of a core; "
        f"the load itself {outcome.load_cpu_share:.0%}",
        f"memory    {', '.join(f'{one:.0f}' for one in outcome.resident_mib)} MiB"
        + ("" if outcome.kib_an_add is None else f"; in the second half {outcome.kib_an_add:.1f} KiB for each add"),
    ])  # fmt: skip


def _in_ms(times: dict[str, float | None]) -> str:
    return "  ".join(f"{name} {'-' if value is None else f'{value:.1f} ms'}" for name, value in times.items())
