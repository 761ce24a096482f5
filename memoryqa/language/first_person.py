"""Whether a question is about the one who asks ("when is my operation?"), and a message about the one who writes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import regex

from memoryqa.language.locales.detection import ENGLISH

# By language the words for "I", "me" and "my". Arabic has endings for most of them, and only the word for "I" here.
_WORDS: Mapping[str, str] = {
    ENGLISH: "i i'm i've i'd i'll me my mine myself",
    "ar": "أنا انا",
    "de": "ich mich mir mein meine meinen meinem meiner meines",
    "es": "yo me mí mi mis mío mía míos mías conmigo",
    "fr": "je j'ai moi me mon ma mes mien mienne",
    "hi": "मैं मैंने मेरा मेरी मेरे मुझे मुझको",
    "it": "io mi me mio mia miei mie",
    "nl": "ik me mij mijn mijne",
    "pl": "ja mnie mi mną mój moja moje mojego mojej moich",
    "pt": "eu me mim meu minha meus minhas comigo",
    "ru": "я меня мне мной мой моя моё мое мои моего моей моих",
    "tr": "ben beni bana bende benim",
}
_UNSPACED: Mapping[str, str] = {
    "zh": "我",
    "ja": "私|僕|俺",
    "ko": r"(?<!\w)(?:나는|내가|나의|저는|제가|저의|나|내|저|제)(?!\w)",
}
_PATTERNS = {
    **{
        code: regex.compile(rf"(?<![\w'])(?:{'|'.join(map(regex.escape, words.split()))})(?![\w'])", regex.I)
        for code, words in _WORDS.items()
    },
    **{code: regex.compile(pattern) for code, pattern in _UNSPACED.items()},
}
_SAYS_I = re.compile(r"(?<![\w'])(?:i|me|my|mine|myself|im|ive|we|(?-i:us)|our|ours)(?!\w)", re.I)
_IS_SUBJECT = regex.compile(r"\b(?:did|do|have|had|am|was|will|would|should|could|can|must)(?:n't)? i\b", regex.I)


def is_about_asker(question: str, code: str) -> bool:
    """Whether it has a word for "I", "me" or "my" in the language `code`."""
    pattern = _PATTERNS.get(code)
    return pattern is not None and bool(pattern.search(question))


def says_i(text: str, code: str) -> bool:
    """Whether somebody speaks of themselves, alone or with others, in a text in the language `code`."""
    return bool(_SAYS_I.search(text)) if code == ENGLISH else is_about_asker(text, code)


def is_subject(question: str) -> bool:
    """Whether the asker is who acts, in English: "what did I tell Ana?"."""
    return bool(_IS_SUBJECT.search(question))
