"""Train the reader by reinforcement (GRPO): on an Arbor server with several GPUs, or on one device in this process.

    python train.py --mode train --num-train 600 --num-val 100 --num-train-steps 500 --model "Qwen/Qwen2.5-3B" \\
        --inference-gpus 0 --training-gpus 1,2                       # these are the defaults
    python train.py --backend local --model Qwen/Qwen2.5-0.5B-Instruct --device cuda
    python train.py --resume                                         # go on from the last checkpoint
    python train.py --mode evaluate --num-test 100                   # the trained model against the one it was

`--dry-run` stops after the checks, which take seconds. Checkpoints go to --checkpoint-dir, the trained program to
--output. All progress goes to stderr; the last line on stdout is one JSON document. docs/grpo.md says what it takes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.flags import add_flags, add_tracking_flags, from_args
from memoryqa.config import MemoryConfig, ProgramConfig, Settings
from training.backend_api import TrainingResult, TrainingStoppedError, TrainingTask
from training.config import GRPOConfig, TrainingConfig

if TYPE_CHECKING:
    from harness.tracking.tracker import NullTracker, Tracker
    from training.history import History
    from training.inputs import Material

OUTPUT = Path("grpo_optimized_memory_qa.json")
SETTINGS = "training.json"  # in the checkpoint folder: what a resumed training must be told again
MAY_CHANGE_ON_RESUME = ("num_train_steps", "device", "api_base", "inference_gpus", "training_gpus")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", choices=("train", "evaluate"), default="train", help="default: train")
    add_flags(parser, TrainingConfig, "what is trained, on what and where")
    add_flags(parser, GRPOConfig, "how: GRPO")
    add_flags(parser, MemoryConfig, "the memory")
    add_flags(parser, ProgramConfig, "the program")
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="tuned parameters of the memory, as tune.py writes them"
    )
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
    group.add_argument("--resume", action="store_true", help="go on from the last checkpoint in --checkpoint-dir")
    group.add_argument("--dry-run", action="store_true", help="check everything that can be checked, and stop")
    group = parser.add_argument_group("--mode evaluate")
    group.add_argument("--num-test", type=int, metavar="N", help="a sample of so many test questions (default: all)")
    group.add_argument("--run-dir", type=Path, metavar="DIR", help="folder for the answers (default: runs/TIME-ID)")
    group = parser.add_argument_group("--metric judge")
    group.add_argument("--judge-model", metavar="NAME", help="LiteLLM name; without it MEMORY_JUDGE_MODEL")
    group.add_argument("--judge-api-base", metavar="URL", help="address of the judge's server")
    add_tracking_flags(parser)
    return parser


def main(argv: list[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    from locomo.asking import BenchmarkStoppedError
    from memoryqa.lms.preflight import LMUnavailable
    from memoryqa.redaction import redact

    try:
        return evaluate(args) if args.mode == "evaluate" else train(args)
    except ValueError as error:  # a flag, the data, a model, a folder, the server: each says what and how to mend it
        print(f"train.py: {redact(str(error))}", file=sys.stderr)
        return 2
    except (TrainingStoppedError, LMUnavailable, BenchmarkStoppedError) as error:
        print(f"train.py: {redact(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("train.py: interrupted", file=sys.stderr)
        return 1


def train(args: argparse.Namespace) -> int:
    """From flags to a trained program. Raises ValueError for bad input, TrainingStoppedError once it has begun."""
    import dspy

    from harness.tracking.tracker import open_tracker
    from training.adapter import TrainingAdapter
    from training.backend_choice import choose_backend, load_backend
    from training.chat_format import with_chat_end
    from training.history import History
    from training.inputs import gather
    from training.on_arbor.preflight import check_chat_end
    from training.reward import JudgeReward
    from training.watch import Watch

    # 1. What is asked for; a resumed training is told the same again.
    config, grpo, settings = choose_settings(args)
    dspy.configure(adapter=TrainingAdapter(), trace=None, max_history_size=200, warn_on_type_mismatch=False)

    # 2. Can it work? Everything is checked before anything is written or spent.
    backend, reason = choose_backend(config)
    material = gather(config, grpo, settings)
    check_same_data(args, material)
    reward, judge = build_reward(args, config, material)
    watch = Watch(grpo.num_train_steps)
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
    )
    for note in (reason, *material.notes, *load_backend(backend).preflight(task)):
        print(note, file=sys.stderr)
    if backend == "arbor" and material.is_base_model:
        check_chat_end(config)
    if args.dry_run:
        print(json.dumps({"dry_run": True, "backend": backend, "prompt_tokens_max": material.longest_prompt}))
        return 0

    # 3. Train; steps are on disk, in MLflow and on the terminal as they come.
    full_config = {
        "training": {**asdict(config), "backend": backend},  # a resumed training must not choose another one
        "grpo": asdict(grpo),
        "memory": asdict(material.settings.memory),
        "program": asdict(material.settings.program),
        "resolved": {"data_sha256": material.dataset.sha256, "judge": judge},
    }
    if backend == "arbor" and material.is_base_model:
        model = with_chat_end(config.model, args.checkpoint_dir / "base-model")
        task = replace(task, config=replace(config, model=str(model.resolve())))
    history = History(args.checkpoint_dir, resume=args.resume)
    write_json(args.checkpoint_dir / SETTINGS, full_config)
    with open_tracker(
        args.mlflow_uri, enabled=not args.no_mlflow, run_dir=args.checkpoint_dir, resume=args.resume
    ) as tracker:
        tracker.log_params(full_config)
        with watch.watching(history, tracker):
            result = load_backend(backend).train(task)
        if isinstance(reward, JudgeReward) and reward.unreadable:
            print(f"{reward.unreadable} verdicts could not be read; those answers got their F1", file=sys.stderr)

        # 4. Save the program with its adapter, and report.
        return report(args, config, grpo, material, backend, result, history, tracker)


def choose_settings(args: argparse.Namespace) -> tuple[TrainingConfig, GRPOConfig, Settings]:
    """From the flags, or from the training that is resumed; a folder with a training in it is not written over."""
    folder: Path = args.checkpoint_dir
    saved: dict[str, Any] = {}
    if args.resume:
        saved = read_settings(folder)
    elif (folder / SETTINGS).exists() and not args.dry_run:
        raise ValueError(f"{folder} holds a training: go on with it by --resume, or name a new --checkpoint-dir")
    config = from_args(TrainingConfig, args, saved=saved.get("training"))
    grpo = from_args(GRPOConfig, args, saved=saved.get("grpo"))
    tuned = asdict(tuned_settings(args.parameters))
    settings = Settings(
        from_args(MemoryConfig, args, saved=saved.get("memory") or tuned["memory"]),
        from_args(ProgramConfig, args, saved=saved.get("program") or tuned["program"]),
    )
    sections = (("training", config), ("grpo", grpo), ("memory", settings.memory), ("program", settings.program))
    for name, chosen in sections:
        for key, value in json.loads(json.dumps(asdict(chosen))).items():
            if key not in MAY_CHANGE_ON_RESUME and key in saved.get(name, {}) and value != saved[name][key]:
                flag = "--" + key.replace("_", "-")
                raise ValueError(f"--resume: {folder} was trained with {flag} {saved[name][key]}; drop {flag} {value}")
    return config, grpo, settings


def check_same_data(args: argparse.Namespace, material: Material) -> None:
    """A resumed training goes on with the questions that it began with."""
    if not args.resume:
        return
    before = read_settings(args.checkpoint_dir)["resolved"]["data_sha256"]
    if before != material.dataset.sha256:
        raise ValueError(f"--resume: {material.dataset.path} is not the file that {args.checkpoint_dir} was trained on")


def tuned_settings(path: Path | None) -> Settings:
    """Settings from a file of tuned parameters; the shipped ones without one."""
    from memoryqa.parameters import load_parameters

    if path is None:
        return Settings()
    parameters = load_parameters(path)
    print(f"parameters: {path}: {parameters.verdict()}", file=sys.stderr)
    return parameters.settings


def read_settings(folder: Path) -> dict[str, Any]:
    """What the training in `folder` was told."""
    try:
        saved: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"--resume: {folder} holds no training; name its folder by --checkpoint-dir") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / SETTINGS}: cannot be read ({error}); start anew in another folder") from error
    return saved


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write it whole or not at all."""
    from harness.files import write_bytes_atomically

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}): name another folder") from error


