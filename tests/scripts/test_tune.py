"""tune.py, end to end on the bundled sample: the search, its files, and the other commands."""

from __future__ import annotations

import hashlib
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, SAMPLE
from commands import Command

import evaluate
import tune
from harness.runs import Run
from memoryqa.parameters import load_parameters
from tuning.errors import StorageUnavailableError
from tuning.measuring.trial import BenchmarkOptions, evaluate_with_benchmark
from tuning.studies.constants import RESUMABLE
from tuning.studies.storage import DEFAULT_STORAGE, open_storage
from tuning.studies.study import load_study

ISSUE_KEYS = {"study", "trials", "pruned", "failed", "seconds", "best", "default_value", "promotion", "output"}

Tune = Callable[..., tuple[int, Any, str]]


pytestmark = pytest.mark.usefixtures("own_folder", "wide_terminal")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Tune:
    def call(*argv: object) -> tuple[int, Any, str]:
        outcome = Command("tune.py", tune.main, capsys)(*argv)
        return outcome.status, json.loads(outcome.out[-1]) if outcome.out else None, outcome.err

    return call


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def search(*more: object, trials: int = 8) -> list[object]:
    return ["--data", SAMPLE, "--space", "quick", "--budget-tokens", 300, "--n-trials", trials, "--no-mlflow", *more]


@pytest.mark.slow
def test_a_search_ends_in_a_verdict_and_its_files(run: Tune, tmp_path: Path) -> None:
    status, document, told = run(*search("--study", "mine"))
    assert status == 0, told
    assert set(document) >= ISSUE_KEYS
    assert set(document["best"]) == {"number", "params", "value"}
    assert set(document["promotion"]) >= {"promote", "difference", "ci95", "split", "questions"}
    assert (document["study"], document["trials"], document["failed"]) == ("mine", 8, 0)
    assert document["best"]["value"] >= document["default_value"] > 0.3
    assert document["promotion"]["split"] == "val"
    output = Path(document["output"])
    assert output == Path("runs/tuning/mine")
    assert json.loads((output / "tuning.json").read_text()) == document
    assert len((output / "trials.csv").read_text().splitlines()) == 9
    assert "This is not LoCoMo" in (output / "study.html").read_text()
    parameters = load_parameters(output / "tuned_parameters.json")
    assert parameters.promotion is not None
    assert parameters.promotion["promote"] == document["promotion"]["promote"]
    assert parameters.source == {
        "study": "mine",
        "trial": document["best"]["number"],
        "values": [document["best"]["value"]],
    }
    assert "0 (default)" in told
    assert ("PROMOTE: take it" in told) == document["promotion"]["promote"]
    assert ("KEEP DEFAULTS" in told) == (not document["promotion"]["promote"])
    assert "cross-validation by conversation" in told
    folder = Run.open(output)
    assert folder.config["tuning"]["n_trials"] == 8
    assert folder.manifest["data"]["sha256"] == hashlib.sha256(SAMPLE.read_bytes()).hexdigest()


@pytest.mark.slow
def test_on_a_terminal_the_document_is_printed_only_when_it_is_asked_for(
    run: Tune, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*search("--study", "mine", trials=1))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    status, document, told = run("list")
    assert (status, document) == (0, None)
    assert "mine" in told
    expected = {"studies": [{"study": "mine", "trials": 1, "objectives": 1}]}
    for argv in (["list", "--json"], ["--json", "list"]):
        assert run(*argv)[1] == expected


@pytest.mark.slow
def test_a_study_is_one_run_in_mlflow_which_resume_continues(run: Tune, tmp_path: Path) -> None:
    import mlflow

    uri = f"sqlite:///{tmp_path / 'tracked.db'}"
    tracked = [one for one in search("--study", "mine", "--mlflow-uri", uri, trials=2) if one != "--no-mlflow"]
    assert run(*tracked)[0] == 0
    tracked[tracked.index(2)] = 4
    document, told = run(*tracked, "--resume")[1:]
    assert "warning" not in told
    client = mlflow.MlflowClient(tracking_uri=uri)
    (found,) = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert (found.info.run_name, found.info.status) == ("tune mine", "FINISHED")
    assert found.data.params["objective"] == "quality"
    assert found.data.metrics["best.all_evidence_rate"] == document["best"]["value"]
    assert found.data.metrics["default.all_evidence_rate"] == document["default_value"]
    assert found.data.metrics["trials"] == 4
    assert found.data.tags["best.trial"] == str(document["best"]["number"])
    assert found.data.tags["promote"] == "False"
    assert {one.step for one in client.get_metric_history(found.info.run_id, "all_evidence_rate")} <= set(range(4))
    files = {one.path for one in client.list_artifacts(found.info.run_id)}
    assert files >= {"tuning.json", "trials.json", "trials.csv", "tuned_parameters.json", "manifest.json"}


