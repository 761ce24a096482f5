"""Parameters that change nothing: a search over them is noise, and a tuner that does not pass them on has them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from locomo.asking import Row
from tuning.measuring.trial import TrialBenchmark
from tuning.space import Parameter, SearchSpace


class _DiffersError(Exception):
    """A question came out otherwise."""


def inert_parameters(benchmark: TrialBenchmark, space: SearchSpace) -> list[str]:
    """Names of the parameters whose extremes give, with all others at their defaults, what the defaults give: the same
    turns in the same order, for every question. One that exists only under a condition is tried under it.

    A parameter that matters shows it within a few questions; only one that does not costs a whole trial or two. Nor is
    one inert on which another depends that matters.
    """
    mattering = [one for one in space.parameters if _matters(benchmark, space, one)]
    names = {one.name for one in mattering} | {one.when[0] for one in mattering if one.when is not None}
    return [one.name for one in space.parameters if one.name not in names]


def _matters(benchmark: TrialBenchmark, space: SearchSpace, parameter: Parameter) -> bool:
    around = space.defaults()
    if parameter.when is not None:
        other, values = parameter.when
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
