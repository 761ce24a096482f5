"""Renders turns as lines: without filler, with short captions, relative dates resolved, tokens counted.

A long turn has several lines, one a passage (memoryqa/passages.py). Those that are shown together become one, in order,
with "…" where text was left out:

    12 Assistant: … Boil the beans for an hour. … Add salt at the end.

The tokens of a text are exactly the sum of the tokens of its parts (held by a property test), and budgets are kept by
addition. That holds because no token of o200k_base spans two parts: a line ends in a newline, and what follows starts
with a digit, "[" or a space; a part within a line starts with a space and ends without one. Without its newline a last
line may count more: `");` is two tokens, but one with a newline after it.
"""

from __future__ import annotations

import re
from bisect import bisect, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from memoryqa.language.dating.dates import annotate, says_no_date, unmarked
from memoryqa.language.filler import is_filler, may_answer
from memoryqa.passages import WHOLE_TOKENS, Piece, cut, lay_out, split_sentences
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn, join_caption, line_prefix, printable

_GAP, _GAP_AT_END = " …", " …\n"  # for text left out: within a line, and at its end
_CAPTION_OPENING = re.compile(
    r"^(?:an? |the )?(?:close[ -]?up )?(?:photo|picture|photograph|photography|image|view|close[ -]?up|screenshot)"
    r" of(?: an?| the)?\s+",
    re.IGNORECASE,
)
_SHORT_CHARS = 800  # that WHOLE_TOKENS mostly hold


@dataclass(frozen=True, slots=True)
class Part:
    """What a line needs besides, when it shows one of several passages of a turn.

    number, of: the passage's place in its turn, from 0, and their number. breaks: it begins a new line after the
    passage before it. tokens, tokens_at_end: of the body within a line, and with the newline at its end.
    """

    number: int
    of: int
    breaks: bool
    tokens: int
    tokens_at_end: int
    prefix_tokens: int


@dataclass(frozen=True, slots=True)
class Line:
    """One passage's rendering; a short turn is one passage.

    text: "" when there is nothing to show. tokens: of `text` and its newline, when no other passage of the turn is
    shown. body: `text` without number, speaker and ellipses. said: the passage as it was said, without the photo.
    """

    turn: Turn
    text: str
    tokens: int
    header: str  # of its session and day, shown above the first of their lines
    header_tokens: int  # counted once, with that line
    body: str
    said: str
    part: Part | None = None
    altered: bool = False  # shown otherwise than the memory has it: a part of it, or with how often it was said
    repeated: bool = False  # the same speaker has said the same before
    clock: bool = False  # shown with the time of day
    key: tuple[int, int, int] = field(init=False)
    """Session, number and passage: the order in which lines are shown. No two lines of a memory share one."""

    def __post_init__(self) -> None:
        number = self.part.number if self.part else 0
        object.__setattr__(self, "key", (self.turn.session, self.turn.number, number))

    @property
    def id(self) -> str:
        """The turn's id; of a long turn with the passage's number from 1, `D8:6/2`."""
        return self.turn.id if self.part is None else f"{self.turn.id}/{self.part.number + 1}"

    @property
    def prefix(self) -> str:
        """What `text` begins with: number, time of day where it is shown, and speaker."""
        return printable(line_prefix(self.turn, self.clock))

    @property
    def caption(self) -> str:
        """What the turn's photo shows; it is with the last passage."""
        return self.turn.caption if self.part is None or self.part.number == self.part.of - 1 else ""

    @property
    def content(self) -> str:
        """What was said and what the photo shows: what a search finds."""
        return f"{self.said} {self.caption}".strip()


def drop_filler(text: str, names: frozenset[str], replies: bool = False) -> str:
    """`text` without filler sentences; all other characters are kept. When it `replies` to a question, the first
    sentence that is no pleasantry is kept too."""
    kept = []
    for sentence in split_sentences(text):
        if not sentence.strip():
            continue
        if not is_filler(sentence, names) or (replies and may_answer(sentence)):
            kept.append(sentence)
            replies = False
    return "".join(kept).strip()


