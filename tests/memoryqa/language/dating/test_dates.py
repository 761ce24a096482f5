"""memoryqa.language.dating.dates, its grammar and its calendar; and the benchmark that measures them."""

from __future__ import annotations

import json
import sys
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.temporal import evidence as benchmark
from memoryqa.language.dating.dates import (
    _adds_only_the_year,
    annotate,
    dated_text,
    has_time_expression,
    resolve,
    unmarked,
)
from memoryqa.language.dating.grammar import HANDLERS, PATTERN, TRIGGER, fold
from memoryqa.language.dating.time_spans import HOLIDAYS, WEEKDAYS, recurring, season, whole_month
from memoryqa.turns import MONTHS, Turn

THURSDAY = datetime(2023, 5, 25, 13, 30)
FRIDAY = datetime(2024, 3, 1, 9, 0)  # the day after a leap day
SUNDAY = datetime(2022, 1, 2, 20, 15)

# text, anchor, the words found, their value, first and last day
CASES = [
    ("The boiler broke yesterday.", THURSDAY, "yesterday", "24 May 2023", (2023, 5, 24), (2023, 5, 24)),
    ("Yesterday’s soup was too salty", FRIDAY, "Yesterday’s", "29 February 2024", (2024, 2, 29), (2024, 2, 29)),
    ("We fly the day after tomorrow", FRIDAY, "the day after tomorrow", "3 March 2024", (2024, 3, 3), (2024, 3, 3)),
    ("the day before yesterday it hailed", FRIDAY, "the day before yesterday", "28 February 2024", (2024, 2, 28), None),
    ("It rang tomorrow morning", THURSDAY, "tomorrow morning", "26 May 2023", (2023, 5, 26), None),
    ("Last night we baked bread", SUNDAY, "Last night", "1 January 2022", (2022, 1, 1), None),
    ("an owl the other day", THURSDAY, "the other day", "a few days before 25 May 2023", (2023, 5, 20), (2023, 5, 23)),
    ("He called last Thursday", THURSDAY, "last Thursday", "18 May 2023", (2023, 5, 18), None),
    ("the fair opened last Wed", THURSDAY, "last Wed", "24 May 2023", (2023, 5, 24), None),
    ("this past Sunday night it snowed", THURSDAY, "this past Sunday night", "21 May 2023", (2023, 5, 21), None),
    ("The vet comes this Friday", THURSDAY, "this Friday", "26 May 2023", (2023, 5, 26), None),
    ("The vet comes next Thursday", THURSDAY, "next Thursday", "1 June 2023", (2023, 6, 1), None),
    ("We moved a piano on Monday", THURSDAY, "on Monday", "22 May 2023", (2023, 5, 22), None),
    ("We'll move a piano on Monday", THURSDAY, "on Monday", "29 May 2023", (2023, 5, 29), None),
    ("last week I fell", SUNDAY, "last week", "the week before 2 January 2022", (2021, 12, 26), (2022, 1, 1)),
    ("exams next week", THURSDAY, "next week", "the week after 25 May 2023", (2023, 5, 26), (2023, 6, 1)),
    ("I quit this week", THURSDAY, "this week", "the week of 25 May 2023", (2023, 5, 22), (2023, 5, 28)),
    ("last weekend's hike", THURSDAY, "last weekend's", "the weekend before 25 May 2023", (2023, 5, 20), (2023, 5, 21)),
    ("last weekend", SUNDAY, "last weekend", "the weekend before 2 January 2022", (2021, 12, 25), (2021, 12, 26)),
    ("over the past weekend", THURSDAY, "past weekend", "the weekend before 25 May 2023", (2023, 5, 20), None),
    ("this weekend I paint", THURSDAY, "this weekend", "the weekend of 25 May 2023", (2023, 5, 27), (2023, 5, 28)),
    ("this weekend I paint", SUNDAY, "this weekend", "the weekend of 2 January 2022", (2022, 1, 1), (2022, 1, 2)),
    ("next weekend I paint", THURSDAY, "next weekend", "the weekend after 25 May 2023", (2023, 6, 3), (2023, 6, 4)),
    ("last month", SUNDAY, "last month", "December 2021", (2021, 12, 1), (2021, 12, 31)),
    ("later this month", FRIDAY, "this month", "March 2024", (2024, 3, 1), (2024, 3, 31)),
    ("a recital next month", THURSDAY, "next month", "June 2023", (2023, 6, 1), (2023, 6, 30)),
    ("we met last year", THURSDAY, "last year", "2022", (2022, 1, 1), (2022, 12, 31)),
    ("we marry next year", THURSDAY, "next year", "2024", (2024, 1, 1), (2024, 12, 31)),
    ("last summer in Oslo", THURSDAY, "last summer", "summer 2022", (2022, 6, 1), (2022, 8, 31)),
    ("last winter in Oslo", FRIDAY, "last winter", "winter 2023 to 2024", (2023, 12, 1), (2024, 2, 29)),
    ("last winter in Oslo", SUNDAY, "last winter", "winter 2020 to 2021", (2020, 12, 1), (2021, 2, 28)),
    ("next fall I retire", THURSDAY, "next fall", "fall 2023", (2023, 9, 1), (2023, 11, 30)),
    ("last Christmas", THURSDAY, "last Christmas", "25 December 2022", (2022, 12, 25), None),
    ("next New Year’s Eve", THURSDAY, "next New Year’s Eve", "31 December 2023", (2023, 12, 31), None),
    ("this Thanksgiving", THURSDAY, "this Thanksgiving", "23 November 2023", (2023, 11, 23), None),
    ("last May I sold it", THURSDAY, "last May", "May 2022", (2022, 5, 1), (2022, 5, 31)),
    ("I moved back in March", THURSDAY, "back in March", "March 2023", (2023, 3, 1), (2023, 3, 31)),
    ("I moved in October", THURSDAY, "in October", "October 2022", (2022, 10, 1), (2022, 10, 31)),
    ("I will move in October", THURSDAY, "in October", "October 2023", (2023, 10, 1), (2023, 10, 31)),
    ("I paid on the 15th.", THURSDAY, "on the 15th", "15 May 2023", (2023, 5, 15), None),
    ("I paid on the 31st and left", FRIDAY, None, None, None, None),  # there was no 31 February
    ("The rent is due; I will pay on the 3rd", THURSDAY, "on the 3rd", "3 June 2023", (2023, 6, 3), None),
    ("two days ago", FRIDAY, "two days ago", "28 February 2024", (2024, 2, 28), None),
    ("about 3 weeks ago", THURSDAY, "3 weeks ago", "4 May 2023", (2023, 5, 4), None),
    ("two weekends ago", THURSDAY, "two weekends ago", "two weekends before 25 May 2023", (2023, 5, 13), (2023, 5, 14)),
    ("few weekends ago", THURSDAY, "few weekends ago", "few weekends before 25 May 2023", (2023, 4, 22), (2023, 5, 14)),
    ("six months ago", THURSDAY, "six months ago", "November 2022", (2022, 11, 1), (2022, 11, 30)),
    ("a year ago", THURSDAY, "a year ago", "May 2022", (2022, 5, 1), (2022, 5, 31)),
    ("10 years ago", THURSDAY, "10 years ago", "2013", (2013, 1, 1), (2013, 12, 31)),
    ("couple of days ago", FRIDAY, "couple of days ago", "couple of days before 1 March 2024", (2024, 2, 27), None),
    ("several months ago", THURSDAY, "several months ago", "several months before May 2023", (2022, 10, 1), None),
    ("a few years back", THURSDAY, "a few years back", "a few years before 2023", (2018, 1, 1), (2021, 12, 31)),
    ("I've kept bees for 3 years", THURSDAY, "for 3 years", "since 2020", (2020, 1, 1), (2020, 12, 31)),
    ("I've had bees for the past two years", THURSDAY, "for the past two years", "since 2021", (2021, 1, 1), None),
    ("Seven years now!", THURSDAY, "Seven years now", "since 2016", (2016, 1, 1), (2016, 12, 31)),
    ("limping for about two months now", FRIDAY, "for about two months now", "since January 2024", (2024, 1, 1), None),
    ("I'm leaving in two weeks", FRIDAY, "in two weeks", "15 March 2024", (2024, 3, 15), None),
]  # fmt: skip

