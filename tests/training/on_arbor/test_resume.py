"""Going on from an adapter: merged into its model as a new start, and stacked under what is trained next."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
import pytest
from arbor_server import ArborServer
from openai_server import chat_fields

from training.backend_api import TrainingTask
from training.config import GRPOConfig, TrainingConfig
from training.on_arbor.backend import train
from training.on_arbor.checkpoints import BEST, LAST, CheckpointKeeper
from training.on_arbor.client import package_dir
from training.on_arbor.resume import check_resumable, merge_start, stack, start_adapter

if package_dir() is None:
    pytest.skip("needs arbor-ai: pip install --no-deps arbor-ai==0.2.17", allow_module_level=True)
torch = pytest.importorskip("torch", reason="an adapter is merged with it")
peft = pytest.importorskip("peft", reason="an adapter is merged with it")

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's
TARGETS = ("q_proj", "v_proj")
TOKENS = [[1, 2, 3, 4, 5]]


def random_adapter(model: Any, folder: Path, *, seed: int, r: int, alpha: int) -> Path:
    """An adapter for `model` with weights that change its output."""
    torch.manual_seed(seed)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=r, lora_alpha=alpha, target_modules=list(TARGETS)))
    for name, weight in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    adapted.save_pretrained(folder)
    adapted.unload()
    return folder


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    """A Qwen2 model with random weights, and a tokenizer of a few words."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=16,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "model")
    words = Tokenizer(models.WordLevel({f"w{number}": number for number in range(16)}, unk_token="w0"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="w1").save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model.eval()(torch.tensor(TOKENS)).logits


def load(model_dir: Path) -> Any:
    from transformers import Qwen2ForCausalLM

    return Qwen2ForCausalLM.from_pretrained(model_dir, dtype=torch.float32)


@pytest.fixture
def keeper(model_dir: Path, tmp_path: Path) -> CheckpointKeeper:
    """A folder with the checkpoint of step 3."""
    adapter = random_adapter(load(model_dir), tmp_path / "first", seed=1, r=4, alpha=8)
    keeper = CheckpointKeeper(tmp_path / "checkpoints")
    keeper.keep(LAST, str(adapter), step=3, val_score=0.25)
    return keeper


def test_the_start_is_the_model_with_the_adapter_in_it(model_dir: Path, keeper: CheckpointKeeper) -> None:
    merged = load(merge_start(str(model_dir), keeper))
    adapted = peft.PeftModel.from_pretrained(load(model_dir), keeper.checkpoints[LAST].path)
    assert torch.allclose(logits(merged), logits(adapted), atol=1e-5)
    assert not torch.allclose(logits(merged), logits(load(model_dir)), atol=1e-2)


@pytest.mark.parametrize(("r", "alpha"), [(4, 8), (2, 8)])
def test_a_stacked_adapter_does_to_the_model_what_both_did_in_turn(
    model_dir: Path, keeper: CheckpointKeeper, tmp_path: Path, r: int, alpha: int
) -> None:
    merged = load(merge_start(str(model_dir), keeper))
    second = random_adapter(merged, tmp_path / "second", seed=2, r=r, alpha=alpha)
    expected = logits(peft.PeftModel.from_pretrained(merged, str(second)))
    stack(start_adapter(keeper), second)
    assert json.loads((second / "adapter_config.json").read_text())["r"] == 4 + r
    assert json.loads((second / "adapter_config.json").read_text())["base_model_name_or_path"] == str(model_dir)
    assert torch.allclose(logits(peft.PeftModel.from_pretrained(load(model_dir), str(second))), expected, atol=1e-5)


def test_a_resumed_training_starts_from_the_last_adapter_and_does_the_rest(
    model_dir: Path, keeper: CheckpointKeeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Capitals(dspy.Module):
        def __init__(self) -> None:
            super().__init__()
            self.answer = dspy.Predict("question -> answer")

        def forward(self, question: str) -> dspy.Prediction:
            return self.answer(question=question)

    monkeypatch.chdir(tmp_path)
    examples = [dspy.Example(question="The capital of France?").with_inputs("question")]
    steps: list[int] = []
    validations: list[tuple[int, float]] = []
    adapter = random_adapter(load(model_dir), tmp_path / "trained", seed=3, r=4, alpha=8)
    with ArborServer(tmp_path / "storage", lambda *_: chat_fields(answer="Paris"), adapter=adapter) as server:
        result = train(
            TrainingTask(
                student=Capitals(),
                trainset=examples,
                valset=examples,
                reward=lambda *_: 0.5 if len(steps) < 2 else 0.75,
                config=replace(TrainingConfig(), model=str(model_dir), api_base=server.api_base),
                grpo=GRPOConfig(
                    num_train_steps=6,
                    rollouts=8,
                    batch_size_per_device=1,
                    steps_per_validation=3,
                    lora_r=4,
                    lora_alpha=8,
                    lora_targets=TARGETS,
                ),
                checkpoint_dir=keeper.folder,
                resume=True,
                on_step=lambda record: steps.append(record.step),
                on_validation=lambda done, score: validations.append((done, score)),
            )
        )
    assert server.job.body["model"] == str((keeper.folder / "start" / "merged").resolve())
    assert steps == [4, 5, 6]
    assert validations == [(3, 0.5), (6, 0.75)]
    assert (result.step, result.val_score) == (6, 0.75)
    assert result.adapter_dir is not None
    settings = json.loads((result.adapter_dir / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (8, 16)
    assert CheckpointKeeper(keeper.folder).checkpoints[BEST].step == 6


def test_what_cannot_be_resumed_is_refused(keeper: CheckpointKeeper, tmp_path: Path) -> None:
    fitting = GRPOConfig(num_train_steps=6, lora_targets=TARGETS)
    (note,) = check_resumable(keeper, fitting)
    assert note.startswith("resumed from the adapter of step 3, as a new start: with a new optimizer")
    with pytest.raises(ValueError, match="all 3 steps are done"):
        check_resumable(keeper, replace(fitting, num_train_steps=3))
    with pytest.raises(ValueError, match="give --lora-targets q_proj,v_proj"):
        check_resumable(keeper, GRPOConfig(num_train_steps=6))
    with pytest.raises(ValueError, match="names no checkpoint"):
        check_resumable(CheckpointKeeper(tmp_path / "empty"), fitting)
    keeper.keep(LAST, "/of/another/machine", step=4, val_score=None)
    with pytest.raises(ValueError, match="is on the server's machine"):
        check_resumable(keeper, fitting)