def shorten_caption(caption: str) -> str:
    """`a photo of a bowl` -> `bowl`."""
    return _CAPTION_OPENING.sub("", caption).strip()


@lru_cache(maxsize=65_536)
def _count_header(header: str) -> int:
    return count_tokens(header + "\n")


def empty_line(turn: Turn) -> Line:
    """The line of a turn that is not shown."""
    return Line(turn, "", 0, "", 0, "", turn.text)


class ToRender(NamedTuple):
    """A turn, and what its lines depend on besides.

    names: the participants' names in lower case; a sentence that only addresses one of them is filler too. header: of
    its session, or of its day in the session. replies: see `Replies`.
    """

    turn: Turn
    names: frozenset[str]
    header: str
    replies: bool = False


def render_turn(turn: Turn, names: frozenset[str], header: str, replies: bool = False) -> tuple[list[Line], list[Line]]:
    """Render the turn's passages in full and in brief; both lists are equally long.

    In brief, a turn of one passage goes without its filler sentences; a long one stays as it is. See `ToRender`.
    """
    caption = unmarked(shorten_caption(turn.caption)) if turn.caption else ""
    in_dates = None if turn.time is None or says_no_date(turn.text) else names

    def line(text: str) -> Line:
        return line_of(turn, _body(turn, text, caption, in_dates), header)

    full = line(turn.text) if len(turn.text) < _SHORT_CHARS else None
    if full is None or full.tokens > WHOLE_TOKENS:  # most turns are counted once, in their line
        if len(pieces := cut(turn.text)) > 1:
            lines = _lines(turn, pieces, caption, header, names)
            return lines, lines
        full = full or line(turn.text)
    worth = drop_filler(turn.text, names, replies)
    return [full], [full if worth == turn.text.strip() else line(worth)]


def render_turns(asked: Sequence[ToRender]) -> list[tuple[list[Line], list[Line]]]:
    """`render_turn` of each, step by step for all of them: a step's tables then stay in the processor's cache."""
    captions = [unmarked(shorten_caption(turn.caption)) if turn.caption else "" for turn, *_ in asked]
    in_dates = [None if turn.time is None or says_no_date(turn.text) else names for turn, names, *_ in asked]

    def lines_of(texts: Sequence[str | None]) -> list[Line | None]:
        bodies = [
            None if text is None else _body(one.turn, text, caption, names)
            for one, text, caption, names in zip(asked, texts, captions, in_dates, strict=True)
        ]
        return _each_line(asked, bodies)

    full = lines_of([turn.text if len(turn.text) < _SHORT_CHARS else None for turn, *_ in asked])
    long = dict[int, list[Line]]()
    for place, line in enumerate(full):
        if line is None or line.tokens > WHOLE_TOKENS:  # most turns are counted once, in their line
            turn, names, header, _ = asked[place]
            if len(pieces := cut(turn.text)) > 1:
                long[place] = _lines(turn, pieces, captions[place], header, names)
            elif line is None:
                full[place] = line_of(turn, _body(turn, turn.text, captions[place], in_dates[place]), header)
    worth = [
        None if place in long else drop_filler(turn.text, names, replies)
        for place, (turn, names, _, replies) in enumerate(asked)
    ]
    brief = lines_of([None if text == one.turn.text.strip() else text for one, text in zip(asked, worth, strict=True)])
    return [
        (long[place], long[place]) if place in long else ([whole], [short or whole])  # type: ignore[list-item]
        for place, (whole, short) in enumerate(zip(full, brief, strict=True))
    ]


def _body(turn: Turn, text: str, caption: str, names: frozenset[str] | None) -> str:
    """What the only line of a turn shows of `text`. names: None where no date is to be resolved."""
    shown = lay_out(text)
    return join_caption(unmarked(shown) if names is None else _dated(turn, shown, names), caption)


