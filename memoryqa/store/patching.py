"""Corrects and forgets a turn in what was built, so that it is what all turns built anew would be.

Most changes of a turn change little else: who replies behind it, which lines say the same, the first line of a session.
What may change everything behind it (whoever speaks for the first time, a language that is no longer the usual one, two
parts of a session that meet) is left to building anew.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from memoryqa.language.filler import Replies
from memoryqa.language.locales.detection import ENGLISH, counted_language
from memoryqa.language.names import speaker_key
from memoryqa.rendering import Line, render_turn
from memoryqa.search import patching
from memoryqa.search.passage_reading import (
    FOLLOWS_QUESTION,
    NOT_COUNTED,
    OPENS_SESSION,
    Heard,
    code_of,
    is_counted,
    kept_code,
)
from memoryqa.search.postings import IndexedPassages
from memoryqa.transcript import FEWEST_WORDS, Transcript, address_of, day_among, hash_of, words_of
from memoryqa.turns import Turn

_MOST_READ = 1_000  # turns beside the changed one; where more would have to be looked at, all are built anew


class _TooFarError(Exception):
    """Too much would be otherwise."""


class _After(NamedTuple):
    """What follows from a change. replied: of turns behind it, whether they reply now, where that is another. last: the
    state after the last turn, where that is another."""

    replied: dict[int, bool]
    last: Replies | None


def correct(transcript: Transcript, index: IndexedPassages, after: Turn, touched: set[str]) -> bool:
    """Let the turn with the id of `after` be that, which has the same speaker and time. False, and nothing is changed,
    where all turns must be built anew. touched: takes the ids of other turns whose lines are others then."""
    places = transcript.places[after.id]
    number = index._turn[places.start] - 1
    before = transcript.turns[number]
    try:
        following = _follow(transcript, number, after)
        heard_in = _heard_in(index, number, after)
    except _TooFarError:
        return False
    old = transcript.lines_of(before)
    transcript.turns[number] = after
    names, replies = transcript.names_at(number), bool(transcript._replied[number])
    full, brief = render_turn(after, names, transcript.header_at(number), replies)
    _forget_said(transcript, places, touched)
    _put_lines(transcript, places, full, brief)
    opens = number == 0 or transcript.turns[number - 1].session != after.session
    heard = Heard(after, index._speaker[places.start], names, opens, replies, code_of(heard_in))
    patching.replace_turn(index, places.start, old, full, heard)
    if index._heard_in[number] != heard_in:
        index._heard_in[number] = heard_in
        _count_languages(index)
    _note_said(transcript, transcript.places[after.id], touched)
    _take_over(transcript, index, following, touched)
    return True


def forget(transcript: Transcript, index: IndexedPassages, turn_id: str, touched: set[str]) -> bool:
    """Take out the turn with that id; else as `correct`."""
    places, turns = transcript.places[turn_id], transcript.turns
    number = index._turn[places.start] - 1
    gone = turns[number]
    if transcript._speakers[gone.speaker] == number:
        return False
    before = turns[number - 1].session == gone.session  # the first turn is the first of its speaker
    behind = number + 1 < len(turns) and turns[number + 1].session == gone.session
    if not before and not behind and number + 1 < len(turns) and turns[number - 1].session == turns[number + 1].session:
        return False
    try:
        following = _follow(transcript, number, None)
        _heard_in(index, number, None)
        days, moved = _days_without(transcript, number)
    except _TooFarError:
        return False
    lines = transcript.lines_of(gone)
    _forget_said(transcript, places, touched)
    del turns[number], transcript._replied[number]
    _put_lines(transcript, places, (), (), gone.id)
    transcript._speakers = {name: first - (first > number) for name, first in transcript._speakers.items()}
    transcript._names = [(first - (first > number), names) for first, names in transcript._names]
    if days:
        transcript._days[gone.session] = days
    else:
        del transcript._days[gone.session]
    patching.remove_turn(index, places.start, lines)
    _count_languages(index)
    _note_days(transcript, index)
    if behind and not before:
        patching.set_flag(index, places.start, OPENS_SESSION, True)
    replied = {place - 1: replies for place, replies in following.replied.items()}
    _take_over(transcript, index, following._replace(replied=replied), touched)
    for place in moved:
        _render_again(transcript, place - (place > number), touched)
    return True


# -- what is said anew -------------------------------------------------------------------------------------------------


def _follow(transcript: Transcript, number: int, after: Turn | None) -> _After:
    """Who replies otherwise, where the turn with that number is `after`, or is no more."""
    turns, before = transcript.turns, transcript.turns[number]
    if after is not None and ("?" in before.text) == ("?" in after.text):
        state = None
        if number == len(turns) - 1:
            state = copy(transcript._replies)
            state._previous = after
        return _After({}, state)
    was = _replies_before(transcript, number)
    now = copy(was)
    was.note(before)
    if after is not None:
        now.note(after)
    replied: dict[int, bool] = {}
    for place in range(number + 1, len(turns)):
        if place > number + _MOST_READ:
            raise _TooFarError
        old, new = was.note(turns[place]), now.note(turns[place])
        if old != new:
            replied[place] = new
        if was.state() == now.state():
            return _After(replied, None)
    return _After(replied, now)


def _replies_before(transcript: Transcript, number: int) -> Replies:
    """The state before the turn with that number."""
    turns = transcript.turns
    if not number:
        return Replies()
    last, asks = turns[number - 1], False
    for place in range(number - 1, -1, -1):
        one = turns[place]
        if asks or one.session != last.session or speaker_key(one.speaker) != speaker_key(last.speaker):
            break
        if place < number - _MOST_READ:
            raise _TooFarError
        asks = "?" in one.text
    return Replies.resume(last, asks, bool(transcript._replied[number - 1]))


def _take_over(transcript: Transcript, index: IndexedPassages, following: _After, touched: set[str]) -> None:
    """Let turns reply, or not, as they do by now."""
    for number, replies in following.replied.items():
        turn = transcript.turns[number]
        places = transcript.places[turn.id]
        transcript._replied[number] = replies
        patching.set_flag(index, places.start, FOLLOWS_QUESTION, replies)
        _render_again(transcript, number, touched)
    if following.last is not None:
        transcript._replies = following.last
        index._replies = copy(following.last)
        index._previous = following.last._previous


def _render_again(transcript: Transcript, number: int, touched: set[str]) -> None:
    """The lines of a turn, after what they are rendered by has changed."""
    turn = transcript.turns[number]
    touched.add(turn.id)
    places = transcript.places[turn.id]
    _forget_said(transcript, places, touched)
    replies = bool(transcript._replied[number])
    lines = render_turn(turn, transcript.names_at(number), transcript.header_at(number), replies)
    _put_lines(transcript, places, *lines)
    _note_said(transcript, places, touched)


# -- lines and places --------------------------------------------------------------------------------------------------


def _put_lines(
    transcript: Transcript, places: range, full: Sequence[Line], brief: Sequence[Line], gone: str | None = None
) -> None:
    """Put a turn's lines in the place of those that it had; gone: the id of one that has none any more."""
    transcript.full[places.start : places.stop] = full
    transcript.brief[places.start : places.stop] = brief
    transcript._kept_brief.put(places, brief)
    by, end = len(full) - len(places), places.stop
    if not by:
        return
    shifted = {
        one: range(at.start + by, at.stop + by) if at.start >= end else at for one, at in transcript.places.items()
    }
    if gone is not None:
        del shifted[gone]
    else:
        shifted[full[0].turn.id] = range(places.start, end + by)
    transcript.places = shifted
    if transcript._starts:
        transcript._starts[:] = [at.start for at in shifted.values()]
    transcript._first_with = {said: at + by * (at >= end) for said, at in transcript._first_with.items()}
    alike = ([at + by * (at >= end) for at in one] for one in transcript._repeats.values())
    transcript._repeats = {one[0]: one for one in alike}
    transcript._first_of = {at: first for first, one in transcript._repeats.items() for at in one}


