"""Which settings are used: shipped, tuned (--parameters), of a run that is resumed, or a saved program's own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.flags import flag_name, from_args
from memoryqa.config import MemoryConfig, ProgramConfig, Settings
from memoryqa.errors import UsageError


def choose_settings(
    args: argparse.Namespace, saved: Mapping[str, Any], *, program: str | None, parameters: str | None
) -> tuple[Settings, str | None]:
    """From `saved` (the config of a resumed run) or the file `parameters`, then the flags; and the file's own verdict.

    The saved program in the file `program` has its own settings: a flag that contradicts them, and `parameters`, raise
    UsageError.
    """
    if program is not None and parameters is not None:
        raise UsageError(f"{program} has the parameters that it was optimised with: drop --parameters {parameters}")
    if program is not None:
        return _of_program(args, Path(program)), None
    if parameters is None:
        return _with_flags(args, saved.get("memory"), saved.get("program")), None
    from memoryqa.parameters import load_parameters

    tuned = load_parameters(parameters)
    shipped = asdict(tuned.settings)
    chosen = _with_flags(args, saved.get("memory") or shipped["memory"], saved.get("program") or shipped["program"])
    verdict = f"parameters {parameters}: {tuned.verdict()}"
    if chosen.memory.embedder is not None and tuned.overrides()["ranking"]:
        verdict += "; with an embedder their ranking is not used"
    return chosen, verdict


def _with_flags(
    args: argparse.Namespace, memory: Mapping[str, Any] | None, program: Mapping[str, Any] | None
) -> Settings:
    return Settings(from_args(MemoryConfig, args, saved=memory), from_args(ProgramConfig, args, saved=program))


def _of_program(args: argparse.Namespace, program: Path) -> Settings:
    from memory_system import load_program_settings

    saved = load_program_settings(program)
    chosen = _with_flags(args, asdict(saved.memory), asdict(saved.program))
    theirs, ours = _flat(saved), _flat(chosen)
    differing = [name for name, value in theirs.items() if ours[name] != value]
    if differing:
        given, kept = (
            ", ".join(f"{flag_name(name)} {values[name]}" for name in differing) for values in (ours, theirs)
        )
        raise UsageError(f"{program} was optimised with {kept}; drop {given}, or optimise with it")
    return chosen


def _flat(settings: Settings) -> dict[str, Any]:
    return {**asdict(settings.memory), **asdict(settings.program)}