NO_DATES = [
    "Last but not least, the soup.",
    "At last we may rest for a second.",
    "May I have that? I may, this may be it.",
    "The weekend project is next to the shed.",
    "The last week of school was fun.",
    "The next day we left; every last week counts.",
    "My last year at work was my best, and so was the last month.",
    "I baked recently and will again soon. See you later today, or tonight.",
    "This year has been long, and this may be the end.",
    "This sun is hot; we sat in the sun on Sundays and on Friday nights.",
    "She is 12 years old and trained for 3 years before that.",
    "I had waited for two years. They were friends for four years.",
    "It feels like just yesterday, and it took two or three years.",
    "We met two or three years ago, or 2-3 years ago.",
    "It is on the 3rd floor and in the 2nd drawer.",
    "I plan to read twenty books in a year and run once in a week.",
    "I left on 5 June 2021 and came back in June 2022, or in May of 2023.",
    "Two weeks back to back, a few years back in Rome.",
    "I've lived there since 2019.",
]


@pytest.mark.parametrize(("text", "anchor", "phrase", "value", "first", "last"), CASES)
def test_words_mean_these_days(
    text: str,
    anchor: datetime,
    phrase: str | None,
    value: str | None,
    first: tuple[int, int, int] | None,
    last: tuple[int, int, int] | None,
) -> None:
    found = resolve(text, anchor)
    if phrase is None:
        assert found == []
        return
    assert [(each.phrase, each.value) for each in found] == [(phrase, value)]
    assert first is not None
    assert found[0].first == date(*first)
    if last is not None:
        assert found[0].last == date(*last)
    assert annotate(text, anchor).count(f"{phrase} (= {value})") == 1


