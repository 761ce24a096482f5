"""Promotion, cross-validation and the front: what is made of trials, on planted scores."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_objective import DEFAULTS, SPACE, run_trial

from tuning.results.document import TrialRow, front_document, trial_rows, write_trials
from tuning.results.pareto import (
    DefaultPoint,
    Point,
    best_under,
    default_beside,
    equal_budgets,
    front,
    knee,
    plot_front,
)
from tuning.results.promotion import cross_validate, judge_promotion
from tuning.results.tables import front_lines
from tuning.results.views import trial_view
from tuning.studies.leases import ask, give_up
from tuning.studies.study import StudySpec, open_study
from tuning.studies.worker import run_worker

POINTS = st.lists(
    st.builds(Point, st.integers(0, 50), st.integers(0, 8).map(float), st.integers(0, 8).map(float)), max_size=12
)


def planted(better: dict[str, int], conversations: int, questions: int = 100) -> tuple[dict[str, float], ...]:
    """Scores of a default that fails on every second question, and of a winner that gains `better` of them (or loses)
    by conversation; and the conversation of each."""
    default = {f"c{c}:{q}": float(q % 2) for c in range(conversations) for q in range(questions)}
    winner = dict(default)
    for name, gain in better.items():
        for step in range(abs(gain)):
            winner[f"{name}:{2 * step + (gain < 0)}"] = float(gain > 0)
    return default, winner


def conversation_of(scores: dict[str, float]) -> dict[str, str]:
    return {one: one.split(":")[0] for one in scores}


# -- promotion ---------------------------------------------------------------------------------------------------------


def test_a_clear_gain_everywhere_is_promoted() -> None:
    default, winner = planted({f"c{c}": 10 + c for c in range(6)}, 6)
    promotion = judge_promotion(default, winner, conversation_of(default), split="val")
    assert promotion.promote
    assert promotion.difference == pytest.approx(75 / 600)
    assert promotion.ci95 is not None
    assert 0 < promotion.ci95[0] < promotion.difference < promotion.ci95[1]
    assert (promotion.resampled, promotion.questions, promotion.conversations) == ("conversations", 600, 6)


def test_a_gain_that_rests_on_one_conversation_is_not_promoted() -> None:
    default, winner = planted({"c0": 50}, 6)
    promotion = judge_promotion(default, winner, conversation_of(default), split="val")
    assert promotion.difference > 0.08
    assert not promotion.promote
    assert promotion.reason.startswith("keep defaults: the interval")


def test_of_two_conversations_questions_are_drawn_and_none_may_lose() -> None:
    default, winner = planted({"c0": 30, "c1": 20}, 2)
    both = judge_promotion(default, winner, conversation_of(default), split="val")
    assert both.promote
    assert both.resampled == "questions within conversations"
    default, winner = planted({"c0": 40, "c1": -2}, 2)
    one = judge_promotion(default, winner, conversation_of(default), split="val")
    assert one.ci95 is not None
    assert one.ci95[0] > 0
    assert not one.promote
    assert "c1 loses by it" in one.reason


def test_a_few_questions_are_not_enough() -> None:
    default, winner = planted({"c0": 2, "c1": 1}, 2)
    promotion = judge_promotion(default, winner, conversation_of(default), split="val")
    assert promotion.difference > 0
    assert not promotion.promote


def test_the_default_itself_and_equal_scores_are_not_promoted() -> None:
    default, winner = planted({}, 2)
    same = judge_promotion(default, winner, conversation_of(default), split="val")
    assert (same.promote, same.ci95, same.difference) == (False, None, 0)
    itself = judge_promotion(default, winner, conversation_of(default), split="val", is_default=True)
    assert "no trial beat them" in itself.reason


def test_scores_of_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="the same questions"):
        judge_promotion({"a": 1.0}, {"b": 1.0}, {"a": "c", "b": "c"}, split="val")


# -- cross-validation --------------------------------------------------------------------------------------------------


def test_a_trial_that_is_good_on_one_conversation_only_gains_nothing_where_it_is_held_out() -> None:
    default, lucky = planted({"c0": 40}, 3)
    found = cross_validate({0: default, 1: lucky}, conversation_of(default))
    assert found is not None
    assert {fold.conversation: fold.trial for fold in found.folds} == {"c0": 0, "c1": 1, "c2": 1}
    assert found.difference == 0  # it is chosen where it does not help, and not where it would


def test_a_trial_that_is_better_everywhere_keeps_its_gain() -> None:
    default, better = planted({f"c{c}": 10 for c in range(3)}, 3)
    found = cross_validate({0: default, 7: better}, conversation_of(default))
    assert found is not None
    assert found.difference == pytest.approx(0.1)
    assert {fold.trial for fold in found.folds} == {7}


def test_one_conversation_cannot_be_held_out() -> None:
    default, _ = planted({}, 1)
    assert cross_validate({0: default}, conversation_of(default)) is None


# -- the front ---------------------------------------------------------------------------------------------------------


@given(POINTS)
def test_nothing_dominates_the_front_and_it_dominates_the_rest(points: list[Point]) -> None:
    line = front(points)

    def dominates(one: Point, other: Point) -> bool:
        at_least = one.quality >= other.quality and one.cost <= other.cost
        return at_least and (one.quality, one.cost) != (other.quality, other.cost)

    assert not [p for p in line for q in points if dominates(q, p)]
    values = {(p.quality, p.cost) for p in line}
    assert all((q.quality, q.cost) in values or any(dominates(p, q) for p in line) for q in points)
    assert [p.cost for p in line] == sorted({p.cost for p in line})


@given(POINTS, st.integers(0, 8))
def test_the_best_under_a_budget_keeps_it_and_is_on_the_front(points: list[Point], budget: int) -> None:
    chosen = best_under(points, budget)
    affordable = [point for point in points if point.cost <= budget]
    assert (chosen is None) == (not affordable)
    if chosen is not None:
        assert chosen.quality == max(point.quality for point in affordable)
        assert (chosen.quality, chosen.cost) in {(p.quality, p.cost) for p in front(points)}


def test_the_knee_is_where_more_tokens_begin_to_buy_little() -> None:
    line = [Point(0, 0.5, 250), Point(1, 0.85, 1000), Point(2, 0.87, 2000), Point(3, 0.92, 8000)]
    assert knee(line) == line[1]
    assert knee(line[:1]) == line[0]
    assert knee([]) is None


def test_the_front_is_plotted(tmp_path: Path) -> None:
    plot_front([Point(0, 0.8, 2000), Point(1, 0.9, 4000), Point(2, 0.7, 3000)], tmp_path / "front.png", budget=3000)
    assert (tmp_path / "front.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_defaults_line_is_part_of_the_chart(tmp_path: Path) -> None:
    points = [Point(0, 0.8, 2000), Point(1, 0.9, 4000)]
    plot_front(points, tmp_path / "without.png", budget=3000)
    plot_front(points, tmp_path / "with.png", budget=3000, default_line=[DefaultPoint(2000, 0.7, 1990)])
    assert (tmp_path / "with.png").read_bytes() != (tmp_path / "without.png").read_bytes()


def test_the_default_is_measured_in_as_many_tokens_as_each_point_of_the_front_takes() -> None:
    points = [Point(0, 0.8, 1999.2), Point(1, 0.9, 4000), Point(2, 0.7, 3000)]
    assert equal_budgets(points, 2500) == [2000, 2500, 4000]
    line = [DefaultPoint(budget, 0.5, budget - 3) for budget in (2000, 2500, 4000)]
    assert [default_beside(point, line) for point in points] == [line[0], line[2], None]
    assert front_document(points, 2500, line)["default_line"][0] == {
        "budget_tokens": 2000,
        "quality": 0.5,
        "tokens": 1997,
    }


def test_the_knee_and_the_best_under_the_budget_are_named_beside_the_default() -> None:
    points = [Point(0, 0.5, 250), Point(1, 0.85, 1000), Point(2, 0.87, 2000), Point(3, 0.92, 8000)]
    knee_line, best_line = front_lines(points, 2000, [DefaultPoint(1000, 0.81, 990.0)])
    assert knee_line == "knee: trial 1, 85.00% in 1,000 tokens; the default cut to 1,000: 81.00%"
    assert best_line == "best in 2,000: trial 2, 87.00% in 2,000 tokens"
    assert front_lines(points, 100)[-1] == "best in 100: none, every trial takes more tokens"
    assert front_lines([], 100) == []


# -- trials ------------------------------------------------------------------------------------------------------------


def rows_of_a_study_that_pruned() -> list[TrialRow]:
    def measure(trial: Any, best_params: object) -> float:
        value = run_trial(trial, None)
        if trial.number == 1:
            trial.report(7.0, 20)
            raise optuna.TrialPruned
        if trial.number == 2:
            raise OSError("the data is gone")
        return value

    study = open_study(optuna.storages.InMemoryStorage(), StudySpec("mine", SPACE, seed=1))
    run_worker(study, measure, n_trials=4)
    give_up(study, ask(study, "w").number, "interrupted")
    return trial_rows(study)


def test_what_a_pruned_trial_reported_is_not_exported_as_a_whole_value(tmp_path: Path) -> None:
    rows = rows_of_a_study_that_pruned()
    assert [row["state"] for row in rows] == ["complete", "pruned", "fail", "complete", "lost"]
    assert [row["values"] is None for row in rows] == [False, True, True, False, True]
    assert [row["partial_value"] for row in rows] == [None, 7.0, None, None, None]
    assert rows[0]["params"] == DEFAULTS
    for name in ("trials.json", "trials.csv"):
        write_trials(tmp_path / name, rows)
    assert json.loads((tmp_path / "trials.json").read_text()) == rows
    table = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert list(table[0])[:4] == ["number", "state", "value_0", "partial_value"]
    assert (table[1]["value_0"], table[1]["partial_value"]) == ("", "7.0")
    assert table[2]["error"] == "OSError: the data is gone"
    assert table[0]["x"] == "1.0"


def test_a_pruned_trial_of_version_0_1_has_a_value_that_is_not_shown() -> None:
    study = optuna.create_study()
    trial = study.ask()
    trial.report(0.5, 20)
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert study.trials[0].value == 0.5, "Optuna takes the last report for a value"
    assert trial_rows(study)[0]["values"] is None
    assert trial_view(study.trials[0])["values"] is None
