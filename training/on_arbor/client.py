"""The client half of arbor-ai: `ArborGRPO` and `ArborProvider`, without the server half.

`import arbor` also loads the server: torch, vLLM and DeepSpeed take 10 to 20 seconds, and a client's machine may not
have them. The two modules that a client needs import nothing else of arbor-ai, so they are loaded from their files.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from memoryqa.errors import UsageError

VERSION = "0.2.17"  # the version that was tested; others have another protocol


@dataclass(frozen=True)
class ArborClient:
    """optimizer: the class ArborGRPO. provider_module: contains ArborProvider and the `requests` that it posts with."""

    optimizer: Any
    provider_module: Any


def package_dir() -> Path | None:
    """The folder of arbor-ai; None if it is not installed (a folder `arbor/` without `__init__.py` does not count)."""
    spec = importlib.util.find_spec("arbor")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def check_version() -> Path:
    """The folder of arbor-ai 0.2.17. Raises UsageError with the installing command if that version is missing."""
    folder = package_dir()
    install = f"run `pip install --no-deps arbor-ai=={VERSION}` (the client alone; docs/grpo.md has the server)"
    if folder is None:
        raise UsageError(f"--backend arbor needs arbor-ai, which is not installed here: {install}")
    version = importlib.metadata.version("arbor-ai")
    if version != VERSION:
        raise UsageError(f"arbor-ai {version} is installed, and only {VERSION} is known to work: {install}")
    return folder


def load_client() -> ArborClient:
    """Fresh copies of the two modules under separate names, so that our changes to them affect nothing else."""
    folder = check_version() / "integrations" / "dspy"
    optimizer = _load("arbor_client_optimizer", folder / "grpo_optimizer.py")
    provider = _load("arbor_client_provider", folder / "arbor_provider.py")
    return ArborClient(optimizer.ArborGRPO, provider)


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
