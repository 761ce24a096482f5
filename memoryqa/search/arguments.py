"""Checks of what a search is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set

from memoryqa.checks import described, real_number, whole_number
from memoryqa.errors import UsageError


def check_search(
    queries: str | Iterable[str], budget_tokens: int, keep: Sequence[str], score_floor: float, min_score: float
) -> list[str]:
    """The queries as a list. Raises TypeError and UsageError that name the argument."""
    not_negative("budget_tokens", budget_tokens)
    if not 0 <= real_number("score_floor", score_floor) <= 1:
        raise UsageError(f"score_floor must lie in 0..1, got {score_floor}")
    if math.isnan(real_number("min_score", min_score)):
        raise UsageError("min_score must be a number, got nan")
    if min_score < 0:
        raise UsageError(f"min_score must be at least 0, got {min_score:g}")
    if isinstance(keep, str) or not isinstance(keep, Iterable):
        raise TypeError(f"keep must be a list of ids, got {described(keep)}")
    return list_queries(queries)


def not_negative(name: str, value: object) -> int:
    """A whole number from 0 on."""
    if (number := whole_number(name, value)) < 0:
        raise UsageError(f"{name} must be at least 0, got {number:,}")
    return number


def list_queries(queries: str | Iterable[str]) -> list[str]:
    """The question and the supporting queries, in order."""
    if isinstance(queries, str):
        return [queries]
    if isinstance(queries, bytes | Mapping | Set) or not isinstance(queries, Iterable):
        raise TypeError(f"search takes a question, or a list of it and supporting queries, got {described(queries)}")
    listed = list(queries)
    for query in listed:
        if not isinstance(query, str):
            raise TypeError(
                f"search takes a question, or a list of it and supporting queries; one of them is {described(query)}"
            )
    if not listed:
        raise UsageError("a search needs at least one query: the question")
    return listed
