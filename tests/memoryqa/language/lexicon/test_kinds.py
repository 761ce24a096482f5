"""Kinds of things from WordNet, and the words that are words before they are names."""

from __future__ import annotations

import pytest

from memoryqa.language.lexicon.kinds import kinds
from memoryqa.language.lexicon.ordinary_words import WORDNET, is_ordinary
from memoryqa.language.terms import term_of


@pytest.mark.parametrize(
    ("kind", "member"),
    [
        ("dog", "whippet"),
        ("dog", "spaniel"),
        ("bird", "heron"),
        ("fish", "mackerel"),
        ("tree", "hornbeam"),
        ("flower", "cornflower"),
        ("fruit", "quince"),
        ("cheese", "gorgonzola"),
        ("sauce", "bechamel"),
        ("instrument", "bassoon"),
        ("vehicle", "rickshaw"),
        ("hat", "fedora"),
        ("shoe", "moccasin"),
        ("boat", "dinghy"),
        ("sport", "judo"),
        ("dance", "ballet"),
        ("insect", "mosquito"),
        ("weapon", "crossbow"),
        ("relative", "nephew"),
        ("disease", "measles"),
    ],
)
def test_a_kind_has_its_members(kind: str, member: str) -> None:
    assert term_of(member) in kinds(str(term_of(kind)))


@pytest.mark.parametrize("word", ["whippet", "zzyzx", "entity", "кино", ""])
def test_what_is_no_kind_or_too_wide_has_no_members(word: str) -> None:
    assert kinds(word) == ()


@pytest.mark.parametrize("word", "hunter bill rose will mark grace hope joy lily summer sky river king wolf".split())
def test_words_that_are_seldom_names_are_ordinary(word: str) -> None:
    assert is_ordinary(word)


@pytest.mark.parametrize("word", "john mike maria caroline melanie tim sam ines otterson".split())
def test_names_are_not_ordinary(word: str) -> None:
    assert not is_ordinary(word)


def test_the_extract_is_small_enough_for_a_wheel() -> None:
    assert 100_000 < WORDNET.stat().st_size < 300_000
