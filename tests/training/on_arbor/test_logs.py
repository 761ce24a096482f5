"""What the server's logs say: alive or dead, what was measured, and what helps. Samples as the real ones look."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from training.on_arbor.logs import JobLogs, known_fix

RUN = "120000-ab12"
STEP = (
    "{'loss': -0.0435, 'grad_norm': 0.04832035303115845, 'learning_rate': 2e-05, 'reward': 0.875, "
    "'completions/mean_length': 15.5, 'kl': 9.667240010458045e-05, 'epoch': 0.03}"
)
TRAINER_DIED = (
    "[rank1]: Traceback (most recent call last):",
    '[rank1]:   File "/venv/lib/python3.11/site-packages/arbor/training/grpo/trainer.py", line 305, in __init__',
    "[rank1]: ValueError: num_generations must be >= world_size * gradient_accumulation_steps.",
    "Traceback (most recent call last):",
    'File "/venv/lib/python3.11/site-packages/accelerate/commands/launch.py", line 1423, in <module>',
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError:",
    "Root Cause (first observed failure):",
)


class Log:
    """A job's log files, written as Arbor writes them."""

    def __init__(self, storage: Path) -> None:
        self.folder = storage / f"grpo:model:{RUN}:20260101" / "logs"
        self.folder.mkdir(parents=True)

    def write(self, *lines: str, name: str = "grpo_training.log", end: str = "\n") -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write("\n".join(json.dumps({"job_type": "GRPO", "message": line}) for line in lines) + end)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "storage")


@pytest.fixture
def logs(tmp_path: Path) -> JobLogs:
    return JobLogs([tmp_path / "none", tmp_path / "storage"], RUN)


def death_after_settling(logs: JobLogs) -> str | None:
    logs.update()
    time.sleep(1.1)
    logs.update()
    return logs.death()


def test_a_job_is_found_by_its_run_name(log: Log, logs: JobLogs, tmp_path: Path) -> None:
    Log(tmp_path / "other").write("not ours")
    assert logs.folder == log.folder
    assert JobLogs([tmp_path / "storage"], "another").folder is None


def test_without_logs_nothing_is_known(tmp_path: Path) -> None:
    logs = JobLogs([tmp_path], RUN)
    logs.update()
    assert (logs.death(), list(logs.tail()), logs.metrics, logs.fix()) == (None, [], {}, None)


def test_the_measurements_of_the_last_step_are_read(log: Log, logs: JobLogs) -> None:
    log.write("3%|2        | 1/30 [00:02<01:08,  2.38s/it]", STEP)
    logs.update()
    assert logs.metrics["kl"] == 9.667240010458045e-05
    assert (logs.metrics["reward"], logs.metrics["loss"]) == (0.875, -0.0435)
    log.write(STEP.replace("0.04832035303115845", "nan"))
    logs.update()
    assert logs.metrics["grad_norm"] != logs.metrics["grad_norm"]


def test_lines_are_read_once_and_only_whole(log: Log, logs: JobLogs) -> None:
    log.write("one", end="")
    logs.update()
    assert list(logs.tail()) == []
    log.write("", end="\n")
    log.write("two")
    logs.update()
    logs.update()
    assert list(logs.tail())[-1:] == ["two"]
    assert len(logs.tail()) == 2


def test_a_dead_trainer_is_told_by_its_own_error_not_its_launchers(log: Log, logs: JobLogs) -> None:
    log.write("some warning", *TRAINER_DIED)
    assert (
        death_after_settling(logs) == "ValueError: num_generations must be >= world_size * gradient_accumulation_steps."
    )


def test_a_missing_accelerate_file_is_a_death_with_its_fix(log: Log, logs: JobLogs) -> None:
    log.write(
        "Traceback (most recent call last):",
        'File "/venv/lib/python3.11/site-packages/accelerate/commands/launch.py", line 1198, in <module>',
        "FileNotFoundError: [Errno 2] No such file or directory: '/venv/configs/deepspeed_config.yaml'",
    )
    death = death_after_settling(logs)
    assert death is not None
    assert death.startswith("FileNotFoundError")
    assert logs.fix() == "run `python -m training.on_arbor.config` in the server's environment, then restart it"


def test_a_vllm_that_does_not_start_is_a_death(log: Log, logs: JobLogs) -> None:
    log.write(
        "Traceback (most recent call last):",
        'File "/venv/lib/arbor/server/services/inference/vllm_serve.py", line 269, in <module>',
        "ValueError: No available memory for the cache blocks.",
        name="inference.log",
    )
    assert death_after_settling(logs) == "ValueError: No available memory for the cache blocks."


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        ["12:35:50 [WARN] [main] sync_ref_model=True is not compatible with PEFT.", STEP],
        ["Traceback (most recent call last):", "ValueError: of a single chat, which vLLM survives", STEP],
    ],
)
def test_a_living_trainer_is_not_taken_for_dead(log: Log, logs: JobLogs, lines: list[str]) -> None:
    log.write(*lines)
    assert death_after_settling(logs) is None


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.78 GiB", "--max-prompt-length"),
        ("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:3356", "NCCL_P2P_DISABLE=1"),
        ("HfHubHTTPError: 429 Client Error: Too Many Requests for url", "HF_TOKEN"),
        ("ModuleNotFoundError: No module named 'mergekit'", "transformers>=4.56.1,<5"),
        ("AttributeError: 'bool' object has no attribute 'lower'", "delete configs/deepspeed_config.yaml"),
        ("OSError: [Errno 28] No space left on device", "storage_path"),
        ("RuntimeError: The server socket has failed to listen: EADDRINUSE, port 51216", "one at a time"),
    ],
)
def test_known_problems_come_with_their_fix(text: str, fix: str) -> None:
    found = known_fix(text)
    assert found is not None
    assert fix in found


def test_an_unknown_problem_has_no_fix() -> None:
    assert known_fix("RuntimeError: something new; step 1429, NCCL version 2.26") is None
