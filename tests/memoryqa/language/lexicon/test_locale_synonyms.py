"""memoryqa.language.lexicon.locale_synonyms: words of one everyday meaning, in each language."""

from __future__ import annotations

import pytest

from memoryqa.language.languages import ENGLISH, language
from memoryqa.language.lexicon.emoji_kinds import kinds_in
from memoryqa.language.lexicon.locale_synonyms import SYNONYMS, synonyms_in
from memoryqa.language.locales.files import CODES, LATIN
from memoryqa.language.terms import synonyms, terms
from memoryqa.memory import AdaptiveMemory


def _term(word: str, code: str) -> str:
    found = terms(word, language(code) if code in LATIN else ENGLISH)
    return next(term for term in found if len(term) > 1 or len(found) == 1)


@pytest.mark.parametrize(
    ("code", "asked", "said"),
    [
        ("de", "Angst", "fürchtet"),
        ("de", "Handy", "Telefon"),
        ("fr", "boulot", "travail"),
        ("it", "cellulare", "telefono"),
        ("es", "coche", "carro"),
        ("pt", "celular", "telefone"),
        ("nl", "bang", "zorgen"),
        ("pl", "samochód", "auto"),
        ("ru", "машина", "автомобиль"),
        ("tr", "tamir", "onarım"),
        ("ar", "سيارة", "عربية"),
        ("hi", "नौकरी", "काम"),
        ("zh", "害怕", "担心"),
        ("ja", "母親", "両親"),
        ("ko", "휴대폰", "전화"),
    ],
)
def test_words_of_one_meaning(code: str, asked: str, said: str) -> None:
    assert _term(said, code) in synonyms_in(_term(asked, code), code)
    assert _term(asked, code) in synonyms_in(_term(said, code), code)


def test_english_has_its_own_list() -> None:
    assert synonyms_in("job", "en") == synonyms("job")


@pytest.mark.parametrize("code", CODES[1:])
def test_every_language_has_groups_of_two_words_and_more(code: str) -> None:
    lines = (SYNONYMS / f"{code}.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    assert all(line.split() for line in lines)


def test_a_synonym_finds_a_message_without_the_word() -> None:
    memory = AdaptiveMemory()
    for text in ("Il cellulare è caduto nel lago.", "Che bella giornata oggi!", "La cena era ottima, davvero."):
        memory.add(text, speaker="Ugo", time="2024-05-15")
    assert memory.search("Dove è finito il telefono?", 20).ids[0] == "D1:1"


def test_a_kind_is_found_in_either_kana() -> None:
    assert {"にん", "んじ", "じん"} & set(kinds_in("野菜", "ja"))