@pytest.mark.parametrize("text", NO_DATES)
def test_words_that_only_look_like_dates_are_left_alone(text: str) -> None:
    assert annotate(text, THURSDAY) == text


def test_several_dates_in_one_turn_are_found_in_order() -> None:
    text = "Yesterday I swam, last month I rowed; two years ago I could do\nneither. See you next\nSaturday!"
    assert annotate(text, THURSDAY) == (
        "Yesterday (= 24 May 2023) I swam, last month (= April 2023) I rowed; two years ago (= 2021) I could do\n"
        "neither. See you next\nSaturday (= 27 May 2023)!"
    )


def test_text_annotated_on_the_same_day_is_left_alone() -> None:
    text = "We won yesterday (= 24 May 2023) and the day before yesterday (= 23 May 2023)."
    assert annotate(text, THURSDAY) == text


anchors = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1))
WORDS = (
    "last next this past coming the my a few of in on for now ago back week weekends month months year years day days "
    "two 3 12 couple Monday friday fri summer March may Christmas yesterday tomorrow night other 5th I've will had "
    ". , ! (= ) İ"
).split()
sentences = st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join))


@pytest.mark.slow
@given(sentences, anchors)
def test_annotating_twice_changes_nothing_more(text: str, anchor: datetime) -> None:
    once = annotate(text, anchor)
    assert annotate(once, anchor) == once


@pytest.mark.slow
@given(sentences, anchors)
def test_annotating_only_inserts(text: str, anchor: datetime) -> None:
    annotated = annotate(text, anchor)
    for found in reversed(resolve(text, anchor)):
        if _adds_only_the_year(found, anchor):  # "1 Mar" has no mark in its own year
            continue
        mark = f" (= {found.value})"
        before, _, after = annotated.rpartition(mark)
        assert unmarked(text[found.end :]).endswith(after)
        annotated = before + after
    assert annotated == unmarked(text)


@given(sentences, anchors)
def test_resolved_dates_are_ordered_disjoint_and_whole(text: str, anchor: datetime) -> None:
    end = 0
    for found in resolve(text, anchor):
        assert end <= found.start < found.end <= len(text)
        assert text[found.start : found.end] == found.phrase
        assert found.first <= found.last
        end = found.end


@given(sentences, st.datetimes())
def test_every_date_that_python_knows_can_be_the_anchor(text: str, anchor: datetime) -> None:
    assert all(found.first <= found.last for found in resolve(text, anchor))


def test_dates_beyond_the_calendar_are_not_resolved() -> None:
    text = "yesterday, last week, last weekend, last month, last year, 900 years ago, 2 months ago, last winter"
    assert resolve(text, datetime(1, 1, 1)) == []
    assert resolve("tomorrow, next week, next month, next year", datetime(9999, 12, 31)) == []


@given(anchors, st.integers(0, 6))
def test_a_weekday_is_the_nearest_one(anchor: datetime, weekday: int) -> None:
    name, today = WEEKDAYS[weekday], anchor.date()
    last, this, following = (resolve(f"{which} {name}", anchor)[0].first for which in ("last", "this", "next"))
    assert {day.weekday() for day in (last, this, following)} == {weekday}
    assert 1 <= (today - last).days <= 7
    assert 0 <= (this - today).days <= 6
    assert 1 <= (following - today).days <= 7


