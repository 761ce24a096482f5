"""What the formats are called, in a module of its own: `--help` of a script imports no parser."""

from __future__ import annotations

FORMATS = ("locomo", "realtalk", "beam", "longmemeval", "plain")
FORMAT = {"help": "read --data in this format, not in the one that its content shows", "choices": FORMATS}  # of a flag