def _each_line(asked: Sequence[ToRender], bodies: Sequence[str | None]) -> list[Line | None]:
    """The only line of each turn, which shows its body; None for None."""
    shown = [
        printable(f"{line_prefix(one.turn)} {body}") if body else "" for one, body in zip(asked, bodies, strict=True)
    ]
    tokens = [count_tokens(text + "\n") if text else 0 for text in shown]
    return [
        None if body is None else _single(one.turn, text, size, one.header, body)
        for one, body, text, size in zip(asked, bodies, shown, tokens, strict=True)
    ]


def line_of(turn: Turn, body: str, header: str, tokens: int | None = None) -> Line:
    """The only line of a turn, which shows `body`. tokens: its own, where they are known."""
    shown = printable(f"{line_prefix(turn)} {body}") if body else ""
    return _single(turn, shown, (count_tokens(shown + "\n") if tokens is None else tokens), header, body)


def _single(turn: Turn, shown: str, tokens: int, header: str, body: str) -> Line:
    return Line(turn, shown, tokens, header, _count_header(header), body, turn.text) if body else empty_line(turn)


def _lines(turn: Turn, pieces: Sequence[Piece], caption: str, header: str, names: frozenset[str]) -> list[Line]:
    lines = []
    prefix_tokens = _count(printable(line_prefix(turn)))
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        body = printable(join_caption(_dated(turn, piece.text, names), caption if is_last else ""))
        part = Part(
            number,
            len(pieces),
            piece.breaks,
            count_tokens(f" {body}"),
            count_tokens(f" {body}\n"),
            prefix_tokens,
        )
        tokens = part.prefix_tokens + _opening_tokens(part) + _tokens_with(part, None)
        line = Line(turn, "", tokens, header, _count_header(header), body, piece.text, part)
        lines.append(replace(line, text=_assemble([line])))
    return lines


def with_clock(line: Line) -> Line:
    """`line` with the time of day at which it was said: `6 14:05 Ana: ...`; as it is where that is unknown."""
    if line.turn.time is None or line.clock or not line.text:
        return line
    timed = replace(line, clock=True)
    text = timed.prefix + line.text[len(line.prefix) :]
    if line.part is None:
        return replace(timed, text=text, tokens=count_tokens(text + "\n"))
    part = replace(line.part, prefix_tokens=_count(timed.prefix))
    tokens = line.tokens + part.prefix_tokens - line.part.prefix_tokens
    return replace(timed, text=text, tokens=tokens, part=part)


def _dated(turn: Turn, text: str, names: frozenset[str]) -> str:
    return unmarked(text) if turn.time is None else annotate(text, turn.time, names)


def _assemble(lines: Sequence[Line]) -> str:
    """Passages of one turn, in order, as they are shown together, without the newline at the end."""
    written, before = lines[0].prefix, -1
    for line in lines:
        assert line.part is not None
        written += _GAP if line.part.number > before + 1 else ""
        written += ("\n " if line.part.breaks else " ") + line.body
        before = line.part.number
    last = lines[-1].part
    return written if last is None or last.number == last.of - 1 else written + _GAP


def _gap_tokens(breaks: bool) -> int:
    """The "…" for text left out takes so many; before a new line, or before the end, the newline is included."""
    return _count(_GAP_AT_END if breaks else _GAP)


def _opening_tokens(part: Part) -> int:
    """What stands before a turn's first passage shown, besides number and speaker, takes so many."""
    return _gap_tokens(part.breaks) if part.number else 0


def _tokens_with(part: Part, after: Part | None) -> int:
    """A passage and what follows it take so many, up to `after`, the next passage shown; None: to the line's end."""
    if after is None:
        return part.tokens_at_end if part.number == part.of - 1 else part.tokens + _gap_tokens(breaks=True)
    if after.number == part.number + 1:
        return part.tokens_at_end if after.breaks else part.tokens
    return part.tokens + _gap_tokens(after.breaks)


def join_passages(whole: str, starts: Sequence[int], shown: Iterable[int]) -> str:
    """What is shown of a long turn, from its whole line: the passages numbered `shown` (from 0), which begin at
    `starts` in it. What precedes the first is the number and the speaker."""
    joined, before = whole[: starts[0]], -1
    for number in sorted(shown):
        joined += " …" if number > before + 1 else ""
        joined += whole[starts[number] : starts[number + 1] if number + 1 < len(starts) else len(whole)]
        before = number
    return joined if before == len(starts) - 1 else f"{joined} …"


