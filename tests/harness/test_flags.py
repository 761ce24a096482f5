from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.flags import add_flags, flag_name, from_args


@dataclass(frozen=True)
class Settings:
    memory_tokens: int = field(default=20_000, metadata={"help": "size of the working memory", "metavar": "TOKENS"})
    temperature: float = field(default=0.0, metadata={"help": "100% deterministic at 0, %s and %(x)s stay as they are"})
    split: str = field(default="test", metadata={"help": "which part", "choices": ("train", "val", "test")})
    programs: tuple[str, ...] = field(default=("simple", "memory"), metadata={"choices": ("simple", "memory", "full")})
    budgets: tuple[int, ...] = field(default=(500, 1000), metadata={"help": "evidence budgets"})
    resume: str | None = field(default=None, metadata={"help": "run folder"})
    max_hops: int | None = field(default=2, metadata={"help": "searches per question"})
    dry_run: bool = field(default=False, metadata={"help": "print the plan"})
    track: bool = field(default=True, metadata={"help": "log to MLflow"})


@dataclass(frozen=True)
class Required:
    seed: int = field(metadata={"help": "no default"})


def parser_of(dataclass_type: type) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="x", allow_abbrev=False)
    add_flags(parser, dataclass_type, "settings")
    return parser


def parse(argv: list[str], saved: dict[str, Any] | None = None) -> Settings:
    return from_args(Settings, parser_of(Settings).parse_args(argv), saved=saved)


def argv_of(settings: Settings) -> list[str]:
    """Every field spelled out as a flag."""
    argv = []
    for each in fields(settings):
        value, name = getattr(settings, each.name), flag_name(each.name)
        if isinstance(value, bool):
            argv.append(name if value else f"--no-{name[2:]}")
        elif isinstance(value, tuple):
            argv.append(f"{name}={','.join(map(str, value))}")
        else:
            argv.append(f"{name}={'none' if value is None else value}")
    return argv


SETTINGS = st.builds(
    Settings,
    memory_tokens=st.integers(),
    temperature=st.floats(allow_nan=False, allow_infinity=False),
    split=st.sampled_from(["train", "val", "test"]),
    programs=st.lists(st.sampled_from(["simple", "memory", "full"])).map(tuple),
    budgets=st.lists(st.integers()).map(tuple),
    resume=st.none() | st.text().filter(lambda text: text != "none"),
    max_hops=st.none() | st.integers(),
    dry_run=st.booleans(),
    track=st.booleans(),
)


@given(SETTINGS)
def test_a_dataclass_survives_the_round_trip_through_flags(settings: Settings) -> None:
    assert parse(argv_of(settings)) == settings


@given(SETTINGS, SETTINGS, st.data())
def test_flags_beat_the_saved_config_which_beats_the_defaults(saved: Settings, given_: Settings, data: Any) -> None:
    names = [each.name for each in fields(Settings)]
    in_saved = data.draw(st.sets(st.sampled_from(names)))
    in_flags = data.draw(st.sets(st.sampled_from(names)))
    as_json = {n: list(v) if isinstance(v := getattr(saved, n), tuple) else v for n in in_saved}
    argv = [argument for name, argument in zip(names, argv_of(given_), strict=True) if name in in_flags]
    found = parse(argv, saved=as_json)
    for name in names:
        source = given_ if name in in_flags else saved if name in in_saved else Settings()
        assert getattr(found, name) == getattr(source, name)


def test_no_flags_give_the_defaults() -> None:
    assert parse([]) == Settings()


def test_help_prints_percent_signs_and_each_default_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        parser_of(Settings).parse_args(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "100% deterministic at 0, %s and %(x)s stay as they are (default: 0.0)" in text
    assert "--memory-tokens TOKENS size of the working memory (default: 20000)" in text
    assert "(default: simple,memory)" in text
    assert "log to MLflow (default: on)" in text
    assert text.count("(default:") == len(fields(Settings))
    assert "settings:" in text


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--memory-tokens", "many"], "argument --memory-tokens: expected a whole number, got 'many'"),
        (["--temperature", "nan"], "argument --temperature: expected a finite number"),
        (["--split", "dev"], "argument --split: 'dev' is not one of train, val, test"),
        (["--programs", "simple,fast"], "argument --programs: 'fast' is not one of simple, memory, full"),
        (["--budgets", "1,,2"], "argument --budgets: expected a whole number, got ''"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_a_bad_value_is_refused_with_its_flag_named(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(argv)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"memory_token": 5}, "Settings has no 'memory_token'; it has memory_tokens, "),
        ({"memory_tokens": "5"}, "memory_tokens must be a whole number, got '5'"),
        ({"memory_tokens": True}, "memory_tokens must be a whole number, got True"),
        ({"budgets": 5}, "budgets must be a list, got 5"),
        ({"split": "dev"}, "'dev' is not one of train, val, test"),
        ({"memory_tokens": None}, "memory_tokens must be a whole number, got None"),
    ],
)
def test_a_bad_saved_config_is_refused_with_its_key_named(saved: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        parse([], saved=saved)
    assert str(refused.value).endswith("finish the run with that version, or start a new one")


@dataclass(frozen=True)
class Optional:
    split: str | None = field(default=None, metadata={"choices": ("train", "val")})


@pytest.mark.parametrize("split", [None, "val"])
def test_a_saved_none_is_taken_where_a_field_has_choices(split: str | None) -> None:
    assert from_args(Optional, argparse.Namespace(), saved={"split": split}) == Optional(split)


def test_a_field_without_default_is_required_unless_saved() -> None:
    namespace = parser_of(Required).parse_args([])
    with pytest.raises(ValueError, match="--seed is required"):
        from_args(Required, namespace)
    assert from_args(Required, namespace, saved={"seed": 3}) == Required(seed=3)


def test_an_unsupported_type_is_refused_when_the_parser_is_made() -> None:
    @dataclass(frozen=True)
    class Bad:
        table: dict[str, int] = field(default_factory=dict)

    with pytest.raises(TypeError, match="table"):
        parser_of(Bad)


@dataclass(frozen=True)
class Nesting:
    depth: int = 1
    inner: Settings = field(default_factory=Settings)


def test_a_field_that_is_a_dataclass_makes_no_flag_and_comes_from_the_saved_config() -> None:
    parser = parser_of(Nesting)
    assert "--inner" not in parser.format_help()
    namespace = parser.parse_args(["--depth", "2"])
    assert from_args(Nesting, namespace) == Nesting(depth=2)
    saved = {"depth": 3, "inner": {"budgets": [1, 2]}}
    assert from_args(Nesting, namespace, saved=saved) == Nesting(2, Settings(budgets=(1, 2)))
    for bad, told in (
        ({"inner": 3}, "inner must be an object of settings, got 3"),
        ({"inner": {"x": 1}}, "Settings has no 'x'"),
    ):
        with pytest.raises(ValueError, match=told):
            from_args(Nesting, namespace, saved=bad)
