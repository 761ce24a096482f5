from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import SPEAKERS, captions, texts

from memoryqa.turns import MONTHS, Turn, format_date, parse_citations, render_header, render_line


def test_a_turns_id_is_its_address_as_locomo_writes_it() -> None:
    assert Turn(8, 6, "Ines", "Hi").id == "D8:6"


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (datetime(2023, 7, 15, 13, 51), "15 July 2023"),
        (datetime(2024, 2, 29), "29 February 2024"),
        (datetime(1, 1, 1), "1 January 1"),
        (None, "date unknown"),
    ],
)
def test_dates_are_written_as_gold_answers_write_them(time: datetime | None, written: str) -> None:
    assert format_date(time) == written
    assert render_header(8, time) == f"[D8, {written}]"


def test_months_are_english_and_complete() -> None:
    assert (len(MONTHS), MONTHS[0], MONTHS[4], MONTHS[11]) == (12, "January", "May", "December")


@pytest.mark.parametrize(
    ("text", "caption", "line"),
    [
        ("I baked.", "", "2 Ines: I baked."),
        ("I\n  baked.\t", "", "2 Ines: I baked."),
        ("I baked.", "two\nloaves", "2 Ines: I baked. (photo: two loaves)"),
        ("", "loaves", "2 Ines: (photo: loaves)"),
        ("", "", "2 Ines: "),
    ],
)
def test_a_line_shows_number_speaker_text_and_caption(text: str, caption: str, line: str) -> None:
    assert render_line(Turn(1, 2, "Ines", "whatever"), text, caption) == line


@given(st.sampled_from(SPEAKERS), texts, captions)
def test_a_line_is_one_line_whatever_the_speaker_text_and_caption(speaker: str, text: str, caption: str) -> None:
    line = render_line(Turn(1, 2, speaker, text), text, caption)
    assert len(line.splitlines()) == 1
    assert line.startswith("2 ")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("[D8:6]", ["D8:6"]),
        ("see D8:6, 9:17 and D8:6 again", ["D8:6", "D9:17"]),
        ('["D30:05"]', ["D30:5"]),
        ("no ids, D8 only", []),
        ("", []),
        ("D1:" + "1" * 5000, []),  # int() would refuse it
        ("[D1700000000:1]", ["D1700000000:1"]),
        ("D1:1700000000000 and D20230508:12345678", ["D1:1700000000000", "D20230508:12345678"]),
        ("[D1098765432109876543:1234567]", ["D1098765432109876543:1234567"]),
    ],
)
def test_citations_are_read_in_order_without_repeats(text: str, ids: list[str]) -> None:
    assert parse_citations(text) == ids


@given(st.lists(st.tuples(st.integers(0, 10**19), st.integers(0, 10**19)), unique=True))
def test_every_id_is_read_back_from_a_citation_of_it(addresses: list[tuple[int, int]]) -> None:
    ids = [Turn(session, number, "Ines", "").id for session, number in addresses]
    assert parse_citations(", ".join(ids)) == ids


def test_an_address_that_cannot_be_cited_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        Turn(1, -1, "Ana", "hi")


def test_half_a_surrogate_pair_is_shown_as_a_sign_that_can_be_printed() -> None:
    turn = Turn(1, 2, "A\udfff", "b \ud800")
    assert render_line(turn, turn.text, "c \udc00") == "2 A\ufffd: b \ufffd (photo: c \ufffd)"
    assert turn.text == "b \ud800"


class SummerTime(tzinfo):
    """A zone that only its own package knows, as pytz's and dateutil's are."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        return timedelta(hours=2 if when and 3 < when.month < 10 else 1)

    def dst(self, when: datetime | None) -> timedelta:
        return self.utcoffset(when) - timedelta(hours=1)

    def tzname(self, when: datetime | None) -> str | None:
        return "SUM" if self.dst(when) else None


@pytest.mark.parametrize("month", [1, 7])
def test_a_zone_that_no_file_could_keep_becomes_its_offset(month: int) -> None:
    given = datetime(2023, month, 8, 13, 56, tzinfo=SummerTime())
    kept = Turn(8, 6, "Ines", "Hi", given).time
    assert kept is not None
    assert type(kept.tzinfo) is timezone
    assert kept == given
    assert (kept.replace(tzinfo=None), kept.utcoffset()) == (given.replace(tzinfo=None), given.utcoffset())
    assert kept.tzname() == (given.tzname() or "UTC+01:00")


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(minutes=-3), "Mine"), ZoneInfo("Europe/Lisbon")])
def test_a_zone_that_a_file_can_keep_stays(zone: tzinfo | None) -> None:
    given = datetime(2023, 10, 29, 1, 30, tzinfo=zone, fold=1)
    assert repr(Turn(8, 6, "Ines", "Hi", given).time) == repr(given)


def test_a_zone_without_an_offset_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"turn D8:6: cannot keep the time zone .*; use datetime.timezone or zoneinfo"):
        Turn(8, 6, "Ines", "Hi", datetime(2023, 5, 8, tzinfo=tzinfo()))
