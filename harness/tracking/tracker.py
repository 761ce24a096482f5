"""An evaluation in MLflow: parameters, metrics, artifacts, and the traces of a sample of its questions.

    traced_ids = sample_ids([question.id for question in questions], args.trace_sample)
    with open_tracker(args.mlflow_uri, enabled=not args.no_mlflow, run_dir=run_dir, traced_ids=traced_ids) as tracker:
        tracker.log_params(config)
        ...                                     # each question inside `tracker.trace`, its row then to `log_trace`
        for name, summary in summaries.items():
            tracker.child(name).log_metrics(metrics_of(summary))
        tracker.log_artifacts(run_dir)

One evaluation is one MLflow run, and each of its programs a child of it, so that a metric has the same name for every
program ("f1", "f1.temporal", "latency_sec.p95") and rows of the UI's table compare. The UI, on the default store:

    export LITELLM_LOCAL_MODEL_COST_MAP=True MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
    mlflow server --backend-store-uri sqlite:///mlflow.db --workers 1        # http://127.0.0.1:5000

(Without the first line the server of MLflow 3.17 with LiteLLM 1.106 never comes up on a machine without a network.)
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.tracking.address import DEFAULT_URI, StoreUnavailable, TrackingError, check_uri, describe_error
from harness.tracking.store import MLflowStore, Value
from harness.tracking.values import flattened
from memoryqa.lms.reasons import causes
from memoryqa.redaction import redact, secrets

if TYPE_CHECKING:
    from harness.tracking.traces import TraceRecorder

EXPERIMENT = "adaptive-memory-qa"
_MLFLOW_SETTINGS = {  # unless the user set them; MLflow's defaults try a dead server for four minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",  # seconds; a server that turns silent costs two writes, each tried twice
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
_PARENT_TAG = "mlflow.parentRunId"


def check_tracking(uri: str | None, *, enabled: bool = True) -> None:
    """Raise the TrackingError that `open_tracker` would raise for an address, before anything is written or spent."""
    named, source = _named(uri)
    if enabled and named:
        check_uri(named, source)


def _named(uri: str | None) -> tuple[str, str]:
    """The address that the user gave, "" for none, and where."""
    named = uri or os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    return named, "--mlflow-uri" if uri else "MLFLOW_TRACKING_URI"


def open_tracker(
    uri: str | None,
    *,
    enabled: bool = True,
    experiment: str = EXPERIMENT,
    run_name: str | None = None,
    run_dir: Path | None = None,
    resume: bool = False,
    traced_ids: Collection[str] = (),
    add_later: str | None = None,
) -> Tracker | NullTracker:
    """A tracker with a run that has begun; use it as a context manager, which ends the run.

    The store: `uri` > the environment variable MLFLOW_TRACKING_URI > sqlite:///mlflow.db. With `resume` the run that
    belongs to `run_dir` is continued, if there is one. `traced_ids`: the questions whose traces are kept, see
    `harness.tracking.values.sample_ids`. add_later: the command that adds what a store did not take.

    A server that does not answer, or a default store that cannot be used, is reported in one line on stderr, and
    nothing is tracked. Raises TrackingError for an address that MLflow cannot use, and for a named database that cannot
    be written.
    """
    if not enabled:
        return NullTracker()
    named, source = _named(uri)
    uri = named or DEFAULT_URI
    check_uri(uri, source)
    for setting, value in _MLFLOW_SETTINGS.items():
        os.environ.setdefault(setting, value)
    key = {} if run_dir is None else {"run_key": hashlib.sha256(str(run_dir.resolve()).encode()).hexdigest()[:16]}
    later = f"{add_later} adds it when the store can be written" if add_later else ""
    try:
        store = MLflowStore(uri, experiment, add_later=later)
    except StoreUnavailable as error:
        if named and not uri.startswith(("http:", "https:")):
            raise TrackingError(f"{source} {redact(uri)}: {error}; name another, or give --no-mlflow") from error
        told = "; ".join(
            [f"warning: MLflow at {redact(uri)}: {error}", "this run is not tracked", *filter(None, [later])]
        )
        print(told, file=sys.stderr)
        return NullTracker(is_incomplete=True)
    name = run_name or ("evaluation" if run_dir is None else run_dir.name)
    run_id = store.attempt(lambda: _begin(store, name, key, resume=resume))
    return NullTracker(is_incomplete=True) if run_id is None else Tracker(store, run_id, traced_ids)


class NullTracker:
    """Takes all that a Tracker takes, and keeps nothing."""

    run_id: None = None

    def __init__(self, *, is_incomplete: bool = False) -> None:
        """is_incomplete: something was to be kept."""
        self.is_incomplete = is_incomplete

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to end."""

    def child(self, name: str) -> NullTracker:
        """Itself: it keeps no children either."""
        return self

    def trace(self, program: str, question_id: str) -> AbstractContextManager[None]:
        """Runs the block."""
        return nullcontext()

    def steps_of(self, metric: str) -> set[int]:
        """None."""
        return set()

    def _keep_nothing(self, *values: object, **named: object) -> None:
        """In place of all that writes."""

    log_params = log_metrics = set_tags = log_artifacts = log_trace = log_feedback = _keep_nothing


