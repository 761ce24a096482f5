"""Reads without a language model: from a question and its evidence to a short answer and the ids of the lines used.

    read("When did Ana plant the fig tree?", "[D3, 9 May 2023]\\n4 Ana: I planted the fig yesterday (= 8 May 2023).")
    -> Reading(answer="8 May 2023", evidence_ids=("D3:4",))

The wording of the question alone decides what kind of answer it asks for. The rules know English, and that questions of
other languages ask for a time.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from memoryqa.language.dating.english.date_words import NUMBER_WORDS
from memoryqa.language.locales.asking import asks_time
from memoryqa.language.locales.detection import ENGLISH, detect
from memoryqa.offline_reader import NO_INFORMATION
from memoryqa.offline_reader.amounts import NO_VERB, answer_amount
from memoryqa.offline_reader.cells import answer_cell
from memoryqa.offline_reader.dates import answer_when
from memoryqa.offline_reader.doings import answer_doing
from memoryqa.offline_reader.hours import answer_hours
from memoryqa.offline_reader.naming import answer_name, answer_who
from memoryqa.offline_reader.polarity import contradicts, without_opposites
from memoryqa.offline_reader.ranking import STOPWORDS, Ranking, Sentence, rank, stem, tokenize
from memoryqa.offline_reader.spans import best_items, best_span
from memoryqa.offline_reader.values import answer_value

Kind = Literal["when", "duration", "count", "yes_no", "who", "where", "why", "how", "what"]

_KINDS: tuple[tuple[Kind, str], ...] = (
    ("when", r"(?:(?:in|on) )?(?:what|which) (?:date|day|month|year|time)\b"),
    (
        "when",
        r"when\b|.{0,30}\bwhen (?:did|was|is|are|were|will|does|do|has|can|could|should|must|may)\b|.*\bwhen\W*\Z",
    ),
    (
        "when",
        rf"(?:what(?:['’]?s| is| was) )?{NO_VERB}(?:[\w'’-]+ ){{0,4}}(?:birthday|deadline|due date|dates?)"
        r"(?: (?:of|for) .+)?\W*\Z",
    ),
    ("duration", r".*\bhow (?:long|often|frequently)\b"),
    ("count", r".*\bhow (?:many|much|old)\b"),
    ("yes_no", r"(?:is|are|was|were|do|does|did|has|have|had|can|could|would|will|should)\b"),
    ("who", r"whom?\b"),
    ("where", r"where\b|(?:what|which) (?:\w+ )?(?:country|countries|city|cities|states?|places?)\b"),
    ("why", r"why\b"),
    ("how", r"how\b"),
)
_SEVERAL = re.compile(r"(?:what|which) (?:are|were)\b|(?:what|where|who) (?:has|have)\b", re.I)
_ASKED_PHRASE = re.compile(
    r"(?:in )?(?:what|which) (.*?)\b"
    r"(?:has|have|had|does|do|did|is|are|was|were|will|would|can|could|might|should)\b",
    re.I,
)
_PLURAL = re.compile(r"\b(?!series\b|sports\b|times\b)[a-z]{3,}(?<![sui])s\b(?!')", re.I)
_NEGATION = re.compile(r"\b(?:no|not|never|nothing|without|hardly)\b|n['’]t\b", re.I)
_OPTION_EDGES = frozenset("a an the in to by of at on with for close near more be and yes".split())
_MAX_OPTION_WORDS = 4
_COUNTED = re.compile(
    r"\bhow (?:many|much) (?:of )?([\w'-]+(?: [\w'-]+){0,2}?)"
    r" (?:has|have|had|do|does|did|is|are|was|were|will|passed|attended)\b",
    re.I,
)
_BIRTHDAY = re.compile(r"\bb-?day\b", re.I)
_COUNTED_ALONE = re.compile(
    r"\bhow many (?:of (?:us|them|you|the) )?([\w'-]+)", re.I
)  # "how many passed", "how many guests"
_CARDINALS = NUMBER_WORDS[2:13]  # two to twelve
_ORDINALS = "second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_YES_OVERLAP = 0.5
_COUNT_WITHIN = 0.6
_YOU = re.compile(r"\byou(?:r|['’](?:ve|re))?\b", re.I)

# A question about one speaker whose best line was said by the other is often a trap. These are weights of a logistic
# regression of "category 5" on the 858 LoCoMo training questions that name one speaker and do not ask "when". Above
# _MAX_DOUBT the reader declines: there declining gives more F1 over all five categories than answering
# (cross-validated: it declines 65 % of the traps and 10 % of the rest). "When" questions are always answered: a date is
# right too often for declining to pay.
_DOUBT_BIAS, _DOUBT_GAP, _DOUBT_ADDRESSED, _DOUBT_SEVERAL = -0.56, 4.14, -1.95, -0.73
_MAX_DOUBT = 0.35


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer and the ids of the evidence lines that it comes from; no ids with NO_INFORMATION."""

    answer: str
    evidence_ids: tuple[str, ...] = ()


