"""Supervised fine-tuning: the warm start before GRPO. The loss is on the replies alone."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.backend_api import SFTRecord
from training.local.policy import Policy, Sample
from training.local.trainer import NonFiniteGradientError


@dataclass(frozen=True)
class SFTSettings:
    """steps: optimizer steps. batch_size: samples per step, computed in passes of `pass_size`. learning_rate: falls
    linearly to 0. seed: of the order and of dropout."""

    steps: int
    batch_size: int
    pass_size: int
    learning_rate: float
    max_grad_norm: float = math.inf
    seed: int = 0


def fine_tune(
    policy: Policy, samples: Sequence[Sample], settings: SFTSettings, on_step: Callable[[SFTRecord], None]
) -> None:
    """Make the replies of `samples` likelier, by AdamW on what is trained of `policy`: its adapter, else all weights.

    Each step depends only on the weights, the seed and its number. Raises NonFiniteGradientError and then keeps the
    weights of the step before.
    """
    import torch

    optimizer = torch.optim.AdamW(policy.trainable(), weight_decay=0.0)
    torch.manual_seed(settings.seed)
    with policy.training():
        for step in range(1, settings.steps + 1):
            started = time.perf_counter()
            batch = batch_of(step, samples, settings.batch_size, settings.seed)
            optimizer.param_groups[0]["lr"] = settings.learning_rate * (1 - (step - 1) / settings.steps)
            optimizer.zero_grad(set_to_none=True)
            tokens, loss = sum(len(sample.token_ids) for sample in batch), 0.0
            for at in range(0, len(batch), settings.pass_size):
                log_probs, mask = policy.log_probs(
                    batch[at : at + settings.pass_size], temperature=1.0, with_gradient=True
                )
                part = -(log_probs * mask).sum() / tokens
                part.backward()  # type: ignore[no-untyped-call]
                loss += float(part.detach())
            grad_norm = float(torch.nn.utils.clip_grad_norm_(policy.trainable(), settings.max_grad_norm))
            if not (math.isfinite(grad_norm) and math.isfinite(loss)):
                raise NonFiniteGradientError(f"the gradient's norm is {grad_norm}, the loss {loss}")
            optimizer.step()
            on_step(SFTRecord(step, loss, grad_norm, tokens, time.perf_counter() - started))


def batch_of(step: int, samples: Sequence[Sample], size: int, seed: int) -> list[Sample]:
    """The samples of `step`, counted from 1: epochs in new orders follow each other without a gap.

    Where there are fewer samples than `size`, a step has some of them twice.
    """
    batch = []
    for place in range((step - 1) * size, step * size):
        epoch, index = divmod(place, len(samples))
        batch.append(samples[random.Random(f"sft-{seed}-{epoch}").sample(range(len(samples)), k=len(samples))[index]])
    return batch
