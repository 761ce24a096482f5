"""Words of a message that are not the speaker's own account of time: quotes, titles, names, code, links, options.

What someone else said "tomorrow" was said on another day, and `--since yesterday` is no date at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from memoryqa.language.dating.english.date_words import NAMED_WORDS
from memoryqa.language.lexicon.word_lists import STOPWORDS

_HIDDEN = "\x00"  # neither a letter nor white space: no pattern of dates reaches across it
_LONGEST_QUOTE = 300
_PROTECTED = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)"  # code
    r"|`[^`\n]{1,300}`"
    r"|^[ \t]{0,3}>[^\n]*"  # a quoted message
    r"|\b(?:https?|ftp|file|ssh)://\S+|\bwww\.\S+"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){0,8}"  # an address
    r"|(?<![\w#])#\w+"
    r"|(?<![\w-])(?:--[A-Za-z][\w-]*(?:[ =]\S+)?|-[A-Za-z][\w-]*(?:=\S+)?)"  # an option, and its value
    rf"|(?<!\w)\"(?!\s)[^\"\n]{{1,{_LONGEST_QUOTE}}}(?<!\s)\""
    rf"|“[^”\n]{{1,{_LONGEST_QUOTE}}}”|«[^»\n]{{1,{_LONGEST_QUOTE}}}»|„[^“”\n]{{1,{_LONGEST_QUOTE}}}[“”]"
    rf"|‘[^’\n]{{1,{_LONGEST_QUOTE}}}’(?!\w)"
    rf"|(?<![\w'])'(?![\s'])(?!\d\ds?\b)(?:[^'\n]|(?<=\w)'(?=\w)){{1,{_LONGEST_QUOTE}}}(?<!\s)'(?!\w)",
    re.MULTILINE | re.DOTALL,
)
_MAY_HIDE = re.compile(  # each alternative begins with its sign, which is what a search is fastest with
    r"[`~>@#“«„‘]|[\"'](?<!\w.)|://|www\.|-(?<![\w-].)-?[A-Za-z]", re.DOTALL
)


def hide_protected(text: str) -> str:
    """`text` with every character of a protected stretch replaced by NUL, so that all others keep their places."""
    if not _MAY_HIDE.search(text):
        return text
    return _PROTECTED.sub(lambda match: _HIDDEN * len(match[0]), text)


_WORD = re.compile(r"[A-Za-z]+(?:['’][a-z]+)?")
_WORD_BEFORE = re.compile(r"([^\W\d_]+(?:['’][a-z]+)?)[^\S\n]+$")
_WORD_AFTER = re.compile(r"[^\S\n]+([^\W\d_]+)(?!['’]s\b)")
_OPENS_SENTENCE = re.compile(r"(?:^|[.!?:;…\n\x00*•>)(\[\"“—–-]|[^\w\s,'’&])\s*$")
_MODAL = re.compile(r"\b(?:may|march|mar)\s+\d{1,2}(?!\d|st|nd|rd|th)")  # without its capital no month
_TITLE_WORD = re.compile(
    r"Days?|Nights?|Times?|Years?|Love|Rain|Snow|Mornings?|Evenings?|Man|Woman|Girls?|Boys?|Lunch|Leaves|Wind|Dance"
    r"|Songs?|Letters?"
    r"|Trains?|Weddings?|Murders?|Winter|Summer|Spring|Autumn"
)
_WORK = r"(?:movie|film|song|novel|album|sitcom|musical|anthem|playlist|band|sequel|podcast)"
_AFTER_WORK = re.compile(rf"\b{_WORK}s?,? (?:(?:called|named|titled|entitled) )?$", re.I)
_IS_WORK = re.compile(rf"(?: is|['’]s) (?:[\w'’]+ ){{1,5}}?(?:{_WORK}|book|show|series|track)s?\b", re.I)
_NO_TITLE = frozenset(("i", "will", "may"))  # stop words that are written with a capital or are names
_FREE = frozenset(("weekday_alone", "feast", "part", "in_season"))  # alternatives that need no preposition or look
_MAY_BE_WORK = _FREE | {"near_day", "weekday_ordinal"}


def is_name(text: str, match: re.Match[str], names: Collection[str] = ()) -> bool:
    """Whether capitals show that the words are a title or a name: "we saw The Day After Tomorrow", "Ruby Tuesday".

    `text` is the text as it was written, `match` was found in its folded form. names: of the people who talk.
    """
    bare_name = match.lastgroup in _FREE or (
        match.lastgroup == "in_month" and match["preposition"] not in ("in", "back in")
    )
    if names and bare_name and any(word in names for word in _WORD.findall(match[0])):
        return True
    written = text[match.start() : match.end()]
    if written.isupper():
        return False
    before = text[max(0, match.start() - 40) : match.start()]
    opens = _OPENS_SENTENCE.search(before) is not None
    for number, word in enumerate(_WORD.findall(written)):
        if word[0].isupper() and not (number == 0 and opens) and not _has_capital(word.lower()):
            return True
    if match.lastgroup == "dated" and _MODAL.search(written):
        return True
    if (
        match.lastgroup in _MAY_BE_WORK
        and written[0].isupper()
        and (_AFTER_WORK.search(before) or _IS_WORK.match(text, match.end()))
    ):
        return True
    previous, following = _WORD_BEFORE.search(before), _WORD_AFTER.match(text, match.end())
    if (
        match.lastgroup == "in_month"
        and previous
        and _TITLE_WORD.fullmatch(previous[1])
        and not _OPENS_SENTENCE.search(before[: previous.start()])
    ):
        return True  # "One Day in September"
    if match.lastgroup == "near_day" and following and following[1][0].isupper() and written[0].isupper():
        said = following[1].lower()
        return said == "never" or (said in STOPWORDS and said not in _NO_TITLE)  # "Tomorrow Never Dies"
    if not bare_name:
        return False
    if following and following[1][0].isupper() and following[1] not in ("I",) and not following[1].isupper():
        return True
    if previous is None or not previous[1][0].isupper() or previous[1].isupper():
        return False
    opened = _OPENS_SENTENCE.search(before[: previous.start()]) is not None
    return match.lastgroup == "weekday_alone" and not (opened and previous[1].lower() in STOPWORDS)


def _has_capital(word: str) -> bool:
    """Whether `word` is a weekday, a month or a festival, which has a capital anywhere."""
    return any(word.removesuffix(ending) in NAMED_WORDS for ending in ("", "'s", "’s", "s", "es"))
