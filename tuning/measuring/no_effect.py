"""Finds parameters that have no effect: searching them only adds noise. A tuner that fails to pass its parameters on
would have no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from locomo.asking import Row
from tuning.measuring.trial import TrialBenchmark
from tuning.space import Parameter, SearchSpace


class _DiffersError(Exception):
    """A question has another result."""


def inert_parameters(benchmark: TrialBenchmark, space: SearchSpace) -> list[str]:
    """Names of the parameters whose extremes, with all others at their defaults, change no question: each gets the same
    turns in the same order. A conditional parameter is tried under its condition.

    A parameter that matters usually shows it within a few questions; only an inert one costs a whole trial or two. A
    parameter is not inert when another one that matters depends on it.
    """
    mattering = [one for one in space.parameters if _matters(benchmark, space, one)]
    names = {one.name for one in mattering} | {one.when.name for one in mattering if one.when is not None}
    return [one.name for one in space.parameters if one.name not in names]


def _matters(benchmark: TrialBenchmark, space: SearchSpace, parameter: Parameter) -> bool:
    around = space.defaults()
    if parameter.when is not None:
        other, values = parameter.when.name, parameter.when.values
        around[other] = around[other] if around.get(other) in values else values[-1]
    around[parameter.name] = parameter.default
    usual = benchmark.measure(around).rows
    return any(_differs(benchmark, {**around, parameter.name: value}, usual) for value in _extremes(parameter))


def _differs(benchmark: TrialBenchmark, params: Mapping[str, Any], usual: Mapping[str, Row]) -> bool:
    def compare(row: Row) -> None:
        if row["retrieved_ids"] != usual[row["question_id"]]["retrieved_ids"]:
            raise _DiffersError

    try:
        benchmark.measure(params, on_row=compare)
    except _DiffersError:
        return True
    return False


def _extremes(parameter: Parameter) -> list[Any]:
    values = list(parameter.choices) if parameter.kind == "categorical" else [parameter.low, parameter.high]
    return [value for value in values if value != parameter.default]
