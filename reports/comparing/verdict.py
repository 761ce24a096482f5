"""A comparison in one sentence: which program is ahead in what, with the interval or p, or why none can be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from locomo.statistics import CONFIDENCE, MIN_CLUSTERS, PairedDifference

_SUMS = ("categories_1_4", "counted")  # over the kinds that count: LoCoMo's, any other data set's


def verdict_sentence(name_a: str, name_b: str, differences: Mapping[str, Mapping[str, PairedDifference]]) -> str:
    """B against A, by token F1, each judge and evidence recall. differences: of `paired_differences`.

    A program is ahead where the 95% interval over conversations leaves out zero. With too few conversations for an
    interval it is ahead where the sign test over questions has p < 0.05, and the sentence ends in saying so.
    """
    found = _worth_saying(differences)
    if not found:
        return f"{name_b} and {name_a} have no score in common, so neither is ahead."
    ahead_b = [_phrase(title, one) for title, one in found.items() if _ahead(one) > 0]
    ahead_a = [_phrase(title, one) for title, one in found.items() if _ahead(one) < 0]
    unclear = [_phrase(title, one) for title, one in found.items() if _ahead(one) == 0]
    parts = []
    if ahead_b:
        parts.append(f"{name_b} is ahead of {name_a} in {_listed(ahead_b)}")
    if ahead_a:
        parts.append(
            f"{name_a} is ahead in {_listed(ahead_a)}"
            if ahead_b
            else f"{name_a} is ahead of {name_b} in {_listed(ahead_a)}"
        )
    if unclear and parts:
        parts.append(f"no difference is shown in {_listed(unclear)}")
    elif unclear:
        parts.append(f"No difference between {name_b} and {name_a} is shown: {_listed(unclear)}")
    clusters = max(one.clusters for one in found.values())
    if clusters < MIN_CLUSTERS:
        parts.append(
            f"p is by the sign test over questions, as an interval over conversations needs {MIN_CLUSTERS} of them and "
            f"this is {clusters}"
        )
    return "; ".join(parts) + "."


def alone_sentence(name: str, scores: Mapping[str, Any]) -> str:
    """What there is to say of a run with one program. scores: its summary."""
    key = "f1_categories_1_4" if scores["f1_categories_1_4"] is not None else "f1"
    ci95 = (scores.get("ci95") or {}).get(key)
    sure = f", 95% interval {100 * ci95[0]:.1f} to {100 * ci95[1]:.1f}" if ci95 else ""
    return f"{name} was run alone, so it is ahead of nothing: its token F1 is {100 * scores[key]:.1f}%{sure}."


def p_words(p_value: float) -> str:
    """`p = 0.042`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _worth_saying(differences: Mapping[str, Mapping[str, PairedDifference]]) -> dict[str, PairedDifference]:
    """Title -> difference: one figure for token F1, for each judge and for evidence."""
    found = {}
    f1 = differences.get("f1", {})
    if one := _sum_of(f1) or f1.get("all"):
        found["token F1"] = one
    for group, by_name in differences.items():
        if group.startswith("judge ") and (one := _sum_of(by_name)):
            found[group.partition("@")[0]] = one
    if one := differences.get("evidence", {}).get("recall"):
        found["evidence recall"] = one
    return found


def _sum_of(by_name: Mapping[str, PairedDifference]) -> PairedDifference | None:
    return next((by_name[name] for name in _SUMS if name in by_name), None)


def _ahead(one: PairedDifference) -> int:
    """1 where B is ahead, -1 where A is, 0 where nothing is shown."""
    better = (one.difference > 0) - (one.difference < 0)
    if one.clusters >= MIN_CLUSTERS:
        return better if one.is_shown else 0
    agrees = better * (one.num_b_better - one.num_a_better) > 0
    return better if agrees and one.p_value < 1 - CONFIDENCE else 0


def _phrase(title: str, one: PairedDifference) -> str:
    if not one.num_a_better + one.num_b_better:
        return f"{title} ({100 * one.mean_b:.1f}% against {100 * one.mean_a:.1f}%, the same throughout)"
    scores = f"{100 * one.mean_b:.1f}% against {100 * one.mean_a:.1f}%, {100 * one.difference:+.1f} points"
    if one.interval is not None:
        low, high = 100 * one.interval.low, 100 * one.interval.high
        return f"{title} ({scores}, 95% interval {low:+.1f} to {high:+.1f} over {one.clusters} conversations)"
    reason = (
        p_words(one.p_value) if one.clusters < MIN_CLUSTERS else "alike in all conversations, so without an interval"
    )
    return f"{title} ({scores}, {reason})"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
