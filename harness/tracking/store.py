"""One experiment in one MLflow store, by explicit run ids: the only module that imports MLflow.

MLflow's own fluent interface keeps the run in a thread-local, retries a dead server for four minutes, and silently
loses a trace that cannot be written. Here writes come from any thread. A write that fails is reported once and changes
nothing else: the results of an evaluation are in its run folder. Writing ends where it takes a run's time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.tracking.address import (
    StoreUnavailable,
    describe_error,
    in_time,
    one_at_a_time,
    prepare_sqlite,
    probe,
    sqlite_path,
)
from memoryqa.redaction import redact

if TYPE_CHECKING:
    from harness.tracking.traces import Span

T = TypeVar("T")
Value = float | bool | str

_MAX_FAILED_WRITES = 2  # each may take as long as an HTTP timeout and its retries
_MAX_WRITE_SEC = 60.0  # MLflow's own timeout begins anew with each byte that a gateway sends
_SLOW_WRITE_SEC, _MAX_SLOW_SEC, _MAX_SLOW_SHARE = 1.0, 60.0, 0.25  # what slow writes may take of a run in all
_MAX_VALUE_CHARS = 5_000  # MLflow takes 6,000 of a parameter and 8,000 of a tag, older servers 5,000 of a tag
_MAX_KEY_CHARS = 250
_MAX_PARAMS_PER_BATCH = 100
_MAX_PREVIEW_CHARS = 500
_NO_KEY_CHARACTER = re.compile(r"[^\w.\-/ :]")


class MLflowStore:
    """Runs, their values, artifacts and traces in one experiment; text is stored without secrets.

    Opening creates the experiment, and a SQLite store with its tables, where they do not exist yet. All methods raise
    what MLflow raises; `attempt` is the way to call them. Opening raises StoreUnavailable.
    """

    def __init__(self, uri: str, experiment: str, *, add_later: str = "") -> None:
        """add_later: for people, how to write there what will be missing."""
        self._lock = threading.RLock()
        self._failed_writes = 0
        self._opened, self._slow_sec = time.monotonic(), 0.0
        self._add_later = add_later
        self.has_given_up = False
        self.is_incomplete = False
        self.name = redact(uri)
        probe(uri)
        database = sqlite_path(uri)
        if database is not None:
            with one_at_a_time(database):
                prepare_sqlite(database)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # MLflow 3.17 uses what SQLAlchemy 2.1 deprecates
            logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # else tells of its migrations
            from mlflow import MlflowClient
            from mlflow.tracing.client import TracingClient

            try:
                with one_at_a_time(database):  # MLflow's migrations fail when two processes make the tables
                    self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
                    self._tracing = TracingClient(uri)
                    found = in_time(lambda: self._find_or_create_experiment(experiment, database), _MAX_WRITE_SEC)
                    self._experiment_id = found
            except Exception as error:
                if not is_of_a_store(error):
                    raise
                raise StoreUnavailable(describe_error(error)) from error

    def attempt(self, write: Callable[[], T]) -> T | None:
        """What `write` returns, or None when it failed. Told once; given up after the second failure, and when slow
        writes have taken a minute and a quarter of the time since the store was opened."""
        with self._lock:
            if self.has_given_up:
                return None
            started = time.monotonic()
            try:
                return in_time(write, _MAX_WRITE_SEC)
            except Exception as error:
                if not is_of_a_store(error):
                    raise
                self._failed_writes += 1
                self.has_given_up = self._failed_writes >= _MAX_FAILED_WRITES or isinstance(error, TimeoutError)
                if not self.is_incomplete:
                    self._warn("a write failed", describe_error(error))
                return None
            finally:
                self._check_speed(time.monotonic() - started)

    def _check_speed(self, took_sec: float) -> None:
        if took_sec > _SLOW_WRITE_SEC:
            self._slow_sec += took_sec
        elapsed = time.monotonic() - self._opened
        if not self.has_given_up and self._slow_sec > max(_MAX_SLOW_SEC, _MAX_SLOW_SHARE * elapsed):
            self.has_given_up = True
            if not self.is_incomplete:
                self._warn("it is too slow, and no more is written", f"{self._slow_sec:.0f} s of {elapsed:.0f} s")

    def _warn(self, what: str, why: str) -> None:
        self.is_incomplete = True
        later = f"; {self._add_later}" if self._add_later else ""
        print(
            f"warning: MLflow at {self.name}: {what}, what is missing there is in the run folder ({why}){later}",
            file=sys.stderr,
        )

    def create_run(self, name: str, tags: Mapping[str, str]) -> str:
        """The id of a new run, which is running from now on."""
        run = self._client.create_run(self._experiment_id, run_name=redact(name), tags=_cleaned(tags))
        return _given(run.info.run_id)

    def reopen_run(self, tags: Mapping[str, str]) -> str | None:
        """The id of the newest run with these tags, running again; None when there is none."""
        wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found = self._client.search_runs(
            [self._experiment_id], filter_string=wanted, max_results=1, order_by=["attributes.start_time DESC"]
        )
        if not found:
            return None
        run_id = str(found[0].info.run_id)
        self._client.update_run(run_id, status="RUNNING")
        if "error" in found[0].data.tags:
            self._client.delete_tag(run_id, "error")
        return run_id

    def end_run(self, run_id: str, status: str) -> None:
        """`status`: FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run_id, status=status)

    def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int | None = None,
    ) -> None:
        """Add to a run. A value too long for MLflow ends in its length and a digest, so that two stay comparable."""
        from mlflow.entities import Metric, Param, RunTag

        now_ms = time.time_ns() // 1_000_000
        all_params = [Param(key, value) for key, value in _cleaned(params or {}).items()]
        for start in range(0, len(all_params), _MAX_PARAMS_PER_BATCH):
            self._client.log_batch(run_id, params=all_params[start : start + _MAX_PARAMS_PER_BATCH])
        all_metrics = [Metric(_key(key), value, now_ms, step or 0) for key, value in (metrics or {}).items()]
        all_tags = [RunTag(key, value) for key, value in _cleaned(tags or {}).items()]
        if all_metrics or all_tags:
            self._client.log_batch(run_id, metrics=all_metrics, tags=all_tags)

    def steps_of(self, run_id: str, metric: str) -> set[int]:
        """The steps at which the run has a value of `metric`."""
        return {one.step for one in self._client.get_metric_history(run_id, metric)}

    def log_artifact(self, run_id: str, file: Path, folder: str | None) -> None:
        """Copy a file into the run's artifacts; it is the caller's duty that it holds no secret."""
        self._client.log_artifact(run_id, str(file), folder)

    def log_trace(
        self,
        run_id: str,
        spans: Sequence[Span],
        *,
        tags: Mapping[str, str],
        feedback: Mapping[str, Value],
        expected: str | None,
    ) -> str:
        """Write a trace (its root span first) that belongs to a run; returns its id. Two writes, seen when it returns.

        `feedback`: scores by name; `expected`: the reference answer.
        """
        from mlflow.entities import AssessmentSource, Expectation, TraceInfo, TraceLocation, TraceState

        root = spans[0]
        trace_id = f"tr-{uuid.uuid4().hex}"
        assessments: list[Any] = [_feedback(name, value, None, None) for name, value in feedback.items()]
        if expected is not None:
            source = AssessmentSource("HUMAN", "data set")
            assessments.append(Expectation(name="expected_response", value=redact(expected), source=source))
        info = TraceInfo(
            trace_id=trace_id,
            trace_location=TraceLocation.from_experiment_id(self._experiment_id),
            request_time=root.start_ns // 1_000_000,
            execution_duration=((root.end_ns or root.start_ns) - root.start_ns) // 1_000_000,
            state=TraceState.ERROR if root.error else TraceState.OK,
            request_preview=_json(root.inputs)[:_MAX_PREVIEW_CHARS],
            response_preview=_json(root.outputs)[:_MAX_PREVIEW_CHARS],
            trace_metadata={"mlflow.sourceRun": run_id},
            tags={**_cleaned(tags), "mlflow.traceName": root.name},
            assessments=assessments,
        )
        self._tracing.start_trace(info)  # "start" in name only: it writes a trace that has ended
        self._tracing.log_spans(self._experiment_id, _mlflow_spans(trace_id, spans))
        return trace_id

    def log_feedback(
        self, trace_id: str, name: str, value: Value, *, rationale: str | None, judge_model: str | None
    ) -> None:
        """Attach a score to a trace that was written; `judge_model`: the LM that gave it, None for a rule."""
        self._tracing.log_assessment(trace_id, _feedback(name, value, rationale, judge_model))

    def _find_or_create_experiment(self, experiment: str, database: Path | None) -> str:
        if found := self._client.get_experiment_by_name(experiment):
            return _given(found.experiment_id)
        # beside the database; by MLflow's default the artifacts go to the folder that a script happens to run in
        location = None if database is None else (database.resolve().parent / "mlruns" / experiment).as_uri()
        return _given(self._client.create_experiment(experiment, artifact_location=location))


