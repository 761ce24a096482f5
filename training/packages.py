"""The packages of the extra train-local, checked before anything that imports them."""

from __future__ import annotations

import importlib.util

from memoryqa.errors import MissingExtraError

PACKAGES = {
    "local": ("torch", "transformers", "peft", "psutil"),
    "arbor": ("transformers", "psutil"),  # the training itself runs on the server
}


def check_packages(backend: str, needed_by: str | None = None) -> None:
    """Raise MissingExtraError if a package that `backend` imports is not installed. `needed_by`: for the message."""
    for package in PACKAGES[backend]:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, needed_by or f"--backend {backend}", in_checkout=True)
