"""Train the reader by reinforcement (GRPO): on an Arbor server with several GPUs, or on one device in this process.

    python train.py --mode train --num-train 600 --num-val 100 --num-train-steps 500 --model "Qwen/Qwen2.5-3B" \\
        --inference-gpus 0 --training-gpus 1,2                       # these are the defaults
    python train.py --backend local --model Qwen/Qwen2.5-0.5B-Instruct --device cuda
    python train.py --backend local --model base.gguf --sft-steps 60 # a base model first learns the format
    python train.py --resume                                         # continue from the last checkpoint
    python train.py --mode evaluate --num-test 100                   # the trained model against the untrained one

`--dry-run` stops after the checks, which take seconds. Checkpoints go to --checkpoint-dir, the trained program to
--output. Progress goes to stderr, the result as one line of JSON to stdout. docs/grpo.md describes the requirements.
"""

from __future__ import annotations

if __name__ == "__main__":  # first: what follows takes a second to load
    from memoryqa.terminal import quiet_while_loading

    quiet_while_loading("train.py")

import argparse
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.commands import add_json_flag, print_document, run_command
from harness.flags import add_flags, add_tracking_flags, from_args
from memoryqa.config import MemoryConfig, ProgramConfig
from memoryqa.errors import UsageError
from training.backend_api import TrainingResult, TrainingStoppedError, TrainingTask
from training.config import GRPOConfig, TrainingConfig
from training.folder import RESULT, check_same_settings, choose_settings, open_run, parameters_of
from training.model_files import is_gguf

if TYPE_CHECKING:
    from harness.runs import Run
    from harness.tracking.tracker import NullTracker, Tracker
    from training.history import History
    from training.inputs import Material
    from training.watch import Watch

