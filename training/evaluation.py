"""The trained program against the untrained model, on the same test questions: `train.py --mode evaluate`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import dspy

from locomo.questions import choose
from locomo.rows import MAIN_PROGRAM, RunSummary
from memory_system import Memories, MemoryQA, load_program, load_program_settings
from reports.evaluated import evaluate_programs, new_run
from training.config import TrainingConfig
from training.dspy_setup import quiet_dspy
from training.local.policy import Policy
from training.local.preflight import choose_device
from training.local.rollouts import PolicyEngine
from training.trained_program import TrainedAdapter, load_adapter_of

BASE, TRAINED = "base", MAIN_PROGRAM  # the trained one has the name that evaluate.py gives the program
_NUM_THREADS = 16  # prompts of so many questions wait for the model together and are answered in one batch


def evaluate_trained(path: Path, config: TrainingConfig, *, num_test: int | None, run_dir: Path | None) -> RunSummary:
    """Ask both programs, keep the answers in a run folder, print the table; returns the content of summary.json.

    Raises UsageError (also ProgramFileError, ModelError, DataError) for unusable input, BenchmarkStoppedError if too
    many questions fail.
    """
    adapter = load_adapter_of(path)
    settings = load_program_settings(path)
    selection = choose(
        config.data, data_format=config.format, num=num_test, seed=config.seed, categories=config.categories or None
    )
    chosen_device, reason = choose_device(config.device)
    for note in (*selection.dataset.notes, f"adapter: {adapter.path}, of step {adapter.step}", reason):
        print(note, file=sys.stderr)
    # a model without a template was trained only if its warm start taught it turns
    policy = Policy.load(adapter.base_model, device=chosen_device, bf16=chosen_device == "cuda", teaches_turns=True)
    policy.load_adapter(adapter.path)
    memories = Memories.of(selection.conversations, settings.memory)
    task_lm = (
        f"task LM: {adapter.base_model}, untrained ({BASE}) and with the adapter of step {adapter.step} ({TRAINED})"
    )
    saved_config = {
        "evaluation": {"split": selection.split, "num_test": num_test, "seed": config.seed},
        "program": str(path),
    }
    run = new_run(run_dir, saved_config, selection, task_lm=task_lm)
    with quiet_dspy():
        return evaluate_programs(
            run,
            _programs(path, memories, policy, adapter),
            selection,
            task_lm=task_lm,
            memories=memories,
            num_threads=_NUM_THREADS,
            resume="start again with a new --run-dir",
        )


def _programs(path: Path, memories: Memories, policy: Policy, adapter: TrainedAdapter) -> dict[str, MemoryQA]:
    lock = threading.Lock()
    programs = {}
    for name in (BASE, TRAINED):
        engine = PolicyEngine(policy, max_tokens=adapter.max_completion_length, lock=lock, use_adapter=name == TRAINED)
        programs[name] = load_program(path, memories)
        programs[name].set_lm(
            dspy.LM(f"local/{name}", engine=engine, cache=False, max_tokens=adapter.max_completion_length)
        )
    return programs
