"""Command-line flags from a frozen dataclass, and the dataclass back from the flags.

    @dataclass(frozen=True)
    class MemoryConfig:
        memory_tokens: int = field(default=20_000, metadata={"help": "working memory, in tokens", "metavar": "N"})

    add_flags(parser, MemoryConfig, "memory")                        # --memory-tokens N
    config = from_args(MemoryConfig, parser.parse_args(argv), saved=saved_config)

A field's default is written once, in the dataclass. Precedence: default < `saved` (a run folder's config.json) < flag.
Field types: int, float, str, bool (`--x` / `--no-x`, or `--x on|off` where these are its `choices`), `tuple[T, ...]` of
them (comma-separated, "" is empty), and `T | None` ("none" means None). Metadata: `help`, `choices` (of the elements,
for a tuple), `or` (a regular expression: text that matches it is taken besides the choices), `form` (what it matches,
for people), `metavar`. A field that is
a dataclass itself makes no flag; it comes from `saved` or its default.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from memoryqa.config import ConfigError
from memoryqa.errors import UsageError
from memoryqa.parameters import KINDS, ParametersError, refusal, values_from

T = TypeVar("T")
_NONE = "none"
_SETTING = re.compile(r"`([a-z][a-z0-9_]*)`")
# Metadata of fields that several scripts have; each declares its own default.
DATA = {
    "help": "a file or folder of any format (data/README.md), or a named set such as realtalk; without it LoCoMo, by "
    "LOCOMO_PATH, data/locomo10.json, its download, or the bundled sample",
    "metavar": "PATH",
}
MODEL = {
    "help": "LiteLLM name such as openai/gpt-5.4-mini or ollama_chat/llama3.2, or `offline`; without it MEMORY_MODEL, "
    "the provider whose key is set, or the offline reader",
    "metavar": "NAME",
}
API_BASE = {"help": "address of an OpenAI-compatible server", "metavar": "URL"}
NUM_THREADS = {"help": "questions at a time; none: 8, or 1 for the offline reader"}


def add_flags(parser: argparse.ArgumentParser, dataclass_type: type, group_title: str) -> None:
    """One flag per field of `dataclass_type`, in a group of their own; those not given stay out of the namespace.

    Raises TypeError for a field whose type is not supported.
    """
    group = parser.add_argument_group(group_title)
    for field, spec in _specs(dataclass_type):
        options: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": field.name, "help": _help(field)}
        if spec.scalar is bool and not spec.choices:
            group.add_argument(flag_name(field.name), action=argparse.BooleanOptionalAction, **options)
        else:
            metavar = field.metadata.get("metavar") or _metavar(spec)
            group.add_argument(flag_name(field.name), type=_converter(spec), metavar=metavar, **options)


def add_tracking_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """--mlflow-uri and --no-mlflow, for `harness.tracking.tracker.open_tracker`; returns their argument group."""
    group = parser.add_argument_group("tracking in MLflow")
    group.add_argument(
        "--mlflow-uri", metavar="URI", help="where (default: MLFLOW_TRACKING_URI, or sqlite:///mlflow.db)"
    )
    group.add_argument("--no-mlflow", action="store_true", help="do not track")
    return group


def from_args(dataclass_type: type[T], namespace: argparse.Namespace, *, saved: Mapping[str, Any] | None = None) -> T:
    """The dataclass from `namespace`; fields whose flag was not given come from `saved`, then from their default.

    Raises UsageError for an unknown key or a wrong type in `saved`, and for a field that nothing sets.
    """
    given = {
        field.name: getattr(namespace, field.name) for field, _ in _specs(dataclass_type) if field.name in namespace
    }
    try:
        values = values_from(dataclass_type, {name: one for name, one in (saved or {}).items() if name not in given})
    except ParametersError as error:
        advice = "another version wrote it, or a person: finish the run with that version, or start a new one"
        raise UsageError(f"the saved config: {error}; {advice}") from error
    values |= given
    for field in dataclasses.fields(dataclass_type):  # type: ignore[arg-type]  # a dataclass, says its name
        if field.init and field.name not in values and not _has_default(field):
            raise UsageError(f"{flag_name(field.name)} is required")
    try:
        return dataclass_type(**values)
    except ConfigError as error:
        raise UsageError(f"{flag_name(error.field_name)} {error.problem}") from error


def flag_name(field_name: str) -> str:
    """`memory_tokens` -> `--memory-tokens`"""
    return "--" + field_name.replace("_", "-")


def with_flags(text: str) -> str:
    """A message of the library, which writes settings between backticks, as a script's: `api_base` is --api-base."""
    return _SETTING.sub(lambda match: flag_name(match[1]), text)


