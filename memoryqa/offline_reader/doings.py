"""Answers who did something, and what somebody does, from a clause that says just that: subject, verb, object.

    Who brings the salad?      2 Jonas: I'll bring the salad and two chairs.      Jonas
    What does Sami want?       5 Viktor: Sami wants a drum solo, haha.            a drum solo

"I" is who says it, "my mother" is theirs. What is asked, denied, wished for others or said of "she" answers nothing
here, so that the other rules have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memoryqa.language.folding import fold
from memoryqa.language.lexicon.word_lists import COMMON_IRREGULAR
from memoryqa.offline_reader.ranking import STOPWORDS, Ranking, Sentence, stem, tokenize

_AUXILIARIES = frozenset(
    "am is are was were be been being has have had do does did will would can could shall should may might must "
    "going gonna wo ca".split()
)
_BETWEEN = _AUXILIARIES | frozenset(
    "also just already really always only still even finally then probably definitely often now to like love able "
    "actually usually both all myself want need plan hope wish".split()
)
_WISHES = frozenset("want wants wanted like love hope plan wish need".split())
_SAYING = frozenset(map(stem, "think say tell hope believe suppose guess hear know wonder claim suggest".split()))
_PREPOSITIONS = frozenset("from of at in with near".split())
_I = re.compile(r"i(?:['’](?:ll|m|ve|d))?", re.I)
_FUTURE = re.compile(r"(?:.*['’]ll|will|going|gonna|shall)", re.I)
_NOT = re.compile(r"not|never|nobody|none|no|hardly|.*n['’]t", re.I)
_UNSURE = frozenset("if whether when unless would could should might maybe perhaps who what why how".split())
_VAGUE = frozenset(
    "me him her us them he she they it we you this that these those there who which what somebody someone "
    "anybody anyone everybody everyone nobody one people".split()
)
_OPENERS = frozenset(
    "and but so then oh well yes yeah no ok okay haha great sure thanks wow hey hi today yesterday tomorrow also "
    "because that".split()
)
_MINE = frozenset(("my", "our"))
_ARTICLES = frozenset(("a", "an", "the"))
_CONDITIONS = frozenset(("if", "unless"))
_LIKE_TO = frozenset(("would", "i'd", "i’d"))  # "I'd like to" says nothing of what one likes
_CLAUSE = re.compile(r"[,;:.!?()]\s*|\s+-\s+|\s(?:but|so|because|although|though|while|instead|since)\s")
_AND = re.compile(r"\sand\s(?=(?:I|we|he|she|they|it|you|my|our|the|[A-Z])\S*\s)")
_OBJECT_END = re.compile(
    r"[;:.!?()]|,? (?i:but|so|because|although|though|while|instead|if|when|since)\b|"
    r",(?= (?:and |or )?(?:I|we|he|she|they|it|you|haha|lol|please|sorry|thanks|ok|right|too|though)\b)|"
    r" and (?=(?:I|we|he|she|they|it|you) |[A-Z][\w'’-]+ \w+(?:s|ed)\b)|, (?=\w+ (?:is|are|was|were|will|has|have)\b)"
)
_NAMES = re.compile(r"[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)*")
_TIME_AT_END = re.compile(
    r",? (?:(?:last|next|this) \w+|yesterday|today|tomorrow|tonight|recently|again|too|(?:on|in) (?:\w+day|\d{4}))$",
    re.I,
)
_ITS = frozenset("it them that this these those".split())
_GENERAL = frozenset("be do have get go say think feel happen mean come know see tell talk".split())
_TOO_GENERAL = frozenset(map(stem, _GENERAL))
_ALIKE = {"like": ("love", "enjoy", "adore"), "need": ("require",)}
_WHO = re.compile(r"who(?:['’]s)? (?P<rest>.+)", re.I)
_WHAT = re.compile(
    r"what (?:does|did|do|will|would|is|was|has|had|can|should) "
    r"(?P<who>(?:my |the )?[\w.'’-]+(?: (?-i:[A-Z])[\w.'’-]+)?) "
    r"(?P<rest>.+)",
    re.I,
)
_MOST_WORDS, _MOST_SUBJECT = 12, 5
_LEAST_SHARE = 0.6  # of what else the question says, by how rare it is, must be in the clause


@dataclass(frozen=True, slots=True)
class Doing:
    """What answers, and the sentence."""

    text: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question's verb, what else it says, and who is asked about; "" where that is asked for. is_past: of what is
    over. is_wish: not what they do, but what they would like to."""

    verbs: frozenset[str]
    others: tuple[str, ...]
    who: str
    is_past: bool
    is_wish: bool


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause with the verb: who is its subject, what else is before the verb, and what is behind it."""

    subject: str
    besides: tuple[str, ...]
    after: str
    is_future: bool


def answer_doing(ranking: Ranking) -> Doing | None:
    """The one who did it, or what they do; None where no clause says so."""
    asked = _asked(ranking)
    if asked is None:
        return None
    for sentence in ranking.sentences:
        if sentence.is_caption or sentence.tokens.text.rstrip().endswith("?"):
            continue
        for clause in _clauses(sentence, asked):
            if (asked.is_past and clause.is_future) or not _says_the_rest(ranking, sentence, clause, asked):
                continue
            if not asked.who:
                return Doing(clause.subject, sentence)
            if _is_same(clause.subject, asked.who) and (text := _object(ranking, clause.after)):
                return Doing(text, sentence)
    return None


# -- the question ------------------------------------------------------------------------------------------------------


def _asked(ranking: Ranking) -> _Asked | None:
    question = ranking.question.rstrip(" ?.!")
    match = _WHO.fullmatch(question)
    who = ""
    if match is None:
        match = _WHAT.fullmatch(question)
        if match is None:
            return None
        who = match["who"]
    words = tokenize(match["rest"])
    at = next((place for place, word in enumerate(words.words) if word.lower() not in _AUXILIARIES), None)
    if at is None or (not who and at == 0 and len(words.words) == 1):
        return None
    following = [word.lower() for word in words.words[at : at + 3]]
    is_wish = len(following) == 3 and following[0] in _WISHES and following[1] == "to" and following[2] not in _GENERAL
    at += 2 * is_wish
    word = words.words[at].lower()
    if (word in STOPWORDS and word not in _WISHES) or words.stems[at] in _TOO_GENERAL:
        return None
    verb = words.stems[at]
    others = [
        one
        for word, one in zip(words.words[at + 1 :], words.stems[at + 1 :], strict=True)
        if word.lower() not in STOPWORDS and one != verb and one not in _TOO_GENERAL
    ]
    lower = f" {question.lower()} "
    is_past = " did " in lower or " was " in lower or words.words[at].endswith("ed")
    is_past = is_past or COMMON_IRREGULAR.get(words.words[at].lower(), "") not in ("", words.words[at].lower())
    return _Asked(frozenset((verb, *map(stem, _ALIKE.get(verb, ())))), tuple(others), who, is_past, is_wish)


# -- the lines ---------------------------------------------------------------------------------------------------------


def _clauses(sentence: Sentence, asked: _Asked) -> Iterator[_Clause]:
    """The clauses with the question's verb that say who does it, for certain."""
    text = sentence.tokens.text
    for place, word_stem in enumerate(sentence.tokens.stems):
        if word_stem not in asked.verbs:
            continue
        start, end = sentence.tokens.spans[place]
        begins = max((one.end() for one in _CLAUSE.finditer(text, 0, start)), default=0)
        joined = (
            one for one in _AND.finditer(text, begins, start + 1) if not _NAMES.fullmatch(text[begins : one.start()])
        )
        begins = max((one.end() for one in joined if one.end() <= start), default=begins)
        before = list(tokenize(text[begins:start]).words)
        subject, besides, between = _subject(before, sentence.line.speaker)
        lower = {one.lower() for one in before}
        is_wish = not _WISHES.isdisjoint(one.lower() for one in between)
        if not subject or is_wish != asked.is_wish or not _UNSURE.isdisjoint(lower):
            continue
        if any(map(_NOT.fullmatch, before)) or not _SAYING.isdisjoint(map(stem, before)):
            continue
        if not _CONDITIONS.isdisjoint(one.lower() for one in sentence.tokens.words[:place]):
            continue
        if "like" in asked.verbs and not lower.isdisjoint(_LIKE_TO):
            continue
        yield _Clause(subject, besides, text[end:], any(map(_FUTURE.fullmatch, before)))


def _subject(before: list[str], speaker: str) -> tuple[str, tuple[str, ...], list[str]]:
    """Whom the words before a verb name, "" for nobody who is known; words that say more of them; and what is between
    them and the verb."""
    while before and before[0].lower() in _OPENERS:
        before = before[1:]
    end = len(before)
    while end > 1 and before[end - 1].lower() in _BETWEEN:
        end -= 1
    named, between = before[:end], before[end:]
    if len(named) == 1 and _I.fullmatch(named[0]):
        return speaker, (), between
    prepositions = [place for place, one in enumerate(named) if place and one.lower() in _PREPOSITIONS]
    cut = prepositions[0] if prepositions else len(named)
    named, besides = named[:cut], tuple(named[cut + 1 :])
    lower = [one.lower() for one in named]
    if (
        not named
        or len(named) > _MOST_SUBJECT
        or any(one in _VAGUE | _AUXILIARIES or _I.fullmatch(one) for one in lower)
    ):
        return "", (), between
    names = [one for one in named if one[0].isupper() and one.lower() not in STOPWORDS]
    if lower[0] in _MINE and len(named) > 1:
        return " ".join(names) or f"{speaker}'s {' '.join(named[1:])}", besides, between
    if names == [one for one in named if one != "and"]:
        return " ".join(named), besides, between
    if lower[0] in _ARTICLES and len(named) > 1:
        return " ".join([lower[0], *named[1:], *before[cut:end]]), (), between
    return "", (), between


