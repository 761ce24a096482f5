"""The turns of a conversation in order, rendered once: the lines of their passages, and where each turn's lines are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from memoryqa.checks import shown, text
from memoryqa.errors import UsageError
from memoryqa.language.names import name_words, speaker_key
from memoryqa.rendering import Line, Replies, render_turn
from memoryqa.tokens import count_tokens
from memoryqa.turns import HANDLE_PREFIX, MONTHS, Turn, render_header

_FEWEST_WORDS = 4  # what is shorter may answer another question each time
_FEWEST_REPEATS = 3  # a text said twice is shown twice: to say so takes about as many tokens
_WORD = re.compile(r"\w+")


class Transcript:
    """Grows by one turn at a time. A place is a position in `full` and `brief`. Not thread-safe: the owner locks.

    full: the line of every passage, in order. brief: the same without filler, which is what a search packs.
    """

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.full: list[Line] = []
        self.brief: list[Line] = []
        self.places: dict[str, range] = {}  # turn id -> the places of its passages
        self._speakers: set[str] = set()
        self._names: frozenset[str] = frozenset()  # the words of the speakers' names
        self._replies = Replies()
        self._headers: dict[int, str] = {}  # session -> its header: the date of the first of its turns

        # by the hash of its words: the first line that says so; lines that others repeat, with those
        self._first_with: dict[int, int] = {}
        self._repeats: dict[int, list[int]] = {}
        self._first_of: dict[int, int] = {}

    @property
    def num_sessions(self) -> int:
        return len(self._headers)

    def add(self, turn: Turn) -> list[Line]:
        """Append `turn`; returns its lines in full. UsageError for an id that is there, and then nothing changes."""
        if turn.id in self.places:
            raise UsageError(f"turn {turn.id} is in this memory already; every turn needs its own session and number")
        # rendered before anything is changed: a turn that cannot be leaves the transcript as it was
        header = self._headers.get(turn.session) or render_header(turn.session, turn.time)
        names = self._names if turn.speaker in self._speakers else self._names | name_words([turn.speaker])
        full, brief = render_turn(turn, names, header, self._replies.note(turn))
        self._names = names
        self._speakers.add(turn.speaker)
        self._headers[turn.session] = header
        self.turns.append(turn)
        self.places[turn.id] = range(len(self.full), len(self.full) + len(full))
        self.full += full
        self.brief += brief
        if len(brief) == 1 and self._note_repeat(len(self.brief) - 1):
            self.brief[-1] = replace(brief[0], repeated=True)
        return full

    def _note_repeat(self, place: int) -> bool:
        """Whether the line at `place`, the last one, says what an earlier one said; noted for `lines_at`."""
        said = _words_of(self.brief[place])
        if len(said) <= _FEWEST_WORDS:  # besides the speaker
            return False
        first = self._first_with.setdefault(hash(said), place)
        if first == place or _words_of(self.brief[first]) != said:
            return False
        self._repeats.setdefault(first, [first]).append(place)
        self._first_of[first] = self._first_of[place] = first
        return True

    def lines_at(self, places: Iterable[int]) -> Iterator[Line]:
        """The brief lines at `places`, in that order; of three or more that say the same only the first here, with
        how often and when it was said."""
        seen: set[int] = set()
        for place in places:
            first = self._first_of.get(place)
            if first is None or len(self._repeats[first]) < _FEWEST_REPEATS:
                yield self.brief[place]
            elif first not in seen:
                seen.add(first)
                yield _with_repeats(self.brief[place], [self.brief[one].turn for one in self._repeats[first]])

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


def _words_of(line: Line) -> tuple[str, ...]:
    """Who says what, up to case and punctuation; dates that were resolved are words too."""
    return (speaker_key(line.turn.speaker), *_WORD.findall(line.body.casefold()))


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
