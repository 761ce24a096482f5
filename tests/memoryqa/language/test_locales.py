"""Words of other languages become terms: stems, stop words, particles."""

from __future__ import annotations

from datetime import date

import pytest

from memoryqa.language.languages import ENGLISH, language
from memoryqa.language.locales.detection import detect
from memoryqa.language.locales.files import CODES, LATIN, SCRIPTS, UNSPACED, read_locale
from memoryqa.language.question import Asking, read_query
from memoryqa.language.terms import terms


def test_every_language_has_a_data_file() -> None:
    assert {read_locale(code)["code"] for code in CODES if code != "en"} == set(CODES) - {"en"}
    assert len(CODES) == 1 + len(LATIN) + len(SCRIPTS) + len(UNSPACED) == 15


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("машина сломалась", "машины сломались"),
        ("больницы", "больнице"),
        ("الطبيب", "طبيب"),
        ("السيارة", "سيارة"),
        ("बिल्लियों", "बिल्लियाँ"),
        ("약국에서", "약국"),
        ("고양이를", "고양이는"),
    ],
)
def test_the_script_shows_the_language_of_a_word(one: str, other: str) -> None:
    """In any chat: the message's own language does not matter."""
    assert terms(one) == terms(other) == terms(one, language("de")) != []


@pytest.mark.parametrize("stop", ["когда", "и", "متى", "कब", "언제", "什么", "の"])
def test_stop_words_of_other_scripts_are_no_terms(stop: str) -> None:
    assert terms(stop) == []


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("de", "Häuser", "Haus"),
        ("de", "gelaufen", "gelaufene"),
        ("es", "canciones", "canción"),
        ("fr", "chevaux", "cheval"),
        ("pt", "meninos", "menino"),
        ("it", "amici", "amico"),
        ("nl", "katten", "kat"),
        ("pl", "książkami", "książkę"),
        ("tr", "evlerimiz", "ev"),
    ],
)
def test_inflected_forms_of_a_latin_language_share_a_term(code: str, one: str, other: str) -> None:
    assert terms(one, language(code)) == terms(other, language(code)) != []


def test_a_language_is_one_object() -> None:
    """Caches are kept per object."""
    assert language("en") is ENGLISH
    assert language("fr") is language("fr")


def test_english_terms_are_those_of_the_english_stemmer() -> None:
    assert terms("The houses were painted in Zürich and Łódź") == ["hous", "paint", "zurich", "lodz"]


@pytest.mark.parametrize(
    ("chat", "question"),
    [
        ("de", "Was ist gestern passiert?"),
        ("es", "¿Qué pasó ayer?"),
        ("fr", "Qu'est-ce qui s'est passé hier ?"),
        ("it", "Cosa abbiamo fatto la settimana scorsa?"),
        ("pt", "O que fizemos na semana passada?"),
        ("nl", "Wat hebben we vorige week gedaan?"),
        ("pl", "Co robiliśmy w zeszłym tygodniu?"),
        ("en", "Что случилось вчера?"),
        ("tr", "Geçen hafta ne yaptık?"),
        ("en", "ماذا حدث أمس؟"),
        ("en", "पिछले हफ़्ते क्या हुआ?"),
        ("en", "昨天发生了什么？"),
        ("en", "上周我们做了什么？"),
        ("en", "昨日何があった？"),
        ("en", "어제 무슨 일이 있었어?"),
    ],
)
def test_a_question_for_anything_that_happened_searches_only_the_day(chat: str, question: str) -> None:
    query = read_query(question, ("Ana",), (2024,), (chat,), Asking(date(2024, 5, 15)))
    assert (query.terms, len(query.windows)) == ((), 1)


@pytest.mark.parametrize(
    "question", ["Was haben wir gestern gekocht?", "昨天买了什么？", "Что мы вчера купили?", "昨日何を食べた？"]
)
def test_other_verbs_are_searched(question: str) -> None:
    assert read_query(question, ("Ana",), (2024,), ("de",), Asking(date(2024, 5, 15))).terms


def test_where_two_languages_tie_the_order_of_the_words_decides_and_not_that_of_a_set() -> None:
    """A set of words has another order in every process: an index in a file would not be what a fresh one is."""
    assert detect("algo alguien das ja") == "es"
    assert detect("das ja algo alguien") == "de"