def is_of_a_store(error: Exception) -> bool:
    """Whether it is what a write to a store may raise, and no mistake of the caller's.

    MLflow reads whatever answers at its address as its server's words, and fails at them in its own depths.
    """
    if isinstance(error, OSError):
        return True
    at = error.__traceback__
    while at is not None:
        if at.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "mlflow":
            return True
        at = at.tb_next
    return isinstance(error, _NoStoreError)


class _NoStoreError(Exception):
    """Something answers, and it is no MLflow server."""


def _given(found: object) -> str:
    """An id that a server has given."""
    if not isinstance(found, str) or not found:
        raise _NoStoreError("what answers there is no MLflow server")
    return found


def _feedback(name: str, value: Value, rationale: str | None, judge_model: str | None) -> Any:
    from mlflow.entities import AssessmentSource, Feedback

    source = AssessmentSource("LLM_JUDGE", redact(judge_model)) if judge_model else AssessmentSource("CODE", "scorer")
    stored = redact(value) if isinstance(value, str) else value
    return Feedback(name=name, value=stored, source=source, rationale=None if rationale is None else redact(rationale))


def _mlflow_spans(trace_id: str, spans: Sequence[Span]) -> list[Any]:
    """In MLflow's own JSON form of a span; https://github.com/mlflow/mlflow/blob/v3.10.0/mlflow/entities/span.py"""
    from mlflow.entities import Span as MLflowSpan

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    ids = {span.span_id: encoded(uuid.uuid4().bytes[:8]) for span in spans}
    return [
        MLflowSpan.from_dict(
            {
                "trace_id": encoded(bytes.fromhex(trace_id.removeprefix("tr-"))),
                "span_id": ids[span.span_id],
                "parent_span_id": "" if span.parent_id is None else ids[span.parent_id],
                "name": span.name,
                "start_time_unix_nano": span.start_ns,
                "end_time_unix_nano": span.end_ns,
                "status": {
                    "code": "STATUS_CODE_ERROR" if span.error else "STATUS_CODE_OK",
                    "message": span.error or "",
                },
                "attributes": {
                    "mlflow.traceRequestId": _json(trace_id),
                    "mlflow.spanType": _json(span.kind),
                    "mlflow.spanInputs": _json(span.inputs),
                    "mlflow.spanOutputs": _json(span.outputs),
                },
                "events": [],
            }
        )
        for span in spans
    ]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return _NO_KEY_CHARACTER.sub("_", redact(name))[:_MAX_KEY_CHARS]


def _cleaned(values: Mapping[str, str]) -> dict[str, str]:
    """Keys and values that MLflow takes and that hold no secret."""
    return {_key(key): _shortened(redact(value)) for key, value in values.items()}


def _shortened(value: str) -> str:
    if len(value) <= _MAX_VALUE_CHARS:
        return value
    note = f"... ({len(value)} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]})"
    return value[: _MAX_VALUE_CHARS - len(note)] + note
