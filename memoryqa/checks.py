"""Checks of the types of arguments. Each returns the value, as a plain type of Python, or raises a TypeError that names
the argument. Without them a wrong type would fail somewhere inside, or not at all."""

from __future__ import annotations

import numbers
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

Kind = TypeVar("Kind")


def kind_of(value: object) -> str:
    """The name of `value`'s type."""
    return type(value).__name__


def whole_number(name: str, value: object) -> int:
    """An int, also from numpy; True and 2.0 are none."""
    if type(value) is int:
        return value
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    raise TypeError(f"{name} must be a whole number, got {described(value)}")


def real_number(name: str, value: object) -> float:
    """An int or a float, also from numpy; True is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return float(value)
    raise TypeError(f"{name} must be a number, got {described(value)}")


def true_or_false(name: str, value: object) -> bool:
    """A bool; a text such as "no" is none."""
    return one_of_kind(name, value, bool, "True or False")


def collection(name: str, value: Iterable[Kind], of: str) -> Iterable[Kind]:
    """What can be iterated over, but for text, whose letters nobody means; the message calls its items `of`."""
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return value
    raise TypeError(f"{name} must be a list of {of}, got {described(value)}")


def text(name: str, value: object) -> str:
    """A str."""
    return one_of_kind(name, value, str, "text")


def path(name: str, value: object) -> Path:
    """A Path, from text or another path."""
    if isinstance(value, str) or (isinstance(value, os.PathLike) and isinstance(os.fspath(value), str)):
        return Path(value)
    raise TypeError(f"{name} must be the path of a file or folder, got {described(value)}")


def one_of_kind(name: str, value: object, kind: type[Kind], called: str = "") -> Kind:
    """An instance of `kind`, which the message calls `called`."""
    if isinstance(value, kind):
        return value
    raise TypeError(f"{name} must be {called or _with_article(kind.__name__)}, got {described(value)}")


def _with_article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def described(value: object) -> str:
    """The type of `value` and the value, for a message."""
    return "None" if value is None else f"{kind_of(value)} {shown(value)}"


def shown(value: object, most: int = 60) -> str:
    """`value` as it is written in Python, on one line of bounded length, for a message."""
    try:
        written = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  numbers of thousands of digits raise, and foreign classes may
        return f"a {kind_of(value)}"
    return written if len(written) <= most else written[: most - 3] + "..."
