"""Chat templates without a system turn, files that are cut, and a disk that is full: one line each."""

from __future__ import annotations

import errno
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs pip install '.[train-local]'")

from tiny_models import CHAT_TEMPLATE, MESSAGES, save_tiny_model, tiny_tokenizer  # noqa: E402

from training.backend_api import TrainingStoppedError  # noqa: E402
from training.chat_format import ChatFormatError, render, takes_system_turn  # noqa: E402
from training.config import GRPOConfig  # noqa: E402
from training.local.checkpoints import TRAINER_STATE, WEIGHTS, CheckpointError, Checkpoints  # noqa: E402
from training.local.policy import ModelError, Policy  # noqa: E402

REFUSING = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + CHAT_TEMPLATE
)
SILENT = "{% set messages = messages | rejectattr('role', 'equalto', 'system') %}" + CHAT_TEMPLATE
GRPO = GRPOConfig(lora_r=4, lora_alpha=8, gradient_checkpointing=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model"))


def policy_of(model: Path) -> Policy:
    policy = Policy.load(str(model), device="cpu", bf16=False)
    policy.add_adapter(GRPO, seed=0)
    return policy


@pytest.mark.parametrize("template", [REFUSING, SILENT])
def test_a_template_without_a_system_turn_gets_its_text_in_the_users(template: str) -> None:
    tokenizer = tiny_tokenizer()
    assert takes_system_turn(tokenizer)
    whole = render(tokenizer, MESSAGES)
    tokenizer.chat_template = template
    assert not takes_system_turn(tokenizer)
    text = render(tokenizer, MESSAGES)
    assert "<|im_start|>user\nAnswer.\n\nWhat colour is the sea?<|im_end|>" in text
    assert "system" not in text
    tokenizer.chat_template = CHAT_TEMPLATE
    assert render(tokenizer, MESSAGES) == whole


def test_a_template_that_takes_no_chat_at_all_is_named() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('no chats here') }}"
    with pytest.raises(ChatFormatError, match="no chats here"):
        render(tokenizer, MESSAGES)


@pytest.mark.slow
def test_a_cut_model_is_one_line(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    with pytest.raises(ModelError, match="cannot be loaded") as refused:
        Policy.load(str(folder), device="cpu", bf16=False)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("name", [WEIGHTS, TRAINER_STATE])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_cut_checkpoint_is_one_line_that_names_it(tmp_path: Path, model: Path, name: str, share: float) -> None:
    policy = policy_of(model)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(policy, {"step": torch.ones(99)}, 1, 0.5)
    assert checkpoints.last is not None
    file = checkpoints.path(checkpoints.last) / name
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(CheckpointError, match="step-000001: cannot be resumed") as refused:
        checkpoints.restore(policy, checkpoints.last)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["adapter", "state"])
def test_a_full_disk_at_a_checkpoint_is_one_line_with_the_last_one(
    tmp_path: Path, model: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = policy_of(model)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(policy, {}, 1, 0.5)

    def full(*_: Any, **__: Any) -> None:
        if where == "adapter":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    if where == "adapter":
        monkeypatch.setattr(policy.model, "save_pretrained", full)
    else:
        monkeypatch.setattr(torch, "save", full)
    with pytest.raises(
        TrainingStoppedError, match=r"step 2: .*the last one is kept, .*step-000001: free some space"
    ) as told:
        checkpoints.save(policy, {}, 2, 0.6)
    assert "\n" not in str(told.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints.json", "step-000001"]
    assert Checkpoints.open(tmp_path).last == checkpoints.last


@pytest.mark.slow
def test_the_state_that_a_disk_does_not_take_is_told_in_the_disks_words(tmp_path: Path, model: Path) -> None:
    """PyTorch's are "[enforce fail at inline_container.cc:672] . unexpected pos 45184 vs 45072"."""
    policy, checkpoints = policy_of(model), Checkpoints(tmp_path)
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, most))
    try:
        with pytest.raises(TrainingStoppedError, match=r"cannot be written to .*large.*there is none yet: free some"):
            checkpoints.save(policy, {"step": torch.ones(1_000_000)}, 1, 0.5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []
