"""Words alike, where a language has no table: forms, compounds, verbs with a prefix; and stems of verbs."""

from __future__ import annotations

import pytest

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.languages import language
from memoryqa.language.lexicon.alike import alike, is_word
from memoryqa.memory import AdaptiveMemory


def likes(term: str, other: str, code: str) -> bool:
    found = alike(term, code)
    if found is None:
        return False
    begins_or_ends = bool(found.openings) and (other.startswith(found.openings) or other.endswith(found.endings))
    return begins_or_ends or other in found.words


@pytest.mark.parametrize(
    ("code", "term", "other"),
    [
        ("de", "gitarrespiel", "gitarrenunterricht"),
        ("de", "kuchen", "pflaumenkuchen"),
        ("de", "pflaumenkuchen", "kuchen"),
        ("nl", "gitaarles", "gitaar"),
        ("nl", "gitaarspel", "gitaarleraar"),
        ("ru", "вар", "свар"),
        ("ru", "испек", "пек"),
        ("pl", "pis", "napis"),
        ("ar", "طبخ", "اطبخ"),
        ("ar", "خبز", "ساخبز"),
        ("ko", "요리", "요리법"),
        ("ko", "자전거", "자전거포"),
        ("hi", "सब्ज", "सब्जवाल"),
    ],
)
def test_words_of_one_kind_are_alike(code: str, term: str, other: str) -> None:
    assert likes(term, other, code)


@pytest.mark.parametrize(
    ("code", "term", "other"),
    [
        ("de", "haus", "hand"),
        ("ru", "вар", "товар"),
        ("ko", "요리", "요가"),
        ("es", "casa", "cama"),
        ("tr", "ev", "evet"),
    ],
)
def test_others_are_not(code: str, term: str, other: str) -> None:
    assert not likes(term, other, code)


def test_words_have_letters_and_marks_only() -> None:
    assert [term for term in ("सब्ज", "kuchen", "요리", "b12", "12", "a-b") if is_word(term)] == [
        "सब्ज",
        "kuchen",
        "요리",
    ]


@pytest.mark.parametrize(
    ("code", "forms"),
    [
        ("tr", "sevdi seviyor sevmiyorum sevmedi sevecek sevmiş"),
        ("tr", "yaptım yapıyor yapacağım yapmadık yapmış"),
        ("ru", "сгрыз сгрызла сгрызли"),
        ("ru", "принесла принёс принесли"),
        ("ko", "사장 사장님 사장님이 사장님께서"),
    ],
)
def test_forms_of_a_word_share_a_stem(code: str, forms: str) -> None:
    spoken = language(code if code == "tr" else "en")
    assert len({tuple(all_terms(form, spoken)) for form in forms.split()}) == 1


@pytest.mark.parametrize("word", ["kedi", "kadın", "bağlantı"])
def test_nouns_that_look_like_verbs_keep_their_stem(word: str) -> None:
    assert len(all_terms(word, language("tr"))[0]) >= 3


def test_a_verb_is_found_by_another_form_of_it() -> None:
    memory = AdaptiveMemory()
    for text in (
        "Вчера мы гуляли в парке у реки.",
        "Испеку сливовый пирог, мама прислала рецепт.",
        "Купил новый стул.",
    ):
        memory.add(text, speaker="Игорь", time="2024-05-15")
    assert "D1:2" in memory.search("Что пёк Игорь?", 60).ids
