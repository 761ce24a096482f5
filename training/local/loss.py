"""The loss of GRPO, on tensors. Shapes: G groups of R rollouts, B = G * R answers, T tokens of the longest answer.

DeepSeekMath's GRPO (https://arxiv.org/abs/2402.03300, equations 3 and 4) with DAPO's two changes as options
(https://arxiv.org/abs/2503.14476): a separate upper clip range (section 3.1), and a mean over tokens (section 3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_STD_FLOOR = 1e-4  # makes the advantages of a group with equal rewards 0 instead of 0 / 0
_MAX_LOG_RATIO = 10.0  # beyond that the ratio carries no information, and its gradient would drown all others


def group_advantages(rewards: Tensor, *, scale: bool) -> Tensor:
    """How much better each rollout did than its group: (G, R) -> (G, R), with mean 0 in each group.

    `scale` divides by the group's standard deviation (n - 1 in the denominator).
    """
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + _STD_FLOOR) if scale else centred


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, low: float, high: float) -> Tensor:
    """The clipped objective per token, negated; log-probabilities are (B, T), advantages (B,), the result (B, T).

    The answers were sampled with `old_log_probs`. The ratio is clipped to 1 - low .. 1 + high.
    """
    ratio = (log_probs - old_log_probs).clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp()
    weighted = advantages.unsqueeze(1)
    return -(ratio * weighted).minimum(ratio.clamp(1 - low, 1 + high) * weighted)


def kl_to_reference(log_probs: Tensor, reference_log_probs: Tensor) -> Tensor:
    """A non-negative estimate per token of KL(policy || reference), in nats: (B, T), (B, T) -> (B, T).

    Schulman's k3, unbiased and of low variance (http://joschu.net/blog/kl-approx.html): r - 1 - log r with
    r = reference / policy. Equation 4 of GRPO.
    """
    log_ratio = (reference_log_probs - log_probs).clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO)
    return log_ratio.exp() - log_ratio - 1


def token_weights(lengths: Tensor, loss_type: str) -> Tensor:
    """The weight of one token of each answer in the loss: (B,) tokens -> (B,) weights; all tokens together weigh 1.

    grpo: every answer has the same weight, regardless of its length. dapo: every token has.
    """
    if loss_type == "grpo":
        return 1 / (lengths * len(lengths))
    return (1 / lengths.sum()).expand(len(lengths))
