"""The formats, and which one a source is in. The order matters: the most particular first."""

from __future__ import annotations

from collections.abc import Mapping

from memoryqa.errors import UsageError
from memoryqa.importers.format import Format
from memoryqa.importers.source import Source
from memoryqa.importers.whatsapp.importer import WHATSAPP

FORMATS: Mapping[str, Format] = {one.name: one for one in (WHATSAPP,)}


def format_of(source: Source) -> Format:
    """The format of `source`. UsageError when it is none of them."""
    for one in FORMATS.values():
        if one.recognises(source):
            return one
    raise UsageError(f"{source.path}: no export that is known ({', '.join(FORMATS)}); name its format")
