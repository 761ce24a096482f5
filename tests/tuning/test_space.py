from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any, get_type_hints

import optuna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memoryqa.config import RankingConfig, Settings
from memoryqa.parameters import Parameters, ParametersError
from tuning.objectives import OBJECTIVES, Objective
from tuning.presets import PRESETS, SECTIONS, preset, settings_of
from tuning.space import Condition, Parameter, SearchSpace

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["name", "kind", "low", "high", "step", "log", "choices", "default", "when"])
LIKELY = st.sampled_from(["a", "b", "float", "int", "categorical", 0, 1, 2.5, -1, True, None, [1, 2], ["x"], 10**400])
ALMOST = st.lists(st.dictionaries(FIELDS, LIKELY | JSON, max_size=9), max_size=3)
WHEN = Parameter("share", "float", low=0.1, high=0.9, default=0.5, when=Condition("turns", (1, 2)))
TURNS = Parameter("turns", "int", low=0, high=2, default=1)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("with_budget", [False, True])
def test_the_defaults_of_every_preset_are_the_shipped_configs(name: str, with_budget: bool) -> None:
    assert settings_of(preset(name, with_budget=with_budget).defaults()) == Parameters()


@pytest.mark.parametrize("name", PRESETS)
def test_every_suggestion_of_a_preset_makes_configs_and_conditions_are_kept(name: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = preset(name, with_budget=True)
    for _ in range(30):
        values = space.suggest(study.ask())
        made = settings_of(values)
        assert ("memory_tokens" in values) == (values.get("recovery") == "off")
        assert ("repeat_share" in values) == (values.get("compaction") == "coverage")
        if "recovery" in values:
            assert ("compaction" in values) == (values["recovery"] == "off")
        if "window_tokens" in values:
            assert made.settings.memory.ranking.window_tokens == values["window_tokens"]


@pytest.mark.parametrize("name", PRESETS)
def test_a_space_survives_json(name: str) -> None:
    assert SearchSpace.from_json(json.loads(json.dumps(PRESETS[name].as_json()))) == PRESETS[name]


@given(JSON | st.fixed_dictionaries({"parameters": ALMOST}))
@example({"parameters": [{"name": None, "kind": "int", "default": 0}]})
@example({"parameters": [{"name": "a", "kind": None, "default": 0}]})
def test_whatever_the_json_it_is_a_space_or_one_line(obj: Any) -> None:
    try:
        space = SearchSpace.from_json(obj)
    except ValueError as error:
        told = str(error)
    else:
        told = ""
        assert SearchSpace.from_json(json.loads(json.dumps(space.as_json()))) == space
        assert set(space.defaults()) <= {one.name for one in space.parameters}
    assert "\n" not in told


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"kind": "float", "low": 2, "high": 1, "default": 1}, "the range 2..1 is inverted"),
        ({"kind": "float", "low": 0, "high": 1, "default": 2}, "its default 2 is not in it"),
        ({"kind": "float", "low": 0, "high": 1, "log": True, "default": 1}, "needs low > 0"),
        ({"kind": "float", "low": 0, "high": 1, "step": 0.3, "default": 0}, "does not divide"),
        ({"kind": "int", "low": 0, "high": 4, "step": -1, "default": 0}, "step must be above 0"),
        ({"kind": "int", "low": 0.5, "high": 4, "default": 1}, "must be ints"),
        ({"kind": "float", "low": 0, "high": float("inf"), "default": 0}, "must be floats"),
        ({"kind": "float", "low": float("nan"), "high": 1, "default": 0}, "must be floats"),
        ({"kind": "categorical", "choices": (), "default": 1}, "give 1 to 1000 choices"),
        ({"kind": "categorical", "choices": (1, True), "default": 1}, "two choices are the same"),
        ({"kind": "set", "default": 1}, "kind is one of"),
    ],
)
def test_a_parameter_that_is_no_range_is_refused_by_name(made: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told) as error:
        Parameter("x", **made)
    assert str(error.value).startswith("parameter x: ")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ((WHEN,), "its condition names 'turns', which is not declared before it"),
        ((TURNS, TURNS), "declared twice"),
        ((Parameter("turns", "int", low=0, high=1, default=1), WHEN), "its condition needs values of turns"),
        ((), "a space has 1 to 200 parameters"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(parameters: tuple[Parameter, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        SearchSpace(parameters)


def test_a_window_has_a_share_on_each_side_and_one_reach() -> None:
    ranking = settings_of({"window_before": 0.5, "window_tokens": 90.0}).settings.memory.ranking
    assert (ranking.window_before, ranking.window_tokens) == (0.5, 90.0)
    assert ranking.window_after == RankingConfig().window_after


def test_a_shipped_weight_lies_well_inside_its_range() -> None:
    """Or no trial could find a better one on its other side."""
    shipped = RankingConfig()
    for one in PRESETS["standard"].parameters:
        if one.low is not None and one.high is not None:
            share = (getattr(shipped, one.name) - one.low) / (one.high - one.low)
            assert 0.15 < share < 0.85, one.name


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"bm25": 1}, r"no parameter 'bm25'; there are bm25_b, bm25_k1, "),
        ({"bm25_k1": "big"}, "bm25_k1 must be a number, got 'big'"),
        ({"score_floor": 3.0}, "score_floor must lie in 0..1"),
    ],
)
def test_a_parameter_that_sets_nothing_or_nonsense_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ParametersError, match=told):
        settings_of(values)