@given(anchors, st.integers(1, 999))
def test_days_and_weeks_ago_agree_with_timedelta(anchor: datetime, count: int) -> None:
    for unit, days in (("days", 1), ("weeks", 7)):
        (found,) = resolve(f"It broke {count} {unit} ago.", anchor)
        assert found.first == found.last == anchor.date() - timedelta(days * count)
        assert datetime.strptime(found.value, "%d %B %Y").date() == found.first


@given(anchors, st.integers(2, 99))
def test_months_and_years_ago_are_whole(anchor: datetime, count: int) -> None:
    (found,) = resolve(f"It broke {count} months ago.", anchor)
    months = anchor.year * 12 + anchor.month - 1 - count
    assert (found.first.year * 12 + found.first.month - 1, found.first.day) == (months, 1)
    assert found.last == found.first.replace(day=monthrange(found.first.year, found.first.month)[1])
    (found,) = resolve(f"It broke {count} years ago.", anchor)
    assert (found.first, found.last) == (date(anchor.year - count, 1, 1), date(anchor.year - count, 12, 31))


@given(anchors)
def test_last_weekend_is_over_and_the_next_one_is_not_this_one(anchor: datetime) -> None:
    today = anchor.date()
    last, this, following = (resolve(f"{which} weekend", anchor)[0] for which in ("last", "this", "next"))
    assert [span.first.weekday() for span in (last, this, following)] == [5, 5, 5]
    assert today - timedelta(8) <= last.last < today <= this.last
    assert following.first - this.first == this.first - last.first == timedelta(7)


@given(anchors, st.sampled_from([*HOLIDAYS, "spring", "summer", "fall", "winter", *MONTHS]))
def test_yearly_times_lie_within_a_year_of_the_anchor(anchor: datetime, name: str) -> None:
    last, following = (resolve(f"{which} {name}", anchor)[0] for which in ("last", "next"))
    assert last.last < anchor.date() < following.first
    assert (anchor.date() - last.last).days <= 366 + 92
    assert (following.first - anchor.date()).days <= 366


def test_a_winter_under_way_is_neither_the_last_nor_the_next() -> None:
    day = date(2024, 1, 10)
    assert recurring("last", day, lambda year: season("winter", year)).first == date(2022, 12, 1)
    assert recurring("next", day, lambda year: season("winter", year)).first == date(2024, 12, 1)


def test_a_month_beyond_december_belongs_to_the_next_year() -> None:
    assert whole_month(2023, 14).first == date(2024, 2, 1)
    assert whole_month(2023, 14).last == date(2024, 2, 29)
    assert whole_month(2023, 0).value == "December 2022"


def test_folding_keeps_every_character_in_its_place() -> None:
    assert [code for code in range(sys.maxunicode + 1) if len(fold(chr(code))) != 1] == []


@given(sentences)
def test_no_match_is_lost_to_the_trigger(text: str) -> None:
    folded, day = fold(text), THURSDAY.date()
    for match in PATTERN.finditer(folded):
        assert HANDLERS[str(match.lastgroup)](match, day) is None or TRIGGER.search(folded)


@pytest.mark.parametrize("text", [case[0] for case in CASES if case[2]])
def test_every_resolved_wording_has_a_trigger(text: str) -> None:
    assert TRIGGER.search(fold(text))


@pytest.mark.slow
def test_time_grows_with_the_length_of_the_text() -> None:
    """A guard that looked at the whole text for each match would need minutes here."""
    turn = "I've waited for two years or in 3 weeks, the last week of it on Friday and yesterday, " * 3000
    assert len(resolve(turn, THURSDAY)) >= 3000
    assert resolve("for " + " " * 20_000 + "the last", THURSDAY) == []


@pytest.mark.parametrize(
    "text",
    [
        "We met on 5 June.",
        "in 1998",
        "Last Friday",
        "since March",
        "three days",
        "my Easter eggs",
        "two years",
        "on the 4th",
    ],
)
def test_time_expressions_are_seen(text: str) -> None:
    assert has_time_expression(text)


@pytest.mark.parametrize(
    "text", ["Have a great day!", "I may march on.", "At last.", "The second one, 12 of them.", ""]
)
def test_texts_without_a_time_are_told_apart(text: str) -> None:
    assert not has_time_expression(text)


