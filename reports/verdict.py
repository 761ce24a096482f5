"""A comparison in one sentence: which program is ahead in what, with the interval or p, or why none can be given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from locomo.statistics import MIN_CLUSTERS, PairedDifference

_SUM_OF_JUDGE = "categories_1_4"


def verdict_sentence(name_a: str, name_b: str, differences: Mapping[str, Mapping[str, PairedDifference]]) -> str:
    """B against A, by token F1, each judge and evidence recall. differences: of `paired_differences`.

    A program is ahead where the 95% interval over conversations leaves out zero, and nowhere without an interval.
    """
    found = _worth_saying(differences)
    if not found:
        return f"{name_b} and {name_a} have no score in common, so neither is ahead."
    if all(one.interval is None for one in found.values()):
        return _without_interval(name_a, name_b, found)
    ahead_b = [_told(title, one) for title, one in found.items() if one.is_shown and one.difference > 0]
    ahead_a = [_told(title, one) for title, one in found.items() if one.is_shown and one.difference < 0]
    unclear = [_told(title, one) for title, one in found.items() if not one.is_shown]
    parts = [
        f"{name_b} is ahead of {name_a} in {_listed(ahead_b)}" if ahead_b else "",
        f"{name_a} is ahead {'of ' + name_b + ' ' if not ahead_b else ''}in {_listed(ahead_a)}" if ahead_a else "",
        (
            f"no difference is shown in {_listed(unclear)}"
            if ahead_a or ahead_b
            else f"No difference between {name_b} and {name_a} is shown: {_listed(unclear)}"
        )
        if unclear
        else "",
    ]
    return "; ".join(part for part in parts if part) + "."


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
    if one := f1.get("categories_1_4") or f1.get("all"):
        found["token F1"] = one
    for group, by_name in differences.items():
        if group.startswith("judge ") and _SUM_OF_JUDGE in by_name:
            found[group.partition("@")[0]] = by_name[_SUM_OF_JUDGE]
    if one := differences.get("evidence", {}).get("recall"):
        found["evidence recall"] = one
    return found


def _told(title: str, one: PairedDifference) -> str:
    if not one.num_a_better + one.num_b_better:
        return f"{title} ({100 * one.mean_b:.1f}% against {100 * one.mean_a:.1f}%, the same throughout)"
    scores = f"{100 * one.mean_b:.1f}% against {100 * one.mean_a:.1f}%, {100 * one.difference:+.1f} points"
    if one.interval is None:
        return f"{title} ({scores}, {_why_no_interval(one)})"
    low, high = 100 * one.interval.low, 100 * one.interval.high
    return f"{title} ({scores}, 95% interval {low:+.1f} to {high:+.1f} over {one.clusters} conversations)"


def _without_interval(name_a: str, name_b: str, found: Mapping[str, PairedDifference]) -> str:
    scores = [
        f"{title} {100 * one.mean_b:.1f}% against {100 * one.mean_a:.1f}% "
        f"({one.num_b_better} questions better, {one.num_a_better} worse, {p_words(one.p_value)})"
        for title, one in found.items()
    ]
    reason = _why_no_interval(next(iter(found.values())))
    return (
        f"Whether {name_b} is ahead of {name_a} is open, {reason}: {_listed(scores)}, by the sign test over questions."
    )


def _why_no_interval(one: PairedDifference) -> str:
    if one.clusters < MIN_CLUSTERS:
        conversations = "conversation is" if one.clusters == 1 else "conversations are"
        return f"as {one.clusters} {conversations} too few for an interval ({MIN_CLUSTERS} are needed)"
    return "without an interval, as all conversations differ alike"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
