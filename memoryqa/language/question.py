"""What a question says besides its words: whom it asks about, which dates it names, and whether it asks for a date."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import regex

from memoryqa.language.about_people import without_asking
from memoryqa.language.bare_verbs import answering_terms
from memoryqa.language.bound_terms import all_terms
from memoryqa.language.dating.dates import resolve
from memoryqa.language.dating.english.date_words import MONTH_NUMBERS
from memoryqa.language.dating.english.question_dates import Window, bare_years, read_dates, read_figures, read_windows
from memoryqa.language.dating.feasts import FESTIVALS
from memoryqa.language.dating.time_spans import SEASON_FIRST_MONTH, asked_days
from memoryqa.language.first_person import is_about_asker, is_subject
from memoryqa.language.folding import fold, normalise, other_spelling
from memoryqa.language.languages import Language, language
from memoryqa.language.lexicon.emoji import emoji_in, named_emoji
from memoryqa.language.lexicon.ordinary_words import is_ordinary
from memoryqa.language.lexicon.short_forms import other_forms
from memoryqa.language.lexicon.word_lists import EVENT_WORDS
from memoryqa.language.locales.asking import (
    asks_time,
    asks_time_of_day,
    names_month,
    read_locale_windows,
    without_events,
    without_time_words,
)
from memoryqa.language.locales.date_language import date_language
from memoryqa.language.locales.detection import ENGLISH, LETTERS, detect
from memoryqa.language.locales.files import LATIN
from memoryqa.language.names import find_mentions, speaker_key, without_mentions
from memoryqa.language.shapes import shapes_asked
from memoryqa.language.terms import META_TERMS, marked, other_terms, term_of

__all__ = ["Asking", "Query", "Window", "read_query", "read_windows", "users_among"]

_ASKS_WHEN = re.compile(r"\b(?:when|how long|(?:what|which) (?:year|month|date|day|time))\b", re.I)

_ASKS_CLOCK = re.compile(
    r"\b(?:(?:what|which) (?:exact )?(?:time|hour)(?! (?:of (?:the )?year|zone|frame|period))|what o['’]?clock)\b", re.I
)

_ASKS_WHAT_WAS_TOLD = re.compile(  # only what lies behind: "what would you suggest?" asks for nothing that was said
    r"\b(?:did you|you(?:'ve| have| had)?(?: also| just| previously| earlier)? "
    r"(?:recommended|suggested|said|told|gave|given|mentioned|proposed|explained|described|advised|provided|listed|showed|wrote|outlined|answered)|"
    r"your (?:\w+ )?(?:advice|answers?|suggestions?|recommendations?|explanations?|respon[sc]es?|replies|reply))\b",
    re.I,
)
_NAMING = regex.compile(  # words of a question for a name; the answer seldom has them: "This is Biscuit, our greyhound"
    r"(?<=\w[ ]+)(?:called|(?:nick)?named|dubbed|(?:en)?titled)(?![\w'])|(?<!\w)(?:nick)?names?(?= (?:of|for|given)\b)"
    r"|(?<=(?:'s|s'|\b(?:its|his|her|their|our|your|my|the|that|what|which))[ ]+)(?:nick)?names?(?!\w)",
    regex.I,
)
_TELLING = re.compile(  # "What did they talk about?": lines on the subject seldom say that they talk
    r"\b(?:say|says|said|saying|tell|tells|told|telling|talk|talks|talked|talking|chat|chats|chatted|chatting|speak|"
    r"speaks|spoke|spoken|speaking)(?=(?: (?!about\b)[\w.'’-]+){0,3} +about\b)",
    re.I,
)
_FRAMING = regex.compile(  # "What kind of music ...?", "Describe ...": nor do they have the words that frame a question
    r"\b(?:(?:kind|type|sort|form)s? of|describ(?:e|es|ed|ing)|according to|based on|compared to|regarding|"
    r"in (?:addition|order|relation|response) to|in (?:terms|the context) of|with (?:regards?|respect) to)\b",
    regex.I,
)
_LEADING = re.compile(  # "Anything about ...?", "What's wrong with ...?", "Did he ever ...?"
    r"\b(?:(?:any|some|every|no)thing(?= (?:about|on|with|regarding|for)\b)"
    r"|(?:things?|stuff)(?= (?:about|with|regarding)\b)|(?:problems?|issues?|matter|wrong|trouble)(?= with\b)"
    r"|happen(?:ed|s|ing)?(?= (?:to|with)\b)|where (?:do|can|could|did) (?:i|we|you) find\b"
    r"|(?:ever|yet|exactly|actually)\b)",
    re.I,
)
_POLITE = regex.compile(  # "Do you remember where ...?", "Could you tell me what ...?", "I forgot when ..."
    r"\A\W*(?:(?:hey|hi|hello|ok|okay|so|and|but|well|please|sorry)\b\W*)*(?:"
    r"(?:can|could|would|will) you (?:please )?(?:tell|remind) (?:me|us)|(?:please )?(?:tell|remind) (?:me|us)"
    r"|do (?:you|we|they) (?:still |happen to )?(?:remember|recall|know)|any idea"
    r"|(?:(?:does|do|can|could|would|has|have|did) )?(?:any|some)(?:one|body)(?: please)?(?: still| happen to)?"
    r" (?:knows?|remembers?|recalls?|ha(?:s|ve)|got|(?:tell|remind|send|give|show) (?:me|us))"
    r"|(?:(?:can|could|would|will) you (?:please )?|pls )?(?:show|give|send) (?:me|us)"
    r"|(?:i'd like|i would like|i want|i need) to know|i(?:'m| am| was) (?:just )?(?:wondering|curious)"
    r"|i(?:'ve| have)? (?:forgot|forgotten|wonder|can't remember|don't (?:remember|know))"
    r"(?= (?:who|what|when|where|which|how|why|if|whether)\b))(?![\w'])",
    regex.I,
)
_APOSTROPHE = re.compile(  # left out where people type in haste: "whats the code", "who hasnt paid"
    r"\b(?:(what|where|when|why|who|how|that|there)s|(has|have|had|is|are|was|were|do|does|did|ca|could|wo|would|should)nt)\b",
    re.I,
)
_HOW_MANY = regex.compile(r"(?<=\bhow )(?:many|much)\b", regex.I)
_SHORT = 5  # terms of a question
_MAY_BE_NAMING = re.compile("name|called|dubbed|titled", re.I)  # a tenth of the time
_WHAT = re.compile(r"\b(?:what|what's|which|how|name|names)\b", re.I)
_WORD_OF_DATE = re.compile(  # group 1: one that is said too, as "yesterday" is not
    rf"\b({'|'.join(sorted({*FESTIVALS, *MONTH_NUMBERS, *SEASON_FIRST_MONTH}, key=len, reverse=True))})\b|\w+", re.I
)
_USERS = frozenset({"user", "human", "me", "you"})
_ASSISTANTS = frozenset({"assistant", "ai", "bot", "chatbot", "model", "gpt", "chatgpt", "claude", "gemini", "copilot"})


@dataclass(frozen=True, slots=True)
class Asking:
    """What a question is read by. asked, day_first: see `read_windows`. owner: the speaker whom "I" and "my" mean."""

    asked: date | None = None
    day_first: bool | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed question. `terms` are distinct, without the speakers' names; `named` are the speakers it names.

    answers: terms that an answer may have, though they are not the question's. marked: terms whose words have marks
    that are folded, each with the word as it is written: ("jose", "josé"). language: its code. others: terms with what
    their words are in another language of the conversation. owner: the speaker who asks, where that is known.
    """

    terms: tuple[str, ...]
    named: frozenset[str]
    windows: tuple[Window, ...]
    asks_when: bool
    asks_what_was_told: bool = False  # by the other side: "what did you recommend?"
    asks_name: bool = False  # how something or somebody is called
    asks_person: bool = False  # about those named as a whole: "who is Ana?"
    answers: tuple[str, ...] = ()
    marked: tuple[tuple[str, str], ...] = ()
    language: str = ENGLISH
    others: tuple[tuple[str, str], ...] = ()
    owner: str | None = None


