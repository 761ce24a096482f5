"""What adding and searching cost as a history grows: our memory beside bm25s, rank-bm25, SQLite FTS5 and tantivy.

    python -m benchmarks.scale                                               # the bundled sample, up to 100,000 turns
    python -m benchmarks.scale --data data/locomo10.json --max-turns 1000000 # as published; half an hour

A history repeats the sessions of the data, four a day, each pass over them under other names; the questions are the
data's own, each under the names of some pass. Every system and size runs alone, in a fresh process, warmed up by 100
turns. Times are CPU time of the process, which other work on the machine hardly moves. Nothing here waits or uses a
second core, so the clock of an idle machine shows the same.

add_us_mean      one add that the next search finds. memory, SQLite FTS5: all adds over their number. tantivy: the last
                 100, one commit each, the others before in one go. bm25s, rank-bm25: one rebuild at that size.
query_ms_*       memory: `search` at 4,000 tokens, ranked, packed and rendered. Peers: the texts of the best 50 turns.
bytes_per_turn   growth of the process's resident memory (buffers and fragmentation too), less the UTF-8 bytes of the
                 turns' texts and captions, which every system keeps for itself. Rough below 100,000 turns, where
                 memory freed by the warm-up is used again. null without Linux's /proc.

null means not measured; the reason is on stderr. `users` is as many memories in one process, asked in turn.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.questions import PUBLISHED, add_format_flag, add_split_flag, print_notes, restrict
from benchmarks.scale.engines import COMMITS, ENGINES, MOST_TURNS, Ask
from benchmarks.scale.histories import asked, history
from harness.commands import run_command
from locomo.rows import MAIN_PROGRAM as MEMORY

if TYPE_CHECKING:
    from memoryqa.turns import Turn

SMALLEST = 1_000  # turns; the sizes are its tenfolds
TURNS_PER_USER = 1_000


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one system at one size. None: not measured."""

    add_us_mean: float | None = None
    query_ms_p50: float | None = None
    query_ms_p95: float | None = None
    query_ms_p99: float | None = None
    bytes_per_turn: float | None = None


def resident_bytes() -> int | None:
    """Resident memory of this process now, without what is free for reuse. None where there is no /proc."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return None
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc's
        trim(0)
    return int(statm.read_text().split()[1]) * resource.getpagesize()


class Texts:
    """Passes turns on and adds up the bytes of their texts."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = turns
        self.num_turns = self.num_bytes = 0

    def __iter__(self) -> Iterator[Turn]:
        for turn in self._turns:
            self.num_turns += 1
            self.num_bytes += sum(len(text.encode("utf-8", "surrogatepass")) for text in (turn.text, turn.caption))
            yield turn


def time_queries(asks: Iterable[tuple[Ask, str]]) -> dict[str, float | None]:
    """CPU milliseconds of each question put to its system."""
    from locomo.latency import percentiles

    times_ms = []
    for ask, question in asks:
        started = time.process_time()
        ask(question)
        times_ms.append((time.process_time() - started) * 1000)
    found = percentiles(times_ms)
    return {"query_ms_p50": found["p50"], "query_ms_p95": found["p95"], "query_ms_p99": found["p99"]}


def measure(
    system: str,
    num_turns: int,
    num_users: int,
    path: str,
    num_questions: int,
    seed: int,
    split: str = PUBLISHED,
    data_format: str | None = None,
) -> Cost:
    """One system, alone in this process: a history of `num_turns` for each of `num_users`."""
    from locomo.dataset import load
    from locomo.questions import select

    build, rng = ENGINES[system], random.Random(seed)
    dataset = restrict(load(path, data_format), split)
    conversations = dataset.conversations
    questions = select(dataset, "all", num=num_questions, seed=seed, categories="counted")
    texts = asked(conversations, questions, num_turns, rng)
    build(islice(history(conversations), COMMITS))[1](texts[0])  # loads code, vocabularies and caches
    before, asks, add_us, num_bytes = resident_bytes(), [], [], 0
    for user in range(num_users):
        turns = Texts(islice(history(conversations, start=user), num_turns))
        us, ask = build(turns)
        add_us.append(us)
        asks.append(ask)
        num_bytes += turns.num_bytes
    after = resident_bytes()
    grown = None if before is None or after is None else (after - before - num_bytes) / (num_users * num_turns)
    place = {one.id: number for number, one in enumerate(conversations)}
    of_users = [asks[place[one.conversation_id] :: len(conversations)] or asks for one in questions]  # who spoke of it
    latency = time_queries((rng.choice(users), text) for users, text in zip(of_users, texts, strict=True))
    found = {"add_us_mean": sum(add_us) / num_users, "bytes_per_turn": grown, **latency}
    return Cost(**{name: None if value is None else round(value, 3) for name, value in found.items()})


