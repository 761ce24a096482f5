"""One colour per program everywhere: on pages, in plots, in the pictures of the documentation.

A program that is known by name keeps its colour whichever run it is in; any other takes the first that is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from locomo.rows import PROGRAM_NAMES

# On a light page and in pictures, on a dark page. No text has them, so they need no contrast of 4.5:1.
_COLOURS = (
    ("#878d98", "#8f96a3"),  # grey
    ("#1f6fc4", "#5aa0ea"),  # blue
    ("#d1701a", "#e89148"),  # orange
    ("#2c8f62", "#52b98a"),  # green
    ("#8a56b8", "#b48ade"),  # violet
    ("#bd3b66", "#e2739a"),  # crimson
    ("#0f8b8d", "#3fbfc1"),  # teal
    ("#8a7a12", "#cdbb45"),  # olive
    ("#7b5741", "#b98d72"),  # brown
    ("#3d4450", "#c3c9d4"),  # slate
)
INK, FAINT, GRID = "#1c1e21", "#5a606b", "#dddddd"  # of a plot's marks, keys and grid
GREY, BLUE, ORANGE, CRIMSON, SLATE = (_COLOURS[place][0] for place in (0, 1, 2, 5, 9))  # for lines of no program
_PLACES: Mapping[str, int] = {
    **{name: place for place, name in enumerate(PROGRAM_NAMES)},
    **{"before": 0, "after": 1},
    **{"most recent first": 0, "memory, dense": 6},  # of benchmarks: the first is what simple sends
}


def places(programs: Iterable[str]) -> dict[str, int]:
    """Program -> its place in the palette; with more programs than colours they begin again."""
    names = list(dict.fromkeys(programs))
    found = {name: _PLACES[name] for name in names if name in _PLACES}
    free = [place for place in range(len(_COLOURS)) if place not in found.values()]
    others = (name for name in names if name not in found)
    found |= {name: free[number % len(free)] for number, name in enumerate(others)}
    return {name: found[name] for name in names}


def css_colours(programs: Iterable[str]) -> dict[str, str]:
    """Program -> the page's custom property with its colour, which differs in the dark."""
    return {name: f"var(--p{place})" for name, place in places(programs).items()}


def plot_colours(programs: Iterable[str]) -> dict[str, str]:
    """Program -> its colour on white paper."""
    return {name: _COLOURS[place][0] for name, place in places(programs).items()}


def style() -> str:
    """The custom properties --p0, --p1, ... of a page."""
    light, dark = (" ".join(f"--p{place}: {pair[side]};" for place, pair in enumerate(_COLOURS)) for side in (0, 1))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
