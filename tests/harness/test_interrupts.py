"""Ctrl-C at any moment of a script, from the first import on, is one line and exit status 1."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

from memoryqa.terminal import loaded, quiet_while_loading

SCRIPTS = [
    path
    for path in (*ROOT.glob("*.py"), *(ROOT / "locomo").rglob("*.py"), *(ROOT / "reports").rglob("*.py"))
    if '\nif __name__ == "__main__":' in path.read_text() and "run_command(" in path.read_text()
]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_loads_nothing_before_ctrl_c_is_one_line(path: Path) -> None:
    imported = [line for line in path.read_text().splitlines() if line.lstrip().startswith(("import ", "from "))]
    assert imported[:2] == [
        "from __future__ import annotations",
        "    from memoryqa.terminal import quiet_while_loading",
    ]


LOADING = """
import sys, time
from memoryqa.terminal import loaded, quiet_while_loading
quiet_while_loading("x.py")
def load():
    print("loading", flush=True)
    time.sleep(60)
"""
WORKING = """
import sys, time
from harness.commands import run_command
from memoryqa.terminal import quiet_while_loading
quiet_while_loading("x.py")
def work():
    print("working", flush=True)
    time.sleep(60)
"""
DROPPED = """
class Loud:
    def __del__(self):  # where Python drops what is raised
        print("deleting", flush=True)
        time.sleep(1)
def delete():
    thing = Loud()
    del thing
    time.sleep(60)
"""


@pytest.mark.parametrize(
    "code",
    [
        LOADING + "load()",
        LOADING + "try:\n    load()\nexcept BaseException:\n    print('swallowed', flush=True)",
        WORKING + "sys.exit(run_command('x.py', work))",
        WORKING + DROPPED + "sys.exit(run_command('x.py', delete))",
    ],
    ids=["loading", "an import that catches everything", "working", "in a destructor"],
)
def test_ctrl_c_is_one_line_whenever_it_comes(code: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed, said) == (1, "", "x.py: interrupted\n")


STOPPING = """
import signal, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # of a test under nohup it is ignored
from harness.commands import run_command
from memoryqa.errors import StoppedError
def work():
    try:
        print("working", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        raise StoppedError("interrupted; all is kept")
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 1)])
def test_the_status_is_the_signals_though_the_script_says_what_it_kept(number: int, status: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", f"{STOPPING}import sys; sys.exit(run_command('x.py', work))"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (status, "x.py: interrupted; all is kept\n")


def test_a_terminal_that_is_closed_ends_the_work_like_ctrl_c_though_nothing_can_be_printed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    code = f"{STOPPING}import sys\nfrom pathlib import Path\n" + (
        "def keep():\n"
        "    try:\n"
        "        work()\n"
        "    finally:\n"
        "        print('saving', flush=True); print('saving', file=sys.stderr, flush=True)\n"
        f"        Path({str(kept)!r}).write_text('all')\n"
        "sys.exit(run_command('x.py', keep))"
    )
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=slave, stderr=slave, preexec_fn=os.setsid)
    os.close(slave)
    assert os.read(master, 100).startswith(b"working")
    os.close(master)  # what is printed from now on fails
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 129
    assert kept.read_text() == "all"


@pytest.mark.parametrize("ignored", [False, True], ids=["usually", "where Ctrl-C is ignored"])
def test_sigterm_acts_like_ctrl_c_and_has_its_own_status(ignored: bool) -> None:
    begin = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" if ignored else ""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{begin}{WORKING}sys.exit(run_command('x.py', work))"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    printed, said = process.communicate(timeout=60)
    expected = (-signal.SIGTERM, "", "") if ignored else (128 + signal.SIGTERM, "", "x.py: terminated\n")
    assert (process.returncode, printed, said) == expected


def test_a_job_in_the_background_goes_on_ignoring_ctrl_c() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        quiet_while_loading("x.py")
        loaded()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
