"""The tuning service over real HTTP, on real storages: what it remembers, what it refuses, and that it never fails."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from postgres_server import run_postgres
from strategies import num_examples
from tuning_objective import DEFAULTS, SPACE, SPACE_JSON, run_trial, score
from tuning_server import serving, serving_process

from tuning.errors import StorageUnavailableError
from tuning.service.__main__ import main
from tuning.studies.storage import open_storage
from tuning.studies.study import StudySpec, load_study, open_study
from tuning.studies.worker import run_worker

TOKEN = "0123456789abcdef0123"


ON_BOTH_STORAGES = pytest.mark.parametrize("location", ["{}/a.journal", "sqlite:///{}/a.db"], indirect=True)


@pytest.fixture
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal, unless the test asks for others."""
    return str(getattr(request, "param", "{}/a.journal")).format(tmp_path)


@pytest.fixture
def http(location: str) -> Iterator[httpx.Client]:
    with serving(open_storage(location)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def create(http: httpx.Client, name: str = "mine", **spec: Any) -> httpx.Response:
    return http.post("/studies", json={"name": name, "space": SPACE_JSON, **spec})


def suggest(http: httpx.Client, worker: str = "w1", name: str = "mine", **body: Any) -> dict[str, Any]:
    response = http.post(f"/studies/{name}/suggest", json={"worker_id": worker, **body})
    assert response.status_code == 200, response.text
    return dict(response.json())


def tell(http: httpx.Client, number: int, what: str, name: str = "mine", **body: Any) -> httpx.Response:
    return http.post(f"/studies/{name}/trials/{number}/{what}", json=body)


# -- studies -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@ON_BOTH_STORAGES
def test_a_study_is_made_taken_up_listed_and_removed(http: httpx.Client) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/studies").json() == []
    made = create(http, seed=5, sampler="random", pruner="median", settings={"budget_tokens": 2000})
    assert made.status_code == 201
    assert create(http, seed=5, sampler="random", pruner="median", settings={"budget_tokens": 2000}).status_code == 200
    shown = http.get("/studies/mine").json()
    assert shown == made.json() == http.get("/studies").json()[0]
    assert shown["space"] == SPACE.as_json()
    assert (shown["seed"], shown["sampler"], shown["pruner"]) == (5, "random", "median")
    assert shown["settings"] == {"budget_tokens": 2000}
    assert shown["trials"] == {"running": 0, "complete": 0, "pruned": 0, "fail": 0, "waiting": 1, "lost": 0}
    assert http.delete("/studies/mine").status_code == 204
    assert http.delete("/studies/mine").status_code == 404
    assert http.get("/studies/mine").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"space": {"parameters": SPACE_JSON["parameters"][:2]}}, "search space"),
        ({"seed": 9}, "seed"),
        ({"directions": ["minimize"]}, "directions"),
        ({"sampler": "random"}, "sampler"),
        ({"settings": {"split": "val"}}, "split"),
    ],
)
def test_a_study_made_again_with_another_spec_is_a_conflict(
    http: httpx.Client, change: dict[str, Any], word: str
) -> None:
    create(http)
    again = create(http, **change)
    assert again.status_code == 409
    assert word in again.json()["detail"]
    assert http.get("/studies/mine").json()["space"] == SPACE.as_json()


def one(**changes: Any) -> dict[str, Any]:
    return {"parameters": [{"name": "x", "kind": "float", "low": 0.0, "high": 1.0, "default": 0.5, **changes}]}


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        {"space": one(low=2.0)},
        {"space": one(default=7.0)},
        {"space": one(kind="magic")},
        {"space": one(log=True)},
        {"space": one(step=-1.0)},
        {"space": {"parameters": []}},
        {"space": {}},
        {"space": None},
        {"preset": "nonsense", "space": None},
        {"name": "a b"},
        {"name": "../x"},
        {"directions": []},
        {"directions": ["maximize", "minimize"], "pruner": "wilcoxon"},
        {"sampler": "magic"},
        {"seed": -1},
        {"surprise": 1},
    ],
)
def test_a_study_that_cannot_be_is_refused_and_nothing_is_made(http: httpx.Client, body: dict[str, Any]) -> None:
    refused = http.post("/studies", json={"name": "mine", "space": SPACE_JSON, **body})
    assert refused.status_code == 422
    assert isinstance(refused.json()["detail"], str)
    assert "\n" not in refused.json()["detail"]
    assert http.get("/studies").json() == []


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["quick", "standard", "full", "compaction"])
def test_a_preset_makes_a_study_whose_first_trial_is_the_shipped_default(tmp_path: Path, preset: str) -> None:
    from tuning.presets import PRESETS

    with serving(open_storage(tmp_path / "a.journal")) as url, httpx.Client(base_url=url, timeout=60) as http:
        assert http.post("/studies", json={"name": "mine", "preset": preset}).status_code == 201
        assert suggest(http)["params"] == PRESETS[preset].defaults()
        assert suggest(http, "w2")["params"] != PRESETS[preset].defaults()