def read_query(
    text: str,
    speakers: Collection[str],
    years: Collection[int],
    languages: Sequence[str] = (ENGLISH,),
    asking: Asking | None = None,
) -> Query:
    """Read `text`. `years` are the conversation's: a month without a year may lie in any of them.

    languages: codes of the conversation's languages in Latin letters, the most frequent first.

    Names are not among the terms: turns *addressed* to a person contain the name, turns that the person *said* do not.
    They are in a question about nothing but the person ("who is Ana?").
    Words about the conversation itself ("mentioned") and those that frame a question ("what kind of") are none either,
    unless there are no others. Nor are those of a date that the day of asking gives a meaning: what was said last week
    seldom says "week".
    """
    asking = asking or Asking()
    text = _APOSTROPHE.sub(_with_apostrophe, text)
    normal = normalise(text)
    code = detected = detect(normal, languages[0])
    mentions = find_mentions(normal, speakers, code)
    unnamed = without_mentions(normal, mentions)
    if code == languages[0]:  # its words may be too few to show another
        code = _dated_language(unnamed, code, asking)
    if code != detected:
        mentions = find_mentions(normal, speakers, code)
        unnamed = without_mentions(normal, mentions)
    latin = code if code in LATIN else ENGLISH if code == ENGLISH else languages[0]
    spoken, others = language(latin), [language(one) for one in languages if one != latin]
    windows, dates = _windows(code, unnamed, years, asking)
    rest = _without_dates(unnamed, dates, code)
    if code == ENGLISH:
        rest = _without_frame(_without_telling(rest))
    elif all_terms(asked := without_time_words(rest, code), spoken):
        rest = asked
    named = frozenset[str]().union(*(mention.speakers for mention in mentions))
    owner = _owner(asking.owner, speakers)
    asks_what_was_told = bool(_ASKS_WHAT_WAS_TOLD.search(text))
    opened = _POLITE.sub(_blank, normal)  # "could you tell me where the key is" is not about the asker
    if owner is not None and not asks_what_was_told:
        named = _with_owner(named, owner, opened, code)
    of_verb = answering_terms(normal) if code == ENGLISH else []
    asks_person = not windows and not of_verb and not all_terms(without_asking(rest), spoken)
    if asks_person and not named and is_about_asker(opened, code):
        named = users_among(speakers, owner)
    asks_person = asks_person and bool(named)
    if asks_person:
        rest = " ".join(normal[mention.start : mention.end] for mention in mentions)
    asks_name = code == ENGLISH and bool(
        _MAY_BE_NAMING.search(normal) and _WHAT.search(normal) and _NAMING.search(normal)
    )
    of_things = all_terms(_NAMING.sub(_blank, rest)) if asks_name else []
    distinct = tuple(dict.fromkeys(of_things or all_terms(rest, spoken)))
    if dates and not all_terms(_without_events(rest, code), spoken):
        distinct = ()  # "what happened yesterday?"
    answers = [
        *(of_verb if len(distinct) < 2 else ()),
        *named_emoji(normal, distinct),
        *shapes_asked(normal),
    ]
    distinct += tuple(emoji_in(normal))
    return Query(
        terms=tuple(term for term in distinct if term not in META_TERMS) or distinct,
        named=named,
        windows=tuple(windows),
        asks_when=bool(_ASKS_WHEN.search(text)) if code == ENGLISH else asks_time(normal, code),
        asks_what_was_told=asks_what_was_told,
        asks_name=asks_name,
        asks_person=asks_person,
        answers=tuple(answers),
        marked=tuple(dict.fromkeys(marked(rest, spoken))),
        language=code,
        others=(*other_terms(rest, spoken, others), *_spellings(rest, spoken), *_other_forms(distinct, code)),
        owner=owner,
    )


