"""A trial: the adapter to the benchmark, its cache, pruning, and the one-call helper, on the bundled sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import checkout
import optuna
import pytest
from checkout import ROOT

from locomo.asking import Row
from locomo.schema import DataError
from memoryqa.config import CoverageConfig, MemoryConfig, RankingConfig, Settings
from memoryqa.memories import Memories
from memoryqa.parameters import ParametersError
from tuning.measuring.experiment import ExperimentConfig, run_params_trial, run_params_trial_metrics
from tuning.measuring.no_effect import inert_parameters
from tuning.measuring.pruning import LOOK_EVERY, BestSoFar
from tuning.measuring.run_trial import build_run_trial, study_settings
from tuning.measuring.trial import BenchmarkOptions, TrialBenchmark, evaluate_with_benchmark, without_ranking
from tuning.objectives import Objective, graded
from tuning.presets import PRESETS, settings_of
from tuning.space import Condition, Parameter, SearchSpace
from tuning.studies.study import StudySpec, open_study
from tuning.studies.worker import run_worker

SAMPLE = str(checkout.SAMPLE)
SPACE = SearchSpace(
    (
        Parameter("session_weight", "float", low=0.0, high=9.0, default=0.1),
        Parameter("question_prior", "float", low=-3.0, high=9.0, default=-0.1),
    )
)
OPTIONS = BenchmarkOptions(data=SAMPLE, budget_tokens=300)


@pytest.fixture(scope="module")
def benchmark() -> TrialBenchmark:
    return TrialBenchmark(OPTIONS)


def without_times(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in metrics.items() if not key.startswith("latency")}


# -- the adapter and its cache -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_trial_measures_its_own_parameters(benchmark: TrialBenchmark) -> None:
    shipped = benchmark.measure({})
    assert shipped.metrics["all_evidence_rate"] == shipped.metrics["all_evidence_at_300"]
    assert 0.3 < shipped.metrics["all_evidence_rate"] < 1
    assert shipped.parameters.settings == Settings()
    for worse in ({"question_prior": 9.0}, {"window_before": 0.0}, {"memory_tokens": 200, "recovery": "off"}):
        assert benchmark.measure(worse).metrics["evidence_recall"] < shipped.metrics["evidence_recall"]
    floor = benchmark.measure({"score_floor": 0.9}).metrics["context_tokens_mean"]
    assert floor < 0.7 * shipped.metrics["context_tokens_mean"]
    assert without_times(benchmark.measure({}).metrics) == without_times(shipped.metrics)


def test_without_a_budget_the_trial_has_its_own() -> None:
    measured = evaluate_with_benchmark({"context_tokens": 150}, BenchmarkOptions(data=SAMPLE, budget_tokens=None))
    assert measured.metrics["context_tokens_mean"] <= 150
    assert "all_evidence_at_150" in measured.metrics


def test_a_second_trial_with_the_same_parameters_asks_nothing_and_has_no_times(tmp_path: Path) -> None:
    cached = BenchmarkOptions(data=SAMPLE, budget_tokens=300, cache=tmp_path / "cache.sqlite")
    first = TrialBenchmark(cached).measure({"bm25_k1": 1.5}, order_seed=1)
    second = TrialBenchmark(cached).measure({"bm25_k1": 1.5}, order_seed=2)
    assert (first.asked, first.from_cache) == (len(first.rows), 0)
    assert (second.asked, second.from_cache) == (0, len(first.rows))
    assert without_times(second.metrics) == pytest.approx(without_times(first.metrics), abs=1e-12)
    assert first.metrics["latency_sec_p95"] > 0
    assert second.metrics["latency_sec_p95"] is None
    assert second.metrics["latency_questions"] == 0
    uncached = {"latency_sec"}
    by_id = {key: {k: v for k, v in row.items() if k not in uncached} for key, row in first.rows.items()}
    assert by_id == {key: {k: v for k, v in row.items() if k not in uncached} for key, row in second.rows.items()}


@pytest.mark.slow
def test_a_val_question_is_not_served_to_train_nor_another_budget_to_this(tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    TrialBenchmark(BenchmarkOptions(data=SAMPLE, split="train", cache=cache)).measure({})
    for other in ({"split": "all"}, {"split": "train", "budget_tokens": 999}):
        assert TrialBenchmark(BenchmarkOptions(data=SAMPLE, cache=cache, **other)).measure({}).from_cache == 0


def test_other_data_than_the_studys_are_refused() -> None:
    with pytest.raises(DataError, match="not the data of this study"):
        TrialBenchmark(BenchmarkOptions(data=SAMPLE, data_sha256="0" * 64))


@pytest.mark.slow
def test_an_index_is_made_anew_only_for_other_windows_or_sizes() -> None:
    benchmark = TrialBenchmark(OPTIONS)
    for params in ({}, {"bm25_k1": 1.7}, {"synonym_weight": 0.0}):
        benchmark.measure(params)
    conversations = len({row.conversation_id for row in benchmark.questions})
    assert benchmark._windowed.cache_info().misses == benchmark._memory.cache_info().misses == conversations
    benchmark.measure({"window_before": 0.3})
    assert benchmark._windowed.cache_info().misses == 2 * conversations
    assert benchmark._memory.cache_info().misses == conversations
    benchmark.measure({"memory_tokens": 500})
    assert benchmark._memory.cache_info().misses == 2 * conversations


def test_weights_on_a_shared_index_rank_as_those_of_a_memory_of_its_own(benchmark: TrialBenchmark) -> None:
    params = {"bm25_k1": 1.7, "window_before": 0.3, "speaker_weight": 0.5}
    shared = benchmark.measure(params).rows
    own = TrialBenchmark(OPTIONS).measure(params).rows
    assert {key: row["retrieved_ids"] for key, row in shared.items()} == {
        key: row["retrieved_ids"] for key, row in own.items()
    }


OTHER_VALUES: dict[str, Any] = {  # for every field of MemoryConfig but `ranking`: a new one needs a value here
    "memory_tokens": 500,
    "recovery": False,
    "compaction": "recency",
    "embedder": "another",
    "coverage": CoverageConfig(probe_worth=1.0),
}


def test_every_setting_of_a_memory_but_its_ranking_makes_a_memory_of_its_own() -> None:
    shipped = MemoryConfig()
    assert OTHER_VALUES.keys() == {one.name for one in fields(MemoryConfig)} - {"ranking"}
    held = [without_ranking(replace(shipped, **{name: value})) for name, value in OTHER_VALUES.items()]
    assert len({*held, without_ranking(shipped)}) == len(held) + 1
    assert without_ranking(replace(shipped, ranking=RankingConfig(bm25_k1=2.0))) == without_ranking(shipped)


@pytest.mark.slow
def test_a_ranking_applied_to_a_shared_memory_ranks_like_a_memory_built_with_it(benchmark: TrialBenchmark) -> None:
    config = settings_of({"bm25_k1": 1.9, "window_after": 0.1, "memory_tokens": 900}).settings.memory
    for question in benchmark.questions[:20]:
        name = question.conversation_id
        own = Memories.of({name: benchmark._conversations[name]}, config)[name]
        shared = benchmark._memory_of(name, config)
        asked = question.inputs()["question"]
        assert shared.search(asked, 300).ids == own.search(asked, 300).ids


@pytest.mark.slow
def test_the_digest_covers_every_module_that_a_trial_imports() -> None:
    check = (
        "import sys\nfrom pathlib import Path\n"
        "from tuning.measuring.trial import BenchmarkOptions, evaluate_with_benchmark, measuring_files\n"
        f"evaluate_with_benchmark({{}}, BenchmarkOptions(data={SAMPLE!r}, budget_tokens=300))\n"
        "files = {Path(one.__file__) for one in list(sys.modules.values()) if getattr(one, '__file__', None)}\n"
        "ours = {one for one in files if one.is_relative_to(Path.cwd()) and 'site-packages' not in one.parts}\n"
        "assert len(ours) > 20, ours\n"
        "assert not ours - set(measuring_files()), ours - set(measuring_files())\n"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_of_retention_counts_what_a_working_memory_of_the_budget_holds(tmp_path: Path) -> None:
    options = BenchmarkOptions(data=SAMPLE, budget_tokens=400, working_tokens=400, cache=tmp_path / "cache.sqlite")
    benchmark = TrialBenchmark(options)
    shipped, newest = benchmark.measure({}), benchmark.measure({"compaction": "recency"})
    assert shipped.metrics["all_evidence_rate"] > newest.metrics["all_evidence_rate"]
    assert newest.parameters.overrides()["memory"] == {"compaction": "recency"}, "the size is the study's, not found"
    for measured in (shipped, newest):
        assert measured.from_cache == 0
        for row in measured.rows.values():
            assert row["evidence_recall"] == row["retention"], "nothing else is searched"
            assert row["memory_tokens"] <= 400
    assert benchmark.measure({"question_prior": 9.0}).metrics["evidence_recall"] == shipped.metrics["evidence_recall"]
    of_assistants = ["role_share", "later_share", "length_exponent"]  # two people with short messages have none
    assert inert_parameters(benchmark, PRESETS["compaction"]) == of_assistants


@pytest.mark.slow
def test_a_retention_study_is_measured_and_pruned_by_what_is_held(tmp_path: Path) -> None:
    objective = Objective("retention", 400)
    settings = study_settings(
        objective, PRESETS["compaction"], split="train", categories=(1, 2, 3, 4), data_sha256=None, pruner="wilcoxon"
    )
    spec = StudySpec("s", PRESETS["compaction"], objective.directions, 0, "tpe", "wilcoxon", settings)
    study = open_study(optuna.storages.InMemoryStorage(), spec)
    run_worker(study, build_run_trial(settings, data=SAMPLE, cache=tmp_path / "cache.sqlite"), n_trials=8)
    assert study.best_value >= study.trials[0].values[0] > 0
    assert {trial.params["compaction"] for trial in study.trials} == {"coverage", "recency"}
    assert objective.grade({"evidence_recall": 0.5, "retrieved_ids": [], "gold_evidence_ids": ["D1:1"]}) == 0.5


# -- inert parameters --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_parameter_that_changes_no_question_is_named(benchmark: TrialBenchmark) -> None:
    space = SearchSpace(
        (
            Parameter("bm25_b", "float", low=0.0, high=1.0, default=0.75),
            Parameter("max_hops", "int", low=1, high=4, default=2),
            Parameter("query_weight", "float", low=0.0, high=3.0, default=1.0),
            Parameter("recovery", "categorical", choices=("on", "off"), default="on"),
            Parameter(
                "memory_tokens", "int", low=500, high=20_000, default=20_000, when=Condition("recovery", ("off",))
            ),
        )
    )
    assert inert_parameters(benchmark, space) == ["max_hops", "query_weight"]


# -- pruning -----------------------------------------------------------------------------------------------------------


def rows(ranks: Mapping[str, int]) -> dict[str, Row]:
    """One evidence turn per question, found at that rank; 0: not found."""
    return {
        question: {
            "retrieved_ids": [f"D9:{place}" for place in range(1, rank)] + (["D1:1"] if rank else []),
            "gold_evidence_ids": ["D1:1"],
            "all_evidence": rank > 0,
        }
        for question, rank in ranks.items()
    }


def test_evidence_counts_by_how_high_it_ranks() -> None:
    values = [graded(rows({"q": rank})["q"]) for rank in (1, 2, 3, 50, 0)]
    assert values[:3] == pytest.approx([1, 0.6309, 0.5], abs=1e-4)
    assert values == sorted(values, reverse=True)
    assert values[-1] == 0


def test_a_trial_that_ranks_lower_throughout_is_worse_and_noise_is_not() -> None:
    best = BestSoFar(rows({f"q{n}": 1 + n % 3 for n in range(200)}), graded)
    worse = rows({f"q{n}": 2 + n % 3 for n in range(60)})
    same = rows({f"q{n}": 1 + (n + n % 2) % 3 for n in range(60)})
    assert best.beats(worse)
    assert not best.beats(same)
    assert not best.beats(dict(list(worse.items())[: LOOK_EVERY - 1]))


def test_a_trial_that_finds_all_evidence_more_often_is_never_worse() -> None:
    best = BestSoFar(rows({f"q{n}": 0 if n < 3 else 1 for n in range(100)}), graded)
    finds_more_but_lower = rows({f"q{n}": 9 for n in range(60)})
    assert not best.beats(finds_more_but_lower)


def run_study(pruner: str, tmp_path: Path, seed: int = 0, n_trials: int = 12, parts: int = 1) -> optuna.Study:
    from tuning.measuring.trial import benchmark_of

    objective = Objective("quality", 300)
    sha256 = benchmark_of(OPTIONS).dataset.sha256
    settings = study_settings(
        objective, SPACE, split="train", categories=(1, 2, 3, 4), data_sha256=sha256, pruner=pruner
    )
    storage = optuna.storages.InMemoryStorage()
    for part in range(1, parts + 1):
        study = open_study(storage, StudySpec("s", SPACE, objective.directions, seed, "tpe", pruner, settings))
        run_trial = build_run_trial(settings, data=SAMPLE, cache=tmp_path / "cache.sqlite")
        run_worker(study, run_trial, n_trials=n_trials * part // parts)
    return study


@pytest.mark.slow
def test_pruning_saves_questions_and_keeps_the_best(tmp_path: Path) -> None:
    whole, pruned = run_study("none", tmp_path), run_study("wilcoxon", tmp_path)
    assert whole.trials[0].params == SPACE.defaults()  # the shipped default is trial 0
    seen = [sum(trial.user_attrs["questions"]["seen"] for trial in study.trials) for study in (whole, pruned)]
    assert seen[1] < 0.7 * seen[0]
    assert pruned.best_value == whole.best_value
    ended = [trial for trial in pruned.trials if trial.state.name == "PRUNED"]
    assert ended
    for trial in ended:
        assert list(trial.intermediate_values) == [trial.user_attrs["questions"]["seen"]]  # one report, not hundreds


@pytest.mark.slow
def test_the_same_seed_gives_the_same_trials_across_restarts(tmp_path: Path) -> None:
    through = run_study("wilcoxon", tmp_path, seed=3, n_trials=9)
    resumed = run_study("wilcoxon", tmp_path / "another", seed=3, n_trials=9, parts=3)
    other = run_study("wilcoxon", tmp_path, seed=4, n_trials=4)
    told = [[(trial.params, trial.state, trial.value) for trial in study.trials] for study in (through, resumed, other)]
    assert told[0] == told[1]
    assert told[0][1:4] != told[2][1:4]


def test_a_complete_trial_tells_what_it_measured_and_as_which_configs(tmp_path: Path) -> None:
    trial = run_study("none", tmp_path, n_trials=2).trials[1]
    assert trial.value == trial.user_attrs["metrics"]["all_evidence_rate"]
    assert trial.user_attrs["parameters"]["ranking"] == pytest.approx(trial.params)
    assert trial.user_attrs["questions"]["seen"] > 50


def test_a_trial_without_its_metric_fails_and_is_no_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.measuring.run_trial.Objective.values", lambda self, metrics: (float("nan"),))
    study = run_study("none", tmp_path, n_trials=1)
    assert study.trials[0].state.name == "FAIL"
    assert study.trials[0].value is None


# -- one call ----------------------------------------------------------------------------------------------------------


BASE = ExperimentConfig(dataset=SAMPLE, budget_tokens=300, split="all")


@pytest.mark.slow
def test_a_mapping_a_trial_and_anything_with_params_are_the_same_parameters() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"bm25_k1": 1.5})
    trial = study.ask()
    trial.suggest_float("bm25_k1", 0.3, 2.5)
    frozen = optuna.trial.create_trial(value=0.0, params=trial.params, distributions=trial.distributions)
    values = {run_params_trial(params, BASE) for params in ({"bm25_k1": 1.5}, trial, frozen)}
    assert len(values) == 1
    assert values == {run_params_trial_metrics({"bm25_k1": 1.5}, BASE)["all_evidence_rate"]}


def test_a_metric_can_be_named_and_the_grid_is_what_trials_start_from() -> None:
    metrics = run_params_trial_metrics({"score_floor": 0.5, "bm25_k1": 1.5}, BASE)
    shared = ExperimentConfig(dataset=SAMPLE, budget_tokens=300, split="all", param_grid=[{"score_floor": 0.5}])
    assert run_params_trial({"bm25_k1": 1.5}, shared, metric="context_tokens_mean") == metrics["context_tokens_mean"]


@pytest.mark.slow
def test_unknown_parameters_and_metrics_are_errors_that_list_the_known_ones() -> None:
    with pytest.raises(ParametersError, match=r"no parameter 'k1'; there are bm25_b, bm25_k1"):
        run_params_trial({"k1": 1}, BASE)
    with pytest.raises(ValueError, match=r"no metric 'accuracy'; these were measured: .*all_evidence_at_300"):
        run_params_trial({}, BASE, metric="accuracy")
    with pytest.raises(ValueError, match="the metric f1 was not measured"):
        run_params_trial({}, BASE, metric="f1")
    with pytest.raises(ValueError, match="no metric 'typo'"):
        run_params_trial({}, ExperimentConfig(dataset=SAMPLE, split="all", validation_metrics=("typo",)))
    with pytest.raises(ValueError, match="name at least one metric"):
        ExperimentConfig(validation_metrics=())


def test_a_trial_that_has_suggested_nothing_is_no_default() -> None:
    with pytest.raises(ValueError, match="has no parameters yet"):
        run_params_trial(optuna.create_study().ask(), BASE)
    with pytest.raises(ValueError, match=r"have \.params, got int"):
        run_params_trial(3, BASE)
