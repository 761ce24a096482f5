from __future__ import annotations

import inspect
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import dspy
import pytest
from checkout import ROOT
from dspy.lm15 import RateLimitError, Request, Response
from ports import free_port
from scripted_reader import Asker, ScriptedReader

from harness.tracking.address import TrackingError, check_uri
from harness.tracking.traces import TraceRecorder
from harness.tracking.tracker import NullTracker, Tracker, open_tracker
from harness.tracking.values import metrics_of, sample_ids
from memoryqa.lms.usage import measure_usage

SECRET = "hush-9c1f6a7e5d4b3a2f"
SUMMARY = {"f1": 0.5, "f1_by_category": {"temporal": 0.25, "open_domain": None}, "latency_sec_p95": 1.5, "failures": 0}


# -- a store, copied: MLflow takes seconds to make one -----------------------------------------------------------------


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    with mock.patch.dict(os.environ), open_tracker(f"sqlite:///{database}", experiment="template"):
        pass
    return database


def copy_store(source: Path, target: Path) -> Path:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)  # a plain copy would miss what stands in the write-ahead log
    return target


@pytest.fixture
def uri(migrated: Path, tmp_path: Path) -> str:
    (tmp_path / "store").mkdir()
    return f"sqlite:///{copy_store(migrated, tmp_path / 'store' / 'mlflow.db')}"


def runs(uri: str, experiment: str = "adaptive-memory-qa") -> list[Any]:
    """All runs, oldest first."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    return [] if found is None else list(reversed(client.search_runs([found.experiment_id])))


def traces(uri: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("adaptive-memory-qa")
    assert experiment is not None
    return list(client.search_traces(locations=[experiment.experiment_id]))


def artifact_names(uri: str, run_id: str, folder: str | None = None) -> list[str]:
    from mlflow import MlflowClient

    return sorted(one.path for one in MlflowClient(tracking_uri=uri).list_artifacts(run_id, folder))


def opened(uri: str | None, **options: Any) -> Tracker:
    tracker = open_tracker(uri, **options)
    assert isinstance(tracker, Tracker)
    return tracker


def end_with(tracker: Tracker, error: BaseException) -> None:
    """Leave the tracker's block by `error`."""
    with pytest.raises(type(error)), tracker:
        raise error


class FailingEngine:
    """An LM server whose error quotes a key."""

    def __deepcopy__(self, memo: object) -> FailingEngine:
        return self

    def complete(self, request: Request) -> Response:
        raise RateLimitError(f"landmark-two: no more calls for the key {SECRET}")


def log_answer(tracker: Tracker | NullTracker, program: str, question_id: str, **options: Any) -> None:
    tracker.log_trace(
        program,
        question_id,
        **{"inputs": {"question": "Where?"}, "outputs": {"answer": "there"}, "scores": {}, **options},
    )


# -- runs --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_shows_its_params_metrics_tags_and_artifacts(uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "plots").mkdir(parents=True)
    (folder / "answers.jsonl").write_text('{"f1": 1.0}\n')
    (folder / "plots" / "f1.png").write_bytes(b"\x89PNG\xff")
    (folder / ".answers.jsonl.tmp").write_text("half written")
    with opened(uri, run_name="first", run_dir=folder) as tracker:
        tracker.log_params({"memory": {"max_hops": 2}, "programs": ("simple", "memory"), "model": None})
        tracker.log_metrics(metrics_of(SUMMARY))
        tracker.set_tags({"commit": "abc123", "data.sha256": "ff", "absent": None})
        tracker.log_artifacts(folder)
    (run,) = runs(uri)
    assert run.info.run_name == "first"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"memory.max_hops": "2", "programs": "simple,memory", "model": "none"}
    assert run.data.metrics == {"f1": 0.5, "f1.temporal": 0.25, "latency_sec.p95": 1.5, "failures": 0.0}
    assert run.data.tags["mlflow.source.git.commit"] == run.data.tags["commit"] == "abc123"
    assert "absent" not in run.data.tags
    assert artifact_names(uri, tracker.run_id) == ["answers.jsonl", "plots"]
    assert artifact_names(uri, tracker.run_id, "plots") == ["plots/f1.png"]
    assert list((tmp_path / "store" / "mlruns").rglob("answers.jsonl")), "artifacts stand beside the database"