def test_no_two_configs_have_a_field_of_one_name() -> None:
    """A parameter is named without its section, so that would set only one of them."""
    names = [one.name for config in SECTIONS.values() for one in fields(config) if one.name not in SECTIONS]
    assert sorted(names) == sorted(set(names))


def test_every_config_in_the_settings_is_a_section() -> None:
    def nested(config: type) -> dict[str, type]:
        found = {name: kind for name, kind in get_type_hints(config).items() if is_dataclass(kind)}
        return {**found, **{name: kind for inner in found.values() for name, kind in nested(inner).items()}}

    assert nested(Settings) == SECTIONS


def test_what_is_not_named_stays_as_in_the_base() -> None:
    base = settings_of({"bm25_b": 0.5, "max_hops": 4})
    assert asdict(settings_of({"bm25_k1": 2.0}, base).settings.memory.ranking)["bm25_b"] == 0.5
    assert settings_of({"bm25_k1": 2.0}, base).settings.program.max_hops == 4


# -- objectives --------------------------------------------------------------------------------------------------------


METRICS = {"all_evidence_rate": 0.8, "context_tokens_mean": 1990.0, "latency_sec_p95": 0.002}


def test_each_objective_has_a_value_per_direction() -> None:
    values = {name: Objective(name).values(METRICS) for name in OBJECTIVES}
    assert values["quality"] == (0.8,)
    assert values["latency"] == (0.002,)
    assert values["balanced"] == pytest.approx((0.7 * 0.8 + 0.3 * 0.8,))
    assert values["retention"] == (0.8,)
    assert values["pareto"] == (0.8, 1990.0)
    assert Objective("pareto").directions == ("maximize", "minimize")  # tokens are minimised, not sought
    assert Objective("latency").directions == ("minimize",)
    assert all(len(values[name]) == len(Objective(name).directions) for name in OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_was_not_measured_is_an_error_and_no_zero(name: str) -> None:
    for missing in (None, float("nan")):
        with pytest.raises(ValueError, match="was not measured"):
            Objective(name).values(dict.fromkeys(METRICS, missing))


def test_a_slow_search_is_not_punished_below_nothing() -> None:
    assert Objective("balanced").values({**METRICS, "latency_sec_p95": 9.0}) == pytest.approx((0.56,))
