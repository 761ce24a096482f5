"""Answers with an amount where one is asked for: money, a share, a weight, a length, a surface, an age.

    How much was the boiler?           3 Ana: The new boiler is in. 2,400 euros with fitting.    2,400 euros
    How heavy is the parcel?           5 Bo: The parcel arrived, 12 kilos!                       12 kilos

An amount answers where its sentence, its line or what was said just before is about what the question says. A number
that has a unit of another kind ("for three nights") is no money.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from memoryqa.language.dating.english.date_words import NUMBER_WORDS
from memoryqa.offline_reader.dates import SHORT_MONTHS
from memoryqa.offline_reader.ranking import MONTH_PATTERN, Ranking, Sentence, lines_before, nearness, stem, tokenize
from memoryqa.offline_reader.words import RESOLVED_DATE

Asked = Literal["", "money", "share", "weight", "distance", "height", "surface", "age", "volume", "temperature"]

NO_VERB = (  # a question that is only a phrase: "price of the lock", "Ana's weight"
    r"(?!(?:who|whom|whose|what|which|where|when|why|how|is|are|was|were|do|does|did|has|have|had|can|could|would|will|should)\b"
    r"|.*\b(?:is|are|was|were|did|does|do)\b)"
)
_WHAT_IS = r"(?:(?:what|how much)(?: is| was|['’]?s) )?"
_ASKED: tuple[tuple[Asked, str], ...] = (
    ("age", r"how old\b|(?:at )?what age\b"),
    (
        "weight",
        r"how heavy\b|how much (?:does|do|did) .+ weigh\b|"
        rf"{_WHAT_IS}{NO_VERB}(?:.+ )?weight(?: of .+)?\W*\Z",
    ),
    (
        "distance",
        r"how (?:far|long) (?:away )?(?:is|was) (?:it|the (?:way|walk|ride|drive|route|trail|hike|path))\b|how far\b",
    ),
    ("height", r"how (?:tall|high|deep|wide)\b"),
    (
        "surface",
        r"how (?:big|large) (?:is|was|are|were) .*\b(?:flat|apartment|house|room|garden|plot|office|studio|land)\b",
    ),
    ("temperature", r"how (?:hot|cold|warm)\b|what temperature\b"),
    ("share", r"(?:what|which) (?:percentage|share)\b|how many percent\b"),
    (
        "volume",
        r"how much (?!.*\b(?:cost|pay|paid|price|spend|spent|charge|owe|(?:is|was|are|were) the)\b).*"
        r"\b(?:drink|milk|water|flour|sugar|butter|rice|juice|oil|wine|paint)\b",
    ),
    (
        "money",
        r"how much money\b|how much (?:is|was|are|were|will|would|does|do|did|has|have|had|should|must|can|could) .+|"
        r"(?:what|which) (?:is|was|are|were|will be) .*"
        r"\b(?:price|costs?|rent|fee|fare|budget|salary|deposit|bill|fine|pay)\b.*|"
        r"what .*\b(?:costs?|charges?|pay for)\b|what (?:budget|price|fee|salary|rent)\b|"
        r"how much \w+ (?:did|does|do) .+|"
        r"for how much\b|how much for\b|how (?:expensive|costly|cheap)\b|"
        rf"{_WHAT_IS}{NO_VERB}(?:[\w'’-]+ ){{0,4}}(?:price|costs?|rent|fees?|fare|budget|salary|deposit|bill)"
        r"(?: (?:of|for|per|to|in|now|at) .+| now)?\W*\Z",
    ),
)
_NOT_MONEY = re.compile(
    r"how much (?:time|longer|fun|sleep|exercise|experience|progress|weight)\b|"
    r"how much (?:does|do|did) \S+ (?:know|sleep|want to|hate|weigh)\b|"
    r"how much .*\b(?:like|love|enjoy|miss|care|matter|help|mean)\b",
    re.I,
)
_TYPE_WORDS = frozenset(
    map(
        stem,
        "much cost price pay paid owe charge spend spent earn amount money worth sell sold buy bought budget "
        "old age heavy weigh weight far long tall high deep wide big large hot cold warm expensive percentage share "
        "end total altogether way turn drink month week day year night go get person head "
        "piece hour each say mention estimate tell think suggest make".split(),
    )
)
_SOFT_WORDS = frozenset(  # which another word, or none, often stands for
    map(stem, "new rent fee fare deposit bill salary ticket".split())
)
_SOFT_WEIGHT = 0.3
_DIGITS = r"\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)?"
_WORDS = "|".join([*NUMBER_WORDS[1:], "eleven", "hundred", "thousand", "dozen", "half a"])
_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_LARGE = r"(?:hundred|thousand|million)"
_NUMBER = rf"(?:{_DIGITS}|(?:{_TENS}[- ])?(?:{_WORDS})(?: {_LARGE})?|{_TENS}|a {_LARGE})"
_CURRENCY = (
    r"(?:euros?|eur|cents?|dollars?|usd|bucks|pounds?|quid|gbp|pence|francs?|chf|crowns|kron(?:a|or|er|e)|sek|nok|dkk|"
    r"zloty|z[łl]oty(?:ch)?|pln|forints?|huf|yen|jpy|yuan|rmb|won|rupees?|inr|rubles?|roubles?|pesos?|reais|real|lira|grand|k)\b"
)
_SIGN = r"[€$£¥₹₩₽]"
_PER = r"(?: (?:a|per|each|every|an) (?:night|day|week|month|year|hour|person|head|piece|kilo|lesson|session|each)\b)?"
_MONEY = re.compile(
    rf"(?P<sure>(?<!\w){_SIGN} ?(?:{_DIGITS})(?: ?(?:k|million|billion)\b)?|\b{_NUMBER} ?(?:{_SIGN}|{_CURRENCY}))"
    rf"|(?<![\w:.,/#-])(?P<bare>{_DIGITS})(?P<per>{_PER})(?![\w:/%-]|[.,]\d)",
    re.I,
)
# what a bare number may stand before, where it is money
_AFTER_MONEY = re.compile(
    r"\s*(?:$|[.,;!?)(]|(?:a|an|per|each|every|by|for|from|to|in|on|and|or|but|with|without|only|more|less|extra|plus|minus|before|after|net|"
    r"instead|altogether|in total|total|now|already|because|so|if|including|deposit|cash|upfront|at|of|off|back|warm|"
    r"cold|monthly|weekly|is|was|it|then|since|again|too|tops?|max|each)\b)",
    re.I,
)
_BEFORE_DATE = re.compile(r"\b(?:in|since|until|from|of|before|after|by) $", re.I)
_MONTH_BEFORE = re.compile(rf"\b(?:{MONTH_PATTERN}|{SHORT_MONTHS})\.? (?:the )?$")
_MONTH_AFTER = re.compile(  # "11 to 13 June"
    rf"\s*(?:(?:to|until|till|and|-|–)\s*\d+(?:st|nd|rd|th)?\s+(?:of )?)?(?:{MONTH_PATTERN}|{SHORT_MONTHS})\b"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_SPENDING = re.compile(
    r"\b(?:cost|costs|paid|pay|pays|paying|price|prices|rent|fee|fare|deposit|budget|owe|owes|owed|spent|spend|charge[sd]?|"
    r"sold|sell|bought|buy|raise[sd]?|earns?|salary|cheap|expensive|refund|bill|quote[sd]?|"
    r"wants?|put in|offer(?:s|ed)?|saved?|donated?|worth|at most|each|second hand|advance|cash)\b",
    re.I,
)
_UNITS: dict[Asked, str] = {
    "share": r"(?:%|percent\b|per cent\b)",
    "weight": r"(?:kgs?|kilos?|kilograms?|g|grams?|pounds?|lbs?|tons?|tonnes?|ounces?|oz|stone)\b",
    "distance": r"(?:km|kms|kilomet(?:er|re)s?|miles?|m|met(?:er|re)s?|blocks?|minutes?|hours?|k)\b",
    "height": r"(?:m|met(?:er|re)s?|cm|centimet(?:er|re)s?|feet|foot|ft|inch(?:es)?|floors?|stor(?:e?y|ies))\b",
    "surface": r"(?:m²|m2\b|sqm\b|sq\.? ?(?:m|ft|feet)\b|square (?:met(?:er|re)s?|feet)\b|hectares?\b|acres?\b)",
    "volume": r"(?:l|lit(?:er|re)s?|ml|cl|dl|glass(?:es)?|cups?|bottles?|\w*spoons?|g|grams?|kilos?|kg|pints?)\b",
    "temperature": r"(?:°[CF]?|degrees\b)",
    "age": r"(?:years? old\b|-year-old\b|yrs? old\b|years? of age\b)",
}
_AGE = re.compile(
    rf"\b(?P<years>{_NUMBER})(?: ?(?:years?|months?|weeks?)[ -]old\b|[- ]year[- ]old\b)|"
    rf"\b(?:turn(?:s|ed|ing)?|aged?|is|was|am|are|just|be|already|I['’]m|he['’]s|she['’]s) "
    rf"(?P<turned>{_NUMBER}|\d+(?:th|st|nd|rd))"
    r"(?=\s*(?:[.,;!?)]|$|(?:on|in|today|now|this|next|last|tomorrow|yesterday|and)\b))"
    rf"|\b(?P<birthday>\d+(?:th|st|nd|rd)) birthday",
    re.I,
)
_ALONE = re.compile(rf"(?P<t>{_NUMBER})[.!]?", re.I)
_HOW_OLD = re.compile(r"\bhow old\b|\bage\b", re.I)
_LEAST_ABOUT = 0.45  # of what else the question says, by how rare it is, that the lines around an amount must say
_VERB_CHARS = 60
_SURE, _SPENDS, _IN_LINE, _NEARNESS = 0.25, 0.15, 0.6, 0.6


@dataclass(frozen=True, slots=True)
class Amount:
    """The amount as the sentence has it."""

    text: str
    sentence: Sentence


def asked_amount(question: str) -> Asked:
    """The kind of amount that the wording asks for, "" for none."""
    for asked, pattern in _ASKED:
        if re.match(pattern, question, re.I):
            return "" if asked in ("money", "volume") and _NOT_MONEY.match(question) else asked
    return ""


def answer_amount(ranking: Ranking) -> Amount | None:
    """The amount asked for; None where no line about it has one."""
    asked = asked_amount(ranking.question)
    if not asked:
        return None
    about = frozenset(one for one in ranking.stems if one not in _TYPE_WORDS)
    best: tuple[float, Amount] | None = None
    for sentence in ranking.sentences:
        if sentence.is_caption or sentence.tokens.text.rstrip().endswith("?"):
            continue
        here, near = share_said(ranking, sentence, about)
        if max(here, near) < _LEAST_ABOUT:
            continue
        for bonus, start, text in _amounts(ranking, sentence, asked):
            score = (
                sentence.score + bonus + _IN_LINE * here + _NEARNESS * nearness(sentence.tokens, start, ranking.stems)
            )
            if best is None or score > best[0]:
                best = (score, Amount(text, sentence))
    return best[1] if best else None


def share_said(ranking: Ranking, sentence: Sentence, about: frozenset[str]) -> tuple[float, float]:
    """The shares of what the question is about that the line says, and that it says with the lines before it."""
    weight = sum(_weight(ranking, one) for one in about)
    if not weight:
        return 1.0, 1.0
    here = tokenize(sentence.line.text).stem_set
    near = here.union(*(tokenize(line.text).stem_set for line in lines_before(ranking, sentence.index)))
    return (
        sum(_weight(ranking, one) for one in about & here) / weight,
        sum(_weight(ranking, one) for one in about & near) / weight,
    )


def _weight(ranking: Ranking, one: str) -> float:
    return ranking.idf(one) * (_SOFT_WEIGHT if one in _SOFT_WORDS else 1.0)


def _amounts(ranking: Ranking, sentence: Sentence, asked: Asked) -> Iterator[tuple[float, int, str]]:
    """(bonus, place, words) of the sentence's amounts of that kind that the question does not say itself."""
    text = RESOLVED_DATE.sub(lambda match: " " * len(match[0]), sentence.tokens.text)  # their numbers are no amounts
    found = _money(text) if asked == "money" else _ages(ranking, sentence) if asked == "age" else _measured(text, asked)
    for bonus, start, words in found:
        if f" {words.lower()} " not in f" {ranking.question.lower().rstrip(' ?.')} ":
            yield bonus, start, words


