from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.archive.records import decode, digest, encode
from memoryqa.turns import Turn

LISBON = ZoneInfo("Europe/Lisbon")
_DAY = timedelta(days=1)
offsets = st.timedeltas(-_DAY + timedelta(microseconds=1), _DAY - timedelta(microseconds=1))
zones = st.one_of(
    st.none(),
    st.sampled_from((UTC, LISBON, ZoneInfo("America/St_Johns"), ZoneInfo("UTC"))),
    offsets.map(timezone),
    st.builds(timezone, offsets, texts),
)
times = st.one_of(
    st.none(),
    st.builds(
        lambda time, zone, fold: time.replace(tzinfo=zone, fold=fold), st.datetimes(), zones, st.sampled_from((0, 1))
    ),
)
numbers = st.one_of(st.integers(0, 50), st.integers(0, 10**30))
turns = st.builds(Turn, numbers, numbers, texts, texts, times, texts, st.lists(texts, max_size=3).map(tuple))
TURN = Turn(8, 6, "Ines", "We saw 3 otters.", datetime(2023, 10, 29, 1, 30), "a photo of a mill")


@given(turns)
@example(replace(TURN, text="\n", speaker="\r", caption="\r\n"))
@example(replace(TURN, text="a\0b\0"))
@example(replace(TURN, text="\ud83d\udc4d", caption="👍"))
@example(replace(TURN, time=datetime(2023, 10, 29, 1, 30, fold=1, tzinfo=LISBON)))
@example(replace(TURN, time=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14), ""))))
@example(replace(TURN, time=datetime(9999, 12, 31, tzinfo=timezone(-timedelta(microseconds=1)))))
def test_a_turn_comes_back_as_it_was(turn: Turn) -> None:
    back = decode(encode(turn))
    assert back == turn
    assert repr(back) == repr(turn), "the zone and its name, and which of two equal hours"


@given(turns, turns)
@example(TURN, replace(TURN, speaker="InesW", text="e saw 3 otters."))
@example(replace(TURN, text="\ud83d\udc4d"), replace(TURN, text="👍"))
@example(replace(TURN, time=None), TURN)
@example(replace(TURN, tags=("mill", "animal")), TURN)
def test_digests_are_equal_when_what_was_said_is(one: Turn, other: Turn) -> None:
    same = repr(replace(one, tags=())) == repr(replace(other, tags=()))
    assert (digest(encode(one)) == digest(encode(other))) == same
    assert digest(encode(pickle.loads(pickle.dumps(one)))) == digest(encode(one))


def test_the_same_moment_in_another_zone_is_other_content() -> None:
    noon = datetime(2023, 7, 1, 12, tzinfo=UTC)
    there = noon.astimezone(LISBON)
    assert noon == there
    assert digest(encode(replace(TURN, time=noon))) != digest(encode(replace(TURN, time=there)))


class Martian(tzinfo):
    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(minutes=37)

    def __repr__(self) -> str:
        return "Martian()"


def test_a_zone_that_cannot_be_named_is_refused() -> None:
    with pytest.raises(ValueError, match=r"turn D8:6: cannot keep the time zone Martian\(\); use datetime.timezone"):
        encode(replace(TURN, time=datetime(2023, 7, 1, tzinfo=Martian())))
