"""What a memory in a file costs: beside plain SQLite inserts of the same texts, and beside a memory built anew.

    python -m benchmarks.store                     # 100,000 turns, 300 chats; a minute or two
    python -m benchmarks.store --turns 10000 --chats 30 --json

The history is that of benchmarks.scale. Every part runs alone, in a fresh process, warmed up by 100 turns. Adds are
timed by the clock, as who waits for them does, and in CPU time; all else is CPU time of the process.

of sqlite   so many times what plain SQLite takes: one table of texts, WAL, a commit for each add or for all in bulk
of fresh    so many times what a memory in no file takes, which indexes all turns where the file is opened

A busy machine moves the times more than the ratios.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.scale.costs import resident_bytes
from benchmarks.scale.histories import history
from harness.commands import add_json_flag, run_command

if TYPE_CHECKING:
    from memoryqa.turns import Turn

WARM_UP = 100  # turns
CHAT_TURNS = 100
CHANGES = 5  # of each kind, timed
QUESTIONS = ("Who went camping with the family?", "When was the last trip to the sea?")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. sqlite, fresh: the same of plain SQLite, and of a memory in no file. most: what is to be reached;
    least: for a rate."""

    name: str
    unit: str
    value: float
    sqlite: float | None = None
    fresh: float | None = None
    most: float | None = None
    least: float | None = None

    @property
    def is_reached(self) -> bool | None:
        """None without a target."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)


def turns_of(num_turns: int, start: int = 0) -> list[Turn]:
    """The first turns of the history, or of another one that starts elsewhere."""
    from locomo.dataset import SAMPLE_PATH, load

    return list(islice(history(load(SAMPLE_PATH).conversations, start), num_turns))


@contextmanager
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """A table of texts, committed as a store commits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS turns (id TEXT UNIQUE, time TEXT, speaker TEXT, text TEXT)")
        yield connection


def _values(turn: Turn) -> tuple[str, str, str, str]:
    return turn.id, str(turn.time), turn.speaker, f"{turn.text} {turn.caption}"


_INSERT = "INSERT INTO turns VALUES (?, ?, ?, ?)"


def _warm_up() -> None:
    from memoryqa.memory import AdaptiveMemory

    memory = AdaptiveMemory()
    memory.extend(turns_of(WARM_UP))
    memory.search(QUESTIONS[0])


