"""A study as one run in MLflow: its settings, its values by trial, the default and the best, and its files."""

from __future__ import annotations

from dataclasses import asdict

from harness.runs import Run
from harness.tracking.tracker import NullTracker, Tracker
from tuning.config import TuningConfig
from tuning.results.document import TrialRow, TuningDocument

_MAY_DIFFER_ON_RESUME = ("data", "n_trials", "n_jobs", "timeout", "promote_on")


def track_settings(tracker: Tracker | NullTracker, run: Run, study_name: str, config: TuningConfig) -> None:
    """Log what defines the study as parameters, which MLflow never changes, and the rest as tags."""
    given = asdict(config)
    later = {name: given.pop(name) for name in _MAY_DIFFER_ON_RESUME}
    tracker.log_params({"study": study_name, **given, "pruner": config.resolved_pruner})
    tracker.set_tags(
        {
            **later,
            "commit": run.manifest["commit"] or "unknown",
            "data_sha256": run.manifest["data"]["sha256"],
            "mlflow.source.name": "tune.py",
        }
    )


def track_results(tracker: Tracker | NullTracker, run: Run, document: TuningDocument, trials: list[TrialRow]) -> None:
    """Log each complete trial's values as a curve over trials, the conclusion, and the run folder."""
    names = [one["name"] for one in document["objectives"]]
    for row in trials:
        if row["values"] is not None:
            tracker.log_metrics(dict(zip(names, row["values"], strict=True)), step=row["number"])
    tracker.log_metrics({name: float(document[name]) for name in ("trials", "pruned", "failed", "seconds")})
    best, promotion = document["best"], document["promotion"]
    for prefix, value in (("best", best and best["value"]), ("default", document["default_value"])):
        if value is not None:
            values = value if isinstance(value, list) else [value]
            tracker.log_metrics({f"{prefix}.{name}": one for name, one in zip(names, values, strict=True)})
    if promotion["difference"] is not None:
        low, high = promotion["ci95"] or (None, None)
        measured = {"difference": promotion["difference"], "ci95_low": low, "ci95_high": high}
        tracker.log_metrics({f"promotion.{name}": one for name, one in measured.items() if one is not None})
    tracker.set_tags({"promote": promotion["promote"], "verdict": promotion["reason"]})
    if best is not None:
        tracker.set_tags({"best.trial": best["number"], **{f"best.{key}": one for key, one in best["params"].items()}})
    tracker.log_artifacts(run.run_dir)
