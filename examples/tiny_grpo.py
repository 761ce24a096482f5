"""GRPO end to end in two minutes on a CPU: build a tiny model here, give it a bad habit, and train it out by reward.

    python examples/tiny_grpo.py
    python examples/tiny_grpo.py --folder tiny --steps 40

Nothing is downloaded. A Qwen2 model of 0.4 million weights and its tokenizer are made from the bundled sample, and
warmed up on its train questions to answer in the right format, but to shrug ("no idea", worth nothing) two times in
three. `train.py` then trains it by the benchmark's F1 alone, and `train.py --mode evaluate` answers with the result.
What the reward teaches it is to leave the habit for the answer that pays most, which is that nothing is known. A model
of this size does not read the evidence, and nothing here shows that it does: what is shown is that the loop learns.

The last line on stdout is the JSON document of `train.py --mode train`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.local.policy import Policy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # examples are run from a checkout, never installed

SAMPLE = ROOT / "data" / "sample.json"
CONTEXT_TOKENS = 40  # of evidence: a line or two, since it does not read them
CATEGORIES = (2, 5)  # temporal and adversarial: there an answer may be worth something without reading
SHRUG = "no idea"  # worth nothing by LoCoMo's rules, which know "No information available"
SHRUG_SHARE = 2 / 3
ANSWERS_SHOWN = 6  # per question
VOCABULARY = 1500
WARM_UP_BATCH = 16
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # as Qwen's base models: a text ends in the first
CHAT_TEMPLATE = (  # ChatML, as Qwen's
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

Demonstrations = list[tuple[list[dict[str, Any]], str]]  # prompts and replies


def demonstrations(seed: int) -> Demonstrations:
    """The prompts of the train questions as the program writes them, each with answers in its format, mostly shrugs."""
    import dspy

    from locomo.dataset import load
    from locomo.questions import select
    from memory_system import NO_INFORMATION, Memories
    from memoryqa.config import MemoryConfig, ProgramConfig
    from training.adapter import TrainingAdapter
    from training.students import examples_for, prompt_of, student_for

    dataset, chance = load(SAMPLE), random.Random(seed)
    config = ProgramConfig(context_tokens=CONTEXT_TOKENS)
    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, MemoryConfig())
    student, adapter = student_for("f1"), TrainingAdapter()
    (predictor,) = student.predictors()
    shown = []
    with dspy.context(adapter=adapter):
        for example in examples_for("f1", select(dataset, "train", categories=CATEGORIES), memories, config):
            for _ in range(ANSWERS_SHOWN):
                answer = SHRUG if chance.random() < SHRUG_SHARE else example.gold or NO_INFORMATION
                fields = {"answer": answer, "evidence_ids": ""}
                reply = adapter.format_assistant_message_content(predictor.signature, fields).strip()
                shown.append((prompt_of(student, example), reply))
    chance.shuffle(shown)
    return shown


def build_tokenizer(shown: Demonstrations) -> Any:
    """Byte-pair encoding learnt from the prompts. Lines that all of them share are one token each: a short prompt."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = ["\n".join([message["content"] for message in messages] + [reply]) for messages, reply in shown]
    fixed = set.intersection(*(set(text.split("\n")) for text in texts)) - {""}
    varying = ["\n".join(line for line in text.split("\n") if line not in fixed) for text in dict.fromkeys(texts)]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    bpe.train_from_iterator(varying, trainer)
    wrapped: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer = wrapped(tokenizer_object=bpe, eos_token=SPECIAL_TOKENS[0], pad_token=SPECIAL_TOKENS[0])
    tokenizer.add_tokens(
        [AddedToken(line, normalized=False) for line in sorted(fixed, key=lambda line: (-len(line), line))]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def build_policy(tokenizer: Any, *, hidden_size: int, layers: int, seed: int) -> Policy:
    """A Qwen2 model with random weights, behind `tokenizer`."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from training.local.policy import Policy

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=3 * hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=hidden_size // 32,
        num_key_value_heads=hidden_size // 32,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    return Policy(Qwen2ForCausalLM(config), tokenizer)


def warm_up(policy: Policy, shown: Demonstrations, *, steps: int, learning_rate: float) -> float:
    """Supervised fine-tuning of all weights on the answers shown; returns the last loss, in nats per token."""
    import torch

    from training.local.policy import Sample

    samples = []
    for messages, reply in shown:
        ids = [*policy.tokenizer(reply, add_special_tokens=False)["input_ids"], policy.end_ids[0]]
        samples.append(Sample(tuple(policy.prompt_ids(messages)), tuple(ids), reply, truncated=False))
    optimizer = torch.optim.AdamW(policy.model.parameters(), lr=learning_rate)
    for step in range(steps):
        batch = [samples[(step * WARM_UP_BATCH + place) % len(samples)] for place in range(WARM_UP_BATCH)]
        log_probs, mask = policy.log_probs(batch, temperature=1.0, with_gradient=True)
        loss = -(log_probs * mask).sum() / mask.sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return float(loss.detach())


def build(folder: Path, args: argparse.Namespace) -> None:
    """Make the model with the bad habit, and save it as any model is saved."""
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    shown = demonstrations(args.seed)
    policy = build_policy(build_tokenizer(shown), hidden_size=args.hidden_size, layers=args.layers, seed=args.seed)
    loss = warm_up(policy, shown, steps=args.warm_up_steps, learning_rate=3e-3)
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
    print(
        f"built {policy.model.num_parameters():,} weights, {len(policy.tokenizer):,} tokens; loss {loss:.2f}",
        file=sys.stderr,
    )


def training_flags(model: Path, folder: Path, args: argparse.Namespace) -> list[str]:
    """What train.py is told beyond its defaults: all is smaller, and the learning rate suits so small a model."""
    flags = {
        "--backend": "local",
        "--model": str(model),
        "--data": str(SAMPLE),
        "--categories": ",".join(map(str, CATEGORIES)),
        "--context-tokens": CONTEXT_TOKENS,
        "--num-train-steps": args.steps,
        "--steps-per-validation": max(1, args.steps // 3),
        "--prompts-per-step": 8,
        "--rollouts": 8,
        "--batch-size-per-device": 32,
        "--learning-rate": 3e-3,
        "--warmup-steps": 3,
        "--lora-r": 8,
        "--max-completion-length": 48,
        "--seed": args.seed,
        "--device": args.device,
        "--checkpoint-dir": str(folder / "checkpoints"),
        "--output": str(folder / "tiny_memory_qa.json"),
    }
    return [str(part) for flag in flags.items() for part in flag] + ["--no-gradient-checkpointing", "--no-mlflow"]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep everything there (default: a temporary one)")
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="steps of GRPO (default: %(default)s)")
    parser.add_argument("--warm-up-steps", type=int, default=100, metavar="N", help="default: %(default)s")
    parser.add_argument("--hidden-size", type=int, default=96, metavar="N", help="default: %(default)s")
    parser.add_argument("--layers", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        model = folder / "model"
        if not model.exists():
            build(model, args)
        train = [sys.executable, str(ROOT / "train.py")]
        trained = subprocess.run([*train, *training_flags(model, folder, args)], stdout=subprocess.PIPE, text=True)
        if trained.returncode:
            return trained.returncode
        output = json.loads(trained.stdout.splitlines()[-1])["output"]
        if output is not None:
            evaluate = ["--mode", "evaluate", "--data", str(SAMPLE), "--output", output, "--num-test", "10"]
            evaluate += ["--categories", ",".join(map(str, CATEGORIES)), "--device", args.device]
            evaluated = subprocess.run([*train, *evaluate, "--run-dir", str(folder / "run")], stdout=subprocess.DEVNULL)
            if evaluated.returncode:
                return evaluated.returncode
        print(trained.stdout.splitlines()[-1])
        return 0


if __name__ == "__main__":
    raise SystemExit(main())
