"""The estimate of the memory that a training needs, beside the tensors that a pass really keeps for its gradient."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs pip install '.[train-local]'")
pytest.importorskip("peft", reason="needs pip install '.[train-local]'")

from tiny_models import save_tiny_model  # noqa: E402

from training.config import GRPOConfig  # noqa: E402
from training.local.policy import Policy, Sample  # noqa: E402
from training.local.preflight import DeviceError, estimate_memory, learning_bytes, model_shape  # noqa: E402

GRPO = GRPOConfig(
    rollouts=4, batch_size_per_device=4, lora_r=4, max_prompt_length=200, max_completion_length=8, beta=0.0
)


def kept_bytes(policy: Policy, samples: list[Sample]) -> int:
    """Bytes of all tensors that the log-probabilities keep for their gradient, the model's own weights left out."""
    weights = {one.untyped_storage().data_ptr() for one in policy.model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        policy.model.train()
        log_probs, _ = policy.log_probs(samples, temperature=1.0, with_gradient=True)
        assert log_probs.requires_grad
    return sum(kept.values())


@pytest.mark.parametrize("checkpointing", [True, False])
def test_the_estimate_is_a_lower_bound_and_near_what_a_pass_keeps(tmp_path: Path, checkpointing: bool) -> None:
    grpo = replace(GRPO, gradient_checkpointing=checkpointing)
    policy = Policy.load(str(save_tiny_model(tmp_path)), device="cpu", bf16=False)
    policy.add_adapter(grpo, seed=0)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(5, 20, (4, 208), generator=generator).tolist()  # no prompt begins as another does
    kept = kept_bytes(policy, [Sample(tuple(row[:200]), tuple(row[200:]), "", truncated=False) for row in rows])
    shape = model_shape(str(tmp_path), grpo)
    needed = learning_bytes(shape, grpo, 4)
    inputs = 4 * 4 * 208 * shape["hidden"] * shape["layers"]
    if checkpointing:  # the inside of a layer is kept while it is recomputed, and then let go
        assert inputs < kept < needed < 10 * inputs
    else:
        assert 10 * inputs < 0.9 * needed < kept < 1.5 * needed


def test_several_prompts_in_a_batch_need_more_for_their_logits() -> None:
    shape = {"parameters": 0, "trained": 0, "layers": 18, "hidden": 640, "vocabulary": 262_144, "kv_per_token": 0}
    grpo = replace(GRPO, gradient_checkpointing=False)
    mixed = learning_bytes(shape, replace(grpo, rollouts=6), 4) - learning_bytes(shape, grpo, 4)
    assert mixed == 4 * 128 * 262_144 * 4 * 3
    assert learning_bytes(shape, replace(GRPO, rollouts=6), 4) == learning_bytes(shape, GRPO, 4)


def test_where_activations_are_stored_the_flag_that_recomputes_them_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.local.preflight._available_bytes", lambda device: 1_000_000)
    path = str(save_tiny_model(tmp_path))
    with pytest.raises(DeviceError, match="--lora-r, --gradient-checkpointing, or --backend"):
        estimate_memory(path, replace(GRPO, gradient_checkpointing=False), "cpu")
    with pytest.raises(DeviceError, match="--lora-r, or --backend"):
        estimate_memory(path, GRPO, "cpu")
