"""Names for the numpy arrays that rooms of the library hand to one another, and a list that makes items on demand."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Vectors = npt.NDArray[np.float32]  # one vector a row, of unit length unless the function says otherwise
Matrix = npt.NDArray[np.float32] | npt.NDArray[np.float16]  # vectors as the cache keeps them
Item = TypeVar("Item")


class OnDemand(MutableSequence[Item]):
    """A list whose first `length` items are made when they are asked for, by `make`, and kept."""

    def __init__(self, length: int, make: Callable[[int], Item]) -> None:
        self._items: list[Item | None] = [None] * length
        self._make = make

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> MutableSequence[Item]: ...
    def __getitem__(self, at: int | slice) -> Item | MutableSequence[Item]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if (item := self._items[at]) is None:
            at %= len(self._items)
            item = self._make(at)
            self._items[at] = item
        return item

    def keep(self, at: int, item: Item) -> None:
        """Let `item` be the one at `at`, unless that is made already."""
        if self._items[at] is None:
            self._items[at] = item

    def __setitem__(self, at: Any, item: Any) -> None:
        self._items[at] = item

    def __delitem__(self, at: int | slice) -> None:
        del self._items[at]

    def insert(self, at: int, item: Item) -> None:
        self._items.insert(at, item)
