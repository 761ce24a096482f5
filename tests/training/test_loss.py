"""GRPO's formulas against plain loops over the same numbers."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train-local")

from training.local.loss import group_advantages, kl_to_reference, policy_loss, token_weights  # noqa: E402

SEEDS = st.integers(0, 10_000)


def random_log_probs(seed: int, rows: int = 3, columns: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return -3 * torch.rand(rows, columns, generator=generator, dtype=torch.float64)


@given(SEEDS, st.booleans())
def test_advantages_are_those_of_a_plain_loop(seed: int, scale: bool) -> None:
    rewards = random_log_probs(seed)
    advantages = group_advantages(rewards, scale=scale)
    for group, found in zip(rewards.tolist(), advantages.tolist(), strict=True):
        spread = statistics.stdev(group) + 1e-4 if scale else 1.0
        wanted = [(reward - statistics.fmean(group)) / spread for reward in group]
        assert found == pytest.approx(wanted)
        assert sum(found) == pytest.approx(0, abs=1e-9)


def test_a_group_that_scored_the_same_has_no_advantage() -> None:
    assert group_advantages(torch.full((2, 4), 0.7), scale=True).abs().max() < 1e-3
    assert group_advantages(torch.zeros(1, 4), scale=True).tolist() == [[0.0] * 4]


@given(SEEDS, SEEDS, st.floats(0.05, 0.5), st.floats(0.05, 0.5))
def test_the_clipped_loss_is_that_of_a_plain_loop(seed: int, old_seed: int, low: float, high: float) -> None:
    new, old = random_log_probs(seed), random_log_probs(old_seed)
    advantages = [1.5, -0.5, 0.0]
    found = policy_loss(new, old, torch.tensor(advantages, dtype=torch.float64), low=low, high=high)
    for row, advantage in enumerate(advantages):
        for column in range(new.shape[1]):
            ratio = math.exp(float(new[row, column]) - float(old[row, column]))
            clipped = min(max(ratio, 1 - low), 1 + high)
            wanted = -min(ratio * advantage, clipped * advantage)
            assert float(found[row, column]) == pytest.approx(wanted)


def test_on_its_own_samples_the_gradient_is_the_plain_policy_gradient() -> None:
    new = random_log_probs(1).requires_grad_()
    advantages = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    policy_loss(new, new.detach(), advantages, low=0.2, high=0.2).sum().backward()
    assert torch.allclose(new.grad, -advantages.unsqueeze(1).expand_as(new))


@given(SEEDS, SEEDS)
def test_the_kl_estimate_is_that_of_a_plain_loop_and_never_negative(seed: int, reference_seed: int) -> None:
    policy, reference = random_log_probs(seed), random_log_probs(reference_seed)
    found = kl_to_reference(policy, reference)
    for at_policy, at_reference, value in zip(
        policy.flatten().tolist(), reference.flatten().tolist(), found.flatten().tolist(), strict=True
    ):
        assert value == pytest.approx(math.exp(at_reference - at_policy) - (at_reference - at_policy) - 1)
        assert value >= 0


def test_the_kl_estimate_is_unbiased() -> None:
    """Its mean over samples of the policy is the exact divergence of two distributions over four tokens."""
    policy, reference = torch.tensor([0.4, 0.3, 0.2, 0.1]), torch.tensor([0.25, 0.25, 0.25, 0.25])
    exact = float((policy * (policy / reference).log()).sum())
    estimates = kl_to_reference(policy.log().unsqueeze(0), reference.log().unsqueeze(0))
    assert float((policy * estimates).sum()) == pytest.approx(exact, rel=1e-5)


def test_a_token_that_the_reference_finds_impossible_does_not_blow_up_the_loss() -> None:
    assert torch.isfinite(kl_to_reference(torch.tensor([[-200.0]]), torch.tensor([[0.0]]))).all()
    loss = policy_loss(torch.tensor([[0.0]]), torch.tensor([[-500.0]]), torch.tensor([-1.0]), low=0.2, high=0.2)
    assert torch.isfinite(loss).all()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_the_weights_of_all_tokens_sum_to_one(lengths: list[int]) -> None:
    counts = torch.tensor(lengths)
    for loss_type in ("dapo", "grpo"):
        assert float((token_weights(counts, loss_type) * counts).sum()) == pytest.approx(1, rel=1e-5)


def test_dapo_weighs_tokens_alike_and_grpo_answers() -> None:
    counts = torch.tensor([1, 3])
    assert token_weights(counts, "dapo").tolist() == pytest.approx([0.25, 0.25])
    assert token_weights(counts, "grpo").tolist() == pytest.approx([0.5, 1 / 6])
