"""Lets a process have as many files open as its chats need: three each, where a system allows 256 or 1,024 at first."""

from __future__ import annotations

import os

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

_FILES = 8  # that an archive may open at a time, with those of a checkpoint
_SPARE = 64  # left when more are asked for
_FACTOR = 4


def has_room_for_files() -> bool:
    """Whether an archive can be opened. When few files are left, the process is allowed more, if the system lets it:
    its soft limit is raised, at most to the hard one."""
    if resource is None:
        return True
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = _lowest_free(soft)
    if soft == resource.RLIM_INFINITY or used + _SPARE < soft:
        return True
    more = _FACTOR * soft if hard == resource.RLIM_INFINITY else min(_FACTOR * soft, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
    except (OSError, ValueError):  # more than the system has
        more = soft
    return used + _FILES < more


def _lowest_free(limit: int) -> int:
    """The lowest number that a file can get: as many are open, or a few more. `limit` when there is none."""
    try:
        free = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return limit
    os.close(free)
    return free