def _spellings(text: str, spoken: Language) -> Iterator[tuple[str, str]]:
    """The terms of words with umlauts, each with that of its other spelling: "Müller", "Mueller".

    In other languages than German "ue" is one only in a name: a word with a capital that is no ordinary one.
    """
    for match in LETTERS.finditer(text):
        word = match[0].lower()
        other = other_spelling(word)
        if other and (spoken.code == "de" or not word.isascii() or _may_be_name(match[0])):
            term, spelled = term_of(word, spoken), term_of(other, spoken)
            if term and spelled and term != spelled:
                yield term, spelled


def _other_forms(terms: Iterable[str], code: str) -> Iterator[tuple[str, str]]:
    for term in terms if code == ENGLISH else ():
        yield from ((term, other) for other in other_forms(term))


def _may_be_name(word: str) -> bool:
    return word[0].isupper() and not is_ordinary(fold(word))


def _without_telling(text: str) -> str:
    """`text` with blanks for the verbs of telling before "about", if other words are left."""
    told = _TELLING.sub(lambda verb: " " * len(verb[0]), text) if "about" in text.lower() else text
    return told if all_terms(told) else text


def _without_frame(text: str) -> str:
    """`text` with blanks for the words that open or frame a question, if other words are left; of a short question also
    for "many" and "much" after "how", which the answer seldom has. The words of a long one explain each other."""
    for words, most in ((_POLITE, None), (_FRAMING, None), (_LEADING, None), (_HOW_MANY, _SHORT)):
        framed = words.sub(_blank, text)
        if framed != text and (left := all_terms(framed)) and (most is None or len(left) <= most):
            text = framed
    return text


