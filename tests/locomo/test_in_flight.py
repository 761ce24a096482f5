"""Ctrl-C while calls are in flight: the first waits for them, the second gives up those that have not ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from checkout import ROOT

SCRIPT = """
import sys, threading, time
from locomo.in_flight import run_in_threads

one_at_a_time = threading.Lock()

def call(number):
    with one_at_a_time:  # print writes a line and its end apart
        print("begun", flush=True)
    time.sleep(0.8 if number == 0 else 120)
    return number

try:
    run_in_threads(
        [lambda number=number: call(number) for number in range(3)],
        on_result=lambda result: print("row", result, flush=True),
        check=lambda result: None,
        num_threads=3,
    )
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(1)
"""


@pytest.mark.slow
def test_the_second_ctrl_c_ends_it_within_a_second_and_the_rows_that_came_are_kept() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "row 0\n"
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait(timeout=10) == 1
        assert time.monotonic() - started < 5  # well below one, on a machine that does nothing else
