"""Kinds of dates that are easily read the wrong way: plans, two parts, names, code. Others than data/dates/ has."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from cpu_time import assert_linear

from memoryqa.language.dating.dates import annotate, has_time_expression, resolve, unmarked
from memoryqa.language.dating.english.protected import hide_protected
from memoryqa.language.dating.feasts import FESTIVALS, easter, feast
from memoryqa.offline_reader.dates import _RESOLVED

MONDAY = datetime(2024, 5, 13, 10, 30)
WEDNESDAY = datetime(2024, 5, 15, 10, 30)
JANUARY = datetime(2024, 1, 10, 9, 15)


def values(text: str, said: datetime = WEDNESDAY) -> list[str]:
    return [found.value for found in resolve(text, said)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The exam is on Thursday.", "16 May 2024"),
        ("My flight leaves on Friday at 7am.", "17 May 2024"),
        ("Are you free on Sunday?", "19 May 2024"),
        ("The baby is due in July.", "July 2024"),
        ("The doctor wants to see me again on Monday.", "20 May 2024"),
        ("I have to cancel the trip on Friday.", "17 May 2024"),
        ("On Monday I start as a nurse.", "20 May 2024"),
        ("Let me know by Tuesday.", "21 May 2024"),
        ("I'm so excited for Saturday!", "18 May 2024"),
        ("My brother, who lives in Leeds, is coming on Friday.", "17 May 2024"),
        ("Don't come on Friday.", "17 May 2024"),
        ("You've got until Friday.", "17 May 2024"),
        ("It has to be paid by the 20th.", "20 May 2024"),
        ("She gets married in July.", "July 2024"),
        ("Tell me what you're doing on Friday.", "17 May 2024"),
        ("The deadline has been extended to Friday.", "17 May 2024"),
        ("Heading to Berlin on Friday.", "17 May 2024"),
        ("Good luck with the exam on Thursday.", "16 May 2024"),
        ("Dentist on Tuesday at 3pm.", "21 May 2024"),
        ("Dinner at ours on Saturday?", "18 May 2024"),
        ("We won the cup, so the parade is on Sunday.", "19 May 2024"),
        ("We'll be at my sister's on New Year's Eve.", "31 December 2024"),
    ],
)
def test_plans_look_ahead(text: str, value: str) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The exam was on Thursday.", "9 May 2024"),
        ("Where were you on Saturday night?", "11 May 2024"),
        ("Did you ask him on Friday?", "10 May 2024"),
        ("I had to cancel the trip on Friday.", "10 May 2024"),
        ("Guess who I met on Monday!", "13 May 2024"),
        ("The fox I saw on Monday is back.", "13 May 2024"),
        ("Send me the photos you took on Friday.", "10 May 2024"),
        ("I hope you had fun on Friday.", "10 May 2024"),
        ("We waited until Sunday.", "12 May 2024"),
        ("The party on Saturday was loud.", "11 May 2024"),
        ("On my way to work on Monday I saw a fox.", "13 May 2024"),
        ("What did you get for Christmas?", "25 December 2023"),
        ("I wonder what happened on Friday.", "10 May 2024"),
        ("I left Friday after lunch.", "10 May 2024"),
    ],
)
def test_reports_look_back(text: str, value: str) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "We usually swim on Friday.",
        "She works on Fridays.",
        "Every Monday we sing.",
        "Friday night is pizza night.",
        "As a child I used to ride on Saturday.",
        "We fly home for Christmas every year.",
        "I could come on Friday.",
        "I wish I had stayed home on Monday.",
        "She said she would call on Thursday.",
        "They told me to come back on Monday.",
        "He was going to call on Monday.",
        "The parcel should have arrived on Monday.",
        "I planned a trip in June.",
        "I thought the exam was on Friday.",
        "Do you remember the trip in March?",
        "If the car had broken down on Friday, we'd have walked.",
        "I was born in June.",
        "You can learn it in two weeks.",
        "It's hot in July.",
        "Open Monday through Friday, 9-5.",
        "I left Rome in 2019, in March.",
        "Send me the photos from Friday.",
    ],
)
def test_habits_and_what_might_have_been_have_no_day(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "said", "value"),
    [
        ("This Tuesday I had my surgery", WEDNESDAY, "14 May 2024"),
        ("This Tuesday I'm having my surgery", WEDNESDAY, "21 May 2024"),
        ("This winter we skate a lot", JANUARY, "winter 2023 to 2024"),
        ("Last winter we skated a lot", JANUARY, "winter 2022 to 2023"),
        ("This winter was mild", datetime(2024, 4, 2), "winter 2023 to 2024"),
        ("This weekend we went ice fishing", MONDAY, "the weekend before 13 May 2024"),
        ("This weekend we go ice fishing", MONDAY, "the weekend of 13 May 2024"),
        ("This January was cold", WEDNESDAY, "January 2024"),
        ("This January we'll marry", WEDNESDAY, "January 2025"),
        ("This Christmas was quiet", JANUARY, "25 December 2023"),
        ("This summer we're going to Crete", WEDNESDAY, "summer 2024"),
        ("This Easter was fun", WEDNESDAY, "31 March 2024"),
        ("I was there until Friday", WEDNESDAY, "10 May 2024"),
        ("I'm there until Friday", WEDNESDAY, "17 May 2024"),
        ("By June I had graduated", WEDNESDAY, "June 2023"),
        ("By June I'll have graduated", WEDNESDAY, "June 2024"),
        ("Until March I lived in Rome", WEDNESDAY, "March 2024"),
    ],
)
def test_this_until_and_by_follow_the_tense(text: str, said: datetime, value: str) -> None:
    assert values(text, said) == [value]


@pytest.mark.parametrize(
    ("text", "phrase", "value"),
    [
        ("On Friday, May 10, we signed", "On Friday, May 10", "10 May 2024"),
        ("We meet on Tuesday next week", "on Tuesday next week", "21 May 2024"),
        ("We marry in June next year", "in June next year", "June 2025"),
        ("I was born in May '87", "in May '87", "May 1987"),
        ("See you next Thursday, May 23rd", "next Thursday, May 23rd", "23 May 2024"),
        ("Tomorrow, Thursday, we're off", "Tomorrow, Thursday", "16 May 2024"),
        ("We had a call Thursday last week", "Thursday last week", "9 May 2024"),
        ("Save the date: Saturday, June 1", "Saturday, June 1", "1 June 2024"),
        ("It's on Friday the 31st", "on Friday the 31st", "31 May 2024"),
        ("Next Monday, the 20th, I start", "Next Monday, the 20th", "20 May 2024"),
        ("Next week on Wednesday I start", "Next week on Wednesday", "22 May 2024"),
        ("I'm in town May 20-24", "May 20-24", "20 to 24 May 2024"),
        ("I was in town from the 2nd to the 5th", "from the 2nd to the 5th", "2 to 5 May 2024"),
        ("We'll be away between December 22 and January 2", "between December 22 and January 2", None),
        ("I'm away from Monday to Friday", "from Monday to Friday", "20 to 24 May 2024"),
        ("Last Saturday, May 11th, it rained", "Last Saturday, May 11th", "11 May 2024"),
    ],
)
def test_a_date_in_two_parts_is_one(text: str, phrase: str, value: str | None) -> None:
    (found,) = resolve(text, WEDNESDAY)
    assert (found.phrase, found.value) == (phrase, value or "22 December 2024 to 2 January 2025")


@pytest.mark.parametrize(
    "text",
    [
        "the song by June Carter",
        "The poem by May Sarton is great.",
        "Since April left, the office is quiet.",
        "I believe in April, she can win.",
        "Ruby Tuesday came on.",
        "We watched The Day After Tomorrow.",
        "My favourite film is Last Christmas.",
        "We saw One Day in September.",
        'She texted: "I\'m leaving on Friday".',
        "The sign says “back in two weeks”.",
        "SELECT * FROM visits WHERE day = 'yesterday'",
        "Run `git log --since=yesterday` first.",
        "Use --until yesterday here.",
        "See https://example.org/next friday/yesterday.html",
        "Write to friday@example.com",
        "```\nlast week\n```",
        "> see you last Friday",
        "The hashtag #yesterday trends.",
        "Visit monday.com for more.",
        "Weekday.FRIDAY is set.",
        "He scored against Wednesday twice.",
        "Our cat is called Friday.",
        "In march 3 people came.",
        "The Christmas tree fell.",
        "We drove to Christmas Island.",
        "Version 1.5.3 of May 2021.",
    ],
)
def test_names_titles_quotes_and_code_are_left_alone(text: str) -> None:
    assert annotate(text, WEDNESDAY) == text


def test_people_called_like_a_month_are_known_by_name() -> None:
    text = "I've known her since April, and since April I sleep better."
    assert annotate(text, WEDNESDAY, names=frozenset({"april", "bo"})) == text
    assert values(text) == ["April 2024", "April 2024"]
    assert annotate("We met in April.", WEDNESDAY, names=frozenset({"april"})) == "We met in April (= April 2024)."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Please send it by Friday", "17 May 2024"),
        ("I'm leaving in two weeks", "29 May 2024"),
        ("I'll pay at the end of the month", "the end of May 2024"),
        ("Two Fridays ago it hailed", "3 May 2024"),
        ("It broke an hour ago", "09:30 on 15 May 2024"),
        ("It starts in half an hour", "11:00 on 15 May 2024"),
        ("He rang 20 minutes ago", "10:10 on 15 May 2024"),
        ("They were broke by the end of last month", "the end of April 2024"),
        ("I met her a fortnight ago", "1 May 2024"),
        ("A decade ago we had no phones", "2014"),
        ("The Friday before last we danced", "3 May 2024"),
        ("See you the week after next", "the week of 27 May 2024"),
        ("The wedding is two weeks from Saturday", "1 June 2024"),
        ("Early next year we move", "early 2025"),
        ("The rent is due on the 28th", "28 May 2024"),
        ("We met in mid-April", "mid April 2024"),
        ("Two Christmases ago the oven broke", "25 December 2022"),
        ("We'll see each other on Good Friday", "18 April 2025"),
        ("Easter 2023 was cold", "9 April 2023"),
        ("I'll finish in about three weeks", "5 June 2024"),
    ],
)
def test_deadlines_parts_and_hours_are_resolved(text: str, value: str) -> None:
    assert values(text) == [value]


def test_hours_need_an_hour_of_saying() -> None:
    assert resolve("It broke an hour ago", date(2024, 5, 15)) == []
    assert resolve("It broke an hour ago", datetime(2024, 5, 15)) == []
    assert values("It broke two hours ago", datetime(2024, 5, 15, 0, 30)) == ["22:30 on 14 May 2024"]


# -- annotations are marked --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Let x (= 5) be. I won yesterday.", "Let x (= 5) be. I won yesterday (= 14 May 2024)."),
        ("(= a b) is Lisp; yesterday I learned it", "(= a b) is Lisp; yesterday (= 14 May 2024) I learned it"),
        ("I won yesterday (= 1 May 1999).", "I won yesterday (= 14 May 2024) (=1 May 1999)."),
        ("The fee (= May 2020) was paid", "The fee (=May 2020) was paid"),
        ("A rise (= 2023) of it", "A rise (=2023) of it"),
        ("Hi (= the week before 9 June 2023)", "Hi (=the week before 9 June 2023)"),
        ("I won yesterday (= 14 May 2024).", "I won yesterday (= 14 May 2024)."),
        ("yesterday (= b", "yesterday (= 14 May 2024) (= b"),
    ],
)
def test_what_looks_like_an_annotation_changes_nothing(text: str, shown: str) -> None:
    assert annotate(text, WEDNESDAY) == shown
    assert annotate(shown, WEDNESDAY) == shown


def test_only_our_annotations_are_read_as_such() -> None:
    shown = annotate("I won yesterday (= 1 May 1999), x (= 5), on (= 2 June 2001).", WEDNESDAY)
    assert [match["value"] for match in _RESOLVED.finditer(shown)] == ["14 May 2024"]
    assert unmarked("no mark") == "no mark"


def test_every_wording_of_ours_is_known_as_an_annotation() -> None:
    texts = (
        "yesterday; last week; this weekend; last month; last year; last summer; last winter; two weekends ago",
        "the other day I left",
        "a few years back; I've kept bees for 3 years; I'm off from Monday to Friday; at the end of May we're done",
        "early next year we move; an hour ago; the week after next; several months ago; a couple of days ago",
        "We'll be away between December 22 and January 2; I'll be done by the end of the week",
    )
    for text in texts:
        found = resolve(text, WEDNESDAY)
        assert found
        shown = annotate(text, WEDNESDAY)
        assert [match["value"] for match in _RESOLVED.finditer(shown)] == [one.value for one in found]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("We open on June 2.", "We open on June 2."),
        ("We're open May 20-24.", "We're open May 20-24."),
        ("We open on January 2.", "We open on January 2 (= 2 January 2025)."),
        ("We open on Sunday, June 2.", "We open on Sunday, June 2 (= 2 June 2024)."),
        ("We open next Sunday, May 19.", "We open next Sunday, May 19 (= 19 May 2024)."),
        ("We open on the 20th.", "We open on the 20th (= 20 May 2024)."),
    ],
)
def test_a_day_of_the_year_of_saying_needs_no_annotation(text: str, shown: str) -> None:
    assert annotate(text, WEDNESDAY) == shown
    assert resolve(text, WEDNESDAY)


# -- festivals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (1818, 3, 22),
        (1943, 4, 25),
        (1999, 4, 4),
        (2000, 4, 23),
        (2008, 3, 23),
        (2019, 4, 21),
        (2024, 3, 31),
        (2038, 4, 25),
    ],
)
def test_easter_is_computed(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


@pytest.mark.parametrize(
    ("name", "year", "day"),
    [
        ("thanksgiving", 2023, "2023-11-23"),
        ("black friday", 2023, "2023-11-24"),
        ("labor day", 2024, "2024-09-02"),
        ("memorial day", 2024, "2024-05-27"),
        ("mardi gras", 2025, "2025-03-04"),
        ("pentecost", 2022, "2022-06-05"),
        ("lunar new year", 2006, "2006-01-29"),
        ("passover", 2024, "2024-04-23"),
        ("rosh hashanah", 2023, "2023-09-16"),
    ],
)
def test_movable_feasts_move(name: str, year: int, day: str) -> None:
    assert feast(name, year).isoformat() == day


def test_a_feast_that_is_not_known_is_not_guessed() -> None:
    assert resolve("Last Passover we danced", datetime(1950, 6, 1)) == []
    assert all(feast(name, 2030).year == 2030 for name in FESTIVALS)


# -- hidden text, and time ---------------------------------------------------------------------------------------------


def test_hidden_text_keeps_the_places_of_all_other() -> None:
    text = "a `b` \"c d\" 'e' f's g' --h=1 https://i.j k@l.m n"
    hidden = hide_protected(text)
    assert len(hidden) == len(text)
    assert hidden.replace("\x00", "") == "a    f's g'    n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "." * 20_000,
        "..., " * 5_000,
        "e.g. " * 5_000,
        "yesterday's " * 3_000,
        '"' * 10_000,
        "'" * 10_000,
        "' yesterday " * 3_000,
        "a@" * 8_000,
        "-" * 20_000,
        "--a" * 8_000,
        "from the 1st to " * 3_000,
        "on Friday, May " * 3_000,
        "(= 1 May 1999) " * 3_000,
        "(= 1 1 1 1 1 1 1 1 1 1 " * 2_000,
        "in a few " * 5_000,
        "last " * 8_000,
        "the end of " * 4_000,
        "`" * 20_000,
        "> " * 10_000,
        "on Monday " + "and so " * 8_000,
        "May 1 to " * 4_000,
        "for the past " * 4_000,
    ],
)
def test_time_is_linear_in_the_length(text: str) -> None:
    def read(length: int) -> None:
        part = (text * 5)[:length]
        annotate(part, WEDNESDAY)
        has_time_expression(part)

    assert assert_linear(read, len(text)) < 4
