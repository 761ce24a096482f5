"""What a search did to the prompts, as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

import dspy

_CONTEXT_LINES = 2
_MAX_VALUE_CHARS = 400  # of a demonstration's field; its evidence is longer


def prompt_diff(before: dspy.Module, after: dspy.Module) -> str:
    """Every prompt that changed as a unified diff of its instructions and demonstrations; one line when none did."""
    old, new = dict(before.named_predictors()), dict(after.named_predictors())
    parts = [_diff(name, old[name], new[name]) for name in old]
    return "\n".join(part for part in parts if part) or "no prompt changed\n"


def _diff(name: str, before: dspy.Predict, after: dspy.Predict) -> str:
    lines = unified_diff(
        list(_lines(before)), list(_lines(after)), f"{name} before", f"{name} after", n=_CONTEXT_LINES, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def _lines(predictor: dspy.Predict) -> Iterator[str]:
    yield from predictor.signature.instructions.splitlines()
    for number, demo in enumerate(predictor.demos, start=1):
        yield f"-- demonstration {number} --"
        for field in predictor.signature.fields:
            text = " / ".join(str(demo.get(field, "(not given)")).splitlines())
            yield f"{field}: {text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + ' ...'}"
