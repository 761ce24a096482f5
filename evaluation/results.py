"""After the questions: verdicts on the answers, and what a run came to, for people, for programs and in MLflow."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.lms import ChosenLMs
    from harness.runs import Run
    from harness.tracking.tracker import NullTracker, Tracker
    from locomo.benchmark import BenchmarkConfig, BenchmarkResult
    from memoryqa.lms.roles import LMChoice


def judge_answers(
    run: Run, args: argparse.Namespace, judge: LMChoice | None, num_threads: int, tracker: Tracker | NullTracker
) -> dict[str, Any]:
    """Verdicts on the run's answers: their summaries, and the names of the judges asked; none without one."""
    if judge is None or judge.model is None:
        return {"judges": {}, "asked": []}
    from locomo.judging.files import VerdictFiles, read_answers
    from locomo.judging.prompts import Judge
    from locomo.judging.run import judge_answers as judge_run
    from locomo.judging.tables import print_judges
    from locomo.judging.verdicts import judged_name
    from memoryqa.lms.roles import build

    lm = build(judge, temperature=0.0)
    judges = [Judge(name, lm, model=judge.model, num_votes=args.judge_votes) for name in args.judge]
    files, answers = VerdictFiles(run.run_dir), read_answers(run.run_dir)
    resume = f"give the same command again, with --resume {run.run_dir}"
    document = judge_run(run, judges, answers, num_threads=num_threads, resume=resume)
    print_judges(document)
    asked = [judged_name(name, judge.model, args.judge_votes) for name in args.judge]
    for name in asked:
        for (program, question_id), row in files.verdicts(name, answers)[1].items():
            feedback = {"rationale": row["reason"], "judge_model": row["model"]}
            tracker.log_feedback(program, question_id, f"judge_{row['judge']}", row["verdict"], **feedback)
    return {"judges": document["judges"], "asked": asked}


def report(
    run: Run,
    benchmark: BenchmarkConfig,
    result: BenchmarkResult,
    lms: ChosenLMs,
    judged: Mapping[str, Any],
    verdict: str | None,
    tracker: Tracker | NullTracker,
) -> None:
    """Table on stderr; summary.json, report.html and plots in the run folder; the summary as stdout's last line.

    `verdict`: what the tuned parameters say of themselves; it stands beside the numbers. A retrieval run has no answers
    to page through, so its report is the text of `result`.
    """
    from harness.tracking.values import metrics_of
    from locomo.judging.files import judge_columns
    from reports.plots import write_plots
    from reports.terminal import print_summary, write_report

    summaries: dict[str, Any] = {}
    for name, summary in result.summaries.items():
        columns = judge_columns(judged["judges"], name, judged["asked"])
        intervals = {**summary["ci95"], **columns.pop("ci95")}
        summaries[name] = {**summary, **columns, "ci95": intervals}
    document = _document(run, benchmark, summaries, lms, verdict)
    loud = loud_lines(benchmark, document["embedding_failures"], verdict)
    run.write_json("summary.json", document)
    if benchmark.asked.mode == "answers":
        write_report(run.run_dir)
        write_plots(run.run_dir)
        print_summary(document, loud=loud)
    else:
        text = "\n".join([*loud, result.report])
        (run.run_dir / "report.txt").write_text(text + "\n", encoding="utf-8")
        print(f"{text}\nrows and report: {run.run_dir}", file=sys.stderr)
    for name, summary in summaries.items():
        tracker.child(name).log_metrics(metrics_of(summary))
    tracker.log_metrics(metrics_of(summaries["memory" if "memory" in summaries else next(iter(summaries))]))
    tracker.log_artifacts(run.run_dir)
    print(json.dumps(document))


def _document(
    run: Run,
    benchmark: BenchmarkConfig,
    summaries: Mapping[str, Any],
    lms: ChosenLMs,
    verdict: str | None,
) -> dict[str, Any]:
    from evaluation.programs import memories_of

    dataset, questions = benchmark.dataset, benchmark.questions
    document = {
        "run_dir": str(run.run_dir),
        "task_lm": lms.describe_task(),
        "judge_lm": lms.describe_judge(),
        "embedding_failures": memories_of(benchmark).embedding_failures,
        "data": {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "split": benchmark.split,
            "conversations": len({question.conversation_id for question in questions}),
            "questions": len(questions),
            "is_bundled_sample": dataset.is_sample,
        },
        "programs": summaries,
    }
    return document if verdict is None else {**document, "parameters": verdict}


def loud_lines(benchmark: BenchmarkConfig, embedding_failures: int, verdict: str | None) -> list[str]:
    """What has to be known to read the numbers."""
    loud = ["NOT LoCoMo: the bundled sample conversations"] if benchmark.dataset.is_sample else []
    if embedding_failures:
        loud.append(f"{embedding_failures} searches did without the embedder's vectors: see the warning above")
    return loud if verdict is None else [*loud, verdict]


def report_estimate(benchmark: BenchmarkConfig, done: Collection[tuple[str, str]], task: LMChoice | None) -> None:
    """What --dry-run prints: the cost of what is not `done`."""
    from memory_system import expected_cost

    programs: Mapping[str, Any] = benchmark.programs
    costs = {
        name: expected_cost(program, [one.inputs() for one in benchmark.questions if (name, one.id) not in done])
        for name, program in programs.items()
    }
    for name, cost in costs.items():
        print(
            f"{name}: at most {cost['lm_calls']:,} LM calls, {cost['prompt_tokens']:,} prompt tokens", file=sys.stderr
        )
    assert task is not None  # --mode retrieval refuses --dry-run
    if task.offline:
        print("the offline reader runs on this machine: none of it costs anything", file=sys.stderr)
    print(json.dumps({"dry_run": True, "model": task.model, "programs": costs}))
