"""Changes the index of one turn in place, so that it is what an index made anew of the changed turns would be.

What other turns have of it is few: the windows of the passages beside it, and the numbers of those behind it, where the
turn has more or fewer passages than before. Who calls this knows that no other turn is heard in another language, and
that the speakers come in the same order.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate, chain, pairwise
from typing import Any

import numpy as np

from memoryqa.rendering import Line
from memoryqa.search.bounds.chunks import REACH, WIDTH
from memoryqa.search.passage_reading import Heard, code_of, read
from memoryqa.search.postings import IndexedPassages
from memoryqa.turns import Turn

_COLUMNS = ("_turn", "_lengths", "_doublings", "_code_share", "_speaker", "_flags")  # one number a passage


def replace_turn(
    index: IndexedPassages, first: int, before: Sequence[Line], after: Sequence[Line], heard: Heard
) -> None:
    """Let the turn whose passages begin at `first` and had the lines `before` have those of `after`, heard so."""
    number, block = index._turn[first], index._block[first]
    removed = _terms_of(before, _heard_before(index, before[0].turn, number))
    one = _alone(index, after, heard)
    _take_out(index, removed, first)
    _splice(index, first, len(before), block, one, number, [line.tokens for line in after])
    for passage, found in enumerate(_terms_of(after, heard), first):
        _post(index, found, passage)
    _respread(index, first, first + len(after))


def remove_turn(index: IndexedPassages, first: int, before: Sequence[Line]) -> None:
    """Take out the turn whose passages begin at `first` and have the lines `before`. Where it is a block, those before
    and behind it are of different sessions."""
    number, block = index._turn[first], index._block[first]
    removed = _terms_of(before, _heard_before(index, before[0].turn, number))
    _take_out(index, removed, first)
    _remove_day(index, block, number - 1)
    is_alone = index._turn[index._block_start[block]] == number == index._turn[_end_of(index, block) - 1]
    _splice(index, first, len(before), block, IndexedPassages(index._windows), number, [])
    _add(index._turn, first, -1)
    index._turns -= 1
    del index._heard_in[number - 1]
    if is_alone:
        for column in (index._block_start, index._block_day, index._block_last_day, index._block_length):
            del column[block]
        _add(index._block, first, -1)
    _respread(index, first, first)


def set_flag(index: IndexedPassages, passage: int, flag: int, on: bool) -> None:
    """Give a passage a flag, or take it away."""
    index._flags[passage] = index._flags[passage] | flag if on else index._flags[passage] & ~flag
    index._chunks.cut(passage)
    index.changed()


def _heard_before(index: IndexedPassages, turn: Turn, number: int) -> Heard:
    """How a turn was heard, as far as its terms depend on it."""
    return Heard(turn, 0, frozenset(), False, False, code_of(index._heard_in[number - 1]))


def _terms_of(lines: Sequence[Line], heard: Heard) -> list[Counter[str]]:
    """By passage its terms, with what it is found by besides, and how often."""
    tags = heard.tag_terms()
    return [Counter(chain(one.terms, one.beside, tags)) for one in read([(line, heard) for line in lines])]


def _alone(index: IndexedPassages, lines: Sequence[Line], heard: Heard) -> IndexedPassages:
    """An index of the turn alone."""
    one = IndexedPassages(index._windows)
    one._open_block()
    one._put(heard.turn, lines, heard._replace(opens=False), read([(line, heard) for line in lines]))
    return one


# -- postings ----------------------------------------------------------------------------------------------------------


def _take_out(index: IndexedPassages, of_passages: Sequence[Mapping[str, int]], first: int) -> None:
    postings, repeated = index._postings, index._repeated
    for passage, counts in enumerate(of_passages, first):
        for term, count in counts.items():
            known = postings[term]
            if isinstance(known, int):
                del postings[term]
                continue
            at = bisect_left(known, passage)
            del known[at : at + count]
            if count > 1:
                repeated[term] -= count - 1
                if not repeated[term]:
                    del repeated[term]
            if not known:
                del postings[term]
            elif len(known) == 1:
                postings[term] = known[0]


def _post(index: IndexedPassages, counts: Mapping[str, int], passage: int) -> None:
    postings, repeated = index._postings, index._repeated
    for term, count in counts.items():
        known = postings.get(term)
        if known is None:
            postings[sys.intern(term)] = passage if count == 1 else array("i", [passage] * count)
        else:
            if isinstance(known, int):
                known = postings[term] = array("i", (known,))
            at = bisect_left(known, passage)
            known[at:at] = array("i", [passage] * count)
        if count > 1:
            repeated[term] = repeated.get(term, 0) + count - 1


def _shift_postings(index: IndexedPassages, end: int, by: int) -> None:
    """Passages from `end` on are `by` further."""
    postings = index._postings
    for term, known in postings.items():
        if isinstance(known, int):
            if known >= end:
                postings[term] = known + by
        elif known[-1] >= end:
            numbers = np.frombuffer(known, dtype=np.int32)
            numbers[numbers.searchsorted(end) :] += by


# -- columns -----------------------------------------------------------------------------------------------------------


def _splice(
    index: IndexedPassages, first: int, count: int, block: int, one: IndexedPassages, number: int, tokens: Sequence[int]
) -> None:
    """Put the columns of `one`, a turn's, in the place of `count` passages of `block`."""
    end, new = first + count, len(one)
    if by := new - count:
        _shift_postings(index, end, by)
    starts = index._token_starts
    longer = sum(tokens) - (starts[end] - starts[first])
    starts[first + 1 : end + 1] = array("q", list(accumulate(tokens, initial=starts[first]))[1:])
    index._block_length[block] += sum(one._lengths) - sum(index._lengths[first:end])
    for name in _COLUMNS:
        getattr(index, name)[first:end] = getattr(one, name)
    index._turn[first : first + new] = array("i", [number] * new)
    index._block[first:end] = array("i", [block] * new)
    index._windowed_lengths[first:end] = array("d", [0.0] * new)
    index._shares[first * WIDTH : end * WIDTH] = array("f", [0.0] * (new * WIDTH))
    _add(index._token_starts, first + new + 1, longer)
    _add(index._block_start, block + 1, by)