def build_reward(
    args: argparse.Namespace, config: TrainingConfig, material: Material
) -> tuple[Callable[..., float], str | None]:
    """What --metric rewards, and the judge as a line; None without one."""
    from training.reward import F1Reward, JudgeReward, RecallReward

    if config.metric == "f1":
        return F1Reward(), None
    if config.metric == "recall":
        return RecallReward(material.memories, material.settings.program), None
    from locomo.judging.prompts import Judge
    from memoryqa.lms.preflight import preflight
    from memoryqa.lms.roles import build, describe, resolve

    choice = resolve("judge", model=args.judge_model, api_base=args.judge_api_base)
    if choice.model is None or choice.offline:
        raise ValueError("--metric judge needs a judge: give --judge-model NAME, e.g. openai/gpt-4o-mini")
    lm = build(choice)
    preflight(lm, choice)
    strict, lenient = (Judge(name, lm, model=choice.model) for name in ("strict", "lenient"))
    return JudgeReward(strict, lenient), describe(choice)


def evaluate(args: argparse.Namespace) -> int:
    """The trained program against the model as it was, on test questions."""
    import dspy

    from locomo.config import EvaluationConfig
    from training.adapter import TrainingAdapter
    from training.evaluation import evaluate_trained

    chosen = from_args(TrainingConfig, args)
    config = EvaluationConfig(data=chosen.data, num_test=args.num_test, categories=chosen.categories, seed=chosen.seed)
    dspy.configure(adapter=TrainingAdapter(), trace=None, max_history_size=200, track_usage=True)
    print(json.dumps(evaluate_trained(args.output, config, device=chosen.device, run_dir=args.run_dir)))
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
) -> int:
    """The program with its adapter, the reward plot, and the numbers: in MLflow and as stdout's last line."""
    from training.reward_plot import write_reward_plot

    totals = history.totals()
    val_before = next((row["val_score"] for row in history.validations if row["step"] == 0), None)
    write_reward_plot(history, args.checkpoint_dir / "reward.png")
    document = {
        "backend": backend,
        **{key: totals[key] for key in ("steps", "reward_first", "reward_last")},
        "val_before": val_before,
        "val_after": result.val_score,
        "best_step": result.step,
        **{key: totals[key] for key in ("format_failures", "equal_groups", "groups")},
        "checkpoint_dir": str(args.checkpoint_dir),
        "seconds": totals["seconds"],
        "output": save_output(args.output, config, grpo, material, result, val_before),
    }
    tracker.log_metrics({key: value for key, value in document.items() if isinstance(value, int | float)})
    tracker.log_artifacts(args.checkpoint_dir / "reward.png")
    print(json.dumps(document))
    return 0


def save_output(
    path: Path,
    config: TrainingConfig,
    grpo: GRPOConfig,
    material: Material,
    result: TrainingResult,
    val_before: float | None,
) -> str | None:
    """Write the trained program to `path` and return that; None, and said so, when nothing is worth it."""
    from memory_system import MemoryQA
    from training.trained_program import TrainedAdapter, save_trained

    if result.adapter_dir is None:
        print(f"no checkpoint beat the model as it was on the val questions: {path} is not written", file=sys.stderr)
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
