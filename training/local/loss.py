"""The loss of GRPO, on tensors. Shapes: G groups of R rollouts, B = G * R answers, T tokens of the longest answer.

DeepSeekMath's GRPO (https://arxiv.org/abs/2402.03300, equations 3 and 4) with DAPO's two changes as options
(https://arxiv.org/abs/2503.14476): another clip range upwards (section 3.1), and a mean over tokens (section 3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_STD_FLOOR = 1e-4  # keeps the advantages of a group with equal rewards 0 rather than 0 / 0
_MAX_LOG_RATIO = 10.0  # exp of more than that says nothing but "far away", and its gradient drowns all others


def group_advantages(rewards: Tensor, *, scale: bool) -> Tensor:
    """How much better each rollout did than the others of its group; (G, R) -> (G, R), 0 on average in each group.

    `scale` divides by the group's standard deviation (of the sample, n - 1).
    """
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + _STD_FLOOR) if scale else centred


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, low: float, high: float) -> Tensor:
    """The clipped objective per token, negated; log-probabilities are (B, T), advantages (B,), the result (B, T).

    `old_log_probs` are those the answers were sampled with. The ratio of the two counts within 1 - low .. 1 + high.
    """
    ratio = (log_probs - old_log_probs).clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp()
    weighted = advantages.unsqueeze(1)
    return -(ratio * weighted).minimum(ratio.clamp(1 - low, 1 + high) * weighted)


def kl_to_reference(log_probs: Tensor, reference_log_probs: Tensor) -> Tensor:
    """An estimate per token, never negative, of KL(policy || reference) in nats: (B, T), (B, T) -> (B, T).

    Schulman's k3, unbiased and of low variance (http://joschu.net/blog/kl-approx.html): r - 1 - log r with
    r = reference / policy. Equation 4 of GRPO.
    """
    log_ratio = (reference_log_probs - log_probs).clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO)
    return log_ratio.exp() - log_ratio - 1


def token_weights(lengths: Tensor, loss_type: str) -> Tensor:
    """What a token of each answer counts in the loss: (B,) tokens -> (B,) weights; over all tokens they sum to 1.

    grpo: every answer counts the same, whatever its length. dapo: every token does.
    """
    if loss_type == "grpo":
        return 1 / (lengths * len(lengths))
    return (1 / lengths.sum()).expand(len(lengths))