def _add(column: array[Any], start: int, by: int) -> None:
    """Add `by` to all numbers from `start` on."""
    if by and start < len(column):
        np.frombuffer(column, dtype=np.dtype(column.typecode))[start:] += by


def _end_of(index: IndexedPassages, block: int) -> int:
    """The first passage after a block."""
    return index._block_start[block + 1] if block + 1 < index.num_blocks else len(index)


def _remove_day(index: IndexedPassages, block: int, place: int) -> None:
    """Take the day out of the turn at `place`, from 0."""
    turns = range(index._turn[index._block_start[block]] - 1, index._turn[_end_of(index, block) - 1])
    before = _widening(index._days[turns.start : turns.stop])
    del index._days[place]
    after = _widening(index._days[turns.start : turns.stop - 1])
    index._block_day[block], index._block_last_day[block] = min(after, default=-1), max(after, default=-1)
    if set(before) == set(after):
        return
    # the numbers of the turns are those before: from this turn on, each is one less by now
    opening = [index._turn[start] - 1 for start in index._block_start] + [index._turns]
    opening = [one - (one > place) for one in opening]
    named = {day for first, end in pairwise(opening) for day in _widening(index._days[first:end])}
    index.years.clear()
    index.date_words.clear()
    for day in named:
        index._name_day(date.fromordinal(day))


def _widening(days: Iterable[int]) -> list[int]:
    """Those of the days (ordinals, or -1) of a block's turns that are outside of those before."""
    found: list[int] = []
    first = last = -1
    for day in days:
        if day >= 0 and not 0 <= first <= day <= last:
            found.append(day)
            first, last = day if first < 0 else min(first, day), max(last, day)
    return found


def _respread(index: IndexedPassages, first: int, end: int) -> None:
    """Spread anew what the passages from `first` to before `end` lend and inherit, and those that they reach.

    It adds in the order in which passages come: the sums are the same to the bit.
    """
    windows, turns, lengths = index._windows, index._turn, index._lengths
    before, after, decays = windows.before, windows.after, windows.decays
    far, starts = len(decays), index._token_starts
    for own in range(max(0, first - REACH), min(len(index), end + REACH)):
        block = index._block[own]
        opens, closes = index._block_start[block], _end_of(index, block)
        row = [0.0] * WIDTH
        row[REACH] = 1.0
        windowed, tokens = float(lengths[own]), starts[own + 1] - starts[own]
        for other in range(own - 1, max(opens, own - REACH) - 1, -1):
            between = starts[own] - starts[other + 1]
            if between >= far:
                break
            if turns[other] != turns[own]:
                if (distance := starts[own] - starts[other]) < far:
                    windowed += before * decays[distance] * lengths[other]
                if between + tokens < far:
                    row[REACH + other - own] = after * decays[between + tokens]
        for other in range(own + 1, min(closes, own + REACH + 1)):
            between = starts[other] - starts[own + 1]
            if between >= far:
                break
            if turns[other] != turns[own]:
                if between + tokens < far:
                    row[REACH + other - own] = before * decays[between + tokens]
                if (distance := starts[other + 1] - starts[own + 1]) < far:
                    windowed += after * decays[distance] * lengths[other]
        index._shares[own * WIDTH : (own + 1) * WIDTH] = array("f", row)
        index._windowed_lengths[own] = windowed
    index._chunks.cut(first)
    index._edges.cut(first)
    index._mean = 0, 1e-9
    index.changed()
    _note_recent(index)


def _note_recent(index: IndexedPassages) -> None:
    """The last passages of the last block, which the next one is spread over."""
    starts = index._token_starts
    opens = index._block_start[-1] if index.num_blocks else 0
    index._recent[:] = [
        (index._turn[one], starts[one + 1] - starts[one], index._lengths[one])
        for one in range(max(opens, len(index) - REACH), len(index))
    ]
