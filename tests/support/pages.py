"""The report's page as a reader without scripts gets it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


class Page(HTMLParser):
    """What a reader without scripts gets: tables as lists of rows, the text, and the links and sources of elements."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.text = ""
        self.script = ""
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "small" and set(self._open) & {"td", "th"}:
            self.rows[-1][-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = set(self._open)
        if inside & {"script", "style"}:
            self.script += data
            return
        self.text += data
        if inside & {"td", "th"}:
            self.rows[-1][-1] += data

    def row(self, label: str) -> list[str]:
        """The cells of the row with that heading: n, then a cell per program."""
        return next(row[1:] for row in self.rows if row[0].split(" | ")[0] == label)


def page_data(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data
