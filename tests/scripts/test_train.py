"""train.py from the command line: what it refuses, what it leaves behind, and that a training raises the reward."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT

pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from http_stand_in import Fault, FixedAnswers
from tiny_models import save_tiny_model

import train
from examples import tiny_grpo
from locomo.dataset import SAMPLE_PATH
from memory_system import load_program_settings
from memoryqa.config import Settings
from training.backend_choice import choose_backend
from training.config import GRPOConfig, TrainingConfig
from training.folder import choose_settings

JSON_KEYS = {
    *("backend", "steps", "reward_first", "reward_last", "val_before", "val_after"),
    *("format_failures", "checkpoint_dir", "seconds", "output"),
}
CPU_LIMIT_SEC = 240  # two cores for two minutes, in processor time, because the machine may be busy


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


pytestmark = pytest.mark.usefixtures("own_folder")


def flags(model: Path, *more: str) -> list[str]:
    return [
        *("--backend", "local", "--device", "cpu", "--model", str(model), "--data", str(SAMPLE_PATH)),
        *("--num-train", "4", "--num-val", "2", "--context-tokens", "40", "--num-train-steps", "2", "--rollouts", "2"),
        *("--steps-per-validation", "1", "--max-completion-length", "4", "--lora-r", "2", "--no-mlflow", *more),
    ]


def last_json(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text.splitlines()[-1])
    return document


# -- what it is asked --------------------------------------------------------------------------------------------------


def test_the_documented_command_is_that_of_the_defaults() -> None:
    words = [
        *("--mode", "train", "--num-train", "600", "--num-val", "100", "--num-train-steps", "500"),
        *("--model", "Qwen/Qwen2.5-3B", "--inference-gpus", "0", "--training-gpus", "1,2"),
    ]
    args = train.build_parser().parse_args(words)
    config, grpo, settings = choose_settings(args)
    assert (config, grpo, settings) == (TrainingConfig(), GRPOConfig(), Settings())
    assert args.checkpoint_dir == Path("grpo_checkpoints")
    assert args.output == Path("grpo_optimized_memory_qa.json")


def test_help_names_every_setting_and_loads_nothing_heavy() -> None:
    code = "import train; train.main(['--help'])"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in loaded
    assert loaded & {"torch", "dspy", "transformers", "numpy"} == set()
    assert "--beta X" in done.stdout
    assert "python train.py --mode evaluate --num-test 100" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model", "no/such/folder"], "--model no/such/folder: its tokenizer cannot be loaded"),
        (["--data", "missing.json"], "missing.json: cannot be read"),
        (["--max-prompt-length", "200"], "--max-prompt-length 200"),
        (["--metric", "judge"], "--metric judge needs a judge: give --judge-model NAME"),
        (["--prompts-per-step", "5"], "--prompts-per-step 5: there are 4 questions"),
        (["--lora-targets", "nothing"], "has no layer of these names"),
        (["--rollouts", "1"], "--rollouts must be at least 2"),
        (["--resume"], "--resume: grpo_checkpoints holds no training"),
        (["--output", "nowhere/qa.json"], "--output nowhere/qa.json: its folder does not exist"),
        (["--mode", "evaluate"], "no such file; train first: python train.py --mode train"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line_before_anything_is_written(
    more: list[str], message: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(flags(model, *more)) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train.py: ")]
    assert message in line
    assert not Path("grpo_checkpoints").exists()
    assert not Path("grpo_optimized_memory_qa.json").exists()


def test_a_folder_with_other_files_is_left_alone(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("grpo_checkpoints").mkdir()
    Path("grpo_checkpoints/notes.txt").write_text("mine")
    assert train.main(flags(model)) == 2
    assert "grpo_checkpoints is not empty: name a new --checkpoint-dir" in capsys.readouterr().err
    assert [path.name for path in Path("grpo_checkpoints").iterdir()] == ["notes.txt"]


def test_a_dry_run_says_what_it_found_and_writes_nothing(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(flags(model, "--dry-run")) == 0
    captured = capsys.readouterr()
    assert last_json(captured.out)["backend"] == "local"
    assert "questions: 4 to train on, 2 to validate on" in captured.err
    assert "looks like a base model" in captured.err
    assert not any(Path().iterdir())


def test_prompts_that_are_too_long_get_less_evidence_and_that_is_said(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--dry-run", "--context-tokens", "2000", "--max-prompt-length", "5000")
    assert train.main(flags(model, *more)) == 0
    captured = capsys.readouterr()
    assert last_json(captured.out)["prompt_tokens_max"] <= 5000
    assert "evidence: --context-tokens 2000 is reduced to" in captured.err


@pytest.fixture
def arbor() -> Iterator[str]:
    with FixedAnswers({"/openapi.json": Fault(body={"info": {"title": "Arbor API"}, "paths": {}})}) as server:
        yield f"{server.base_url}/v1/"


def test_auto_takes_arbor_where_a_server_answers_and_says_why(arbor: str) -> None:
    assert choose_backend(TrainingConfig(api_base=arbor)) == (
        "arbor",
        f"backend: arbor, because a server answers at {arbor}",
    )
    name, reason = choose_backend(TrainingConfig(api_base="http://127.0.0.1:9/v1/"))
    assert name == "local"
    assert "no Arbor server answers at http://127.0.0.1:9/v1/" in reason
    assert choose_backend(TrainingConfig(backend="local", api_base=arbor))[0] == "local"


# -- what it does ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_training_is_tracked_resumed_only_as_it_was_and_never_written_over(
    model: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The model says anything at all, so no completion can be read, and none beats it."""
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    asked = [one for one in flags(model) if one != "--no-mlflow"]
    assert train.main([*asked, "--mlflow-uri", uri]) == 0
    captured = capsys.readouterr()
    document = last_json(captured.out)
    assert set(document) >= JSON_KEYS
    assert (document["steps"], document["format_failures"], document["output"]) == (2, 4, None)
    assert (document["reward_first"], document["val_before"], document["val_after"]) == (-1.0, 0.0, 0.0)
    assert "no checkpoint beat the untrained model" in captured.err
    assert {path.name for path in Path("grpo_checkpoints").iterdir()} >= {
        "history.jsonl",
        "reward.png",
        "config.json",
        "manifest.json",
    }

    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("adaptive-memory-qa").experiment_id])
    assert len(client.get_metric_history(run.info.run_id, "train.reward_mean")) == 2
    assert [one.value for one in client.get_metric_history(run.info.run_id, "val.reward")] == [0.0, 0.0, 0.0]
    assert {"train.kl", "train.format_failures", "train.completion_tokens", "train.seconds"} <= set(run.data.metrics)
    assert run.data.params["grpo.beta"] == "0.04"
    assert run.info.run_name.startswith(f"train {model}, f1, 2 steps, local, ")

    assert train.main(flags(model)) == 2
    assert "grpo_checkpoints holds a training: continue it with --resume" in capsys.readouterr().err
    assert train.main(["--resume", "--no-mlflow", "--beta", "0.5"]) == 2
    assert (
        "grpo_checkpoints was made with another config (grpo.beta: 0.04 -> 0.5): drop the flags that differ"
        in capsys.readouterr().err
    )
    assert train.main(["--resume", "--no-mlflow"]) == 2
    assert "all 2 steps are done; train on with a larger --num-train-steps" in capsys.readouterr().err
    assert train.main(["--resume", "--no-mlflow", "--num-train-steps", "3"]) == 0
    captured = capsys.readouterr()
    assert last_json(captured.out)["steps"] == 3
    assert captured.err.count("validation after step") == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("No information available.", tiny_grpo.CONSTANT),
        ("no idea", tiny_grpo.HABIT),
        ("may 2023", tiny_grpo.READ),
        ("June 2023", tiny_grpo.OTHER),
        ("", tiny_grpo.OTHER),
    ],
)
def test_the_tiny_example_says_where_an_answer_comes_from(answer: str, kind: str) -> None:
    assert tiny_grpo.kind_of(answer, "[D1:1] 8 May 2023 Ana: I moved.") == kind


