"""What a person at a terminal meets: text that somebody else wrote, and Ctrl-C.

A control character in a text must not move, colour or erase anything. Ctrl-C is one line from the first moment on.
Standard library only, so every module may use it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import TextIO

_KEPT = "\t\n"
_CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if chr(code) not in _KEPT]
_SHOWN = str.maketrans({one: f"\\x{ord(one):02x}" for one in _CONTROLS})


def harmless(text: str) -> str:
    r"""`text` with its control characters as people write them: ESC becomes the four signs `\x1b`. Tabs and newlines
    stay."""
    return text.translate(_SHOWN)


def without_halves(text: str) -> str:
    """`text` with a sign in place of each half of a surrogate pair: JSON may hold one, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads `stream`; a process may have been started without it."""
    return stream is not None and stream.isatty()


class _OneLine:
    """A handler of Ctrl-C that ends the process at once: `name`: interrupted, exit status 1."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, number: int, frame: FrameType | None) -> None:
        os.write(2, f"{self.name}: interrupted\n".encode())
        os._exit(1)  # an exception would be printed by whatever import it ends, or swallowed there


def quiet_while_loading(name: str) -> None:
    """Make Ctrl-C one line and exit status 1, as of `name`, until `loaded` is called.

    For the top of a script, before the imports that take a second: nothing is open yet that would need a clean end.
    Where Ctrl-C does something else already (a job in the background ignores it) that stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _OneLine(name))


def loaded() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again, after `quiet_while_loading`."""
    if isinstance(signal.getsignal(signal.SIGINT), _OneLine):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = _interrupt_again


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C that came in a `__del__`, where Python drops it, again in a moment, when it ends the work."""
    main = threading.main_thread().ident
    if main is not None and issubclass(unraisable.exc_type, KeyboardInterrupt):
        again = threading.Timer(0.02, signal.pthread_kill, (main, signal.SIGINT))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)
