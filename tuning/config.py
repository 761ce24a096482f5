"""The settings of a search, which are the flags of tune.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.flags import DATA
from locomo.formats.names import FORMAT
from memoryqa.config import ConfigError
from tuning.objectives import OBJECTIVES, Objective
from tuning.presets import COMPACTION, PRESETS
from tuning.studies.constants import PRUNERS, SAMPLERS


@dataclass(frozen=True)
class TuningConfig:
    """A search over the parameters of the memory and its ranking. Raises ConfigError for contradictions."""

    data: str | None = field(default=None, metadata=DATA)
    format: str | None = field(default=None, metadata=FORMAT)
    split: str = field(
        default="train",
        metadata={"help": "the conversations that the search measures on", "choices": ("train", "val", "test", "all")},
    )
    promote_on: str = field(
        default="val",
        metadata={
            "help": "the conversations on which the winner is compared with the default",
            "choices": ("train", "val", "test"),
        },
    )
    space: str = field(
        default="standard",
        metadata={
            "help": "quick: weights of words; standard: all weights and the windows; full: the memory's sizes and "
            "compaction too; compaction: what stays in the working memory (for --objective retention)",
            "choices": tuple(PRESETS),
        },
    )
    objective: str = field(
        default="quality",
        metadata={
            "help": "quality: questions with all evidence in the budget; latency: p95 of a search; balanced: 0.7 of "
            "quality and 0.3 of latency; retention: questions with all evidence in a working memory of the budget; "
            "pareto: quality against tokens",
            "choices": OBJECTIVES,
        },
    )
    budget_tokens: int = field(
        default=2000, metadata={"help": "size of the evidence, or of the working memory, in tokens"}
    )
    n_trials: int = field(default=50, metadata={"help": "trials of the study, including those of earlier runs"})
    timeout: float | None = field(default=None, metadata={"help": "begin no trial after so many seconds"})
    n_jobs: int = field(
        default=1, metadata={"help": "processes; with more than one the same seed gives other trials each time"}
    )
    sampler: str = field(default="tpe", metadata={"help": "what proposes parameters", "choices": SAMPLERS})
    pruner: str = field(
        default="auto",
        metadata={
            "help": "what ends bad trials early; wilcoxon compares question by question; auto: wilcoxon where "
            "questions decide, for quality and retention, else none",
            "choices": ("auto", *PRUNERS),
        },
    )
    seed: int = field(default=0, metadata={"help": "seed of the proposals: the same seed, the same trials"})

    def __post_init__(self) -> None:
        for name in ("budget_tokens", "n_trials", "n_jobs"):
            if getattr(self, name) < 1:
                raise ConfigError(name, f"must be at least 1, got {getattr(self, name)}")
        if self.timeout is not None and self.timeout <= 0:
            raise ConfigError("timeout", f"must be above 0 seconds, got {self.timeout}")
        if (self.objective == "retention") != (self.space == COMPACTION):
            raise ConfigError(
                "objective",
                f"retention and `space` {COMPACTION} go together: other objectives search what has left the working "
                f"memory too, so that they cannot say what should stay; got `objective` {self.objective} `space` "
                f"{self.space}",
            )
        if self.pruner not in ("auto", "none") and not Objective(self.objective).by_question:
            raise ConfigError(
                "pruner", f"compares questions found, so it cannot end trials for {self.objective}: drop it"
            )
        if self.promote_on == self.split or self.split == "all":
            raise ConfigError(
                "promote_on",
                f"{self.promote_on}: the winner must prove itself on other conversations than it was searched on "
                f"(`split` {self.split})",
            )

    @property
    def resolved_pruner(self) -> str:
        """One of PRUNERS."""
        if self.pruner != "auto":
            return self.pruner
        return "wilcoxon" if Objective(self.objective).by_question else "none"
