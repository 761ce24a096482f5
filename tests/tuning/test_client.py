"""The client of the tuning service: its commands, its worker, and what it says when there is no service."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from http_stand_in import Fault, FixedAnswers
from optuna.trial import TrialState
from ports import free_port
from tuning_objective import DEFAULTS, SPACE, SPACE_JSON, run_trial, score
from tuning_server import serving, serving_process

from tuning.client import TunerClient, main
from tuning.errors import ServiceError, ServiceUnavailableError, TrialLostError
from tuning.service.trial import ServiceTrial, run_service_worker
from tuning.studies.leases import was_lost
from tuning.studies.source import Outcome
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker

TOKEN = "0123456789abcdef0123"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TunerClient]:
    with serving(open_storage(tmp_path / "a.journal")) as url, TunerClient(url) as client:
        client.create_study("mine", space=SPACE_JSON, seed=1, settings={"budget_tokens": 2000})
        yield client


# -- the worker --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_worker_through_the_service_measures_what_a_local_one_would(client: TunerClient, tmp_path: Path) -> None:
    told: list[Outcome] = []
    report = run_service_worker(client, "mine", run_trial, n_trials=12, on_trial=told.append)
    local = open_study(open_storage(tmp_path / "b.journal"), StudySpec("mine", SPACE, seed=1))
    run_worker(local, run_trial, n_trials=12)
    assert (report.completed, report.stopped_by) == (12, "n_trials")
    assert [outcome.params for outcome in told] == [trial.params for trial in local.trials]
    assert [outcome.values for outcome in told] == [(trial.value,) for trial in local.trials]
    assert told[0] == Outcome(0, "complete", DEFAULTS, (score(DEFAULTS),), None)
    assert client.best("mine")["values"] == [local.best_value]
    assert client.study("mine")["settings"] == {"budget_tokens": 2000}


def test_reports_attributes_failures_and_prunings_arrive(client: TunerClient) -> None:
    seen: list[Mapping[str, Any] | None] = []

    def measure(trial: ServiceTrial, best_params: Mapping[str, Any] | None) -> float:
        seen.append(best_params)
        trial.report(0.5, 20)
        trial.set_user_attr("metrics", {"recall": 0.75})
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise OSError("the data is gone")
        return math.nan if trial.number == 3 else 1.0

    report = run_service_worker(client, "mine", measure, n_trials=5)
    trials = client.trials("mine")
    assert (report.completed, report.pruned, report.failed) == (2, 1, 2)
    assert [trial["state"] for trial in trials] == ["complete", "pruned", "fail", "fail", "complete"]
    assert [trial["reports"] for trial in trials] == [{"20": 0.5}] * 5
    assert [trial["user_attrs"]["metrics"] for trial in trials] == [{"recall": 0.75}] * 5
    assert trials[1]["values"] is None, "a pruned trial has reports, and no value of a whole trial"
    assert trials[2]["user_attrs"]["error"] == "OSError: the data is gone"
    assert seen == [None, *[DEFAULTS] * 4]
    assert [trial["number"] for trial in client.trials("mine", state="fail")] == [2, 3]


@pytest.mark.slow
def test_more_reports_than_one_request_takes_all_arrive(client: TunerClient) -> None:
    trial = ServiceTrial(client, "mine", client.suggest("mine", "w1"), 60)
    for step in range(1_100):
        trial.report(0.5, step)
    assert trial.should_prune() is False
    assert len(client.trials("mine")[0]["reports"]) == 1_100


def test_a_parameter_that_the_study_does_not_have_is_named(client: TunerClient) -> None:
    trial = ServiceTrial(client, "mine", client.suggest("mine", "w1"), 30)
    with pytest.raises(ValueError, match="the study 'mine' has no parameter 'z'; it has x, k, mode"):
        trial.suggest_float("z", 0, 1)
    assert SPACE.suggest(trial) == DEFAULTS


def test_a_trial_that_was_given_up_meanwhile_is_told_as_lost(client: TunerClient) -> None:
    number = client.suggest("mine", "w1", lease_sec=0.05)["number"]
    time.sleep(0.2)
    with pytest.raises(TrialLostError, match="trial 0 is not running but fail"):
        client.complete("mine", number, [1.0])


@pytest.mark.slow
def test_a_held_trial_is_renewed_through_the_service(client: TunerClient) -> None:
    def slow(trial: ServiceTrial, best_params: Mapping[str, Any] | None) -> float:
        time.sleep(2.0)
        return 1.0

    report = run_service_worker(client, "mine", slow, n_trials=1, lease_sec=0.9)
    assert (report.completed, report.lost) == (1, 0)


def test_an_interrupted_worker_gives_its_trial_back(client: TunerClient) -> None:
    def interrupted(trial: ServiceTrial, best_params: Mapping[str, Any] | None) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_service_worker(client, "mine", interrupted, n_trials=1)
    assert client.study("mine")["trials"]["lost"] == 1
    assert client.suggest("mine", "w2")["params"] == DEFAULTS


@pytest.mark.slow
def test_a_worker_outlives_a_restart_of_the_service(tmp_path: Path) -> None:
    """The service is away for a moment in the middle of a trial: the worker waits, and the same trial goes on."""
    location = tmp_path / "a.journal"
    port = free_port()
    gone, back = threading.Event(), threading.Event()

    def measure(trial: ServiceTrial, best_params: Mapping[str, Any] | None) -> float:
        if trial.number == 1:
            gone.set()
            assert back.wait(60)
        return 1.0

    def serve() -> None:
        with serving(open_storage(location), port=port):
            assert gone.wait(60)
        threading.Timer(1.0, back.set).start()
        time.sleep(2.0)
        with serving(open_storage(location), port=port):
            assert finished.wait(60)

    finished = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with TunerClient(f"http://127.0.0.1:{port}", patience_sec=60) as client:
            client.create_study("mine", space=SPACE_JSON)
            report = run_service_worker(client, "mine", measure, n_trials=3)
    finally:
        gone.set()
        finished.set()
        thread.join(60)
    assert (report.completed, report.lost) == (3, 0)
    study, _ = load_study(open_storage(location), "mine")
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 3
    assert not any(was_lost(trial) for trial in study.trials)


# -- the commands ------------------------------------------------------------------------------------------------------


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(list(arguments)) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_the_commands_go_through_a_studys_life(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = tmp_path / "space.json"
    space.write_text(json.dumps(SPACE_JSON))
    with serving(open_storage(tmp_path / "a.journal")) as url:
        say = ("--url", url)
        made = answer(capsys, *say, "create", "mine", "--space", str(space), "--seed", "1", "--settings", '{"a": 1}')
        assert (made["seed"], made["settings"], made["trials"]["waiting"]) == (1, {"a": 1}, 1)
        with TunerClient(url) as client:
            run_service_worker(client, "mine", run_trial, n_trials=12)
        assert [study["name"] for study in answer(capsys, *say, "list")] == ["mine"]
        assert answer(capsys, *say, "status", "mine")["trials"]["complete"] == 12
        assert len(answer(capsys, *say, "trials", "mine", "--state", "complete")) == 12
        best = answer(capsys, *say, "best", "mine")
        assert best["values"] == [score(best["params"])]
        assert answer(capsys, *say, "pareto", "mine") == [best]
        assert answer(capsys, *say, "importance", "mine")["importance"].keys() <= {"x", "k", "mode", "y"}
        assert answer(capsys, *say, "delete", "mine") == {"deleted": "mine"}
        assert answer(capsys, *say, "list") == []
        assert answer(capsys, *say, "create", "two", "--preset", "quick", "--directions", "maximize,minimize")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status", "nope"], "no study 'nope' in this storage; there are: none"),
        (["create", "a b", "--preset", "quick"], "body.name: String should match pattern"),
        (["create", "mine", "--preset", "nope"], "no preset 'nope'; there are quick, standard, full, compaction"),
        (["create", "mine", "--space", "missing.json"], "cannot read missing.json: No such file or directory"),
        (["create", "mine", "--preset", "quick", "--directions", "up"], "directions.0: Input should be"),
    ],
)
def test_what_the_service_refuses_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with serving(open_storage(tmp_path / "a.journal")) as url:
        assert main(["--url", url, *arguments]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.splitlines()) == 1
    assert told.out == ""


@pytest.mark.slow
def test_the_token_is_sent_and_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving_process(tmp_path / "a.journal", token=TOKEN, host="0.0.0.0") as url:
        assert main(["--url", url, "list"]) == 2
        assert "wants its token: export MEMORY_TUNER_TOKEN=..." in capsys.readouterr().err
        monkeypatch.setenv("MEMORY_TUNER_TOKEN", TOKEN)
        assert answer(capsys, "--url", url, "list") == []


def test_people_see_a_table_and_json_only_when_they_ask_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.commands.is_terminal", lambda stream: True)
    with serving(open_storage(tmp_path / "a.journal")) as url:
        assert main(["--url", url, "create", "mine", "--preset", "quick"]) == 0
        capsys.readouterr()
        assert main(["--url", url, "list"]) == 0
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "mine" in shown.err
        assert main(["--url", url, "list", "--json"]) == 0
        assert [study["name"] for study in json.loads(capsys.readouterr().out)] == ["mine"]


def test_no_service_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["--url", f"http://127.0.0.1:{port}", "list"]) == 1
    told = capsys.readouterr().err
    assert f"the tuning service at http://127.0.0.1:{port} does not answer" in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url, "list"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_answer_that_drips_is_no_answer() -> None:
    with (
        FixedAnswers({"/studies": Fault(body=[], drip_sec=30)}) as server,
        TunerClient(server.base_url, timeout_sec=0.2) as client,
        pytest.raises(ServiceUnavailableError, match=r"does not answer: no whole answer within 0\.4 s"),
    ):
        client.studies()


def test_another_server_at_the_address_is_not_taken_for_the_service() -> None:
    page = "<html>Welcome!</html>"
    answers = {"/studies": Fault(200, page), "/studies/missing": Fault(404, page)}
    with FixedAnswers(answers) as server, TunerClient(server.base_url) as client:
        with pytest.raises(ServiceUnavailableError, match="is not the tuning service"):
            client.studies()
        with pytest.raises(ServiceError, match="HTTP 404"):
            client.study("missing")
