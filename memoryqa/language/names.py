"""Where a question names a speaker: by capital, by position, and by who takes part in the conversation.

A speaker may be called like a word: Hunter, Rose, Will, May. In lower case such a word is the word, and another name is
the name ("what did melanie eat"). With a capital it is the name, unless it only opens the sentence ("Will you come?"),
follows an article ("the Hunter"), or is a month after a preposition ("in May"). The occurrence decides, not the word:
in "Did Rose like the rose?" the first is the speaker.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

import regex

from memoryqa.language.folding import fold, fold_marks, normalise, other_spelling
from memoryqa.language.lexicon.ordinary_words import is_ordinary
from memoryqa.language.lexicon.word_lists import STOPWORDS
from memoryqa.language.locales.asking import is_form_of
from memoryqa.language.segmentation import UNSPACED
from memoryqa.language.terms import words
from memoryqa.turns import MONTHS

_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*")
_OPENING = re.compile(r"(?:\A|[.!?:;\n])[\s\"'(\[*>#-]*\Z")
_ARTICLE = re.compile(r"(?<!\w)(?:the|a|an)\s+\Z", re.I)
_BEFORE_DATE = re.compile(
    r"(?<!\w)(?:in|of|since|until|during|last|next|this|early|late|mid|\d{1,2}(?:st|nd|rd|th)?)[ -]\Z", re.I
)
_AFTER_DATE = re.compile(r",? (?:of )?(?:\d{1,2}(?:st|nd|rd|th)?|\d{4})(?![\w:])")
_DATE_WORDS = frozenset(month.lower() for month in MONTHS) | frozenset(("spring", "summer", "autumn", "winter"))
_IS_SUBJECT = re.compile(  # what follows a name that opens a sentence, where the same word might be a verb or a modal
    r"'s?(?!\w)|[,:]|\Z|[?!.]|,? (?:and|or|&) [A-Z]| (?:is|was|has|had|did|does|will|would|can|could|should|might|must|"
    r"said|says|told|went|got|likes?|loves?|wants?)\b"
)
_IS_OBJECT = re.compile(
    r" (?:the|a|an|my|your|his|her|its|our|their|this|that|these|those|me|him|us|them|it|up|down|out)\b"
)
_CAPITALISED = re.compile(r" (?<=[\w,] )([A-Z][a-z]+)(?![\w'])")
_ONLY_NAME = re.compile(r"\W*(?:[A-Z]\w+\W*){1,3}")
_SHORT_ANSWER_CHARS = 40
_NO_ONE = frozenset((*MONTHS, *(month[:3] for month in MONTHS), "I"))
_NO_ONE |= frozenset("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
_HANGUL = re.compile("[\uac00-\ud7a3]+")
_OWNER = re.compile(r"'s?(?!\w)")
_I_AND_I = re.compile(r"\bI(?:,? and|,| &) I\b")
_LEAST_SHORT = 3  # letters of a short form: "Mel" is Melanie
_LEAST_SPELLED = 5  # letters of a name with "ue" or "ü"
_MOST_PARTICLES = 3  # syllables after a Korean name


@dataclass(frozen=True, slots=True)
class Mention:
    """A word that names speakers, from `start` to `end` in the normalised question.

    sure: it is nothing but the name; else it may be the word too ("Rose bushes need what?").
    owns: it has the s of an owner without the apostrophe ("annas cat").
    """

    start: int
    end: int
    speakers: frozenset[str]
    sure: bool = True
    owns: bool = False


@lru_cache(maxsize=4096)
def speaker_key(speaker: str) -> str:
    """The same for all spellings of one speaker's name: folded, spaces collapsed."""
    return " ".join(fold(speaker).split())


def name_words(speakers: Iterable[str]) -> frozenset[str]:
    """The words of the speakers' names, folded."""
    return frozenset(fold_marks(word) for speaker in speakers for word in words(speaker))


@lru_cache(maxsize=4096)
def _words_of(speaker: str) -> tuple[str, ...]:
    """The words of a name, folded, also as they are spelled with "ue" for "ü" or the other way round."""
    written = words(speaker)
    others = (other for word in written if len(word) >= _LEAST_SPELLED and (other := other_spelling(word)))
    return tuple(dict.fromkeys(fold_marks(word) for word in (*written, *others)))


def find_mentions(question: str, speakers: Collection[str], code: str = "en") -> list[Mention]:
    """The words of `question` (normalised) that name one of `speakers`, in order.

    Words side by side name the speakers that have them all: "Anna Lee" is not Anna Smith. code: the question's
    language, in which names may be inflected.
    """
    by_word: dict[str, set[str]] = {}
    for speaker in speakers:
        for word in _words_of(speaker):
            by_word.setdefault(word, set()).add(speaker)
    unspaced = list(_in_unspaced(question, speakers))
    in_words = (
        one
        for one in _in_words(question, by_word, code)
        if not any(one.start < other.end and other.start < one.end for other in unspaced)
    )
    return list(_agreed(question, sorted([*unspaced, *in_words], key=lambda mention: mention.start)))


