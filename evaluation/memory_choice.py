"""Which memory is evaluated: shipped, tuned (--parameters), resumed, or a saved program's own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.flags import flag_name, from_args
from locomo.config import EvaluationConfig
from memoryqa.config import MemoryConfig


def choose_memory_config(
    args: argparse.Namespace, config: EvaluationConfig, saved: Mapping[str, Any] | None
) -> tuple[MemoryConfig, str | None]:
    """From `saved` (of a run that is resumed) or --parameters, then the flags; and what --parameters says of itself.

    A saved program brings its own, and a flag that contradicts it is refused, as are --parameters. Raises ValueError.
    """
    if config.program is not None:
        return _of_program(args, Path(config.program)), None
    if config.parameters is None:
        return from_args(MemoryConfig, args, saved=saved), None
    from memoryqa.parameters import load_parameters

    tuned = load_parameters(config.parameters)
    chosen = from_args(MemoryConfig, args, saved=saved or asdict(tuned.memory))
    verdict = f"parameters {config.parameters}: {tuned.verdict()}"
    if chosen.embedder is not None and tuned.overrides()["ranking"]:
        verdict += "; with an embedder their ranking is not used"
    return chosen, verdict


def _of_program(args: argparse.Namespace, program: Path) -> MemoryConfig:
    from memory_system import load_program_config

    of_program = load_program_config(program)
    chosen = from_args(MemoryConfig, args, saved=asdict(of_program))
    differing = [name for name, value in asdict(of_program).items() if asdict(chosen)[name] != value]
    if differing:
        flags = ", ".join(f"{flag_name(name)} {getattr(chosen, name)}" for name in differing)
        theirs = ", ".join(f"{flag_name(name)} {getattr(of_program, name)}" for name in differing)
        raise ValueError(f"{program} was optimised with {theirs}; drop {flags}, or optimise with it")
    return chosen
