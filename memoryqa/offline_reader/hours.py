"""Hours: at what time, until when, from when to when, how late, as the lines have them.

A question for a bound ("until when") is answered with an hour only where the best sentences have one: they may say a
day instead, which is another kind of answer.
"""

from __future__ import annotations

import re
from typing import Literal

from memoryqa.language.question import asks_clock
from memoryqa.offline_reader.ranking import Ranking, Sentence

Asked = Literal["", "point", "until", "from", "span", "delay"]

_SPAN = re.compile(
    r"\bfrom when (?:to|till|until) when\b|\b(?:opening|office|business|working) (?:hours|times)\b|"
    r"\b(?:what|which) hours\b|\bvon wann bis wann\b|öffnungszeiten|\bde qué hora a qué hora\b|"
    r"\bde quelle heure à quelle heure\b|\bde que horas? (?:a|até) que horas?\b|\bda che ora a che ora\b|"
    r"\bvan hoe laat tot hoe laat\b|openingstijden|\bс какого .*\bдо какого\b|\bod której do której\b|"
    r"何時から何時まで|[从從]几点到几点|몇 ?시부터 몇 ?시까지",
    re.I,
)
_UNTIL = re.compile(
    r"\b(?:until|till?|by) (?:when|what time)\b|\bhow late (?:is|are|do|does|can|will|may|did)\b|"
    r"\bbis (?:wann|wie viel uhr)\b|\bhasta (?:cuándo|qué hora)\b|\bjusqu['’]à (?:quand|quelle heure)|"
    r"\baté (?:quando|que horas?)\b|\bfino a (?:quando|che ora)\b|\btot (?:wanneer|hoe laat)\b|"
    r"\bдо (?:скольки|которого часа|когда)\b|\bdo (?:kiedy|której)\b|\bkaça kadar\b|何時まで|到几点|몇 ?시까지",
    re.I,
)
_FROM = re.compile(
    r"\bfrom (?:when|what time)\b|\bhow early\b|\bab wann\b|\b(?:desde|a partir de) qué hora\b|"
    r"\bà partir de (?:quand|quelle heure)\b|\ba partir de que horas?\b|\bda che ora\b|\bvanaf (?:wanneer|hoe laat)\b|"
    r"\b(?:с какого часа|со скольки)\b|\bod (?:kiedy|której)\b|何時から|[从從]几点|몇 ?시부터",
    re.I,
)
_HOURLY = re.compile(  # what has hours, although the question asks "when"
    r"when (?:does|do|will|is|are)\b.*\b"
    r"(?P<verb>open|close|shut|start|begin|end|finish|leave|depart|arrive)s?(?: on \w+)?\??$",
    re.I,
)
_DELAYED = re.compile(r"\bhow late (?:was|were)\b", re.I)
_NUMBER = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_EXACT = (
    r"\b(?:[01]?\d|2[0-4])"
    r"(?:[:.h][0-5]\d(?!\.?\d)(?: ?[ap]\.?m\b\.?)?| ?[ap]\.?m\b\.?| ?Uhr(?: [0-5]?\d)?\b| o['’]clock| ?h\b)"
    r"|\b(?:half|(?:a )?quarter) (?:past|to) \w+|\b\w+ o['’]clock|\bnoon\b|\bmidnight\b"
    r"|\d{1,2} ?(?:点半?|時半?|시)"
)
CLOCK = re.compile(_EXACT, re.I)
_BARE = rf"\b(?:[01]?\d|2[0-4]|{_NUMBER})\b"
# "until 3 June", "till two weeks later": behind a number alone no other noun may follow.
_ALONE = (
    rf"{_BARE}(?= ?(?:[.,;!?)]?(?:\s*$|[.,;!?)] )"
    r"| (?:on|in|every|each|most|at|and|or|but|for|during|today|tomorrow)\b))"
)
_FIRST = rf"(?:{_EXACT}|{_BARE})"
_LAST = rf"(?:{_EXACT}|{_BARE} ?Uhr|{_ALONE})"
_TO = r" ?(?:-|–|—|\b(?:to|till?|until|bis|a|à|às|al|alle|tot|do|до|and|und|y|et|e)\b) ?"
_BETWEEN = r"\b(?:from|between|von|zwischen|de|das?|dalle|entre|van|tussen|od|с|des) (?:las? |às? )?"
_RANGE = re.compile(rf"(?:{_BETWEEN})?(?P<a>{_FIRST}){_TO}(?:las? )?(?P<b>{_LAST})", re.I)
_SURE = re.compile(rf"{_BETWEEN}|{_EXACT}", re.I)  # of a range: "2 to 3 people" has none of these
_ENDS = re.compile(
    r"(?:\b(?:until|till?|up to|bis|tot|до|do|(?:close|shut|end|finishe?)[sd]? at|(?:schließt|endet) um|cierra a|"
    r"ferme à|fecha às?|chiude alle?)|hasta|jusqu['’](?:à|a|en)|até|fino) +(?:las? |às? |alle? |a )?"
    rf"(?P<t>{_LAST})|(?P<t2>{_EXACT}|\d{{1,2}})(?:まで|까지|['’]?[yea]{{1,2}} kadar)",
    re.I,
)
_BEGINS = re.compile(
    r"(?:\b(?:from|(?:open|start|begin|leave|depart)s? at|ab|(?:öffnet|beginnt) um|abre a|ouvre à|apre alle|vanaf|od|"
    rf"с)|desde|à partir de|a partir d[ea]s?) +(?:las? |às? )?(?P<t>{_LAST})|(?P<t2>{_EXACT}|\d{{1,2}})(?:から|부터)",
    re.I,
)
_AT = re.compile(rf"\bat (?P<t>{_ALONE})", re.I)
_LATE = re.compile(rf"\b(?:an?|half an?|\d+|{_NUMBER}|\w+ty|\w+teen)(?: \w+)? ?(?:minutes?|mins?|hours?)\b", re.I)
_DOTTED = re.compile(r"[ap]\.m\.$", re.I)
_WITHIN = 5  # sentences


