"""Chooses the lines that fit a token budget, in the order of a ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from memoryqa.rendering import Line, Tally

SMALLEST_LINE = 6  # tokens of about the shortest possible line, "1 A: b" and its newline
MOST_SKIPS = 128  # after so many lines in a row that do not fit, none is likely to; a ranking may have a million more


Shorten = Callable[[Line, int], Line | None]  # to at most so many tokens


def pack(
    ranked: Iterable[Line], budget_tokens: int, taken: Sequence[Line] = (), shorten: Shorten | None = None
) -> list[Line]:
    """Choose lines in the given order, as many as fit. A line that does not fit is skipped; a shorter one may follow.

    When the very first does not fit, `shorten` may give a part of it, which is all that is chosen then.

    `taken` lines come first and are in the result. A session's header counts with its first line, a long turn's number
    and speaker with the first of its passages. Stops when fewer than `SMALLEST_LINE` tokens are left, or when
    `MOST_SKIPS` lines in a row did not fit.
    """
    chosen: list[Line] = []
    skips = 0
    keys: set[tuple[int, int, int]] = set()
    tally = Tally()
    for line in chain(taken, ranked):  # `ranked` is computed while it is read
        if not line.text or line.key in keys:
            continue
        cost = tally.cost(line)
        fits = tally.tokens + cost <= budget_tokens
        is_first = not chosen and not skips
        if is_first and not fits and shorten and (part := shorten(line, budget_tokens - line.header_tokens)):
            return [part]
        if not fits:
            skips += 1
            if skips == MOST_SKIPS:
                break
            continue
        skips = 0
        keys.add(line.key)
        tally.add(line, cost)
        chosen.append(line)
        if budget_tokens - tally.tokens < SMALLEST_LINE:
            break
    return chosen