def test_a_bug_of_ours_keeps_its_traceback(run: Tune, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr("tuning.search._spec", broken)
    with pytest.raises(ValueError, match="broadcast"):
        run(*search("--study", "mine"))


@pytest.mark.slow
def test_results_that_cannot_be_written_are_one_line(run: Tune, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, _, told = run(*search("--study", "mine", "--output", tmp_path / "file" / "below", trials=1))
    assert (status, told.count("cannot be written")) == (2, 1)
    run(*search("--study", "other", trials=1))
    status, _, told = run("export", "other", "--output", tmp_path / "gone" / "out.csv")
    assert status == 1
    assert told == f"tune.py: {tmp_path}/gone/out.csv cannot be written (No such file or directory); " + (
        "the study keeps its trials\n"
    )


@pytest.mark.slow
def test_a_rerun_takes_its_questions_from_the_cache_and_finds_the_same(run: Tune) -> None:
    first = run(*search("--study", "a"))[1]
    again = run(*search("--study", "b"))[1]
    assert first["questions"]["from_cache"] < 0.2 * first["questions"]["seen"]
    assert again["questions"]["from_cache"] >= 0.95 * again["questions"]["seen"] == 0.95 * first["questions"]["seen"]
    assert again["best"] == first["best"]
    anew = run(*search("--study", "c", "--no-cache"))[1]
    assert anew["questions"]["from_cache"] < 0.2 * anew["questions"]["seen"]
    assert anew["best"] == first["best"]


@pytest.mark.parametrize("named", [True, False])
def test_an_end_that_was_not_asked_for_names_the_study_to_resume(
    run: Tune, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    for error, kept in (
        (KeyboardInterrupt(), "interrupted; finished trials are kept, resume"),
        (StorageUnavailableError(f"the storage failed: gone; {RESUMABLE}"), f"gone; {RESUMABLE}"),
    ):
        monkeypatch.setattr("tuning.search.open_storage", raising(error))
        status, _, told = run(*search(*(["--study", "mine"] if named else [])))
        name = "mine" if named else r"quality-quick-\d{8}T\d{6}Z"
        assert status == 1
        assert re.fullmatch(rf"tune\.py: .*{re.escape(kept)} by --study {name} --resume\n", told), told


@pytest.mark.slow
def test_a_study_goes_on_by_resume_to_the_number_of_trials_and_as_if_never_stopped(run: Tune) -> None:
    assert run(*search("--study", "s", trials=3))[1]["trials"] == 3
    status, _, told = run(*search("--study", "s", trials=6))
    assert status == 2
    assert "study s exists already: resume it by --resume" in told
    status, _, told = run(*search("--study", "typo", "--resume"))
    assert status == 2
    assert "there is no study typo to resume; there are: s" in told
    resumed = run(*search("--study", "s", "--resume", trials=6))[1]
    assert resumed["trials"] == 6
    through = run(*search("--study", "t", trials=6))[1]
    assert resumed["best"] == through["best"]
    status, _, told = run(*search("--study", "s", "--resume", "--seed", 5))
    assert status == 2
    assert "seed" in told


@pytest.mark.slow
def test_a_pareto_search_has_a_front_a_knee_and_a_plot(run: Tune) -> None:
    status, document, told = run(*search("--study", "p", "--objective", "pareto"))
    assert status == 0, told
    qualities = [point["quality"] for point in document["front"]]
    tokens = [point["tokens"] for point in document["front"]]
    assert qualities == sorted(qualities)
    assert tokens == sorted(tokens)
    assert document["knee"] in document["front"]
    assert document["pruned"] == 0
    assert (Path(document["output"]) / "pareto.png").is_file()
    page = (Path(document["output"]) / "study.html").read_text()
    assert "the default cut to each budget" in page
    assert f"knee: trial {document['knee']['number']}" in page
    assert f"knee: trial {document['knee']['number']}, " in told
    assert document["promotion"]["budget_tokens"] == 300
    saved = load_parameters(Path(document["output"]) / "tuned_parameters.json")
    assert saved.overrides()["program"]["context_tokens"] == 300, "saved is what was compared, at the budget asked for"
    shown = run("pareto", "p", "--budget-tokens", 8000, "--output", "again.png")[1]
    assert shown["front"] == document["front"]
    assert shown["best_under_budget"]["quality"] == max(qualities)
    assert shown["default_line"] == document["default_line"]
    assert Path("again.png").is_file()
    assert "trades two objectives" in run("best", "p")[2]


@pytest.mark.slow
def test_the_front_is_compared_with_the_default_in_as_many_tokens(run: Tune) -> None:
    document = run(*search("--study", "p", "--objective", "pareto", trials=4))[1]
    budgets = [one["budget_tokens"] for one in document["default_line"]]
    assert budgets == sorted({300, *(math.ceil(point["tokens"]) for point in document["front"])})
    assert all(one["tokens"] <= one["budget_tokens"] for one in document["default_line"])
    options = BenchmarkOptions(data=str(SAMPLE), budget_tokens=300)
    shipped = evaluate_with_benchmark({}, options).metrics
    at_300 = next(one for one in document["default_line"] if one["budget_tokens"] == 300)
    assert (at_300["quality"], at_300["tokens"]) == (shipped["all_evidence_rate"], shipped["context_tokens_mean"])
    held_out = evaluate_with_benchmark({}, replace(options, split="val")).metrics["all_evidence_rate"]
    assert document["promotion"]["default_value"] == pytest.approx(held_out), "promotion too is decided in 300 tokens"


@pytest.mark.slow
def test_a_search_leaves_what_its_page_needs(run: Tune) -> None:
    document = run(*search("--study", "mine", trials=5))[1]
    folder = Path(document["output"])
    trials = json.loads((folder / "trials.json").read_text())
    assert [one["number"] for one in trials] == list(range(5))
    assert trials[0]["params"] == document["defaults"]
    assert trials[0]["values"] == [document["default_value"]]
    assert set(document["importance"]) == set(document["defaults"])
    assert document["objectives"] == [{"name": "all_evidence_rate", "direction": "maximize"}]
    study = load_study(open_storage(DEFAULT_STORAGE), "mine")[0]
    assert study.metric_names == ["all_evidence_rate"], "the dashboard shows this name"
    assert all(trial.value is None for trial in study.trials if trial.state.name == "PRUNED")


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["latency", "balanced"])
def test_times_are_measured_and_never_taken_from_the_cache(run: Tune, objective: str) -> None:
    for name in ("a", "b"):
        document = run(*search("--study", name, "--objective", objective, trials=3))[1]
        assert document["questions"]["from_cache"] == 0
        assert document["best"]["value"] > 0


@pytest.mark.slow
def test_two_processes_share_a_study(run: Tune) -> None:
    status, document, told = run(*search("--study", "two", "--n-jobs", 2, trials=6))
    assert status == 0, told
    assert document["failed"] == 0
    assert 6 <= document["trials"] <= 7  # two that look at the same moment may each add one


# -- the other commands ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_stands_in_a_storage_is_shown_exported_and_deleted(run: Tune) -> None:
    document = run(*search("--study", "mine", "--pruner", "none", trials=5))[1]
    assert run("list")[1] == {"studies": [{"study": "mine", "trials": 5, "objectives": 1}]}
    assert run("status", "mine")[1]["trials"]["complete"] == 5
    best = run("best", "mine")[1]
    assert (best["number"], best["value"]) == (document["best"]["number"], document["best"]["value"])
    assert set(run("importance", "mine")[1]["importance"]) == set(document["best"]["params"])
    for name in ("out.csv", "out.json"):
        assert run("export", "mine", "--output", name)[1]["trials"] == 5
    assert [row["number"] for row in json.loads(Path("out.json").read_text())] == list(range(5))
    assert run("export", "mine", "--output", "out.xml")[0] == 2
    assert run("delete", "mine")[1] == {"study": "mine", "deleted": True}
    assert run("list")[1] == {"studies": []}


def test_a_script_of_ones_own_is_run_with_its_arguments(run: Tune, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("ANSWER = 41\n")
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys, beside\nfrom pathlib import Path\n"
        "def main():\n"
        "    Path('told.txt').write_text(f'{sys.argv[1:]} {beside.ANSWER} {__name__}')\n"
        "    return int(sys.argv[1])\n"
        "if __name__ == '__main__':\n    raise SystemExit(main())\n"
    )
    before = list(sys.path)
    assert run("run", script, 0, "--deep")[1] == {"script": str(script), "status": 0}
    assert (tmp_path / "told.txt").read_text() == "['0', '--deep'] 41 __main__"
    assert sys.path == before
    status, _, told = run("run", script, 3)
    assert (status, told) == (1, f"tune.py: {script} ended with status 3\n")
    assert run("run", tmp_path / "gone.py")[0] == 2


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--n-trials", "0"], "--n-trials must be at least 1, got 0"),
        (["--timeout", "-1"], "--timeout must be above 0"),
        (["--split", "val"], "--promote-on val: the winner must prove itself on other conversations"),
        (["--objective", "pareto", "--pruner", "wilcoxon"], "--pruner compares questions found"),
        (["--objective", "retention"], "--objective retention and --space compaction go together"),
        (["--space", "compaction"], "--objective retention and --space compaction go together"),
        (["--study", "no/slash"], "the study name 'no/slash' is not usable"),
        (["--resume"], "--resume needs the name of its study: add --study"),
        (["--data", "gone.json"], "gone.json: cannot be read"),
        (["--storage", "mysql://x/y"], "mysql"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(run: Tune, flags: list[str], told: str) -> None:
    status, document, said = run("--data", SAMPLE, "--n-trials", 1, "--no-mlflow", *flags)
    assert (status, document) == (2, None)
    assert told in said
    assert said.startswith("tune.py: ")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_an_unknown_study_is_one_line_that_lists_the_known_ones(run: Tune) -> None:
    run(*search("--study", "mine", trials=1))
    for command in ("status", "best", "pareto", "importance", "delete"):
        status, _, told = run(command, "other")
        assert status == 2, command
        assert "no study 'other'" in told


def test_help_needs_no_heavy_import() -> None:
    check = (
        "import sys, tune\n"
        "try: tune.main(['--help'])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "heavy = {'dspy', 'optuna', 'numpy', 'scipy', 'matplotlib', 'fastapi', 'rich', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for told in ("--budget-tokens", "--n-jobs", "--sampler", "--pruner", "--storage", "worker", "importance", "run"):
        assert told in done.stdout


@pytest.mark.slow
def test_tuning_loads_no_language_model_library() -> None:
    check = (
        "import sys, tuning.measuring.run_trial, tuning.results.conclusion, tuning.measuring.no_effect\n"
        "assert not {'dspy', 'litellm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# -- what is done with the result --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_evaluate_takes_the_parameters_and_says_what_they_are_worth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    promotion = {"promote": False, "difference": 0.001, "ci95": [-0.01, 0.02], "split": "val", "questions": 60}
    tuned = tmp_path / "tuned_parameters.json"
    tuned.write_text(
        json.dumps({"ranking": {"question_prior": 9.0}, "memory": {"max_hops": 3}, "promotion": promotion})
    )
    flags = ["--data", str(SAMPLE), "--mode", "retrieval", "--split", "all", "--no-mlflow", "--num-test", "20"]
    recalls = []
    for name, more in (("shipped", []), ("tuned", ["--parameters", str(tuned), "--memory-tokens", "9000"])):
        assert evaluate.main([*flags, "--run-dir", name, *more]) == 0
        captured = capsys.readouterr()
        document = json.loads(captured.out.splitlines()[-1])
        recalls.append(document["programs"]["memory"]["evidence_recall_at"]["500"])
    assert recalls[1] < recalls[0]
    assert "KEEP DEFAULTS, says the file itself: +0.10 points on 60 val questions" in document["parameters"]
    assert captured.err.count("KEEP DEFAULTS") == 2  # when it starts, and where the numbers are
    config = json.loads(Path("tuned/config.json").read_text())
    memory, program = config["memory"], config["program"]
    assert (memory["ranking"]["question_prior"], program["max_hops"], memory["memory_tokens"]) == (9.0, 3, 9000)
    assert evaluate.main(["--resume", "tuned", "--no-mlflow"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == document
