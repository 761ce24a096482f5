"""Whether a sentence says the opposite of what a question asks about: that somebody failed where it asks who passed."""

from __future__ import annotations

import re
from dataclasses import replace

from memoryqa.offline_reader.ranking import Ranking, Tokens, stem, tokenize

_PAIRS = (
    "pass fail",
    "win lose",
    "find lose",
    "buy sell",
    "arrive leave",
    "arrive depart",
    "start finish",
    "start end",
    "start stop",
    "start quit",
    "begin end",
    "begin finish",
    "begin stop",
    "open close",
    "open shut",
    "lend borrow",
    "accept reject",
    "accept refuse",
    "accept decline",
    "approve reject",
    "marry divorce",
    "remember forget",
    "love hate",
    "like hate",
    "hire fire",
    "hire quit",
    "join quit",
    "join leave",
    "catch miss",
    "break repair",
    "break fix",
    "rise fall",
    "raise lower",
    "increase decrease",
    "gain lose",
    "build demolish",
    "send receive",
    "book cancel",
    "plan cancel",
    "adopt rehome",
    "succeed fail",
    "lock unlock",
    "pack unpack",
    "install uninstall",
    "born die",
)
_NOT = re.compile(
    r"(?:\b(?:not|never|hardly|almost|nearly|failed to|unable to|forgot to|refused to|too \w+ to)|\bcannot|n['’]t)"
    r"(?: (?:even|yet|really|actually|quite|ever|be|been|get|able to))? $",
    re.I,
)


_FORMS = {"forgot": "forget", "lent": "lend", "caught": "catch", "rose": "rise", "brok": "break", "quitt": "quit"}
_DENIES = re.compile(r"\b(?:not|never|cannot)\b|n['’]t\b", re.I)
_NOUN_BEFORE = frozenset("the a an this that last next".split())
_OPPOSED = 0.8  # what such a sentence loses of its score


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS:
        first, second = map(stem, pair.split())
        found.setdefault(first, set()).add(second)
        found.setdefault(second, set()).add(first)
    return {one: frozenset(others) for one, others in found.items()}


_OPPOSITES = _opposites()


def without_opposites(ranking: Ranking) -> Ranking:
    """The same ranking where the lines that say the opposite of the question come later."""
    question = tokenize(ranking.question)
    if _OPPOSITES.keys().isdisjoint(_stems(question)):
        return ranking
    opposed = {
        index
        for index, line in enumerate(ranking.lines)
        if contradicts(question, tokenize(f"{line.text} {line.caption}"))
    }
    sentences = [replace(one, score=one.score - _OPPOSED) if one.index in opposed else one for one in ranking.sentences]
    sentences.sort(key=lambda sentence: -sentence.score)
    return replace(ranking, sentences=tuple(sentences))


def contradicts(question: Tokens, sentence: Tokens) -> bool:
    """Whether the sentence has the opposite of a verb of the question and not the verb, or has the verb only denied.

    A question that is denied itself ("Why didn't Ana pass?") is contradicted by nothing.
    """
    if _DENIES.search(question.text):
        return False
    asked, said = _stems(question), _stems(sentence)
    for place, one in enumerate(asked):
        others = _OPPOSITES.get(one, frozenset())
        if not others or not others.isdisjoint(asked) or (place and question.words[place - 1].lower() in _NOUN_BEFORE):
            continue
        if one not in said:
            if not others.isdisjoint(said):
                return True
        elif all(_is_denied(sentence, at) for at, other in enumerate(said) if other == one):
            return True
    return False


def _stems(tokens: Tokens) -> list[str]:
    return [_FORMS.get(one, one) for one in tokens.stems]


def _is_denied(sentence: Tokens, place: int) -> bool:
    return bool(_NOT.search(sentence.text[: sentence.spans[place][0]]))
