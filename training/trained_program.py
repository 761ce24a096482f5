"""The result of a training: the program, its config, and the adapter with its base model.

    grpo_optimized_memory_qa.json          the prompts, as in every saved program
    grpo_optimized_memory_qa.config.json   the config, and "adapter": {path, base_model, step, val_score, ...}

The path of an adapter beside or below the file is relative, so that both can be moved together. The server's address is
not saved, because the server no longer exists when the program is loaded.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.files import write_bytes_atomically
from memory_system import MemoryQA, ProgramFileError, config_path, save_program
from memoryqa.config import MemoryConfig

ADAPTER_CONFIG = "adapter_config.json"  # PEFT's name
_KEY = "adapter"


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter and how it was trained; `val_score` and `val_before` are mean rewards in 0..1."""

    path: Path
    base_model: str
    metric: str
    step: int
    val_before: float | None
    val_score: float
    max_completion_length: int


def save_trained(program: MemoryQA, memory: MemoryConfig, adapter: TrainedAdapter, path: Path) -> None:
    """Write the program to `path`, and its config with the adapter's path beside it."""
    save_program(program, path, memory)
    saved = json.loads(config_path(path).read_text(encoding="utf-8"))
    folder, absolute = path.resolve().parent, adapter.path.resolve()
    inside = absolute.is_relative_to(folder)
    saved[_KEY] = {**asdict(adapter), "path": str(absolute.relative_to(folder) if inside else absolute)}
    write_bytes_atomically(config_path(path), (json.dumps(saved, indent=2) + "\n").encode())


def load_adapter_of(path: Path) -> TrainedAdapter:
    """The adapter of the program saved at `path`.

    Raises ProgramFileError if the program was not trained by train.py, or if its adapter is missing.
    """
    beside = config_path(path)
    try:
        saved = json.loads(beside.read_text(encoding="utf-8"))[_KEY]
        adapter = TrainedAdapter(**{**saved, "path": path.parent / saved["path"]})
    except FileNotFoundError:
        raise ProgramFileError(f"{beside}: no such file; train first: python train.py --mode train") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ProgramFileError(
            f"{beside}: names no trained adapter ({error}); evaluate such a program with evaluate.py"
        ) from error
    if not (adapter.path / ADAPTER_CONFIG).is_file():
        raise ProgramFileError(
            f"{path}: its adapter is not at {adapter.path}; bring that folder back, or train again with train.py"
        )
    return adapter
