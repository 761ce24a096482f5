"""GRPO end to end in two minutes on a CPU: build a tiny model, give it a bad habit, and train it out by reward.

    python examples/tiny_grpo.py
    python examples/tiny_grpo.py --folder tiny --steps 40

Nothing is downloaded. The script makes a Qwen2 model of 0.4 million weights and its tokenizer from the bundled sample.
A warm-up on the train questions teaches the model the right format and a bad habit: it answers "no idea", which scores
nothing, two times in three. Then `train.py` trains it with the benchmark's F1 as the only reward, and
`train.py --mode evaluate` compares the model before and after.

The reward teaches it to replace the habit by the answer that pays most, "No information available". A model of this
size does not read the evidence, and the last lines on stderr count that. So this shows that the loop learns, no more.

Everything is kept in the folder that is printed. The last line on stdout is the JSON of `train.py --mode train`.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.local.policy import Policy

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # examples run from a checkout without installation

SAMPLE = ROOT / "data" / "sample.json"
CONTEXT_TOKENS = 40  # of evidence: one or two lines, because the model does not read them
CATEGORIES = (2, 5)  # temporal and adversarial: an answer can score without reading there
SHRUG = "no idea"  # scores 0 by LoCoMo's rules, unlike "No information available"
SHRUG_SHARE = 2 / 3
ANSWERS_SHOWN = 6  # per question
VOCABULARY = 1500
WARM_UP_BATCH = 16
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # like Qwen's base models: the first one ends a text
CHAT_TEMPLATE = (  # ChatML, like Qwen's
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

PROGRAMS = {"before": "base", "after": "memory"}  # the names in the run folder of train.py --mode evaluate
READ, CONSTANT, HABIT, OTHER = KINDS = (
    "read from the evidence (word for word in the lines shown)",
    'the constant "No information available"',
    f'the habit "{SHRUG}"',
    "other",
)
TEXTS_SHOWN = 3  # different answers per category

Demonstrations = list[tuple[list[dict[str, Any]], str]]  # prompts and replies


@dataclass(frozen=True)
class Answer:
    """A program's answer to a test question; `kind` is one of KINDS."""

    program: str
    category: str
    text: str
    kind: str


def demonstrations(seed: int) -> Demonstrations:
    """The prompts of the train questions as the program writes them, each with answers in its format, mostly shrugs."""
    import dspy

    from locomo.dataset import load
    from locomo.questions import select
    from memory_system import NO_INFORMATION, Memories
    from memoryqa.config import MemoryConfig, ProgramConfig
    from training.demonstrations import reply_of
    from training.dspy_setup import TrainingAdapter
    from training.students import examples_for, prompt_of, student_for

    dataset, chance = load(SAMPLE), random.Random(seed)
    config = ProgramConfig(context_tokens=CONTEXT_TOKENS)
    memories = Memories.of({one.id: one.turns for one in dataset.conversations}, MemoryConfig())
    student = student_for("f1")
    shown = []
    with dspy.context(adapter=TrainingAdapter()):
        for example in examples_for("f1", select(dataset, "train", categories=CATEGORIES), memories, config):
            for _ in range(ANSWERS_SHOWN):
                answer = SHRUG if chance.random() < SHRUG_SHARE else example.gold or NO_INFORMATION
                reply = reply_of(student, {"answer": answer, "evidence_ids": ""})
                shown.append((prompt_of(student, example), reply))
    chance.shuffle(shown)
    return shown


