"""Kinds of things in other languages than English, from the keywords of emoji."""

from __future__ import annotations

import pytest

from benchmarks.vocabulary.emoji_kinds import classes_of
from memoryqa import AdaptiveMemory
from memoryqa.language.languages import language
from memoryqa.language.lexicon.emoji_kinds import kinds_in
from memoryqa.language.locales.files import CODES, LATIN
from memoryqa.language.terms import terms


@pytest.mark.slow
@pytest.mark.parametrize("code", CODES[1:])
def test_each_language_has_classes(code: str) -> None:
    spoken = language(code if code in LATIN else "en")
    classes = {
        **{"ar": "ملابس", "de": "Vogel", "es": "ave", "fr": "oiseau", "hi": "पक्षी", "it": "uccello", "ja": "鳥"},
        **{"ko": "채소", "nl": "vogel", "pl": "ptak", "pt": "pássaro", "ru": "птица", "tr": "kuş", "zh": "动物"},
    }
    assert max(len(kinds_in(term, code)) for term in terms(classes[code], spoken)) > 2


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("Ich spiele seit Mai Geige.", "Welches Instrument spielt sie?"),
        ("Nous avons vu un hibou dans le jardin.", "Quel oiseau ont-ils vu ?"),
        ("Compré medio kilo de cerezas.", "¿Qué fruta compró?"),
        ("Купила вчера баклажан.", "Какой овощ она купила?"),
        ("昨日バイオリンを習った。", "どの楽器を習った？"),
        ("我养了一只猫头鹰。", "她养了什么鸟？"),
    ],
)
def test_a_kind_is_found_by_its_class(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    other = {"I": "Das Wetter ist schön.", "N": "Il fait beau.", "К": "Погода хорошая.", "昨": "天気がいい。"}
    other |= {"C": "Hoy no he hecho nada y estoy muy cansada.", "我": "天气很好。"}
    for text in [other[told[0]]] * 3 + [told]:
        memory.add(text, speaker="Ann")
    assert memory.rank(question)[0].text == told


def test_a_word_without_a_class_has_none() -> None:
    assert kinds_in("xyzzy", "de") == kinds_in("bird", "en") == ()


def test_a_class_is_a_keyword_of_several_things_and_its_members_are_of_few() -> None:
    signs = "🍎🍐🍊🍋🍌"
    annotations = {
        sign: {"tts": [f"Name{number}"], "default": ["Obst", f"Wort{number}", "zwei Wörter"]}
        for number, sign in enumerate(signs)
    }
    annotations["😀"] = {"tts": ["Gesicht"], "default": ["Obst"]}  # no thing
    found = classes_of(annotations)
    assert list(found) == ["obst"]
    assert set(found["obst"]) == {f"{word}{number}" for number in range(len(signs)) for word in ("name", "wort")}
