"""The words that name a time: `PATTERN` finds them in folded text, `TRIGGER` tells texts that have none.

Each alternative of `PATTERN` is named after its handler in `memoryqa.language.dating.grammar`. The longest wordings
come first, because the first alternative that fits is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from memoryqa.language.dating.feasts import FESTIVALS
from memoryqa.language.dating.time_spans import SEASON_FIRST_MONTH, WEEKDAYS
from memoryqa.turns import MONTHS

NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
VAGUE_COUNTS = {
    "couple": (2, 3),
    "few": (2, 5),
    "several": (3, 7),
}  # the least and the most that each is taken to mean
ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1}
MONTH_NUMBERS = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
MONTH_NUMBERS |= {name[:3]: number for name, number in list(MONTH_NUMBERS.items())} | {"sept": 9}
WEEKDAY_NUMBERS = {name.lower(): number for number, name in enumerate(WEEKDAYS)}
WEEKDAY_NUMBERS |= {name[:3]: number for name, number in list(WEEKDAY_NUMBERS.items())}
WEEKDAY_NUMBERS |= {"tues": 1, "thur": 3, "thurs": 3}

NAMED_WORDS = frozenset(  # written with a capital wherever they stand
    (
        *(name.lower() for name in (*MONTHS, *WEEKDAYS)),
        *MONTH_NUMBERS,
        *WEEKDAY_NUMBERS,
        *(word for name in FESTIVALS for word in name.split() if word != "of"),
        *"valentines valentine new year years chinese fathers father mothers mother day eve".split(),
    )
)

# ------------------------------------------------------------------ the words; a space stands for any white space

MONTH = rf"(?:{'|'.join(MONTHS).lower()})"
_SHORT_MONTH = r"(?:(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
_ANY_MONTH = rf"(?:{MONTH}\b|{_SHORT_MONTH})"
WEEKDAY = rf"(?:{'|'.join(WEEKDAYS).lower()})"
_SHORT_WEEKDAY = r"(?:mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)"
_PART = r"(?: (?:morning|afternoon|evening|night)\b)?"
_SEASON = rf"(?:{'|'.join(SEASON_FIRST_MONTH)})"
_NUMBER = rf"(?:\d{{1,3}}|an?|{'|'.join(NUMBER_WORDS[1:])})"
_COUNT = rf"(?:\d{{1,3}}|(?:a )?couple(?: of)?|(?:a )?few|several|an?|{'|'.join(NUMBER_WORDS[1:])})"
_ABOUT = r"(?:(?:about|around|over|almost|nearly|roughly|like) )?"
_TO = r"(?:\s*(?:-|–|—)\s*| (?:to|until|till|til|through|thru) )"
_ORDINAL = r"\d{1,2}(?:st|nd|rd|th)"
_DAY_NUMBER = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?:of )?(?:19|20)\d\d\b)"
_MONTH_DAY = (
    rf"(?:{_ANY_MONTH} (?:the )?{_DAY_NUMBER}(?![\d:.]\d|\d)|(?:the )?{_DAY_NUMBER}(?: day)?(?: of)? {_ANY_MONTH})"
)
_FEAST = (
    rf"(?:{'|'.join(sorted(FESTIVALS, key=len, reverse=True))}|chinese new year|new years?(?='s| eve| day)|july 4th"
    r"|valentine(?:s|'s)?|fathers?'?s? day|mothers?'?s? day)(?:'(?!s))?"
)
_CLAUSE_ENDS = (
    r"(?=\s*(?:[.,!?;:)-]|$)| (?:and|but|so|after|before|at|with|for|in|to|when|because|is|was|will|would|works|suits"
    r"|i|we|he|she|they|it)\b)"
)
_BEARING = r"(?:on|by|until|till|since|before|after|from|for|to)"
_FRACTION = r"(?: and a half)?"
_ALTERNATIVES = {
    "span": rf"(?:(?:from|between|on) )?(?:"
    rf"(?P<span_weekdays>{WEEKDAY}(?:{_TO}| and ){WEEKDAY})"
    rf"|(?P<span_dates>{_MONTH_DAY}{_YEAR}?(?:{_TO}| and ){_MONTH_DAY}{_YEAR}?)"
    rf"|(?P<span_days>{_ANY_MONTH} (?:the )?{_DAY_NUMBER}(?:{_TO}| and ){_DAY_NUMBER}{_YEAR}?(?!\d|:\d)"
    rf"|(?:the )?{_DAY_NUMBER}(?:{_TO}| and )(?:the )?{_DAY_NUMBER}(?: of)? {_ANY_MONTH}{_YEAR}?)"
    rf"|(?P<span_ordinals>the {_ORDINAL}(?:{_TO}| and )the {_ORDINAL}(?! of\b))"
    rf"|(?P<span_months>{MONTH}(?:{_TO}| and ){MONTH}{_YEAR}?)(?! \d))(?! nights?\b)",
    "dated": rf"(?:{_BEARING} )?(?:(?:the )?(?P<dated_weekday>{WEEKDAY}|{_SHORT_WEEKDAY}\b\.?),? )?"
    rf"(?P<dated_day>{_MONTH_DAY})(?P<dated_year>{_YEAR}|,? '\d\d\b)?(?! (?:street|avenue|road|lane|square)\b)",
    "weekday_ordinal": rf"(?:{_BEARING} )?(?P<wo_weekday>{WEEKDAY}),? the (?P<wo_day>\d{{1,2}})(?:st|nd|rd"
    rf"|th)(?! of\b)",
    "weekday_in_week": rf"(?:{_BEARING} )?(?:(?P<wiw_weekday>{WEEKDAY}){_PART},? (?:of )?(?P<wiw_which>last|next"
    rf"|this) week"
    rf"|(?P<wiw_which2>last|next|this) week,? (?:on )?(?P<wiw_weekday2>{WEEKDAY}){_PART})",
    "month_in_year": rf"(?:in |since |until |by )?(?:(?P<miy_month>{MONTH}),? (?:of )?(?P<miy_which>last|next"
    rf"|this) year"
    rf"|(?P<miy_month2>{MONTH}) '(?P<miy_short>\d\d))",
    "beyond": rf"the (?P<beyond_unit>week|weekend|month|year|{_FEAST}|{_SEASON}|{MONTH}|{WEEKDAY}) "
    r"(?P<beyond_way>before last|after next)",
    "nth": rf"(?:on )?the (?P<which_one>{'|'.join(ORDINALS)}) (?P<nth_weekday>{WEEKDAY}) (?:of|in) "
    rf"(?P<nth_month>(?:this|last|next) month|{MONTH})(?P<nth_year>{_YEAR}| (?:last|next|this) year)?",
    "near_day": rf"(?:the )?day before yesterday|(?:the )?day after tomorrow|(?:yesterday|tomorrow){_PART}"
    r"|(?:late )?last night|the other (?:day|night)",
    "part": rf"(?:(?:(?:at|by|from|since|until|till|toward|towards|around|in) )?(?:the )?"
    r"(?P<stage>end|start|beginning|middle) of "
    r"|(?:(?:in|by|from|since|until|till|around) )?(?P<stage2>early|late|mid)(?: |-))"
    rf"(?P<part_of>(?:the|this|last|next) (?:week|month|year)|{MONTH})\b(?P<part_year>{_YEAR}| (?:last|next"
    rf"|this) year)?",
    "named": rf"(?P<which>last|next|this past|this coming|this|past(?= weekend)) (?P<name>weekend|week|month|year"
    rf"|{_FEAST}|{_SEASON}|{WEEKDAY}{_PART}|{MONTH}|{_SHORT_WEEKDAY})(?!\w)(?! of\b|-)",
    "hours": rf"(?:{_ABOUT}(?:(?P<half_ago>half an hour)|(?P<hours_ago>{_COUNT}){_FRACTION} (?P<ago_clock>hour|hr"
    rf"|minute|min)s?)"
    rf"{_FRACTION} ago|in {_ABOUT}(?:(?P<half_ahead>half an hour)|(?P<hours_ahead>{_COUNT}) (?P<ahead_clock>hour|hr"
    rf"|minute|min)s?{_FRACTION}))",
    "ago": rf"(?P<ago_count>{_COUNT}) (?P<ago_unit>day|night|weekend|week|fortnight|month|year|decade|{_SEASON}"
    rf"|{WEEKDAY}"
    rf"|christmase|thanksgiving|easter)s? (?P<ago_half>and a half )?(?:ago|back(?! (?:to|in|at|from|home|up|on)\b))"
    rf"(?P<ago_weekday> (?:on |last |this )?{WEEKDAY})?",
    "from_now": rf"(?P<from_count>{_NUMBER}) (?P<from_unit>day|week|fortnight|month|year)s? (?:from|after) "
    rf"(?:this |next )?(?P<from_day>now|today|tomorrow|{WEEKDAY})",
    "lasting": rf"(?P<for>for (?:the (?:past|last) )?)?{_ABOUT}(?P<lasting_count>{_COUNT}) "
    r"(?P<lasting_unit>week|month|year)s?(?P<now> now)?",
    "ahead": rf"in {_ABOUT}(?P<ahead_count>{_COUNT}) (?P<ahead_unit>day|week|fortnight|month|year"
    rf"|decade)s?(?:'? time)?",
    "on_weekday": rf"(?:late )?(?P<bearing>{_BEARING}|come|no later than) "
    rf"(?P<weekday>{WEEKDAY}|{_SHORT_WEEKDAY}(?= at \d|[.,!?]|$)){_PART}"
    r"(?! (?:morning|afternoon|evening|night)s)",
    "on_ordinal": rf"(?:(?P<ordinal_bearing>on|by|until|till|since|before|after|from|due|for) )?"
    rf"the (?P<ordinal>\d{{1,2}})(?:st|nd|rd|th){_CLAUSE_ENDS}",
    "in_month": rf"(?P<preposition>back in|in|since|until|till|by|before|come|no later than) "
    rf"(?P<month>{MONTH})\b(?!,? \d| of\b|-)",
    "in_season": rf"(?P<season_bearing>in|over|during|throughout|since|until|till"
    rf"|by|come) (?:the )?(?P<season>{_SEASON})\b(?! of\b|-|,? \d)",
    "feast": rf"(?:(?P<feast_bearing>on|at|for|over|during|by|until|till|since|before|after|around) (?:the )?)?"
    rf"(?P<feast_name>{_FEAST})(?:'s)?(?P<feast_day> day)?(?P<feast_year>{_YEAR}| (?:last|next|this) year)?",
    "weekday_alone": rf"(?P<alone>{WEEKDAY}){_PART}(?! (?:morning|afternoon|evening|night)s)",
}
PATTERN = re.compile(
    rf"(?<![\w./@#$\\&-])(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _ALTERNATIVES.items())})"
    r"(?:'s)?(?!\w|[/@\\]\w|-\w|\.(?:com|org|net|io|py|js|ts|md|txt|log|csv|json|html?)\b)".replace(" ", r"\s+")
)
APPOSED = re.compile(  # the second part of a date, after its first
    (
        rf"(?:,? | \(|,? - )(?:on )?(?:(?P<also_weekday>{WEEKDAY})(?=\W|$))?(?:,? ?(?:"
        rf"(?P<also_day>{_MONTH_DAY})(?P<also_year>{_YEAR})?|the (?P<also_number>\d{{1,2}})(?:st|nd|rd"
        rf"|th))(?! of)(?!\w))?"
    )
    .replace(" ?", r"\s*")
    .replace(" ", r"\s+")
)


def _by_first_letter(alternatives: Iterable[str]) -> str:
    """A pattern that matches what `alternatives` match, in their order; each begins with a letter that is no option.

    Alternatives under one letter are tried only where that letter is: twice to three times as fast as one long list.
    """
    found: dict[str, list[str]] = {}
    for one in alternatives:
        found.setdefault(one[0], []).append(one[1:])
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in found.items())


_UNITS = "day night weekend week fortnight month year decade hour hr minute min".split()
_UNIT = rf"(?:{'|'.join(_UNITS)})s?"
_TRIGGERS = (
    *"yesterday tomorrow ago christmases mothers fathers mother's father's".split(),
    *(f"{name.lower()}s?" for name in WEEKDAYS),
    *(name.lower() for name in MONTHS),
    *"mon tues? wed thu(?:rs?)? fri sat sun jan feb mar apr jun jul aug sept? oct nov dec".split(),
    *(f"{name}s?" for name in SEASON_FIRST_MONTH),
    *(sorted(name.replace(" ", r"\s+") for name in FESTIVALS)),
    *("chinese new year", "new years?(?='s| eve| day)", "july 4th", "valentines?"),
    r"the(?= \d)",
    "other (?:day|night)",
    "last night",
    *("day (?:before|after)", "before last", "after next"),
    *(f"{which} (?:weekend|week|month|year)" for which in ("the", "this", "last", "next", "past", "coming")),
    rf"in {_ABOUT}(?:half an hour|{_COUNT} {_UNIT})",
    rf"for (?:the (?:past|last) )?{_ABOUT}{_COUNT} (?:week|month|year)s?",
    *(f"{unit}s? (?:back|from|after|now)" for unit in _UNITS),
)
# Every match of PATTERN contains one of these, and begins at most `REACH` characters before it. Most turns have none.
TRIGGER = re.compile(rf"\b(?:{_by_first_letter(_TRIGGERS)})(?![a-z])".replace(" ", r"\s+"))
REACH = 48
DIGIT = re.compile(r"\d")
LETTERS = re.compile("[a-z]+")
# Every match of TRIGGER has one of these among its LETTERS. To look the words up takes a third of the search for it.
TRIGGER_WORDS = frozenset(
    "yesterday tomorrow ago day days night nights week weeks weekend weekends fortnight fortnights month months year "
    "years "
    "decade decades hour hours hr hrs min mins minute minutes st nd rd th mon tue tues wed thu thur thurs fri sat "
    "sun jan feb "
    "mar apr jun jul aug sep sept oct nov dec christmases valentine valentines mother mothers father fathers".split()
) | {
    *(name.lower() + ending for name in WEEKDAYS for ending in ("", "s")),
    *(name.lower() for name in MONTHS),
    *(name + ending for name in SEASON_FIRST_MONTH for ending in ("", "s")),
    *(max(name.replace("'", " ").split(), key=len) for name in FESTIVALS),
}
_OPENINGS = (  # the words that a match of PATTERN may begin with
    *"from between on by until till since before after for to at toward towards around in the about over almost nearly "
    "roughly like an? couple few several half during throughout due yesterday tomorrow day late last early mid end "
    "start beginning middle next this past back come no valentines? fathers{0,2} mothers{0,2} chinese new".split(),
    *(name.lower() for name in (*MONTHS, *WEEKDAYS)),
    *"jan feb mar apr jun jul aug sept? oct nov dec mon tues? wed thu(?:rs?)? fri sat sun".split(),
    *SEASON_FIRST_MONTH,
    *NUMBER_WORDS[1:],
    *sorted({name.split()[0] for name in FESTIVALS}),
)
WORD_START = re.compile(rf"(?<![\w./@#$\\&-])(?:(?=\d)|(?=(?:{_by_first_letter(_OPENINGS)})(?![a-z])))")
_TIMES = (
    *"yesterday today tonight tomorrow ago weeks? weekends? months? years? summer winter".split(),
    *(f"{name.lower()}s?" for name in WEEKDAYS),
    *(r"last\s+night", r"this\s+(?:morning|afternoon|evening)"),
    *(name.lower() for name in MONTHS if name not in ("March", "May")),
    *(rf"{before}\s+(?:may|march|spring|fall|autumn)" for before in "in on since until last next this by of".split()),
    *(r"may\s+\d+", r"march\s+\d+"),
    *(rf"{count}\s+days" for count in ("two", "three", "four", "five", "six", "seven", "few", "several", "couple")),
    *(r"couple\s+of\s+days", r"other\s+day", "christmas", "halloween", "thanksgiving", "easter", r"new\s+year"),
    *(rf"{which}\s+{_SHORT_WEEKDAY}" for which in ("last", "next", "past")),
)
TIME_EXPRESSION = re.compile(
    rf"\b(?:{_by_first_letter(_TIMES)}"
    r"|\d\s+(?:may|march|spring|fall|autumn)|(?:19|20)\d\d|\d\d?(?:st|nd|rd|th)|\d\s+days)\b"
)
# Every match of TIME_EXPRESSION without a digit has one of these among its words.
TIME_WORDS = frozenset(
    "yesterday today tonight tomorrow ago week weeks weekend weekends month months year years summer winter night "
    "morning afternoon evening may march spring fall autumn days day christmas halloween thanksgiving easter".split()
) | {
    *(name.lower() + ending for name in WEEKDAYS for ending in ("", "s")),
    *(name.lower() for name in MONTHS),
    *WEEKDAY_NUMBERS,
}
