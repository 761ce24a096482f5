"""Signals that wait for the end of a write, and children that end in their own time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from checkout import ROOT
from waiting import wait_for

from harness.signals import signals_held_back, sigterm_interrupts

CHILD = """
import signal, sys, time
from pathlib import Path
came = []
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: came.append(number))
folder = Path(sys.argv[1])
(folder / "working").touch()
while not came:
    time.sleep(0.01)
time.sleep(0.7)  # it saves what it has: longer than subprocess.run waits for after Ctrl-C
(folder / "kept").write_text(" ".join(signal.Signals(one).name for one in came))
sys.exit(int(sys.argv[2]))
"""
PARENT = """
import signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # of a test under nohup it is ignored
from harness.commands import run_command
from harness.signals import run_child
sys.exit(run_command("x.py", lambda: run_child([sys.executable, "-c", *sys.argv[1:]]).returncode))
"""


def test_a_signal_waits_for_the_end_of_the_block_and_handlers_are_as_before() -> None:
    reached = []
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with sigterm_interrupts(), pytest.raises(KeyboardInterrupt), signals_held_back():  # noqa: PT012
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
            reached.append(number)
    assert reached == [signal.SIGTERM, signal.SIGINT]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_is_not_lost_when_the_block_fails() -> None:
    with pytest.raises(KeyboardInterrupt), signals_held_back():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        raise OSError("the disk is full")


def test_other_threads_hold_nothing_back() -> None:
    handlers = []

    def note() -> None:
        with signals_held_back():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=note)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


@pytest.mark.parametrize(
    ("number", "status", "ends"),
    [
        (signal.SIGINT, 3, (3, "")),
        (signal.SIGINT, 0, (1, "x.py: interrupted\n")),
        (signal.SIGTERM, 143, (143, "")),
        (signal.SIGHUP, 0, (129, "x.py: hung up\n")),
    ],
)
def test_a_child_gets_a_signal_once_and_has_its_own_time_to_end(
    tmp_path: Path, number: int, status: int, ends: tuple[int, str]
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD, str(tmp_path), str(status)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for((tmp_path / "working").exists)
    os.killpg(parent.pid, number)  # as a terminal does, to all that runs in it
    _, said = parent.communicate(timeout=60)
    assert (parent.returncode, said) == ends
    assert (tmp_path / "kept").read_text() == signal.Signals(number).name


def test_a_process_ends_with_the_one_that_holds_its_standard_input_even_by_a_kill(tmp_path: Path) -> None:
    child = (
        "import os, time\nfrom pathlib import Path\nfrom harness.commands import run_command\n"
        "from harness.signals import end_with_stdin\n"
        "def work():\n"
        "    end_with_stdin()\n"
        f"    Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    try:\n        time.sleep(99)\n"
        f"    finally:\n        Path({str(tmp_path / 'gave back')!r}).touch()\n"
        "run_command('x.py', work)"
    )
    code = (
        "import sys, time\nfrom tuning.studies.worker import extra_workers\n"
        f"with extra_workers([sys.executable, '-c', {child!r}], 1):\n    time.sleep(99)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_for(lambda: int((tmp_path / "pid").read_text()))
    time.sleep(0.1)
    assert not (tmp_path / "gave back").exists(), "it runs while its parent does"
    parent.kill()
    parent.wait()
    wait_for((tmp_path / "gave back").exists)
