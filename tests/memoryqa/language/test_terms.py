from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.language.lexicon.word_lists import (
    CLASSES,
    COURTESY_WORDS,
    FILLER_WORDS,
    FIRST_PERSON,
    IRREGULAR,
    STOPWORDS,
    SYNONYM_GROUPS,
)
from memoryqa.language.terms import instances, synonyms, terms, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Maria's dog, Rex-2!", ["maria", "dog", "rex", "2"]),
        ("don’t STOP_here", ["don", "stop", "here"]),
        ("Ελένη и Борис", ["ελένη", "и", "борис"]),
        ("... 🙂 _", []),
    ],
)
def test_words_are_lower_case_and_cut_at_the_apostrophe(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "other"),
    [("paintings", "painting"), ("went", "go"), ("bought", "buys"), ("children", "child"), ("Running", "ran")],
)
def test_forms_of_one_word_are_one_term(text: str, other: str) -> None:
    assert terms(text) == terms(other) != []


@pytest.mark.parametrize("text", ["won't", "Won’t", "wont"])
def test_a_refusal_is_not_a_victory(text: str) -> None:
    assert terms(text) == []
    assert terms("I won!") == terms("a win")


def test_stop_words_and_single_letters_are_no_terms_and_repeats_are_kept() -> None:
    assert terms("What did she do with the x, the otter and the otters?") == ["otter", "otter"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("博物馆", ["博物", "物馆", "博", "物", "馆"]),
        ("猫", ["猫"]),
        ("ラーメン", ["ラー", "ーメ", "メン"]),
        ("музей", ["муз"]),
        ("μουσείο", ["μουσειο"]),
        ("متحف", ["متحف"]),
    ],
)
def test_scripts_without_spaces_are_cut_into_pairs_and_signs_and_others_into_words(text: str, found: list[str]) -> None:
    assert terms(text) == found


@given(texts, texts)
def test_terms_of_two_texts_are_the_terms_of_each(one: str, other: str) -> None:
    assert terms(f"{one} {other}") == terms(one) + terms(other)
    assert all(term == term.lower() and term.strip() for term in terms(one))


@given(st.sampled_from([word for group in SYNONYM_GROUPS for word in group]))
def test_synonyms_answer_to_each_other_and_never_to_themselves(word: str) -> None:
    for term in terms(word):
        assert term not in synonyms(term)
        assert len(set(synonyms(term))) == len(synonyms(term))
        assert all(term in synonyms(other) for other in synonyms(term))


def test_a_word_of_several_groups_has_the_synonyms_of_all() -> None:
    assert {"mother", "dad"} <= set(synonyms("parent"))
    assert synonyms("zeppelin") == ()


def test_a_class_has_its_instances_and_an_instance_is_no_class() -> None:
    assert {"hike", "chess"} <= set(instances("hobbi"))
    assert instances("chess") == ()
    for classes, _ in CLASSES:
        for term in (term for word in classes for term in terms(word)):
            assert term not in instances(term)
            assert len(set(instances(term))) == len(instances(term))


def test_the_word_lists_agree_with_each_other() -> None:
    assert len({tuple(sorted(group)) for group in SYNONYM_GROUPS}) == len(SYNONYM_GROUPS)
    assert all(len(group) > 1 for group in SYNONYM_GROUPS)
    assert STOPWORDS.isdisjoint(IRREGULAR), "a stop word never reaches the table of forms"
    assert all(form != base for form, base in IRREGULAR.items())
    assert STOPWORDS.isdisjoint(IRREGULAR.values())
    assert STOPWORDS.isdisjoint(word for group in SYNONYM_GROUPS for word in group)
    assert STOPWORDS.isdisjoint(word for classes, members in CLASSES for word in (*classes, *members))
    assert all(classes and members for classes, members in CLASSES)
    assert COURTESY_WORDS | FIRST_PERSON <= FILLER_WORDS, "words outside the filler list are never looked up"


def test_scripts_whose_vowels_are_marks_keep_their_words_whole() -> None:
    assert words("मैंने किताब पढ़ी")[:2] == ["मैंने", "किताब"]
    assert terms("मैंने किताब पढ़ी")[0] == "किताब"  # the first is a stop word
    assert len(terms("שָׁלוֹם עולם")) == 2


def test_composed_and_decomposed_letters_are_the_same_term() -> None:
    assert terms("cafe\u0301") == terms("caf\u00e9") != []