def asked_hours(question: str) -> Asked:
    """What a question wants to know of a time of day, "" for no such question."""
    if _DELAYED.search(question):
        return "delay"
    for asked, pattern in (("span", _SPAN), ("until", _UNTIL), ("from", _FROM)):
        if pattern.search(question):
            return asked  # type: ignore[return-value]
    if match := _HOURLY.match(question):
        return "span" if match["verb"].lower() == "open" and " is " in f" {question.lower()}" else "point"
    return "point" if asks_clock(question) else ""


def answer_hours(ranking: Ranking) -> tuple[str, Sentence] | None:
    """The hour that is asked for, and the sentence that has it; None without one."""
    asked = asked_hours(ranking.question)
    if not asked or not ranking.sentences:
        return None
    least = ranking.sentences[0].overlap if asked in ("until", "from", "span", "delay") else 0
    for sentence in ranking.sentences[:_WITHIN]:
        if sentence.overlap and sentence.overlap >= least and (said := _hour(asked, sentence.tokens.text)):
            return (said if _DOTTED.search(said) else said.rstrip(". ")), sentence
    return None


def _hour(asked: Asked, text: str) -> str:
    if asked == "delay":
        found = _LATE.search(text)
        return found[0] if found and re.search(r"\blate\b|\bdelay", text, re.I) else ""
    span = next((one for one in _RANGE.finditer(text) if _SURE.search(one[0])), None)
    if asked == "span":
        return re.sub(rf"^{_BETWEEN}", "", span[0], flags=re.I).strip() if span else _point(text)
    bound = (_ENDS if asked == "until" else _BEGINS).search(text) if asked != "point" else None
    if span and asked in ("until", "from"):
        return str(span["b" if asked == "until" else "a"]).strip()
    if bound:
        return str(bound["t"] or bound["t2"]).strip()
    return _point(text) if asked == "point" else ""


def _point(text: str) -> str:
    exact = CLOCK.search(text)
    if exact:
        return exact[0]
    roughly = _AT.search(text)
    return roughly[0] if roughly else ""