# -- trials ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@ON_BOTH_STORAGES
def test_the_same_worker_gets_the_same_trial_until_it_ends(http: httpx.Client) -> None:
    create(http)
    first = suggest(http, "w1")
    assert first["params"] == DEFAULTS
    assert first["best_params"] is None
    again = suggest(http, "w1")
    assert (again["number"], again["params"]) == (first["number"], first["params"])
    assert again["lease_until"] >= first["lease_until"]
    assert suggest(http, "w2")["number"] == 1
    assert tell(http, 0, "complete", values=[0.5]).json()["state"] == "complete"
    third = suggest(http, "w1")
    assert third["number"] == 2
    assert third["best_params"] == DEFAULTS


@pytest.mark.slow
def test_workers_that_ask_at_once_get_different_trials(tmp_path: Path) -> None:
    with serving(open_storage(tmp_path / "a.journal")) as url:
        with httpx.Client(base_url=url, timeout=60) as http:
            create(http)
        numbers: list[int] = []

        def work(worker: str) -> None:
            with httpx.Client(base_url=url, timeout=60) as http:
                for _ in range(3):
                    number = suggest(http, worker)["number"]
                    numbers.append(number)
                    assert tell(http, number, "complete", values=[1.0]).status_code == 200

        threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers) == list(range(24))


@pytest.mark.slow
@ON_BOTH_STORAGES
def test_values_reports_and_attributes_are_all_kept(http: httpx.Client, location: str) -> None:
    create(http)
    suggest(http)
    tell(http, 0, "report", values={"3": 0.25, "1": 0.5}, user_attrs={"metrics": {"f1": 0.4}})
    tell(http, 0, "report", values={"3": 0.99, "4": 0.75})
    tell(http, 0, "complete", values=[0.5], user_attrs={"note": [1, None]})
    trial = load_study(open_storage(location), "mine")[0].trials[0]
    assert trial.intermediate_values == {1: 0.5, 3: 0.25, 4: 0.75}
    assert trial.user_attrs["metrics"] == {"f1": 0.4}
    assert trial.user_attrs["note"] == [1, None]
    shown = http.get("/studies/mine/trials").json()[0]
    assert shown["reports"] == {"1": 0.5, "3": 0.25, "4": 0.75}
    assert shown["values"] == [0.5]


@pytest.mark.parametrize("body", ['{"values": [NaN]}', '{"values": [null]}', '{"values": [1e999]}'])
def test_a_value_that_is_no_number_fails_the_trial_and_is_never_zero(http: httpx.Client, body: str) -> None:
    create(http)
    suggest(http)
    told = http.post("/studies/mine/trials/0/complete", content=body, headers={"content-type": "application/json"})
    assert told.status_code == 200
    assert told.json()["state"] == "fail"
    assert told.json()["values"] is None
    assert "not a finite number" in told.json()["user_attrs"]["error"]
    assert http.get("/studies/mine/best").status_code == 404


def test_a_trial_is_told_its_end_once_and_the_same_end_again_is_no_error(http: httpx.Client) -> None:
    create(http)
    ends: list[tuple[str, dict[str, Any]]] = [
        ("complete", {"values": [0.5]}),
        ("prune", {}),
        ("fail", {"error": "no data"}),
    ]
    for number, (what, body) in enumerate(ends):
        suggest(http)
        assert tell(http, number, what, **body).status_code == 200
        assert tell(http, number, what, **body).status_code == 200, "the answer may not have arrived"
    assert [trial["state"] for trial in http.get("/studies/mine/trials").json()] == ["complete", "pruned", "fail"]
    others: list[dict[str, Any]] = [{"values": [0.7]}, {"values": [0.5]}, {}]
    for number, other in enumerate(others):
        refused = tell(http, number, "complete" if other else "prune", **other)
        assert refused.status_code == 409
        assert "is not running but" in refused.json()["detail"]
    assert tell(http, 0, "report", values={"1": 0.5}).status_code == 409
    assert tell(http, 99, "complete", values=[0.5]).status_code == 404