def build_tokenizer(shown: Demonstrations) -> Any:
    """Byte-pair encoding learnt from the prompts. Lines that all prompts share are one token each: short prompts.

    So are the beginning and the end of all replies. A model of this size that writes each mark of the format by itself
    leaves one out now and then, and more often once the reward moves it.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = ["\n".join([message["content"] for message in messages] + [reply]) for messages, reply in shown]
    fixed = set.intersection(*(set(text.split("\n")) for text in texts)) - {""}
    replies = [reply for _, reply in shown]
    ends = {shared_start(replies), shared_start([reply[::-1] for reply in replies])[::-1]}
    varying = ["\n".join(line for line in text.split("\n") if line not in fixed) for text in dict.fromkeys(texts)]
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,  # it would go to stdout
    )
    bpe.train_from_iterator(varying, trainer)
    wrapped: Any = PreTrainedTokenizerFast  # its constructor has no types
    tokenizer = wrapped(tokenizer_object=bpe, eos_token=SPECIAL_TOKENS[0], pad_token=SPECIAL_TOKENS[0])
    tokenizer.add_tokens(
        [AddedToken(line, normalized=False) for line in sorted(fixed | ends, key=lambda line: (-len(line), line))]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def shared_start(texts: Sequence[str]) -> str:
    """What all of `texts` begin with."""
    first, last = min(texts), max(texts)
    return first[: next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def build_policy(tokenizer: Any, *, hidden_size: int, layers: int, seed: int) -> Policy:
    """A Qwen2 model with random weights for `tokenizer`."""
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
    from training.local.sft import SFTSettings, fine_tune

    samples = [policy.demonstration(messages, reply) for messages, reply in shown]
    settings = SFTSettings(steps, batch_size=WARM_UP_BATCH, pass_size=WARM_UP_BATCH, learning_rate=learning_rate)
    losses: list[float] = []
    fine_tune(policy, samples, settings, lambda record: losses.append(record.loss))
    return losses[-1]


def build(folder: Path, args: argparse.Namespace) -> None:
    """Make the model with the bad habit and save it in `folder`, as transformers saves models."""
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
    """The flags of train.py that differ from its defaults: smaller sizes, and a learning rate for a small model."""
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
        "--output": str(output_of(folder)),
    }
    return [str(part) for flag in flags.items() for part in flag] + ["--no-gradient-checkpointing", "--no-mlflow"]


def output_of(folder: Path) -> Path:
    """The trained program in `folder`."""
    return folder / "tiny_memory_qa.json"


def read_answers(run_dir: Path) -> list[Answer]:
    """The answers in a run folder of `train.py --mode evaluate`."""
    from harness.runs import Run
    from locomo.schema import CATEGORY_NAMES

    lines = json.loads((run_dir / "lines.json").read_text(encoding="utf-8"))
    answers = []
    for row in Run.open(run_dir).latest_rows("program", "question_id").values():
        turns = lines[row["conversation_id"]]["turns"]
        shown = " ".join(f"{turns[one][0]} {turns[one][2]}" for one in row["retrieved_ids"])
        answers.append(
            Answer(row["program"], CATEGORY_NAMES[row["category"]], row["answer"], kind_of(row["answer"], shown))
        )
    return answers


def kind_of(answer: str, evidence: str) -> str:
    """One of KINDS; `evidence` is the text that was shown with the question."""
    from memory_system import NO_INFORMATION

    plain = answer.strip().rstrip(".").casefold()
    if plain == NO_INFORMATION.casefold():
        return CONSTANT
    if plain == SHRUG:
        return HABIT
    return READ if plain and plain in evidence.casefold() else OTHER


def lessons(answers: Sequence[Answer]) -> list[str]:
    """What was learnt, in lines for a person: the answers before and after by category, and where they come from."""
    lines = []
    for category in dict.fromkeys(answer.category for answer in answers):
        for when, program in PROGRAMS.items():
            given = Counter(
                answer.text for answer in answers if (answer.category, answer.program) == (category, program)
            )
            texts = ", ".join(f'{count} x "{text}"' for text, count in given.most_common(TEXTS_SHOWN))
            more = len(given) - TEXTS_SHOWN
            lines.append(f"{category:12} {when:7} {texts}" + (f", and {more} more" if more > 0 else ""))
    for when, program in PROGRAMS.items():
        kinds = Counter(answer.kind for answer in answers if answer.program == program)
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
        lines.append(f"{when}, of {kinds.total()} answers: {counts}")
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="everything is kept there (default: runs/TIME-tiny-grpo)"
    )
    parser.add_argument("--steps", type=int, default=20, metavar="N", help="steps of GRPO (default: %(default)s)")
    parser.add_argument("--warm-up-steps", type=int, default=100, metavar="N", help="default: %(default)s")
    parser.add_argument("--hidden-size", type=int, default=96, metavar="N", help="default: %(default)s")
    parser.add_argument("--layers", type=int, default=2, metavar="N", help="default: %(default)s")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    args = parser.parse_args(argv)
    from harness.commands import run_command

    return run_command("tiny_grpo.py", lambda: run(args))


def run(args: argparse.Namespace) -> int:
    """Build, train, evaluate, and print what was learnt. Returns the exit status."""
    from harness.signals import run_child
    from training.packages import check_packages

    check_packages("local", "tiny_grpo.py")
    folder: Path = args.folder or Path("runs") / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-tiny-grpo"
    print(f"everything is kept in {folder}", file=sys.stderr)
    model = folder / "model"
    if not model.exists():
        build(model, args)
    train = [sys.executable, str(ROOT / "train.py")]
    trained = run_child([*train, *training_flags(model, folder, args)], stdout=subprocess.PIPE)
    if trained.returncode:
        if (checkpoints := folder / "checkpoints").is_dir():
            again = [
                "--resume",
                "--checkpoint-dir",
                str(checkpoints),
                "--output",
                str(output_of(folder)),
                "--no-mlflow",
            ]
            print(f"the training goes on by python train.py {shlex.join(again)}", file=sys.stderr)
        return trained.returncode
    document = trained.stdout.splitlines()[-1]
    output = json.loads(document)["output"]
    if output is None:
        print("nothing was learnt: no checkpoint beat the model before the training", file=sys.stderr)
    else:
        evaluate = ["--mode", "evaluate", "--data", str(SAMPLE), "--output", output, "--num-test", "10"]
        evaluate += ["--categories", ",".join(map(str, CATEGORIES)), "--device", args.device]
        evaluated = run_child([*train, *evaluate, "--run-dir", str(folder / "run")], stdout=subprocess.DEVNULL)
        if evaluated.returncode:
            return evaluated.returncode
        print("what was learnt (answers to test questions):", file=sys.stderr)
        for line in lessons(read_answers(folder / "run")):
            print(f"  {line}", file=sys.stderr)
        print(
            f"everything is kept in {folder}; the answers one by one: {folder / 'run' / 'report.html'}", file=sys.stderr
        )
    print(document)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
