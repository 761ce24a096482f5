"""What one evaluation asks, and whom: saved with the run, compared when it is resumed, made into flags."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.flags import API_BASE, DATA, MODEL, NUM_THREADS
from harness.lm_flags import EFFORT, MAX_TOKENS, NUM_CTX, REASONING, STRUCTURED
from locomo.formats.names import FORMAT
from locomo.rows import MAIN_PROGRAM, PROGRAM_NAMES, USUAL_BUDGETS_TOKENS
from locomo.split_data import PROJECT, PROTOCOLS
from memoryqa.config import ConfigError

MODES = ("answers", "retrieval")
# Fields that runs of earlier versions do not have, with the value that those runs had.
ADDED = {
    **dict.fromkeys(("format", "max_tokens", "reasoning_effort", "num_ctx")),
    "reasoning": "auto",
    "structured": False,
}
OWN_PROGRAM = r"[\w.-]+=[^=,]+:[\w.]+"  # name=module:factory


@dataclass(frozen=True)
class EvaluationConfig:
    """What one run asks, and whom. All of it is compared when a run is resumed."""

    data: str | None = field(default=None, metadata=DATA)
    format: str | None = field(default=None, metadata=FORMAT)
    split: str | None = field(
        default=None,
        metadata={
            "help": "whose conversations are asked about; without it test, or val where the file has no test ones",
            "choices": ("train", "val", "test", "all"),
        },
    )
    protocol: str = field(
        default=PROJECT,
        metadata={
            "help": "who is in which split: project, or memory-r1, which arXiv 2508.19828 uses (categories 1-4)",
            "choices": tuple(PROTOCOLS),
        },
    )
    num_test: int | None = field(
        default=None, metadata={"help": "a sample of so many questions, stratified by category; none is all of them"}
    )
    categories: tuple[int, ...] = field(
        default=(),
        metadata={
            "help": "numbers of the kinds to ask; without it all. LoCoMo: 1 multi-hop, 2 temporal, 3 open-domain, "
            "4 single-hop, 5 adversarial; a wrong number prints those of the data set",
        },
    )
    mode: str = field(
        default="answers",
        metadata={
            "help": "answers: LMs answer, and answers are scored; retrieval: one search per question and budget, no LM",
            "choices": MODES,
        },
    )
    budgets_tokens: tuple[int, ...] = field(
        default=USUAL_BUDGETS_TOKENS,
        metadata={"help": "sizes of the evidence that --mode retrieval scores, in tokens, ascending"},
    )
    programs: tuple[str, ...] = field(
        default=("simple", MAIN_PROGRAM),
        metadata={
            "help": "simple: the most recent text; memory: this project; full-context: all text, at its full price; "
            "name=module:factory: your own (see above)",
            "choices": PROGRAM_NAMES,
            "or": OWN_PROGRAM,
            "form": "name=module:factory",
            "metavar": "NAME,...",
        },
    )
    predictions: str | None = field(
        default=None,
        metadata={
            "help": 'score the answers in FILE, a line each: {"question_id": ..., "answer": ...}; without --programs '
            "they alone",
            "metavar": "FILE",
        },
    )
    program: str | None = field(
        default=None, metadata={"help": "a saved (optimised) program to use as `memory`", "metavar": "FILE"}
    )
    parameters: str | None = field(
        default=None,
        metadata={"help": "settings of the memory and its ranking that tune.py found", "metavar": "FILE"},
    )
    tags: str | None = field(
        default=None,
        metadata={"help": "rank with the words in FILE too, by which turns may be looked for", "metavar": "FILE"},
    )
    model: str | None = field(default=None, metadata=MODEL)
    api_base: str | None = field(default=None, metadata=API_BASE)
    temperature: float = field(default=0.0, metadata={"help": "sampling temperature of the LM"})
    max_tokens: int | None = field(default=None, metadata=MAX_TOKENS)
    reasoning_effort: str | None = field(default=None, metadata=EFFORT)
    reasoning: str = field(default="auto", metadata=REASONING)
    num_ctx: int | None = field(default=None, metadata=NUM_CTX)
    structured: bool = field(default=False, metadata=STRUCTURED)
    num_threads: int | None = field(default=None, metadata=NUM_THREADS)
    seed: int = field(default=0, metadata={"help": "of the sample that --num-test draws"})

    def __post_init__(self) -> None:
        for name in ("num_test", "num_threads", "max_tokens", "num_ctx"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(name, f"must be at least 1, got {value}")
        for name in ("programs", "budgets_tokens"):
            if not getattr(self, name) and not (name == "programs" and self.predictions):
                raise ConfigError(name, "is empty; name at least one")
        if self.budgets_tokens[0] < 1 or list(self.budgets_tokens) != sorted(set(self.budgets_tokens)):
            raise ConfigError("budgets_tokens", f"must ascend from 1 on, got {','.join(map(str, self.budgets_tokens))}")
        if len(set(self.program_names)) < len(self.programs):
            raise ConfigError("programs", f"{','.join(self.programs)}: give each program a name of its own")
        if self.program is not None and MAIN_PROGRAM not in self.programs:
            raise ConfigError("program", "is a saved program of the kind memory: add memory to `programs`")
        if self.program is not None and self.parameters is not None:
            raise ConfigError("program", "brings the parameters that it was optimised with: drop `parameters`")
        if self.mode == "retrieval":
            self._check_retrieval()

    @property
    def program_names(self) -> list[str]:
        """The names of --programs, those of the user's own without their factories."""
        return [spec.partition("=")[0] for spec in self.programs]

    def _check_retrieval(self) -> None:
        if "full-context" in self.programs:
            raise ConfigError("mode", "retrieval: full-context retrieves nothing; drop it from `programs`")
        for name in ("program", "predictions", "model", "api_base", "max_tokens", "reasoning_effort", "num_ctx"):
            if getattr(self, name) is not None:
                raise ConfigError("mode", f"retrieval asks no LM: drop `{name}`")
