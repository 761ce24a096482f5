"""What a memory and the program on it may spend: saved with a program, logged with a run, made into flags."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """Sizes in tokens (o200k_base) and searches per question."""

    memory_tokens: int = field(default=20_000, metadata={"help": "size of the working memory, in tokens"})
    context_tokens: int = field(
        default=4_000, metadata={"help": "evidence shown to the LM per question, in tokens; where recall levels off"}
    )
    max_hops: int = field(
        default=2,
        metadata={"help": "searches per question at most; each after the first costs one LM call that asks for it"},
    )

    def __post_init__(self) -> None:
        for name in ("memory_tokens", "context_tokens", "max_hops"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class RankingConfig:
    """Weights of the ranking. The lexical match is the unit: 1.0 is a turn that holds every word of the question often.

    Chosen on the train conversations of LoCoMo (see docs/LOG.md); the windows, the names and the dates should carry
    over to any conversation, the `*_prior` weights are the ones most likely to want another value elsewhere.
    """

    window_before: tuple[float, ...] = field(
        default=(0.6, 0.4, 0.2),
        metadata={"help": "share of the terms of the 1st, 2nd, ... turn before a turn inherits"},
    )
    window_after: tuple[float, ...] = field(default=(0.3, 0.2, 0.1), metadata={"help": "the same for the turns after"})
    bm25_k1: float = field(default=0.9, metadata={"help": "BM25 saturation of term frequency"})
    bm25_b: float = field(default=0.75, metadata={"help": "BM25 length normalisation, 0 to 1"})
    synonym_weight: float = field(default=0.3, metadata={"help": "weight of a synonym's match"})
    instance_weight: float = field(default=0.4, metadata={"help": "weight of an instance's match of a class asked for"})
    session_weight: float = field(default=0.1, metadata={"help": "weight of the whole session's match"})
    speaker_weight: float = field(
        default=0.14, metadata={"help": "for the speaker the question names, against the others"}
    )
    date_weight: float = field(
        default=0.3, metadata={"help": "weight of the session's date lying where the question asks"}
    )
    question_prior: float = field(default=-0.1, metadata={"help": "added to turns that end in a question mark"})
    reply_prior: float = field(default=0.05, metadata={"help": "added to turns that follow a question"})
    opening_prior: float = field(
        default=0.12, metadata={"help": "added to the first turn of a session: news comes first"}
    )
    time_prior: float = field(
        default=0.125, metadata={"help": "added to turns that name a time, when the question asks when"}
    )
    query_weight: float = field(default=1.0, metadata={"help": "weight of the supporting queries beside the question"})

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not all(math.isfinite(number) for number in (value if isinstance(value, tuple) else (value,))):
                raise ValueError(f"{one.name} must be finite, got {value}")
        if self.bm25_k1 <= 0 or not 0 <= self.bm25_b <= 1:
            raise ValueError(f"bm25_k1 must be > 0 and bm25_b in 0..1, got {self.bm25_k1} and {self.bm25_b}")
        for name in ("window_before", "window_after"):
            if not all(0 <= share <= 1 for share in getattr(self, name)):
                raise ValueError(f"the shares of {name} must lie in 0..1, got {getattr(self, name)}")
        for name in (
            "synonym_weight",
            "instance_weight",
            "session_weight",
            "speaker_weight",
            "date_weight",
            "time_prior",
            "query_weight",
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
