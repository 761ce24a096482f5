"""The turns of a conversation in order, rendered once: the lines of their passages, and where each turn's lines are."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from dataclasses import replace
from datetime import date, time
from hashlib import blake2b
from typing import Any, NamedTuple

from memoryqa.arrays import OnDemand
from memoryqa.checks import shown, text
from memoryqa.errors import UsageError
from memoryqa.language.dating.dates import unmarked
from memoryqa.language.filler import Replies
from memoryqa.language.names import name_words, speaker_key
from memoryqa.passages import lay_out
from memoryqa.rendering import Line, ToRender, line_of, render_turn, render_turns, shorten_caption
from memoryqa.tokens import count_tokens
from memoryqa.turns import HANDLE_PREFIX, MONTHS, Turn, id_of_turn, join_caption, render_header

FEWEST_WORDS = 4  # what is shorter may answer another question each time
_FEWEST_REPEATS = 3  # a text said twice is shown twice: to say so takes about as many tokens
_MIDNIGHT = time()
_WORD = re.compile(r"\w+")
_ASCII_WORDS = {code: " " for code in range(128) if not _WORD.match(chr(code))}


class _KeptBrief(NamedTuple):
    """By place, what makes a brief line without rendering its turn again.

    tokens: of the line; -1 for one of several of a turn, which is not kept. bodies: those that are not what was said.
    """

    tokens: array[int]
    bodies: dict[int, str]

    def note(self, line: Line) -> None:
        """`line` is the next one."""
        self.tokens.append(0)
        self._keep(len(self.tokens) - 1, line)

    def put(self, places: range, lines: Sequence[Line]) -> None:
        """Let the lines at `places` be `lines`; those behind them move."""
        if places.start >= len(self.tokens):
            return
        if by := len(lines) - len(places):
            others = [(place, body) for place, body in self.bodies.items() if place not in places]
            self.bodies.clear()
            self.bodies.update((place + by * (place >= places.stop), body) for place, body in others)
        self.tokens[places.start : places.stop] = array("i", [0] * len(lines))
        for place, line in enumerate(lines, places.start):
            self._keep(place, line)

    def _keep(self, place: int, line: Line) -> None:
        self.tokens[place] = -1 if line.part else line.tokens
        if line.part is None and line.text and line.body != _plain_body(line.turn):
            self.bodies[place] = line.body
        else:
            self.bodies.pop(place, None)

    def line_at(self, place: int, turn: Turn, header: str, repeated: bool) -> Line | None:
        """None for one that is not kept, or that comes later."""
        if place >= len(self.tokens) or (tokens := self.tokens[place]) < 0:
            return None
        body = (self.bodies.get(place) or _plain_body(turn)) if tokens else ""
        line = line_of(turn, body, header, tokens)
        return replace(line, repeated=True) if repeated else line


class Transcript:
    """Grows by one turn at a time. A place is a position in `full` and `brief`. Not thread-safe: the owner locks.

    full: the line of every passage, in order. brief: the same without filler, which is what a search packs. One that
    was `resume`d reads turns and renders lines when they are asked for.
    """

    def __init__(self) -> None:
        self.turns: MutableSequence[Turn] = []
        self.full: MutableSequence[Line] = []
        self.brief: MutableSequence[Line] = []
        self.places: dict[str, range] = {}  # turn id -> the places of its passages
        self.first_day: date | None = None
        self.last_day: date | None = None
        self._speakers: dict[str, int] = {}  # speaker -> the first turn
        self._names: list[tuple[int, frozenset[str]]] = []  # the words of the speakers' names, by the first turn
        self._replies = Replies()
        self._kept_brief = _KeptBrief(array("i"), {})  # of lines before it was last put aside
        self._starts: list[int] = []  # by turn that is read on demand: the place of its first line
        self._replied = bytearray()  # by turn, whether it replies to a question
        # session -> its highest number, then of each of its days the first number and the day (0: unknown), in order
        self._days: dict[int, list[int]] = {}

        # by a hash of its words: the first line that says so; lines that others repeat, with those
        self._first_with: dict[int, int] = {}
        self._repeats: dict[int, list[int]] = {}
        self._first_of: dict[int, int] = {}

    @property
    def lines(self) -> tuple[Sequence[Line], Sequence[Line]]:
        """`full` and `brief`."""
        return self.full, self.brief

    @property
    def num_sessions(self) -> int:
        return len(self._days)

    @property
    def last_session(self) -> int:
        return max(self._days, default=0)

    def add(self, turn: Turn) -> Sequence[Line]:
        """Append `turn`; returns its lines in full. UsageError for an id that is there, and then nothing changes."""
        # rendered before anything is changed: a turn that cannot be leaves the transcript as it was
        asked, day = self._to_render(turn)
        full, brief = render_turn(*asked)
        self._note(asked, day, len(self.turns))
        return self._append(turn, full, brief)

    def extend(self, turns: Sequence[Turn]) -> list[Sequence[Line]]:
        """`add` each of `turns`, in less time. If one is refused, the transcript must be made anew."""
        asked, ids = [], set[str]()
        for number, turn in enumerate(turns, len(self.turns)):
            if turn.id in ids:
                raise _is_here(turn)
            ids.add(turn.id)
            one, day = self._to_render(turn)
            self._note(one, day, number)
            asked.append(one)
        return [self._append(turn, *lines) for turn, lines in zip(turns, render_turns(asked), strict=True)]

    def _to_render(self, turn: Turn) -> tuple[ToRender, int]:
        """What its lines are rendered from, and the day under which it is to be shown."""
        if turn.id in self.places:
            raise _is_here(turn)
        day = self._day_of(turn)
        return ToRender(turn, self._names_with(turn.speaker), _header(turn, day), self._replies.note(turn)), day

    def _note(self, asked: ToRender, day: int, number: int) -> None:
        """Take over what later turns are rendered by; number: of the turn, from 0."""
        turn = asked.turn
        self._note_speaker(turn.speaker, asked.names, number)
        self._note_day(turn, day)
        self._replied.append(asked.replies)
        if turn.time is not None:
            said_on = turn.time.date()
            self.first_day = min(said_on, self.first_day or said_on)
            self.last_day = max(said_on, self.last_day or said_on)

    def _append(self, turn: Turn, full: Sequence[Line], brief: Sequence[Line]) -> Sequence[Line]:
        self.turns.append(turn)
        self.places[turn.id] = range(len(self.full), len(self.full) + len(full))
        self.full += full
        self.brief += brief
        if len(brief) == 1 and self._note_repeat(len(self.brief) - 1):
            self.brief[-1] = replace(brief[0], repeated=True)
        return full

    def _day_of(self, turn: Turn) -> int:
        """The day, or 0, under which `turn` is to be shown: its own, if it is in order and later than those before it.

        A session may pass midnight, and its first turns may have no time. What comes out of order, or goes back in
        time, is shown under the day that it was put in.
        """
        own = turn.time.toordinal() if turn.time else 0
        days = self._days.get(turn.session)
        if days is None:
            return own
        return day_among(days, turn) if turn.number < days[0] else max(own, days[-1])

    def _note_day(self, turn: Turn, day: int) -> None:
        days = self._days.setdefault(turn.session, [turn.number, turn.number, day])
        if turn.number >= days[0]:
            days[0] = turn.number
            if day > days[-1]:
                days += (turn.number, day)

    def _names_with(self, speaker: str) -> frozenset[str]:
        """The words of the names of all speakers so far and of `speaker`."""
        known = self._names[-1][1] if self._names else frozenset()
        return known if speaker in self._speakers else known | name_words([speaker])

    def _note_speaker(self, speaker: str, names: frozenset[str], number: int) -> None:
        if speaker not in self._speakers:
            self._speakers[speaker] = number
            self._names.append((number, names))

    def _note_repeat(self, place: int) -> bool:
        """Whether the line at `place`, the last one, says what an earlier one said; noted for `lines_at`."""
        said = words_of(self.brief[place])
        if len(said) <= FEWEST_WORDS:  # besides the speaker
            return False
        first = self._first_with.setdefault(hash_of(said), place)
        if first == place or words_of(self.brief[first]) != said:
            return False
        self._repeats.setdefault(first, [first]).append(place)
        self._first_of[first] = self._first_of[place] = first
        return True

    @property
    def speakers(self) -> tuple[str, ...]:
        """Who speaks, by when they first did."""
        return tuple(self._speakers)

    def lines_at(self, places: Iterable[int]) -> Iterator[Line]:
        """The brief lines at `places`, in that order; of three or more that say the same only the first here, with
        how often and when it was said."""
        seen: set[int] = set()
        for place in places:
            if (line := self.line_at(place, seen)) is not None:
                yield line

    def line_at(self, place: int, seen: set[int]) -> Line | None:
        """One line of `lines_at`; None when one that says the same is in `seen`, which is kept up."""
        first = self._first_of.get(place)
        if first is None or len(self._repeats[first]) < _FEWEST_REPEATS:
            return self.brief[place]
        if first in seen:
            return None
        seen.add(first)
        return _with_repeats(self.brief[place], [self.brief[one].turn for one in self._repeats[first]])

    def has_hours(self) -> bool:
        """Whether a turn has a time of day: one whose time is a day is kept as its midnight."""
        return any(turn.time is not None and turn.time.time() != _MIDNIGHT for turn in self.turns)

    def places_of(self, handle: str) -> range:
        """The places of a turn's lines by its handle (`mem:D8:6`) or id, or of one passage (`D8:6/2`). KeyError when
        there is none."""
        line_id = text("a handle or id", handle).removeprefix(HANDLE_PREFIX)
        places = self.places.get(line_id.partition("/")[0], range(0))
        found = [place for place in places if line_id in (self.full[place].id, self.full[place].turn.id)]
        if not found:
            raise KeyError(f"no turn {shown(line_id)} in this memory; ids look like D8:6, handles like mem:D8:6")
        return range(found[0], found[-1] + 1)

    def lines_of(self, turn: Turn) -> list[Line]:
        """The lines of a turn in full."""
        return [self.full[place] for place in self.places[turn.id]]

    def highest_numbers(self) -> dict[int, int]:
        """By session the highest number of its turns."""
        highest: dict[int, int] = {}
        for turn_id in self.places:
            session, number = address_of(turn_id)
            if number > highest.get(session, -1):
                highest[session] = number
        return highest

    # -- put aside and resumed -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What `resume` needs besides the turns: plain numbers and texts, by name."""
        addresses = list(map(address_of, self.places))
        for place in range(len(self._kept_brief.tokens), len(self.brief)):
            self._kept_brief.note(self.brief[place])
        return {
            "sessions": [session for session, _ in addresses],
            "numbers": [number for _, number in addresses],
            "passages": [len(places) for places in self.places.values()],
            "days": [day.toordinal() for day in (self.first_day, self.last_day) if day],
            "speakers": self._speakers,
            "replied": bytes(self._replied),
            "asks": [int(one) for one in self._replies.state()],
            "session_days": self._days,
            "first_with": self._first_with,
            "repeats": self._repeats,
            "brief_tokens": self._kept_brief.tokens,
            "brief_bodies": self._kept_brief.bodies,
        }

    @classmethod
    def resume(cls, state: dict[str, Any], read: Callable[[int], Turn]) -> Transcript:
        """The transcript whose `state` that is. `read`: gives a turn by its number, from 0."""
        found = cls()
        start = 0
        for session, number, passages in zip(state["sessions"], state["numbers"], state["passages"], strict=True):
            found.places[id_of_turn(session, number)] = range(start, start + passages)
            start += passages
        count = len(found.places)
        found.first_day, found.last_day = map(date.fromordinal, state["days"]) if state["days"] else (None, None)
        names: frozenset[str] = frozenset()
        for speaker, first in state["speakers"].items():
            names |= name_words([speaker])
            found._names.append((first, names))
        found._speakers = state["speakers"]
        found._replied = bytearray(state["replied"])
        found._days, found._first_with, found._repeats = (
            state[name] for name in ("session_days", "first_with", "repeats")
        )
        found._kept_brief = _KeptBrief(state["brief_tokens"], state["brief_bodies"])
        found._first_of = {place: first for first, places in found._repeats.items() for place in places}
        turns = found.turns = OnDemand(count, read)
        if count:
            found._replies = Replies.resume(turns[-1], *map(bool, state["asks"]))
        found._starts = [places.start for places in found.places.values()]

        def fill(place: int) -> None:
            turn_number = bisect_right(found._starts, place) - 1  # a turn has at least one passage
            full, brief = found._render_again(turn_number)
            for number, both in enumerate(zip(full, brief, strict=True), found._starts[turn_number]):
                in_full_made.keep(number, both[0])
                in_brief_made.keep(number, both[1])

        def in_full(place: int) -> Line:
            fill(place)
            return found.full[place]

        def in_brief(place: int) -> Line:
            if (line := found._brief_again(place, bisect_right(found._starts, place) - 1)) is not None:
                return line
            fill(place)
            return found.brief[place]

        found.full, found.brief = in_full_made, in_brief_made = OnDemand(start, in_full), OnDemand(start, in_brief)
        return found

    def _brief_again(self, place: int, number: int) -> Line | None:
        """The brief line of the turn with that number, where it is kept."""
        turn = self.turns[number]
        return self._kept_brief.line_at(place, turn, self.header_at(number), self._first_of.get(place, place) != place)

    def names_at(self, number: int) -> frozenset[str]:
        """The words of the names of all who spoke up to the turn with that number."""
        return self._names[bisect_right(self._names, number, key=lambda one: one[0]) - 1][1]

    def header_at(self, number: int) -> str:
        """The header above the turn with that number."""
        turn = self.turns[number]
        return _header(turn, day_among(self._days[turn.session], turn))

    def _render_again(self, number: int) -> tuple[list[Line], list[Line]]:
        """The lines of a turn by its number, as `add` made them."""
        turn = self.turns[number]
        full, brief = render_turn(turn, self.names_at(number), self.header_at(number), bool(self._replied[number]))
        place = self.places[turn.id].start
        if self._first_of.get(place, place) != place:
            brief = [replace(brief[0], repeated=True)]
        return full, brief


