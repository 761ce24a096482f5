from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.dating.english.question_dates import habit_of
from memoryqa.language.names import name_words
from memoryqa.language.question import Asking, Window, asks_clock, read_query, read_windows
from memoryqa.turns import MONTHS

TWO = ("Melanie", "Caroline Vega")
YEARS = (2022, 2023)


def days(text: str, years: tuple[int, ...] = (2023,)) -> list[tuple[str, str]]:
    return [(window.first.isoformat(), window.last.isoformat()) for window in read_windows(text, years)]


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("What did Melanie paint?", {"Melanie"}),
        ("what did melanie paint", {"Melanie"}),
        ("What is Melanie's cat called?", {"Melanie"}),
        ("What did Mel paint?", {"Melanie"}),
        ("What did Vega paint?", {"Caroline Vega"}),
        ("What did Caro paint?", {"Caroline Vega"}),
        ("What did Melanie and Caroline paint?", set(TWO)),
        ("Who painted?", set()),
        ("What melons and carols does Me like?", set()),
        ("What car did she buy?", set()),  # not short for Caroline
        ("", set()),
    ],
)
def test_speakers_are_known_by_name_part_of_name_and_nickname(text: str, named: set[str]) -> None:
    assert read_query(text, TWO, YEARS).named == named


def test_a_stop_word_names_a_person_only_with_its_capital() -> None:
    people = ("Will", "Andrew", "Theodora", "Speaker A")
    assert read_query("when will the cat and a dog arrive", people, YEARS).named == frozenset()
    assert read_query("What does Will eat?", people, YEARS).named == {"Will"}
    assert read_query("What did Speaker A say to Andrew?", people, YEARS).named == {"Speaker A", "Andrew"}


def test_names_are_kept_out_of_the_terms_and_other_words_are_not() -> None:
    assert read_query("Did Mel or Caroline Vega buy Melanie's car?", TWO, YEARS).terms == ("buy", "car")
    assert read_query("otters, otters and an otter", TWO, YEARS).terms == ("otter",)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("What movies did they talk about?", ("movie",)),
        ("Which films have Mel and Caroline chatted about lately?", ("film", "late")),
        ("What did Mel say to Caroline about the otters?", ("otter",)),
        # Too far from "about".
        ("What did Mel tell her boss at the bank about the otters?", ("tell", "boss", "bank", "otter")),
        ("Who gave a talk on otters?", ("gave", "talk", "otter")),
        ("What did they talk about?", ("talk",)),  # nothing else is left
        ("What kind of ferns does she grow?", ("fern", "grow")),
        ("Which types of fern are there, according to him?", ("fern",)),
        ("How did he describe the ferry?", ("ferri",)),
        ("What kind is it?", ("kind",)),
        ("Describe it.", ("describ",)),
        ("What is the form off the shelf?", ("form", "shelf")),
    ],
)
def test_that_something_is_talked_about_is_no_term_beside_what_it_is(text: str, terms: tuple[str, ...]) -> None:
    assert set(read_query(text, TWO, YEARS).terms) == set(all_terms(" ".join(terms)))


def test_speakers_without_a_word_in_their_name_are_never_named() -> None:
    assert read_query("Who is it? 🙂", ("", "🙂", "?"), YEARS).named == frozenset()
    assert name_words(["", "🙂", "Mary-Ann O’Hara"]) == {"mary", "ann", "o"}


# -- when --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("When did she move?", True),
        ("How long has he had the cat?", True),
        ("In which month was it?", True),
        ("what year", True),
        ("What is whenever?", False),
        ("What did she do?", False),
    ],
)
def test_a_question_for_a_time_is_known(text: str, asks: bool) -> None:
    assert read_query(text, TWO, YEARS).asks_when is asks


DAY = [("2023-05-08", "2023-05-08")]
MAY = [("2023-05-01", "2023-05-31")]


@pytest.mark.parametrize(
    "text",
    ["on 8 May 2023", "on May 8, 2023?", "the 8th of May", "May 8th", "8 may, 2023", "MAY 8", "8 May and 8 May 2023"],
)
def test_a_day_is_read_in_any_of_its_spellings(text: str) -> None:
    assert set(days(text)) == set(DAY)


@pytest.mark.parametrize("text", ["in May", "in May 2023", "during May of 2023", "since May", "early May", "mid-May"])
def test_a_month_is_all_its_days(text: str) -> None:
    assert days(text) == MAY


