"""Settings of hypothesis for all tests. Kept free of our imports and of DSPy, which takes seconds to import."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first example that counts tokens loads the vocabulary, and machines differ. In CI all runs are alike.
settings.register_profile(
    "adaptive-memory",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("adaptive-memory")


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C through: a shell starts background jobs with it ignored, which the processes of the tests inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
