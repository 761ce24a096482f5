"""Reads a field of a reply that is still being written."""

from __future__ import annotations

import json
import re

from memoryqa.replies.reading import without_thoughts

_HEADER = re.compile(r"\[\[ ## (\w+) ## \]\]")
_BEGUN_HEADER = re.compile(r"\s*\[(?:\[[^\[\]]*\]?)?\Z")  # "[", "[[ ## evid" at the end: a header may follow
_STRING = r'"((?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])*)'  # to its end, or to an escape that has only begun
_HALF_OF_A_PAIR = re.compile("[\ud800-\udbff]\\Z")


def field_so_far(text: str, field: str) -> str:
    """What `text`, the beginning of a reply in DSPy's chat format or in JSON, says of `field`; "" before it begins."""
    text = without_thoughts(text)
    if text.lstrip("`json \n").startswith("{"):
        return _in_json(text, field)
    begun = None
    for header in _HEADER.finditer(text):
        if begun is not None:
            return text[begun : header.start()].strip()
        if header.group(1) == field:
            begun = header.end()
    return "" if begun is None else _BEGUN_HEADER.sub("", text[begun:]).strip()


def _in_json(text: str, field: str) -> str:
    found = re.search(rf'"{re.escape(field)}"\s*:\s*{_STRING}', text, re.S)
    if found is None:
        return ""
    try:
        written = str(json.loads(f'"{found.group(1)}"', strict=False))
    except ValueError:
        return ""
    return _HALF_OF_A_PAIR.sub("", written).strip()