def _owner(owner: str | None, speakers: Collection[str]) -> str | None:
    """The speaker who is the owner, as the index spells the name."""
    key = None if owner is None else speaker_key(owner)
    return next((speaker for speaker in speakers if key is not None and speaker_key(speaker) == key), None)


def _with_owner(named: frozenset[str], owner: str, question: str, code: str) -> frozenset[str]:
    """The owner, where the question is about them and names nobody else, or they are who acts."""
    if not is_about_asker(question, code):
        return named
    return frozenset({owner}) if not named or is_subject(question) else named


def asks_clock(text: str) -> bool:
    """Whether a question asks for a time of day, in any of the languages."""
    normal = normalise(text)
    if _ASKS_CLOCK.search(normal):
        return True
    code = detect(normal)  # of a few words in Latin letters it is often unsure, and the phrases are not
    return any(asks_time_of_day(normal, one) for one in (LATIN if code == ENGLISH or code in LATIN else (code,)))


def _dated_language(text: str, code: str, asking: Asking) -> str:
    """The language whose days `text` names, where its other words do not speak against it: "was war gestern?"."""
    dated = date_language(text) or ENGLISH
    if dated == code or detect(text, dated) != dated:
        return code
    spoken = resolve(text, asking.asked) if asking.asked is not None else ()
    return dated if spoken or (dated != ENGLISH and names_month(text, dated)) else code


def _without_dates(text: str, dates: Iterable[tuple[int, int]], code: str) -> str:
    """`text` with blanks for `dates`, but for the months, seasons and feasts in them, which are said too."""
    parts: list[str] = []
    position = 0
    for start, end in sorted(dates):
        phrase = text[start:end]
        if code == ENGLISH:
            phrase = _WORD_OF_DATE.sub(lambda word: word[1] or " " * len(word[0]), phrase)
        elif not names_month(phrase, code):
            phrase = " " * len(phrase)
        parts += text[position:start], phrase[max(0, position - start) :]
        position = max(position, end)
    return "".join([*parts, text[position:]])


def _without_events(text: str, code: str) -> str:
    return LETTERS.sub(_blank_event, text) if code == ENGLISH else without_events(text, code)


def _blank_event(word: re.Match[str]) -> str:
    return " " if fold(word[0].lower()) in EVENT_WORDS else word[0]


def _with_apostrophe(word: re.Match[str]) -> str:
    return f"{word[1]}'s" if word[1] else f"{word[2]}n't"


def _blank(match: regex.Match[str] | re.Match[str]) -> str:
    return " " * len(match[0])


def users_among(speakers: Collection[str], owner: str | None = None) -> frozenset[str]:
    """The owner and the speakers called a user, where there is one called an assistant too; else nobody."""
    users = frozenset(speaker for speaker in speakers if speaker_key(speaker) in _USERS or speaker == owner)
    return users if any(speaker_key(speaker) in _ASSISTANTS for speaker in speakers) else frozenset()


def _windows(
    code: str, text: str, years: Collection[int], asking: Asking
) -> tuple[list[Window], list[tuple[int, int]]]:
    """The days that a question in the language `code` names; starts and ends of what the day of asking explains."""
    if code == ENGLISH:
        return read_dates(text, years, asking.asked, asking.day_first)
    spoken, named = [], [Window(first, last) for first, last in read_locale_windows(text, code, years)]
    if asking.asked is not None:
        spoken = resolve(text, asking.asked)
        named += [Window(*asked_days(one.value, one.first, one.last, asking.asked)) for one in spoken]
    named += read_figures(text, years, asking.day_first)
    return list(dict.fromkeys(named)) or bare_years(text), [(found.start, found.end) for found in spoken]