def measure_apart(*what: Any) -> Cost:
    """`measure` in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(measure, *what).result()


# -- the command -------------------------------------------------------------------------------------------------------


def sizes_up_to(most: int) -> list[int]:
    """1,000 and its tenfolds."""
    return [10**power for power in range(3, len(str(most)))]


def print_table(title: str, rows: Mapping[str, Cost]) -> None:
    """Print the tables on stderr."""
    from rich.table import Table

    from harness.terminal import stderr_console

    table = Table(title=title, title_justify="left")
    for column in ("system", "add µs", "query ms p50", "p95", "p99", "bytes/turn"):
        table.add_column(column, justify="left" if column == "system" else "right")
    for name, cost in rows.items():
        numbers = (cost.add_us_mean, cost.query_ms_p50, cost.query_ms_p95, cost.query_ms_p99, cost.bytes_per_turn)
        table.add_row(name, *("-" if one is None else f"{one:,.{0 if abs(one) >= 100 else 2}f}" for one in numbers))
    stderr_console().print(table)


def measure_all(sizes: Sequence[int], systems: Sequence[str], *what: Any) -> dict[str, Any]:
    """By size and system, ready for JSON; each size's table is printed when it is done."""
    found: dict[str, Any] = {}
    for size in sizes:
        rows = {}
        for system in systems:
            print(f"{size:,} turns: {system} ...", file=sys.stderr, flush=True)
            rows[system] = Cost()
            if size > MOST_TURNS.get(system, size):
                print(f"  left out: beyond {MOST_TURNS[system]:,} turns it takes too long", file=sys.stderr)
                continue
            try:
                rows[system] = measure_apart(system, size, 1, *what)
            except ModuleNotFoundError as error:
                print(f"  left out: {error.name} is not installed; pip install '.[dev]'", file=sys.stderr)
        print_table(f"one history of {size:,} turns", rows)
        found[str(size)] = {system: asdict(cost) for system, cost in rows.items()}
    return found


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", metavar="PATH", help="a file, folder or named set (default: the bundled sample)")
    add_format_flag(parser)
    add_split_flag(parser)
    add("--max-turns", type=int, default=100_000, help="the largest history, at least 1000 (default: %(default)s)")
    users_help = "memories of 1,000 turns in one process, as far as --max-turns allows (default: %(default)s; 0: none)"
    add("--users", type=int, default=1_000, help=users_help)
    add("--questions", type=int, default=200, help="asked of each system at each size (default: %(default)s)")
    add("--systems", type=parse_systems, default=",".join(ENGINES), help="comma separated (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the choice of questions (default: %(default)s)")
    return parser


def parse_systems(text: str) -> list[str]:
    """`memory,bm25s` -> its parts."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in ENGINES]:
        raise argparse.ArgumentTypeError(f"unknown {', '.join(map(repr, unknown))}; choose from {', '.join(ENGINES)}")
    return list(dict.fromkeys(names))


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    for flag, least in (("max_turns", SMALLEST), ("users", 0), ("questions", 1)):
        if getattr(args, flag) < least:
            parser.error(f"--{flag.replace('_', '-')} must be at least {least:,}, got {getattr(args, flag):,}")
    return run_command("benchmarks.scale", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure every system at every size, and print what came out. Raises UsageError for bad data."""
    from locomo.dataset import SAMPLE_PATH, find
    from locomo.questions import select

    dataset = find(args.data or str(SAMPLE_PATH), args.format)
    asked_about = restrict(dataset, args.split)
    questions = len(select(asked_about, "all", num=args.questions, seed=args.seed, categories="counted"))
    print_notes(dataset, args.split)
    what = (str(dataset.path), args.questions, args.seed, args.split, dataset.format)
    sizes = measure_all(sizes_up_to(args.max_turns), args.systems, *what)
    users = min(args.users, args.max_turns // TURNS_PER_USER)
    shared = {}
    if users and MEMORY in args.systems:
        print(f"{users:,} users of {TURNS_PER_USER:,} turns: {MEMORY} ...", file=sys.stderr, flush=True)
        shared = {MEMORY: measure_apart(MEMORY, TURNS_PER_USER, users, *what)}
        print_table(f"{users:,} users of {TURNS_PER_USER:,} turns in one process", shared)
    result = {
        "data": {"name": dataset.name, "sha256": dataset.sha256, "split": args.split, "questions": questions},
        "sizes": sizes,
        "users": {"users": users, "turns_per_user": TURNS_PER_USER}
        | {name: asdict(one) for name, one in shared.items()},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    raise SystemExit(main())
