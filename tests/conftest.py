"""Settings of hypothesis, and what all tests share a process with: its environment, its signals, DSPy's globals.

Kept free of our imports and of DSPy, which takes seconds to import.
"""

from __future__ import annotations

import copy
import gc
import itertools
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first example that counts tokens loads the vocabulary, and machines differ. In CI all runs are alike.
settings.register_profile(
    "adaptive-memory",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("quick", settings.get_profile("adaptive-memory"), max_examples=20)
settings.load_profile("adaptive-memory")

_SETTINGS = re.compile(r"(?:MEMORY|LOCOMO|MLFLOW)_.*|.*(?:_API_KEY|_TOKEN|_API_BASE|_BASE_URL)")
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """No settings, keys or caches of whoever runs the tests. And let Ctrl-C through: a shell starts background jobs
    with it ignored, which the processes of the tests inherit."""
    for name in filter(_SETTINGS.fullmatch, list(os.environ)):
        del os.environ[name]
    caches = tempfile.TemporaryDirectory(prefix="dspy-cache-")
    config.add_cleanup(caches.cleanup)
    os.environ["DSPY_CACHEDIR"] = caches.name
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # its import would fetch a price list from the network
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection() -> None:
    """Let no collector walk over the modules and cases of the whole suite again and again while they are made."""
    gc.disable()


def pytest_collection_finish() -> None:
    """All modules and cases stay until the end, so the collector leaves them out from now on."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """Each test leaves the environment as it found it and DSPy as after its import, without any cached answer.

    Programs that are run in this process set both. The processes of a test share a cache on disk, which is its own.
    """
    with mock.patch.dict(os.environ, DSPY_CACHEDIR=os.path.join(os.environ["DSPY_CACHEDIR"], str(next(_numbers)))):
        yield
    # A test may have been the first to import DSPy.
    if (dspy := sys.modules.get("dspy")) is not None:
        _reset(dspy)


def _reset(dspy: Any) -> None:
    """Give DSPy its settings after its import and an empty cache in memory, unless it has them."""
    # No public name holds the defaults: `dspy.settings.config` is what is set now.
    defaults = sys.modules["dspy.dsp.utils.settings"].DEFAULT_CONFIG
    cache = vars(dspy).get("cache")  # as an attribute it would be made, on disk
    empty = cache and cache.enable_memory_cache and not (cache.enable_disk_cache or cache.memory_cache)
    if not empty or dspy.settings.config != defaults:
        dspy.configure(**copy.deepcopy(defaults))
        dspy.configure_cache(enable_disk_cache=False)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test works in a folder of its own, and gets it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are 120 columns wide."""
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call of an LM that failed is repeated after 0.01 s."""
    monkeypatch.setattr("memoryqa.lms.endpoint._wait_sec", lambda error, attempt: 0.01)
