"""What was wrong with the LMs' replies in a run, in lines that stand beside its numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_LOUD = ("a reply was cut", "the server read")
_NUMBERS = re.compile(r"\d[\d,]*")


def trouble_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """For people: how often replies and prompts were cut, with the fix, how often the format was missed, and where the
    server counted nothing. Empty when nothing was wrong."""
    kinds: Counter[str] = Counter()
    examples: dict[str, str] = {}
    missed = calls = asked = uncounted = 0
    for row in rows:
        asked += 1
        calls += row["lm_calls"]
        missed += row.get("formats_missed", 0)
        uncounted += row["prompt_tokens"] is None
        for problem in {_NUMBERS.sub("N", one): one for one in row["problems"] if one.startswith(_LOUD)}.items():
            kinds[problem[0]] += 1
            examples.setdefault(*problem)
    lines = [f"{number:,} of {asked:,} answers: {examples[kind]}" for kind, number in kinds.most_common()]
    if missed:
        lines.append(f"the format was missed by {missed:,} of {calls:,} replies, each of which was asked for again")
    if uncounted:
        lines.append(f"the server counted no tokens for {uncounted:,} of {asked:,} answers: their cost is not known")
    return lines
