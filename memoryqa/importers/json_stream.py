"""JSON read piece by piece, so that a document of any size needs the memory of its largest piece.

    reader = JsonReader(file, "chat.json")
    for key in reader.fields():                 # of the object that comes next; what is not read is skipped
        if key == "messages":
            for message in reader.items():    # of the array that comes next, each decoded whole

The standard library's decoder does the work: it is asked for one value at a time, and given more text when it runs out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from memoryqa.errors import UsageError

_CHUNK_CHARS = 1 << 16
_LONGEST_VALUE = 1 << 27  # characters
_SPACE = re.compile(r"[ \t\n\r]*")
_NEAR_END = 16  # characters: an error further from the end of the text at hand is no lack of text
_MAY_GO_ON = frozenset(["", ".", "e", "E", "e+", "e-", "E+", "E-"])
_DECODE = json.JSONDecoder(strict=False).raw_decode


class JsonReader:
    """Reads one document from `file`; `place` names it in errors. Every fault of the document is a UsageError."""

    def __init__(self, file: TextIO, place: str) -> None:
        self._file = file
        self._place = place
        self._text = ""
        self._at = 0
        self._before = 0  # characters that were dropped in front of `_text`
        self._ended = False
        self._values = 0  # that were begun, so that an unread one is noticed

    def peek(self) -> str:
        """The next character that is no white space, "" at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        self._values += 1
        while True:
            try:
                value, end = _DECODE(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = "Unterminated string" in error.msg or error.pos >= len(self._text) - _NEAR_END
                if is_cut and self._more():
                    continue
                raise self._fault(error.msg, error.pos) from error
            except RecursionError as error:
                raise self._fault("nested too deeply", self._at) from error
            except ValueError as error:  # a number of thousands of digits
                raise self._fault("a number of too many digits", self._at) from error
            if self._text[end : end + 3] in _MAY_GO_ON and end + 3 > len(self._text) and self._more():  # a number
                continue
            self._at = end
            return value

    def items(self) -> Iterator[Any]:
        """The values of the array that comes next, each decoded whole."""
        for _ in self.elements():
            yield self.value()

    def elements(self) -> Iterator[int]:
        """The places in the array that comes next: before each, the caller reads one value, in any way."""
        self._expect("[", "a list")
        if self.peek() == "]":
            self._at += 1
            return
        number = 0
        while True:
            begun = self._values
            yield number
            if self._values == begun:
                self.skip()
            number += 1
            if not self._goes_on("]"):
                return

    def fields(self) -> Iterator[str]:
        """The keys of the object that comes next: after each, the caller reads its value, or it is skipped."""
        self._expect("{", "an object")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise self._fault("a key that is no text", self._at)
            if self.peek() != ":":
                raise self._fault("expecting ':'", self._at)
            self._at += 1
            begun = self._values
            yield key
            if self._values == begun:
                self.skip()
            if not self._goes_on("}"):
                return

    def skip(self) -> None:
        """Pass the next value; a long list is not held."""
        if self.peek() == "[":
            for _ in self.items():
                pass
        else:
            self.value()

    def end(self) -> None:
        """Raise unless the document ends here."""
        if self.peek():
            raise self._fault("text after the end of the document", self._at)

    def _goes_on(self, closing: str) -> bool:
        found = self.peek()
        if found not in (",", closing) or not found:
            raise self._fault(f"expecting ',' or '{closing}'", self._at)
        self._at += 1
        return found == ","

    def _expect(self, opening: str, what: str) -> None:
        found = self.peek()
        if found != opening:
            raise self._fault(f"expecting {what}", self._at)
        self._values += 1
        self._at += 1

    def _more(self) -> bool:
        """Read on; the more is held, the more is read, so that a large value is not decoded again and again."""
        if self._ended:
            return False
        if len(self._text) - self._at > _LONGEST_VALUE:
            raise self._fault(f"a value of more than {_LONGEST_VALUE:,} characters", self._at)
        chunk = self._file.read(max(_CHUNK_CHARS, 2 * (len(self._text) - self._at)))
        if not chunk:
            self._ended = True
            return False
        self._before += self._at
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return True

    def _fault(self, problem: str, at: int) -> UsageError:
        place = self._before + at
        if (self._ended and at >= len(self._text) - _NEAR_END) or "Unterminated" in problem:
            return UsageError(f"{self._place}: the JSON ends too early, at character {place:,}; export it again")
        return UsageError(f"{self._place}: not JSON ({problem}, character {place:,}); export it again")