def _money(text: str) -> Iterator[tuple[float, int, str]]:
    verbs = [match.start() for match in _SPENDING.finditer(text)]
    for match in _MONEY.finditer(text):
        place = match.start()
        near = verbs[bisect_left(verbs, place - _VERB_CHARS) : bisect_left(verbs, place + _VERB_CHARS)]
        gaps = [text[min(verb, place) : max(verb, place)] for verb in near]
        spends = _SPENDS * bool(verbs) + max((_SPENDS / (1 + len(gap.split())) for gap in gaps), default=0.0)
        if match["sure"]:
            per = re.match(_PER, text[match.end() :], re.I)
            yield _SURE + spends, match.start(), match[0] + (per[0] if per else "")
        elif _AFTER_MONEY.match(text, match.end()) and not _is_of_date(match):
            yield (spends + 0.1 * bool(match["per"])), match.start(), match[0]


def _is_of_date(match: re.Match[str]) -> bool:
    """Whether a bare number is a year, or the day of a month: "since 2019", "March 18", "18 to 20 March"."""
    if _MONTH_AFTER.match(match.string, match.end()):
        return True
    before = match.string[: match.start()]
    return bool(_MONTH_BEFORE.search(before) or (_YEAR.fullmatch(match["bare"]) and _BEFORE_DATE.search(before)))


def _measured(text: str, asked: Asked) -> Iterator[tuple[float, int, str]]:
    pattern = rf"(?<![\w.,])(?:{_NUMBER})(?: ?(?:-|–|to|or) ?(?:{_NUMBER}))?[ -]?{_UNITS[asked]}"
    for match in re.finditer(pattern, text, re.I):
        yield _SURE, match.start(), match[0]


def _ages(ranking: Ranking, sentence: Sentence) -> Iterator[tuple[float, int, str]]:
    """Ages said as such, and a bare number that replies to the question for an age."""
    text = sentence.tokens.text
    for match in _AGE.finditer(text):
        yield _SURE, match.start(), (match["years"] and match[0]) or match["turned"] or match["birthday"]
    before = lines_before(ranking, sentence.index)
    if (alone := _ALONE.fullmatch(text.strip())) and any(_HOW_OLD.search(one.text) for one in before):
        yield _SURE, 0, alone["t"]
