"""Renders turns as lines: without filler, with short captions, relative dates resolved, tokens counted.

Every line ends in a newline and starts with a digit or "[", so that no token of o200k_base spans two lines. The tokens
of a text are therefore exactly the sum of the tokens of its lines (held by a property test), and budgets are kept by
addition. Without its newline a last line may count more: `");` is two tokens, but one with a newline after it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from memoryqa.language.dates import annotate
from memoryqa.language.word_lists import COURTESY_WORDS, FILLER_WORDS, FIRST_PERSON, YES_OR_NO
from memoryqa.tokens import count_tokens, truncate_to_tokens
from memoryqa.turns import Turn, render_line

MAX_LINE_TOKENS = 512  # a longer turn is cut, with an ellipsis; the archive keeps its whole text
_SMALLEST = 6  # tokens of about the shortest possible line, "1 A: b" and its newline
_MOST_SKIPS = 128  # after so many lines in a row that do not fit, none is likely to; a ranking may have a million more

# Where a sentence ends; in scripts with spaces only before one, or "5 p.m." would end twice.
_SENTENCE_END = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[.!?…][\"'”’)])(?=\s)|(?<=[。！？])(?![。！？”’」』）])")
_CAPTION_OPENING = re.compile(
    r"^(?:an? |the )?(?:close[ -]?up )?(?:photo|picture|photograph|photography|image|view|close[ -]?up|screenshot)"
    r" of(?: an?| the)?\s+",
    re.IGNORECASE,
)
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One turn's rendering. `text` is "" when the turn has no content; token counts include the newline."""

    turn: Turn
    text: str
    tokens: int
    header: str  # the session's header, shown above the first of its lines
    header_tokens: int  # counted once, with that line


def is_filler(sentence: str, names: frozenset[str]) -> bool:
    """Whether `sentence` is only greeting, thanks or praise: no digit, no date, no name except `names` (lower case)."""
    if _DIGIT.search(sentence):
        return False
    found = _LETTERS.findall(sentence.lower())
    if len(found) == 1 and found[0] in YES_OR_NO:
        return False  # the answer to a question
    if not found and sentence.strip(" .!?…"):
        return False  # an emoji or other symbols
    if not FILLER_WORDS.issuperset(word for word in found if word not in names):
        return False
    return FIRST_PERSON.isdisjoint(found) or not COURTESY_WORDS.isdisjoint(found)


def drop_filler(text: str, names: frozenset[str]) -> str:
    """`text` without filler sentences; all other characters are kept."""
    return "".join(
        sentence for sentence in _SENTENCE_END.split(text) if sentence.strip() and not is_filler(sentence, names)
    ).strip()


def shorten_caption(caption: str) -> str:
    """`a photo of a bowl` -> `bowl`."""
    return _CAPTION_OPENING.sub("", caption).strip()


@lru_cache(maxsize=65_536)
def _count_header(header: str) -> int:
    return count_tokens(header + "\n")


def empty_line(turn: Turn) -> Line:
    """The line of a turn that is not shown."""
    return Line(turn, "", 0, "", 0)


def _line(turn: Turn, body: str, header: str, max_tokens: int = MAX_LINE_TOKENS) -> Line:
    caption = shorten_caption(turn.caption)
    if not body.strip() and not caption:
        return empty_line(turn)
    if turn.time is not None:
        body = annotate(body, turn.time)
    text = render_line(turn, body, caption)
    tokens = count_tokens(text + "\n")
    if tokens > max_tokens:
        text = truncate_to_tokens(text, max_tokens - 3).rstrip() + " …"
        tokens = count_tokens(text + "\n")
    return Line(turn, text, tokens, header, _count_header(header))


def render_turn(turn: Turn, names: frozenset[str], header: str) -> tuple[Line, Line]:
    """Render the turn in full and in brief, without filler sentences. The same object twice when it has no filler.

    `names`: the participants' names in lower case; a sentence that only addresses one of them is filler too. `header`:
    the session's header, the same for all its turns even if their times differ.
    """
    full = _line(turn, turn.text, header)
    worth = drop_filler(turn.text, names)
    return full, full if worth == turn.text.strip() else _line(turn, worth, header)


def uncut_line(turn: Turn, header: str) -> Line:
    """Render the turn in full, at any length."""
    return _line(turn, turn.text, header, max_tokens=sys.maxsize)


def render(lines: Iterable[Line]) -> str:
    """Render lines in time order under their sessions' headers, each with a newline. Empty lines are left out."""
    rendered: list[str] = []
    session: int | None = None
    for line in sorted(lines, key=lambda line: (line.turn.session, line.turn.number)):
        if not line.text:
            continue
        if line.turn.session != session:
            session = line.turn.session
            rendered.append(f"{line.header}\n")
        rendered.append(f"{line.text}\n")
    return "".join(rendered)


def pack(ranked: Iterable[Line], budget_tokens: int, taken: Sequence[Line] = ()) -> list[Line]:
    """Choose lines in the given order, as many as fit. A line that does not fit is skipped; a shorter one may follow.

    `taken` lines come first and are in the result. A session's header counts with its first line. Stops when fewer than
    `_SMALLEST` tokens are left, or when `_MOST_SKIPS` lines in a row did not fit.
    """
    chosen: list[Line] = []
    skips = 0
    ids: set[tuple[int, int]] = set()
    sessions: set[int] = set()
    left = budget_tokens
    for line in chain(taken, ranked):  # `ranked` is computed while it is read
        turn = line.turn
        key = (turn.session, turn.number)
        if not line.text or key in ids:
            continue
        cost = line.tokens if turn.session in sessions else line.tokens + line.header_tokens
        if cost > left:
            skips += 1
            if skips == _MOST_SKIPS:
                break
            continue
        skips = 0
        left -= cost
        ids.add(key)
        sessions.add(turn.session)
        chosen.append(line)
        if left < _SMALLEST:
            break
    return chosen


def count_lines(lines: Sequence[Line]) -> int:
    """Tokens of `render(lines)`, by addition. `lines` are distinct."""
    headers = {line.turn.session: line.header_tokens for line in lines if line.text}
    return sum(line.tokens for line in lines) + sum(headers.values())