@dataclasses.dataclass(frozen=True)
class _Spec:
    """A field's type: `scalar`, or a tuple of it, or None besides; `metadata` restricts the scalars."""

    scalar: type
    is_tuple: bool
    is_optional: bool
    metadata: Mapping[str, Any]

    @property
    def choices(self) -> tuple[Any, ...]:
        return tuple(self.metadata.get("choices", ()))


def _specs(dataclass_type: Any) -> list[tuple[dataclasses.Field[Any], _Spec]]:
    hints, nested = typing.get_type_hints(dataclass_type), _nested(dataclass_type)
    return [
        (field, _spec(field, hints[field.name]))
        for field in dataclasses.fields(dataclass_type)
        if field.init and field.name not in nested
    ]


def _nested(dataclass_type: Any) -> dict[str, type]:
    """The fields that are dataclasses themselves, with their types."""
    hints = typing.get_type_hints(dataclass_type)
    return {
        field.name: hints[field.name]
        for field in dataclasses.fields(dataclass_type)
        if field.init and dataclasses.is_dataclass(hints[field.name])
    }


def _spec(field: dataclasses.Field[Any], hint: Any) -> _Spec:
    is_optional = is_tuple = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not type(None)]
        is_optional = len(members) == 1
        hint = members[0] if is_optional else hint
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[1:] == (Ellipsis,):
        is_tuple, hint = True, typing.get_args(hint)[0]
    if hint not in KINDS or (hint is bool and (is_tuple or is_optional)):
        raise TypeError(
            f"{field.name}: {field.type} makes no flag; use int, float, str, bool, tuple[T, ...] or T | None"
        )
    return _Spec(hint, is_tuple, is_optional, field.metadata)


def _converter(spec: _Spec) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        if spec.is_optional and text == _NONE:
            return None
        if not spec.is_tuple:
            return _scalar(text, spec)
        return tuple(_scalar(part.strip(), spec) for part in text.split(",")) if text else ()

    return convert


def _scalar(text: str, spec: _Spec) -> Any:
    if spec.scalar is bool:  # on or off: other words are refused by the choices
        if text not in spec.choices:
            raise argparse.ArgumentTypeError(_problem(text, spec))
        return text == "on"
    try:
        value = spec.scalar(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {KINDS[spec.scalar]}, got {text!r}") from None
    if problem := _problem(value, spec):
        raise argparse.ArgumentTypeError(problem)
    return value


def _problem(value: Any, spec: _Spec) -> str | None:
    return "empty element between commas" if spec.is_tuple and value == "" else refusal(value, spec.metadata)


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _metavar(spec: _Spec) -> str:
    if spec.choices:
        joined = "|".join(map(str, spec.choices))
        return f"{joined},..." if spec.is_tuple else joined
    name = {int: "N", float: "X", str: "TEXT"}[spec.scalar]
    return f"{name},..." if spec.is_tuple else name


def _help(field: dataclasses.Field[Any]) -> str:
    text = f"{field.metadata.get('help', '')} ({_default_text(field)})".strip()
    return text.replace("%", "%%")


def _default_text(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        default = field.default
    elif field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    else:
        return "required"
    if isinstance(default, bool):
        return f"default: {'on' if default else 'off'}"
    if isinstance(default, tuple):
        return f"default: {','.join(map(str, default)) or 'empty'}"
    return f"default: {_NONE if default is None else default}"
