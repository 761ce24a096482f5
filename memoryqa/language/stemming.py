"""What a stemmer for the words of a language is built of, where Snowball's leaves forms of one word apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import Stemmer

from memoryqa.language.folding import fold
from memoryqa.language.locales.scripts import stem_of_script

Stem = Callable[[str], str]

_LEAST_PREFIXED = 3  # letters behind a prefix
_LEAST_ROOT = 2  # letters of a verb that lost its last vowel
_N_AND_VOWEL = re.compile("n[ıiuü]m?")
_ROOTS = {  # what looks like a root before a vowel: its last letter is softened, or taken for the y between vowels
    **{"gid": "git", "ed": "et", "yi": "ye", "di": "de", "güd": "güt", "tad": "tat"},
    **{"gi": "giy", "ko": "koy", "du": "duy", "sa": "say", "so": "soy", "do": "doy", "ka": "kay"},
}


def snowball(name: str) -> Stem:
    """Snowball's stemmer for words in Latin letters; words in other scripts get the stem of their script's language."""
    stemmer = Stemmer.Stemmer(name, 0)  # no cache of its own: that of `terms` is bounded and thread-safe

    def stem(word: str) -> str:
        other = None if word.isascii() else stem_of_script(word)
        return str(stemmer.stemWord(word)) if other is None else other

    return stem


def stemmer_of(locale: Mapping[str, Any]) -> Stem:
    """The stemmer that the data file of a language describes."""
    stem = snowball(locale["snowball"])
    if "final_n" in locale:
        stem = _with_final_n(stem)
    if "verb" in locale:
        others = frozenset(f"{locale['dates']['not_past']} {locale['verb_others']}".split())
        others -= frozenset(locale["verbs_too"].split())  # "yedi": seven, and "ate"
        stem = _without_verb_ending(stem, re.compile(locale["verb"]), others)
    if "noun" in locale:
        stem = _without_noun_ending(stem, re.compile(locale["noun"]))
    if "participle" in locale:
        stem = _without_participle(stem, re.compile(locale["participle"]))
    if "irregular" in locale:
        stem = _with_irregular(stem, irregular_forms(locale["irregular"]), locale.get("verb_prefixes", "").split())
    return stem


def irregular_forms(listed: str) -> dict[str, str]:
    """Folded form -> base form; listed: "sehen: sieht sah; geben: gibt gab"."""
    forms: dict[str, str] = {}
    for line in listed.split(";"):
        base, _, others = line.strip().partition(": ")
        forms.update((fold(form), base) for form in others.split())
    return forms


def _with_irregular(stem: Stem, forms: Mapping[str, str], prefixes: Collection[str]) -> Stem:
    """The stem of "sah" is that of "sehen", and that of "ansah" and "angesehen" is that of "ansehen"."""

    def stem_of(word: str) -> str:
        folded = fold(word)
        for prefix, rest in _with_prefix(folded, prefixes):
            if rest in forms:
                return stem(prefix + forms[rest])
        return stem(word)

    return stem_of


def _with_prefix(word: str, prefixes: Collection[str]) -> Iterator[tuple[str, str]]:
    yield "", word
    for prefix in prefixes:
        if word.startswith(prefix) and len(word) >= len(prefix) + _LEAST_PREFIXED:
            yield prefix, word[len(prefix) :]


def _without_participle(stem: Stem, participle: re.Pattern[str]) -> Stem:
    """The stem of "gekocht" is that of "kochen"."""

    def stem_of(word: str) -> str:
        match = participle.fullmatch(word)
        return stem(f"{match[1] or ''}{match[2]}en" if match else word)

    return stem_of


def _without_verb_ending(stem: Stem, verb: re.Pattern[str], others: frozenset[str]) -> Stem:
    """The stem of "seviyorum" and "sevmedi" is that of "sev". others: words that only look like forms of verbs.

    Turkish verbs lose the vowel that they end in before some endings, so all lose it: "başladı", "başlıyor".
    """

    def stem_of(word: str) -> str:
        match = None if word in others else verb.fullmatch(word)
        return _verb_stem(match[1]) if match else stem(word)

    return stem_of


def _verb_stem(root: str) -> str:
    root = _ROOTS.get(root, root)
    return root[:-1] if len(root) > _LEAST_ROOT and root[-1] in "aeıiuü" else root


def _without_noun_ending(stem: Stem, noun: re.Pattern[str]) -> Stem:
    """The stem of "annesinin" is "anne": frequent nouns that end in a vowel, of which Snowball cuts too little."""

    def stem_of(word: str) -> str:
        match = noun.fullmatch(word)
        return match[1] if match else stem(word)

    return stem_of


def _with_final_n(stem: Stem) -> Stem:
    """The stem of "roman" and "romanı" keeps its n, which Snowball takes for an ending."""

    def stem_of(word: str) -> str:
        found = stem(word)
        ending = word[len(found) :] if word.startswith(found) else ""
        kept = ending == "n" or (_N_AND_VOWEL.fullmatch(ending) and found[-1:] in tuple("aeoö"))
        return f"{found}n" if kept else found

    return stem_of
