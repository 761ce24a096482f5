"""The client half of arbor-ai: `ArborGRPO` and `ArborProvider`, without the server half.

`import arbor` loads the server with it: torch, vLLM and DeepSpeed, 10 to 20 seconds, and more than a client's machine
may have. The two modules that a client needs import nothing of the rest, so they are loaded from their files.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

VERSION = "0.2.17"  # what was read and tested; other versions speak another protocol


@dataclass(frozen=True)
class ArborClient:
    """optimizer: the class ArborGRPO. provider_module: has ArborProvider, and the name `requests` that it posts by."""

    optimizer: Any
    provider_module: Any


def package_dir() -> Path | None:
    """Where arbor-ai is installed; None when it is not (a folder `arbor/` without an `__init__.py` is not it)."""
    spec = importlib.util.find_spec("arbor")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def check_version() -> Path:
    """The folder of arbor-ai 0.2.17. Raises ValueError, with the command that installs it, without that version."""
    folder = package_dir()
    install = f"run `pip install --no-deps arbor-ai=={VERSION}` (the client alone; docs/grpo.md has the server)"
    if folder is None:
        raise ValueError(f"--backend arbor needs arbor-ai, which is not installed here: {install}")
    version = importlib.metadata.version("arbor-ai")
    if version != VERSION:
        raise ValueError(f"arbor-ai {version} is installed, and only {VERSION} is known to work: {install}")
    return folder


def load_client() -> ArborClient:
    """Fresh copies of the two modules, under names of their own, so that nothing else sees what is put into them."""
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
