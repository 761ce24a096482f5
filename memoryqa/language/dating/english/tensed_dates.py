"""Handlers of `language.dating.grammar` for what recurs: a weekday, the 28th, a month, a season, a festival.

Alone they are the last or the next one by the tense beside them, and none where it leaves that open.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from memoryqa.language.dating.english.date_context import just_before, says_born, sentence_before, way_of
from memoryqa.language.dating.english.date_words import MONTH_NUMBERS, NUMBER_WORDS, WEEKDAY, WEEKDAY_NUMBERS
from memoryqa.language.dating.english.tense import Way, look_around
from memoryqa.language.dating.feasts import FESTIVALS, MOVABLE
from memoryqa.language.dating.time_spans import (
    SEASON_FIRST_MONTH,
    STEP,
    TAKEN,
    YEAR,
    TimeSpan,
    holiday,
    one_day,
    recurring,
    same_weekday,
    season,
    under_way,
    weekend,
    whole_month,
)

_FEAST_NAMES = {
    "chinese new year": "lunar new year",
    "july 4th": "fourth of july",
    "new year": "new year's",
    "new years": "new year's",
    "new years eve": "new year's eve",
    "valentine": "valentine's",
    "valentines": "valentine's",
}
_HAD = re.compile(r"\bhad\b|'d\b")
_BOOKED = re.compile(
    r"\b(?:book|reserv|schedul|plann|arrang|ticket|invit|rent|order|mov|postpon|sign|appointment|set\b|finali[sz])\w*"
)
_STARTING = re.compile(r"\b(?:starting|beginning|commencing|effective|available|opening)\s+(?:on\s+|in\s+|from\s+)?$")
_COMING_EVENT = re.compile(  # "studied for the exam", "is nervous about the interview": the day is that of the event
    r"\b(?P<verb>\w+)(?:\s+(?:\w+\s+){0,4}?|\s+)(?:for|about|of)\s+(?:(?!(?:for|about|on|in|at)\b)[\w']+\s+){0,3}"
    r"(?:exam|test|quiz|interview|trip|party|wedding|marathon|race|recital|concert|show|gig|match|game|tournament"
    r"|performance|presentation|meeting|audition|appointment|surgery|operation|ceremony|festival|conference|flight"
    r"|vacation|visit|competition|debate|hearing|trial|launch|barbecue|bbq|picnic|cookout|birthday|rehearsal|play"
    r"|course|class|job|move|event|funeral|reunion|camp|season|talk|workshop|hike|swim|climb)s?\s+$"
)
_FOR_WHAT_WAS = re.compile(
    r"\b(?:thank\w*|congrat\w*|sorry|apologi\w*|went|gone|came|stayed|left|photos?|pictures?|videos?)\b"
)
_GIVEN_TIME = re.compile(r"\b(?:gave|given|gives?|had|allowed|granted)\s+(?:\w+\s+){0,3}$")
_AS_SUBJECT = re.compile(r"\s+(?:is|isn't|works?|suits?|will|won't|would|looks|sounds|can|should)\b")
_OFFSET = re.compile(  # "two days after Christmas", "the Monday after Easter"
    rf"(?:(?P<count>an?|the|\d{{1,2}}|{'|'.join(NUMBER_WORDS[1:])})\s+(?P<unit>days?|nights?|weeks?)"
    rf"|(?P<weekday>{WEEKDAY})|(?P<long>weekend|months?|years?|hours?))\s+$"
)
WEEK_AFTER = re.compile(r"\s+(?:week|fortnight)\b")  # "Monday week" is a week later
_WEEK_BEFORE = re.compile(r"\b(?:week|fortnight)s?\s+$")  # so is "a week on Monday"
_WEEKS_BEFORE = re.compile(r"\b(?:weeks|fortnights?)\s+$")
_WEEK_ENDS = re.compile(r"(?:\s+week)?(?:\s*(?:[.,!?;:)…—–]|$|\n)|\s(?:at|for|to|and|but|or|so|if|then)\b)")
_ONWARDS = re.compile(r"\s+on(?:ward|wards)?\b")
_CLAUSE_OPENS = re.compile(r"(?:^|[.,;:!?()…—–\n-]\s*|\b(?:and|but|so|then|or|because|that)\s+)$")
_TO_VERB = re.compile(r"\s+to\s+\w")
_PUT_OFF = re.compile(r"\b(?:delay|postpon|extend|push|reschedul|mov|suspend|adjourn|put\s+off)\w*")
_BELIEVES = re.compile(r"\b(?:believ\w*|trust\w*|confid\w*|faith)\s+$")
_VERB_FOLLOWS = re.compile(r"\s+(?:\w+ed|is|was|has|had|will|left|went|came|says?|said|herself|himself|and\s+i)\b")
_ALONE_AFTER = re.compile(  # what may stand before a weekday that has no preposition ...
    r"(?:^|[\s(,:;—–-])(?:(?:an?|the|every|each|any|some|most|all|one|no|of|by|through|(?<!how )(?<!what )about|like"
    r"|called|named"
    r"|titled|than|it's"
    r"|be|per|with|and|or|but|black|good|casual|cyber|holy|palm|fat|ash|super|throwback|taco|found|met|called|loves?"
    r"|hates?|proposed|suggested|read|reading|watch\w*|stream\w*|bing\w*|against|versus|vs|said|meant|mean|forget"
    r"|forgot|forgotten"
    r"|remember|saw the movie|called it"
    r"|named|typical|average|busy|lazy|ordinary|following|previous|preceding|same|whole|entire|happy|my|your|our|his"
    r"|her|their|its|on|that|last|next|first|second|third)\s+|(?:\b(?:an?|one|every|some|any|no|that)\s+"
    r"(?!(?:appointment|call|check-?up|class|concert|date|delivery|exam|flight|game|gig|interview|lesson|match|meeting"
    r"|party|race|session|shift|show|test|viewing|wedding)\s)\w+\s+))$"
)
_WATCHED = re.compile(r"\b(?:watch\w*|stream\w*|loves?|loved|hates?|hated|read|reading)\s+$")  # "watched Sunday's game"
_OF_SERIES = re.compile(r"\s+(?:\w+\s+)?(?:season|episode|series|finale|trailer)\b")
_AFTER_ALONE = re.compile(  # ... and what may follow it, for it not to be part of a name or before a noun
    r"\s*(?:[.,!?;:)…—–]|$|\s-\s|\n|\s(?:at|in|on|with|for|to|and|but|or|so|because|after|before|when|while|i|i'm"
    r"|i'll|we|he|she|they"
    r"|you|it|my|our|his|her|was|is|will|works?|if|by|around|about|from|until|till|that|as|then|instead|again|too"
    r"|please|though"
    r"|together|nobody|somebody|everyone|the|would|night|afternoon|evening|morning|went|first|since|without|where"
    r"|who|via"
    r"|thanks|a|an|not|lunch|before|early|late|just|suits?|be)\b)"
)
_PREDICATE = re.compile(r"\b(?:it|today|tomorrow|day|date)\s*(?:'s|\s(?:is|was|were|be))\s+(?:still\s+|only\s+)?$")
_RETURNS = re.compile(  # "she will be back in May", "call me back in May"; it is no return in "it rained back in May"
    r"(?:(?<!\w)(?:be|am|is|are|com(?:e|es|ing)|came|go(?:es|ing)?|went|gone|fl(?:y|ies|ying|ew|own)|mov\w+|get\w*|head\w*"
    r"|driv\w+|travel\w*|call\w*|phon\w+|ring\w*|text\w*|writ\w+|check\w*|report\w*|pa(?:y\w*|id)|giv\w+|bring\w*|tak\w+"
    r"|send\w*|welcom\w+|wants?|needs?|switch\w*|start\w*)|'(?:m|s|re))\s+(?:\w+\s+){0,3}$"
)
_ONES_NAMED = re.compile(r"\b(?:named|called|titled|name|nam\w+)\b|(?<!\ba )\bcall\s+(?:(?:it|this|that|them)\s+)?$")


def _says_had(match: re.Match[str]) -> bool:
    return _HAD.search(match.string, max(0, match.start() - 160), match.end() + 160) is not None


def yearly_named(name: str) -> Callable[[int], TimeSpan] | None:
    """The season, month or festival of that name, as a function of the year."""
    if name in SEASON_FIRST_MONTH:
        return partial(season, name)
    bare = name.removesuffix("'")
    feast = _FEAST_NAMES.get(bare, bare)
    if feast in FESTIVALS:
        return partial(holiday, feast)
    if name == "may" or (name in MONTH_NUMBERS and len(name) > 3):
        number = MONTH_NUMBERS[name]
        return lambda year: whole_month(year, number)
    return None


def this_weekend(match: re.Match[str], day: date) -> TimeSpan:
    span = weekend("this", day)
    if span.first > day and look_around(match.string, match.start(), match.end()).way == "back":
        return weekend("last", day)
    return span


def this_time(match: re.Match[str], day: date, yearly: Callable[[int], TimeSpan]) -> TimeSpan:
    """ "this winter", "this Easter": the one under way, else the one where the tense looks."""
    if current := under_way(day, yearly):
        return current
    way = look_around(match.string, match.start(), match.end()).way
    if way in ("back", "ahead"):
        return yearly_by(way, day, yearly) or yearly(day.year)
    return yearly(day.year)


def yearly_by(way: Way, day: date, yearly: Callable[[int], TimeSpan]) -> TimeSpan | None:
    """The latest that has begun, or the earliest that is not over."""
    spans = [yearly(day.year + step) for step in (-1, 0, 1)]
    if way == "back":
        return max((one for one in spans if one.first <= day), default=None, key=lambda one: one.first)
    if way == "ahead":
        return min((one for one in spans if one.last >= day), default=None, key=lambda one: one.first)
    return None


def latest_weekday(day: date, weekday: int) -> TimeSpan:
    """The latest such weekday, which may be the day itself."""
    return one_day(day - timedelta((day.weekday() - weekday) % 7))


def _says_come(match: re.Match[str]) -> bool:
    """Whether a clause opens with "come Monday": what is to come. "You should come Monday" does not."""
    return _CLAUSE_OPENS.search(just_before(match)) is not None


def on_weekday(match: re.Match[str], day: date) -> TimeSpan | None:
    bearing, weekday = match["bearing"], WEEKDAY_NUMBERS[match["weekday"][:3]]
    if bearing == "come":
        return same_weekday("next", day, weekday) if _says_come(match) else None
    if bearing == "from" and not _ONWARDS.match(match.string, match.end()):
        return TAKEN  # "the photos from Friday"
    if bearing == "on" and (_WEEK_BEFORE.search(just_before(match)) or WEEK_AFTER.match(match.string, match.end())):
        return _week_later(match, day, weekday)
    if bearing in ("for", "to") and _BOOKED.search(sentence_before(match)):
        return same_weekday("next", day, weekday)
    if bearing in ("until", "till", "to") and _PUT_OFF.search(sentence_before(match)):
        return same_weekday("next", day, weekday)
    way = way_of(match, bearing)
    if way != "back":
        return _weekday_by(way, day, weekday)
    if bearing in ("until", "till") and (
        _TO_VERB.match(match.string, match.end()) or _GIVEN_TIME.search(just_before(match))
    ):
        return TAKEN  # "they gave me until Friday to decide"
    if (bearing == "for" and not _FOR_WHAT_WAS.search(sentence_before(match))) or is_of_coming_event(match):
        return TAKEN  # "baked a cake for Sunday"
    return _weekday_by(way, day, weekday)


def is_of_coming_event(match: re.Match[str]) -> bool:
    """Whether the day is not that of the verb before it: "I packed for the trip on Friday", "a job starting Monday"."""
    before = sentence_before(match)
    if _STARTING.search(before):
        return True
    event = _COMING_EVENT.search(before)
    return event is not None and not _FOR_WHAT_WAS.search(before)


def _weekday_by(way: Way, day: date, weekday: int) -> TimeSpan | None:
    if way in ("back", "ahead"):
        return same_weekday("last" if way == "back" else "next", day, weekday)
    return None


def _week_later(match: re.Match[str], day: date, weekday: int) -> TimeSpan:
    """ "Monday week" and "a week on Monday", where the tense looks ahead."""
    plural = _WEEKS_BEFORE.search(just_before(match)) is not None
    look = look_around(match.string, match.start(), match.end())
    if look.way != "ahead" or plural or not _WEEK_ENDS.match(match.string, match.end()):
        return TAKEN
    return one_day(same_weekday("next", day, weekday).first + timedelta(7))


def weekday_alone(match: re.Match[str], day: date) -> TimeSpan | None:
    before, weekday = just_before(match), WEEKDAY_NUMBERS[match["alone"]]
    owns = match[0].endswith("'s")
    if _ALONE_AFTER.search(before) and not (
        owns and _WATCHED.search(before) and not _OF_SERIES.match(match.string, match.end())
    ):
        return None
    if not owns and not _AFTER_ALONE.match(match.string, match.end()):
        return None
    if WEEK_AFTER.match(match.string, match.end()) or _PREDICATE.search(before) or _ONES_NAMED.search(before):
        return None
    look = look_around(match.string, match.start(), match.end())
    if not look.strong and look.follows and not look.asks:
        return None  # "Friday night is pizza night"
    if look.way == "back" and (
        (not look.follows and _AS_SUBJECT.match(match.string, match.end())) or is_of_coming_event(match)
    ):
        return None  # "she confirmed that Friday works"
    return _weekday_by(look.way, day, weekday)


def on_ordinal(match: re.Match[str], day: date) -> TimeSpan | None:
    bearing, number = match["ordinal_bearing"], int(match["ordinal"])
    if not bearing and number < 10:
        return None
    way = way_of(match, bearing)
    if way not in ("back", "ahead") or (way == "back" and (bearing == "for" or is_of_coming_event(match))):
        return None
    month_step = (number < day.day) if way == "ahead" else -(number > day.day)
    month = whole_month(day.year, day.month + month_step)
    return one_day(month.first.replace(day=number)) if 1 <= number <= month.last.day else None


def in_month(match: re.Match[str], day: date) -> TimeSpan | None:
    month, bearing = MONTH_NUMBERS[match["month"]], match["preposition"].split()[-1]
    before = just_before(match)
    if (
        _BELIEVES.search(before)
        or says_born(match)
        or (bearing != "in" and _VERB_FOLLOWS.match(match.string, match.end()))
    ):
        return None  # a person's name
    if YEAR.search(match.string, max(0, match.start() - 25), min(len(match.string), match.end() + 10)):
        return None  # "in 2019, in March"
    if bearing == "come":
        return whole_month(day.year + (month <= day.month), month) if _says_come(match) else None
    look = look_around(match.string, match.start(), match.end())
    way = look.way
    long_ago = match["preposition"].startswith("back") and not _RETURNS.search(before)
    if bearing == "since" or (long_ago and way != "habit"):
        return whole_month(day.year - (month > day.month), month)
    if way == "open" and bearing != "in":
        way = "ahead"
    if way == "back" and ((bearing == "by" and not _says_had(match)) or is_of_coming_event(match)):
        return None  # "written by April"
    if way == "ahead" and not (look.strong or look.beside or look.asks or bearing != "in"):
        return None
    if way == "ahead":
        return whole_month(day.year + (month < day.month), month)
    return whole_month(day.year - (month > day.month), month) if way == "back" else None


def in_season(match: re.Match[str], day: date) -> TimeSpan | None:
    if match["season_bearing"] == "come":
        return recurring("next", day, partial(season, match["season"])) if _says_come(match) else None
    look = look_around(match.string, match.start(), match.end())
    way: Way = "back" if match["season_bearing"] == "since" else look.way
    if not (look.strong or look.beside) and way == "ahead":
        return None
    if match["season_bearing"] == "by" and way == "back" and not _says_had(match):
        return None  # "inspired by autumn"
    if says_born(match):
        return None
    if match["season"] == "fall" and "the" not in match[0].split():
        return None
    return yearly_by(way, day, partial(season, match["season"]))


def feast(match: re.Match[str], day: date) -> TimeSpan | None:
    name = " ".join(match["feast_name"].split()).removesuffix("'")
    bearing, year = match["feast_bearing"], match["feast_year"]
    named = _FEAST_NAMES.get(name, name)
    if named not in FESTIVALS:
        return None
    yearly = partial(holiday, named)
    if year:
        said = year.split()[0]
        if said in STEP:
            return yearly(day.year + STEP[said])
        return yearly(int(year.strip(" ,of"))) if named in MOVABLE else TAKEN
    if not _AFTER_ALONE.match(match.string, match.end()):
        return None  # "the Christmas tree"
    is_day = match["feast_day"] or name.endswith(("day", "eve", "july"))
    if not bearing and (not is_day or _ALONE_AFTER.search(just_before(match))):
        return None
    if bearing == "since":
        return yearly_by("back", day, yearly)
    if says_born(match):
        return None
    look = look_around(match.string, match.start(), match.end())
    way = "ahead" if look.way == "open" and bearing in ("by", "until", "till") else look.way
    if way == "ahead" and not (look.strong or look.beside or look.asks or bearing in ("until", "till", "by")):
        return None
    found = yearly_by(way, day, yearly)
    offset = _OFFSET.search(just_before(match)) if bearing in ("before", "after") else None
    return _days_from(found, offset, 1 if bearing == "after" else -1) if found and offset else found


def _days_from(feast_day: TimeSpan, offset: re.Match[str], step: int) -> TimeSpan:
    """So many days, or the next such weekday, after a feast (`step` 1) or before it (-1)."""
    if offset["weekday"]:
        return same_weekday("next" if step > 0 else "last", feast_day.first, WEEKDAY_NUMBERS[offset["weekday"]])
    count = offset["count"]
    if offset["long"] or (count == "the" and offset["unit"] == "week"):
        return TAKEN
    number = int(count) if count.isdigit() else NUMBER_WORDS.index(count) if count in NUMBER_WORDS else 1
    return one_day(feast_day.first + timedelta(step * number * (7 if offset["unit"].startswith("week") else 1)))
