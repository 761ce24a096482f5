"""Ids for exports that have none: the place of a message among those of the same moment and speaker."""

from __future__ import annotations

_KEPT = 4096  # a chat goes back in time by minutes


class Moments:
    """Numbers messages that share a key, the first 1. Keys that have not come for long are forgotten."""

    def __init__(self) -> None:
        self._newer: dict[tuple[object, ...], int] = {}
        self._older: dict[tuple[object, ...], int] = {}

    def number(self, *key: object) -> str:
        """How often this key has come, as text."""
        number = self._newer.get(key) or self._older.get(key, 0)
        self._newer[key] = number = number + 1
        if len(self._newer) > _KEPT:
            self._older, self._newer = self._newer, {}
        return str(number)
