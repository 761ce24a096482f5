"""The three judges by name; locomo/judging/prompts.py has what each of them asks."""

from __future__ import annotations

import argparse
from typing import Literal

JudgeName = Literal["lenient", "strict", "abstention"]
JUDGE_NAMES: tuple[JudgeName, ...] = ("lenient", "strict", "abstention")


def judge_names(text: str) -> tuple[JudgeName, ...]:
    """`strict,lenient` -> names, in the order of JUDGE_NAMES: the type of a flag."""
    names = {part.strip() for part in text.split(",")}
    unknown = sorted(names - set(JUDGE_NAMES))
    if unknown:
        raise argparse.ArgumentTypeError(f"no judge {unknown[0]!r}; there are {', '.join(JUDGE_NAMES)}")
    return tuple(name for name in JUDGE_NAMES if name in names)
