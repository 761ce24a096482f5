"""Reads the data files of the languages."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

LATIN = ("de", "es", "fr", "it", "nl", "pl", "pt", "tr")  # besides English; a message's words show which
SCRIPTS = {"cyrillic": "ru", "arabic": "ar", "devanagari": "hi", "hangul": "ko"}  # the script shows the language
UNSPACED = ("zh", "ja")
CODES = ("en", *LATIN, *SCRIPTS.values(), *UNSPACED)


@lru_cache(maxsize=len(CODES))
def read_locale(code: str) -> dict[str, Any]:
    """The data file of a language other than English."""
    path = Path(__file__).with_name(f"{code}.json")
    locale: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return locale
