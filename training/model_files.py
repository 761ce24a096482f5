"""Where transformers finds a model: a name on the hub, a folder, or one file in the format of llama.cpp (GGUF)."""

from __future__ import annotations

import importlib.util
from pathlib import PurePosixPath

from memoryqa.errors import MissingExtraError

GGUF = ".gguf"


def is_gguf(model: str) -> bool:
    return model.endswith(GGUF)


def source_of(model: str) -> tuple[str, dict[str, str]]:
    """What `from_pretrained` takes for `model`: its place, and the name of its file if it is one that ends in .gguf.

    `owner/name/file.gguf` is a file of a repository on the hub, unless a folder `owner/name` is here. Raises
    MissingExtraError for such a file where the package that reads it is not installed.
    """
    if not is_gguf(model):
        return model, {}
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtraError("gguf", f"--model {model}", in_checkout=True)
    path = PurePosixPath(model)
    return str(path.parent), {"gguf_file": path.name}


def loading_errors() -> tuple[type[Exception], ...]:
    """What those who read models and adapters raise for files that are missing, cut, or of something else."""
    from pickle import UnpicklingError
    from struct import error as cut_number

    from safetensors import SafetensorError

    known = (OSError, ValueError, RuntimeError, KeyError, IndexError, TypeError, EOFError)
    return (*known, UnpicklingError, SafetensorError, cut_number)
