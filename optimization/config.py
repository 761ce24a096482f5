"""The settings of optimize.py: what it searches, on which questions, and what it may cost. Flags are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.flags import API_BASE, DATA, MODEL, NUM_THREADS
from harness.lm_flags import EFFORT, MAX_TOKENS, NUM_CTX, REASONING, STRUCTURED
from locomo.formats.names import FORMAT
from memoryqa.config import ConfigError

OPTIMIZERS = ("simba", "miprov2", "gepa")
METRICS = ("f1", "judge", "f1+recall")
# Fields that runs of earlier versions do not have, with the value that those runs had.
ADDED = {
    **dict.fromkeys(("max_tokens", "reasoning_effort", "num_ctx", "prompt_max_tokens", "prompt_reasoning_effort")),
    **dict.fromkeys(("judge_max_tokens", "judge_reasoning_effort")),
    "reasoning": "auto",
    "structured": False,
}


@dataclass(frozen=True)
class OptimizeConfig:
    """All of it is saved with the run, and compared when the run is resumed."""

    data: str | None = field(default=None, metadata=DATA)
    format: str | None = field(default=None, metadata=FORMAT)
    optimizer: tuple[str, ...] = field(
        default=("simba",),
        metadata={
            "help": "simba (rules and demos from its own better answers; the fastest), miprov2 (instructions and demos "
            "in combination) or gepa (instructions from what went wrong); several run one after another, as simba,gepa",
            "choices": OPTIMIZERS,
        },
    )
    num_examples: int = field(default=30, metadata={"help": "questions of train that the search learns from"})
    num_val: int | None = field(
        default=None,
        metadata={
            "help": "questions of val that the program is chosen on; none: as many as --num-examples, at most half of "
            "val"
        },
    )
    num_held_back: int = field(
        default=100,
        metadata={"help": "other questions of val, at most, that only the final comparison asks"},
    )
    max_demos: int = field(
        default=2, metadata={"help": "demonstrations in a prompt at most; 0: instructions only. gepa adds none"}
    )
    metric: str = field(
        default="f1",
        metadata={
            "help": "f1: LoCoMo's own; f1+recall: the mean of it and evidence recall; judge: the strict LM judge, and "
            "for unanswerable questions the abstention judge (needs --judge-model)",
            "choices": METRICS,
        },
    )
    from_file: str | None = field(
        default=None,
        metadata={"help": "start from this saved program and its config; --from for short", "metavar": "FILE"},
    )
    parameters: str | None = field(
        default=None, metadata={"help": "memory parameters that tune.py found", "metavar": "FILE"}
    )
    model: str | None = field(default=None, metadata=MODEL)
    api_base: str | None = field(default=None, metadata=API_BASE)
    prompt_model: str | None = field(
        default=None,
        metadata={
            "help": "the LM that writes prompts, best a strong one; without it MEMORY_PROMPT_MODEL, or --model",
            "metavar": "NAME",
        },
    )
    prompt_api_base: str | None = field(
        default=None, metadata={"help": "address of the prompt model's server", "metavar": "URL"}
    )
    judge_model: str | None = field(
        default=None,
        metadata={"help": "the LM that judges with --metric judge; without it MEMORY_JUDGE_MODEL", "metavar": "NAME"},
    )
    judge_api_base: str | None = field(
        default=None, metadata={"help": "address of the judge's server", "metavar": "URL"}
    )
    max_tokens: int | None = field(default=None, metadata=MAX_TOKENS)
    reasoning_effort: str | None = field(default=None, metadata=EFFORT)
    reasoning: str = field(default="auto", metadata=REASONING)
    num_ctx: int | None = field(default=None, metadata=NUM_CTX)
    structured: bool = field(default=False, metadata=STRUCTURED)
    prompt_max_tokens: int | None = field(
        default=None, metadata={"help": "the same of the prompt model; none: as --max-tokens, or 4,096"}
    )
    prompt_reasoning_effort: str | None = field(default=None, metadata=EFFORT)
    judge_max_tokens: int | None = field(default=None, metadata={"help": "the same of the judge"})
    judge_reasoning_effort: str | None = field(default=None, metadata=EFFORT)
    context_window: int | None = field(
        default=None,
        metadata={"help": "longest input of the models in tokens; none: looked up by their names"},
    )
    max_calls: int | None = field(
        default=None,
        metadata={"help": "LM calls of the whole run at most, cached ones included; the best program so far is kept"},
    )
    max_cost: float | None = field(
        default=None,
        metadata={"help": "the same in dollars, as if no answer came from the cache; needs models of known price"},
    )
    num_threads: int | None = field(default=None, metadata=NUM_THREADS)
    seed: int = field(default=0, metadata={"help": "seed of the questions drawn and of the search"})
    output: str = field(
        default="optimized_memory_qa.json",
        metadata={
            "help": "file for the program found; its config and the changes of its prompts go beside it",
            "metavar": "FILE",
        },
    )

    def __post_init__(self) -> None:
        limits = ("max_tokens", "prompt_max_tokens", "judge_max_tokens", "num_ctx", "context_window", "max_calls")
        for name in ("num_examples", "num_val", "num_held_back", "num_threads", *limits):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(name, f"must be at least 1, got {value}")
        if self.max_demos < 0:
            raise ConfigError("max_demos", f"must not be negative, got {self.max_demos}")
        if self.max_cost is not None and self.max_cost <= 0:
            raise ConfigError("max_cost", f"must be more than 0 dollars, got {self.max_cost}")
        if not self.optimizer or len(set(self.optimizer)) < len(self.optimizer):
            named, known = ",".join(self.optimizer), ", ".join(OPTIMIZERS)
            raise ConfigError("optimizer", f"{named}: name one or more of {known}, once each")
        if not self.output.endswith(".json"):
            raise ConfigError("output", f"{self.output}: a program is saved as JSON; name a file that ends in .json")
