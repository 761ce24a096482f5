"""What a memory and the program on it may spend: saved with a program, logged with a run, made into flags."""

from __future__ import annotations

from dataclasses import dataclass, field


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
