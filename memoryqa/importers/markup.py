"""HTML as text, whole or block by block while it streams."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import groupby
from operator import itemgetter
from typing import TextIO

from memoryqa.errors import UsageError

_UNSEEN = re.compile(r"(?s)<(?:style|script|head)\b.*?</(?:style|script|head)>|<!--.*?-->")
_TAG = re.compile(rf"{_UNSEEN.pattern}|<[^>]*>")
_BREAK = re.compile(r"(?i)<(?:br|/p|/div|/tr|/li|/h\d|/?table)\b[^>]*>")
_CELL = re.compile(r"(?i)</t[dh]\s*>")
_SPACE = re.compile(r"\s+")
_PRE = re.compile(r"(?i)<(/?)pre\b[^<>]*>")
_SPACES = re.compile(r"[^\S\n]+")
_AROUND_BREAK = re.compile(r" ?\n ?")
_CHUNK_CHARS = 1 << 16
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_SILENT = frozenset(("date", "chatlog__edited-timestamp"))  # classes of what stands within a text and is none of it
_VERBATIM = frozenset(("chatlog__markdown-preserve",))  # classes whose text a browser shows as <pre> does
_LINES = frozenset("br p div li tr".split())


def words(markup: str) -> str:
    """A piece of HTML as text: a line for each block, entities as signs, spaces and lines as they are in <pre>."""
    if not _PRE.search(markup):
        return _flowing(markup)
    before, *rest = _PRE.split(_UNSEEN.sub("", markup))
    pieces = [_flowing(before)]
    for closing, piece in zip(rest[::2], rest[1::2], strict=True):
        pieces.append(_flowing(piece) if closing else verbatim(piece).strip("\n"))
    return "\n".join(piece for piece in pieces if piece).strip()


def verbatim(markup: str) -> str:
    """A piece of HTML whose spaces and lines are text, as text."""
    return html.unescape(_replace(_TAG, "", _replace(_BREAK, "\n", markup.replace("\r\n", "\n"))))


def _replace(tags: re.Pattern[str], new: str, markup: str) -> str:
    """`markup` with `new` for its tags. Behind the last ">" none ends, and to look for one from each "<" takes long."""
    end = markup.rfind(">") + 1
    return tags.sub(new, markup[:end]) + markup[end:]


def _flowing(markup: str) -> str:
    flat = " ".join(markup.split())
    lines = html.unescape(_replace(_TAG, "", _CELL.sub(" ", _replace(_BREAK, "\n", flat)))).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip()


@dataclass
class Block:
    """One element that holds a message. id: of the element. texts: by the field that `Region` names, in order."""

    id: str
    classes: frozenset[str]
    texts: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return "\n".join(self.texts.get(name, ()))


Attributes = Mapping[str, str]
Starts = Callable[[str, frozenset[str], Attributes], str]
Region = Callable[[frozenset[str], frozenset[str]], str]
Noted = Callable[[frozenset[str], Attributes, Block, frozenset[str]], None]


class _Collector(HTMLParser):
    """Collects blocks. starts: the id of the block that an element opens, "" for others. region: the field that the
    text in an element belongs to, "" for none. noted: is shown every element within a block, and all classes around."""

    def __init__(self, starts: Starts, region: Region, noted: Noted) -> None:
        super().__init__(convert_charrefs=True)
        self.done: list[Block] = []
        self._starts, self._region, self._noted = starts, region, noted
        self._open: list[tuple[str, frozenset[str]]] = []  # each with all classes from the block's beginning on
        self._num_open = Counter[str]()
        self._block: Block | None = None
        self._block_depth = 0
        self._captured: tuple[str, int, list[tuple[bool, str]]] | None = None  # parts: whether verbatim, and text
        self._silent_depth: int | None = None
        self._verbatim_depth: int | None = None
        self._is_after_pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        classes = frozenset(attributes.get("class", "").split())
        around = self._open[-1][1] if self._block is not None and self._open else frozenset()
        started = self._starts(tag, classes, attributes)
        if started:
            self._finish()
            self._block, self._block_depth, around = Block(started, classes), len(self._open), frozenset()
        elif self._block is not None:
            self._noted(classes, attributes, self._block, around)
            name = self._region(classes, around)
            if name and self._captured is None and tag not in _VOID:
                self._captured = (name, len(self._open), [])
        if self._captured and _SILENT & classes and tag not in _VOID and self._silent_depth is None:
            self._silent_depth = len(self._open)
        if self._captured and (tag in _LINES or (tag == "pre" and not self._is_at_break())):
            self._captured[2].append((False, "\n"))
            self._is_after_pre = False
        if self._verbatim_depth is None and (tag == "pre" or (_VERBATIM & classes and tag not in _VOID)):
            self._verbatim_depth = len(self._open)
        if tag == "img" and self._captured and "emoji" in attributes.get("class", ""):
            self._captured[2].append((self._verbatim_depth is not None, attributes.get("alt", "")))
        if tag not in _VOID:
            self._open.append((tag, around | classes if classes else around))
            self._num_open[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._num_open[tag]:
            return
        closed = ""
        while closed != tag:
            closed, _ = self._open.pop()
            self._num_open[closed] -= 1
        if self._silent_depth is not None and len(self._open) <= self._silent_depth:
            self._silent_depth = None
        if self._verbatim_depth is not None and len(self._open) <= self._verbatim_depth:
            self._verbatim_depth = None
        if tag == "pre" and self._captured:
            self._is_after_pre = True
            if self._captured[2] and self._captured[2][-1][0]:
                self._captured[2][-1] = (True, self._captured[2][-1][1].removesuffix("\n"))
        if self._captured and len(self._open) <= self._captured[1]:
            self._keep()
        if self._block is not None and len(self._open) <= self._block_depth:
            self._finish()

    def handle_data(self, data: str) -> None:
        if not self._captured or self._silent_depth is not None:
            return
        if self._is_after_pre and data.strip():
            self._captured[2].append((False, "\n"))
            self._is_after_pre = False
        is_verbatim = self._verbatim_depth is not None
        self._captured[2].append((is_verbatim, data if is_verbatim else _SPACE.sub(" ", data)))

    def _is_at_break(self) -> bool:
        parts = self._captured[2] if self._captured else []
        return not parts or parts[-1][1].endswith("\n")

    def _keep(self) -> None:
        if self._captured and self._block is not None:
            name, _, parts = self._captured
            pieces = list[str]()
            for is_verbatim, group in groupby(parts, key=itemgetter(0)):
                said = "".join(text for _, text in group)
                flowing = _AROUND_BREAK.sub("\n", _SPACES.sub(" ", said))
                pieces.append(said.replace("\r\n", "\n") if is_verbatim else flowing)
            self._block.texts.setdefault(name, []).append("".join(pieces).strip())
        self._captured = self._silent_depth = None
        self._is_after_pre = False

    def _finish(self) -> None:
        self._keep()
        if self._block is not None:
            self.done.append(self._block)
        self._block = None

    def close(self) -> None:
        super().close()
        self._finish()


def blocks(file: TextIO, place: str, starts: Starts, region: Region, noted: Noted) -> Iterator[Block]:
    """The blocks of a page, while it is read; see `_Collector`. UsageError for what is no HTML."""
    collector = _Collector(starts, region, noted)
    try:
        while chunk := file.read(_CHUNK_CHARS):
            collector.feed(chunk)
            yield from collector.done
            collector.done.clear()
        collector.close()
    except AssertionError as error:  # how the standard library's parser refuses a declaration
        raise UsageError(f"{place}: not HTML ({error}); export it again") from error
    yield from collector.done