def _in_words(question: str, by_word: dict[str, set[str]], code: str) -> Iterator[Mention]:
    has_case = _has_case(question)
    for match in _WORD.finditer(question):
        word, start, end = match[0], match.start(), match.end()
        folded = fold_marks(word.lower())
        capital = has_case and word[0].isupper()
        if folded in by_word:
            if sure := _is_name(question, start, end, folded, capital, word):
                yield Mention(start, end, frozenset(by_word[folded]), sure is True)
        elif code != "en" and (forms := [name for name in by_word if is_form_of(folded, name, code)]):
            yield Mention(start, end, frozenset().union(*(by_word[name] for name in forms)))
        elif (
            code == "en"
            and (name := _owner_in(folded, by_word))
            and _is_name(question, start, end, name, capital, word)
        ):
            yield Mention(start, end, frozenset(by_word[name]), owns=True)
        elif capital and len(folded) >= _LEAST_SHORT:
            longer = [name for name in by_word if name.startswith(folded)]
            if longer and _is_name(question, start, end, folded, capital, word) is True:
                yield Mention(start, end, frozenset().union(*(by_word[name] for name in longer)))
        elif _HANGUL.match(word):
            named = [name for name in by_word if 2 <= len(name) < len(word) <= len(name) + _MOST_PARTICLES]
            for name in named:
                if word.startswith(name):
                    yield Mention(start, end, frozenset(by_word[name]))


def _owner_in(word: str, names: Collection[str]) -> str | None:
    """Whose word it is without the apostrophe: "anna" of "annas"."""
    name = word.removesuffix("s")
    return name if name != word and name in names and len(name) >= _LEAST_SHORT and not is_ordinary(word) else None


def _has_case(question: str) -> bool:
    """Whether capitals say something: not in a question all in lower case or all in capitals."""
    rest = question[1:]
    return question != question.lower() and (rest != rest.upper() or len(question.split()) == 1)


def _is_name(text: str, start: int, end: int, folded: str, capital: bool, word: str) -> bool | str:
    """Whether this occurrence names a speaker who is called `folded`; "maybe" where it may be the word too."""
    ordinary = folded in STOPWORDS or folded in _DATE_WORDS or is_ordinary(folded)
    if not capital:
        return not ordinary or word.lower() == word.upper()  # a script without capitals
    if folded in _DATE_WORDS and (_BEFORE_DATE.search(text[:start]) or _AFTER_DATE.match(text, end)):
        return False
    if not ordinary:
        return True
    if _OPENING.search(text[:start]):
        if _IS_SUBJECT.match(text, end):
            return True
        return False if folded in STOPWORDS or folded == "may" or _IS_OBJECT.match(text, end) else "maybe"
    return not _ARTICLE.search(text[:start])


def _in_unspaced(question: str, speakers: Collection[str]) -> Iterator[Mention]:
    """Names of scripts without spaces, wherever they are in a run."""
    if not UNSPACED.search(question):
        return
    taken: list[tuple[int, int]] = []
    for name in sorted({normalise(speaker).strip() for speaker in speakers}, key=lambda name: (-len(name), name)):
        if len(name) < 2 or not UNSPACED.match(name):
            continue
        for match in re.finditer(re.escape(name), question):
            if not any(match.start() < end and start < match.end() for start, end in taken):
                taken.append(match.span())
                named = frozenset(speaker for speaker in speakers if normalise(speaker).strip() == name)
                yield Mention(*match.span(), named)


def _agreed(question: str, mentions: list[Mention]) -> Iterator[Mention]:
    """`mentions`, those side by side with the speakers that they have in common, where there are any."""
    place = 0
    numbered = []
    for before, mention in zip([None, *mentions], mentions, strict=False):
        place += before is None or question[before.end : mention.start] not in (" ", "-", ". ", "'", "")
        numbered.append((place, mention))
    for _, group in groupby(numbered, key=lambda pair: pair[0]):
        together = [mention for _, mention in group]
        common = frozenset.intersection(*(mention.speakers for mention in together))
        yield from (replace(mention, speakers=common) if common else mention for mention in together)


def says_name(text: str, speakers: Collection[str]) -> bool:
    """Whether `text` may say how something is called: it says so, or has a name that is not in `speakers`.

    speakers: the words of the speakers' names, folded, by which people mostly address each other.
    """
    if "name" in text or "called" in text:
        return True
    if any(word.lower() not in speakers and word not in _NO_ONE for word in _CAPITALISED.findall(text)):
        return True
    return len(text) <= _SHORT_ANSWER_CHARS and bool(_ONLY_NAME.fullmatch(text))


def without_mentions(question: str, mentions: Iterable[Mention]) -> str:
    """`question` with spaces where a speaker is named for sure; as long as before."""
    for mention in mentions:
        if mention.sure:
            question = question[: mention.start] + " " * (mention.end - mention.start) + question[mention.end :]
    return question


def without_names(text: str, speakers: Collection[str]) -> str:
    """`text` without the words that name a speaker; "" when there are no other words."""
    normal = normalise(text)
    named = [mention for mention in find_mentions(normal, speakers) if mention.sure]
    kept = []
    for match in re.finditer(r"\S+", normal):
        if not any(mention.start < match.end() and match.start() < mention.end for mention in named):
            kept.append(match[0])
    return " ".join(kept)


def in_first_person(text: str, speakers: Collection[str]) -> str:
    """English `text` as the speakers would put it whom it names: "Where is Ana's cat?" -> "Where is my cat?"."""
    normal, said, end = normalise(text), "", 0
    for mention in find_mentions(normal, speakers):
        if mention.sure:
            of = _OWNER.match(normal, mention.end)
            said += normal[end : mention.start] + ("my" if of or mention.owns else "I")
            end = of.end() if of else mention.end
    return _I_AND_I.sub("we", said + normal[end:])
