"""How long the library and the scripts take to start, and how large a fresh environment with the wheel is.

    python -m benchmarks.startup                # this environment
    python -m benchmarks.startup --fresh        # also: build the wheel, install it alone into a new environment

Times are milliseconds, the median of `--runs` processes, after one that is not counted. import_ms and first_use_ms are
read from `python -X importtime`: the cumulative time of `import memoryqa`, whose names load lazily, and the sum of the
modules that `memoryqa.AdaptiveMemory` loads. The time of a command is wall clock, the interpreter's start included.
help_ms is `memoryqa --help`, help_slowest_ms the slowest `memoryqa COMMAND --help`. The environment's size is the sum
of its files in megabytes (10^6 bytes), pip and setuptools included. The last line on stdout is one JSON document; null
means not measured.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("benchmarks.startup")

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.commands import run_command
from memoryqa.cli.parser import COMMANDS
from memoryqa.errors import StoppedError

ROOT = Path(__file__).resolve().parent.parent
IN_THE_WHEEL = ("pyproject.toml", "README.md", "LICENSE", "memory_system.py", "memoryqa")
IMPORT_TIME = re.compile(r"import time:\s+(?P<own>\d+) \|\s+(?P<cumulative>\d+) \|(?P<indent> *)(?P<name>\S+)")


def output_of(command: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """A finished process. Raises StoppedError with the end of its stderr when it failed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoppedError(f"{' '.join(command)} failed: {' '.join(done.stderr.split())[-300:]}")
    return done


def import_ms(report: str, module: str) -> float:
    """Cumulative milliseconds of `module` in the output of `-X importtime`."""
    found = [line for line in IMPORT_TIME.finditer(report) if line["name"] == module]
    return int(found[-1]["cumulative"]) / 1000


def loaded_ms(report: str, module: str) -> float:
    """Milliseconds of all top-level imports from `module` on, in the output of `-X importtime`."""
    lines = list(IMPORT_TIME.finditer(report))
    start = next(number for number, line in enumerate(lines) if line["name"] == module)
    return sum(int(line["cumulative"]) for line in lines[start:] if len(line["indent"]) == 1) / 1000


def time_imports(python: str, cwd: Path, runs: int) -> dict[str, float]:
    """import_ms and first_use_ms by interpreter `python`, run in `cwd`."""
    command = [python, "-X", "importtime", "-c", "import memoryqa; memoryqa.AdaptiveMemory"]
    reports = [output_of(command, cwd).stderr for _ in range(runs + 1)][1:]
    return {
        "import_ms": round(statistics.median(import_ms(report, "memoryqa") for report in reports), 1),
        "first_use_ms": round(statistics.median(loaded_ms(report, "memoryqa") for report in reports), 1),
    }


def time_command(command: Sequence[str], cwd: Path, runs: int) -> float:
    """Median wall-clock milliseconds of a whole process."""
    times = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        output_of(command, cwd)
        times.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(times[1:]), 1)


def time_slowest_help(runs: int) -> float:
    """Median wall-clock milliseconds of `memoryqa COMMAND --help`, of the command that takes longest."""
    return max(time_command([sys.executable, "-m", "memoryqa", name, "--help"], ROOT, runs) for name in COMMANDS)


def size_mb(folder: Path) -> float:
    """Sum of the files below `folder`, links not followed, in 10^6 bytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def measure_fresh(runs: int) -> dict[str, Any]:
    """The wheel alone in a new environment, outside the checkout: its size, what is in it, and how it starts.

    Raises StoppedError when it cannot be built or installed.
    """
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        folder = Path(name)
        source, elsewhere, environment = folder / "source", folder / "elsewhere", folder / "venv"
        for one in IN_THE_WHEEL:
            source.mkdir(exist_ok=True)
            if (ROOT / one).is_dir():
                shutil.copytree(ROOT / one, source / one, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / one, source / one)
        elsewhere.mkdir()
        venv.create(environment, with_pip=True)
        python = str(environment / "bin" / "python")
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        output_of([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)], elsewhere)
        (wheel,) = folder.glob("*.whl")
        output_of([*pip, "install", str(wheel)], elsewhere)
        output_of([*pip, "check"], elsewhere)
        listed = output_of([python, "-m", "pip", "--disable-pip-version-check", "list", "--format=json"], elsewhere)
        return {
            "environment_mb": round(size_mb(environment), 1),
            "wheel_mb": round(wheel.stat().st_size / 1e6, 2),
            "packages": [one["name"] for one in json.loads(listed.stdout)],
            **time_imports(python, elsewhere, runs),
            "help_ms": time_command([str(environment / "bin" / "memoryqa"), "--help"], elsewhere, runs),
        }


def run(args: argparse.Namespace) -> None:
    result: dict[str, Any] = {
        "python": sys.version.split()[0],
        "runs": args.runs,
        "here": {
            **time_imports(sys.executable, ROOT, args.runs),
            "help_ms": time_command([sys.executable, "-m", "memoryqa", "--help"], ROOT, args.runs),
            "help_slowest_ms": time_slowest_help(args.runs),
            "evaluate_help_ms": time_command([sys.executable, "evaluate.py", "--help"], ROOT, args.runs),
        },
        "fresh": measure_fresh(args.runs) if args.fresh else None,
    }
    for place in ("here", "fresh"):
        for name, value in (result[place] or {}).items():
            print(f"{place:6} {name:18} {', '.join(value) if isinstance(value, list) else value}", file=sys.stderr)
    print(json.dumps(result))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="processes per time (default: %(default)s)")
    parser.add_argument(
        "--fresh", action="store_true", help="install the wheel into a new environment; needs pip's index"
    )
    args = parser.parse_args(argv)
    if args.runs < 1:
        parser.error(f"--runs must be at least 1, got {args.runs}")
    return run_command("benchmarks.startup", lambda: run(args))


if __name__ == "__main__":
    raise SystemExit(main())
