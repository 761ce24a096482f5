"""The model on its device: what it samples, what it says a sample's log-probabilities are, and its adapters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train-local")
pytest.importorskip("peft", reason="needs the extra train-local")

from tiny_models import MESSAGES, save_tiny_model, tiny_model, tiny_tokenizer  # noqa: E402

from training.chat_format import ChatFormatError, chat_end_id, end_token_ids, load_tokenizer, with_chat_end  # noqa: E402
from training.config import GRPOConfig  # noqa: E402
from training.local.checkpoints import Checkpoints  # noqa: E402
from training.local.policy import ModelError, Policy  # noqa: E402
from training.local.trainer import Trainer  # noqa: E402

GRPO = GRPOConfig(lora_r=4, lora_alpha=8, learning_rate=1e-2, warmup_steps=0, batch_size_per_device=3, rollouts=2)
OTHER = [{"role": "user", "content": "And the sky, on a clear day in winter, seen from the pier?"}]


def policy_with_adapter() -> Policy:
    policy = Policy(tiny_model(), tiny_tokenizer())
    policy.add_adapter(GRPO, seed=0)
    return policy


def changed(policy: Policy) -> Policy:
    """After one update: the adapter no longer leaves the model as it was."""
    samples = policy.generate([MESSAGES] * 2, max_tokens=6, temperature=1.0, seed=3)
    Trainer(policy, GRPO, seed=0).update([[(samples[0], 1.0), (samples[1], 0.0)]])
    return policy


def plain_log_probs(model: Any, prompt_ids: tuple[int, ...], token_ids: tuple[int, ...], temperature: float) -> Any:
    """One answer at a time, without padding, from the logits of all positions."""
    ids = torch.tensor([[*prompt_ids, *token_ids]])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0] / temperature
    predicted = logits.log_softmax(dim=1)[len(prompt_ids) - 1 : -1]
    return predicted[torch.arange(len(token_ids)), torch.tensor(token_ids)]


@pytest.mark.slow
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_log_probs_are_those_of_each_answer_alone_and_unpadded(temperature: float) -> None:
    policy = changed(policy_with_adapter())
    samples = policy.generate([MESSAGES, OTHER, MESSAGES], max_tokens=12, temperature=1.0, seed=1)
    samples[1] = policy._sample(list(samples[1].prompt_ids), [5, 6, 2])  # ends early
    log_probs, mask = policy.log_probs(samples, temperature=temperature)
    assert mask.sum(dim=1).tolist() == [len(sample.token_ids) for sample in samples]
    for row, sample in enumerate(samples):
        wanted = plain_log_probs(policy.model, sample.prompt_ids, sample.token_ids, temperature)
        assert torch.allclose(log_probs[row][mask[row] == 1], wanted, atol=1e-4)


@pytest.mark.slow
def test_the_loss_of_a_step_does_not_depend_on_the_size_of_its_batches() -> None:
    updates, weights = [], []
    for size in (1, 2, 4):
        policy = policy_with_adapter()
        samples = policy.generate([MESSAGES, OTHER] * 2, max_tokens=8, temperature=1.0, seed=1)
        config = GRPOConfig(lora_r=4, learning_rate=1e-3, warmup_steps=0, batch_size_per_device=size, rollouts=2)
        rewarded = [[(samples[0], 1.0), (samples[2], 0.0)], [(samples[1], 0.2), (samples[3], 0.9)]]
        updates.append(Trainer(policy, config, seed=0).update(rewarded))
        weights.append(torch.cat([parameter.detach().flatten() for parameter in policy.trainable()]))
    assert [update.loss for update in updates] == pytest.approx([updates[0].loss] * 3, rel=1e-4, abs=1e-6)
    assert [update.grad_norm for update in updates] == pytest.approx([updates[0].grad_norm] * 3, rel=1e-3)
    assert torch.allclose(weights[0], weights[2], atol=2e-3)


@pytest.mark.slow
def test_what_was_rewarded_gets_likelier_and_what_was_not_less_likely() -> None:
    policy = policy_with_adapter()
    samples = policy.generate([MESSAGES] * 2, max_tokens=6, temperature=1.0, seed=3)
    before, mask = policy.log_probs(samples, temperature=1.0)
    trainer = Trainer(policy, GRPO, seed=0)
    for _ in range(3):
        trainer.update([[(samples[0], 1.0), (samples[1], 0.0)]])
    after, _ = policy.log_probs(samples, temperature=1.0)
    better, worse = ((after - before) * mask).sum(dim=1).tolist()
    assert better > 0 > worse


@pytest.mark.slow
def test_beta_holds_the_policy_back_at_the_reference() -> None:
    kl = {}
    for beta in (0.001, 5.0):
        policy = policy_with_adapter()
        samples = policy.generate([MESSAGES] * 2, max_tokens=6, temperature=1.0, seed=3)
        config = GRPOConfig(lora_r=4, learning_rate=1e-2, warmup_steps=0, beta=beta, rollouts=2)
        trainer = Trainer(policy, config, seed=0)
        kl[beta] = [trainer.update([[(samples[0], 1.0), (samples[1], 0.0)]]).kl or 0.0 for _ in range(8)]
    assert kl[0.001][0] == pytest.approx(0, abs=1e-6)  # at first the adapter changes nothing
    assert kl[5.0][-1] < kl[0.001][-1]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers_and_another_one_others() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    first, again, other = (
        policy.generate([MESSAGES] * 4, max_tokens=12, temperature=1.0, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len({sample.token_ids for sample in first}) > 1


def test_sampling_leaves_the_random_numbers_of_others_alone() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    policy.generate([MESSAGES], max_tokens=4, temperature=1.0, seed=1)
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.slow
def test_greedy_answers_do_not_depend_on_who_else_is_asked() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    alone = policy.generate([MESSAGES], max_tokens=8, temperature=0.0)
    together = policy.generate([OTHER, MESSAGES], max_tokens=8, temperature=0.0)
    assert together[1] == alone[0]


def test_an_answer_ends_at_an_end_token_or_is_truncated() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    ended = policy._sample([1], [40, 41, 2, 0, 0])
    assert (ended.token_ids, ended.truncated) == ((40, 41, 2), False)
    assert "<|" not in ended.text
    cut = policy._sample([1], [40, 41])
    assert (cut.token_ids, cut.truncated) == ((40, 41), True)


@pytest.mark.slow
def test_without_the_adapter_the_model_is_as_it_was() -> None:
    original = Policy(tiny_model(), tiny_tokenizer()).generate([MESSAGES], max_tokens=8, temperature=0.0)[0]
    policy = changed(policy_with_adapter())
    wanted = plain_log_probs(tiny_model(), original.prompt_ids, original.token_ids, 1.0)
    trained, _ = policy.log_probs([original], temperature=1.0)
    with policy.without_adapter():
        found, _ = policy.log_probs([original], temperature=1.0)
    assert torch.allclose(found[0], wanted, atol=1e-5)
    assert not torch.allclose(trained[0], wanted, atol=1e-3)


@pytest.mark.slow
def test_checkpointed_activations_change_no_gradient() -> None:
    norms = []
    for checkpointing in (False, True):
        policy = Policy(tiny_model(), tiny_tokenizer())
        config = GRPOConfig(lora_r=4, warmup_steps=0, rollouts=2, gradient_checkpointing=checkpointing)
        policy.add_adapter(config, seed=0)
        samples = policy.generate([MESSAGES] * 2, max_tokens=6, temperature=1.0, seed=3)
        norms.append(Trainer(policy, config, seed=0).update([[(samples[0], 1.0), (samples[1], 0.0)]]).grad_norm)
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)
    assert norms[0] > 0


@pytest.mark.slow
def test_a_checkpoint_is_an_adapter_that_peft_loads_elsewhere(tmp_path: Path) -> None:
    from peft import PeftModel

    policy = changed(policy_with_adapter())
    Checkpoints(tmp_path).save(policy, {"steps_done": 1}, 1, 0.5)
    sample = policy.generate([MESSAGES], max_tokens=8, temperature=0.0)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT's own, about a name in transformers
        loaded = PeftModel.from_pretrained(tiny_model(), str(tmp_path / "step-000001"))
    ours, _ = policy.log_probs([sample], temperature=1.0)
    theirs = plain_log_probs(loaded.eval(), sample.prompt_ids, sample.token_ids, 1.0)
    assert torch.allclose(ours[0], theirs, atol=1e-5)
    merged = plain_log_probs(loaded.merge_and_unload(), sample.prompt_ids, sample.token_ids, 1.0)
    assert torch.allclose(ours[0], merged, atol=1e-3)


def test_a_base_model_ends_its_answers_at_the_end_of_a_turn_too(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(str(save_tiny_model(tmp_path)))
    assert chat_end_id(tokenizer) == 2
    assert tokenizer.eos_token_id == 0
    assert end_token_ids(tokenizer) == (2, 0)


def test_a_base_model_is_given_to_a_server_with_both_ends(tmp_path: Path) -> None:
    from transformers import GenerationConfig

    source = save_tiny_model(tmp_path / "source")
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    for _ in range(2):  # a resumed training makes it again
        copy = with_chat_end(str(source), tmp_path / "copy")
    tokenizer = load_tokenizer(str(copy))
    assert tokenizer.eos_token == "<|im_end|>"
    assert chat_end_id(tokenizer) == tokenizer.eos_token_id
    assert GenerationConfig.from_pretrained(str(copy)).eos_token_id == [2, 0]
    assert (copy / "model.safetensors").is_symlink()
    assert Policy.load(str(copy), device="cpu", bf16=False).end_ids == (2,)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ChatFormatError, match="no chat template; use its -Instruct"):
        load_tokenizer(str(tmp_path))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChatFormatError, match="its tokenizer cannot be loaded"):
        load_tokenizer(str(tmp_path))
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Policy.load(str(tmp_path), device="cpu", bf16=False)


def test_layers_that_the_model_has_not_are_refused() -> None:
    policy = Policy(tiny_model(), tiny_tokenizer())
    with pytest.raises(ModelError, match="--lora-targets nowhere"):
        policy.add_adapter(GRPOConfig(lora_targets=("nowhere",)), seed=0)


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not an adapter for this model"):
        Policy(tiny_model(), tiny_tokenizer()).load_adapter(tmp_path)
