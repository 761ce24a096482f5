"""One folding: what is typed differently and means the same is the same; what is another letter stays another."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.language.folding import fold, normalise
from memoryqa.language.question import read_query
from memoryqa.language.terms import terms

INVISIBLE = ("\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2060", "\ufeff", "\u202a", "\ufe0f")


@pytest.mark.parametrize(
    ("written", "other"),
    [
        ("José", "Jose"),
        ("Zürich", "zurich"),
        ("Łódź", "lodz"),
        ("Ørsted", "orsted"),
        ("Đặng", "dang"),
        ("Straße", "STRASSE"),
        ("Æther", "aether"),
        ("œuvre", "oeuvre"),
        ("Þórr", "thorr"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("Çelik", "celik"),
        ("naïve", "naive"),
        ("Beyoncé", "beyonce"),
        ("Dvořák", "dvorak"),
        ("Ελένη", "ελενη"),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
        ("Ёлка", "елка"),
        ("за́мок", "замок"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("مـــرحبا", "مرحبا"),
        ("علی", "علي"),
        ("पढ़ी", "पढी"),
        ("हँसी", "हंसी"),
        ("ｗｉｆｉ", "wifi"),
        ("ﬁsh", "fish"),
        ("ｶﾞｽ", "ガス"),
        ("①", "1"),
        ("४८२", "482"),
        ("٣٠", "30"),
        ("１２，５００", "12,500"),
        ("don´t", "don't"),
        ("Maria’s", "maria's"),
        ("co\u2011op", "co-op"),
        ("so\u00adfa", "sofa"),
        ("ham\u200bmer", "hammer"),
        ("می\u200cخواهم", "میخواهم"),
        ("\u202eabc", "abc"),
        ("❤\ufe0f", "❤"),
        ("\u0441rush", "crush"),
        ("\u0421RUSH", "crush"),
        ("\u0410nna's", "anna's"),
        ("in the gr\u0435\u0435nhous\u0435s", "in the greenhouses"),
        ("\u0441\u043empany", "company"),
        ("прив\u0065т", "привет"),
        ("\u0079тром", "утром"),
    ],
)
def test_spellings_of_one_word_fold_to_the_same(written: str, other: str) -> None:
    assert fold(written) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("мой", "мои"),
        ("її", "ii"),
        ("が", "か"),
        ("ぱ", "は"),
        ("ก้", "ก"),
        ("कि", "क"),
        ("résumé", "resumer"),
        ("안", "않"),
        ("Acme™", "acmetm"),
        ("한", "하"),
        ("Google\u0430", "Googlea"),
        ("PCшник", "\u0420\u0421шник"),
        ("\u0440\u043e", "po"),
        ("Wоb\u0431y", "Wobby"),
    ],
)
def test_letters_of_their_own_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_plain_text_stays_as_it_is() -> None:
    assert normalise("What's up? It is 5 o'clock.") == "What's up? It is 5 o'clock."
    assert fold("") == ""


def test_a_letter_of_another_keyboard_hides_neither_a_word_nor_a_name() -> None:
    question = "When did \u0410na see her \u0441rush?"
    assert terms(question) == terms("When did Ana see her crush?")
    assert read_query(question, ["Ana", "Bo"], [2023]).named == {"Ana"}


anything = st.one_of(texts, st.text(st.characters(), max_size=40))


@given(anything)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert normalise(normalise(text)) == normalise(text)
    assert fold(text) == fold(text).lower()


@given(anything)
def test_composed_and_decomposed_text_has_the_same_terms(text: str) -> None:
    nfc, nfd = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert fold(nfc) == fold(nfd)
    assert terms(nfc) == terms(nfd)


@given(texts, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(INVISIBLE)), max_size=5))
def test_what_is_invisible_changes_nothing(text: str, inserted: list[tuple[int, str]]) -> None:
    changed = text
    for place, sign in inserted:
        changed = changed[:place] + sign + changed[place:]
    assert terms(changed) == terms(text)
    assert fold(changed) == fold(text)