def test_what_the_service_itself_notes_cannot_be_overwritten(http: httpx.Client) -> None:
    create(http)
    suggest(http)
    for name in ("worker", "lease_until", "lost", "retry_of", "error"):
        assert tell(http, 0, "complete", values=[1.0], user_attrs={name: 1}).status_code == 422
    assert tell(http, 0, "complete", values=[1.0, 2.0]).status_code == 422
    assert http.get("/studies/mine/trials").json()[0]["state"] == "running"


def test_an_expired_lease_fails_the_trial_and_another_worker_gets_its_parameters(http: httpx.Client) -> None:
    create(http)
    params = suggest(http, "dead", lease_sec=0.05)["params"]
    time.sleep(0.2)
    assert http.get("/studies/mine").json()["trials"]["lost"] == 1
    assert suggest(http, "alive")["params"] == params
    late = tell(http, 0, "complete", values=[1.0])
    assert late.status_code == 409


def test_a_report_renews_the_lease(http: httpx.Client) -> None:
    create(http)
    suggest(http, lease_sec=2)
    tell(http, 0, "report", lease_sec=60)
    time.sleep(2.2)
    assert http.get("/studies/mine").json()["trials"]["running"] == 1


def test_a_trial_given_back_is_proposed_again(http: httpx.Client) -> None:
    create(http)
    suggest(http)
    assert tell(http, 0, "fail", error="interrupted", lost=True).json()["state"] == "fail"
    assert suggest(http, "w2") | {"lease_until": 0, "number": 0} == {
        "number": 0,
        "params": DEFAULTS,
        "lease_until": 0,
        "best_params": None,
    }


def test_no_trial_beyond_those_a_worker_asks_within(http: httpx.Client) -> None:
    create(http)
    first = suggest(http, n_trials=1)
    other = http.post("/studies/mine/suggest", json={"worker_id": "w2", "n_trials": 1})
    assert (other.status_code, other.content) == (204, b"")
    assert suggest(http, n_trials=1)["number"] == first["number"], "the holder hears of its own"
    assert http.get("/studies/mine").json()["settled"] == 0

    tell(http, 0, "fail", error="interrupted", lost=True)
    assert suggest(http, "w2", n_trials=1)["params"] == DEFAULTS
    tell(http, 1, "complete", values=[1.0])
    assert http.get("/studies/mine").json()["settled"] == 1
    for n_trials in (0, 2**31, "two"):
        assert http.post("/studies/mine/suggest", json={"worker_id": "w2", "n_trials": n_trials}).status_code == 422


def test_the_pruner_stops_a_trial_that_is_worse_question_by_question(http: httpx.Client) -> None:
    create(http, pruner="wilcoxon")
    for values in ({str(n): 0.9 for n in range(30)}, {str(n): 0.2 for n in range(30)}):
        number = suggest(http)["number"]
        pruned = tell(http, number, "report", values=values).json()["should_prune"]
        assert pruned == (number == 1)
        if pruned:
            tell(http, number, "prune")
        else:
            tell(http, number, "complete", values=[0.9])
    assert http.get("/studies/mine").json()["trials"]["pruned"] == 1
    assert http.get("/studies/mine/trials", params={"state": "pruned"}).json()[0]["number"] == 1


# -- results -----------------------------------------------------------------------------------------------------------


def test_best_front_and_importance(http: httpx.Client) -> None:
    create(http)
    assert http.get("/studies/mine/best").status_code == 404
    assert http.get("/studies/mine/importance").json() == {"importance": None}
    for _ in range(12):
        trial = suggest(http)
        tell(http, trial["number"], "complete", values=[score(trial["params"])])
    values = [trial["values"][0] for trial in http.get("/studies/mine/trials").json()]
    best = http.get("/studies/mine/best").json()
    assert best["values"] == [max(values)]
    assert [trial["number"] for trial in http.get("/studies/mine/pareto").json()] == [best["number"]]
    shares = http.get("/studies/mine/importance").json()["importance"]
    assert shares.keys() <= {"x", "k", "mode", "y"}
    assert abs(sum(shares.values()) - 1) < 1e-6


