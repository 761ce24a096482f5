"""Messages of the library in the words of a command: it writes its arguments between backticks, commands have flags."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

_ARGUMENT = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`\s]+))?`")


def flags_of(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The flag of each argument that `parser` has."""
    flags: dict[str, str] = {}
    for action in parser._actions:
        if flag := next((one for one in action.option_strings if one.startswith("--")), None):
            flags[action.dest] = flag
    return flags


def in_flags(message: str, flags: Mapping[str, str]) -> str:
    """`api_base` is --api-base, `dates=dmy` is --dates dmy; what the command has no flag for stays."""

    def flag(match: re.Match[str]) -> str:
        name, value = flags.get(match[1]), match[2]
        return match[0] if name is None else f"{name} {value}" if value else name

    return _ARGUMENT.sub(flag, message)
