"""A search space: parameters with ranges and defaults, some of them only under a condition.

    recovery = Parameter("recovery", "categorical", choices=("on", "off"), default="on")
    off = Condition("recovery", ("off",))
    tokens = Parameter("memory_tokens", "int", low=2000, high=20000, default=20000, when=off)
    space = SearchSpace((recovery, tokens))
    values = space.suggest(trial)       # trial: anything with Optuna's suggest_float, suggest_int, suggest_categorical
    space == SearchSpace.from_json(space.as_json())

The names mean nothing here: tuning/presets.py knows which parameter sets what. JSON may come from strangers, over HTTP:
it becomes a space, or a SpaceError of one line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from memoryqa.parameters import ParametersError, values_from
from tuning.errors import SpaceError

KINDS = ("float", "int", "categorical")
MAX_PARAMETERS = 200
MAX_CHOICES = 1_000
MAX_NUMBER = 2**53  # as far as JSON readers agree on whole numbers
_MAX_STEPS = 1_000_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")

Value = float | int | str | bool | None


class SuggestingTrial(Protocol):
    """What a space needs of a trial; an optuna.Trial has it."""

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float: ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """A parameter's name, and the values of it with which another parameter exists. Raises SpaceError."""

    name: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(self.values) > MAX_CHOICES or not all(_is_plain(one) for one in self.values):
            raise SpaceError(f"a condition has at most {MAX_CHOICES} values: texts, numbers, true, false and null")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One dimension: from `low` to `high`, both included, in steps of `step`, uniform in the logarithm with `log`; or
    one of `choices`. when: the condition under which it exists, which names an earlier parameter.

    Raises SpaceError, naming the parameter, for an impossible range and for a default outside of it.
    """

    name: str
    kind: str
    low: float | int | None = None
    high: float | int | None = None
    step: float | int | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()
    default: Value = None
    when: Condition | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise SpaceError(f"parameter {self.name!r}: a name is 1 to 100 letters, digits, '_' or '.', no digit first")
        if self.kind not in KINDS:
            raise SpaceError(f"parameter {self.name}: kind is one of {', '.join(KINDS)}, got {self.kind!r}")
        problem = self._problem_of_choices() if self.kind == "categorical" else self._problem_of_range()
        if problem is None and not self.contains(self.default):
            problem = f"its default {self.default!r} is not in it"
        if problem is not None:
            raise SpaceError(f"parameter {self.name}: {problem}")

    def contains(self, value: Value) -> bool:
        """Whether `value` is in the range or among the choices; steps are not checked."""
        if self.kind == "categorical":
            return any(_same(value, one) for one in self.choices)
        assert self.low is not None
        assert self.high is not None
        return _is_number(value, self.kind) and self.low <= value <= self.high  # type: ignore[operator]

    def suggest(self, trial: SuggestingTrial) -> Any:
        """Ask `trial` for a value."""
        low: Any = self.low
        high: Any = self.high
        step: Any = self.step
        if self.kind == "float":
            return trial.suggest_float(self.name, low, high, step=step, log=self.log)
        if self.kind == "int":
            return trial.suggest_int(self.name, low, high, step=1 if step is None else step, log=self.log)
        return trial.suggest_categorical(self.name, self.choices)

    def as_json(self) -> dict[str, Any]:
        """JSON types only, without the fields that are not set."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        unset = [key for key, value in given.items() if value is None or value is False or value == ()]
        document = {key: value for key, value in given.items() if key not in unset or key == "default"}
        if self.choices:
            document["choices"] = list(self.choices)
        if self.when is not None:
            document["when"] = {"name": self.when.name, "values": list(self.when.values)}
        return document

    def _problem_of_range(self) -> str | None:
        low, high, step = self.low, self.high, self.step
        if self.choices:
            return "a range has no choices"
        if not isinstance(self.log, bool):
            return f"log is true or false, got {self.log!r}"
        if not _is_number(low, self.kind) or not _is_number(high, self.kind):
            return f"low and high must be {self.kind}s of at most 2^53, got {low!r} and {high!r}"
        assert low is not None
        assert high is not None
        if low > high:
            return f"the range {low}..{high} is inverted"
        if self.log and (low <= 0 or step is not None):
            return "an even search in the logarithm needs low > 0 and no step"
        if step is None:
            return None
        if not _is_number(step, self.kind) or step <= 0:
            return f"step must be above 0, got {step!r}"
        steps = (high - low) / step
        if steps > _MAX_STEPS or abs(steps - round(steps)) > 1e-6:
            return f"the step {step} does not divide {low}..{high} into whole steps, or into more than a million"
        return None

    def _problem_of_choices(self) -> str | None:
        if self.low is not None or self.high is not None or self.step is not None or self.log:
            return "choices have no range"
        if not 1 <= len(self.choices) <= MAX_CHOICES:
            return f"give 1 to {MAX_CHOICES} choices, got {len(self.choices)}"
        if not all(map(_is_plain, self.choices)):
            return "choices are texts, numbers, true, false and null"
        # Optuna takes 1, 1.0 and True for the same choice
        if len({(isinstance(one, str), one) for one in self.choices}) < len(self.choices):
            return "two choices are the same"
        return None


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Parameters, in the order in which they are suggested."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.parameters) <= MAX_PARAMETERS:
            raise SpaceError(f"a space has 1 to {MAX_PARAMETERS} parameters, got {len(self.parameters)}")
        before: dict[str, Parameter] = {}
        for one in self.parameters:
            if one.name in before:
                raise SpaceError(f"parameter {one.name}: declared twice")
            if one.when is not None:
                self._check_condition(one.name, one.when, before)
            before[one.name] = one

    def suggest(self, trial: SuggestingTrial) -> dict[str, Any]:
        """A value for each parameter that exists with the values suggested before it."""
        values: dict[str, Any] = {}
        for one in self.parameters:
            if _exists(one, values):
                values[one.name] = one.suggest(trial)
        return values

    def defaults(self) -> dict[str, Any]:
        """The default of each parameter that exists with the others at theirs."""
        values: dict[str, Any] = {}
        for one in self.parameters:
            if _exists(one, values):
                values[one.name] = one.default
        return values

    def as_json(self) -> dict[str, Any]:
        """JSON types only; equal exactly for equal spaces."""
        return {"parameters": [one.as_json() for one in self.parameters]}

    @classmethod
    def from_json(cls, obj: Any) -> Self:
        """The space from the JSON of `as_json`, or one that a person wrote. Raises SpaceError, in one line."""
        listed = obj.get("parameters") if isinstance(obj, Mapping) and set(obj) == {"parameters"} else None
        if not isinstance(listed, list | tuple):
            raise SpaceError('a space is {"parameters": [...]}')
        return cls(tuple(_parameter(one) for one in listed[: MAX_PARAMETERS + 1]))

    @staticmethod
    def _check_condition(name: str, when: Condition, before: Mapping[str, Parameter]) -> None:
        other, values = when.name, when.values
        if other not in before:
            raise SpaceError(f"parameter {name}: its condition names {other!r}, which is not declared before it")
        strange = [value for value in values if not before[other].contains(value)]
        if not values or strange:
            raise SpaceError(f"parameter {name}: its condition needs values of {other}, got {strange or 'none'}")


def _exists(parameter: Parameter, values: Mapping[str, Any]) -> bool:
    if parameter.when is None:
        return True
    other = parameter.when.name
    return other in values and any(_same(values[other], one) for one in parameter.when.values)


def _parameter(obj: Any) -> Parameter:
    if not isinstance(obj, Mapping) or not {"name", "kind", "default"} <= set(obj):
        raise SpaceError("a parameter is an object with name, kind, default, and a range or choices")
    given = {key: value for key, value in obj.items() if value is not None or key in ("name", "kind", "default")}
    try:
        arguments = values_from(Parameter, given)
    except ParametersError as error:
        raise SpaceError(f"parameter {str(obj['name'])[:100]!r}: {error}") from error
    return Parameter(**arguments)


def _is_plain(value: Value) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value, "float")


def _is_number(value: Any, kind: str) -> bool:
    return type(value) in ((int,) if kind == "int" else (int, float)) and abs(value) <= MAX_NUMBER  # no NaN is


def _same(one: Value, other: Value) -> bool:
    return one == other and isinstance(one, str) == isinstance(other, str)