def _says_the_rest(ranking: Ranking, sentence: Sentence, clause: _Clause, asked: _Asked) -> bool:
    """Whether the clause is about what else the question says, or about "it", which was said just before."""
    if not asked.others:
        return True
    after = tokenize(clause.after)
    weight = sum(ranking.idf(one) for one in asked.others) or 1.0
    found = {*after.stems, *map(stem, clause.besides), *(sentence.tokens.stem_set if asked.who else ())}
    if sum(ranking.idf(one) for one in asked.others if one in found) >= _LEAST_SHARE * weight:
        return True
    if not after.words or after.words[0].lower() not in _ITS:
        return False
    near = [
        line
        for line in ranking.lines[max(0, sentence.index - 3) : sentence.index + 1]
        if line.session == sentence.line.session and sentence.line.number - line.number <= 3
    ]
    said = {one for line in near for one in tokenize(line.text).stems}
    return sum(ranking.idf(one) for one in asked.others if one in said) >= _LEAST_SHARE * weight


def _is_same(subject: str, who: str) -> bool:
    mine, theirs = ({fold(word).strip() for word in tokenize(name).words} for name in (subject, who))
    return bool(theirs) and (theirs <= mine or mine <= theirs)


def _object(ranking: Ranking, after: str) -> str:
    """What is done to: the words behind the verb as far as they belong to it, without a time at their end; "" where
    they say no more than the question."""
    end = _OBJECT_END.search(after)
    words = _TIME_AT_END.sub("", after[: end.start() if end else len(after)].strip()).split()
    if words and words[0] == "to":
        words = words[1:]
    if not words or words[0].lower() in _ITS or len(words) > _MOST_WORDS:
        return ""
    said = " ".join(words).rstrip(",")
    read = zip(tokenize(said).words, tokenize(said).stems, strict=True)
    is_more = any(one not in ranking.stems and word.lower() not in STOPWORDS and word != "one" for word, one in read)
    return said if is_more else ""
