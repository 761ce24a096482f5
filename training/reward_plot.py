"""The course of a training as a PNG file: the rollouts' reward, the validation, and the KL under them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.history import History

_REWARD, _VALIDATION, _KL = "#878d98", "#1f6fc4", "#d1701a"  # as the first of reports/plots.py
_SMOOTHING_STEPS = 10


def write_reward_plot(history: History, path: Path) -> None:
    """Draw the history; nothing is written for one without a step."""
    from matplotlib.figure import Figure

    steps, validations = history.steps, history.validations
    if not steps:
        return
    numbers = [row["step"] for row in steps]
    figure = Figure(figsize=(8.0, 5.5), dpi=150, layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    rewards = [row["reward_mean"] for row in steps]
    upper.set_title("Reward", loc="left", fontsize=12, fontweight="bold")
    upper.plot(numbers, rewards, color=_REWARD, linewidth=0.8, alpha=0.5)
    upper.plot(numbers, smoothed(rewards), color=_REWARD, label=f"rollouts, mean of {_SMOOTHING_STEPS} steps")
    if validations:
        scores = [row["val_score"] for row in validations]
        upper.plot([row["step"] for row in validations], scores, "o-", color=_VALIDATION, label="validation, greedy")
    upper.legend(loc="lower right", frameon=False)
    _draw_kl(lower, numbers, steps)
    lower.set_xlabel("step")
    figure.savefig(path)


def _draw_kl(axes: Any, numbers: Sequence[int], steps: Sequence[dict[str, Any]]) -> None:
    values = [float("nan") if row["kl"] is None else row["kl"] for row in steps]
    axes.plot(numbers, values, color=_KL)
    axes.set_ylabel("KL, nats per token")


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and the nine before it, of fewer at the beginning."""
    windows = [values[max(0, at + 1 - _SMOOTHING_STEPS) : at + 1] for at in range(len(values))]
    return [sum(window) / len(window) for window in windows]
