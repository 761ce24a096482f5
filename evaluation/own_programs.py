"""A researcher's own program or retriever, named on the command line: `--programs memory,mine=my_module:make`.

    # my_module.py
    def make(memories):                                    # or make(memories, settings), or make()
        def answer(conversation_id, question):             # called from --num-threads threads
            found = memories[conversation_id].search(question, 500)
            return my_model(question, found.text)          # text, or an object with .answer (.retrieved_ids, ...)
        return answer

The callable gets those of `conversation_id` and `question` that its signature names: `answer(question)` is enough.
`memories` are AdaptiveMemory by conversation id, `settings` a memoryqa.config.Settings. With --mode retrieval the
callable also gets `budget_tokens`, and returns turn ids, best first, which are packed into that budget as ours are, or
an Evidence. The module is looked for in the current folder too; a file's path does as well (`mine=my/file.py:make`).
DSPy modules are asked with the model that --model names.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from locomo.asking import Finding
from memoryqa.config import Settings
from memoryqa.errors import UsageError
from memoryqa.evidence import Evidence
from memoryqa.memories import Memories
from memoryqa.redaction import redact


class OwnProgram:
    """A researcher's callable. A question's row says in one line why it failed; the first traceback is printed."""

    def __init__(self, name: str, program: Callable[..., Any]) -> None:
        self.name, self.program = name, program
        self._failed = False

    def call(self, **inputs: Any) -> Any:
        """What the callable returns for those `inputs` that it takes; what it raises passes."""
        try:
            return self.program(**_taken(self.program, inputs))
        except Exception:
            if not self._failed:
                self._failed = True
                print(f"{self.name} failed, this time first:\n{redact(traceback.format_exc())}", file=sys.stderr)
            raise


class OwnAnswers(OwnProgram):
    """A callable that answers, checked: a result that is no answer is the question's failure."""

    def __call__(self, conversation_id: str, question: str) -> Any:
        found = self.call(conversation_id=conversation_id, question=question)
        if isinstance(found, str) or isinstance(getattr(found, "answer", None), str):
            return found
        raise TypeError(f"{self.name} returned {type(found).__name__}; return text, or an object with .answer")


class OwnSearch(OwnProgram):
    """A callable that retrieves: what it returns, cut to the budget."""

    def __init__(self, name: str, program: Callable[..., Any], memories: Memories) -> None:
        super().__init__(name, program)
        self.memories = memories

    def __call__(self, conversation_id: str, question: str, budget_tokens: int) -> Finding:
        found = self.call(conversation_id=conversation_id, question=question, budget_tokens=budget_tokens)
        if isinstance(found, Finding):
            return found
        if not isinstance(found, Evidence):
            found = self._packed(found, conversation_id, budget_tokens)
        if found.tokens > budget_tokens:
            raise ValueError(f"{self.name} returned {found.tokens:,} tokens, more than the budget of {budget_tokens:,}")
        return Finding(found.ids, found.tokens)

    def _packed(self, turn_ids: object, conversation_id: str, budget_tokens: int) -> Evidence:
        if isinstance(turn_ids, str | bytes | dict) or not isinstance(turn_ids, Iterable):
            kind = type(turn_ids).__name__
            raise TypeError(f"{self.name} returned {kind}; return turn ids, best first, or an Evidence")
        memory = self.memories[conversation_id]
        turns = []
        for turn_id in turn_ids:
            try:
                turns.append(memory.expand(str(turn_id)))
            except KeyError:
                raise ValueError(f"{self.name} returned {turn_id!r}, which is no turn of {conversation_id}") from None
        return memory.pack(turns, budget_tokens)


def own_program(spec: str, memories: Memories, settings: Settings, *, only_search: bool) -> Callable[..., Any]:
    """The program of `name=module:factory`. Raises UsageError when there is no such factory, or it returns nothing to
    call; what the factory itself raises passes."""
    name, _, place = spec.partition("=")
    module_name, _, factory_name = place.rpartition(":")
    factory: Any = _module(spec, module_name)
    for part in factory_name.split("."):
        factory = getattr(factory, part, None)
    if not callable(factory):
        raise UsageError(
            f"--programs {spec}: {module_name} has no callable {factory_name!r}; name a function or a class"
        )
    program = factory(*(memories, settings)[: _num_arguments(factory)])
    if not callable(program):
        raise UsageError(f"--programs {spec}: {factory_name} returned {type(program).__name__}; return a callable")
    given = ("conversation_id", "question", *(("budget_tokens",) if only_search else ()))
    if unknown := [one for one in _required(program) if one not in given]:
        raise UsageError(
            f"--programs {spec}: nothing gives {name} its {unknown[0]!r}; it gets {', '.join(given)} by name"
        )
    return OwnSearch(name, program, memories) if only_search else OwnAnswers(name, program)


def _module(spec: str, name: str) -> ModuleType:
    if name.endswith(".py"):
        return _from_file(spec, Path(name))
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # a module that the researcher's own imports
        raise UsageError(
            f"--programs {spec}: there is no module {name}; give its name, or the path of a file"
        ) from None


def _from_file(spec: str, path: Path) -> ModuleType:
    found = importlib.util.spec_from_file_location(path.stem, path)
    if found is None or found.loader is None or not path.is_file():
        raise UsageError(f"--programs {spec}: there is no file {path}")
    module = importlib.util.module_from_spec(found)
    sys.modules.setdefault(path.stem, module)  # classes of a module are looked up there, by dataclasses for one
    found.loader.exec_module(module)
    return module


def _parameters(program: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """What `program` takes; None where it has no signature. A DSPy module is called through its `forward`."""
    try:
        return list(inspect.signature(getattr(program, "forward", program)).parameters.values())
    except (TypeError, ValueError):
        return None


def _required(program: Callable[..., Any]) -> list[str]:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in _parameters(program) or () if one.default is one.empty and one.kind not in variadic]


def _taken(program: Callable[..., Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Those `inputs` that `program` takes by name."""
    parameters = _parameters(program)
    if parameters is None or any(one.kind is one.VAR_KEYWORD for one in parameters):
        return dict(inputs)
    names = {one.name for one in parameters}
    return {name: value for name, value in inputs.items() if name in names}


def _num_arguments(factory: Callable[..., Any]) -> int:
    """How many of (memories, settings) `factory` takes."""
    if isinstance(factory, type) and type(factory) is not type:  # a DSPy module: its metaclass takes anything
        made: Any = factory
        factory = partial(made.__init__, None)
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # a builtin without a signature
        return 1
    kinds = [one.kind for one in parameters]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 2
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return min(2, sum(kind in positional for kind in kinds))
