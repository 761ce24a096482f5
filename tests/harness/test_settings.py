"""harness.settings: which settings are used, of a run, a file of parameters or a saved program."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from harness.settings import choose_settings
from memory_system import MemoryQA, save_program
from memoryqa.config import MemoryConfig, ProgramConfig, Settings
from memoryqa.errors import UsageError
from memoryqa.memories import Memories


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "program.json"
    memories = Memories.of({}, MemoryConfig(memory_tokens=9_000))
    save_program(MemoryQA(memories, ProgramConfig(context_tokens=300)), path)
    return str(path)


def choose(program: str | None = None, parameters: str | None = None, **flags: int) -> tuple[Settings, str | None]:
    return choose_settings(argparse.Namespace(**flags), {}, program=program, parameters=parameters)


def test_a_flag_wins_over_a_resumed_run_and_that_over_the_default() -> None:
    saved = {"memory": {"memory_tokens": 5_000}, "program": {"context_tokens": 700}}
    flags = argparse.Namespace(context_tokens=800)
    settings, verdict = choose_settings(flags, saved, program=None, parameters=None)
    assert (settings.memory.memory_tokens, settings.program.context_tokens) == (5_000, 800)
    assert settings.program.max_hops == ProgramConfig().max_hops
    assert verdict is None


def test_a_saved_program_has_its_own_settings_and_a_flag_may_repeat_but_not_contradict_them(program: str) -> None:
    settings, _ = choose(program, context_tokens=300)
    assert settings.program.context_tokens == 300
    with pytest.raises(UsageError, match=r"was optimised with --context-tokens 300; drop --context-tokens 400"):
        choose(program, context_tokens=400)


def test_a_saved_program_and_parameters_contradict_each_other(program: str, tmp_path: Path) -> None:
    parameters = tmp_path / "tuned.json"
    parameters.write_text(json.dumps({"memory": {"score_floor": 0.2}}))
    assert choose(parameters=str(parameters))[0].program.score_floor == 0.2
    with pytest.raises(UsageError, match="has the parameters that it was optimised with: drop --parameters"):
        choose(program, str(parameters))
