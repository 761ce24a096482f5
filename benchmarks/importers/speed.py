"""Reads an export to its end and measures what that takes."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.importers.exports import write_export
from memoryqa.importers import read


def peak_bytes() -> int:
    """The most memory that this process has held; on Linux without its parent's, which the other figure includes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(path: Path) -> tuple[int, float, int]:
    """Messages, CPU seconds and peak bytes of reading an export to its end."""
    started = time.process_time()
    count = read(path, dates="ymd" if path.suffix == ".csv" else None).scan().messages
    return count, time.process_time() - started, peak_bytes()


def measured(path: Path) -> tuple[int, float, int]:
    """`measure` in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, path).result()


def compare(name: str, folder: Path, count: int) -> dict[str, Any]:
    """The row of a format."""
    small, large = (write_export(name, folder, size) for size in (max(1, count // 4), count))
    _, _, small_peak = measured(small)
    read_count, cpu_s, large_peak = measured(large)
    return {
        "format": name,
        "messages": read_count,
        "file_mb": round(large.stat().st_size / 1e6, 1),
        "messages_per_s": round(read_count / cpu_s) if cpu_s else 0,
        "peak_mb": round(large_peak / 1e6, 1),
        "growth": round(large_peak / small_peak, 2),
    }