OUTPUT = Path("grpo_optimized_memory_qa.json")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=("train", "evaluate"), default="train", help="default: train")
    add_flags(parser, TrainingConfig, "what is trained, on what and where")
    add_flags(parser, GRPOConfig, "how: GRPO")
    add_flags(parser, MemoryConfig, "the memory")
    add_flags(parser, ProgramConfig, "the program")
    parser.add_argument("--parameters", metavar="FILE", help="tuned parameters of the memory, as tune.py writes them")
    group = parser.add_argument_group("the run")
    group.add_argument(
        "--checkpoint-dir", type=Path, default=Path("grpo_checkpoints"), metavar="DIR", help="default: %(default)s"
    )
    group.add_argument(
        "--output",
        type=Path,
        default=OUTPUT,
        metavar="FILE",
        help="the trained program, written by train and read by evaluate (default: %(default)s)",
    )
    group.add_argument("--resume", action="store_true", help="continue from the last checkpoint in --checkpoint-dir")
    group.add_argument("--dry-run", action="store_true", help="check everything that takes seconds to check, and stop")
    group = parser.add_argument_group("--mode evaluate")
    group.add_argument(
        "--num-test", type=int, metavar="N", help="size of a sample of the test questions (default: all)"
    )
    group.add_argument("--run-dir", type=Path, metavar="DIR", help="folder for the answers (default: runs/TIME-ID)")
    group = parser.add_argument_group("--metric judge")
    group.add_argument("--judge-model", metavar="NAME", help="LiteLLM name (default: MEMORY_JUDGE_MODEL)")
    group.add_argument("--judge-api-base", metavar="URL", help="address of the judge's server")
    add_tracking_flags(parser)
    add_json_flag(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    return run_command("train.py", lambda: evaluate(args) if args.mode == "evaluate" else train(args))


def train(args: argparse.Namespace) -> int:
    """From flags to a trained program. Raises UsageError for bad input, TrainingStoppedError once it has begun."""
    from training.backend_choice import choose_backend
    from training.packages import check_packages

    # 1. The settings; a resumed training has those that it began with.
    config, grpo, settings = choose_settings(args)
    backend, reason = choose_backend(config)
    check_packages(backend)
    if backend == "arbor" and is_gguf(config.model):
        raise UsageError(f"--model {config.model}: Arbor reads no GGUF file: train it with --backend local")

    import dspy

    from training.dspy_setup import TrainingAdapter
    from training.inputs import gather
    from training.reward import choose_reward
    from training.watch import Watch

    dspy.configure(adapter=TrainingAdapter(), trace=None, max_history_size=200, warn_on_type_mismatch=False)

    # 2. Check everything before anything is written or spent.
    material = gather(config, grpo, settings)
    reward, judge = choose_reward(
        config.metric, material, judge_model=args.judge_model, judge_api_base=args.judge_api_base
    )
    full_config = {
        "training": {**asdict(config), "backend": backend},  # so that --resume does not choose another one
        "grpo": asdict(grpo),
        "memory": asdict(material.settings.memory),
        "program": asdict(material.settings.program),
        "resolved": {"data_sha256": material.dataset.sha256, "judge": judge},
    }
    if args.resume:
        check_same_settings(args.checkpoint_dir, full_config)
    watch = Watch(grpo.num_train_steps, grpo.sft_steps)
    task = TrainingTask(
        student=material.student,
        trainset=material.trainset,
        valset=material.valset,
        reward=reward,
        config=config,
        grpo=grpo,
        checkpoint_dir=args.checkpoint_dir,
        resume=args.resume,
        on_step=watch.on_step,
        on_validation=watch.on_validation,
        demonstrations=material.demonstrations.shown if material.demonstrations else (),
        on_sft_step=watch.on_sft_step,
    )
    check_task(task, material, backend, reason)
    if args.dry_run:
        document = {"dry_run": True, "backend": backend, "prompt_tokens_max": material.longest_prompt}
        if material.demonstrations:
            document["demonstrations"] = len(material.demonstrations.shown)
        print_document(document, as_json=args.json)
        return 0

    # 3. Train, then save the program with its adapter, and report.
    run = open_run(args, full_config, material)
    return run_task(args, task, material, backend, run, watch)


def check_task(task: TrainingTask, material: Material, backend: str, reason: str) -> None:
    """Print what is to know before `task` begins. Raises UsageError for a model that `backend` cannot train."""
    from training.backend_choice import load_backend
    from training.on_arbor.preflight import check_chat_end

    for note in (reason, *material.notes, *load_backend(backend).preflight(task)):
        print(note, file=sys.stderr)
    if backend == "arbor" and not material.takes_system_turn:
        raise UsageError(
            f"--model {task.config.model}: its chat template has no place for a system turn, and Arbor sends one: "
            "train it with --backend local, or choose another model"
        )
    if backend == "arbor" and material.is_base_model:
        check_chat_end(task.config)


def run_task(
    args: argparse.Namespace,
    task: TrainingTask,
    material: Material,
    backend: str,
    run: Run,
    watch: Watch,
) -> int:
    """Train; each step goes at once to disk, to MLflow and to the terminal. Returns the exit status."""
    from harness.tracking.tracker import open_tracker
    from training.backend_choice import load_backend
    from training.chat_format import with_chat_end
    from training.history import History
    from training.reward import JudgeReward

    config = task.config
    if backend == "arbor" and material.is_base_model:
        model = with_chat_end(config.model, args.checkpoint_dir / "base-model")
        task = replace(task, config=replace(config, model=str(model.resolve())))
    history = History(args.checkpoint_dir, resume=args.resume)
    with open_tracker(
        args.mlflow_uri,
        enabled=not args.no_mlflow,
        run_name=title(config, task.grpo, backend),
        run_dir=args.checkpoint_dir,
        resume=args.resume,
        add_later=f"python train.py --resume --checkpoint-dir {args.checkpoint_dir} --output {args.output}",
    ) as tracker:
        fixed, changing = parameters_of(run.config)
        tracker.log_params(fixed)
        tracker.set_tags(changing)
        with watch.watching(history, tracker):
            result = load_backend(backend).train(task)
        if isinstance(task.reward, JudgeReward) and task.reward.unreadable:
            print(f"{task.reward.unreadable} verdicts could not be read; those answers got their F1", file=sys.stderr)
        try:
            return report(args, config, task.grpo, material, backend, result, history, tracker, run)
        except KeyboardInterrupt as error:
            raise TrainingStoppedError("interrupted after the last step: --resume writes what is left") from error


def title(config: TrainingConfig, grpo: GRPOConfig, backend: str) -> str:
    """What the run is called in MLflow: what is trained on what, how long, where, and when."""
    what = f"train {config.model}, {config.metric}, {grpo.num_train_steps:,} steps"
    return f"{what}, {backend}, {datetime.now(UTC):%Y-%m-%d %H:%M}"


def evaluate(args: argparse.Namespace) -> int:
    """Ask the trained and the untrained model test questions."""
    from training.packages import check_packages

    check_packages("local", "--mode evaluate")

    import dspy

    from training.dspy_setup import TrainingAdapter
    from training.evaluation import evaluate_trained

    chosen = from_args(TrainingConfig, args)
    dspy.configure(adapter=TrainingAdapter(), trace=None, max_history_size=200, track_usage=True)
    document = evaluate_trained(args.output, chosen, num_test=args.num_test, run_dir=args.run_dir)
    print_document(document, as_json=args.json)
    return 0


def report(
    args: argparse.Namespace,
    config: TrainingConfig,
    grpo: GRPOConfig,
    material: Material,
    backend: str,
    result: TrainingResult,
    history: History,
    tracker: Tracker | NullTracker,
    run: Run,
) -> int:
    """Save the program and the reward plot; put the numbers into MLflow and on stdout."""
    from training.history import write_reward_plot

    totals = history.totals()
    val_before = history.val_before
    write_reward_plot(history, args.checkpoint_dir / "reward.png")
    document = {
        "backend": backend,
        **{key: totals[key] for key in ("steps", "reward_first", "reward_last")},
        "val_before": val_before,
        **({"val_warm": history.val_warm} if grpo.sft_steps else {}),
        "val_after": result.val_score,
        "best_step": result.step,
        **{key: totals[key] for key in ("format_failures", "equal_groups", "groups")},
        "checkpoint_dir": str(args.checkpoint_dir),
        "seconds": totals["seconds"],
        "output": save_output(args.output, config, grpo, material, result, val_before),
    }
    tracker.log_metrics({key: value for key, value in document.items() if isinstance(value, int | float)})
    tracker.log_artifacts(args.checkpoint_dir / "reward.png")
    if not tracker.is_incomplete:  # else --resume adds what is missing there
        run.write_json(RESULT, document)
    print_document(document, as_json=args.json)
    return 0


def save_output(
    path: Path,
    config: TrainingConfig,
    grpo: GRPOConfig,
    material: Material,
    result: TrainingResult,
    val_before: float | None,
) -> str | None:
    """Write the trained program to `path` and return that; None, with a message, if no checkpoint was better."""
    from memory_system import MemoryQA
    from training.trained_program import TrainedAdapter, save_trained

    if result.adapter_dir is None:
        print(f"no checkpoint beat the untrained model on the val questions: {path} is not written", file=sys.stderr)
        return None
    adapter = TrainedAdapter(
        path=result.adapter_dir,
        base_model=config.model,
        metric=config.metric,
        step=result.step,
        val_before=val_before,
        val_score=result.val_score,
        max_completion_length=grpo.max_completion_length,
    )
    program = MemoryQA(material.memories, material.settings.program)
    save_trained(program, material.settings.memory, adapter, path)
    return str(path)


if __name__ == "__main__":
    raise SystemExit(main())