@pytest.mark.parametrize("text", [case[0] for case in CASES if case[2]])
def test_what_can_be_resolved_is_a_time_expression(text: str) -> None:
    assert has_time_expression(text)


# ------------------------------------------------------------------ benchmarks/temporal


@pytest.mark.parametrize(
    ("gold", "first", "last"),
    [
        ("7 March 2021", "2021-03-07", "2021-03-07"),
        ("March 7th, 2021.", "2021-03-07", "2021-03-07"),
        ("around 7March, 2021", "2021-03-07", "2021-03-07"),
        ("13 August", "2020-08-13", "2020-08-13"),
        ("early August, 2021", "2021-08-01", "2021-08-31"),
        ("Since 2016", "2016-01-01", "2016-12-31"),
        ("The summer of 2019", "2019-06-01", "2019-08-31"),
        ("The Friday before 9 March 2021", "2021-03-05", "2021-03-05"),
        ("the week before 9 March 2021", "2021-03-02", "2021-03-08"),
        ("The week of 9 March 2021", "2021-03-08", "2021-03-14"),
        ("two weekends before 9 March 2021", "2021-02-27", "2021-02-28"),
        ("The weekend after 9 March 2021", "2021-03-13", "2021-03-14"),
        ("first weekend of March 2021", "2021-03-06", "2021-03-07"),
        ("first week of March 2021", "2021-03-01", "2021-03-07"),
        ("last week of March 2021", "2021-03-25", "2021-03-31"),
        ("two weeks before 9 March 2021", "2021-02-23", "2021-02-23"),
        ("few days before 9 March 2021", "2021-03-04", "2021-03-07"),
    ],
)
def test_the_benchmark_reads_gold_dates(gold: str, first: str, last: str) -> None:
    span = benchmark.parse_gold(gold, date(2020, 1, 1))
    assert span is not None
    assert (span.value, span.first.isoformat(), span.last.isoformat()) == (gold, first, last)


@pytest.mark.parametrize("gold", ["four years", "a red kite", "the 2019 parade", "31 February 2021", "five"])
def test_the_benchmark_leaves_out_golds_that_are_no_date(gold: str) -> None:
    assert benchmark.parse_gold(gold, date(2020, 1, 1)) is None


def conversation_file(folder: Path, text: str, gold: str) -> Path:
    talk = {
        "speaker_a": "Ann",
        "speaker_b": "Bo",
        "session_1_date_time": "1:30 pm on 25 May, 2023",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": text},
            {"speaker": "Bo", "dia_id": "D1:2", "text": "How was it?"},
        ],
    }
    question = {"question": "When did Ann do it?", "answer": gold, "evidence": ["D1:1"], "category": 2}
    path = folder / "talks.json"
    path.write_text(json.dumps([{"sample_id": "talk-1", "conversation": talk, "qa": [question]}]), encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_benchmark_prints_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only_ours = {"header only": benchmark.header_only, "ours": benchmark.ours}
    monkeypatch.setattr(benchmark, "installed_systems", lambda: only_ours)
    path = conversation_file(tmp_path, "I glazed a pot last Saturday.", "20 May 2023")
    assert benchmark.main(["--data", str(path), "--split", "all"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["questions"], report["turns"], report["turns_annotated"]) == (1, 2, 1)
    ours, header = report["systems"]["ours"], report["systems"]["header only"]
    assert (ours["derivable"], ours["precision"], ours["best_f1"], header["derivable"]) == (1.0, 1.0, 1.0, 0.0)


def test_the_benchmark_without_a_dated_question_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = conversation_file(tmp_path, "I glazed a pot.", "a pot")
    assert benchmark.main(["--data", str(path), "--split", "all"]) == 2
    assert "has a date for an answer" in capsys.readouterr().err


def test_a_turns_text_is_dated_by_the_day_that_its_own_clock_showed() -> None:
    """One instant lies on two days; the second turn must not get the first one's date."""
    text = "The boiler broke yesterday."
    in_london = datetime(2023, 5, 24, 23, 0, tzinfo=UTC)
    in_porto_novo = in_london.astimezone(timezone(timedelta(hours=2)))
    assert in_london == in_porto_novo
    assert dated_text(Turn(1, 1, "Ana", text, in_london)) == "The boiler broke yesterday (= 23 May 2023)."
    assert dated_text(Turn(1, 1, "Ana", text, in_porto_novo)) == "The boiler broke yesterday (= 24 May 2023)."
    assert dated_text(Turn(1, 1, "Ana", text)) == text
