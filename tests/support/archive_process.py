"""A process that the tests of the archive start beside themselves, and kill: `python archive_process.py TASK PATH`.

Every task prints a line when it begins, and a line for whatever it has done since.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from checkout import ROOT

from memoryqa.archive.database import Archive
from memoryqa.archive.saved import save_memory
from memoryqa.config import MemoryConfig
from memoryqa.memory import AdaptiveMemory
from memoryqa.messages import SESSION_GAP
from memoryqa.turns import Turn

SAVED_TURNS = 2_000  # by the task "save"
READING_SEC = 0.7
LIVE_TOKENS = 300
LIVE_TIME = datetime(2023, 5, 8, 13, 56)


def counted_turn(number: int) -> Turn:
    """The `number`-th turn of an endless conversation, of any length up to two pages of a database."""
    text = f"I counted {number} otters. " + "They swam away. " * (number * 37 % 500)
    day = datetime(2023, 5, 8) + timedelta(number // 20)
    return Turn(number // 20 + 1, number % 20 + 1, ("Ines", "Bo")[number % 2], text, day)


# -- for the tests -----------------------------------------------------------------------------------------------------


def spawn(task: str, path: Path) -> subprocess.Popen[str]:
    """A process that will be at work on `path`."""
    return subprocess.Popen(
        [sys.executable, __file__, task, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def begin(task: str, path: Path) -> subprocess.Popen[str]:
    """A process at work on `path`: it has begun."""
    process = spawn(task, path)
    assert process.stdout is not None
    if process.stdout.readline() != "open\n":
        raise AssertionError(process.communicate()[1])
    return process


def acknowledged(process: subprocess.Popen[str], lines: int) -> list[str]:
    """The next lines that the process prints, however busy the machine is."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(lines)]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file's bytes; None for what is no file."""
    return {one.name: one.read_bytes() if one.is_file() else None for one in folder.iterdir()}


def kill(process: subprocess.Popen[str]) -> list[str]:
    """kill -9; returns the lines that the process has managed to print since it began."""
    assert process.stdout is not None
    process.kill()
    lines = process.stdout.read().splitlines(keepends=True)  # communicate would leave out what was read ahead
    process.communicate()
    return [line.strip() for line in lines if line.endswith("\n")]


# -- the tasks ---------------------------------------------------------------------------------------------------------


def _say(what: object) -> None:
    print(what, flush=True)


def add(path: str) -> None:
    with Archive(path) as archive:
        _say("open")
        for number in count(len(archive)):
            archive.add(counted_turn(number))
            _say(number)


def extend(path: str) -> None:
    with Archive(path) as archive:
        _say("open")
        archive.extend(counted_turn(number) for number in count(len(archive)))


def read(path: str) -> None:
    """What is there, again and again: always the beginning of the conversation, never shorter than before."""
    with Archive(path) as archive:
        _say("open")
        held, end = 0, time.monotonic() + READING_SEC
        while time.monotonic() < end:
            turns = list(archive.restore())
            assert turns == [counted_turn(number) for number in range(len(turns))]
            assert len(turns) >= held
            assert archive.search("otters", 3)
            held = len(turns)
        _say(held)


def save(path: str) -> None:
    turns = [counted_turn(number) for number in range(SAVED_TURNS)]
    _say("open")
    save_memory(path, turns, MemoryConfig(memory_tokens=500), None, SESSION_GAP)
    _say("saved")


def live(path: str) -> None:
    """Add to a live memory for ever, whatever others add."""
    with AdaptiveMemory.open(path, memory_tokens=LIVE_TOKENS) as memory:
        _say("open")
        for number in count():
            turn = memory.add(f"Otter {number} of {os.getpid()} swam away.", speaker="Ines", time=LIVE_TIME)
            _say(f"{turn.id} {turn.text}")


def forget(path: str) -> None:
    """Forget one turn after the other, the last first."""
    with AdaptiveMemory.open(path) as memory:
        _say("open")
        for turn in reversed(memory.transcript().turns):
            memory.forget(turn.id)
            _say(turn.id)


if __name__ == "__main__":
    tasks = {"add": add, "extend": extend, "read": read, "save": save, "live": live, "forget": forget}
    tasks[sys.argv[1]](sys.argv[2])
