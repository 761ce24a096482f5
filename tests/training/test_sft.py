"""The warm start: what it makes likelier, and a training that begins with one, interrupted and resumed."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from safetensors.torch import load_file  # noqa: E402
from tiny_models import MESSAGES, save_tiny_model, tiny_model, tiny_tokenizer  # noqa: E402

from training.backend_api import SFTRecord, StepRecord, TrainingStoppedError, TrainingTask  # noqa: E402
from training.config import GRPOConfig, TrainingConfig  # noqa: E402
from training.demonstrations import Demonstration  # noqa: E402
from training.dspy_setup import TrainingAdapter  # noqa: E402
from training.local import backend as local_backend  # noqa: E402
from training.local import preflight as local_preflight  # noqa: E402
from training.local.checkpoints import Checkpoints  # noqa: E402
from training.local.policy import Policy, Sample  # noqa: E402
from training.local.sft import SFTSettings, batch_of, fine_tune  # noqa: E402

REPLIES = ("red", "green", "blue and grey", "no")
GRPO = GRPOConfig(
    num_train_steps=3,
    rollouts=3,
    steps_per_validation=2,
    learning_rate=1e-2,
    warmup_steps=0,
    batch_size_per_device=3,
    lora_r=4,
    lora_dropout=0.1,
    max_completion_length=8,
    sft_steps=3,
    sft_batch_size=2,
    sft_learning_rate=1e-2,
)


def policy_with_adapter(grpo: GRPOConfig = GRPO) -> Policy:
    policy = Policy(tiny_model(), tiny_tokenizer())
    policy.add_adapter(grpo, seed=0)
    return policy


def samples_of(policy: Policy) -> list[Sample]:
    return [
        policy.demonstration([{"role": "user", "content": f"Number {number}?"}], reply)
        for number, reply in enumerate(REPLIES)
    ]


def losses_of(policy: Policy, settings: SFTSettings) -> list[float]:
    records: list[SFTRecord] = []
    fine_tune(policy, samples_of(policy), settings, records.append)
    assert [one.step for one in records] == list(range(1, settings.steps + 1))
    return [one.loss for one in records]


# -- the fine-tuning ---------------------------------------------------------------------------------------------------


def test_a_demonstration_is_the_reply_and_the_end_of_a_turn() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    sample = policy.demonstration(MESSAGES, "blue")
    assert list(sample.prompt_ids) == policy.prompt_ids(MESSAGES)
    assert policy.tokenizer.decode(sample.token_ids) == "blue<|im_end|>"
    assert not sample.truncated


@pytest.mark.slow
def test_the_loss_is_that_of_the_replies_alone() -> None:
    policy = policy_with_adapter(replace(GRPO, lora_dropout=0.0))
    total, tokens = 0.0, 0
    for sample in samples_of(policy):
        ids = torch.tensor([[*sample.prompt_ids, *sample.token_ids]])
        with torch.no_grad():
            predicted = policy.model(input_ids=ids).logits[0].log_softmax(dim=1)[len(sample.prompt_ids) - 1 : -1]
        total -= float(predicted[torch.arange(len(sample.token_ids)), torch.tensor(sample.token_ids)].sum())
        tokens += len(sample.token_ids)
    (loss,) = losses_of(policy, SFTSettings(1, batch_size=4, pass_size=3, learning_rate=1e-3))
    assert loss == pytest.approx(total / tokens, rel=1e-4)


@pytest.mark.slow
def test_the_loss_falls_and_the_size_of_a_pass_changes_nothing() -> None:
    grpo = replace(GRPO, lora_dropout=0.0)
    by_size = [
        losses_of(policy_with_adapter(grpo), SFTSettings(12, batch_size=4, pass_size=size, learning_rate=1e-2))
        for size in (1, 4)
    ]
    assert by_size[0] == pytest.approx(by_size[1], rel=1e-2)
    assert by_size[0][-1] < by_size[0][0] - 0.5


@pytest.mark.slow
def test_without_an_adapter_all_weights_are_taught() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    losses_of(policy, SFTSettings(1, batch_size=4, pass_size=4, learning_rate=1e-2))
    assert not any(torch.equal(old, new) for old, new in zip(before, policy.model.parameters(), strict=True))


@given(st.integers(1, 9), st.integers(1, 7), st.integers(0, 3))
def test_samples_come_equally_often_in_orders_of_their_own(number: int, size: int, seed: int) -> None:
    samples: list[Any] = list(range(number))
    steps = number  # after so many steps of `size`, each came `size` times
    drawn = [one for step in range(1, steps + 1) for one in batch_of(step, samples, size, seed)]
    assert sorted(drawn) == sorted(samples * size)
    assert all(sorted(drawn[at : at + number]) == samples for at in range(0, len(drawn), number))


# -- the reference -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_reference_is_the_model_as_it_was_when_it_was_kept() -> None:
    policy = policy_with_adapter()
    (sample, *_) = samples_of(policy)
    settings = SFTSettings(2, batch_size=4, pass_size=4, learning_rate=1e-2)
    untrained, _ = policy.log_probs([sample], temperature=1.0)
    losses_of(policy, settings)
    with policy.as_reference():
        assert torch.allclose(policy.log_probs([sample], temperature=1.0)[0], untrained, atol=1e-5)
    warm, _ = policy.log_probs([sample], temperature=1.0)
    policy.keep_reference()
    losses_of(policy, settings)
    trained, _ = policy.log_probs([sample], temperature=1.0)
    with policy.as_reference():
        assert torch.equal(policy.log_probs([sample], temperature=1.0)[0], warm)
    assert torch.equal(policy.log_probs([sample], temperature=1.0)[0], trained)
    assert not torch.allclose(trained, warm, atol=1e-3)


# -- a training that begins with it ------------------------------------------------------------------------------------


class AnyAnswer(TrainingAdapter):
    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        return {"answer": completion}


class OneQuestion(dspy.Module):
    def __init__(self) -> None:
        super().__init__()
        self.answer = dspy.Predict("question -> answer")

    def forward(self, question: str) -> dspy.Prediction:
        return self.answer(question=question)


def small_letters(example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
    text = str(prediction.answer)
    return sum("a" <= one <= "z" for one in text) / max(1, len(text))


@pytest.fixture(autouse=True)
def any_answer() -> Iterator[None]:
    with dspy.context(adapter=AnyAnswer()):
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


class Told:
    """What a training reports; at the `stop_at`-th step of a kind it gets a Ctrl-C."""

    def __init__(self, stop_at: tuple[str, int] | None = None) -> None:
        self.steps: list[StepRecord] = []
        self.sft: list[SFTRecord] = []
        self.scores: list[tuple[int, float]] = []
        self._stop_at = stop_at

    def on_step(self, record: StepRecord) -> None:
        self.steps.append(replace(record, seconds=0.0))
        self._stop("step", record.step)

    def on_sft_step(self, record: SFTRecord) -> None:
        self.sft.append(replace(record, seconds=0.0))
        self._stop("sft", record.step)

    def on_validation(self, step: int, score: float) -> None:
        self.scores.append((step, score))

    def _stop(self, kind: str, number: int) -> None:
        if self._stop_at == (kind, number):
            signal.raise_signal(signal.SIGINT)


def task_in(folder: Path, model: Path, told: Told, **changes: Any) -> TrainingTask:
    examples = [dspy.Example(question=f"Is it {one}?").with_inputs("question") for one in REPLIES]
    task = TrainingTask(
        student=OneQuestion(),
        trainset=examples,
        valset=examples[:2],
        reward=small_letters,
        config=TrainingConfig(model=str(model), device="cpu", seed=5),
        grpo=GRPO,
        checkpoint_dir=folder,
        resume=False,
        on_step=told.on_step,
        on_validation=told.on_validation,
        demonstrations=[Demonstration(MESSAGES, reply, declines=False) for reply in REPLIES],
        on_sft_step=told.on_sft_step,
    )
    return replace(task, **changes)


def adapter_at(folder: Path, step: int) -> dict[str, Any]:
    return dict(load_file(folder / f"step-{step:06d}" / "adapter_model.safetensors"))


def equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
def test_a_training_begins_warm_keeps_that_as_step_0_and_measures_from_it(tmp_path: Path, model: Path) -> None:
    told = Told()
    undisturbed = replace(GRPO, lora_dropout=0.0)  # dropout alone makes a distance
    result = local_backend.train(task_in(tmp_path, model, told, grpo=undisturbed))
    assert [one.step for one in told.sft] == [1, 2, 3]
    assert told.sft[-1].loss < told.sft[0].loss
    assert [step for step, _ in told.scores] == [0, 0, 2, 3]
    assert told.steps[0].kl == pytest.approx(0, abs=1e-6)  # from the warm model, not from the untrained one
    assert (told.steps[-1].kl or 0) > 1e-6
    found = Checkpoints.open(tmp_path)
    assert found.val_before == told.scores[0][1]
    assert [(one.step, one.val_score) for one in found.all] == told.scores[1:]
    assert found.warm == found.all[0]
    assert any(tensor.any() for name, tensor in adapter_at(tmp_path, 0).items() if "lora_B" in name)
    best = max(told.scores[1:], key=lambda one: one[1])
    assert (result.step, result.val_score) == (best if best[1] > told.scores[0][1] else (0, told.scores[0][1]))


@pytest.mark.slow
def test_the_warm_start_alone_can_be_the_result(tmp_path: Path, model: Path) -> None:
    """GRPO is then no better: its reward is lower after the warm start's validation."""
    told = Told()
    worse = iter([0.1] * 2 + [0.9] * 2)

    def reward(example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        return next(worse, 0.0)

    result = local_backend.train(task_in(tmp_path, model, told, reward=reward))
    assert told.scores[:2] == [(0, 0.1), (0, 0.9)]
    assert (result.adapter_dir, result.step, result.val_score) == (tmp_path / "step-000000", 0, 0.9)
    assert (tmp_path / "step-000000" / "adapter_config.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("stop_at", [("sft", 2), ("step", 1), ("step", 2)])
def test_a_warm_training_that_was_interrupted_goes_on_bit_for_bit(
    tmp_path: Path, model: Path, stop_at: tuple[str, int]
) -> None:
    straight, first, second = Told(), Told(stop_at), Told()
    local_backend.train(task_in(tmp_path / "straight", model, straight))
    folder = tmp_path / "parts"
    kept = "interrupted before there was a checkpoint: --resume starts from the beginning"
    if stop_at[0] == "step":
        kept = f"interrupted after step {stop_at[1]}, which is kept; continue with --resume"
    with pytest.raises(TrainingStoppedError, match=kept):
        local_backend.train(task_in(folder, model, first))
    local_backend.train(task_in(folder, model, second, resume=True))
    again = [] if stop_at[0] == "step" else straight.sft
    assert second.sft == again
    assert first.steps + second.steps == straight.steps
    assert second.scores[-1] == straight.scores[-1]
    assert equal(adapter_at(folder, 3), adapter_at(tmp_path / "straight", 3))
    assert equal(adapter_at(folder, 0), adapter_at(tmp_path / "straight", 0))


@pytest.mark.slow
def test_a_warm_start_that_explodes_stops_with_the_flag_to_lower(tmp_path: Path, model: Path) -> None:
    task = task_in(tmp_path, model, Told(), grpo=replace(GRPO, sft_learning_rate=1e30))
    with pytest.raises(TrainingStoppedError, match=r"the warm start: .*: lower --sft-learning-rate 1e\+30, then"):
        local_backend.train(task)
    index = json.loads((tmp_path / "checkpoints.json").read_text())
    assert index["checkpoints"] == []


def test_the_memory_of_the_kept_adapter_is_counted() -> None:
    shape = {"parameters": 10**9, "trained": 10**7, "layers": 30, "hidden": 2048, "vocabulary": 150_000}
    shape["kv_per_token"] = 30_000
    sizes = [local_preflight.memory_bytes(shape, replace(GRPO, sft_steps=steps), 2) for steps in (0, 60)]
    assert sizes[1] - sizes[0] == 4 * 10**7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sft_steps": -1}, "sft_steps must be at least 0"),
        ({"sft_batch_size": 0}, "sft_batch_size must be at least 1"),
        ({"sft_learning_rate": 0.0}, "sft_learning_rate must be above 0"),
    ],
)
def test_a_warm_start_that_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    build: Callable[..., GRPOConfig] = GRPOConfig
    with pytest.raises(ValueError, match=message):
        build(**changes)
