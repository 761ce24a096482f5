"""A training on Arbor, by arbor-ai's own ArborGRPO and ArborProvider, over HTTP against the stand-in server."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from http_stand_in import DISCONNECTED, SILENT, Fault
from openai_server import Message, chat_fields

pytest.importorskip("requests")
from training.on_arbor.client import package_dir

if package_dir() is None:
    pytest.skip("needs arbor-ai: pip install --no-deps arbor-ai==0.2.17", allow_module_level=True)

from arbor_server import ArborServer, no_gpus, using

from training.backend_api import StepRecord, TrainingResult, TrainingStoppedError, TrainingTask
from training.config import GRPOConfig, TrainingConfig
from training.on_arbor.backend import train
from training.on_arbor.watchdog import Limits

SMALL = GRPOConfig(
    num_train_steps=4,
    rollouts=4,
    steps_per_validation=2,
    batch_size_per_device=2,
    gradient_accumulation_steps=2,
    max_completion_length=32,
)


class Capitals(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.answer = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        return self.answer(question=question)


def example(country: str, capital: str) -> dspy.Example:
    return dspy.Example(question=f"The capital of {country}?", gold=capital).with_inputs("question")


class Policy:
    """What the server answers: asked greedily, Paris after `better_after` chats; else by turns nonsense and cities."""

    def __init__(self, better_after: int = 10) -> None:
        self.better_after = better_after
        self.chats = 0
        self.lock = threading.Lock()

    def __call__(self, messages: list[Message], body: Mapping[str, Any]) -> str:
        with self.lock:
            self.chats += 1
            number = self.chats
        if body["temperature"] == 0:
            return chat_fields(answer="Paris" if number > self.better_after else "Rome")
        texts = ("no fields at all", chat_fields(answer=f"city {number}"), chat_fields(answer="Paris"), chat_fields())
        return texts[number % 4]


@dataclass
class Reports:
    """What a training reported."""

    steps: list[StepRecord] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)

    def on_validation(self, steps_done: int, score: float) -> None:
        assert len(self.steps) == steps_done
        self.validations.append((steps_done, score))


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def task(tmp_path: Path, storage: Path, reports: Reports, monkeypatch: pytest.MonkeyPatch) -> TrainingTask:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arbor.yaml").write_text(f"storage_path: {storage}\n")
    return TrainingTask(
        student=Capitals(),
        trainset=[example("France", "Paris"), example("Italy", "Rome")],
        valset=[example("France", "Paris"), example("Spain", "Madrid")],
        reward=lambda example, prediction, trace=None: float(prediction.answer == example.gold),
        config=TrainingConfig(inference_gpus=(0,), training_gpus=(1, 2)),
        grpo=SMALL,
        checkpoint_dir=tmp_path / "checkpoints",
        resume=False,
        on_step=reports.steps.append,
        on_validation=reports.on_validation,
    )


def stopped(server: ArborServer, task: TrainingTask, **limits: float) -> str:
    """The message of a training that fails; within seconds, and with its job cancelled if there was one.

    limits: those that it runs into; the others are as generous as ever.
    """
    began = time.monotonic()
    with pytest.raises(TrainingStoppedError) as failure:
        train(using(server, task), replace(Limits(), **limits))
    assert time.monotonic() - began < 60
    assert task.student.answer.lm is None
    assert all(job.status == "cancelled" for job in server.jobs.values())
    message = str(failure.value)
    assert "\n" not in message
    return message


# -- a training ------------------------------------------------------------------------------------------------------


def test_a_training_validates_steps_checkpoints_and_frees_its_gpus(
    task: TrainingTask, reports: Reports, storage: Path
) -> None:
    with ArborServer(storage, Policy(better_after=16)) as server:
        result = train(using(server, task))
        assert server.job.status == "cancelled"
        assert server.paths()[-2:] == ["terminate", "cancel"]
    assert [step.step for step in reports.steps] == [1, 2, 3, 4]
    assert reports.validations == [(0, 0.0), (2, 0.0), (4, 0.5)]
    assert (result.step, result.val_score) == (4, 0.5)
    assert result.adapter_dir == (task.checkpoint_dir / "best").resolve()
    assert result.adapter_dir.joinpath("adapter_model.safetensors").is_file()
    assert not result.adapter_dir.joinpath("optimizer.pt").exists()
    index = json.loads((task.checkpoint_dir / "arbor.json").read_text())
    assert index["job"] is None
    assert {name: (one["step"], one["val_score"]) for name, one in index["checkpoints"].items()} == {
        "best": (4, 0.5),
        "last": (4, 0.5),
    }
    assert server.api_base not in json.dumps(index)
    assert task.student.answer.lm is None


def test_without_a_better_checkpoint_there_is_no_adapter(task: TrainingTask, storage: Path) -> None:
    with ArborServer(storage, Policy(better_after=0)) as server:
        result = train(using(server, task))
    assert result == TrainingResult(None, 0, 0.5)
    assert (task.checkpoint_dir / "last").is_dir()


def test_the_settings_reach_the_server_as_it_honours_them(task: TrainingTask, storage: Path) -> None:
    grpo = replace(SMALL, lora_r=64, lora_alpha=16, learning_rate=2e-5, beta=0.04)
    with ArborServer(storage, Policy()) as server:
        train(using(server, replace(task, grpo=grpo)))
    sent = server.job.body
    assert sent["model"] == sent["inference_config"]["model"] == "Qwen/Qwen2.5-3B"
    assert sent["gpu_config"] == {"type": "multi", "multi": {"num_inference_gpus": 1, "num_training_gpus": 2}}
    trainer = sent["trainer_config"]
    assert trainer["lora_config"] == {
        "r": 64,
        "lora_alpha": 16,
        "lora_dropout": 0.0,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    }
    assert (trainer["learning_rate"], trainer["lr_scheduler_type"], trainer["beta"]) == (
        2e-5,
        "constant_with_warmup",
        0.04,
    )
    assert (trainer["bf16"], trainer["mask_truncated_completions"]) == (True, False)
    assert (trainer["max_prompt_length"], trainer["max_completion_length"], trainer["max_seq_len"]) == (4096, 32, None)
    assert sent["inference_config"]["max_seq_len"] is None
    assert trainer["max_steps"] >= grpo.num_train_steps + 10  # with as many as that, the last step would hang
    assert (trainer["num_generations"], trainer["num_training_gpus"]) == (4, 2)


def test_rollouts_are_sampled_as_the_trainer_is_told_and_validation_is_greedy(
    task: TrainingTask, storage: Path
) -> None:
    with ArborServer(storage, Policy()) as server:
        train(using(server, replace(task, grpo=replace(SMALL, temperature=0.9))))
    chats = [request.body for request in server.requests if request.path.endswith("/completions")]
    assert {chat["temperature"] for chat in chats} == {0.9, 0.0}
    assert [chat["temperature"] for chat in chats].count(0.0) == 3 * len(task.valset)
    assert server.job.body["trainer_config"]["temperature"] == 0.9
    assert {(chat["top_p"], chat["top_k"], chat["repetition_penalty"]) for chat in chats} == {(1.0, -1, 1.0)}
    assert {chat.get("max_tokens") or chat.get("max_completion_tokens") for chat in chats} == {32}
    assert {chat["model"] for chat in chats} == {f"arbor:{server.job.id}"}


def test_what_is_trained_on_is_what_was_sampled_and_failures_of_format_cost(
    task: TrainingTask, reports: Reports, storage: Path
) -> None:
    with ArborServer(storage, Policy()) as server:
        train(using(server, task))
    rollouts = [sample for group in server.job.groups for sample in group]
    assert {len(group) for group in server.job.groups} == {SMALL.rollouts}
    prompts = {
        json.dumps(request.body["messages"]) for request in server.requests if request.path.endswith("/completions")
    }
    assert {json.dumps(sample["messages"]) for sample in rollouts} <= prompts
    failed = [sample for sample in rollouts if sample["reward"] == -1]
    assert {sample["completion"]["content"] for sample in failed} == {"no fields at all", "[[ ## completed ## ]]"}
    parsed = {sample["completion"]["content"] for sample in rollouts if sample["reward"] >= 0}
    assert all(text.startswith("[[ ## answer ## ]]") for text in parsed)
    assert sum(step.format_failures for step in reports.steps) == len(failed) - sum(
        sample["reward"] == -1 for sample in server.job.groups[0]
    )  # the first group goes to the server twice


def test_each_step_tells_tokens_time_and_what_the_trainer_measured(
    task: TrainingTask, reports: Reports, storage: Path
) -> None:
    with ArborServer(storage, Policy()) as server:
        train(using(server, task))
    assert [step.completion_tokens for step in reports.steps] == [
        5 * SMALL.rollouts
    ] * 4  # validation's are not counted
    assert all(step.seconds > 0 for step in reports.steps)
    assert reports.steps[0].kl is None
    assert (reports.steps[-1].kl, reports.steps[-1].loss, reports.steps[-1].grad_norm) == (9.6e-05, -0.0435, 0.25)


@pytest.mark.slow
def test_a_single_lost_chat_costs_a_rollout_and_no_more(task: TrainingTask, reports: Reports, storage: Path) -> None:
    faults = {"completions": [None] * 4 + [Fault()] * 4}
    with ArborServer(storage, Policy(), faults=faults) as server:
        train(using(server, task))
    assert len(reports.steps) == SMALL.num_train_steps


# -- what goes wrong: each ends in seconds, with the fix, and leaves no job --------------------------------------------


def test_a_trainer_that_dies_while_it_starts_does_not_hang(
    task: TrainingTask, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ArborServer(storage, Policy(), die_after=0) as server:
        message = stopped(server, task)
    assert "the trainer is dead (torch.OutOfMemoryError: CUDA out of memory" in message
    assert "--max-prompt-length" in message
    assert "restart the Arbor server" in message
    assert "ChildFailedError" in capsys.readouterr().err  # the end of the log


def test_a_trainer_that_dies_later_is_noticed_and_its_last_checkpoint_kept(
    task: TrainingTask, reports: Reports, storage: Path
) -> None:
    with ArborServer(storage, Policy(), die_after=4) as server:
        message = stopped(server, task)
        assert server.job.status == "cancelled"
    assert "out of GPU memory" in message
    assert "the job is cancelled and its GPUs are free" in message
    assert f"step 2 is kept in {task.checkpoint_dir / 'last'}: continue with --resume" in message
    assert len(reports.steps) == 3


@pytest.mark.slow
def test_without_its_logs_a_dead_trainer_is_noticed_by_its_silence(
    task: TrainingTask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ArborServer(tmp_path / "elsewhere", Policy(), die_after=3) as server:
        message = stopped(server, task, step_sec=3, checkpoint_sec=3, stall_sec=4)
    assert re.search(r"the server did not answer /(step|checkpoint) within 3 s|no progress for 0.1 minutes", message)
    assert "restart the Arbor server" in message
    assert "logs are not on this machine" in capsys.readouterr().err


@pytest.mark.slow
def test_null_answers_stop_the_training(task: TrainingTask, reports: Reports, storage: Path) -> None:
    with ArborServer(storage, Policy(), null_after=10) as server:
        message = stopped(server, task, lost_chats=4)
    assert re.search(r"the last \d+ chats were not answered \(LMServerError: .*Received: None", message)
    assert "the server answers null when its vLLM fails" in message
    assert len(reports.steps) <= 2


def test_nan_gradients_stop_the_training(task: TrainingTask, reports: Reports, storage: Path) -> None:
    with ArborServer(storage, Policy(), nan_after=2) as server:
        message = stopped(server, task)
    assert "the gradients are no longer numbers" in message
    assert "--learning-rate" in message
    assert len(reports.steps) == 1


@pytest.mark.slow
def test_a_training_without_progress_is_given_up(task: TrainingTask, storage: Path) -> None:
    nothing = {"job_id": "x", "status": "running", "current_model": "x", "pending_batch_ids": []}
    with ArborServer(storage, Policy(), faults={"status": [Fault(body=nothing)] * 1000}) as server:
        message = stopped(server, task, stall_sec=4)
    assert "no progress for 0.1 minutes" in message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("endpoint", "fault", "expected"),
    [
        (
            "initialize",
            Fault(
                422, {"detail": [{"loc": ["body", "trainer_config", "beta"], "msg": "Extra inputs are not permitted"}]}
            ),
            "the server refused /initialize (422 body.trainer_config.beta: Extra inputs are not permitted)",
        ),
        ("initialize", no_gpus(), "another job holds the GPUs"),
        ("initialize", SILENT, "the server did not answer /initialize within 3 s"),
        ("initialize", DISCONNECTED, "the server is gone: /initialize failed"),
        ("status", SILENT, "the server did not answer /status within 3 s"),
        ("status", Fault(500, {"type": "KeyError", "message": "'grpo:x'", "timestamp": ""}), "it was restarted"),
        ("step", SILENT, "the server did not answer /step within 3 s"),
        ("step", DISCONNECTED, "the server is gone: /step failed"),
        ("step", Fault(422, {"detail": "no"}), "the server refused /step (422 no)"),
        ("checkpoint", SILENT, "the server did not answer /checkpoint within 3 s"),
        ("terminate", SILENT, "the server did not answer /terminate within 3 s"),
        ("step", Fault(body={}, drip_sec=600), "the server did not answer /step within 3 s"),
        ("checkpoint", Fault(body={}, drip_sec=600), "the server did not answer /checkpoint within 3 s"),
    ],
)
def test_a_request_that_fails_ends_the_training_with_one_line(
    task: TrainingTask, storage: Path, endpoint: str, fault: Fault, expected: str
) -> None:
    with ArborServer(storage, Policy(), faults={endpoint: [fault]}) as server:
        assert expected in stopped(server, task, **{f"{endpoint}_sec": 3})


@pytest.mark.slow
def test_a_job_that_cannot_be_cancelled_is_told(task: TrainingTask, storage: Path) -> None:
    faults = {"step": [DISCONNECTED], "cancel": [SILENT]}
    with ArborServer(storage, Policy(), faults=faults) as server:
        with pytest.raises(TrainingStoppedError, match=r"the job is not cancelled .* restart the Arbor server"):
            train(using(server, task), Limits(cancel_sec=3))
        assert json.loads((task.checkpoint_dir / "arbor.json").read_text())["job"]["id"] == server.job.id


def test_a_server_that_goes_away_ends_the_training(task: TrainingTask, reports: Reports, storage: Path) -> None:
    with ArborServer(storage, Policy()) as server:
        last_words = replace(task, on_step=lambda step: server.stop())
        with pytest.raises(TrainingStoppedError, match="the server is gone"):
            train(using(server, last_words))


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


def interrupt_at(chat: int) -> Policy:
    """A policy that presses Ctrl-C at one of its chats."""

    class Interrupting(Policy):
        def __call__(self, messages: list[Message], body: Mapping[str, Any]) -> str:
            text = super().__call__(messages, body)
            if self.chats == chat:
                os.kill(os.getpid(), signal.SIGINT)
            return text

    return Interrupting()


@pytest.mark.parametrize("chat", [2, 4, 13])
def test_ctrl_c_keeps_what_was_learned_and_frees_the_gpus(
    task: TrainingTask, reports: Reports, storage: Path, chat: int
) -> None:
    with ArborServer(storage, interrupt_at(chat)) as server:
        message = stopped(server, task)
        assert server.job.status == "cancelled"
    assert message.startswith("interrupted; the job is cancelled and its GPUs are free; ")
    steps = len(reports.steps)
    assert (f"step {steps} is kept in" in message) == (steps > 0)


@pytest.mark.slow
def test_ctrl_c_while_the_server_starts_cancels_as_soon_as_it_can(task: TrainingTask, storage: Path) -> None:
    with ArborServer(storage, Policy(), initialize_sec=2) as server:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        message = stopped(server, task)
        assert server.job.status == "cancelled"
    assert message == "interrupted; the job is cancelled and its GPUs are free; no checkpoint was saved yet"
