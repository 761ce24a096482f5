"""Answer LoCoMo's questions with the memory and with plain baselines, and compare: the source of published numbers.

    python evaluate.py                                             # no key needed: the offline reader answers
    python evaluate.py --num-test 100 --model openai/gpt-4o-mini   # a sample of 100 questions, a real model
    python evaluate.py --resume runs/20260101T120000Z-1a2b3c       # finish a run that was interrupted

A table for people goes to stderr with all progress; the last line on stdout is one JSON document. Every run leaves a
folder: answers.jsonl (a row per answer, as it completes), config.json, manifest.json, summary.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.flags import add_flags, from_args
from locomo.config import JUDGE_NAMES, EvaluationConfig, judge_names
from memory.config import MemoryConfig

if TYPE_CHECKING:
    import dspy

    from harness.lms import LMChoice
    from harness.runs import Run
    from harness.tracking import NullTracker, Tracker
    from locomo.dataset import Dataset, Question
    from memory_system import Memories


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="evaluate.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_flags(parser, EvaluationConfig, "what is asked")
    add_flags(parser, MemoryConfig, "the memory")
    group = parser.add_argument_group("the run")
    folder = group.add_mutually_exclusive_group()
    folder.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="a new folder for the results (default: runs/TIME-ID)"
    )
    folder.add_argument("--resume", type=Path, metavar="RUN_DIR", help="finish that run: only what is missing is asked")
    group.add_argument("--dry-run", action="store_true", help="print the number of LM calls and tokens, and spend none")
    group = parser.add_argument_group("judging the answers (python -m locomo.llm_judge does it afterwards)")
    group.add_argument("--judge-model", metavar="NAME", help="LiteLLM name; without it MEMORY_JUDGE_MODEL, or no judge")
    group.add_argument("--judge-api-base", metavar="URL", help="address of the judge's server")
    group.add_argument(
        "--judge", type=judge_names, default=JUDGE_NAMES, metavar="NAME,...", help="default: lenient,strict,abstention"
    )
    group.add_argument(
        "--judge-votes", type=int, choices=(1, 3, 5), default=1, help="readings per answer (default: 1; 3 to publish)"
    )
    group = parser.add_argument_group("tracking in MLflow")
    group.add_argument(
        "--mlflow-uri", metavar="URI", help="where (default: MLFLOW_TRACKING_URI, or sqlite:///mlflow.db)"
    )
    group.add_argument("--no-mlflow", action="store_true", help="do not track")
    group.add_argument(
        "--trace-sample",
        type=float,
        default=0.05,
        metavar="X",
        help="share of the questions whose traces are kept (default: %(default)s)",
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    from harness.lms import redact
    from harness.preflight import LMUnavailable
    from locomo.benchmark import BenchmarkStoppedError
    from locomo.judging import JudgingStoppedError
    from memory.embedders import EmbeddingError

    try:
        return run(args)
    except (
        ValueError,
        EmbeddingError,
    ) as error:  # a flag, the data, a saved program or run, a model's name: each says what and where
        print(f"evaluate.py: {redact(str(error))}", file=sys.stderr)
        return 2
    except (LMUnavailable, BenchmarkStoppedError, JudgingStoppedError) as error:
        print(f"evaluate.py: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evaluate.py: interrupted", file=sys.stderr)
        return 1


def run(args: argparse.Namespace) -> int:
    """From flags to numbers. Raises ValueError for bad input, LMUnavailable and BenchmarkStoppedError for the rest."""
    from harness.lms import build, configure, describe, resolve
    from harness.preflight import preflight
    from harness.runs import Run
    from harness.tracking import open_tracker
    from harness.tracking_values import sample_ids
    from locomo.dataset import choose_questions
    from locomo.judges import judge_digests
    from memory_system import Memories, prompt_digests, save_program

    # 1. What to ask, whom, from which memory.
    saved = {} if args.resume is None else Run.open(args.resume).config
    config = from_args(EvaluationConfig, args, saved=saved.get("evaluation"))
    memory_config = choose_memory_config(args, config, saved.get("memory"))
    dataset, split, questions = choose_questions(config)
    choice = resolve("task", model=config.model, api_base=config.api_base)
    judge = resolve("judge", model=args.judge_model, api_base=args.judge_api_base)
    for note in (*dataset.notes, describe(choice), describe(judge)):
        print(note, file=sys.stderr)
    if judge.offline:
        raise ValueError("--judge-model offline: the offline reader judges nothing; name a model, or none")
    traced_ids = sample_ids([question.id for question in questions], args.trace_sample)
    asked_about = {question.conversation_id for question in questions}
    conversations = {one.id: one.turns for one in dataset.conversations if one.id in asked_about}
    memories = Memories.of(conversations, memory_config, vector_cache=Path("vectors.sqlite"))
    programs = build_programs(config, memories, memory_config)
    full_config = {
        "evaluation": asdict(config),
        "memory": asdict(memory_config),
        "resolved": {
            "split": split,
            "model": choice.model,
            "data_sha256": dataset.sha256,
            "prompts": {name: prompt_digests(program) for name, program in programs.items()},
        },
    }
    earlier = None if args.resume is None else Run.resume(args.resume, full_config)
    done = set() if earlier is None else answered(earlier)
    if args.dry_run:
        return report_estimate(programs, questions, done, choice)

    # 2. Make sure that the LMs answer before anything is written or spent.
    fresh = args.resume is not None  # what could not be read is in the cache: a failed question needs another answer
    lm = build(choice, temperature=config.temperature, cache=not fresh)
    if len(done) < len(programs) * len(questions):
        preflight(lm, choice)
    if judge.model is not None:
        preflight(build(judge), judge)
    num_threads = config.num_threads or (1 if choice.offline else 8)
    configure(lm, num_threads=num_threads)

    # 3. Ask, one row per answer.
    run = earlier or new_run(args.run_dir, full_config, dataset, questions, choice)
    judged_by = {"judge_lm": describe(judge), "judge_prompt_digests": judge_digests(args.judge if judge.model else ())}
    if judge.model is not None or "judge_lm" not in run.manifest:  # a judge of before is not forgotten on --resume
        run.write_json("manifest.json", {**run.manifest, **judged_by})
    run.write_json("lines.json", memories.rendered_lines())
    if "memory" in programs:
        save_program(programs["memory"], run.run_dir / "program.json")
    with open_tracker(
        args.mlflow_uri,
        enabled=not args.no_mlflow,
        run_dir=run.run_dir,
        resume=earlier is not None,
        traced_ids=traced_ids,
    ) as tracker:
        track_config(tracker, run, full_config, programs)
        answer_questions(run, programs, questions, done, num_threads, tracker)

        # 4. Judge, and report.
        judged = judge_answers(run, args, judge, num_threads, tracker)
        return report(run, dataset, split, programs, questions, choice, judged, tracker)


def choose_memory_config(
    args: argparse.Namespace, config: EvaluationConfig, saved: Mapping[str, Any] | None
) -> MemoryConfig:
    """From the flags; a saved program brings its own, and a flag that contradicts it is refused."""
    if config.program is None:
        return from_args(MemoryConfig, args, saved=saved)
    from memory_system import load_program_config

    of_program = load_program_config(Path(config.program))
    chosen = from_args(MemoryConfig, args, saved=asdict(of_program))
    differing = [name for name, value in asdict(of_program).items() if getattr(chosen, name) != value]
    if differing:
        flags = ", ".join(f"--{name.replace('_', '-')} {getattr(chosen, name)}" for name in differing)
        raise ValueError(f"{config.program} was optimised with {of_program}; drop {flags}, or optimise with it")
    return chosen


def build_programs(config: EvaluationConfig, memories: Memories, memory_config: MemoryConfig) -> dict[str, dspy.Module]:
    """The programs by name, in the order asked for."""
    from memory_system import PROGRAMS, load_program

    programs: dict[str, dspy.Module] = {name: PROGRAMS[name](memories, memory_config) for name in config.programs}
    if config.program is not None:
        programs["memory"] = load_program(Path(config.program), memories)
    return programs


def new_run(
    run_dir: Path | None,
    full_config: Mapping[str, Any],
    dataset: Dataset,
    questions: Sequence[Question],
    choice: LMChoice,
) -> Run:
    """A new run folder, with where its numbers come from."""
    from harness.lms import describe
    from harness.runs import Run, default_run_dir, manifest_environment
    from locomo.split_data import ids_digest

    manifest = {
        **manifest_environment(),
        "task_lm": describe(choice),
        "data": {"path": str(dataset.path), "sha256": dataset.sha256, "notes": list(dataset.notes)},
        "questions": len(questions),
        "questions_digest": ids_digest(question.id for question in questions),
    }
    run_dir = run_dir or default_run_dir(full_config)
    try:
        return Run.create(run_dir, full_config, manifest)
    except OSError as error:
        raise ValueError(f"{run_dir} cannot be written ({error.strerror}): name another folder by --run-dir") from error


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


def answer_questions(
    run: Run,
    programs: Mapping[str, dspy.Module],
    questions: Sequence[Question],
    done: Collection[tuple[str, str]],
    num_threads: int,
    tracker: Tracker | NullTracker,
) -> None:
    """Ask what is not `done`; rows are on disk as they complete."""
    from harness.preflight import is_systemic
    from harness.progress import counting
    from harness.tracking_values import trace_of
    from harness.usage import measure_usage
    from locomo.benchmark import BenchmarkStoppedError, run_benchmark

    failed = 0
    with counting("answering", total=len(programs) * len(questions), completed=len(done)) as advance:

        def on_row(row: dict[str, Any]) -> None:
            nonlocal failed
            run.append(row)
            tracker.log_trace(row["program"], row["question_id"], **trace_of(row))
            failed += row["error"] is not None
            advance(f"{failed} failed" if failed else "")

        try:
            run_benchmark(
                programs,
                questions,
                on_row=on_row,
                measure_usage=measure_usage,
                done=done,
                num_threads=num_threads,
                is_systemic=is_systemic,
                trace=tracker.trace,
            )
        except (BenchmarkStoppedError, KeyboardInterrupt, OSError) as error:  # OSError: a full disk
            raise BenchmarkStoppedError(
                f"{str(error) or 'interrupted'}; {len(answered(run))} answers are kept: "
                f"mend the cause, then python evaluate.py --resume {run.run_dir}"
            ) from None


def judge_answers(
    run: Run, args: argparse.Namespace, judge: LMChoice, num_threads: int, tracker: Tracker | NullTracker
) -> dict[str, Any]:
    """Verdicts on the run's answers: their summaries, the names of the judges asked, and their LM; none without one."""
    from harness.jsonl import JsonlFile
    from harness.lms import describe
    from locomo.judge_files import VerdictFiles, read_answers
    from locomo.judging import JudgingStoppedError
    from locomo.llm_judge import judge_run
    from locomo.verdicts import judged_name

    if judge.model is None:
        return {"judges": {}, "asked": [], "judge_lm": describe(judge)}
    flags = {"run_dir": run.run_dir, "api_base": args.judge_api_base, "num_threads": num_threads, "controls": None}
    try:
        document = judge_run(argparse.Namespace(**{**vars(args), **flags}))
    except JudgingStoppedError as error:
        raise JudgingStoppedError(f"{error}, with --resume {run.run_dir}") from None
    asked = [judged_name(name, judge.model, args.judge_votes) for name in args.judge]
    files, answers = VerdictFiles(run.run_dir, JsonlFile), read_answers(run.run_dir, JsonlFile)
    for name in asked:
        for (program, question_id), row in files.verdicts(name, answers)[1].items():
            feedback = {"rationale": row["reason"], "judge_model": row["model"]}
            tracker.log_feedback(program, question_id, f"judge_{row['judge']}", row["verdict"], **feedback)
    return {"judges": document["judges"], "asked": asked, "judge_lm": describe(judge)}


