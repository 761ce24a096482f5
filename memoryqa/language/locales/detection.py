"""Which language a message is written in: by its script, else by its function words.

A message in Latin letters is in the language of its chat until its words say otherwise: at least two different words
that are stop words of another language and not of the chat's, and more of that language's words than of the chat's.
Words that are English too never count against English, nor do capitalised words within a message ("Los Angeles"). So
an English conversation stays English, word for word, and a short answer has the language of those around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from memoryqa.language.folding import fold
from memoryqa.language.lexicon.word_lists import STOPWORDS
from memoryqa.language.locales.files import LATIN, read_locale
from memoryqa.language.locales.scripts import OTHER_SCRIPT, script_language

ENGLISH = "en"
LETTERS = re.compile(r"[^\W\d_]+")
_MOST_SIGNS = 300  # of a message that its language is read from
_LEAST_MARKERS = 2
# Stop words of other languages that are English words too, or are seen in English chats: they are no sign of another
# language to an English chat. Those of 12,893 messages of LoCoMo, REALTALK and BEAM, and a few more.
_ENGLISH_TOO = STOPWORDS | frozenset(
    "ad ai al also am an arrive as ate aura avant bin biz by ca car ce ci co com come comment cos da de del die "
    "dir do door dont du due eden el em en era es est fa for fra fur ga gar go ha had has hat he hem hen hep her "
    "im in ins io is jest lang li lot ma mal man me men met mis my nada ne no non num nun of on once one ons op "
    "os over pan par para pas per plus pod pour sa sans sea sen sim size so solo son sue sus tan ten ti to ton "
    "tot um us van var ve want war was we will word ya yo".split()
)


_LETTERS_OF = {  # letters that few languages have; a word with one counts like a stop word
    **{"tr": "ığşçöü", "pl": "łąęśźżćń", "de": "äöüß", "es": "ñ", "pt": "ãõç", "fr": "çèêœûù", "it": "èìòù"},
}
_LETTER = {
    letter: tuple(code for code, own in _LETTERS_OF.items() if letter in own)
    for letter in "".join(_LETTERS_OF.values())
}

_OWN_LETTER = re.compile(f"[{''.join(_LETTER)}]")


@lru_cache(maxsize=1)
def _markers() -> Mapping[str, tuple[str, ...]]:
    """Stop words of the Latin languages -> the codes of the languages that have them; "en" for English."""
    found: dict[str, dict[str, None]] = {word: {ENGLISH: None} for word in STOPWORDS}
    for code in LATIN:
        for word in _words_of(code):
            if len(word) > 1:
                found.setdefault(word, {})[code] = None
    return {word: tuple(codes) for word, codes in found.items()}


@lru_cache(maxsize=1)
def not_english() -> frozenset[str]:
    """Words that are a sign of another language wherever they are written."""
    return frozenset(word for word in _markers() if word not in _ENGLISH_TOO)


def is_foreign_word(word: str) -> bool:
    """Whether a word in lower case is a sign of a language other than English, and no English word."""
    return word not in _ENGLISH_TOO


def shows_no_other_language(words: Sequence[str]) -> bool:
    """Whether none of the words, as they are written, is a sign of a language other than English."""
    if not not_english().isdisjoint(words):
        return False
    together = "".join(words)
    return together.isascii() or not _OWN_LETTER.search(together)


def _words_of(code: str) -> Iterable[str]:
    """The stop words of a language as they are written, and without their marks."""
    written = read_locale(code)["stopwords"].split()
    return dict.fromkeys([*written, *map(fold, written)])


_NO_LETTERS = str.maketrans({chr(sign): " " for sign in range(128) if not chr(sign).isalpha()})
_LOWER_LETTERS = _NO_LETTERS | {sign: chr(sign).lower() for sign in range(128) if chr(sign).isupper()}


_OTHER_LETTER = re.compile(rf"[^\W\d_a-zA-Z]|{OTHER_SCRIPT.pattern}")


def words_of(text: str) -> list[str]:
    """The runs of letters in `text`; four times as fast as a pattern where all is ASCII."""
    return text.translate(_NO_LETTERS).split() if text.isascii() else LETTERS.findall(text)


@lru_cache(maxsize=256)  # a message is asked about several times while it is added
def plain_words(text: str) -> frozenset[str] | None:
    """The words of `text` in lower case where all its letters are those of English; else None."""
    if not text.isascii():
        if _OTHER_LETTER.search(text):
            return None
        text = text.encode("ascii", "replace").decode()  # quotes, dashes and emoji: no letters
    return frozenset(text.translate(_LOWER_LETTERS).split())


def detect(text: str, usual: str = ENGLISH) -> str:
    """The code of the language of `text`; `usual`, that of the chat, where the text does not show one."""
    if usual == ENGLISH and (words := plain_words(text)) is not None and not_english().isdisjoint(words):
        return ENGLISH  # nearly every English message
    text = text[:_MOST_SIGNS]
    if not text.isascii() and (code := script_language(text)):
        return code
    written = words_of(text)
    if usual == ENGLISH and shows_no_other_language(written) and not _opens_foreign(written):
        return ENGLISH
    said = [word for word in written if word.islower()]
    said += [word.lower() for word in written[:1]]
    return _elect(list(dict.fromkeys(said)), usual)  # in order: the same in every process where two languages tie


def _opens_foreign(written: Sequence[str]) -> bool:
    return bool(written) and written[0].lower() in not_english()


def _elect(words: Collection[str], usual: str) -> str:
    """The language that most of the words belong to, if enough of them do not belong to the usual one."""
    codes = {word: codes_of(word) for word in words}
    votes = Counter(code for of_word in codes.values() for code in of_word)
    best, count = max(votes.items(), key=lambda one: (one[1], one[0] == usual), default=(usual, 0))
    if best == usual or count <= votes[usual]:
        return usual
    english = ENGLISH in (best, usual)
    own = sum(
        best in of_word and usual not in of_word and (best == ENGLISH or not english or word not in _ENGLISH_TOO)
        for word, of_word in codes.items()
    )
    return best if own >= _LEAST_MARKERS else usual


def codes_of(word: str) -> Collection[str]:
    """The languages that `word` is a sign of."""
    codes = _markers().get(word)
    if codes is not None or word.isascii():
        return codes or ()
    return tuple(dict.fromkeys(code for letter in word for code in _LETTER.get(letter, ())))


def by_use(messages: Mapping[str, int]) -> tuple[str, ...]:
    """The languages of a chat in Latin letters, the most frequent first; English where nothing was said.

    messages: language code -> how many messages of the chat have it.
    """
    return tuple(sorted(messages, key=lambda code: -messages[code])) or (ENGLISH,)


def counted_language(text: str, usual: str) -> str | None:
    """The code of the language that the Latin letters of a chat's next message are in, to be counted among those of the
    chat; None for a message without any. usual: the chat's most frequent one so far."""
    found = detect(text, usual)
    return found if found == ENGLISH or found in LATIN else None


def note_language(text: str, messages: dict[str, int]) -> str:
    """The code of the language that a chat's next message is heard in; counted in `messages`, where it has one."""
    usual = by_use(messages)[0]
    found = counted_language(text, usual)
    if found is None:
        return usual
    messages[found] = messages.get(found, 0) + 1
    return found
