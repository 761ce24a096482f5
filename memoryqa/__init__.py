"""A memory for conversations: every message verbatim, at most 20,000 tokens at hand, and the few dated, cited lines
that answer a question. No language model is needed to add or to search.

    from memoryqa import AdaptiveMemory

    memory = AdaptiveMemory()
    memory.add("I moved to Porto last Saturday!", speaker="Ana", time="2023-05-25")
    print(memory.search("When did Ana move?"))

`__all__` is the public API. Its names are loaded when they are first used, so that `import memoryqa` costs nothing.
`MemoryQA`, which answers with a language model, needs the extra `memoryqa[ask]`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memory_system import MemoryQA
    from memoryqa.archive.database import Archive
    from memoryqa.config import (
        CoverageConfig,
        DenseConfig,
        MemoryConfig,
        ProgramConfig,
        RankingConfig,
    )
    from memoryqa.errors import MemoryQAError, UsageError
    from memoryqa.evidence import Evidence, MemoryStats
    from memoryqa.memories import Memories
    from memoryqa.memory import AdaptiveMemory
    from memoryqa.search.embedders import load_embedder
    from memoryqa.turns import Session, Turn

__version__ = "0.2.0"

__all__ = [
    "AdaptiveMemory",
    "Archive",
    "CoverageConfig",
    "DenseConfig",
    "Evidence",
    "Memories",
    "MemoryConfig",
    "MemoryQA",
    "MemoryQAError",
    "MemoryStats",
    "ProgramConfig",
    "RankingConfig",
    "Session",
    "Turn",
    "UsageError",
    "__version__",
    "load_embedder",
]

if not TYPE_CHECKING and importlib.util.find_spec("dspy") is None:
    __all__.remove("MemoryQA")  # so that `from memoryqa import *` and help(memoryqa) work without [ask]

_HOMES = {
    "memory_system": ("MemoryQA",),
    "memoryqa.archive.database": ("Archive",),
    "memoryqa.config": ("CoverageConfig", "DenseConfig", "MemoryConfig", "ProgramConfig", "RankingConfig"),
    "memoryqa.errors": ("MemoryQAError", "UsageError"),
    "memoryqa.evidence": ("Evidence", "MemoryStats"),
    "memoryqa.memories": ("Memories",),
    "memoryqa.memory": ("AdaptiveMemory",),
    "memoryqa.search.embedders": ("load_embedder",),
    "memoryqa.turns": ("Session", "Turn"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'memoryqa' has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOME_OF[name])
    except ModuleNotFoundError as error:
        from memoryqa.errors import EXTRAS, MissingExtraError

        if error.name is None or error.name not in EXTRAS:
            raise
        raise MissingExtraError(error.name, f"memoryqa.{name}") from error
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