def test_the_tiny_example_counts_answers_before_and_after() -> None:
    before, after = (tiny_grpo.PROGRAMS[when] for when in ("before", "after"))
    answers = [
        *[tiny_grpo.Answer(before, "temporal", text, tiny_grpo.HABIT) for text in ("no idea", "no idea")],
        *[tiny_grpo.Answer(after, "temporal", text, tiny_grpo.READ) for text in "abcdd"],
    ]
    first, second, *sums = tiny_grpo.lessons(answers)
    assert first.split(maxsplit=2) == ["temporal", "before", '2 x "no idea"']
    assert second.split(maxsplit=2) == ["temporal", "after", '2 x "d", 1 x "a", 1 x "b", and 1 more']
    assert sums[0].startswith("before, of 2 answers: 0 read from the evidence")
    assert sums[1].startswith("after, of 5 answers: 5 read from the evidence")


@pytest.mark.slow
def test_the_tiny_example_is_built_alike_in_every_process() -> None:
    """Sets of text are read in another order in each: the tokenizer, and with it the whole training, must not care."""
    code = "from examples.tiny_grpo import *; print(build_tokenizer(demonstrations(0)).backend_tokenizer.to_str())"
    built = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True
        )
        for hash_seed in ("1", "2")
    ]
    assert [done.returncode for done in built] == [0, 0], built[0].stderr
    assert built[0].stdout == built[1].stdout


def test_the_tiny_examples_model_writes_the_format_in_two_tokens() -> None:
    """A model of 0.4 million weights that writes each mark by itself leaves one out, on some machines."""
    shown = tiny_grpo.demonstrations(0)
    tokenizer = tiny_grpo.build_tokenizer(shown)
    for _, reply in shown:
        first, *answer, last = (tokenizer.decode([one]) for one in tokenizer(reply)["input_ids"])
        assert (first, last) == ("[[ ## answer ## ]]\n", "\n\n[[ ## evidence_ids ## ]]\n\n[[ ## completed ## ]]")
        assert "".join(answer) == reply.removeprefix(first).removesuffix(last)


@pytest.mark.slow
def test_the_tiny_example_learns_and_the_result_is_loaded(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/tiny_grpo.py"), "--folder", str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # threads that wait for each other on a busy machine use it up
        capture_output=True,
        text=True,
        timeout=1500,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    document = last_json(done.stdout)
    assert f"everything is kept in {tmp_path}" in done.stderr
    assert "before, of 10 answers: " in done.stderr
    assert "after, of 10 answers: " in done.stderr
    assert document["val_after"] - document["val_before"] >= 0.2
    assert document["reward_last"] > document["reward_first"]
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_LIMIT_SEC
    assert load_program_settings(Path(document["output"])).program.context_tokens == 40
    rows = [json.loads(line) for line in (tmp_path / "run" / "answers.jsonl").read_text().splitlines()]
    assert len(rows) == 20
    assert {row["error"] for row in rows} == {None}
    f1 = {name: sum(row["f1"] for row in rows if row["program"] == name) / 10 for name in ("base", "memory")}
    assert f1["memory"] - f1["base"] >= 0.2