@pytest.mark.slow
@ON_BOTH_STORAGES
def test_the_front_goes_the_way_of_the_directions(http: httpx.Client) -> None:
    create(http, directions=["maximize", "minimize"])
    for quality, seconds in [(0.9, 5.0), (0.5, 1.0), (0.4, 2.0), (0.9, 9.0)]:
        assert tell(http, suggest(http)["number"], "complete", values=[quality, seconds]).status_code == 200
    assert [trial["number"] for trial in http.get("/studies/mine/pareto").json()] == [0, 1]
    refused = http.get("/studies/mine/best")
    assert refused.status_code == 409
    assert "see pareto" in refused.json()["detail"]
    assert http.get("/studies/mine").json()["best_value"] is None
    number = suggest(http)["number"]
    assert tell(http, number, "report", values={"1": 0.5}).status_code == 409
    assert tell(http, number, "report").json() == {"should_prune": False}


def test_trials_come_in_pages(http: httpx.Client) -> None:
    create(http)
    for _ in range(5):
        tell(http, suggest(http)["number"], "prune")
    pages = [http.get("/studies/mine/trials", params={"limit": 2, "offset": at}).json() for at in (0, 2, 4, 6)]
    assert [[trial["number"] for trial in page] for page in pages] == [[0, 1], [2, 3], [4], []]
    assert http.get("/studies/mine/trials", params={"limit": 0}).status_code == 422


# -- restarts ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "nsgaii"])
def test_a_restarted_service_goes_on_as_a_local_run_would(tmp_path: Path, sampler: str) -> None:
    """Sampler, pruner and seed survive: the same trials as without service and without restart."""
    spec = StudySpec("mine", SPACE, seed=7, sampler=sampler)
    study = open_study(open_storage(tmp_path / "local.journal"), spec)
    run_worker(study, run_trial, n_trials=15)

    location = tmp_path / "served.journal"
    for stop in (6, 7, 15):
        with serving(open_storage(location)) as url, httpx.Client(base_url=url, timeout=60) as http:
            create(http, seed=7, sampler=sampler)
            while (trial := suggest(http))["number"] < stop:
                tell(http, trial["number"], "complete", values=[score(trial["params"])])
    served = load_study(open_storage(location), "mine")[0].trials[:15]
    assert [trial.params for trial in served] == [trial.params for trial in study.trials]


def test_a_worker_that_asks_after_a_restart_gets_the_trial_it_held(tmp_path: Path) -> None:
    location = tmp_path / "a.journal"
    asked = []
    for _ in range(2):
        with serving(open_storage(location)) as url, httpx.Client(base_url=url, timeout=60) as http:
            create(http)
            asked.append(suggest(http))
    assert asked[0]["number"] == asked[1]["number"]


# -- who may ask -------------------------------------------------------------------------------------------------------


