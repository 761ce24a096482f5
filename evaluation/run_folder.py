"""What a run is recorded as: its folder, and its parameters in MLflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.lms import ChosenLMs
    from harness.runs import Run
    from harness.tracking.tracker import NullTracker, Tracker
    from locomo.benchmark import BenchmarkConfig
    from locomo.judging.names import JudgeName
    from memoryqa.config import MemoryConfig


def new_run(run_dir: Path | None, full_config: Mapping[str, Any], benchmark: BenchmarkConfig, task_lm: str) -> Run:
    """A new run folder, with where its numbers come from."""
    from harness.runs import Run, default_run_dir, manifest_environment
    from locomo.split_data import ids_digest

    dataset = benchmark.dataset
    manifest = {
        **manifest_environment(),
        "task_lm": task_lm,
        "data": {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)},
        "questions": len(benchmark.questions),
        "questions_digest": ids_digest(question.id for question in benchmark.questions),
    }
    run_dir = run_dir or default_run_dir(full_config)
    try:
        return Run.create(run_dir, full_config, manifest)
    except OSError as error:
        raise ValueError(f"{run_dir} cannot be written ({error.strerror}): name another folder by --run-dir") from error


def record(
    run: Run, benchmark: BenchmarkConfig, lms: ChosenLMs, judges: Collection[JudgeName], memory: MemoryConfig
) -> None:
    """Keep with the run who judges, every line as an LM may be sent it, and the program."""
    digests: dict[str, str] = {}
    if lms.judges:
        from locomo.judging.prompts import judge_digests

        digests = judge_digests(judges)
    judged_by = {"judge_lm": lms.describe_judge(), "judge_prompt_digests": digests}
    if lms.judges or "judge_lm" not in run.manifest:  # a judge of before is not forgotten on --resume
        run.write_json("manifest.json", {**run.manifest, **judged_by})
    if benchmark.asked.mode == "retrieval":
        return
    from evaluation.programs import memories_of
    from memory_system import save_program

    run.write_json("lines.json", memories_of(benchmark).rendered_lines())
    programs: Mapping[str, Any] = benchmark.programs
    if "memory" in programs:
        save_program(programs["memory"], run.run_dir / "program.json", memory)


def track_config(
    tracker: Tracker | NullTracker, run: Run, full_config: Mapping[str, Any], programs: Collection[str]
) -> None:
    """Parameters of the run and of each program in it, and where the numbers come from."""
    manifest = run.manifest
    judged_by = {key: manifest[key] for key in ("judge_lm", "judge_prompt_digests")}
    tracker.log_params({**full_config, **judged_by})
    tracker.set_tags(
        {
            "commit": manifest["commit"] or "unknown",
            "data_sha256": full_config["resolved"]["data_sha256"],
            "mlflow.source.name": "evaluate.py",
        }
    )
    for name in programs:
        tracker.child(name).log_params({**full_config, "program": name})
