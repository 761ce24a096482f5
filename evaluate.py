"""Answer LoCoMo's questions with the memory and with plain baselines, and compare: the source of published numbers.

    python evaluate.py                                             # no key needed: the offline reader answers
    python evaluate.py --num-test 100 --model openai/gpt-4o-mini   # a sample of 100 questions, a real model
    python evaluate.py --mode retrieval --split val                # what the memory finds in 500 to 4000 tokens
    python evaluate.py --parameters tuned_parameters.json          # the memory as tune.py found it best
    python evaluate.py --resume runs/20260101T120000Z-1a2b3c       # finish a run that was interrupted

A table for people goes to stderr with all progress; the last line on stdout is one JSON document. Every run leaves a
folder: answers.jsonl (a row per answer, as it completes), config.json, manifest.json, summary.json.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from evaluation.flags import build_parser
from harness.flags import from_args
from locomo.config import EvaluationConfig
from memoryqa.config import Settings

if TYPE_CHECKING:
    from evaluation.lms import ChosenLMs
    from harness.runs import Run
    from harness.settings import choose_settings
    from harness.tracking.tracker import NullTracker, Tracker
    from locomo.benchmark import BenchmarkConfig, BenchmarkProgress, BenchmarkResult


def main(argv: list[str] | None = None) -> int:
    args = build_parser(__doc__).parse_args(argv)
    from locomo.asking import BenchmarkStoppedError
    from locomo.judging.ask import JudgingStoppedError
    from memoryqa.lms.preflight import LMUnavailable
    from memoryqa.redaction import redact
    from memoryqa.search.embedders import EmbeddingError
    from memoryqa.tags.files import TaggingStoppedError

    try:
        run(args)
        return 0
    except (
        ValueError,
        EmbeddingError,
    ) as error:  # a flag, the data, a saved program or run, a model's name: each says what and where
        print(f"evaluate.py: {redact(str(error))}", file=sys.stderr)
        return 2
    except (LMUnavailable, BenchmarkStoppedError, JudgingStoppedError, TaggingStoppedError) as error:
        print(f"evaluate.py: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evaluate.py: interrupted", file=sys.stderr)
        return 1


def run(args: argparse.Namespace) -> None:
    """From flags to numbers. Raises ValueError for bad input, LMUnavailable and BenchmarkStoppedError for the rest."""
    from evaluation.lms import choose_lms, connect
    from evaluation.programs import make_programs
    from evaluation.results import judge_answers, report, report_estimate
    from evaluation.run_folder import new_run, record, track_config
    from evaluation.tagging import choose_tags
    from harness.runs import ANSWERS, Run
    from harness.tracking.tracker import open_tracker
    from harness.tracking.values import sample_ids
    from locomo.benchmark import answered, build_benchmark_config

    # 1. What to ask, of which memory, and whom.
    saved = {} if args.resume is None else Run.open(args.resume).config
    config = from_args(EvaluationConfig, args, saved=saved.get("evaluation"))
    settings, verdict = choose_settings(args, saved, program=config.program, parameters=config.parameters)
    lms = choose_lms(args, config)
    add_tags = choose_tags(config.tags, args.tag_model, args.tag_api_base, dry_run=args.dry_run)
    benchmark = build_benchmark_config(make_programs=make_programs(config, settings, add_tags), **asdict(config))
    for note in (*benchmark.dataset.notes, *([verdict] if verdict else []), lms.describe_task(), lms.describe_judge()):
        print(note, file=sys.stderr)
    traced_ids = sample_ids([question.id for question in benchmark.questions], args.trace_sample)
    full_config = full_config_of(benchmark, settings, lms)
    earlier = None if args.resume is None else Run.resume(args.resume, full_config)
    done = set() if earlier is None else answered(earlier)
    if args.dry_run:
        report_estimate(benchmark, done, lms.task)
        return

    # 2. Make sure that the LMs answer before anything is written or spent.
    missing = len(benchmark.programs) * len(benchmark.questions) - len(done)
    # on --resume what could not be read is in the cache: a failed question needs another answer
    benchmark = connect(benchmark, lms, missing=missing, fresh=args.resume is not None)

    # 3. Ask, one row per answer.
    run = earlier or new_run(args.run_dir, full_config, benchmark, lms.describe_task())
    record(run, benchmark, lms, args.judge, settings.memory)
    with open_tracker(
        args.mlflow_uri,
        enabled=not args.no_mlflow,
        run_dir=run.run_dir,
        resume=earlier is not None,
        traced_ids=traced_ids,
    ) as tracker:
        track_config(tracker, run, full_config, benchmark.programs)
        benchmark = replace(benchmark, rows=run, jsonl=run.run_dir / ANSWERS, trace=tracker.trace)
        result = ask(run, benchmark, tracker)

        # 4. Judge, and report.
        judged = judge_answers(run, args, lms.judge, benchmark.num_threads, tracker)
        report(run, benchmark, result, lms, judged, verdict, tracker)


def full_config_of(benchmark: BenchmarkConfig, settings: Settings, lms: ChosenLMs) -> dict[str, Any]:
    """All that decides on the numbers: saved with the run, compared when it is resumed."""
    from evaluation.programs import prompts_of
    from evaluation.tagging import tags_of

    return {
        "evaluation": asdict(benchmark.asked),
        "memory": asdict(settings.memory),
        "program": asdict(settings.program),
        "resolved": {
            "split": benchmark.split,
            "model": None if lms.task is None else lms.task.model,
            "data_sha256": benchmark.dataset.sha256,
            "prompts": prompts_of(benchmark),
            **({"tags": tags_of(benchmark)} if benchmark.asked.tags else {}),
        },
    }


def ask(run: Run, benchmark: BenchmarkConfig, tracker: Tracker | NullTracker) -> BenchmarkResult:
    """Ask what is missing; rows are on disk as they complete."""
    from harness.progress import counting
    from harness.tracking.values import trace_of
    from locomo.asking import BenchmarkStoppedError
    from locomo.benchmark import answered, run_benchmark

    completed, total = len(answered(run)), len(benchmark.programs) * len(benchmark.questions)
    with counting("answering", total=total, completed=completed) as advance:

        def on_progress(progress: BenchmarkProgress) -> None:
            row = progress.row
            tracker.log_trace(row["program"], row["question_id"], **trace_of(row))
            advance(f"{progress.failed} failed" if progress.failed else "")

        try:
            return run_benchmark(benchmark, on_progress=on_progress)
        except (BenchmarkStoppedError, KeyboardInterrupt, OSError) as error:  # OSError: a full disk
            raise BenchmarkStoppedError(
                f"{str(error) or 'interrupted'}; {len(answered(run))} answers are kept: "
                f"mend the cause, then python evaluate.py --resume {run.run_dir}"
            ) from None


if __name__ == "__main__":
    raise SystemExit(main())
