"""The programs of one evaluation: ours, a saved one, a researcher's own, and answers that were given elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.config import EvaluationConfig
from locomo.asking import Program
from locomo.predictions import Predictions, read_predictions
from locomo.questions import Selection
from locomo.rows import PROGRAM_NAMES
from locomo.searches import searching_programs
from memoryqa.config import MemoryConfig, ProgramConfig, Settings
from memoryqa.errors import UsageError
from memoryqa.memories import Memories
from memoryqa.search.embedders import EmbeddingError
from memoryqa.turns import Turn

if TYPE_CHECKING:
    import dspy

VECTORS = Path("vectors.sqlite")


def build_memories(conversations: Mapping[str, Iterable[Turn]], config: MemoryConfig) -> Memories:
    """The memories that all programs share. Raises UsageError when the embedder cannot be used."""
    try:
        return Memories.of(conversations, config, vector_cache=VECTORS)
    except EmbeddingError as error:
        raise UsageError(str(error)) from error


def make_programs(
    config: EvaluationConfig, selection: Selection, memories: Memories, settings: Settings
) -> dict[str, Program]:
    """By name, in the order asked for; predictions last. Raises UsageError for a program that cannot be made."""
    only_search = config.mode == "retrieval"
    ours = [name for name in config.programs if name in PROGRAM_NAMES]
    made: dict[str, Program] = (
        searching_programs(ours, memories, settings.program)
        if only_search
        else dict(answering_programs(ours, memories, settings.program, config.program))
    )
    programs: dict[str, Program] = {}
    for spec in config.programs:
        if spec in made:
            programs[spec] = made[spec]
        else:
            from evaluation.own_programs import own_program

            programs[spec.partition("=")[0]] = own_program(spec, memories, settings, only_search=only_search)
    if config.predictions is not None:
        read = read_predictions(Path(config.predictions), selection)
        if taken := sorted(programs.keys() & read.keys()):
            raise UsageError(f"--predictions {config.predictions}: {taken[0]} is the name of a program of --programs")
        programs |= read
    return programs


def answering_programs(
    names: Collection[str], memories: Memories, config: ProgramConfig, saved_program: str | None = None
) -> dict[str, dspy.Module]:
    """Our programs by name, in the order asked for; a saved (optimised) one replaces `memory`."""
    if not names:
        return {}
    from memory_system import PROGRAMS, load_program

    programs: dict[str, Any] = {name: PROGRAMS[name](memories, config) for name in names}
    if saved_program is not None:
        programs["memory"] = load_program(Path(saved_program), memories)
    return programs


def prompts_of(programs: Mapping[str, Program]) -> dict[str, dict[str, str]]:
    """By program, the digests of its prompts, for those that are DSPy modules."""
    digests: dict[str, dict[str, str]] = {}
    for name, program in programs.items():
        module: Any = getattr(program, "program", program)
        if hasattr(module, "named_predictors"):
            from memory_system import prompt_digests

            digests[name] = prompt_digests(module)
    return digests


def predictions_of(programs: Mapping[str, Program]) -> dict[str, Predictions]:
    """The programs among `programs` whose answers were read from a file."""
    return {name: program for name, program in programs.items() if isinstance(program, Predictions)}
