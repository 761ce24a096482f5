"""Studies for people, on stderr: what a search came to, and what stands in a storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuning.config import TuningConfig
from tuning.objectives import Objective

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from tuning.results.conclusion import Conclusion

_SHOWN = 5


def print_conclusion(study: Study, config: TuningConfig, conclusion: Conclusion, document: Mapping[str, Any]) -> None:
    """The best trials beside the default, and whether the best is worth taking."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    objective = Objective(config.objective, config.budget_tokens)
    console.print(f"{document['study']}: {objective.title}", soft_wrap=True, markup=False)
    if conclusion.best is None:
        console.print("no trial was completed: see trials.csv for the errors")
        return
    console.print(trial_table(_worth_showing(study, conclusion)))
    console.print(_difference_from_default(conclusion.best), soft_wrap=True, markup=False)
    for line in _verdict(document):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"tuned_parameters.json and all trials: {document['output']}", soft_wrap=True, markup=False)


def trial_table(trials: Sequence[FrozenTrial]) -> Any:
    """Trials with what they measured; "-" is not measured."""
    from rich.table import Table

    table = Table()
    for title in ("trial", "value", "all evidence %", "recall %", "tokens", "search p95 / ms"):
        table.add_column(title, justify="right")
    for trial in trials:
        metrics = trial.user_attrs.get("metrics", {})
        name = f"{trial.number} (default)" if trial.number == 0 else str(trial.number)
        values = " ".join(f"{value:.4f}" if value < 10 else f"{value:,.0f}" for value in trial.values or ()) or "-"
        table.add_row(
            name,
            values,
            _shown(metrics.get("all_evidence_rate"), 100, ".2f"),
            _shown(metrics.get("evidence_recall"), 100, ".2f"),
            _shown(metrics.get("context_tokens_mean"), 1, ",.0f"),
            _shown(metrics.get("latency_sec_p95"), 1000, ".2f"),
        )
    return table


def rows_table(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Rows of one shape as a table."""
    from rich.table import Table

    table = Table()
    for title in rows[0] if rows else ():
        table.add_column(title)
    for row in rows:
        table.add_row(*("-" if value is None else str(value) for value in row.values()))
    return table


def _worth_showing(study: Study, conclusion: Conclusion) -> list[FrozenTrial]:
    """The default, and the best; of two objectives the front."""
    from tuning.results.conclusion import complete_trials
    from tuning.results.pareto import front

    complete = {trial.number: trial for trial in complete_trials(study)}
    if conclusion.points:
        numbers = [point.number for point in front(conclusion.points)]
    else:
        sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
        numbers = sorted(complete, key=lambda number: (sign * complete[number].values[0], number))[:_SHOWN]
    return [complete[number] for number in dict.fromkeys([*([0] if 0 in complete else []), *numbers])]


def _difference_from_default(best: FrozenTrial) -> str:
    from tuning.presets import settings_of

    changed = {
        key: value for section in settings_of(best.params).overrides().values() for key, value in section.items()
    }
    told = ", ".join(f"{key}={_rounded(value)}" for key, value in changed.items())
    return f"best: trial {best.number}, {told or 'the shipped default'}"


def _verdict(document: Mapping[str, Any]) -> list[str]:
    promotion, lines = document["promotion"], []
    if promotion["difference"] is None:
        lines.append(promotion["reason"])
    else:
        interval = promotion["ci95"]
        between = f" [{100 * interval[0]:+.2f} {100 * interval[1]:+.2f}]" if interval else ""
        lines.append(
            f"on {promotion['questions']} held-out questions ({promotion['split']}, {promotion['conversations']} "
            f"conversations): {100 * promotion['difference']:+.2f}{between} points of all evidence, 95% over "
            f"{promotion['resampled']}"
        )
        lines.append("PROMOTE: take it by --parameters" if promotion["promote"] else promotion["reason"].upper())
    if document["cross_validation"] is not None:
        folds = document["cross_validation"]
        lines.append(
            f"cross-validation by conversation: {100 * folds['difference']:+.2f} points, "
            f"{len(folds['folds'])} conversations held out in turn"
        )
    if document["inert"]:
        lines.append(f"without effect on any question: {', '.join(document['inert'])}")
    return lines


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _shown(value: Any, scale: float, form: str) -> str:
    return format(value * scale, form) if isinstance(value, int | float) else "-"