@pytest.mark.slow
def test_each_program_is_a_child_run_with_the_same_metric_names(uri: str) -> None:
    with opened(uri) as tracker:
        for number, name in enumerate(("simple", "memory")):
            tracker.child(name).log_params({"seed": 0})
            tracker.child(name).log_metrics({"f1": number / 2})
    parent, *children = runs(uri)
    assert [(run.info.run_name, run.data.metrics) for run in children] == [
        ("simple", {"f1": 0}),
        ("memory", {"f1": 0.5}),
    ]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.info.status for run in children} == {"FINISHED"}


@pytest.mark.slow
def test_a_resumed_evaluation_continues_its_run_and_its_children(uri: str, tmp_path: Path) -> None:
    tracker = opened(uri, run_dir=tmp_path / "a")
    tracker.child("memory").log_params({"seed": 0})
    end_with(tracker, KeyboardInterrupt())
    with opened(uri, run_dir=tmp_path / "b", resume=True) as other:
        assert other.run_id != tracker.run_id
    with opened(uri, run_dir=tmp_path / "a", resume=True) as resumed:
        assert resumed.run_id == tracker.run_id
        assert {run.info.run_id: run.info.status for run in runs(uri)}[resumed.run_id] == "RUNNING"
        resumed.child("memory").log_params({"seed": 0})
        resumed.child("memory").log_metrics({"f1": 1.0})
    assert sorted(run.info.status for run in runs(uri)) == ["FINISHED"] * 3  # two parents, one child
    with opened(uri, run_dir=tmp_path / "a") as fresh:
        assert fresh.run_id != tracker.run_id
    assert {run.info.run_name for run in runs(uri)} == {"a", "b", "memory"}
    assert not any("error" in run.data.tags for run in runs(uri)), "what stopped it is over"


def test_the_way_a_run_ended_is_its_status(uri: str) -> None:
    told = RuntimeError("interrupted; go on with --resume")  # evaluate.py raises it `from None` on Ctrl-C
    told.__context__ = KeyboardInterrupt()
    told.__suppress_context__ = True
    for error in (KeyboardInterrupt(), ValueError("no more"), told):
        tracker = opened(uri)
        tracker.child("memory")
        end_with(tracker, error)
    found = runs(uri)
    assert [run.info.status for run in found] == ["KILLED", "KILLED", "FAILED", "FAILED", "KILLED", "KILLED"]
    assert found[2].data.tags["error"] == "ValueError: no more"


def test_long_and_odd_values_are_stored_and_stay_comparable(uri: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"p{number}": number for number in range(150)}
    with opened(uri) as tracker:
        tracker.log_params({"long": "x" * 20_000, "longer": "x" * 20_001, "a{b}": 1, **many})
        tracker.log_metrics({"f1.ä(b)": 1.0}, step=3)
    (run,) = runs(uri)
    assert len(run.data.params) == 153
    assert run.data.params["a_b_"] == "1"
    assert "(20000 characters, sha256 " in run.data.params["long"]
    assert run.data.params["long"] != run.data.params["longer"]
    assert run.data.metrics == {"f1.ä_b_": 1.0}
    assert "warning" not in capsys.readouterr().err


def test_many_threads_may_log_to_one_run(uri: str) -> None:
    with opened(uri) as tracker, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: tracker.child(f"p{n % 2}").log_metrics({f"m{n}": float(n)}), range(12)))
    assert sum(len(run.data.metrics) for run in runs(uri)) == 12
    assert len(runs(uri)) == 3


# -- which store -------------------------------------------------------------------------------------------------------