def _is_here(turn: Turn) -> UsageError:
    return UsageError(f"turn {turn.id} is in this memory already; every turn needs its own session and number")


def day_among(days: Sequence[int], turn: Turn) -> int:
    """The day under which a turn is shown; `days` as in `Transcript._days`."""
    return days[2 + 2 * max(bisect_right(days[1::2], turn.number) - 1, 0)]


def _plain_body(turn: Turn) -> str:
    """What the only line of a turn shows where no date is resolved and no filler left out."""
    return join_caption(unmarked(lay_out(turn.text)), unmarked(shorten_caption(turn.caption)))


def _header(turn: Turn, day: int) -> str:
    return render_header(turn.session, date.fromordinal(day) if day else None)


def address_of(turn_id: str) -> tuple[int, int]:
    session, _, number = turn_id[1:].partition(":")
    return int(session), int(number)


def words_of(line: Line) -> tuple[str, ...]:
    """Who says what, up to case and punctuation; dates that were resolved are words too."""
    body = line.body.casefold()
    # the same words for ASCII text, in a quarter of the time
    words = body.translate(_ASCII_WORDS).split() if body.isascii() else _WORD.findall(body)
    return (speaker_key(line.turn.speaker), *words)


def hash_of(words: Sequence[str]) -> int:
    """The same in every process, as `hash` is not."""
    written = "\0".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "little", signed=True)


def _with_repeats(line: Line, turns: Sequence[Turn]) -> Line:
    days = [turn.time.date() for turn in turns if turn.time]
    when = f", {_span(min(days), max(days))}" if days else ""
    added = f" (said {len(turns):,} times{when})"
    text = f"{line.text}{added}"
    return replace(line, text=text, body=f"{line.body}{added}", tokens=count_tokens(text + "\n"), altered=True)


def _span(first: date, last: date) -> str:
    """`3 May to 9 June 2024`."""
    if first == last:
        return f"on {_day(first)} {last.year}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{_day(first)}{year} to {_day(last)} {last.year}"


def _day(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"