@pytest.mark.parametrize(
    "text",
    ["She may come", "May I come?", "in may", "They march", "the march through town", "What may the band march to?"],
)
def test_may_and_march_are_words_before_they_are_months(text: str) -> None:
    assert days(text) == []


@pytest.mark.parametrize(("text", "month"), [("in March", 3), ("march 2023", 3), ("may 2023", 5), ("in Sept", 9)])
def test_may_and_march_are_months_after_a_preposition_or_before_a_year(text: str, month: int) -> None:
    assert [window.first.month for window in read_windows(text, (2023,))] == [month]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("last spring", ("2023-03-01", "2023-05-31")),
        ("in the summer of 2021", ("2021-06-01", "2021-08-31")),
        ("in autumn", ("2023-09-01", "2023-11-30")),
        ("in the fall", ("2023-09-01", "2023-11-30")),
        ("winter 2023", ("2023-12-01", "2024-02-29")),
    ],
)
def test_a_season_is_its_three_months(text: str, span: tuple[str, str]) -> None:
    assert days(text) == [span]


def test_a_fall_is_no_season_without_a_preposition() -> None:
    assert days("Did she fall off the ladder?") == []


def test_a_winter_without_a_year_may_have_begun_before_the_conversation() -> None:
    assert days("in the winter") == [("2022-12-01", "2023-02-28"), ("2023-12-01", "2024-02-29")]


@pytest.mark.parametrize(("text", "per_year"), [("in July", 1), ("on 3 July", 1), ("in July or on 3 August", 2)])
def test_without_a_year_every_year_of_the_conversation_is_meant(text: str, per_year: int) -> None:
    windows = read_windows(text, (2023, 2021, 2022))
    assert len(windows) == 3 * per_year
    assert {window.first.year for window in windows} == {2021, 2022, 2023}


def test_without_a_year_and_without_dated_sessions_there_is_nowhere_to_look() -> None:
    assert read_windows("in July, on 3 August, in winter", ()) == []


def test_a_bare_year_counts_little_and_only_when_nothing_finer_is_named() -> None:
    assert read_windows("in 2022", YEARS) == [Window(date(2022, 1, 1), date(2022, 12, 31), 0.3)]
    assert [window.weight for window in read_windows("in May 2022 or 2023", YEARS)] == [1.0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on 29 February", [("2024-02-29", "2024-02-29")]),
        ("on 29 February 2024", [("2024-02-29", "2024-02-29")]),
        ("on February 30", []),
        ("on 0 May", []),
        ("on 99 May", []),
        ("on 8 May 0000", []),
        ("in May 0000", []),
        ("in winter 9999", []),
        ("on 31 June 2023", [("2023-01-01", "2023-12-31")]),  # its year is possible
        ("room 1850, flat 20233, 1799", []),
    ],
)
def test_impossible_days_are_left_out_and_leap_days_are_not(text: str, found: list[tuple[str, str]]) -> None:
    assert days(text, (2023, 2024)) == found


@given(st.dates(date(1, 1, 1), date(9998, 12, 31)))
def test_every_day_is_read_back_from_its_wording(day: date) -> None:
    for text in (
        f"{day.day} {MONTHS[day.month - 1]} {day.year:04}",
        f"{MONTHS[day.month - 1]} {day.day}, {day.year:04}",
    ):
        assert read_windows(f"Where was she on {text}?", ()) == [Window(day, day)]


date_words = st.lists(
    st.sampled_from("may March 29 31 0 of , 9999 0000 2023 1900 winter fall in the february sept 1st ٣".split())
).map(" ".join)


@given(st.one_of(texts, date_words), st.lists(texts, max_size=3), st.sets(st.integers(1, 9999), max_size=3))
def test_any_question_can_be_read(text: str, speakers: list[str], years: set[int]) -> None:
    query = read_query(text, speakers, years)
    assert query.named <= set(speakers)
    assert len(set(query.terms)) == len(query.terms)
    assert all(window.first <= window.last and 0 < window.weight <= 1 for window in query.windows)


# -- dates in figures, ranges, and by the day of asking ----------------------------------------------------------------

