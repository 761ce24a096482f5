"""train.py a second time: what an end of before left undone is done, and no two trainings share a folder."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT

pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from tiny_models import save_tiny_model

import train
from harness.files import JsonlFile
from locomo.dataset import SAMPLE_PATH
from training.backend_api import StepRecord
from training.folder import RESULT
from training.history import History

pytestmark = pytest.mark.usefixtures("own_folder")
FOLDER = Path("grpo_checkpoints")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def two_steps(model: Path, *more: str) -> list[str]:
    return [
        *("--backend", "local", "--device", "cpu", "--model", str(model), "--data", str(SAMPLE_PATH)),
        *("--num-train", "4", "--num-val", "2", "--context-tokens", "40", "--num-train-steps", "2", "--rollouts", "2"),
        *("--steps-per-validation", "1", "--max-completion-length", "4", "--lora-r", "2", *more),
    ]


@pytest.mark.slow
def test_what_a_store_missed_is_added_by_resume_and_then_the_training_is_done(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    assert train.main(two_steps(model, "--mlflow-uri", "http://127.0.0.1:9")) == 0
    told = capsys.readouterr().err
    assert "python train.py --resume --checkpoint-dir grpo_checkpoints" in told
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert train.main(["--resume", "--mlflow-uri", uri]) == 0
    captured = capsys.readouterr()
    assert "all 2 steps are done; what was left is the result" in captured.err
    assert json.loads(captured.out.splitlines()[-1]) == json.loads((FOLDER / RESULT).read_text())
    client = MlflowClient(uri)
    (run,) = client.search_runs([client.get_experiment_by_name("adaptive-memory-qa").experiment_id])
    assert [one.step for one in client.get_metric_history(run.info.run_id, "train.reward_mean")] == [1, 2]
    assert [one.step for one in client.get_metric_history(run.info.run_id, "val.reward")] == [0, 1, 2]
    assert train.main(["--resume", "--mlflow-uri", uri]) == 2
    assert "all 2 steps are done; train on with a larger --num-train-steps" in capsys.readouterr().err
    assert train.main(["--resume", "--mlflow-uri", uri, "--num-train-steps", "3"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert [one.step for one in client.get_metric_history(run.info.run_id, "train.reward_mean")] == [1, 2, 3]


@pytest.mark.slow
def test_a_result_that_could_not_be_written_is_given_by_resume_and_a_folder_takes_one_training(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[str] = []

    def full(*_: Any) -> None:
        code = (
            f"from pathlib import Path; from harness.runs import Run; Run.open(Path({str(FOLDER.resolve())!r})).lock()"
        )
        other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
        others.append(other.stderr)
        raise OSError(errno.ENOSPC, "No space left on device", "grpo_optimized_memory_qa.json")

    with monkeypatch.context() as patched:
        patched.setattr(train, "save_output", full)
        assert train.main(two_steps(model, "--no-mlflow")) == 1
        assert train.main(["--resume", "--no-mlflow"]) == 1
    assert len(others) == 2
    assert all("another process is working on" in one for one in others)
    assert capsys.readouterr().err.count("No space left on device") == 2
    assert train.main(["--resume", "--no-mlflow"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 2


def test_a_history_that_cannot_be_shortened_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed training drops the rows of steps that it does again; a full disk then lost all of them."""
    history = History(tmp_path, resume=False)
    for step in (1, 2, 3):
        history.add_step(StepRecord(step, 0.5, 0.1, 1, 0, 1.0, 0, 1.0))
    before = (tmp_path / "history.jsonl").read_bytes()

    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    resumed = History(tmp_path, resume=True)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            resumed.add_step(StepRecord(2, 0.7, 0.1, 1, 0, 1.0, 0, 1.0))
    assert (tmp_path / "history.jsonl").read_bytes() == before
    resumed.add_step(StepRecord(2, 0.7, 0.1, 1, 0, 1.0, 0, 1.0))
    assert [row["reward_mean"] for row in JsonlFile(tmp_path / "history.jsonl").rows()] == [0.5, 0.7]
