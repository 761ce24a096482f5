"""The optimizer's half of GRPO: how a step changes the weights. It knows tokens and rewards but no prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.config import GRPOConfig
from training.local.loss import group_advantages, kl_to_reference, policy_loss, token_weights
from training.local.policy import Policy, Sample

if TYPE_CHECKING:
    from torch import Tensor


class NonFiniteGradientError(ArithmeticError):
    """A gradient is NaN or infinite; the step did not change the weights."""


@dataclass(frozen=True)
class Update:
    """A step's loss, KL to the reference per token in nats (None without beta), and gradient norm before clipping.

    All three were computed before the update; with several updates, before the last one.
    """

    loss: float
    kl: float | None
    grad_norm: float


def learning_rate_at(step: int, grpo: GRPOConfig) -> float:
    """The learning rate of `step`, counted from 1: it rises linearly over `warmup_steps` and is then constant."""
    return grpo.learning_rate * min(1.0, step / max(1, grpo.warmup_steps))


class Trainer:
    """AdamW on the adapter of `policy`. The schedule depends only on `steps_done`, so the saved state is small."""

    def __init__(self, policy: Policy, grpo: GRPOConfig, *, seed: int) -> None:
        import torch

        self.policy = policy
        self.steps_done = 0
        self.is_between_steps = True  # the weights are those after `steps_done`, and may be saved
        self._grpo = grpo
        self._seed = seed
        self._optimizer = torch.optim.AdamW(policy.trainable(), weight_decay=grpo.weight_decay)

    def state(self) -> dict[str, Any]:
        """What a resumed training needs besides the adapter's weights."""
        return {"steps_done": self.steps_done, "optimizer": self._optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.steps_done = state["steps_done"]
        self._optimizer.load_state_dict(state["optimizer"])

    def seed_of(self, step: int) -> int:
        """The seed of a step's sampling and dropout, so that no generator's state has to be saved."""
        return self._seed * 1_000_003 + step

    def update(self, groups: Sequence[Sequence[tuple[Sample, float]]]) -> Update:
        """One step on G groups of R answers with rewards. Raises NonFiniteGradientError and then changes nothing."""
        import torch

        grpo, step = self._grpo, self.steps_done + 1
        torch.manual_seed(self.seed_of(step))
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate_at(step, grpo)
        samples = [sample for group in groups for sample, _ in group]
        rewards = torch.tensor([[reward for _, reward in group] for group in groups])  # (G, R)
        advantages = group_advantages(rewards, scale=grpo.scale_rewards).flatten()  # (B,)
        weights = token_weights(torch.tensor([len(sample.token_ids) for sample in samples]), grpo.loss_type)  # (B,)
        size = grpo.batch_size_per_device
        batches = [
            _Batch(samples[at : at + size], advantages[at : at + size], weights[at : at + size])
            for at in range(0, len(samples), size)
        ]
        self._add_fixed_log_probs(batches)
        with self.policy.training():
            for _ in range(grpo.updates_per_step):
                update = self._update_once(batches)
        self.steps_done, self.is_between_steps = step, True
        return update

    def _add_fixed_log_probs(self, batches: Sequence[_Batch]) -> None:
        """Add those of the reference and, for several updates, of the policy before the first one.

        With one update per step, the latter are those of the gradient pass itself.
        """
        temperature = self._grpo.temperature
        if self._grpo.beta:
            with self.policy.as_reference():
                for batch in batches:
                    batch.reference, _ = self.policy.log_probs(batch.samples, temperature=temperature)
        if self._grpo.updates_per_step > 1:
            for batch in batches:
                batch.old, _ = self.policy.log_probs(batch.samples, temperature=temperature)

    def _update_once(self, batches: Sequence[_Batch]) -> Update:
        import torch

        self._optimizer.zero_grad(set_to_none=True)
        loss = kl = tokens = 0.0
        for batch in batches:
            batch_loss, kl_sum, token_count = self._loss(batch)
            batch_loss.backward()  # type: ignore[no-untyped-call]
            loss, kl, tokens = loss + float(batch_loss.detach()), kl + kl_sum, tokens + token_count
        grad_norm = float(torch.nn.utils.clip_grad_norm_(self.policy.trainable(), self._grpo.max_grad_norm))
        if not (math.isfinite(grad_norm) and math.isfinite(loss)):
            raise NonFiniteGradientError(f"the gradient's norm is {grad_norm}, the loss {loss}")
        self.is_between_steps = False  # until `update` has ended; an interrupted one leaves it so
        self._optimizer.step()
        return Update(loss, kl / tokens if self._grpo.beta else None, grad_norm)

    def _loss(self, batch: _Batch) -> tuple[Tensor, float, float]:
        """The batch's share of the loss, the sum of its tokens' KL, and the number of those tokens."""
        grpo = self._grpo
        log_probs, mask = self.policy.log_probs(batch.samples, temperature=grpo.temperature, with_gradient=True)
        advantages, weights = batch.advantages.to(mask.device), batch.weights.to(mask.device)
        old = log_probs.detach() if batch.old is None else batch.old
        per_token = policy_loss(log_probs, old, advantages, low=grpo.epsilon, high=grpo.epsilon_high)
        kl_sum = 0.0
        if batch.reference is not None:
            kl = kl_to_reference(log_probs, batch.reference)
            per_token = per_token + grpo.beta * kl
            kl_sum = float((kl.detach() * mask).sum())
        return (per_token * mask * weights.unsqueeze(1)).sum(), kl_sum, float(mask.sum())


@dataclass
class _Batch:
    """B answers that fit one pass, with those of their log-probabilities that do not change, (B, T)."""

    samples: Sequence[Sample]
    advantages: Tensor
    weights: Tensor
    reference: Tensor | None = None
    old: Tensor | None = None