SEPTEMBER = [("2023-09-03", "2023-09-03")]
BOTH = [*SEPTEMBER, ("2023-03-09", "2023-03-09")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on 2023-09-03", SEPTEMBER),
        ("on 2023/09/03", SEPTEMBER),
        ("at 2023-09-03T10:15", SEPTEMBER),
        ("on 3.9.2023", BOTH),
        ("on 03/09/2023", BOTH),
        ("on 3-9-23", BOTH),
        ("on 25/12/2023", [("2023-12-25", "2023-12-25")]),
        ("on 12/25/2023", [("2023-12-25", "2023-12-25")]),
        ("on 31/31/2023", [("2023-01-01", "2023-12-31")]),
        ("Sept. 3, 2023", SEPTEMBER),
        ("3rd of Sept. 2023", SEPTEMBER),
        ("Sep 3 '23", SEPTEMBER),
        ("at 9 pm on 3 September 2023", SEPTEMBER),
        ("in 2023-09", [("2023-09-01", "2023-09-30")]),
        ("on 3/9", BOTH),
        ("3/4 of it", []),
        ("version 1.5.3", []),
        ("call 555-12-2023", [("2023-01-01", "2023-12-31")]),
        ("between May and July 2023", [("2023-05-01", "2023-07-31")]),
        ("from May to July", [("2023-05-01", "2023-07-31")]),
        ("from 3 May to 6 June 2023", [("2023-05-03", "2023-06-06")]),
        ("May 3-5, 2023", [("2023-05-03", "2023-05-05")]),
        ("between 3 and 5 May 2023", [("2023-05-03", "2023-05-05")]),
        ("from December to February 2023", [("2022-12-01", "2023-02-28")]),
        ("December 2022 to March 2023", [("2022-12-01", "2023-03-31")]),
        ("in May and in July 2023", [("2023-05-01", "2023-05-31"), ("2023-07-01", "2023-07-31")]),
        ("at Easter 2023", [("2023-04-09", "2023-04-09")]),
        ("on Thanksgiving", [("2023-11-23", "2023-11-23")]),
        ("Christmas 2021", [("2021-12-25", "2021-12-25")]),
        ("last week", []),
    ],
)
def test_dates_in_figures_ranges_and_festivals_are_read(text: str, found: list[tuple[str, str]]) -> None:
    assert days(text) == found


def test_years_in_a_range_include_those_between() -> None:
    assert [window.first.year for window in read_windows("between 2019 and 2022", ())] == [2019, 2020, 2021, 2022]


@pytest.mark.parametrize(
    ("text", "first", "last", "weight"),
    [
        ("last week", "2023-10-09", "2023-10-15", 1.0),
        ("yesterday", "2023-10-17", "2023-10-17", 1.0),
        ("What did she do on Friday?", "2023-10-13", "2023-10-13", 1.0),
        ("two weeks ago", "2023-10-04", "2023-10-04", 1.0),
        ("last year", "2022-01-01", "2022-12-31", 0.3),
        ("last spring", "2023-03-01", "2023-05-31", 1.0),
        ("this morning", "2023-10-18", "2023-10-18", 1.0),
        ("next May", "2024-05-01", "2024-05-31", 1.0),
    ],
)
def test_relative_dates_are_read_by_the_day_of_asking(text: str, first: str, last: str, weight: float) -> None:
    (window,) = read_windows(text, (2022, 2023), date(2023, 10, 18))
    assert (window.first.isoformat(), window.last.isoformat(), window.weight) == (first, last, weight)


@pytest.mark.parametrize(
    ("texts", "habit"),
    [
        (["on 25/12/2023"], True),
        (["on 12/25/2023"], False),
        (["on 3/9/2023", "no date"], None),
        (["25.12.2023", "12/25/2023"], None),
        (["25.12.2023", "24.12.2023", "12/25/2023"], True),
        ([], None),
    ],
)
def test_the_habit_of_a_conversation_is_what_its_plain_dates_show(texts: list[str], habit: bool | None) -> None:
    assert habit_of(texts) is habit


@pytest.mark.parametrize("day_first", [True, False])
def test_a_known_habit_leaves_one_reading(day_first: bool) -> None:
    (window,) = read_windows("on 3/9/2023", (), day_first=day_first)
    assert window.first == (date(2023, 9, 3) if day_first else date(2023, 3, 9))


