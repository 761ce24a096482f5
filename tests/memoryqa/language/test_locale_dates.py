"""Dates in languages other than English are resolved by tense, or left alone."""

from __future__ import annotations

from datetime import date

import pytest

from memoryqa.language.dating.dates import annotate, has_time_expression, resolve
from memoryqa.language.dating.time_spans import HOLIDAYS, SEASON_FIRST_MONTH
from memoryqa.language.locales.date_language import date_language
from memoryqa.language.locales.detection import detect
from memoryqa.language.locales.files import CODES
from memoryqa.turns import MONTHS

WEDNESDAY = date(2024, 5, 15)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Gestern war ich beim Friseur.", "14 May 2024"),
        ("Wir haben am Montag die Wände gestrichen.", "13 May 2024"),
        ("Am Sonntag besuchen wir meinen Onkel.", "19 May 2024"),
        ("Seit Samstag habe ich Fieber.", "11 May 2024"),
        ("Vor vier Tagen kam das Paket.", "11 May 2024"),
        ("Anteayer llovió todo el día.", "13 May 2024"),
        ("El martes comí con mi suegra.", "14 May 2024"),
        ("Nos vemos el sábado en la estación.", "18 May 2024"),
        ("Hier soir, on a mangé une raclette.", "14 May 2024"),
        ("Samedi nous irons au marché.", "18 May 2024"),
        ("Ontem à noite não dormi nada.", "14 May 2024"),
        ("L'altro ieri ho visto un cinghiale.", "13 May 2024"),
        ("Eergisteren heb ik de heg gesnoeid.", "13 May 2024"),
        ("W poniedziałek byłam u lekarza.", "13 May 2024"),
        ("Позавчера мы купили диван.", "13 May 2024"),
        ("Dün akşam çok güldük.", "14 May 2024"),
        ("رأيت جارتي أمس.", "14 May 2024"),
        ("कल मैं मेले में गया था।", "14 May 2024"),
        ("कल मैं मेले में जाऊँगा।", "16 May 2024"),
        ("昨天我去看了牙医。", "14 May 2024"),
        ("昨日、歯医者に行きました。", "14 May 2024"),
        ("어제 치과에 갔어.", "14 May 2024"),
    ],
)
def test_a_date_is_resolved_by_the_tense_of_its_sentence(text: str, value: str) -> None:
    assert [found.value for found in resolve(text, WEDNESDAY)] == [value]
    assert has_time_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "Guten Morgen, wie geht es dir?",
        "Freitags gehe ich immer ins Kino.",
        "Ich wollte am Freitag kommen, aber der Zug fiel aus.",
        "Los viernes ceno con mis primos.",
        "Vivimos en la calle Dos de Mayo.",
        "Tous les lundis je fais du yoga.",
        "Hai letto «Domani nella battaglia»?",
        "Elke zaterdag gaan we naar de markt.",
        "Każdy piątek spędzamy u dziadków.",
        "По средам я хожу на танцы.",
        "我每周三都去打球。",
        "毎週土曜日に走っている。",
        "나는 화요일마다 장을 봐.",
    ],
)
def test_habits_titles_streets_and_plans_of_the_past_are_left_alone(text: str) -> None:
    assert annotate(text, WEDNESDAY) == text


@pytest.mark.parametrize(
    "text",
    [
        "We drove through Los Angeles, El Paso and San Diego in August.",
        "The mañana attitude is not for me",
        "Die Hard!",
    ],
)
def test_english_is_english(text: str) -> None:
    assert detect(text) == "en"


@pytest.mark.parametrize("name", [*HOLIDAYS, *SEASON_FIRST_MONTH, *map(str.lower, MONTHS), "week", "month", "year"])
def test_english_dates_are_no_dates_of_another_language(name: str) -> None:
    for text in (f"last {name}", f"We met in {name.title()}.", f"in {name}"):
        assert date_language(text) is None


def test_a_short_message_has_the_language_of_its_chat() -> None:
    assert detect("Genial!", usual="es") == "es"
    assert detect("Ok, super!", usual="de") == "de"
    assert detect("I would rather stay here with the dogs", usual="de") == "en"
    assert detect("Ich würde lieber mit den Hunden hier bleiben", usual="en") == "de"
    assert {detect(text) for text in ("你好吗", "元気ですか", "안녕", "Привет", "مرحبا", "नमस्ते")} <= set(CODES)
