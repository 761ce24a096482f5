"""The part of NVIDIA's management library that Arbor asks, on a machine that has three idle cards."""

from __future__ import annotations

GPUS = 3


class NVMLError(Exception):
    """Never raised here."""


def nvmlInit() -> None:  # noqa: N802 (the library's name)
    """Nothing to open."""


def nvmlShutdown() -> None:  # noqa: N802
    """Nothing to close."""


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return GPUS


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    return index


def nvmlDeviceGetComputeRunningProcesses(handle: int) -> list[object]:  # noqa: N802
    return []