# -- hours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [
        "What time is the operation?",
        "At what time did Ana write?",
        "Which hour was it?",
        "Um wie viel Uhr ist die Operation?",
        "¿A qué hora sale el ferry?",
        "À quelle heure part le ferry ?",
        "A che ora parte il traghetto?",
        "A que horas sai o barco?",
        "Во сколько отходит паром?",
        "O której odpływa prom?",
        "Feribot saat kaçta kalkıyor?",
        "フェリーは何時に出ますか",
        "페리는 몇 시에 출발해요?",
        "Hoe laat vertrekt de boot?",
        "في أي ساعة تغادر العبارة؟",
        "नाव कितने बजे जाती है?",
        "手术几点开始？",
    ],
)
def test_a_question_for_a_time_of_day_is_known_in_fifteen_languages(question: str) -> None:
    assert asks_clock(question)


@pytest.mark.parametrize(
    "question",
    [
        "When is the operation?",
        "What time of year do we go?",
        "What time zone is Porto in?",
        "Wann ist die Operation?",
        "¿Cuándo sale el ferry?",
        "手术什么时候？",
        "the last time we met",
    ],
)
def test_a_question_for_a_day_asks_for_no_time_of_day(question: str) -> None:
    assert not asks_clock(question)


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("What happened last week?", ()),
        ("What did we talk about yesterday?", ()),
        ("Where did Ana swim three days ago?", ("swim",)),
        ("What did Ana cook last Friday?", ("cook",)),
        ("Was war gestern?", ()),
        ("Que pasó ayer?", ()),
        ("What did we cook last Christmas?", ("cook", "christma")),  # said on the day too, as "last" is not
        ("What did we plan for May 2024?", ("plan", "may", "2024")),
        ("How is the week going?", ("week", "go")),  # no day that could be meant
    ],
)
def test_words_of_a_date_that_the_day_of_asking_explains_are_no_terms(question: str, terms: tuple[str, ...]) -> None:
    query = read_query(question, ["Ana", "Ben"], [2024], ("en",), Asking(date(2024, 5, 23)))
    assert query.terms == terms


@pytest.mark.parametrize("usual", ["en", "de", "fr"])
@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Was war gestern?", "de"),
        ("Co było wczoraj?", "pl"),
        ("Dün ne oldu?", "tr"),
        ("What happened yesterday?", "en"),
    ],
)
def test_a_question_is_read_in_the_language_of_its_date_words(question: str, language: str, usual: str) -> None:
    query = read_query(question, ["Ana"], [2024], (usual,), Asking(date(2024, 5, 23)))
    assert query.language == language
    assert query.windows == (Window(date(2024, 5, 22), date(2024, 5, 22)),)


@pytest.mark.parametrize("question", ["Final code review?", "What did Mai say?", "Which tag is on the collar?"])
def test_a_word_that_might_be_of_a_date_does_not_change_the_language(question: str) -> None:
    assert read_query(question, ["Ana", "Mai"], [2024], ("en",), Asking(date(2024, 5, 23))).language == "en"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What did we do last week?", "en"),
        ("¿Qué hicimos la semana pasada?", "es"),
        ("Was haben wir letzte Woche gemacht?", "de"),
        ("Qu'est-ce qu'on a fait la semaine dernière ?", "fr"),
        ("Cosa abbiamo fatto la settimana scorsa?", "it"),
        ("Что мы делали на прошлой неделе?", "ru"),
        ("我们上周做了什么？", "zh"),
    ],
)
def test_last_week_is_the_calendar_week_before(text: str, code: str) -> None:
    asked = Asking(date(2024, 5, 15))  # a Wednesday
    windows = read_query(text, ("Ana",), (2024,), (code if code in ("es", "de", "fr", "it") else "en",), asked).windows
    assert [(window.first, window.last) for window in windows] == [(date(2024, 5, 6), date(2024, 5, 12))]


@pytest.mark.parametrize(
    ("text", "code"), [("Was war am 3.5.2024?", "de"), ("Was war am 3.5.?", "de"), ("Co było 3.05.24?", "pl")]
)
def test_a_date_with_dots_has_the_day_first(text: str, code: str) -> None:
    for day_first in (None, True, False):
        windows = read_query(text, ("Ana",), (2024,), (code,), Asking(day_first=day_first)).windows
        assert [(window.first, window.last) for window in windows] == [(date(2024, 5, 3), date(2024, 5, 3))]


@pytest.mark.parametrize("day", [date.max, date.min])
@pytest.mark.parametrize("question", ["What did I do yesterday?", "What is next week?", "last week", "tomorrow"])
def test_a_question_on_the_first_and_the_last_day_there_is_can_be_read(question: str, day: date) -> None:
    for window in read_query(question, (), {day.year}, asking=Asking(day)).windows:
        assert date.min <= window.first <= window.last <= date.max