def test_the_flag_goes_before_the_environment_and_that_before_the_default(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = {name: f"sqlite:///{copy_store(migrated, tmp_path / f'{name}.db')}" for name in ("flag", "env", "mlflow")}
    monkeypatch.chdir(tmp_path)
    with opened(None):
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", stores["env"])
    with opened(None):
        pass
    with opened(stores["flag"]):
        pass
    assert {name: len(runs(store)) for name, store in stores.items()} == {"flag": 1, "env": 1, "mlflow": 1}


@pytest.mark.parametrize(
    ("uri", "fix"),
    [
        ("mlruns", "write sqlite:///mlflow.db"),
        ("./runs/mlruns", "write sqlite:///mlflow.db"),
        ("file:///data/mlruns", "write sqlite:///mlflow.db"),
        ("file:mlruns", "write sqlite:///mlflow.db"),
        ("localhost:5000", "write http://localhost:5000"),
        ("sqlite://mlflow.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("ftp://host/x", "knows no ftp://"),
        ("http://", "write http://HOST:PORT"),
        ("http://:5000", "write http://HOST:PORT"),
        ("http://host:port", "write http://HOST:PORT"),
    ],
)
def test_an_address_that_mlflow_cannot_use_is_an_error_with_the_fix(uri: str, fix: str) -> None:
    with pytest.raises(TrackingError) as caught:
        open_tracker(uri)
    assert fix in str(caught.value)
    assert f"--mlflow-uri {uri}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["http://localhost:5000", "https://ml.example/x", "sqlite:////data/a.db", "databricks"])
def test_usable_addresses_are_accepted(uri: str) -> None:
    check_uri(uri, "--mlflow-uri")


def test_a_password_in_an_address_is_not_shown() -> None:
    with pytest.raises(TrackingError) as caught:
        check_uri("ftp://me:opensesame@host/x", "--mlflow-uri")
    assert "opensesame" not in str(caught.value)


def test_a_broken_database_is_an_error_when_named_and_a_warning_when_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").write_text("this is not a database, and long enough to be told from one" * 20)
    started = time.monotonic()
    with pytest.raises(TrackingError, match=r"--mlflow-uri .*mlflow\.db: .*not a database.*--no-mlflow"):
        open_tracker(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_tracker(None), NullTracker)
    warning = capsys.readouterr().err
    assert "not a database" in warning
    assert warning.count("\n") == 1
    assert time.monotonic() - started < 5


def test_a_database_of_another_mlflow_version_is_told_with_mlflows_advice(uri: str) -> None:
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0123456789ab'")
        connection.commit()
    with pytest.raises(TrackingError, match="mlflow db upgrade"):
        open_tracker(uri)


# -- a server that is not there ----------------------------------------------------------------------------------------


def test_a_dead_server_is_noticed_within_seconds_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    tracker = open_tracker(f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - started < 3
    assert isinstance(tracker, NullTracker)
    warning = capsys.readouterr().err
    assert "no server answers there" in warning
    assert warning.count("\n") == 1


@pytest.mark.slow
def test_a_server_that_stays_silent_is_given_up(
    migrated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # the user's own setting counts
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        started = time.monotonic()
        assert isinstance(open_tracker(f"http://me:opensesame@127.0.0.1:{silent.getsockname()[1]}"), NullTracker)
        assert time.monotonic() - started < 10
    warning = capsys.readouterr().err
    assert "MLflow at http://[redacted]@127.0.0.1" in warning
    assert "Read timed out" in warning
    assert "opensesame" not in warning
    assert warning.count("\n") == 1


class Gate:
    """A port that passes everything on to a server until it is shut: refusing connections, or accepting in silence."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.silent = False
        self._threads[0].start()

    def shut(self) -> None:
        for one in [self._listener, *self._open]:
            for end in (lambda one=one: one.shutdown(socket.SHUT_RDWR), one.close):
                try:
                    end()
                except OSError:
                    continue
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            if not self.silent:
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._open.append(server)
                for source, target in ((client, server), (server, client)):
                    self._threads.append(threading.Thread(target=self._pass_on, args=(source, target)))
                    self._threads[-1].start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self.silent:
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


# -- the UI ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ui(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """The port of an MLflow server, started as the README says, and the database under it."""
    folder = tmp_path_factory.mktemp("ui")
    database = copy_store(migrated, folder / "mlflow.db")
    port = free_port()
    log = folder / "server.log"
    command = ["-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{database}", "--workers", "1"]
    settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, **settings},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
                    assert response.read() == b"OK"
                    break
            except OSError:
                time.sleep(0.2)
        yield port, f"sqlite:///{database}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def fetch(port: int, path: str, body: object | None = None) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


@pytest.mark.slow
def test_the_ui_shows_a_run_that_was_written_without_it(ui: tuple[int, str], tmp_path: Path) -> None:
    port, store = ui
    (tmp_path / "report.html").write_text("<p>numbers</p>")
    # an experiment that was begun through the server keeps its artifacts there, and takes none beside it
    with opened(store, run_name="beside the UI", experiment="beside the UI") as tracker:
        tracker.log_metrics({"f1": 0.5})
        tracker.log_artifacts(tmp_path / "report.html")
    assert b"MLflow" in fetch(port, "/")
    body = {"experiment_ids": ["1", "2", "3"], "filter": "attributes.run_name = 'beside the UI'"}
    (run,) = json.loads(fetch(port, "/api/2.0/mlflow/runs/search", body))["runs"]
    assert run["data"]["metrics"][0]["key"] == "f1"
    query = urllib.parse.urlencode({"path": "report.html", "run_uuid": tracker.run_id})
    assert fetch(port, f"/get-artifact?{query}") == b"<p>numbers</p>"


@pytest.mark.slow
def test_a_run_with_traces_is_written_through_a_server(ui: tuple[int, str], tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{ui[0]}"
    (tmp_path / "answers.jsonl").write_text("{}\n")
    with opened(uri, run_name="served", run_dir=tmp_path, traced_ids={"q:1"}) as tracker:
        tracker.log_params({"model": "m"})
        with dspy.context(lm=ScriptedReader().lm()), tracker.trace("memory", "q:1"):
            Asker()(question="Where?")
        log_answer(tracker, "memory", "q:1", scores={"f1": 0.5}, expected="here")
        tracker.log_feedback("memory", "q:1", "strict", True, rationale="same place", judge_model="judge/m")
        tracker.log_artifacts(tmp_path / "answers.jsonl")
    assert {run.info.run_name: run.info.status for run in runs(uri)}["served"] == "FINISHED"
    assert artifact_names(uri, tracker.run_id) == ["answers.jsonl"]
    (trace,) = traces(uri)
    assert {one.name for one in trace.info.assessments} == {"f1", "strict", "expected_response"}
    assert len(trace.data.spans) == 4


@pytest.mark.slow
@pytest.mark.parametrize("dies", ["refuses", "stays silent"])
def test_a_server_that_dies_half_way_neither_stops_nor_hangs_the_run(
    ui: tuple[int, str], dies: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1" if dies == "stays silent" else "10")
    gate = Gate(ui[0])
    try:
        with opened(f"http://127.0.0.1:{gate.port}", run_name=dies, traced_ids={"q:0", "q:1", "q:2"}) as tracker:
            tracker.log_params({"written": True})
            if dies == "refuses":
                gate.shut()
            else:
                gate.silent = True
            started = time.monotonic()
            for number in range(5):
                with tracker.trace("memory", f"q:{number}"):
                    pass
                log_answer(tracker, "memory", f"q:{number}")
            tracker.log_metrics({"f1": 1.0})
            tracker.log_artifacts(Path(__file__))
    finally:
        gate.shut()
    assert time.monotonic() - started < 15
    warning = capsys.readouterr().err
    assert "what is missing there is in the run folder" in warning
    assert warning.count("\n") == 1
    (run,) = [run for run in runs(ui[1]) if run.info.run_name == dies]
    assert run.data.params == {"written": "true"}


# -- traces ------------------------------------------------------------------------------------------------------------


def test_a_trace_has_the_calls_the_scores_and_the_run(uri: str) -> None:
    with opened(uri, traced_ids={"chat:1"}) as tracker:
        with dspy.context(lm=ScriptedReader(answer="on a hill").lm()), tracker.trace("memory", "chat:1"):
            Asker()(question="Where is the mill?")
        log_answer(
            tracker,
            "memory",
            "chat:1",
            inputs={"question": "Where is the mill?"},
            outputs={"answer": "on a hill"},
            scores={"f1": 0.5, "all_evidence": True, "evidence_recall": None},
            expected="up the hill",
            tags={"category": "temporal"},
        )
        tracker.log_feedback(
            "memory", "chat:1", "judge_strict", "WRONG", rationale="which hill?", judge_model="judge/m"
        )
        child_id = tracker.child("memory").run_id
    (trace,) = traces(uri)
    assert trace.info.state == "OK"
    assert trace.info.trace_metadata["mlflow.sourceRun"] == child_id
    assert {key: trace.info.tags[key] for key in ("program", "question_id", "category")} == {
        "program": "memory",
        "question_id": "chat:1",
        "category": "temporal",
    }
    root, module, predictor, lm = sorted(trace.data.spans, key=lambda span: span.start_time_ns)
    assert (root.name, root.parent_id, root.span_type) == ("memory", None, "CHAIN")
    assert (module.name, module.parent_id) == ("Asker", root.span_id)
    assert (predictor.name, predictor.parent_id) == ("Predict StringSignature", module.span_id)
    assert (lm.name, lm.parent_id, lm.span_type) == ("LM test/scripted", predictor.span_id, "CHAT_MODEL")
    assert root.inputs == module.inputs == predictor.inputs == {"question": "Where is the mill?"}
    assert predictor.outputs == {"answer": "on a hill"}
    assert "Where is the mill?" in lm.inputs["messages"][-1]["content"]
    assert root.start_time_ns <= lm.start_time_ns <= lm.end_time_ns <= root.end_time_ns
    found = {one.name: one for one in trace.info.assessments}
    assert (found["f1"].value, found["all_evidence"].value) == (0.5, True)
    assert found["expected_response"].value == "up the hill"
    assert (found["judge_strict"].value, found["judge_strict"].rationale) == ("WRONG", "which hill?")
    assert found["judge_strict"].source.source_id == "judge/m"
    assert "evidence_recall" not in found


def test_a_failed_question_has_a_trace_with_its_error(uri: str) -> None:
    with opened(uri, traced_ids={"q"}) as tracker:
        with tracker.trace("memory", "q"), dspy.context(lm=dspy.LM("x/y", engine=FailingEngine(), num_retries=0)):
            try:
                Asker()(question="Where?")
            except dspy.utils.exceptions.LMError:
                failed = True
        log_answer(tracker, "memory", "q", outputs={"answer": ""})
    (trace,) = traces(uri)
    assert failed
    assert trace.info.state == "ERROR"
    assert all("landmark-two" in span.status.description for span in trace.data.spans)


def test_only_questions_of_the_sample_are_recorded(uri: str) -> None:
    ids = [f"chat:{number}" for number in range(40)]
    sampled = sample_ids(ids, 0.2)
    with opened(uri, traced_ids=sampled) as tracker:
        for question_id in ids:
            with tracker.trace("memory", question_id):
                recording = any(isinstance(one, TraceRecorder) for one in dspy.settings.callbacks)
            assert recording == (question_id in sampled)
            log_answer(tracker, "memory", question_id)
            tracker.log_feedback("memory", question_id, "late", 1.0)
    found = traces(uri)
    assert {trace.info.tags["question_id"] for trace in found} == sampled
    assert all("late" in {one.name for one in trace.info.assessments} for trace in found)


def test_traces_and_usage_are_counted_side_by_side_in_worker_threads(uri: str) -> None:
    program = Asker()
    together = threading.Barrier(4)

    def ask(number: int) -> int:
        together.wait(timeout=10)
        with measure_usage() as usage, tracker.trace("memory", f"q:{number}"):
            for _ in range(number):
                program(question=f"Question {number}?")
        return usage.calls

    dspy.configure(lm=ScriptedReader().lm())
    with opened(uri, traced_ids={"q:1", "q:2", "q:3", "q:4"}) as tracker:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, [1, 2, 3, 4])) == [1, 2, 3, 4]
        for number in (1, 2, 3, 4):
            log_answer(tracker, "memory", f"q:{number}")
    for trace in traces(uri):
        number = int(trace.info.tags["question_id"][2:])
        lm_spans = [span for span in trace.data.spans if span.span_type == "CHAT_MODEL"]
        assert len(lm_spans) == number
        assert all(f"Question {number}?" in json.dumps(span.inputs) for span in lm_spans)


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_key_is_nowhere_in_what_was_written(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    source = tmp_path / "run"
    source.mkdir()
    (source / "program.json").write_text(json.dumps({"note": f"landmark-five {SECRET}"}))
    reader = ScriptedReader(answer=f"landmark-one {SECRET}")
    tracker = opened(uri, run_name=f"n {SECRET}", traced_ids={"q:1", "q:2"})
    tracker.log_params({"api_base": f"http://me:opensesame@host/?key={SECRET}", SECRET: "landmark-three"})
    tracker.set_tags({"endpoint": f"landmark-four {SECRET}"})
    with dspy.context(lm=reader.lm()), tracker.trace("memory", "q:1"):
        answer = Asker()(question=f"What is {SECRET}?").answer
    inputs = {"question": f"What is {SECRET}?"}
    log_answer(tracker, "memory", "q:1", inputs=inputs, outputs={"answer": answer}, expected=SECRET, tags={"t": SECRET})
    tracker.log_feedback("memory", "q:1", "strict", SECRET, rationale=f"landmark-seven {SECRET}", judge_model=SECRET)
    lm = dspy.LM("x/y", engine=FailingEngine(), num_retries=0)
    with dspy.context(lm=lm), tracker.trace("memory", "q:2"), pytest.raises(dspy.utils.exceptions.LMError):
        Asker()(question="Where?")
    log_answer(tracker, "memory", "q:2")
    tracker.log_artifacts(source)
    end_with(tracker, ValueError(f"landmark-six {SECRET}"))
    assert SECRET in answer
    shutil.rmtree(source)
    written = b"".join(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file())
    for landmark in ("one", "two", "three", "four", "five", "six", "seven"):
        assert f"landmark-{landmark}".encode() in written, "the search sees what stands beside each planted key"
    assert SECRET.encode() not in written
    assert b"opensesame" not in written
    assert SECRET not in "".join(capsys.readouterr())


# -- without MLflow ----------------------------------------------------------------------------------------------------


def test_a_null_tracker_takes_all_that_a_tracker_takes() -> None:
    public = {name for name, _ in inspect.getmembers(Tracker, inspect.isfunction) if not name.startswith("_")}
    tracker = open_tracker("nonsense that nobody looks at", enabled=False)
    assert isinstance(tracker, NullTracker)
    assert public == {name for name, _ in inspect.getmembers(tracker, inspect.ismethod) if not name.startswith("_")}
    with tracker, tracker.trace("memory", "q"):
        tracker.child("memory").log_metrics({"f1": 1.0}, step=1)
        tracker.log_params({})
        tracker.set_tags({})
        tracker.log_artifacts(Path("nowhere"))
        log_answer(tracker, "memory", "q")
        tracker.log_feedback("memory", "q", "f1", 1.0)
    assert tracker.run_id is None


def test_mlflow_is_only_imported_when_it_is_used() -> None:
    code = (
        "import sys; from harness.tracking.tracker import open_tracker\n"
        "from harness.tracking.values import metrics_of\n"
        "open_tracker(None, enabled=False)\n"
        "print({'mlflow', 'dspy', 'sqlalchemy'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"