def _said_at(transcript: Transcript, places: range) -> tuple[str, ...] | None:
    """What the only line of a turn says, where that is enough to be looked for elsewhere."""
    line = transcript.brief[places.start]
    if line.part is not None:
        return None
    said = words_of(line)
    return said if len(said) > FEWEST_WORDS else None


def _forget_said(transcript: Transcript, places: range, touched: set[str]) -> None:
    """A turn's line repeats none any more, and is repeated by none."""
    said, place = _said_at(transcript, places), places.start
    if said is None:
        return
    first = transcript._first_of.pop(place, None)
    if first is None:
        if transcript._first_with.get(hash_of(said)) == place:
            del transcript._first_with[hash_of(said)]
        return
    alike = transcript._repeats.pop(first)
    alike.remove(place)
    transcript._first_with[hash_of(said)] = alike[0]
    _keep_alike(transcript, alike, alike[0], touched)


def _note_said(transcript: Transcript, places: range, touched: set[str]) -> None:
    """Find which lines say what a turn's new line says."""
    said, place = _said_at(transcript, places), places.start
    if said is None:
        return
    first = transcript._first_with.get(hash_of(said))
    if first is None:
        transcript._first_with[hash_of(said)] = place
    elif words_of(transcript.brief[first]) == said:
        alike = transcript._repeats.pop(first, [first])
        insort(alike, place)
        transcript._first_with[hash_of(said)] = alike[0]
        _keep_alike(transcript, alike, place, touched)


