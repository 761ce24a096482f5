"""The labelled sentences of data/dates, their scoring, and the floor that our grammar keeps on the held half."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime

import pytest

from benchmarks.temporal import evidence as temporal
from benchmarks.temporal.sentences import Predicted, Score, Sentence, measure, ours, read_sentences, report

SENTENCES = read_sentences()
SAID = datetime(2024, 5, 15, 10, 30)


def sentence(text: str, *dates: dict[str, object], kind: str = "plan") -> Sentence:
    from benchmarks.temporal.sentences import _sentence

    row = {"id": "x", "kind": kind, "part": "tune", "said": SAID.isoformat(), "text": text, "dates": list(dates)}
    return _sentence(row)


def test_there_are_enough_sentences_of_every_kind_and_half_are_held() -> None:
    held = [one for one in SENTENCES if one.part == "hold"]
    assert len(SENTENCES) >= 400
    assert abs(len(held) - len(SENTENCES) / 2) < 30
    assert len({one.text for one in SENTENCES}) == len({one.id for one in SENTENCES}) == len(SENTENCES)
    assert len({one.kind for one in held}) == len({one.kind for one in SENTENCES}) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("one", SENTENCES, ids=lambda one: one.id)
def test_the_half_follows_from_the_text_and_the_marks_fit_it(one: Sentence) -> None:
    is_tuned = hashlib.sha256(one.text.encode()).digest()[0] % 2 == 0
    assert one.part == ("tune" if is_tuned else "hold")
    for marked in one.dates:
        assert one.text[marked.start : marked.end].strip() == one.text[marked.start : marked.end] != ""
        assert all(reading.first <= reading.last for reading in marked.readings)


def test_on_the_held_half_dates_are_right_or_not_given() -> None:
    score = measure(ours, [one for one in SENTENCES if one.part == "hold"])["all"].rates()
    assert score["precision"] is not None
    assert score["precision"] >= 0.97
    assert score["coverage"] is not None
    assert score["coverage"] >= 0.93
    assert score["past_for_future"] == 0


def scored(one: Sentence, *found: Predicted) -> Score:
    score = Score()
    score.note(one, found)
    return score


def test_a_span_is_right_within_the_days_or_of_the_same_kind() -> None:
    week = sentence("see you next week", {"words": "next week", "start": 8, "spans": [["2024-05-20", "2024-05-26"]]})
    assert scored(week, Predicted(8, 17, date(2024, 5, 22), date(2024, 5, 22))).right == 1
    assert scored(week, Predicted(8, 17, date(2024, 5, 16), date(2024, 5, 22))).right == 1
    assert scored(week, Predicted(8, 17, date(2024, 5, 1), date(2024, 5, 31))).wrong == 1
    assert scored(week, Predicted(0, 3, date(2024, 5, 22), date(2024, 5, 22))).wrong == 1  # other words
    assert scored(week).whole == 0


def test_a_date_to_come_that_is_put_into_the_past_is_counted() -> None:
    friday = sentence("it is on Friday", {"words": "on Friday", "start": 6, "spans": [["2024-05-17", "2024-05-17"]]})
    score = scored(friday, Predicted(6, 15, date(2024, 5, 10), date(2024, 5, 10)))
    assert (score.past_for_future, score.wrong, score.met) == (1, 1, 0)


def test_what_is_optional_counts_only_when_it_is_wrong() -> None:
    mark = {"words": "for 3 years", "start": 0, "spans": [["2021-01-01", "2021-12-31"]], "optional": True}
    lasting = sentence("for 3 years", mark)
    assert scored(lasting).whole == 1
    assert scored(lasting, Predicted(0, 11, date(2021, 1, 1), date(2021, 12, 31))).right == 0
    assert scored(lasting, Predicted(0, 11, date(2020, 1, 1), date(2020, 12, 31))).wrong == 1


def test_ranges_need_both_ends_and_hours_the_hour() -> None:
    mark = {"words": "Monday to Friday", "start": 0, "spans": [["2024-05-20", "2024-05-24"]]}
    days = sentence("Monday to Friday", mark, kind="range")
    begin, end = (Predicted(0, 16, date(2024, 5, day), date(2024, 5, day)) for day in (20, 24))
    assert (scored(days, begin).met, scored(days, begin, end).met) == (0, 1)
    hour = sentence("an hour ago", {"words": "an hour ago", "start": 0, "spans": [["2024-05-15T09:30"] * 2]})
    day = date(2024, 5, 15)
    assert scored(hour, Predicted(0, 11, day, day)).met == 0
    assert scored(hour, Predicted(0, 11, day, day, datetime(2024, 5, 15, 9, 40))).met == 1


def test_the_report_has_every_kind_of_both_parts() -> None:
    parts = report(SENTENCES[:40], {"ours": ours})
    assert set(parts) == {"tune", "hold"}
    assert parts["hold"]["all"]["ours"]["sentences"] + parts["tune"]["all"]["ours"]["sentences"] == 40


def test_without_data_the_command_measures_the_sentences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(temporal.sentences, "installed_systems", lambda: ({"ours": ours}, ["dateparser"]))
    assert temporal.main([]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["hold"]["all"]["ours"]["past_for_future"] == 0
    assert "dateparser" in printed.err
