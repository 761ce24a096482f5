"""Folds a text for its date words, with every character in its place."""

from __future__ import annotations

import unicodedata


def _table() -> dict[int, str]:
    table = {ord("İ"): "i", ord("ı"): "i", ord("ł"): "l", ord("ø"): "o", ord("ё"): "е", ord("’"): "'", ord("ʼ"): "'"}
    table |= {ord("Ł"): "l", ord("Ё"): "е", ord("أ"): "ا", ord("إ"): "ا", ord("آ"): "ا", ord("ى"): "ي"}
    for code in range(0xC0, 0x250):
        base = unicodedata.normalize("NFD", chr(code))[0].lower()
        if base.isascii():
            table.setdefault(code, base)
    table |= {
        code: str(unicodedata.digit(chr(code)))
        for start in (0x660, 0x6F0, 0x966, 0xFF10)
        for code in range(start, start + 10)
    }
    return table


_TABLE = _table()


def flatten(text: str) -> str:
    """`text` in lower case, without marks on Latin letters, with the digits 0 to 9; its length does not change."""
    if text.isascii():
        return text.lower()
    return lower(text.translate(_TABLE))


def lower(text: str) -> str:
    """`text` in lower case; its length does not change."""
    text = text.replace("İ", "i")
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(one.lower()[:1] for one in text)
