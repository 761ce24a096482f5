"""What a training writes: settings, history, checkpoints, the trained program; and the engines behind dspy.LM."""

from __future__ import annotations

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.lm15 import Message, Request

from harness.tracking.tracker import NullTracker
from memory_system import Memories, MemoryQA, ProgramFileError, config_path, load_program
from memoryqa.config import MemoryConfig, ProgramConfig
from training.backend_api import SFTRecord, StepRecord
from training.config import GRPOConfig, TrainingConfig
from training.dspy_setup import quiet_dspy
from training.history import History, smoothed, write_reward_plot
from training.local.checkpoints import Checkpoint, CheckpointError, Checkpoints
from training.local.policy import Messages, Sample
from training.local.rollouts import PolicyEngine, RolloutEngine
from training.trained_program import TrainedAdapter, load_adapter_of, save_trained
from training.watch import FLAT_STEPS, Watch

RECORD = StepRecord(
    step=1,
    reward_mean=0.25,
    reward_std=0.1,
    groups=2,
    equal_groups=0,
    distinct_share=1.0,
    format_failures=1,
    seconds=2.0,
    kl=0.01,
)


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rollouts": 1}, "rollouts must be at least 2"),
        ({"num_train_steps": 0}, "num_train_steps must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"beta": -0.1}, "beta must be at least 0"),
        ({"lora_dropout": 1.0}, "lora_dropout must be in 0..1"),
        ({"lora_targets": ()}, "lora_targets is empty"),
        ({"epsilon": 1.5}, "epsilon must be in 0..1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GRPOConfig(**changes)


def test_gpus_and_questions_are_named_at_least_and_at_most_once() -> None:
    with pytest.raises(ValueError, match="training_gpus must name at least one, and none twice"):
        TrainingConfig(training_gpus=(1, 1))
    with pytest.raises(ValueError, match="num_val must be at least 1"):
        TrainingConfig(num_val=0)


def test_the_defaults_are_those_of_the_documentation() -> None:
    grpo, config = GRPOConfig(), TrainingConfig()
    assert (grpo.batch_size_per_device, grpo.gradient_accumulation_steps, grpo.learning_rate) == (2, 4, 2e-5)
    assert (grpo.beta, grpo.lora_r, grpo.lora_alpha, grpo.bf16) == (0.04, 64, 16, True)
    assert (grpo.max_prompt_length, grpo.max_completion_length, grpo.num_train_steps) == (4096, 512, 500)
    assert (config.model, config.num_train, config.num_val) == ("Qwen/Qwen2.5-3B", 600, 100)
    assert (config.inference_gpus, config.training_gpus) == ((0,), (1, 2))


# -- history -----------------------------------------------------------------------------------------------------------


def test_history_survives_and_drops_what_is_done_again(tmp_path: Path) -> None:
    history = History(tmp_path, resume=False)
    history.add_validation(0, 0.1)
    for step in (1, 2, 3):
        history.add_step(replace(RECORD, step=step, reward_mean=step / 10))
    resumed = History(tmp_path, resume=True)
    resumed.add_step(replace(RECORD, step=3, reward_mean=0.9))
    for found in (resumed, History(tmp_path, resume=True)):
        assert [row["reward_mean"] for row in found.steps] == [0.1, 0.2, 0.9]
        assert [row["val_score"] for row in found.validations] == [0.1]


@pytest.mark.parametrize("warm", [False, True], ids=["at its first step", "in its warm start"])
def test_a_training_that_begins_again_has_each_score_once(tmp_path: Path, warm: bool) -> None:
    history = History(tmp_path, resume=False)
    for attempt in (1, 2, 3):
        history = History(tmp_path, resume=attempt > 1)
        history.add_validation(0, 0.1)
        for step in range(1, (3 if warm else 0) * attempt):
            history.add_sft_step(SFTRecord(step, 2.0, 1.0, 9, 1.0))
        if attempt == 3 and warm:
            history.add_validation(0, 0.4)
        if not warm:
            history.add_step(RECORD)
    history.add_validation(1, 0.5)
    for found in (history, History(tmp_path, resume=True)):
        assert [row["val_score"] for row in found.validations] == ([0.1, 0.4, 0.5] if warm else [0.1, 0.5])
        assert (found.val_before, found.val_warm) == (0.1, 0.4 if warm else None)
        assert [row["step"] for row in found.sft_steps] == (list(range(1, 9)) if warm else [])


def test_totals_compare_the_first_tenth_of_the_steps_with_the_last(tmp_path: Path) -> None:
    history = History(tmp_path, resume=False)
    assert history.totals()["reward_first"] is None
    for step in range(1, 21):
        history.add_step(replace(RECORD, step=step, reward_mean=float(step)))
    totals = history.totals()
    assert (totals["reward_first"], totals["reward_last"]) == (1.5, 19.5)
    assert (totals["steps"], totals["format_failures"], totals["groups"], totals["seconds"]) == (20, 20, 40, 40.0)


def test_the_reward_is_drawn_once_there_is_a_step(tmp_path: Path) -> None:
    history = History(tmp_path, resume=False)
    write_reward_plot(history, tmp_path / "reward.png")
    assert not (tmp_path / "reward.png").exists()
    history.add_validation(0, 0.1)
    history.add_step(replace(RECORD, kl=None))
    write_reward_plot(history, tmp_path / "reward.png")
    assert (tmp_path / "reward.png").read_bytes().startswith(b"\x89PNG")
    assert smoothed([1.0, 3.0]) == [1.0, 2.0]


def test_steps_without_anything_to_learn_from_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch(2 * FLAT_STEPS)
    with watch.watching(History(tmp_path, resume=False), NullTracker()):
        for step in range(1, 2 * FLAT_STEPS):
            watch.on_step(replace(RECORD, step=step, equal_groups=2))
        watch.on_validation(2, 0.5)
    said = capsys.readouterr().err
    assert said.count("so nothing is learned") == 1
    assert "validation after step 2: 0.500" in said


# -- checkpoints -------------------------------------------------------------------------------------------------------


class SavedModel:
    """Stands for a model with an adapter: what it is to save is a file with the name of its folder."""

    def save_pretrained(self, folder: str, **_: Any) -> None:
        Path(folder).mkdir(parents=True)
        (Path(folder) / "adapter_model.safetensors").write_text(folder)


class SavedPolicy:
    model = SavedModel()


def test_the_best_and_the_last_checkpoint_are_kept_and_all_scores(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra train-local")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.val_before = 0.2
    for step, score in ((1, 0.3), (2, 0.6), (3, 0.6), (4, 0.1), (5, None)):
        checkpoints.save(SavedPolicy(), {"steps_done": step}, step, score)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints.json", "step-000002", "step-000005"]
    assert not (tmp_path / "step-000002" / "trainer_state.pt").exists()
    found = Checkpoints.open(tmp_path)
    assert (found.best, found.last) == (Checkpoint("step-000002", 2, 0.6), Checkpoint("step-000005", 5, None))
    index = json.loads((tmp_path / "checkpoints.json").read_text())
    assert (index["best"], index["last"], index["val_before"]) == ("step-000002", "step-000005", 0.2)
    assert [one["val_score"] for one in index["checkpoints"]] == [0.3, 0.6, 0.6, 0.1, None]


def test_a_checkpoint_folder_that_is_damaged_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoints.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoints.open(tmp_path)


# -- the trained program -----------------------------------------------------------------------------------------------


def trained_in(folder: Path) -> TrainedAdapter:
    adapter = folder / "checkpoints" / "step-000010"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}")
    return TrainedAdapter(adapter, "Qwen/Qwen2.5-3B", "f1", 10, 0.2, 0.4, 512)


def test_a_trained_program_is_a_program_that_names_its_adapter_and_no_server(tmp_path: Path) -> None:
    path = tmp_path / "trained.json"
    save_trained(MemoryQA(Memories(), ProgramConfig(context_tokens=900)), MemoryConfig(), trained_in(tmp_path), path)
    assert load_program(path, Memories()).config.context_tokens == 900
    written = path.read_text() + config_path(path).read_text()
    assert "api_base" not in written
    assert str(tmp_path) not in written
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("trained.json", "trained.config.json", "checkpoints"):
        shutil.move(tmp_path / name, moved / name)
    assert load_adapter_of(moved / "trained.json").path == moved / "checkpoints" / "step-000010"


def test_a_trained_program_without_its_adapter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trained.json"
    adapter = trained_in(tmp_path)
    save_trained(MemoryQA(Memories()), MemoryConfig(), adapter, path)
    shutil.rmtree(adapter.path)
    with pytest.raises(ProgramFileError, match=r"its adapter is not at .*; bring that folder back, or train again"):
        load_adapter_of(path)


def test_a_program_that_was_not_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgramFileError, match="no such file; train first"):
        load_adapter_of(tmp_path / "trained.json")
    path = tmp_path / "trained.json"
    save_trained(MemoryQA(Memories()), MemoryConfig(), trained_in(tmp_path), path)
    config = json.loads(config_path(path).read_text())
    del config["adapter"]
    config_path(path).write_text(json.dumps(config))
    with pytest.raises(ProgramFileError, match="names no trained adapter"):
        load_adapter_of(path)


# -- the engines behind dspy.LM ----------------------------------------------------------------------------------------


def asked(text: str) -> Messages:
    return [{"role": "user", "content": text}]


def answer(text: str) -> Sample:
    return Sample((1, 2), (3,), text, truncated=False)


def lm_of(engine: Any) -> dspy.LM:
    return dspy.LM("local/test", engine=engine, cache=False)


def say(engine: Any, text: str, system: str | None = None) -> str:
    request = Request(model="local/test", messages=(Message.user(text),), system=system)
    return str(engine.complete(request).message.text)


def test_samples_are_handed_out_in_their_order_per_prompt_and_remembered() -> None:
    engine = RolloutEngine()
    prompts = [asked("a"), asked("b"), asked("a")]
    engine.prepare(prompts, [answer("a1"), answer("b1"), answer("a2")])
    assert [lm_of(engine)(text)[0] for text in "aab"] == ["a1", "a2", "b1"]
    assert [sample.text for _, sample in engine.handed_out] == ["a1", "a2", "b1"]


def test_a_prompt_that_was_not_prepared_is_an_error() -> None:
    engine = RolloutEngine()
    engine.prepare([asked("a")], [answer("a1")])
    with pytest.raises(RuntimeError, match="was not prepared"):
        say(engine, "other")


def test_the_system_message_is_part_of_the_prompt() -> None:
    engine = RolloutEngine()
    prompt = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "a"}]
    engine.prepare([prompt], [answer("a1")])
    assert say(engine, "a", system="Answer.") == "a1"


