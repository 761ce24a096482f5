"""The local backend: DSPy's real GRPO loop on a tiny model, interrupted, resumed, and with all that goes wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from safetensors.torch import load_file  # noqa: E402
from tiny_models import save_tiny_model  # noqa: E402

from training.backend_api import StepRecord, TrainingStoppedError, TrainingTask  # noqa: E402
from training.config import GRPOConfig, TrainingConfig  # noqa: E402
from training.dspy_setup import TrainingAdapter  # noqa: E402
from training.local import backend as local_backend  # noqa: E402
from training.local import preflight as local_preflight  # noqa: E402
from training.local.checkpoints import Checkpoint, CheckpointError, Checkpoints  # noqa: E402
from training.local.loop import paired, questions_of  # noqa: E402
from training.local.policy import Sample  # noqa: E402

GRPO = GRPOConfig(
    num_train_steps=4,
    rollouts=4,
    prompts_per_step=2,
    steps_per_validation=2,
    learning_rate=1e-2,
    warmup_steps=2,
    batch_size_per_device=4,
    lora_r=4,
    lora_dropout=0.1,
    max_completion_length=8,
)
COLOURS = ("red", "green", "blue", "grey", "pink")


class AnyText(TrainingAdapter):
    """Takes any text for the answer, for a model that says anything; but none that begins with a control character."""

    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        if completion and completion[0] < " ":
            raise AdapterParseError(adapter_name="AnyText", signature=signature, lm_response=completion)
        return {"answer": completion}


class Student(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.answer = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        return self.answer(question=question)


def letters(example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
    """The share of small letters in the answer: graded, and other for nearly every rollout of a random model."""
    text = str(prediction.answer)
    return sum("a" <= one <= "z" for one in text) / max(1, len(text))


@pytest.fixture(autouse=True)
def any_text() -> Iterator[None]:
    with dspy.context(adapter=AnyText()):
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def task_in(
    folder: Path, model: Path, **changes: Any
) -> tuple[TrainingTask, list[StepRecord], list[tuple[int, float]]]:
    examples = [dspy.Example(question=f"Is it {colour}?").with_inputs("question") for colour in COLOURS]
    steps: list[StepRecord] = []
    scores: list[tuple[int, float]] = []
    task = TrainingTask(
        student=Student(),
        trainset=examples,
        valset=examples[:3],
        reward=letters,
        config=TrainingConfig(model=str(model), device="cpu", seed=5),
        grpo=GRPO,
        checkpoint_dir=folder,
        resume=False,
        on_step=steps.append,
        on_validation=lambda step, score: scores.append((step, score)),
    )
    return replace(task, **changes), steps, scores


def weights_of(folder: Path, step: int) -> dict[str, Any]:
    return dict(load_file(folder / f"step-{step:06d}" / "adapter_model.safetensors"))


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def stopping_at(step: int, steps: list[StepRecord]) -> Callable[[StepRecord], None]:
    def on_step(record: StepRecord) -> None:
        steps.append(record)
        if record.step == step:
            signal.raise_signal(signal.SIGINT)

    return on_step


@pytest.mark.slow
def test_a_training_reports_every_step_and_keeps_its_best_and_last_checkpoint(tmp_path: Path, model: Path) -> None:
    task, steps, scores = task_in(tmp_path, model)
    result = local_backend.train(task)
    assert [record.step for record in steps] == [1, 2, 3, 4]
    assert [step for step, _ in scores] == [0, 2, 4]
    assert all(record.groups == 2 and record.completion_tokens for record in steps)
    assert len({record.reward_mean for record in steps}) == 4
    assert steps[0].kl == pytest.approx(0, abs=1e-6)
    assert (steps[-1].kl or 0) > 0
    checkpoints = Checkpoints.open(tmp_path)
    assert checkpoints.val_before == scores[0][1]
    assert [one.val_score for one in checkpoints.all] == [score for _, score in scores[1:]]
    best = max(scores[1:], key=lambda one: one[1])
    if best[1] > scores[0][1]:
        assert (result.step, result.val_score) == best
        assert result.adapter_dir == tmp_path / f"step-{best[0]:06d}"
        assert (tmp_path / f"step-{best[0]:06d}" / "adapter_config.json").is_file()
    else:
        assert (result.adapter_dir, result.val_score) == (None, scores[0][1])
    assert (tmp_path / "step-000004" / "trainer_state.pt").is_file()


@pytest.mark.slow
def test_an_interrupted_training_goes_on_bit_for_bit(tmp_path: Path, model: Path) -> None:
    straight, steps, scores = task_in(tmp_path / "straight", model)
    local_backend.train(straight)

    folder, parts = tmp_path / "parts", list[StepRecord]()
    first, _, first_scores = task_in(folder, model, on_step=stopping_at(3, parts))
    with pytest.raises(TrainingStoppedError, match="interrupted after step 3, which is kept; continue with --resume"):
        local_backend.train(first)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    second, _, second_scores = task_in(folder, model, on_step=parts.append, resume=True)
    local_backend.train(second)

    assert [replace(one, seconds=0.0) for one in parts] == [replace(one, seconds=0.0) for one in steps]
    assert first_scores + second_scores == scores
    assert same(weights_of(folder, 4), weights_of(tmp_path / "straight", 4))


@pytest.mark.slow
@pytest.mark.parametrize("last", [2, 4])
def test_a_step_that_is_interrupted_before_its_validation_is_validated_when_it_goes_on(
    tmp_path: Path, model: Path, last: int
) -> None:
    """Otherwise the best checkpoint may be another one, and after the last step there would be none."""
    straight, _, scores = task_in(tmp_path / "straight", model)
    result = local_backend.train(straight)
    folder, parts = tmp_path / "parts", list[StepRecord]()
    first, _, first_scores = task_in(folder, model, on_step=stopping_at(last, parts))
    with pytest.raises(TrainingStoppedError, match=f"interrupted after step {last}, which is kept"):
        local_backend.train(first)
    second, _, second_scores = task_in(folder, model, on_step=parts.append, resume=True)
    notes = local_backend.preflight(second)
    assert any("what was left is the last validation" in note for note in notes) == (last == 4)
    resumed = local_backend.train(second)
    assert first_scores + second_scores == scores
    assert (resumed.step, resumed.val_score) == (result.step, result.val_score)
    assert Checkpoints.open(folder).all == Checkpoints.open(tmp_path / "straight").all
    assert same(weights_of(folder, 4), weights_of(tmp_path / "straight", 4))
    with pytest.raises(CheckpointError, match="all 4 steps are done"):
        local_backend.preflight(second)


@pytest.mark.slow
def test_ctrl_c_twice_within_an_update_keeps_no_weights_between_two_steps(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    updates: list[Any] = []
    step = torch.optim.AdamW.step

    def interrupted(self: Any, *given: Any, **named: Any) -> Any:
        updates.append(step(self, *given, **named))
        if len(updates) == 6:  # the second of three updates of the second step
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    grpo = replace(GRPO, updates_per_step=3, steps_per_validation=1)
    monkeypatch.setattr(torch.optim.AdamW, "step", interrupted)
    task, _, _ = task_in(tmp_path, model, grpo=replace(grpo, steps_per_validation=4))
    with pytest.raises(TrainingStoppedError, match="interrupted"):
        local_backend.train(task)
    kept = Checkpoints.open(tmp_path).last
    assert kept is None


@pytest.mark.slow
def test_ctrl_c_at_a_validation_ends_after_it_and_the_rest_is_as_without(tmp_path: Path, model: Path) -> None:
    straight, steps, scores = task_in(tmp_path / "straight", model)
    local_backend.train(straight)
    folder, parts, told = tmp_path / "parts", list[StepRecord](), list[tuple[int, float]]()
    for step, message in ((0, "before there was a checkpoint"), (2, "after step 2, which is kept")):

        def on_validation(at: int, score: float, stop: int = step) -> None:
            told.append((at, score))
            if at == stop:
                signal.raise_signal(signal.SIGINT)

        task, _, _ = task_in(folder, model, on_step=parts.append, on_validation=on_validation, resume=step > 0)
        with pytest.raises(TrainingStoppedError, match=message):
            local_backend.train(task)
        assert len(parts) == step, "no step more"
    last, _, last_scores = task_in(folder, model, on_step=parts.append, resume=True)
    local_backend.train(last)
    assert [replace(one, seconds=0.0) for one in parts] == [replace(one, seconds=0.0) for one in steps]
    assert told + last_scores == [scores[0], *scores], "the untrained model was scored twice"
    assert same(weights_of(folder, 4), weights_of(tmp_path / "straight", 4))


@pytest.mark.slow
@pytest.mark.parametrize("function", ["save", "rename", "replace"])
def test_a_second_ctrl_c_while_the_checkpoint_is_written_waits_for_it(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    place: Any = {"save": torch, "rename": Path, "replace": os}[function]
    original = getattr(place, function)
    began = []

    def impatient(*given: Any, **named: Any) -> Any:
        if began:
            signal.raise_signal(signal.SIGINT)
        return original(*given, **named)

    monkeypatch.setattr(place, function, impatient)
    stop = stopping_at(3, began)  # a step that is saved without a validation
    task, _, _ = task_in(tmp_path, model, on_step=lambda record: stop(record) if record.step == 3 else None)
    with pytest.raises(TrainingStoppedError, match="interrupted after step 3, which is kept; continue with --resume"):
        local_backend.train(task)
    assert (last := Checkpoints.open(tmp_path).last) is not None
    assert last.step == 3
    assert (tmp_path / "step-000003" / "trainer_state.pt").is_file()
    assert not list(tmp_path.glob("*.partial"))


@pytest.mark.slow
def test_ctrl_c_while_the_model_is_loaded_names_what_is_there(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    first, _, _ = task_in(tmp_path, model, on_step=stopping_at(1, []))
    with pytest.raises(TrainingStoppedError, match="after step 1"):
        local_backend.train(first)
    monkeypatch.setattr(local_backend.Policy, "load", interrupted)
    for resume, message in ((True, "after step 1, which is kept"), (False, "before there was a checkpoint")):
        task, _, _ = task_in(tmp_path, model, resume=resume)
        with pytest.raises(TrainingStoppedError, match=message):
            local_backend.train(task)


@pytest.mark.slow
def test_a_longer_training_begins_as_a_shorter_one_and_another_seed_does_not(tmp_path: Path, model: Path) -> None:
    short = replace(GRPO, num_train_steps=1, steps_per_validation=1)
    first, first_steps, _ = task_in(tmp_path / "1", model, grpo=short)
    other, other_steps, _ = task_in(
        tmp_path / "2", model, grpo=short, config=TrainingConfig(model=str(model), device="cpu", seed=6)
    )
    again, again_steps, _ = task_in(tmp_path / "3", model, grpo=replace(short, num_train_steps=2))
    for task in (first, other, again):
        local_backend.train(task)
    assert replace(first_steps[0], seconds=0.0) == replace(again_steps[0], seconds=0.0)
    assert first_steps[0].reward_mean != other_steps[0].reward_mean
    local_backend.preflight(replace(first, resume=True, grpo=replace(short, num_train_steps=2)))
    with pytest.raises(ValueError, match="all 1 steps are done; train on with a larger --num-train-steps"):
        local_backend.preflight(replace(first, resume=True))


@pytest.mark.slow
def test_several_updates_on_the_same_answers_change_more_than_one(tmp_path: Path, model: Path) -> None:
    weights = []
    for number in (1, 2):
        grpo = replace(GRPO, num_train_steps=1, updates_per_step=number, warmup_steps=0, lora_dropout=0.0)
        task, _, _ = task_in(tmp_path / str(number), model, grpo=grpo)
        local_backend.train(task)
        weights.append(weights_of(tmp_path / str(number), 1))
    assert not same(*weights)


@pytest.mark.slow
def test_a_gradient_that_is_no_number_stops_the_training_and_keeps_the_last_checkpoint(
    tmp_path: Path, model: Path
) -> None:
    steps: list[StepRecord] = []

    def reward(example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        return float("nan") if len(steps) == 2 else letters(example, prediction)

    task, _, _ = task_in(tmp_path, model, reward=reward, on_step=steps.append)
    with pytest.raises(TrainingStoppedError, match=r"step 3: .* lower --learning-rate 0.01 .*, then --resume"):
        local_backend.train(task)
    assert Checkpoints.open(tmp_path).last == Checkpoints.open(tmp_path).all[-1]
    assert Checkpoints.open(tmp_path).all[-1].step == 2


@pytest.mark.slow
def test_a_rollout_that_gets_lost_stops_the_training(tmp_path: Path, model: Path) -> None:
    calls = 0

    def reward(example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        nonlocal calls
        calls += 1
        if calls == 6:  # the first three are validation's, at most
            raise KeyError("lost")
        return 0.0

    task, _, _ = task_in(tmp_path, model, reward=reward)
    with pytest.raises(TrainingStoppedError, match="DSPy lost rollouts"):
        local_backend.train(task)


# -- which questions, and whose sample is whose ------------------------------------------------------------------------


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 5))
def test_every_epoch_asks_each_question_at_most_once_and_a_step_none_twice(size: int, number: int, seed: int) -> None:
    trainset = [dspy.Example(number=index) for index in range(max(size, number))]
    steps_per_epoch = len(trainset) // number
    epoch = [one.number for step in range(1, steps_per_epoch + 1) for one in questions_of(step, trainset, number, seed)]
    assert len(epoch) == len(set(epoch)) == steps_per_epoch * number
    assert [one.number for one in questions_of(1, trainset, number, seed)] == epoch[:number]


def test_epochs_have_different_orders() -> None:
    trainset = [dspy.Example(number=index) for index in range(8)]
    orders = {tuple(one.number for one in questions_of(step, trainset, 8, 0)) for step in range(1, 5)}
    assert len(orders) == 4


PROMPT = [{"role": "user", "content": "Is it red?"}]
KEY = (("user", "Is it red?"),)


def group_of(*rollouts: tuple[str, float]) -> list[dict[str, Any]]:
    return [
        {"messages": PROMPT, "completion": {"role": "assistant", "content": text}, "reward": reward}
        for text, reward in rollouts
    ]


def sample_of(text: str) -> Sample:
    return Sample((1,), (7, 2), text, truncated=False)


def test_rewards_belong_to_the_samples_in_their_order_however_dspy_writes_them() -> None:
    handed_out = [(KEY, sample_of("red")), (KEY, sample_of("?"))]
    pairs = paired([group_of(("[[ ## answer ## ]]\nred", 0.5), ("?", -1.0))], handed_out)
    assert [(sample.text, reward) for sample, reward in pairs[0]] == [("red", 0.5), ("?", -1.0)]


def test_an_order_that_is_not_that_of_the_samples_is_noticed() -> None:
    with pytest.raises(TrainingStoppedError, match="changed the order"):
        paired([group_of(("?", -1.0), ("red", 0.5))], [(KEY, sample_of("red")), (KEY, sample_of("?"))])


def test_a_rollout_that_stands_for_a_lost_one_is_noticed() -> None:
    """DSPy fills up a group with its own rollouts, so the numbers alone would tell nothing."""
    (kept,) = group_of(("red", 0.5))
    with pytest.raises(TrainingStoppedError, match="of 2 there are 1"):
        paired([[kept, kept]], [(KEY, sample_of("red")), (KEY, sample_of("blue"))])


def test_a_group_that_is_missing_or_doubled_is_noticed() -> None:
    with pytest.raises(TrainingStoppedError, match="of 1 there are 0"):
        paired([], [(KEY, sample_of("red"))])
    with pytest.raises(TrainingStoppedError, match="DSPy lost rollouts"):
        paired([group_of(("red", 0.5)), group_of(("red", 0.5))], [(KEY, sample_of("red"))])


# -- before it runs ----------------------------------------------------------------------------------------------------


def test_what_can_be_said_before_is_said(tmp_path: Path, model: Path) -> None:
    task, _, _ = task_in(tmp_path, model)
    device, memory = local_backend.preflight(task)
    assert device == "device: the CPU, in float32"
    assert "GiB at least" in memory
    assert not any(tmp_path.iterdir())


def test_more_questions_per_step_than_there_are_is_refused(tmp_path: Path, model: Path) -> None:
    task, _, _ = task_in(tmp_path, model, grpo=replace(GRPO, prompts_per_step=6))
    with pytest.raises(ValueError, match="--prompts-per-step 6: there are 5 questions"):
        local_backend.preflight(task)


def test_a_gpu_that_is_not_there_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(local_preflight.DeviceError, match="--device cuda: PyTorch finds no GPU"):
        local_preflight.choose_device("cuda")


def test_a_model_that_cannot_fit_is_refused_with_what_helps(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_preflight, "_available_bytes", lambda device: 1_000_000)
    with pytest.raises(local_preflight.DeviceError, match=r"GiB are free: use a smaller --model"):
        local_preflight.estimate_memory(str(model), GRPO, "cpu")


def test_the_memory_estimate_counts_what_grows() -> None:
    shape = {"parameters": 10**9, "trained": 10**7, "layers": 30, "hidden": 2048, "vocabulary": 150_000}
    shape["kv_per_token"] = 30_000
    small = local_preflight.memory_bytes(shape, GRPO, 2)
    assert small > 2 * 10**9 + 16 * 10**7
    assert local_preflight.memory_bytes(shape, replace(GRPO, max_prompt_length=32_000, rollouts=32), 2) > small
    assert local_preflight.memory_bytes(shape, GRPO, 4) > 2 * 10**9 + small


def test_where_a_resumed_training_goes_on_is_said(tmp_path: Path, model: Path) -> None:
    task, _, _ = task_in(tmp_path, model, resume=True)
    assert local_backend.preflight(task)[-1] == "resume: there is no checkpoint yet, so this starts from the beginning"
    checkpoints = Checkpoints(tmp_path)
    checkpoints.all = [Checkpoint("step-000002", 2, 0.5)]
    checkpoints.write_index()
    assert local_backend.preflight(task)[-1] == "resume: from step 2 of 4"
    with pytest.raises(CheckpointError, match="cannot be resumed"):  # its files are not there
        local_backend.train(task)
