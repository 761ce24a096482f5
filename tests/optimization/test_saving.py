"""What memory_system says of a saved program that does not fit, and what it does with another DSPy's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest

from memory_system import (
    Memories,
    MemoryConfig,
    MemoryQA,
    ProgramFileError,
    load_program,
    load_program_settings,
    save_program,
)
from memoryqa.config import RankingConfig


def saved(tmp_path: Path, change: Callable[[dict[str, Any]], object] = lambda state: None) -> Path:
    path = tmp_path / "p.json"
    save_program(MemoryQA(Memories()), path, MemoryConfig(ranking=RankingConfig(bm25_k1=1.25)))
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))
    return path


def test_the_weights_of_the_ranking_come_back_with_the_program(tmp_path: Path) -> None:
    assert load_program_settings(saved(tmp_path)).memory.ranking == RankingConfig(bm25_k1=1.25)


def test_a_refusal_names_every_difference(tmp_path: Path) -> None:
    def change(state: dict[str, Any]) -> None:
        state["rerank"] = state.pop("assess_evidence")
        state["answer_question"]["signature"]["fields"][1]["prefix"] = "Context:"

    with pytest.raises(ProgramFileError) as caught:
        load_program(saved(tmp_path, change), Memories())
    message = str(caught.value)
    assert "it has no assess_evidence; here is no rerank; answer_question has the fields" in message
    assert "'Context:'" in message
    assert "'Evidence:'" in message
    assert "pip install" not in message


def set_version(state: dict[str, Any], version: str) -> None:
    state["metadata"]["dependency_versions"]["dspy"] = version


def test_a_program_of_another_dspy_is_loaded_as_long_as_it_fits(tmp_path: Path) -> None:
    def change(state: dict[str, Any]) -> None:
        set_version(state, "3.0.1")
        state["answer_question"]["signature"]["instructions"] = "Be brief."
        for name in ("write_queries", "assess_evidence", "answer_question"):
            del state[name]["traces"], state[name]["lm"]

    assert load_program(saved(tmp_path, change), Memories()).answer_question.signature.instructions == "Be brief."


def test_a_program_of_another_dspy_that_does_not_fit_says_what_to_do(tmp_path: Path) -> None:
    def change(state: dict[str, Any]) -> None:
        set_version(state, "3.0.1")
        state["answer_question"]["extended_signature"] = state["answer_question"].pop("signature")

    with pytest.raises(ProgramFileError) as caught:
        load_program(saved(tmp_path, change), Memories())
    assert (
        f"optimise again, or read it with the DSPy that saved it: pip install dspy==3.0.1 (this is {dspy.__version__})"
        in str(caught.value)
    )
