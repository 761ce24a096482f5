from __future__ import annotations

from pathlib import Path

import pytest

from memoryqa.language.lexicon import related as module
from memoryqa.language.lexicon.related import RELATED_WORDS, english_rarity, related, write_related
from memoryqa.language.terms import term_of


@pytest.mark.parametrize(
    ("word", "other"),
    [("cinema", "movie"), ("dog", "puppy"), ("sick", "ill"), ("instrument", "violin"), ("trip", "journey")],
)
def test_words_used_alike_are_related_by_their_terms(word: str, other: str) -> None:
    found = dict(related(str(term_of(word))))
    assert term_of(other) in found
    assert term_of(word) not in found


def test_similarities_fall_and_lie_between_the_least_and_one() -> None:
    for word in ("cinema", "food", "exercise"):
        similarities = [similarity for _, similarity in related(str(term_of(word)))]
        assert similarities == sorted(similarities, reverse=True)
        assert all(0.44 < similarity <= 1 for similarity in similarities)


@pytest.mark.parametrize("word", ["", "zzyzx", "🎉", "кино", "#cinema"])
def test_a_word_the_table_does_not_have_has_no_relatives(word: str) -> None:
    assert related(word) == ()


def test_the_table_is_small_enough_for_a_wheel() -> None:
    assert 100_000 < RELATED_WORDS.stat().st_size < 1_500_000


def test_a_written_table_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "words.npz"
    write_related(path, ["boats", "ship", "otter"], [[(1, 0.8), (2, 0.5)], [(0, 0.8)], []])
    table = module._Table(path)
    assert table.related("boat") == (("ship", 0.8), ("otter", pytest.approx(0.5, abs=0.002)))
    assert table.related("ship") == (("boat", 0.8),)
    assert table.related("otter") == table.related("cat") == ()


def test_a_word_is_found_by_its_term_however_the_term_begins() -> None:
    table = module._Table(RELATED_WORDS)
    places: dict[str, int] = {}
    for place, word in enumerate(table._words):
        places.setdefault(term_of(word) or word, place)
    ends = table._ends.tolist()
    for term, place in places.items():
        if place % 5 == 0 or not table._words[place].startswith(term[:2]):
            expected = ends[place] - (ends[place - 1] if place else 0)
            assert len(table.related(term)) == expected, term


def test_words_are_the_rarer_the_seldomer_english_uses_them() -> None:
    found = [english_rarity(str(term_of(word))) for word in ("go", "kind", "cinema", "kestrel", "zzyzx")]
    assert found == sorted(found)
    assert 0 < found[0] < 6 < found[2] < found[4] == english_rarity("кино") < 11
