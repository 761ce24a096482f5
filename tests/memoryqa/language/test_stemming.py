"""memoryqa.language.stemming, and what is a term of a word in languages other than English."""

from __future__ import annotations

import pytest

from memoryqa.language.languages import ENGLISH, language
from memoryqa.language.locales.asking import without_time_words
from memoryqa.language.question import read_query
from memoryqa.language.terms import term_of, terms


@pytest.mark.parametrize(
    ("code", "forms"),
    [
        ("de", "sehen sieht sah gesehen"),
        ("de", "schreiben schrieb geschrieben"),
        ("de", "mitbringen mitbrachte mitgebracht"),
        ("de", "abfahren abfuhr abgefahren"),
        ("de", "verlieren verlor verloren"),
        ("nl", "lopen loopt liep gelopen"),
        ("nl", "kopen koopt kocht gekocht"),
        ("fr", "boire boit bu buvait"),
        ("fr", "prendre pris prise prenait"),
        ("fr", "courir couru courent courait"),
        ("it", "rompere rotto rotta ruppe"),
        ("it", "uscire esce uscita usciti"),
        ("it", "togliere tolto toglie toglierà"),
        ("es", "pedir pidió pide pidieron"),
        ("es", "dormir duerme durmió"),
        ("pt", "trazer trouxe traz trazido"),
        ("tr", "başladı başlıyorum başlamak başladığı başlayacak"),
        ("tr", "gitmek gidiyor gitti gidecek giderken"),
        ("tr", "yemiş yedi yiyor yedim"),
        ("tr", "giyiyor giymeli giydi giymez giyebilir"),
        ("tr", "okuyor okudu okumuş okuyacak"),
        ("tr", "annem annesi annesinin annemin anneme"),
        ("tr", "abim abisi abisinin abimi"),
        ("tr", "arabam arabayı arabasını araba"),
        ("tr", "roman romanı"),
        ("tr", "telefon telefonu telefonum telefonuna"),
    ],
)
def test_forms_of_one_word_have_one_term(code: str, forms: str) -> None:
    assert len({term_of(form, language(code)) for form in forms.split()}) == 1


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("de", "gespräch", "sprechen"),
        ("fr", "lit", "lire"),
        ("es", "vino", "venir"),
        ("it", "corso", "correre"),
        ("tr", "ekmek", "ek"),
        ("tr", "parmak", "par"),
        ("tr", "haberim", "hapis"),
        ("tr", "evlerim", "evlenmek"),
        ("tr", "hayır", "hay"),
        ("es", "veo", "vio"),  # frequent verbs that say little stay apart: together they would be everywhere
        ("fr", "vient", "venu"),
    ],
)
def test_words_that_only_look_like_forms_stay_apart(code: str, one: str, other: str) -> None:
    spoken = language(code)
    assert term_of(one, spoken) != term_of(other, spoken)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("fr", "l'hôpital", ["hopital"]),
        ("fr", "Qu'est-ce que le chien a mangé ?", ["chien", "mang"]),
        ("fr", "Où Antoine a-t-il mangé ?", ["antoin", "mang"]),
        ("fr", "Aime-t-elle les chats d'Élodie ?", ["aim", "chat", "elod"]),
        ("fr", "jusqu'à l'hiver", ["hiv"]),
        ("fr", "semi-marathon", ["sem", "marathon", "semimarathon"]),
        ("it", "all'ospedale", ["ospedal"]),
        ("it", "nell'appartamento dell'amica", ["appart", "amic"]),
        ("it", "Dov'è quell'albero?", ["alber"]),
        ("pt", "encontrei-o e disse-lhe", ["encontr", "diss"]),
    ],
)
def test_short_words_written_together_with_others_are_no_terms(code: str, text: str, expected: list[str]) -> None:
    assert terms(text, language(code)) == expected


@pytest.mark.parametrize(
    ("code", "question", "gone"),
    [
        ("de", "An welchem Tag kommt Klara?", "Tag"),
        ("fr", "Quel jour arrive Élodie ?", "jour"),
        ("it", "In che giorno parte Chiara?", "giorno"),
        ("es", "¿En qué mes se casó Lucía?", "mes"),
        ("pt", "Em que dia chega a Lívia?", "dia"),
        ("nl", "Op welke dag trouwt Grace?", "dag"),
        ("pl", "Którego dnia przyjechał Tomek?", "dnia"),
        ("tr", "Hangi gün geldi?", "gün"),
        ("ru", "В каком месяце свадьба?", "месяце"),
        ("zh", "晓燕哪天结婚？", "哪天"),
        ("ja", "面接は何日？", "何日"),
        ("ko", "결혼식이 무슨 요일이야?", "요일"),
    ],
)
def test_the_words_that_ask_for_a_day_are_not_searched(code: str, question: str, gone: str) -> None:
    assert gone not in without_time_words(question, code)


def test_a_question_of_nothing_but_a_day_keeps_its_words() -> None:
    assert read_query("Welcher Tag?", ("Ute",), (2024,), ("de",)).terms == ("tag",)


def test_hours_that_are_asked_for_are_searched() -> None:
    assert "saat" in " ".join(read_query("Kaç saatte koştu?", ("Elif",), (2024,), ("tr",)).terms)


def test_hiragana_behind_a_chinese_sign_makes_no_pair_with_the_next() -> None:
    assert "いな" not in terms("嫌いな", ENGLISH)
    assert {"嫌い", "にん", "んじ", "じん"} <= {*terms("嫌いな野菜", ENGLISH), *terms("にんじん", ENGLISH)}