def test_with_a_token_only_its_bearer_is_answered(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "a.journal")
    with serving(storage, token=TOKEN) as url, httpx.Client(base_url=url, timeout=60) as http:
        assert http.get("/health").status_code == 200
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
            for method, path in (("GET", "/studies"), ("DELETE", "/studies/x"), ("POST", "/studies/x/suggest")):
                refused = http.request(method, path, headers=headers)
                assert refused.status_code == 401
                assert refused.headers["WWW-Authenticate"] == "Bearer"
                assert TOKEN not in refused.text
        assert http.get("/studies", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_without_a_token_a_web_page_under_another_name_is_not_answered(http: httpx.Client) -> None:
    assert http.get("/studies", headers={"Host": "rebound.example"}).status_code == 400
    form = http.post("/studies", content='{"name": "x"}', headers={"content-type": "text/plain"})
    assert form.status_code == 422


@pytest.mark.parametrize(
    ("arguments", "token", "status", "message"),
    [
        (["--host", "0.0.0.0"], "", 2, "--host 0.0.0.0 can be reached by others and needs a token: export MEMORY_"),
        (["--host", "0.0.0.0"], "short", 2, "MEMORY_TUNER_TOKEN must be at least 16 printable characters"),
        (["--storage", "mysql://x/y"], "", 2, "no storage of the kind mysql://"),
        (
            ["--storage", "postgresql://u:secret@127.0.0.1:1/x"],
            "",
            1,
            "postgresql://[redacted]@127.0.0.1:1/x cannot be",
        ),
        (["--port", "99999"], "", 2, "--port must be in 0..65535"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_one_line(
    arguments: list[str],
    token: str,
    status: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "postgresql" in " ".join(arguments):
        pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    monkeypatch.setenv("MEMORY_TUNER_TOKEN", token)
    assert main(arguments) == status
    told = capsys.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1
    assert "secret" not in told


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--storage", str(tmp_path / "a.journal"), "--port", str(port)]) == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in capsys.readouterr().err


# -- anything may come -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_database_that_goes_away_is_503_with_its_reason() -> None:
    pytest.importorskip("psycopg2", reason="needs pip install '.[tune]'")
    with contextlib.ExitStack() as stack:
        with run_postgres() as location:
            http = stack.enter_context(
                httpx.Client(base_url=stack.enter_context(serving(open_storage(location))), timeout=60)
            )
            create(http)
            assert suggest(http)["params"] == DEFAULTS
        for path in ("/health", "/studies", "/studies/mine/best"):
            answer = http.get(path)
            assert answer.status_code == 503
            assert "the storage failed: " in answer.json()["detail"]
            assert "\n" not in answer.json()["detail"]


def test_a_storage_that_goes_away_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage(tmp_path / "a.journal")

    def gone() -> None:
        raise StorageUnavailableError("the disk is full")

    with serving(storage) as url, httpx.Client(base_url=url, timeout=60) as http:
        monkeypatch.setattr(storage, "get_all_studies", gone)
        assert http.get("/health").status_code == 503
        answer = http.get("/studies")
    assert (answer.status_code, answer.json()) == (503, {"detail": "the disk is full"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.floats() | st.integers(-(2**62), 2**62) | st.sampled_from([0, 1, 0.5, 1e308, 5e-324, None, "1", True])
PARAMETER = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b", "c.d"]), "kind": st.sampled_from(["float", "int", "categorical"])},
    optional={
        **dict.fromkeys(("low", "high", "step", "default"), NUMBERS),
        "log": st.booleans(),
        "choices": st.lists(NUMBERS | st.text(max_size=2), max_size=4),
        "when": st.fixed_dictionaries({"name": st.sampled_from(["a", "z"]), "values": st.lists(NUMBERS, max_size=2)}),
    },
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    storage = open_storage(tmp_path_factory.mktemp("fuzz") / "a.journal")
    with serving(storage) as url, httpx.Client(base_url=url, timeout=60) as http:
        create(http, "known")
        yield http


def post(http: httpx.Client, path: str, body: Any) -> httpx.Response:
    return http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})


@given(parameters=st.lists(PARAMETER, min_size=1, max_size=3))
@settings(
    max_examples=num_examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_space_is_refused_or_can_be_asked(shared: httpx.Client, parameters: list[dict[str, Any]]) -> None:
    made = post(shared, "/studies", {"name": "any", "space": {"parameters": parameters}})
    assert made.status_code in (201, 422), made.text
    if made.status_code == 201:
        for worker in "abc":
            suggest(shared, worker, "any")
        assert shared.delete("/studies/any").status_code == 204


@given(body=JSON, attrs=st.dictionaries(st.text(max_size=4), JSON, max_size=2))
@settings(
    max_examples=num_examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_body_is_answered_and_can_be_read_back(shared: httpx.Client, body: Any, attrs: dict[str, Any]) -> None:
    number = suggest(shared, "w", "known")["number"]
    for what, sent in (("report", body), ("complete", body), ("complete", {"values": [1.0], "user_attrs": attrs})):
        answer = post(shared, f"/studies/known/trials/{number}/{what}", sent)
        assert answer.status_code in (200, 409, 422), answer.text
    for path in ("/studies", "/studies/known/trials?limit=1000&offset=" + str(number), "/studies/known/best"):
        assert shared.get(path).status_code in (200, 404)


@pytest.mark.slow
@ON_BOTH_STORAGES
def test_schemathesis_finds_no_server_error(tmp_path: Path, location: str) -> None:
    """The OpenAPI document fuzzed, on a study that exists (nothing deletes it), with and without the token."""
    pytest.importorskip("schemathesis", reason="needs pip install '.[dev]'")
    program = Path(sys.executable).with_name("st")
    study = open_study(open_storage(location), StudySpec("standard", SPACE, seed=1))
    with serving_process(location, token=TOKEN) as url:
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,ignored_auth"
        command = [str(program), "run", f"{url}/openapi.json", "--checks", checks, "--exclude-method", "DELETE"]
        command += ["--max-examples", "4", "--max-time", "15", "--seed", "1", "-H", f"Authorization: Bearer {TOKEN}"]
        outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False)
    assert outcome.returncode == 0, outcome.stdout[-6_000:] + outcome.stderr[-2_000:]
    assert "Tested: 13" in outcome.stdout
    assert study.get_trials(deepcopy=False)[0].state != TrialState.WAITING, "it came as far as the trials"
