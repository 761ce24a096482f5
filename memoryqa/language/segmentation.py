"""Cuts where the script changes, and cuts the scripts that are written without spaces.

"我的iPhone15很好" is Chinese, a Latin word with digits, and Chinese again. Without a dictionary, a run of a script
without spaces is known by its signs and by its pairs of signs. A sign is one Chinese or kana character, or one
consonant of Thai, Lao, Khmer or Burmese with its vowels and tones. Signs and pairs together find about as much as the
words of a dictionary: Nie, Gao, Zhang and Zhou 2000, "On the Use of Words and N-grams for Chinese Information
Retrieval".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

import regex

HAN_AND_KANA, THAI, LAO, KHMER, BURMESE = "han_and_kana", "thai", "lao", "khmer", "burmese"
Segmenter = Callable[[str], Sequence[str]]  # a run of one such script -> its words, in order

_UNSPACED = {
    HAN_AND_KANA: r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\u3031-\u3035",
    THAI: r"\p{Thai}",
    LAO: r"\p{Lao}",
    KHMER: r"\p{Khmer}",
    BURMESE: r"\p{Myanmar}",
}
UNSPACED = regex.compile(f"[{''.join(_UNSPACED.values())}]")
_CUT = "".join(_UNSPACED.values()) + r"\p{Hangul}"
_RUNS = regex.compile(
    "|".join(rf"(?P<{script}>[{signs}][{signs}\p{{M}}]*)" for script, signs in _UNSPACED.items())
    + r"|\p{Hangul}+"
    + rf"|(?:(?![{_CUT}])[\p{{Latin}}\p{{N}}\p{{Mn}}.,:&+#'-])+"
    + rf"|(?:(?![{_CUT}])[^\p{{Latin}}])+"
)
# A letter with its marks, a vowel that is written before it, and vowels and tones behind it.
_SIGN = regex.compile(r"[\u0e40-\u0e44\u0ec0-\u0ec4]?\X[\u0e30\u0e32\u0e45\u0eb0\u0eb2\u102b\u102c\u1038]*")
_ENDING = regex.compile(r"(?<=\p{Han})\p{Hiragana}(?=\p{Hiragana})")
_KANA_ONLY = regex.compile(r"[\p{Hiragana}\p{Katakana}\u30fc]+")


def runs(token: str) -> Iterator[tuple[str, str | None]]:
    """The runs of one script in `token`, with the name of the script where it is written without spaces, else None."""
    for match in _RUNS.finditer(token):
        yield match[0], match.lastgroup


def is_syllable(letter: str) -> bool:
    """Whether one letter may be a whole word, as Korean syllables are."""
    return "\uac00" <= letter <= "\ud7a3"


def signs_and_pairs(run: str) -> list[str]:
    """The pairs of neighbouring signs of `run`, and its signs; a kana is a sign of its own only where it is alone.

    Hiragana right behind a Chinese sign ends its word or is a particle: it makes no pair with the next one.
    """
    signs = _SIGN.findall(run)
    if len(signs) == 1:
        return signs
    ending = {match.start() for match in _ENDING.finditer(run)} if len(signs) == len(run) else ()
    pairs = [one + other for place, (one, other) in enumerate(pairwise(signs)) if place not in ending]
    return pairs + [sign for sign in signs if not _KANA_ONLY.fullmatch(sign)]


def cut_run(run: str, script: str, segmenters: Mapping[str, Segmenter]) -> Sequence[str]:
    """The words of a run of a script without spaces: a segmenter's where there is one for it, else signs and pairs."""
    segmenter = segmenters.get(script)
    return segmenter(run) if segmenter else signs_and_pairs(run)
