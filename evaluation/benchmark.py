"""The benchmark as one call: programs are asked the questions of a selection, and the numbers come back.

    from evaluation.benchmark import run_benchmark
    from locomo.questions import choose
    from memoryqa.config import MemoryConfig
    from memoryqa.memories import Memories

    selection = choose(split="val", num=100)          # LOCOMO_PATH, data/locomo10.json, its download, or the sample
    memories = Memories.of(selection.conversations, MemoryConfig())

    def newest(conversation_id: str, question: str) -> str:
        return memories[conversation_id].recent(200).text

    result = run_benchmark({"newest": newest}, selection, run_dir=Path("runs/newest"))
    result.metrics["f1"]                              # fractions in 0..1; None for what was not measured, never 0
    print(result.report)

A program is a callable (locomo/asking.py); one that returns text is enough. With `run_dir` the call leaves the folder
that evaluate.py leaves, and asks only what is missing from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.runs import ANSWERS, Run
from locomo.benchmark import BenchmarkProgress, BenchmarkResult, ask_programs, result_of
from locomo.questions import Selection
from memoryqa.memories import Memories
from reports.evaluated import NO_JUDGE, evaluate_programs, new_run, record_judges

PROGRAM_LM = "task LM: the programs' own"


def run_benchmark(
    programs: Mapping[str, Callable[..., Any]],
    selection: Selection,
    *,
    budgets_tokens: Sequence[int] = (),
    run_dir: Path | None = None,
    memories: Memories | None = None,
    num_threads: int = 1,
    task_lm: str = PROGRAM_LM,
    on_progress: Callable[[BenchmarkProgress], None] | None = None,
) -> BenchmarkResult:
    """Ask every program every question of `selection`, and count up. The programs' LMs are the caller's to set up.

    budgets_tokens: with any, a program only searches, once per budget (ascending). run_dir: a new folder, or that of an
    interrupted call with the same arguments; it gets rows as they complete, summary, report and plots. memories: what
    the programs search, for the contexts in the report. task_lm: who answers, for the report. on_progress: called after
    each row, without `run_dir`. Raises BenchmarkStoppedError when every question fails or too many do, RunFolderError
    for a folder of something else.
    """
    if run_dir is None:
        return ask_programs(
            programs,
            selection,
            budgets_tokens=budgets_tokens,
            num_threads=num_threads,
            on_progress=on_progress,
        )
    config = _config(programs, selection, budgets_tokens)
    run = (
        Run.resume(run_dir, config)
        if (run_dir / "config.json").exists()
        else new_run(run_dir, config, selection, task_lm=task_lm)
    )
    record_judges(run, NO_JUDGE, {})
    evaluate_programs(
        run,
        programs,
        selection,
        task_lm=task_lm,
        memories=memories,
        budgets_tokens=budgets_tokens,
        num_threads=num_threads,
        resume="make the same call again",
    )
    return result_of(run, list(programs), selection, budgets_tokens=budgets_tokens, jsonl=run_dir / ANSWERS)


def _config(programs: Mapping[str, Any], selection: Selection, budgets_tokens: Sequence[int]) -> dict[str, Any]:
    return {
        "evaluation": {
            "mode": "retrieval" if budgets_tokens else "answers",
            "budgets_tokens": list(budgets_tokens),
            "programs": list(programs),
            "split": selection.split,
        },
        "resolved": {"data_sha256": selection.dataset.sha256, "questions_digest": selection.digest},
    }
