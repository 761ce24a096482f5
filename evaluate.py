"""Answer LoCoMo's questions with the memory and with plain baselines, and compare: the source of published numbers.

    python evaluate.py                                             # no key needed: the offline reader answers
    python evaluate.py --num-test 100 --model openai/gpt-4o-mini   # a sample of 100 questions, a real model
    python evaluate.py --mode retrieval --split val                # what the memory finds in 500 to 4000 tokens
    python evaluate.py --parameters tuned_parameters.json          # the memory as tune.py found it best
    python evaluate.py --resume runs/20260101T120000Z-1a2b3c       # finish a run that was interrupted
    python evaluate.py --num-test 100 --model NAME --dry-run       # what that would cost, and spend nothing

Your own system, in the same table, report and MLflow run as ours:

    python evaluate.py --programs memory,mine=my_module:make       # make(memories) returns a callable that answers
    python evaluate.py --mode retrieval --programs memory,mine=my_file.py:make          # one that returns turn ids
    python evaluate.py --predictions answers.jsonl                 # {"question_id": "conv-48:3", "answer": "May"}
    python evaluate.py --protocol memory-r1 --programs memory      # the split of Memory-R1, categories 1-4

The callable gets conversation_id= and question= (and budget_tokens= where it retrieves) and returns text or an object
with .answer; evaluation/own_programs.py and locomo/predictions.py say more.

Tables and progress go to stderr. stdout gets one JSON document, on a terminal only with --json. Every run leaves a
folder: answers.jsonl (a row per answer, as it completes), config.json, manifest.json, summary.json, report.html, plots.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("evaluate.py")

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evaluation.config import ADDED, EvaluationConfig
from evaluation.flags import build_parser
from harness.commands import print_document, run_command
from harness.flags import from_args
from harness.lm_flags import record_of, saved_fields
from locomo.rows import MAIN_PROGRAM

if TYPE_CHECKING:
    from evaluation.lms import ChosenLMs
    from harness.runs import Run
    from harness.tracking.tracker import NullTracker, Tracker
    from locomo.asking import Program
    from locomo.questions import Selection
    from memoryqa.config import MemoryConfig, Settings


def main(argv: list[str] | None = None) -> int:
    args = build_parser(__doc__).parse_args(argv)
    if getattr(args, "predictions", None) and not hasattr(args, "programs"):
        args.programs = ()  # what was answered elsewhere, alone
    return run_command("evaluate.py", lambda: run(args))


def run(args: argparse.Namespace) -> None:
    """From flags to numbers. Raises UsageError for bad input, StoppedError for what ends the run early."""
    from evaluation.lms import choose_lms, connect
    from evaluation.programs import build_memories, make_programs
    from evaluation.tagging import choose_tags
    from harness.lm_flags import role_settings, settings_of
    from harness.runs import Run
    from harness.settings import choose_settings
    from harness.tracking.tracker import check_tracking, open_tracker
    from harness.tracking.values import sample_ids
    from locomo.benchmark import answered
    from locomo.questions import choose
    from reports.evaluated import evaluate_programs, new_run, record_judges

    # 1. What to ask, of which memory, and whom.
    saved = {} if args.resume is None else Run.open(args.resume).config
    config = from_args(EvaluationConfig, args, saved=saved.get("evaluation"))
    settings, verdict = choose_settings(args, saved, program=config.program, parameters=config.parameters)
    lms = choose_lms(args, config, saved)
    tagging = role_settings(args, "tag", settings_of(config, args))
    add_tags = choose_tags(config.tags, args.tag_model, args.tag_api_base, dry_run=args.dry_run, settings=tagging)
    selection = choose(
        config.data,
        data_format=config.format,
        split=config.split,
        num=config.num_test,
        seed=config.seed,
        categories=config.categories or None,
        protocol=config.protocol,
    )
    memories = build_memories(add_tags(selection.conversations), settings.memory)
    programs = make_programs(config, selection, memories, settings)
    task_lm, judge_lm = lms.describe_task(), lms.describe_judge()
    for note in (*selection.dataset.notes, *([verdict] if verdict else []), task_lm, judge_lm):
        print(note, file=sys.stderr)
    traced_ids = sample_ids([question.id for question in selection.questions], args.trace_sample)
    full_config = full_config_of(config, selection, programs, settings, lms)
    earlier = None if args.resume is None else Run.resume(args.resume, full_config, lock=not args.dry_run)
    done = set() if earlier is None else answered(earlier)
    if args.dry_run:
        print_document(estimate(args, programs, selection, done, lms), as_json=args.json)
        return

    # 2. Make sure that the LMs answer before anything is written or spent.
    check_tracking(args.mlflow_uri, enabled=not args.no_mlflow)
    judges = connect(lms, config, args, missing=len(programs) * len(selection.questions) - len(done))

    # 3. Ask, a row on disk per answer, judge, and report.
    run = earlier or new_run(args.run_dir, full_config, selection, task_lm=task_lm)
    record_judges(run, judge_lm, {judge.name: judge.prompt_digest for judge in judges})
    if config.mode == "answers" and MAIN_PROGRAM in config.programs:
        keep_program(run, programs, settings.memory)
    with open_tracker(
        args.mlflow_uri,
        enabled=not args.no_mlflow,
        run_name=title(lms, selection, programs),
        run_dir=run.run_dir,
        resume=earlier is not None,
        traced_ids=traced_ids,
        add_later=f"python evaluate.py --resume {run.run_dir}",
    ) as tracker:
        track_config(tracker, run, full_config, programs)
        document = evaluate_programs(
            run,
            programs,
            selection,
            task_lm=task_lm,
            memories=memories,
            judges=judges,
            judge_lm=judge_lm,
            budgets_tokens=config.budgets_tokens if config.mode == "retrieval" else (),
            num_threads=lms.num_threads(config.num_threads),
            tracker=tracker,
            parameters=verdict,
            resume=f"python evaluate.py --resume {run.run_dir}",
        )
    print_document(document, as_json=args.json)


def full_config_of(
    config: EvaluationConfig,
    selection: Selection,
    programs: Mapping[str, Program],
    settings: Settings,
    lms: ChosenLMs,
) -> dict[str, Any]:
    """All that decides on the numbers: saved with the run, compared when it is resumed."""
    from evaluation.programs import predictions_of, prompts_of
    from evaluation.tagging import tags_of

    predictions = {name: one.digest for name, one in predictions_of(programs).items()}
    asked = saved_fields(asdict(config), ADDED)
    of_lms = record_of({"task": lms.task})
    return {
        "evaluation": asked,
        "memory": asdict(settings.memory),
        "program": asdict(settings.program),
        "resolved": {
            "split": selection.split,
            "model": None if lms.task is None else lms.task.model,
            "data_sha256": selection.dataset.sha256,
            "prompts": prompts_of(programs) if config.mode == "answers" else {},
            **({"tags": tags_of(config.tags, selection)} if config.tags else {}),
            **({"predictions": predictions} if predictions else {}),
            **({"lms": of_lms} if of_lms else {}),
        },
    }


def estimate(
    args: argparse.Namespace,
    programs: Mapping[str, Program],
    selection: Selection,
    done: set[tuple[Any, ...]],
    lms: ChosenLMs,
) -> Mapping[str, Any]:
    """What --dry-run prints."""
    from evaluation.estimate import report_estimate

    assert lms.judge is not None  # --mode retrieval refuses --dry-run
    return report_estimate(
        programs, selection, done, lms.task, lms.judge, judges=args.judge, num_votes=args.judge_votes
    )


def keep_program(run: Run, programs: Mapping[str, Program], memory: MemoryConfig) -> None:
    """Save our program `memory` in the run folder: another run can use it."""
    from memory_system import save_program

    program: Any = programs["memory"]
    save_program(program, run.run_dir / "program.json", memory)


def title(lms: ChosenLMs, selection: Selection, programs: Mapping[str, Program]) -> str:
    """The name of the run in MLflow: model, split, programs, time."""
    model = lms.short_name
    asked = f"{selection.dataset.name} {selection.split}, {len(selection.questions)} questions"
    return f"{model.split('/')[-1]}, {asked}, {'+'.join(programs)}, {datetime.now(UTC):%Y-%m-%d %H:%M}"


def track_config(
    tracker: Tracker | NullTracker, run: Run, full_config: Mapping[str, Any], programs: Mapping[str, Program]
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
        tracker.child(name).log_params(full_config)
        tracker.child(name).log_params({"program": name})


if __name__ == "__main__":
    raise SystemExit(main())