class Tracker:
    """One MLflow run, held by its id: any thread may use it. A failed write is reported once and stops nothing.

    Get one from `open_tracker`; leaving its `with` block ends the run as FINISHED, or as KILLED after Ctrl-C, or as
    FAILED after any other exception. What is stored holds no secrets (`memoryqa.redaction.redact`).
    """

    def __init__(self, store: MLflowStore, run_id: str, traced_ids: Collection[str] = ()) -> None:
        self.run_id = run_id
        self._store = store
        self._traced_ids = frozenset(traced_ids)
        self._children: dict[str, Tracker] = {}
        self._recorders: dict[tuple[str, str], TraceRecorder] = {}
        self._trace_ids: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self.set_tags({"error": f"{type(error).__name__}: {describe_error(error)}"})
        status = _status(error)
        for run_id in (*(child.run_id for child in self._children.values()), self.run_id):
            self._store.attempt(partial(self._store.end_run, run_id, status))

    @property
    def is_incomplete(self) -> bool:
        """Whether the store did not take something."""
        return self._store.is_incomplete

    def child(self, name: str) -> Tracker | NullTracker:
        """The run `name` below this one, made when first asked for; it ends with this one."""
        with self._lock:
            if name not in self._children:
                tags = {_PARENT_TAG: self.run_id, "program": name}
                run_id = self._store.attempt(lambda: _begin(self._store, name, tags, resume=True))
                if run_id is None:
                    return NullTracker()
                self._children[name] = Tracker(self._store, run_id)
            return self._children[name]

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters; those inside of others get dotted names, `{"memory": {"max_hops": 2}}` is `memory.max_hops`."""
        self._store.attempt(lambda: self._store.log(self.run_id, params=flattened(params)))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Numbers, by flat names; `metrics_of` makes them of a summary."""
        self._store.attempt(lambda: self._store.log(self.run_id, metrics=metrics, step=step))

    def steps_of(self, metric: str) -> set[int]:
        """The steps at which the store has a value of `metric`."""
        return self._store.attempt(lambda: self._store.steps_of(self.run_id, metric)) or set()

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Short texts to search by. `commit` also fills the column "Version" of the UI; None is left out."""
        texts = {key: str(value) for key, value in tags.items() if value is not None}
        if "commit" in texts:
            texts["mlflow.source.git.commit"] = texts["commit"]
        self._store.attempt(lambda: self._store.log(self.run_id, tags=texts))

    def log_artifacts(self, path: Path) -> None:
        """Copy a file, or all of a folder but its hidden files; in text, secrets are removed on the way."""
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        found = secrets()
        for file in files:
            inside = Path(file.name) if file == path else file.relative_to(path)
            if any(part.startswith(".") for part in inside.parts):
                continue
            folder = None if inside.parent == Path() else inside.parent.as_posix()
            self._store.attempt(partial(self._log_artifact, file, folder, found))

    def _log_artifact(self, file: Path, folder: str | None, found: tuple[str, ...]) -> None:
        with _without_secrets(file, found) as clean:
            self._store.log_artifact(self.run_id, clean, folder)

    @contextmanager
    def trace(self, program: str, question_id: str) -> Iterator[None]:
        """Record what DSPy does in the block, if the question is a traced one; else this costs nothing.

        Nothing is written yet, so that the question is not slowed: `log_trace` writes it.
        """
        if question_id not in self._traced_ids:
            yield
            return
        from harness.tracking.traces import TraceRecorder

        recorder = TraceRecorder(program)
        with recorder.recording():
            yield
        with self._lock:
            self._recorders[program, question_id] = recorder

    def log_trace(
        self,
        program: str,
        question_id: str,
        *,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        scores: Mapping[str, Value | None],
        expected: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write what `trace` recorded, with its scores as feedback, into the program's child run; None is left out.

        Does nothing for a question that is not a traced one. `expected`: the reference answer.
        """
        with self._lock:
            recorder = self._recorders.pop((program, question_id), None)
        run_id = None if recorder is None else self.child(program).run_id
        if recorder is None or run_id is None:
            return
        spans = recorder.spans(inputs, outputs)
        all_tags = {"program": program, "question_id": question_id, **(tags or {})}
        feedback = {name: value for name, value in scores.items() if value is not None}
        trace_id = self._store.attempt(
            lambda: self._store.log_trace(run_id, spans, tags=all_tags, feedback=feedback, expected=expected)
        )
        if trace_id is not None:
            with self._lock:
                self._trace_ids[program, question_id] = trace_id

    def log_feedback(
        self,
        program: str,
        question_id: str,
        name: str,
        value: Value,
        *,
        rationale: str | None = None,
        judge_model: str | None = None,
    ) -> None:
        """Attach a later score, such as a judge's, to the question's trace; nothing where it has none."""
        with self._lock:
            trace_id = self._trace_ids.get((program, question_id))
        if trace_id is not None:
            self._store.attempt(
                lambda: self._store.log_feedback(trace_id, name, value, rationale=rationale, judge_model=judge_model)
            )


def _begin(store: MLflowStore, name: str, tags: Mapping[str, str], *, resume: bool) -> str:
    earlier = store.reopen_run(tags) if resume and tags else None
    return earlier or store.create_run(name, tags)


def _status(error: BaseException | None) -> str:
    if error is None:
        return "FINISHED"
    # evaluate.py turns Ctrl-C into an exception that tells how to go on.
    return "KILLED" if any(isinstance(one, KeyboardInterrupt) for one in causes(error)) else "FAILED"


@contextmanager
def _without_secrets(file: Path, found: tuple[str, ...]) -> Iterator[Path]:
    """`file` itself, or a copy under the same name without the secrets in it. Not text: as it is."""
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        yield file
        return
    clean = redact(text, found)
    if clean == text:
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        copy.write_bytes(clean.encode())
        yield copy
