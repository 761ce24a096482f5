"""Studies for people, on stderr: the conclusion of a search, and the contents of a storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from harness.terminal import stderr_console
from tuning.config import TuningConfig
from tuning.objectives import Objective
from tuning.presets import settings_of
from tuning.results.conclusion import Conclusion, complete_trials
from tuning.results.document import TuningDocument
from tuning.results.pareto import DefaultPoint, Point, best_under, default_beside, front, knee
from tuning.studies.leases import state_of, whole_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

_SHOWN = 5


def print_conclusion(study: Study, config: TuningConfig, conclusion: Conclusion, document: TuningDocument) -> None:
    """Print the best trials beside the default, and whether the best is worth taking."""
    console = stderr_console(highlight=False)
    objective = Objective(config.objective, config.budget_tokens)
    lines = [f"{document['study']}: {objective.title}"]
    if conclusion.best is None:
        lines.append("no trial was completed: see trials.csv for the errors")
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)
    if conclusion.best is None:
        return
    console.print(trial_table(_worth_showing(study, conclusion)))
    for line in (
        *front_lines(conclusion.points, config.budget_tokens, conclusion.default_line),
        _difference_from_default(conclusion.best),
        *_verdict(document),
        f"tuned_parameters.json and all trials: {document['output']}",
    ):
        console.print(line, soft_wrap=True, markup=False)


def front_lines(points: Sequence[Point], budget_tokens: int, default_line: Sequence[DefaultPoint] = ()) -> list[str]:
    """The knee and the best trial under the budget, each beside the default in as many tokens; empty without points."""
    lines = []
    for name, point in (
        ("knee", knee(front(points))),
        (f"best in {budget_tokens:,}", best_under(points, budget_tokens)),
    ):
        if point is None:
            continue
        line = f"{name}: trial {point.number}, {100 * point.quality:.2f}% in {point.cost:,.0f} tokens"
        default = default_beside(point, default_line)
        if default is not None:
            line += f"; the default cut to {default.budget_tokens:,}: {100 * default.quality:.2f}%"
        lines.append(line)
    if points and best_under(points, budget_tokens) is None:
        lines.append(f"best in {budget_tokens:,}: none, every trial takes more tokens")
    return lines


def trial_table(trials: Sequence[FrozenTrial]) -> Table:
    """Trials with what they measured; "-" is not measured, and a trial that is not complete has its state for a
    value."""
    table = Table()
    for title in ("trial", "value", "all evidence %", "recall %", "tokens", "search p95 / ms"):
        table.add_column(title, justify="right")
    for trial in trials:
        metrics = trial.user_attrs.get("metrics", {})
        name = f"{trial.number} (default)" if trial.number == 0 else str(trial.number)
        values = whole_values(trial)
        table.add_row(
            name,
            state_of(trial)
            if values is None
            else " ".join(f"{value:.4f}" if value < 10 else f"{value:,.0f}" for value in values),
            _shown(metrics.get("all_evidence_rate"), 100, ".2f"),
            _shown(metrics.get("evidence_recall"), 100, ".2f"),
            _shown(metrics.get("context_tokens_mean"), 1, ",.0f"),
            _shown(metrics.get("latency_sec_p95"), 1000, ".2f"),
        )
    return table


def _worth_showing(study: Study, conclusion: Conclusion) -> list[FrozenTrial]:
    """The default and the best trials; with two objectives the front."""
    complete = {trial.number: trial for trial in complete_trials(study)}
    if conclusion.points:
        numbers = [point.number for point in front(conclusion.points)]
    else:
        sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
        numbers = sorted(complete, key=lambda number: (sign * complete[number].values[0], number))[:_SHOWN]
    return [complete[number] for number in dict.fromkeys([*([0] if 0 in complete else []), *numbers])]


def _difference_from_default(best: FrozenTrial) -> str:
    changed = {
        key: value for section in settings_of(best.params).overrides().values() for key, value in section.items()
    }
    shown = ", ".join(f"{key}={_rounded(value)}" for key, value in changed.items())
    return f"best: trial {best.number}, {shown or 'the shipped default'}"


def _verdict(document: TuningDocument) -> list[str]:
    promotion, lines = document["promotion"], []
    if promotion["difference"] is None:
        lines.append(promotion["reason"])
    else:
        interval = promotion["ci95"]
        between = f" [{100 * interval[0]:+.2f} {100 * interval[1]:+.2f}]" if interval else ""
        lines.append(
            f"on {promotion['questions']} held-out questions ({promotion['split']}, {promotion['conversations']} "
            f"conversations) in {document['budget_tokens']:,} tokens: {100 * promotion['difference']:+.2f}{between} "
            f"points of all evidence, 95% over {promotion['resampled']}"
        )
        lines.append("PROMOTE: take it by --parameters" if promotion["promote"] else promotion["reason"].upper())
    folds = document["cross_validation"]
    if folds is not None:
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