def _keep_alike(transcript: Transcript, alike: list[int], changed: int, touched: set[str]) -> None:
    """Keep the places of lines that say the same; only the first is no repeat. changed: one that is new, or the first
    where another was taken out."""
    if len(alike) > 1:
        transcript._repeats[alike[0]] = alike
        transcript._first_of.update(dict.fromkeys(alike, alike[0]))
    else:
        transcript._first_of.pop(alike[0], None)
    for place in {*alike[:2], changed}:
        repeated = place != alike[0]
        if (line := transcript.brief[place]).repeated != repeated:
            transcript.brief[place] = replace(line, repeated=repeated)
            touched.add(line.turn.id)


# -- languages and days ------------------------------------------------------------------------------------------------


def _heard_in(index: IndexedPassages, number: int, after: Turn | None) -> int:
    """How the language of `after` is kept, which takes the place of the turn with that number; None: of none.

    _TooFarError where turns behind it are heard otherwise then.
    """
    heard = np.frombuffer(index._heard_in, dtype=np.uint8)
    usual = _usual(heard)
    if after is None:
        if not np.array_equal(_usual(np.delete(heard, number))[number:], usual[number + 1 :]):
            raise _TooFarError
        return 0
    usually = code_of(int(usual[number]))
    code = counted_language(after.text, usually)
    kept = kept_code(code or usually, code is not None)
    if kept != heard[number]:
        changed = heard.copy()
        changed[number] = kept
        if not np.array_equal(_usual(changed)[number + 1 :], usual[number + 1 :]):
            raise _TooFarError
    return kept


def _usual(heard: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """By turn the most frequent of the languages before it, as `kept_code` has it; of equals the one heard first."""
    counted = heard[heard < NOT_COUNTED]
    codes, firsts = np.unique(counted, return_index=True)
    codes = codes[np.argsort(firsts)]
    if len(codes) < 2:  # nearly every chat
        only = codes[0] if len(codes) else kept_code(ENGLISH, True)
        begun = np.cumsum(heard == only) - (heard == only) > 0
        return np.where(begun, only, kept_code(ENGLISH, True)).astype(np.uint8)
    is_one = heard[None, :] == codes[:, None]
    counts = np.cumsum(is_one, axis=1) - is_one  # before each turn
    return np.where(counts.max(axis=0) > 0, codes[counts.argmax(axis=0)], kept_code(ENGLISH, True)).astype(np.uint8)


def _count_languages(index: IndexedPassages) -> None:
    counts = Counter(index._heard_in)
    index.languages = {code_of(kept): count for kept, count in counts.items() if is_counted(kept)}


def _note_days(transcript: Transcript, index: IndexedPassages) -> None:
    """The first and the last day on which something was said."""
    days = np.frombuffer(index._days, dtype=np.int32)
    known = days[days >= 0]
    ends = (int(known.min()), int(known.max())) if len(known) else ()
    transcript.first_day, transcript.last_day = map(date.fromordinal, ends) if ends else (None, None)


def _days_without(transcript: Transcript, number: int) -> tuple[list[int], list[int]]:
    """The days of a session without the turn with that number, [] where it has no other; and the turns that are shown
    under another day then."""
    turns, gone = transcript.turns, transcript.turns[number]
    days = transcript._days[gone.session]
    begins_a_day = gone.number in days[1::2]
    behind = turns[number + 1] if number + 1 < len(turns) else None
    if not begins_a_day and behind and behind.session == gone.session and behind.number > gone.number:
        return days, []
    opening = f"{gone.id.partition(':')[0]}:"
    others = [place for place, one in enumerate(transcript.places) if one.startswith(opening) and one != gone.id]
    if not begins_a_day and others and others[-1] < number:
        numbers = (address_of(one)[1] for one in transcript.places if one.startswith(opening) and one != gone.id)
        return [max(numbers), *days[1:]], []
    if len(others) > _MOST_READ:
        raise _TooFarError
    fresh = Transcript()
    for place in others:
        fresh._note_day(turns[place], fresh._day_of(turns[place]))
    left = fresh._days.get(gone.session, [])
    return left, [place for place in others if day_among(left, turns[place]) != day_among(days, turns[place])]