def kind_of(question: str) -> Kind:
    """The kind of answer that the wording asks for. Other languages than English have "when" and "what" only."""
    code = detect(question)
    if code != ENGLISH:
        return "when" if asks_time(question, code) else "what"
    return next((kind for kind, pattern in _KINDS if re.match(pattern, question, re.I)), "what")


def asks_for_several(question: str) -> bool:
    """Whether the wording asks for a list: `What are ...`, `Which board games ...`, `Where has ...`."""
    if _SEVERAL.match(question):
        return True
    match = _ASKED_PHRASE.match(question)
    return bool(match and _PLURAL.search(match[1]))


def read(question: str, evidence: str) -> Reading:
    """Answer `question` from `evidence`, which is rendered as in memoryqa/turns.py, or decline."""
    question = _BIRTHDAY.sub("birthday", " ".join(question.split()))
    ranking = rank(question, evidence)
    kind = kind_of(question)
    if kind in ("who", "what") and (doing := answer_doing(ranking)):
        return Reading(doing.text, (doing.sentence.line.id,))
    if not ranking.sentences or doubt(ranking, kind) > _MAX_DOUBT:
        return Reading(NO_INFORMATION)
    return answer(ranking if kind == "yes_no" else without_opposites(ranking), kind)


def doubt(ranking: Ranking, kind: Kind) -> float:
    """Probability in [0, 1] that the question ascribes to one speaker what the other did; 0 when it is unknown."""
    if len(ranking.named) != 1 or kind == "when":
        return 0.0
    own = other = 0.0
    other_sentence: Sentence | None = None
    for sentence in ranking.sentences:
        score = sentence.score - ranking.speaker_bonus(sentence.line)
        if sentence.line.speaker in ranking.named:
            own = max(own, score)
        elif score > other:
            other, other_sentence = score, sentence
    # "your pottery": the other speaks of the one asked about
    addressed = other > own and other_sentence is not None and bool(_YOU.search(other_sentence.tokens.text))
    logit = _DOUBT_BIAS + _DOUBT_GAP * (other - own) + _DOUBT_ADDRESSED * addressed
    logit += _DOUBT_SEVERAL * asks_for_several(ranking.question)
    return 1 / (1 + math.exp(-logit))


def answer(ranking: Ranking, kind: Kind) -> Reading:
    """The best answer, even a doubtful one."""
    if kind != "yes_no" and (cell := answer_cell(ranking)):
        return Reading(cell.text, (cell.line_id,))
    if kind in ("what", "where") and (value := answer_value(ranking)):
        return Reading(value.text, (value.sentence.line.id,))
    if kind in ("when", "what", "how") and (hour := answer_hours(ranking)):
        return Reading(hour[0], (hour[1].line.id,))
    if kind in ("who", "what", "how") and (named := answer_name(ranking)):
        return Reading(named.text, (named.sentence.line.id,))
    if kind == "who" and (named := answer_who(ranking)):
        return Reading(named.text, (named.sentence.line.id,))
    if kind == "when":
        dated = answer_when(ranking)
        return Reading(dated[0], (dated[1].line.id,)) if dated else Reading(NO_INFORMATION)
    if kind == "yes_no":
        return _yes_or_no(ranking)
    if kind in ("count", "what", "how", "duration") and (amount := answer_amount(ranking)):
        return Reading(amount.text, (amount.sentence.line.id,))
    if kind == "count" and (number := _number(ranking)):
        return number
    if kind != "count" and asks_for_several(ranking.question) and (items := best_items(ranking, kind)):
        ids = dict.fromkeys(item.sentence.line.id for item in items)
        return Reading(", ".join(item.text for item in items), tuple(ids))
    span = best_span(ranking, kind)
    return Reading(span.text, (span.sentence.line.id,)) if span and span.text else Reading(NO_INFORMATION)


