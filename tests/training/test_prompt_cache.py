"""A prompt that is computed once for all answers to it: tokens, log-probabilities and gradients are those of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from tiny_models import MESSAGES, tiny_model, tiny_sliding_model, tiny_tokenizer  # noqa: E402

from training.config import GRPOConfig  # noqa: E402
from training.local import policy as policy_module  # noqa: E402
from training.local.policy import Policy, Sample  # noqa: E402

GRPO = GRPOConfig(lora_r=4, gradient_checkpointing=False)
MODELS = pytest.mark.parametrize("build", [tiny_model, tiny_sliding_model])
OTHER = [{"role": "user", "content": "And the sky, on a clear day in winter, seen from the pier?"}]


def policy_of(build: Callable[[], Any]) -> Policy:
    policy = Policy(build(), tiny_tokenizer())
    policy.add_adapter(GRPO, seed=0)
    for number, parameter in enumerate(policy.trainable()):  # an adapter that does something
        torch.manual_seed(number)
        parameter.data = torch.randn_like(parameter) * 0.1
    return policy


def answers(policy: Policy) -> list[Sample]:
    prompt = tuple(policy.prompt_ids(MESSAGES))
    return [
        Sample(prompt, tokens, "", truncated=False) for tokens in ((40, 41, 42, 43, 44, 2), (45, 2), (46, 47, 48, 2))
    ]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of rows of the prompts that were computed for sharing."""
    rows: list[int] = []
    original = policy_module.prompt_cache

    def counted(model: Any, ids: Any, attended: Any) -> Any:
        rows.append(len(ids))
        return original(model, ids, attended)

    monkeypatch.setattr(policy_module, "prompt_cache", counted)
    return rows


@pytest.mark.slow
@MODELS
def test_log_probs_and_gradients_are_those_of_each_answer_alone(build: Callable[[], Any], calls: list[int]) -> None:
    policy = policy_of(build)
    samples = answers(policy)
    found, mask = policy.log_probs(samples, temperature=0.8, with_gradient=True)
    assert calls == [1]
    (found * mask).sum().backward()
    shared = [parameter.grad.clone() for parameter in policy.trainable()]
    for parameter in policy.trainable():
        parameter.grad = None
    for row, sample in enumerate(samples):
        alone, _ = policy.log_probs([sample], temperature=0.8, with_gradient=True)
        assert mask[row].tolist() == [0.0] * (6 - len(sample.token_ids)) + [1.0] * len(sample.token_ids)
        assert torch.allclose(found[row][mask[row] == 1], alone[0], atol=1e-4)
        alone.sum().backward()
    assert calls == [1]
    for ours, parameter in zip(shared, policy.trainable(), strict=True):
        assert torch.allclose(ours, parameter.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@MODELS
def test_prompts_that_begin_alike_share_that_and_no_more(build: Callable[[], Any], calls: list[int]) -> None:
    policy = policy_of(build)
    long = [MESSAGES[0], {"role": "user", "content": MESSAGES[1]["content"] + " And where is it deep?"}]
    samples = [
        policy.demonstration(prompt, reply)
        for prompt, reply in ((MESSAGES, "blue"), (long, "in the west"), (MESSAGES, "grey, or green"))
    ]
    found, mask = policy.log_probs(samples, temperature=1.0)
    assert calls == [1]
    for row, sample in enumerate(samples):
        alone, _ = policy.log_probs([sample], temperature=1.0)
        assert torch.allclose(found[row][mask[row] == 1], alone[0], atol=1e-4)
    with_other = [*samples, policy.demonstration(OTHER, "clear")]
    found, mask = policy.log_probs(with_other, temperature=1.0)
    assert calls == [1]  # what all begin with is too little
    for row, sample in enumerate(with_other):
        alone, _ = policy.log_probs([sample], temperature=1.0)
        assert torch.allclose(found[row][mask[row] == 1], alone[0], atol=1e-4)


@pytest.mark.slow
@MODELS
def test_greedy_answers_to_prompts_asked_twice_are_those_asked_alone(
    build: Callable[[], Any], calls: list[int]
) -> None:
    policy = policy_of(build)
    alone = [policy.generate([prompt], max_tokens=9, temperature=0.0)[0] for prompt in (MESSAGES, OTHER)]
    assert calls == []
    together = policy.generate([OTHER, MESSAGES, OTHER, MESSAGES], max_tokens=9, temperature=0.0)
    assert calls == [2]
    assert together == [alone[1], alone[0], alone[1], alone[0]]


@pytest.mark.slow
def test_a_model_that_keeps_something_else_is_asked_for_each_answer(
    monkeypatch: pytest.MonkeyPatch, calls: list[int]
) -> None:
    policy = policy_of(tiny_model)
    wanted, _ = policy.log_probs(answers(policy), temperature=1.0)
    greedy = policy.generate([MESSAGES] * 2, max_tokens=5, temperature=0.0)
    monkeypatch.setattr(policy_module, "prompt_cache", lambda *_: calls.append(0))
    found, mask = policy.log_probs(answers(policy), temperature=1.0)
    assert torch.allclose(found[mask == 1], wanted[mask == 1], atol=1e-4)
    assert policy.generate([MESSAGES] * 2, max_tokens=5, temperature=0.0) == greedy
    assert calls == [1, 1, 0, 0]


@pytest.mark.slow
def test_recomputed_activations_are_those_of_each_answers_own_prompt(calls: list[int]) -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    policy.add_adapter(GRPOConfig(lora_r=4), seed=0)
    with policy.training():
        policy.log_probs(answers(policy), temperature=1.0, with_gradient=True)
    assert calls == []
