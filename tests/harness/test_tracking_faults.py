"""What answers at MLflow's address may be anything, at any speed: a run ends, its own files whole, with one line."""

from __future__ import annotations

import errno
import re
import time
from pathlib import Path
from typing import Any

import pytest
from http_stand_in import SILENT, Fault, HttpStandIn, RecordedRequest

from harness.tracking import store as tracking_store
from harness.tracking.address import in_time
from harness.tracking.tracker import NullTracker, Tracker, open_tracker

ADD = "python x.py --resume runs/1"
PAGE = "<html><title>Sign in</title></html>"


class Odd(HttpStandIn):
    """Answers everything alike."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault

    def respond(self, request: RecordedRequest) -> Fault:
        return self.fault


class Lagging(HttpStandIn):
    """The little of MLflow that a run with metrics needs, so slow."""

    def __init__(self, delay_sec: float, *, goes_odd_after: int | None = None) -> None:
        super().__init__()
        self.delay_sec, self.goes_odd_after = delay_sec, goes_odd_after

    def respond(self, request: RecordedRequest) -> Fault:
        if self.goes_odd_after is not None and len(self.requests) > self.goes_odd_after:
            return Fault(body={"run": 3, "runs": {"a": 1}, "experiment": "x"})
        found: dict[str, Any] = {}
        if "experiments/get-by-name" in request.path:
            found = {"experiment": {"experiment_id": "1", "name": "x", "lifecycle_stage": "active"}}
        elif request.path.endswith("runs/create"):
            found = {"run": {"info": {"run_id": "r", "run_uuid": "r", "experiment_id": "1", "status": "RUNNING"}}}
        return Fault(body=found, delay_sec=self.delay_sec)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=PAGE, headers={"Content-Type": "text/html"}),
        Fault(500, PAGE, {"Content-Type": "text/html"}),
        Fault(500, {"message": "no space left on device"}),
        Fault(401, {"error_code": "UNAUTHENTICATED", "message": "no"}),
        Fault(body={}),
        Fault(body=[]),
        Fault(body="null"),
        Fault(body=""),
        Fault(body={"experiment": "x"}),
        Fault(body={"experiment": {}}),
        Fault(body={"experiment": {"experiment_id": [1]}}),
        Fault(None),
        Fault(body={"experiment": {"experiment_id": "1"}}, truncate=True),
    ],
    ids=lambda fault: f"{fault.status} {str(fault.body)[:20]}",
)
def test_what_is_no_store_is_one_line_and_how_to_add_the_run_later(
    fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    with Odd(fault) as server:
        tracker = open_tracker(server.base_url, add_later=ADD)
    assert isinstance(tracker, NullTracker)
    assert tracker.is_incomplete
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: MLflow at")]
    assert len(told) == 1
    assert "this run is not tracked" in told[0]
    assert f"{ADD} adds it when the store can be written" in told[0]


def test_who_wants_no_tracking_misses_nothing() -> None:
    assert open_tracker(None, enabled=False).is_incomplete is False


@pytest.mark.slow
def test_a_store_that_answers_nonsense_half_way_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Lagging(0.0, goes_odd_after=2) as server:
        with open_tracker(server.base_url, add_later=ADD) as tracker:
            for number in range(5):
                tracker.child(f"program {number}").log_metrics({"f1": 1.0})
        assert len(server.requests) < 9
    assert tracker.is_incomplete
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert len(told) == 1
    assert "what is missing there is in the run folder" in told[0]
    assert told[0].endswith(f"; {ADD} adds it when the store can be written")


@pytest.mark.slow
def test_a_server_that_drips_holds_no_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking_store, "_MAX_WRITE_SEC", 1.0)
    with Odd(Fault(body={}, drip_sec=30.0)) as server:
        started = time.monotonic()
        assert isinstance(open_tracker(server.base_url), NullTracker)
        assert time.monotonic() - started < 20
    assert "no whole answer within 1 s; this run is not tracked" in capsys.readouterr().err


@pytest.mark.slow
def test_slow_writes_may_take_a_share_of_the_run_and_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_SLOW_WRITE_SEC": 0.05, "_MAX_SLOW_SEC": 0.5}.items():
        monkeypatch.setattr(tracking_store, name, value)
    with Lagging(0.1) as server:
        with open_tracker(server.base_url, add_later=ADD) as tracker:
            assert isinstance(tracker, Tracker)
            for step in range(50):
                tracker.log_metrics({"f1": 1.0}, step=step)
        assert 2 < len(server.requests) < 20
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert "it is too slow, and no more is written" in told
    assert tracker.is_incomplete


@pytest.mark.slow
def test_a_run_that_is_slow_itself_waits_for_its_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_SLOW_WRITE_SEC": 0.05, "_MAX_SLOW_SEC": 0.0, "_MAX_SLOW_SHARE": 1.1}.items():
        monkeypatch.setattr(tracking_store, name, value)
    with Lagging(0.1) as server:
        with open_tracker(server.base_url) as tracker:
            for step in range(8):
                tracker.log_metrics({"f1": 1.0}, step=step)
        assert len([one for one in server.requests if one.path.endswith("log-batch")]) == 8
    assert not tracker.is_incomplete


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["no room for the copy without secrets", "a file that is gone"])
def test_a_file_that_cannot_be_copied_is_one_line_and_no_end(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "planted-key-0123456789")
    file = tmp_path / "program.json"
    file.write_text("planted-key-0123456789")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with Lagging(0.0) as server, open_tracker(server.base_url) as tracker:
        if fault == "a file that is gone":
            file.unlink()
        else:
            monkeypatch.setattr("tempfile.TemporaryDirectory", full)
        tracker.log_artifacts(file)
        tracker.log_metrics({"f1": 1.0})
    assert [one.path for one in server.requests if one.path.endswith("log-batch")]
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert "a write failed" in told


def test_a_mistake_of_ours_is_no_fault_of_the_store() -> None:
    error = TypeError("ours")
    assert not tracking_store.is_of_a_store(error)

    def fail() -> None:
        raise error

    with pytest.raises(TypeError, match="ours"):
        in_time(fail, 5)


def test_a_clock_of_its_own_ends_a_call_and_no_error_of_the_calls_is_taken_for_it() -> None:
    with pytest.raises(TimeoutError, match=r"no whole answer within 0\.05 s"):
        in_time(lambda: time.sleep(5), 0.05)

    def own() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        in_time(own, 5)
    assert in_time(lambda: 3, 5) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("gone", "Connection refused"), ("errors", "too many 500 error responses"), ("silent", "Read timed out")],
)
def test_the_reason_of_a_failed_write_is_not_lost_behind_its_address(
    fault: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")):
        monkeypatch.setenv(name, value)
    with Lagging(0.0) as server, open_tracker(server.base_url) as tracker:
        if fault == "gone":
            server.stop_listening()
        else:
            answer = Fault(500, {"message": "no"}) if fault == "errors" else SILENT
            monkeypatch.setattr(server, "respond", lambda request: answer)
        tracker.log_metrics({"f1": 1.0})
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert re.search(rf"in the run folder \([^()]*{reason}", told)
    assert "Max retries exceeded" not in told
