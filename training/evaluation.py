"""The trained program against the model it was trained from, on the same test questions: `train.py --mode evaluate`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy

from harness.progress import counting
from harness.runs import Run, default_run_dir, manifest_environment
from locomo.asking import ask_all, ask_for_answer
from locomo.config import EvaluationConfig
from locomo.judging.files import judge_columns
from locomo.questions import choose
from locomo.schema import Dataset
from locomo.split_data import ids_digest
from locomo.statistics import score_intervals
from locomo.summary import summarise
from memory_system import Memories, MemoryQA, load_program, load_program_settings
from memoryqa.lms.preflight import is_systemic
from memoryqa.lms.usage import measure_usage
from reports.plots import write_plots
from reports.terminal import print_summary, write_report
from training.local.policy import Policy
from training.local.preflight import choose_device
from training.local.rollouts import PolicyEngine
from training.quiet import quiet_dspy
from training.trained_program import TrainedAdapter, load_adapter_of

if TYPE_CHECKING:
    from locomo.schema import Question

BASE, TRAINED = "base", "memory"  # the trained one under the name that evaluate.py has for the program
_NUM_THREADS = 16  # questions whose prompts wait for the model together, and so are answered in one batch


def evaluate_trained(path: Path, config: EvaluationConfig, *, device: str, run_dir: Path | None) -> dict[str, Any]:
    """Ask both programs, keep a row per answer in a run folder, print the table; what train.py prints as JSON.

    Raises ValueError (ProgramFileError, ModelError, DataError) for what cannot be used, BenchmarkStoppedError when too
    many questions fail.
    """
    adapter = load_adapter_of(path)
    settings = load_program_settings(path)
    selection = choose(config.data, num=config.num_test, seed=config.seed, categories=config.categories)
    dataset, split, questions = selection.dataset, selection.split, selection.questions
    chosen_device, reason = choose_device(device)
    for note in (*dataset.notes, f"adapter: {adapter.path}, of step {adapter.step}", reason):
        print(note, file=sys.stderr)
    policy = Policy.load(adapter.base_model, device=chosen_device, bf16=chosen_device == "cuda")
    policy.load_adapter(adapter.path)
    asked_about = {question.conversation_id for question in questions}
    memories = Memories.of(
        {one.id: one.turns for one in dataset.conversations if one.id in asked_about}, settings.memory
    )
    programs = _programs(path, memories, policy, adapter)
    saved_config = {
        "evaluation": {"split": split, "num_test": config.num_test, "seed": config.seed},
        "program": str(path),
    }
    run = _new_run(run_dir, saved_config, dataset, questions, adapter)
    _answer(run, programs, questions)
    return _report(run, programs, dataset, split, questions, adapter)


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


def _new_run(
    run_dir: Path | None,
    config: dict[str, Any],
    dataset: Dataset,
    questions: Sequence[Question],
    adapter: TrainedAdapter,
) -> Run:
    manifest = {
        **manifest_environment(),
        "task_lm": _describe(adapter),
        "data": {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)},
        "questions": len(questions),
        "questions_digest": ids_digest(question.id for question in questions),
    }
    return Run.create(run_dir or default_run_dir(config), config, manifest)


def _answer(run: Run, programs: dict[str, MemoryQA], questions: Sequence[Question]) -> None:
    failed = 0
    with quiet_dspy(), counting("answering", total=len(programs) * len(questions)) as advance:

        def on_row(row: dict[str, Any]) -> None:
            nonlocal failed
            run.append(row)
            failed += row["error"] is not None
            advance(f"{failed} failed" if failed else "")

        ask_all(
            programs,
            questions,
            ask=partial(ask_for_answer, measure_usage=measure_usage),
            on_row=on_row,
            num_threads=_NUM_THREADS,
            is_systemic=is_systemic,
        )


def _report(
    run: Run,
    programs: dict[str, MemoryQA],
    dataset: Dataset,
    split: str,
    questions: Sequence[Question],
    adapter: TrainedAdapter,
) -> dict[str, Any]:
    rows = run.latest_rows("program", "question_id")
    summaries = {}
    for name in programs:
        of_program = [rows[name, question.id] for question in questions]
        unjudged = judge_columns({}, name, [])
        summaries[name] = {**summarise(of_program), **unjudged, "ci95": score_intervals(of_program)}
    document = {
        "run_dir": str(run.run_dir),
        "task_lm": _describe(adapter),
        "judge_lm": "judge LM: none",
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "split": split,
            "conversations": len({question.conversation_id for question in questions}),
            "questions": len(questions),
            "is_bundled_sample": dataset.is_sample,
        },
        "programs": summaries,
    }
    run.write_json("summary.json", document)
    run.write_json("lines.json", programs[TRAINED].memories.rendered_lines())
    write_report(run.run_dir)
    write_plots(run.run_dir)
    loud = ["NOT LoCoMo: the bundled sample conversations"] if dataset.is_sample else []
    print_summary(document, loud=loud)
    return document


def _describe(adapter: TrainedAdapter) -> str:
    return f"task LM: {adapter.base_model}, as it was ({BASE}) and with the adapter of step {adapter.step} ({TRAINED})"