def whole_line(lines: Sequence[Line]) -> tuple[str, list[int]]:
    """The line that shows all passages of a turn, and where each begins; [] for a turn of one passage."""
    if len(lines) == 1:
        return lines[0].text, []
    starts, text = [], lines[0].prefix
    for line in lines:
        starts.append(len(text))
        text += ("\n " if line.part and line.part.breaks else " ") + line.body
    return text, starts


@lru_cache(maxsize=4096)
def _count(text: str) -> int:
    return count_tokens(text)


def render(lines: Iterable[Line]) -> str:
    """Render lines in order under the headers of sessions and days, each with a newline. Empty lines are left out."""
    rendered: list[str] = []
    under: tuple[int, str] | None = None
    shown = sorted((line for line in lines if line.text), key=lambda line: line.key)
    for _, of_turn in groupby(shown, key=lambda line: line.key[:2]):
        group = list(of_turn)
        if (heading := (group[0].turn.session, group[0].header)) != under:
            under = heading
            rendered.append(f"{group[0].header}\n")
        rendered.append(f"{group[0].text if len(group) == 1 else _assemble(group)}\n")
    return "".join(rendered)


def _number(part: Part) -> int:
    return part.number


class Tally:
    """The tokens of `render(lines)`, while distinct lines come and go: by addition."""

    def __init__(self, lines: Iterable[Line] = ()) -> None:
        self.tokens = 0
        self._under: dict[tuple[int, str], int] = {}  # session and header -> number of the lines that share it
        self._of_turn: dict[tuple[int, int], list[Part]] = {}  # passages of long turns, in order
        for line in lines:
            self.add(line)

    def cost(self, line: Line) -> int:
        """What the tokens grow by when `line` is added."""
        header = 0 if (line.turn.session, line.header) in self._under else line.header_tokens
        part, shown = line.part, self._of_turn.get(line.key[:2])
        if part is None or not shown:
            return line.tokens + header
        place = bisect(shown, part.number, key=_number)
        before, after = shown[place - 1] if place else None, shown[place] if place < len(shown) else None
        cost = _tokens_with(part, after)
        if before is not None:
            return cost + _tokens_with(before, part) - _tokens_with(before, after)
        assert after is not None
        return cost + _opening_tokens(part) - _opening_tokens(after)

    def add(self, line: Line, cost: int | None = None) -> None:
        """Count `line`, which is not counted yet. An empty line costs nothing. cost: its own, where that is known."""
        if not line.text:
            return
        self.tokens += self.cost(line) if cost is None else cost
        heading = line.turn.session, line.header
        self._under[heading] = self._under.get(heading, 0) + 1
        if line.part is not None:
            insort(self._of_turn.setdefault(line.key[:2], []), line.part, key=_number)

    def remove(self, line: Line) -> None:
        """Count `line` no more."""
        if not line.text:
            return
        heading = line.turn.session, line.header
        self._under[heading] -= 1
        if not self._under[heading]:
            del self._under[heading]
        if line.part is not None:
            shown = self._of_turn[line.key[:2]]
            del shown[bisect(shown, line.part.number, key=_number) - 1]
            if not shown:
                del self._of_turn[line.key[:2]]
        self.tokens -= self.cost(line)


def count_lines(lines: Iterable[Line]) -> int:
    """Tokens of `render(lines)`, by addition. `lines` are distinct."""
    whole, parts, headers = 0, list[Line](), dict[tuple[int, str], int]()
    for line in lines:
        if line.part is not None:
            parts.append(line)
        elif line.text:
            whole += line.tokens
            headers[line.turn.session, line.header] = line.header_tokens
    tally = Tally(parts)
    return whole + tally.tokens + sum(tokens for heading, tokens in headers.items() if heading not in tally._under)