def test_engines_are_shared_by_copies_of_a_program() -> None:
    engine = RolloutEngine()
    student = MemoryQA(Memories())
    student.set_lm(lm_of(engine))
    assert all(one.lm.engine is engine for one in student.deepcopy().predictors())


class EchoPolicy:
    """Answers a prompt by itself; `batches` are the numbers of prompts it was given at a time."""

    def __init__(self, gate: threading.Event) -> None:
        self.batches: list[int] = []
        self.adapter_off = 0
        self._gate = gate

    def generate(self, prompts: list[Messages], *, max_tokens: int, temperature: float) -> list[Sample]:
        assert self._gate.wait(20)
        self.batches.append(len(prompts))
        return [answer("echo " + prompt[-1]["content"]) for prompt in prompts]

    def without_adapter(self) -> Any:
        self.adapter_off += 1
        return nullcontext()


def test_prompts_that_wait_are_answered_as_one_batch() -> None:
    gate = threading.Event()
    policy = EchoPolicy(gate)
    engine = PolicyEngine(policy, max_tokens=8, lock=threading.Lock())  # type: ignore[arg-type]
    with ThreadPoolExecutor(8) as executor:
        answers = [executor.submit(say, engine, str(number)) for number in range(8)]
        for _ in range(1000):
            if len(engine._waiting) == 7:  # one has the model, the others wait
                break
            time.sleep(0.01)
        gate.set()
        assert [one.result() for one in answers] == [f"echo {number}" for number in range(8)]
    assert policy.batches == [1, 7]


def test_the_base_engine_answers_without_the_adapter() -> None:
    gate = threading.Event()
    gate.set()
    policy = EchoPolicy(gate)
    for use_adapter in (True, False):
        engine = PolicyEngine(policy, max_tokens=8, lock=threading.Lock(), use_adapter=use_adapter)  # type: ignore[arg-type]
        say(engine, "a")
    assert policy.adapter_off == 1


def test_dspys_bars_and_warnings_are_kept_off_and_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    import logging

    level = logging.getLogger("dspy").level
    with quiet_dspy():
        print("a bar")
        assert not logging.getLogger("dspy.teleprompt.grpo").isEnabledFor(logging.WARNING)
        assert logging.getLogger("dspy.teleprompt.grpo").isEnabledFor(logging.ERROR)
    assert capsys.readouterr().out == ""
    assert logging.getLogger("dspy").level == level