def _cpu_sec(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


# -- the parts, each alone in a process --------------------------------------------------------------------------------


def adding(folder: Path, num_turns: int) -> list[Row]:
    """Adds one by one: the clock of each."""
    from locomo.latency import percentiles
    from memoryqa.memory import AdaptiveMemory

    def timed(add: Callable[[Turn], object]) -> list[float]:
        """p50 and p99 by the clock, and of CPU time, in milliseconds."""
        clock, cpu = list[float](), list[float]()
        for turn in turns:
            started, started_cpu = time.perf_counter(), time.process_time()
            add(turn)
            cpu.append((time.process_time() - started_cpu) * 1000)
            clock.append((time.perf_counter() - started) * 1000)
        return [value or 0.0 for one in map(percentiles, (clock, cpu)) for value in (one["p50"], one["p99"])]

    _warm_up()
    turns = turns_of(num_turns)
    with AdaptiveMemory.open(folder / "adding.db") as memory:
        in_file = timed(memory.add)
    in_memory = timed(AdaptiveMemory().add)
    with plain(folder / "plain.db") as connection:
        in_sqlite = timed(lambda turn: connection.execute(_INSERT, _values(turn)))
    names, targets = ("durable, p50", "durable, p99", "CPU, p50", "CPU, p99"), (None, 5.0, None, None)
    return [
        Row(f"add, {name}", "ms", stored, plainly, fresh, most=most)
        for name, stored, plainly, fresh, most in zip(names, in_file, in_sqlite, in_memory, targets, strict=True)
    ]


def in_bulk(folder: Path, num_turns: int) -> list[Row]:
    """Adds all at once, into the file that `opening` opens: turns a second of CPU time. And the size of the file."""
    from memoryqa.memory import AdaptiveMemory

    _warm_up()
    turns = turns_of(num_turns)
    fresh = _cpu_sec(lambda: AdaptiveMemory().extend(turns))
    with AdaptiveMemory.open(folder / "store.db") as memory:
        in_file = _cpu_sec(lambda: memory.extend(turns))
    with plain(folder / "bulk.db") as connection:

        def insert() -> None:
            connection.execute("BEGIN")
            connection.executemany(_INSERT, map(_values, turns))
            connection.execute("COMMIT")

        in_sqlite = _cpu_sec(insert)
    size, of_plain = ((folder / name).stat().st_size / 1e6 for name in ("store.db", "bulk.db"))
    rate, of_sqlite, of_fresh = (num_turns / sec for sec in (in_file, in_sqlite, fresh))
    return [
        Row("index in bulk", "turns/s", rate, of_sqlite, of_fresh, least=5_000),
        Row("size of the file", "MB", size, of_plain, most=60 * num_turns / 100_000),
    ]


def opening(folder: Path, num_turns: int) -> list[Row]:
    """Opens the file in a process that has not read a turn."""
    import memoryqa.memory
    from memoryqa.memory import AdaptiveMemory

    assert memoryqa.memory  # loaded: the time is that of opening
    found: dict[str, Any] = {}
    opened = _cpu_sec(lambda: found.update(memory=AdaptiveMemory.open(folder / "store.db")))
    searches = [_cpu_sec(lambda q=question: found["memory"].search(q, 4_000)) for question in QUESTIONS]  # type: ignore[misc]
    with plain(folder / "bulk.db") as connection:
        read = _cpu_sec(lambda: connection.execute("SELECT * FROM turns").fetchall())
    turns, fresh = turns_of(num_turns), AdaptiveMemory()
    built = _cpu_sec(lambda: fresh.extend(turns))
    asked = [_cpu_sec(lambda q=question: fresh.search(q, 4_000)) for question in QUESTIONS]  # type: ignore[misc]
    for question in QUESTIONS:
        assert found["memory"].search(question, 4_000) == fresh.search(question, 4_000)
    return [
        Row(f"open {num_turns:,} turns", "s", opened, read, built, most=2.0),
        Row("first search", "ms", searches[0] * 1000, None, asked[0] * 1000, most=100),
        Row("second search", "ms", searches[1] * 1000, None, asked[1] * 1000),
    ]


def changing(folder: Path, num_turns: int) -> list[Row]:
    """Corrects and forgets turns in the middle of the file that was just opened, and reads what is held afterwards."""
    from memoryqa.memory import AdaptiveMemory

    _warm_up()
    turns = turns_of(num_turns)
    fresh = AdaptiveMemory()
    built = _cpu_sec(lambda: fresh.extend(turns)) * 1000
    memory = AdaptiveMemory.open(folder / "store.db")
    memory.search(QUESTIONS[0])
    ids = [turn.id for turn in turns[num_turns // 2 :][: 3 * CHANGES]]
    texts = [f"We went camping by lake number {number}." for number in range(CHANGES)]
    corrected = sum(_cpu_sec(lambda i=i, t=t: memory.correct(i, t)) for i, t in zip(ids, texts, strict=False))  # type: ignore[misc]
    erased = ids[CHANGES : 2 * CHANGES]
    replaced = sum(
        _cpu_sec(lambda i=i, t=t: memory.correct(i, t, keep_revision=False))  # type: ignore[misc]
        for i, t in zip(erased, texts, strict=True)
    )
    forgotten = sum(_cpu_sec(lambda i=i: memory.forget(i)) for i in ids[2 * CHANGES :])  # type: ignore[misc]
    held = _cpu_sec(lambda: memory.tokens)
    memory.close()
    return [
        Row("correct a turn", "ms", corrected * 1000 / CHANGES, None, built, most=300),
        Row("correct, old text erased", "ms", replaced * 1000 / CHANGES, None, built),
        Row("forget a turn", "ms", forgotten * 1000 / CHANGES, None, built),
        Row("what is held, after that", "ms", held * 1000),
    ]


def chats(folder: Path, num_chats: int) -> list[Row]:
    """A folder of chats of 100 turns, all open in one process, each asked once."""
    from memoryqa.memories import Memories
    from memoryqa.memory import AdaptiveMemory

    _warm_up()
    with Memories.open(folder / "chats") as made:
        for number in range(num_chats):
            made.create(f"chat {number}").extend(turns_of(CHAT_TURNS, start=number % 50))
    del made
    before = resident_bytes()
    with Memories.open(folder / "chats") as library:
        opened = _cpu_sec(lambda: library.refresh() + sum(map(len, library.values())))
        after = resident_bytes()
        searched = _cpu_sec(lambda: library.search(QUESTIONS[0]))
        asked = resident_bytes()
        assert len(library) == num_chats
    fresh = [AdaptiveMemory() for _ in range(num_chats)]
    begun = resident_bytes()
    for number, memory in enumerate(fresh):
        memory.extend(turns_of(CHAT_TURNS, start=number % 50))
    ended = resident_bytes()
    if None in (before, after, asked, begun, ended):
        return []
    in_memory = (ended - begun) / 1e6  # type: ignore[operator]
    name = f"{num_chats} chats of {CHAT_TURNS} turns"
    return [
        Row(f"{name}, open", "MB", (after - before) / 1e6, None, in_memory, most=100),  # type: ignore[operator]
        Row(f"{name}, all searched", "MB", (asked - before) / 1e6, None, in_memory, most=100),  # type: ignore[operator]
        Row("open a chat", "ms", opened * 1000 / num_chats),
        Row("search all chats", "ms", searched * 1000),
    ]


# -- the command -------------------------------------------------------------------------------------------------------


def measure_apart(part: Callable[[Path, int], list[Row]], *what: Any) -> list[Row]:
    """The rows of one part, in a process of its own."""
    print(f"{part.__name__.replace('_', ' ')} ...", file=sys.stderr, flush=True)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(part, *what).result()


def measure(num_turns: int, num_chats: int, num_adds: int) -> list[Row]:
    """All rows, with files in a temporary folder on the disk of this one's temporary files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return [
            *measure_apart(adding, folder, num_adds),
            *measure_apart(in_bulk, folder, num_turns),
            *measure_apart(opening, folder, num_turns),
            *measure_apart(changing, folder, num_turns),
            *(measure_apart(chats, folder, num_chats) if num_chats else []),
        ]


def table_of(rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    """The rows as they are printed."""

    def ratio(value: float, other: float | None) -> str | None:
        return None if not other else f"{value / other:,.3g}"

    return [
        {
            "": row.name,
            "value": f"{row.value:,.3g} {row.unit}" if row.value < 1000 else f"{row.value:,.0f} {row.unit}",
            "of sqlite": ratio(row.value, row.sqlite),
            "of fresh": ratio(row.value, row.fresh),
            "target": f"<= {row.most:g}" if row.most is not None else f">= {row.least:g}" if row.least else None,
            "reached": None if row.is_reached is None else "yes" if row.is_reached else "no",
        }
        for row in rows
    ]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.store", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=100_000, help="of the long history (default: %(default)s)")
    parser.add_argument("--chats", type=int, default=300, help="of 100 turns, in one process (default: %(default)s)")
    parser.add_argument("--adds", type=int, default=3_000, help="timed one by one (default: %(default)s)")
    add_json_flag(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    for flag, least in (("turns", 1_000), ("chats", 0), ("adds", 100)):
        if getattr(args, flag) < least:
            parser.error(f"--{flag} must be at least {least:,}, got {getattr(args, flag):,}")
    return run_command("benchmarks.store", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """Measure, and print a table or one JSON object."""
    rows = measure(args.turns, args.chats, args.adds)
    if args.json:
        listed = [{**asdict(row), "is_reached": row.is_reached} for row in rows]
        print(json.dumps({"turns": args.turns, "chats": args.chats, "adds": args.adds, "rows": listed}))
        return
    from rich.console import Console

    from harness.terminal import rows_table

    Console().print(rows_table(table_of(rows)))
