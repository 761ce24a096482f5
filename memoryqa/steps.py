"""A recipe of LM calls, written once and run in two ways: each call made at once, or awaited.

A recipe is a generator. It yields a `Call`, receives what the call returned (or has raised in it what the call raised),
and returns its result. Nothing here imports DSPy: a predictor is anything that can be called and has `acall`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

Result = TypeVar("Result")


class Call:
    """A call of `predictor` that a recipe asks for."""

    def __init__(self, predictor: Any, **inputs: str) -> None:
        self.predictor = predictor
        self.inputs = inputs


def run(steps: Generator[Call, Any, Result]) -> Result:
    """Make every call that `steps` asks for and return its result."""
    try:
        call = next(steps)
        while True:
            try:
                returned = call.predictor(**call.inputs)
            except Exception as error:  # noqa: BLE001  the recipe decides which of them it can do without
                call = steps.throw(error)
            else:
                call = steps.send(returned)
    except StopIteration as end:
        result: Result = end.value
        return result


async def run_async(steps: Generator[Call, Any, Result]) -> Result:
    """`run`, with every call awaited."""
    try:
        call = next(steps)
        while True:
            try:
                returned = await call.predictor.acall(**call.inputs)
            except Exception as error:  # noqa: BLE001  as in `run`
                call = steps.throw(error)
            else:
                call = steps.send(returned)
    except StopIteration as end:
        result: Result = end.value
        return result
