"""Tuned parameters in a file: what differs from the shipped configs, and whether held-out questions spoke for it.

    {"memory": {}, "program": {"score_floor": 0.3}, "ranking": {"bm25_k1": 1.2}, "coverage": {},
     "promotion": {"promote": true, "difference": 0.012, "ci95": [0.002, 0.021], "split": "val", "questions": 231},
     "source": {"study": "quality-standard", "trial": 31}}

tune.py writes such a file; evaluate.py, optimize.py and train.py read it by --parameters. A person may write one too:
only the differences are needed.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import re
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from memoryqa.config import WINDOW_FIELDS, CoverageConfig, MemoryConfig, ProgramConfig, RankingConfig, Settings
from memoryqa.errors import UsageError

logger = logging.getLogger(__name__)

T = TypeVar("T")
_NESTED: dict[str, type] = {"ranking": RankingConfig, "coverage": CoverageConfig}  # in MemoryConfig, and sections here
_RECORDS = ("promotion", "source")
KINDS: Mapping[type, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


class ParametersError(UsageError):
    """A parameters file, or a setting in it, cannot be used; one line that names it and the fix."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Settings, and where they come from.

    promotion: what held-out questions said (see tuning/results/promotion.py); None: they were not asked. source: the
    study and the trial, as far as there was one.
    """

    settings: Settings = field(default_factory=Settings)
    promotion: Mapping[str, Any] | None = None
    source: Mapping[str, Any] | None = None

    def overrides(self) -> dict[str, dict[str, Any]]:
        """By section, the settings that differ from the shipped ones, as JSON types."""
        memory = self.settings.memory
        flat = {name: value for name, value in _differing(memory).items() if name not in _NESTED}
        nested = {name: _differing(getattr(memory, name)) for name in _NESTED}
        return {"memory": flat, "program": _differing(self.settings.program), **nested}

    def verdict(self) -> str:
        """In one line, whether these are worth taking; to be said wherever they are used."""
        if self.promotion is None:
            return "nobody has compared them with the shipped ones on held-out questions"
        promotion = self.promotion
        measured = (
            f"{100 * promotion['difference']:+.2f} points on {promotion['questions']} {promotion['split']} questions"
        )
        interval = promotion["ci95"]
        between = f", 95% interval {100 * interval[0]:+.2f} to {100 * interval[1]:+.2f}" if interval else ""
        if promotion["promote"]:
            return f"promoted: {measured}{between}"
        return f"KEEP DEFAULTS, says the file itself: {measured}{between}; used all the same, because they were named"


def load_parameters(path: str | Path) -> Parameters:
    """Read `path`. Raises ParametersError: unreadable, an unknown setting (the known ones are listed), a bad value."""
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ParametersError(f"{path}: cannot be read as JSON ({reason}); give a file that tune.py wrote") from error
    try:
        return _parameters(content)
    except ParametersError as error:
        raise ParametersError(f"{path}: {error}") from error


def save_parameters(parameters: Parameters, path: str | Path) -> None:
    """Write the file that `load_parameters` reads."""
    document = {**parameters.overrides(), "promotion": parameters.promotion, "source": parameters.source}
    Path(path).write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def parameters_of(overrides: Mapping[str, Any]) -> Parameters:
    """From what `Parameters.overrides` gives. Raises ParametersError."""
    return _parameters(dict(overrides))


def config_from(config_type: type[T], values: Mapping[str, Any]) -> T:
    """A config from its JSON, as `asdict` gives it; settings that are not in it have their defaults.

    Raises ParametersError for an unknown setting, a wrong type, and what the config itself refuses.
    """
    if config_type is RankingConfig:
        values = _without_old_windows(values)
    arguments = values_from(config_type, values)
    try:
        return config_type(**arguments)
    except (TypeError, ValueError) as error:
        raise ParametersError(str(error)) from error


def values_from(config_type: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass from their JSON, each of its own type; those that are not in `values` are left out.

    Types: int, float, str, bool, tuple[T, ...], dataclasses, and unions of them. Raises ParametersError for an unknown
    field, a wrong type, and for what `refusal` says.
    """
    hints = _hints(config_type)
    known = {one.name: one for one in dataclasses.fields(config_type) if one.init}
    unknown = sorted(str(name) for name in set(values) - set(known))
    if unknown:
        raise ParametersError(f"{config_type.__name__} has no {unknown[0]!r}; it has {', '.join(known)}")
    return {name: _value(value, hints[name], known[name]) for name, value in values.items()}


