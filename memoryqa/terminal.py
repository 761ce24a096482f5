"""Text on a terminal that somebody else wrote: a control character in it must not move, colour or erase anything.

Standard library only, so every module may use it.
"""

from __future__ import annotations

from typing import TextIO

_KEPT = "\t\n"
_CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if chr(code) not in _KEPT]
_SHOWN = str.maketrans({one: f"\\x{ord(one):02x}" for one in _CONTROLS})


def harmless(text: str) -> str:
    r"""`text` with its control characters as people write them: ESC becomes the four signs `\x1b`. Tabs and newlines
    stay."""
    return text.translate(_SHOWN)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads `stream`; a process may have been started without it."""
    return stream is not None and stream.isatty()
