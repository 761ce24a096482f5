"""What a search changed in the prompts: as data, and as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

import dspy

from reports.search_record import Prompt, PromptChange

_CONTEXT_LINES = 2
_MAX_VALUE_CHARS = 400  # a demonstration's evidence is longer


def prompt_changes(before: dspy.Module, after: dspy.Module) -> list[PromptChange]:
    """Every predictor of the program with its prompt before and after."""
    new = dict(after.named_predictors())
    changes = []
    for name, predictor in before.named_predictors():
        old_prompt, new_prompt = _prompt(predictor), _prompt(new[name])
        changes.append(
            PromptChange(predictor=name, changed=old_prompt != new_prompt, before=old_prompt, after=new_prompt)
        )
    return changes


def prompt_diff(before: dspy.Module, after: dspy.Module) -> str:
    """A unified diff of instructions and demonstrations for every prompt that changed; one line when none did."""
    parts = [_diff(one) for one in prompt_changes(before, after) if one["changed"]]
    return "\n".join(part for part in parts if part) or "no prompt changed\n"


def _prompt(predictor: dspy.Predict) -> Prompt:
    fields = list(predictor.signature.fields)
    return Prompt(
        instructions=predictor.signature.instructions,
        demos=[{field: str(demo.get(field, "(not given)")) for field in fields} for demo in predictor.demos],
    )


def _diff(change: PromptChange) -> str:
    name, before, after = change["predictor"], list(_lines(change["before"])), list(_lines(change["after"]))
    lines = unified_diff(before, after, f"{name} before", f"{name} after", n=_CONTEXT_LINES, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(prompt: Prompt) -> Iterator[str]:
    yield from prompt["instructions"].splitlines()
    for number, demo in enumerate(prompt["demos"], start=1):
        yield f"-- demonstration {number} --"
        for field, value in demo.items():
            text = " / ".join(value.splitlines())
            yield f"{field}: {text if len(text) <= _MAX_VALUE_CHARS else text[:_MAX_VALUE_CHARS] + ' ...'}"