def _yes_or_no(ranking: Ranking) -> Reading:
    """The better supported of two options; without options yes if the best sentence says most of it, not negated."""
    best = ranking.sentences[0]
    if options := _options(ranking.question):
        return Reading(max(options, key=lambda option: _support(ranking, option)), (best.line.id,))
    yes = best.overlap >= _YES_OVERLAP and not _NEGATION.search(best.tokens.text)
    yes = yes and not contradicts(tokenize(ranking.question), best.tokens)
    if re.match(r"would\b", ranking.question, re.I):
        return Reading("Likely yes" if yes else "Likely no", (best.line.id,))
    return Reading("Yes" if yes else "No", (best.line.id,))


def _options(question: str) -> tuple[str, str] | None:
    """The two options of a question like "... a park or the beach?"; None when there are none."""
    words = question.rstrip(" ?.").split()
    if "or" not in words:
        return None
    at = len(words) - 1 - words[::-1].index("or")
    first: list[str] = []
    for word in reversed(words[max(0, at - _MAX_OPTION_WORDS) : at]):
        if word.lower() in _OPTION_EDGES:
            break
        first.insert(0, word)
    second = words[at + 1 :]
    while second and second[0].lower() in _OPTION_EDGES:
        del second[0]
    if not first or not 0 < len(second) <= _MAX_OPTION_WORDS:
        return None
    return " ".join(first), " ".join(second)


def _support(ranking: Ranking, option: str) -> int:
    """Support of `option`: the number of lines that contain a word of it, summed over its words."""
    words = tokenize(option)
    pairs = zip(words.words, words.stems, strict=True)
    return sum(ranking.document_frequency[word_stem] for word, word_stem in pairs if word.lower() not in STOPWORDS)


def _number(ranking: Ranking) -> Reading | None:
    """The number before the counted noun ("How many cats": "my two cats", "my third cat"), else a count of sessions."""
    counting = _COUNTED.search(ranking.question)
    match = counting or _COUNTED_ALONE.search(ranking.question)
    if match is None:
        return None
    counted = {stem(word) for word in match[1].split() if word.lower() not in STOPWORDS}
    for sentence in ranking.sentences:  # best first
        tokens = sentence.tokens
        for i, word in enumerate(tokens.words):
            if (number := _as_number(word)) and not counted.isdisjoint(tokens.stems[i + 1 : i + 4]):
                return Reading(number, (sentence.line.id,))
    return _count_sessions(ranking, counted) if counting else None


def _as_number(word: str) -> str | None:
    lower = word.lower()
    if (word.isdecimal() and len(word) <= 3) or lower in _CARDINALS:
        return word
    return _CARDINALS[_ORDINALS.index(lower)] if lower in _ORDINALS else None


def _count_sessions(ranking: Ranking, counted: set[str]) -> Reading | None:
    """The number of sessions with a good sentence about the counted noun, by the speaker asked about."""
    floor = ranking.sentences[0].score - _COUNT_WITHIN
    lines = {
        s.line.session: s.line.id
        for s in reversed(ranking.sentences)
        if s.score >= floor and (not counted or counted & s.tokens.stem_set)
    }
    if not 2 <= len(lines) <= len(_CARDINALS) + 1:
        return None
    return Reading(_CARDINALS[len(lines) - 2], tuple(lines.values()))