def answered(run: Run) -> set[tuple[str, str]]:
    """What need not be asked again, as (program, question id); questions that failed are not among it."""
    return {key for key, row in run.latest_rows("program", "question_id").items() if row["error"] is None}


def report(
    run: Run,
    dataset: Dataset,
    split: str,
    programs: Mapping[str, dspy.Module],
    questions: Sequence[Question],
    choice: LMChoice,
    judged: Mapping[str, Any],
    tracker: Tracker | NullTracker,
) -> int:
    """Table on stderr; summary.json, report.html and plots in the run folder; the summary as stdout's last line."""
    from harness.lms import describe
    from harness.plots import write_plots
    from harness.report import print_summary, write_report
    from harness.tracking_values import metrics_of
    from locomo.benchmark import summarise
    from locomo.judge_files import judge_columns
    from locomo.statistics import score_intervals

    rows = run.latest_rows("program", "question_id")
    summaries = {}
    for name in programs:
        of_program = [rows[name, question.id] for question in questions]
        columns = judge_columns(judged["judges"], name, judged["asked"])
        intervals = {**score_intervals(of_program), **columns.pop("ci95")}
        summaries[name] = {**summarise(of_program), **columns, "ci95": intervals}
    document = {
        "run_dir": str(run.run_dir),
        "task_lm": describe(choice),
        "judge_lm": judged["judge_lm"],
        "embedding_failures": next(iter(programs.values())).memories.embedding_failures,
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
    write_report(run.run_dir)
    write_plots(run.run_dir)
    for name, summary in summaries.items():
        tracker.child(name).log_metrics(metrics_of(summary))
    tracker.log_metrics(metrics_of(summaries["memory" if "memory" in summaries else next(iter(summaries))]))
    tracker.log_artifacts(run.run_dir)
    loud = ["NOT LoCoMo: the bundled sample conversations"] if dataset.is_sample else []
    if failures := document["embedding_failures"]:
        loud.append(f"{failures} searches did without the embedder's vectors: see the warning above")
    print_summary(document, loud=loud)
    print(json.dumps(document))
    return 0


def report_estimate(
    programs: Mapping[str, dspy.Module],
    questions: Sequence[Question],
    done: Collection[tuple[str, str]],
    choice: LMChoice,
) -> int:
    """What --dry-run prints: the cost of what is not `done`."""
    from memory_system import expected_cost

    costs = {
        name: expected_cost(program, [one.inputs() for one in questions if (name, one.id) not in done])
        for name, program in programs.items()
    }
    for name, cost in costs.items():
        print(
            f"{name}: at most {cost['lm_calls']:,} LM calls, {cost['prompt_tokens']:,} prompt tokens", file=sys.stderr
        )
    if choice.offline:
        print("the offline reader runs on this machine: none of it costs anything", file=sys.stderr)
    print(json.dumps({"dry_run": True, "model": choice.model, "programs": costs}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