@lru_cache(maxsize=32)
def _hints(config_type: type) -> dict[str, Any]:
    return typing.get_type_hints(config_type)


def refusal(value: Any, metadata: Mapping[str, Any]) -> str | None:
    """Why a field with this metadata does not take `value`, or a tuple of it; None when it does.

    A number is finite. With `choices` the value is one of them, or text that matches the pattern `or`, which people
    read as `form`. A truth is always taken, because its choices are words for it, and so is None where it has the type.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number, got {value}"
    choices, pattern = metadata.get("choices", ()), metadata.get("or")
    if not choices or isinstance(value, bool | None) or value in choices:
        return None
    if pattern and isinstance(value, str) and re.fullmatch(pattern, value):
        return None
    more = f", and not {metadata['form']}" if metadata.get("form") else ""
    return f"{value!r} is not one of {', '.join(map(str, choices))}{more}"


def _without_old_windows(values: Mapping[str, Any]) -> dict[str, Any]:
    """Until passages, a window was a list of shares, one a turn. No number says the same, so today's defaults do."""
    old = [name for name in WINDOW_FIELDS if isinstance(values.get(name), list | tuple)]
    if old:
        logger.warning("%s: lists of shares are of an earlier version; its default is used instead", ", ".join(old))
    return {name: value for name, value in values.items() if name not in old}


def settings_from(memory: Mapping[str, Any], program: Mapping[str, Any] | None = None) -> Settings:
    """Settings from their two sections as JSON. Raises ParametersError.

    Version 0.1 kept the program's settings in `memory`, and recovery as "on" or "off": both are read, too.
    """
    memory, program = dict(memory), dict(program or {})
    for name in [one.name for one in dataclasses.fields(ProgramConfig) if one.name in memory]:
        program.setdefault(name, memory.pop(name))
    if memory.get("recovery") in ("on", "off"):
        memory["recovery"] = memory["recovery"] == "on"
    return Settings(config_from(MemoryConfig, memory), config_from(ProgramConfig, program))


def _parameters(content: Any) -> Parameters:
    known = ("memory", "program", *_NESTED, *_RECORDS)
    if not isinstance(content, dict) or not all(isinstance(one, dict | None) for one in content.values()):
        raise ParametersError(f"expected a JSON object of objects: {', '.join(known)}")
    unknown = sorted(set(content) - set(known))
    if unknown:
        raise ParametersError(f"there is no {unknown[0]!r} in a parameters file; there are {', '.join(known)}")
    sections = {name: content.get(name) or {} for name in ("memory", "program", *_NESTED)}
    for name in _NESTED.keys() & sections["memory"].keys():
        raise ParametersError(f"{name} is a section of its own, beside memory and not in it")
    settings = settings_from(sections["memory"], sections["program"])
    nested: dict[str, Any] = {name: config_from(config_type, sections[name]) for name, config_type in _NESTED.items()}
    promotion = content.get("promotion")
    if promotion is not None and (missing := {"promote", "difference", "ci95", "split", "questions"} - set(promotion)):
        raise ParametersError(f"the promotion has no {sorted(missing)[0]!r}; run tune.py again, or take it out")
    return Parameters(
        settings=dataclasses.replace(settings, memory=dataclasses.replace(settings.memory, **nested)),
        promotion=promotion,
        source=content.get("source"),
    )


def _value(value: Any, hint: Any, field: dataclasses.Field[Any]) -> Any:
    """`value` as `hint`, the type of `field` or of its elements."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    kinds = typing.get_args(hint) if is_union else (hint,)
    if type(value) in kinds:  # before an int becomes a float where both are taken
        return _accepted(value, field)
    for kind in kinds:
        if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
            return config_from(typing.cast(type, kind), value)
        if typing.get_origin(kind) is tuple and isinstance(value, list | tuple):
            return tuple(_value(one, typing.get_args(kind)[0], field) for one in value)
        if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
            return float(value)
    expected = " or ".join(_in_words(kind) for kind in kinds)
    raise ParametersError(f"{field.name} must be {expected}, got {value!r:.80}")


def _accepted(value: Any, field: dataclasses.Field[Any]) -> Any:
    if problem := refusal(value, field.metadata):
        raise ParametersError(f"{field.name}: {problem}")
    return value


def _in_words(kind: Any) -> str:
    if dataclasses.is_dataclass(kind):
        return "an object of settings"
    return "a list" if typing.get_origin(kind) is tuple else KINDS.get(kind, "none")


def _differing(config: Any) -> dict[str, Any]:
    shipped = asdict(type(config)())
    return {name: value for name, value in asdict(config).items() if value != shipped[name]}
