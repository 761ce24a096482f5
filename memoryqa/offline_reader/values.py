"""Answers with a value that is known by its shape, where one is asked for: a link, a number to call, a password.

    What's the wifi password?      3 Ana: The wifi password is now tulip-harbor-92.    tulip-harbor-92
    plumber phone                  5 Bo: Call Petrov, his number is 0151 555 0172.     0151 555 0172

A value answers where its sentence, its line or what was said just before is about what the question says. Where none
is, the first link or number to call does, and another value if it is the only one of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memoryqa.language.phone_numbers import phones_in
from memoryqa.language.shapes import IBAN_PATTERN
from memoryqa.offline_reader.amounts import share_said
from memoryqa.offline_reader.ranking import Ranking, Sentence, nearness, stem
from memoryqa.offline_reader.words import RESOLVED_DATE

_KINDS = {
    "link": r"links?|urls?|web ?(?:site|page)|homepage",
    "mail": r"e-?mails?(?: address)?|mail address",
    "phone": r"(?:tele)?phone(?: number)?|(?:mobile|cell(?:phone)?)(?: number)?|tel"
    r"|(?<=\bher )number|(?<=\b(?:his|our|new) )number|(?<=\byour )number|(?<=\bmy )number"
    r"|(?<=\btheir )number|(?<=\w['’]s )number|(?<=\w\ws )number",
    "iban": r"iban|bank (?:account|details)|account(?: number)?",
    "secret": r"passwords?|pass ?code|pw|pwd|pin(?: code)?|(?:\w+ )?code|combination",
    "version": r"versions?(?: number)?",
    "ticket": r"tickets?(?: (?:number|id))?",
    "flight": r"flight(?: number)?",
}
_VERBS = r"(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b"
_BEHIND = r" (?:of|for|to|from|in|at|on|about) .+| again| now| please|(?:(?<=number)|(?<=\btel))(?: [\w'’.-]+){1,3}"
_ASKED = {  # nothing is asked to be done, and the value is not what something is done by or on
    kind: re.compile(
        rf"(?!.*\b(?:by|via|on (?:the|his|her|my))\b)(?:(?:what|which|where)(?:['’]?s| is| was| are| were)? )?"
        rf"(?!(?:who|why|when|how|what|which|where)\b|{_VERBS})(?:(?!{_VERBS})[\w'’.&-]+ ){{0,5}}?"
        rf"(?:{words})(?:{_BEHIND})?\W*",
        re.I,
    )
    for kind, words in _KINDS.items()
}
_WHICH_VERSION = re.compile(r"(?:in |since |with )?(?:what|which) version\b", re.I)
_TYPE_WORDS = frozenset(
    map(
        stem,
        "link url website webpage web site page homepage email mail address phone telephone mobile cell tel number "
        "iban bank account detail password passcode pass code pw pwd pin combination version ticket id flight new "
        "current again now please".split(),
    )
)
_PATTERNS = {
    "link": re.compile(
        r"(?:https?://|\bwww\.)\S*[\w/=#-]|(?<![\w@.-])(?:[\w-]+\.){2,}[a-z]{2,}\b(?:/\S*[\w/=-])?", re.I
    ),
    "mail": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.)+\w+"),
    "iban": IBAN_PATTERN,
    "version": re.compile(r"\bv?\d+(?:\.\d+)+(?:-?(?:rc|beta|alpha)\.?\d*)?\b"),
    "ticket": re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d+\b|(?<!\w)#\d+\b"),
    "flight": re.compile(r"\b(?:[A-Z]{2}|[A-Z]\d|\d[A-Z]) ?\d{2,4}\b"),
}
_SECRET = re.compile(  # what a password is said to be, or else a word that is none
    r"\b(?:passwords?|passcode|pw|pwd|pin|codes?|combination)\b(?: \w+){0,3}?"
    r"(?: is| are| was|:| =|,? it['’]s)(?: now)?:? [\"'“‘]?(?P<said>[^\s,;\"'“”‘’]*[^\s,.;!?\"'“”‘’])"
    r"|(?<![\w.:/-])(?P<mixed>(?=[\w-]*\d)(?=[\w-]{3})[\w-]+\w)(?![:/]|[.,]\d)"
)
_NO_SECRET = re.compile(
    r"(?:19|20)\d\d|\d+(?:st|nd|rd|th|kg|km|am|pm)|the|a|an|in|on|at|still|not|always|right|wrong", re.I
)
_SURE = ("link", "mail", "phone", "iban")  # of which a chat has few
_LEAST_ABOUT = 0.45
_SAID, _IN_LINE, _NEARNESS = 0.5, 0.6, 0.6


@dataclass(frozen=True, slots=True)
class Value:
    """The value as the sentence has it."""

    text: str
    sentence: Sentence


def asked_value(question: str) -> str:
    """The kind of value that the wording asks for, "" for none."""
    if _WHICH_VERSION.match(question):
        return "version"
    return next((kind for kind, pattern in _ASKED.items() if pattern.fullmatch(question)), "")


def answer_value(ranking: Ranking) -> Value | None:
    """The value asked for; None where there is none, or where it is unsure which."""
    asked = asked_value(ranking.question)
    if not asked:
        return None
    about = frozenset(one for one in ranking.stems if one not in _TYPE_WORDS)
    best: tuple[float, Value] | None = None
    others: dict[str, Value] = {}
    for sentence in ranking.sentences:
        if sentence.is_caption:
            continue
        for bonus, start, text in _values(sentence, asked):
            here, near = share_said(ranking, sentence, about)
            value = Value(text, sentence)
            if max(here, near) < _LEAST_ABOUT:
                others.setdefault(text, value)
                continue
            score = sentence.score + bonus + _IN_LINE * max(here, near / 2)
            score += _NEARNESS * nearness(sentence.tokens, start, ranking.stems)
            if best is None or score > best[0]:
                best = (score, value)
    if best is None and others and (asked in _SURE or len(others) == 1) and asked != "secret":
        return next(iter(others.values()))  # of the best sentence
    return best[1] if best else None


def _values(sentence: Sentence, asked: str) -> Iterator[tuple[float, int, str]]:
    """(bonus, place, words) of the sentence's values of that kind."""
    text = RESOLVED_DATE.sub(lambda match: " " * len(match[0]), sentence.tokens.text)  # their numbers are none
    if asked == "phone":
        yield from ((0.0, match.start(), match[0]) for match in phones_in(text))
        return
    if asked != "secret":
        yield from ((0.0, match.start(), match[0]) for match in _PATTERNS[asked].finditer(text))
        return
    for match in _SECRET.finditer(text):
        words = match["said"] or match["mixed"]
        if not _NO_SECRET.fullmatch(words):
            if text.strip(" .!") == words:  # a reply that is nothing else
                yield _SAID + _NEARNESS, match.start("mixed"), words
            else:
                yield _SAID * bool(match["said"]), match.start("said" if match["said"] else "mixed"), words
