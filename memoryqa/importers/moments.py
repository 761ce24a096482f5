"""Ids for exports that have none: the place of a message among those of the same moment and speaker."""

from __future__ import annotations

from collections import OrderedDict

_KEPT = 4096  # a chat goes back in time by minutes


class Moments:
    """Numbers messages that share a key, the first 1. Keys that have not come for long are forgotten."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[tuple[object, ...], int] = OrderedDict()

    def number(self, *key: object) -> str:
        """How often this key has come, as text."""
        number = self._numbers[key] = self._numbers.pop(key, 0) + 1
        if len(self._numbers) > _KEPT:
            self._numbers.popitem(last=False)
        return str(number)
