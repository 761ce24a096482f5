"""Which way a clause looks: back to what has been, ahead to what will be, or neither.

A weekday, a month or a festival is the last or the next one by the verb beside it. The marker nearest before the words
decides, within their clause; then those after them; then the clauses around. Habits, and what would have been, have no
day. No model and no list of all verbs is needed: endings, auxiliaries and the irregular pasts are enough.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

Way = Literal["back", "ahead", "habit", "unclear", "open"]
_REACH = 200  # characters on each side that a clause may take


class Look(NamedTuple):
    """Where a clause looks.

    way: "habit" for what recurs, "unclear" for what would have been or was yet to come then, "open" without a sign of
    tense. strong: false where only a present tense looks ahead, as it does in "she is at home on Friday". beside: the
    sign is next to the words that were asked about. follows: it comes after them, in their clause. asks: the sentence
    is a question.
    """

    way: Way
    strong: bool = True
    beside: bool = False
    follows: bool = False
    asks: bool = False


_IRREGULAR = (
    "was were wasn't weren't did didn't had hadn't went saw got came took made met bought brought ate drank began "
    "broke "
    "built caught chose drew drove fell felt fought found flew forgot forgave froze gave grew heard held hid kept knew "
    "laid lay led left lent lost meant paid ran rang rode rose said sang sank sat sent sold shook shone shot slept "
    "slid "
    "spoke spent stood stole stuck struck swam swore taught tore thought threw told understood woke won wore wrote dug "
    "fed fled hung sought spun sprang swept swung wept wept wound bent bit blew bred dealt dealt dreamt lit learnt "
    "burnt "
    "overslept overheard withdrew became sped dove snuck outdid redid undid quit cost hurt put hit cut shut spread "
    "beat read let"
).split()
_PARTICIPLES = (
    "been had done gone seen gotten come taken made met bought brought eaten drunk begun broken built caught chosen "
    "drawn driven fallen felt found flown forgotten frozen given grown heard held hidden kept known led left lent lost "
    "paid run ridden risen said sung sat sent sold shaken slept spoken spent stood stolen swum taught torn thought "
    "thrown told understood woken won worn written read put set become heard"
).split()
_SCHEDULED = (  # simple present that names a time to come: "the train leaves on Friday"
    "leaves? starts? begins? opens? reopens? closes? arrives? lands? departs? ends? finish(?:es)? fl(?:y"
    "|ies) returns? moves? "
    "resumes? graduates? marr(?:y|ies) retires? premieres? airs? launch(?:es)? runs? expires? hosts? sails?"
).split()
_ALSO_USUAL = (  # ... or what one does every week
    "happens? comes? go(?:es)? gets? meets? visits? plays? see sees kicks? drops? turns? celebrates? have has "
    "drives? travels? "
    "takes? works? needs? wants?"
).split()
_IMPERATIVE = (
    "call bring come send meet submit finish hand remind enjoy don't take pick get join let tell leave save keep make "
    "check pay buy book text email write visit stay wait return try ask be have go give show drop stop start turn "
    "water "
    "feed cancel move reply rsvp prepare mark collect deliver clean wash pack order phone ring wake finish sign "
    "vote register apply arrive watch"
).split()
_ARRANGED = (  # what one offers to do for others or with them; "I could come on Friday" may be what was not
    "bring call check cook drive drop fetch give grab help invite lend meet pick pop ring send swap swing take text"
).split()
_NO_PAST = (  # words in -ed that are no past: feelings, nouns
    r"(?!(?:(?:un)?(?:excit|tir|worri|scar|interest|bor|thrill|exhaust|disappoint|annoy|overwhelm|concern)ed"
    r"|\w*(?<!r)(?<!fr)(?<!nt)eed|hundred|naked|sacred|wicked|kindred|beloved|embed|shed|sled|shred)\b)"
)
_BE = (  # a contraction is a word of its own here; "'s" is "is" after these
    r"(?:am|is|are|isn't|aren't|be|'m|'re|(?:(?<=\bit )|(?<=\bhe )|(?<=\bshe )|(?<=that )|(?<=here )|(?<=what )"
    r"|(?<=who )|(?<=when ))'s)"
)
_DETERMINERS = r"(?:an?|the|my|our|your|his|her|their|all|both|some)"
_ADVERBS = r"(?:(?:not|all|both|also|just|really|so|very|still|already|probably|definitely|finally|even|only|\w+ly) )*"
_SIGNS = {
    # what would have been, or was to come then
    "unclear": r"(?:was|were|wasn't|weren't) (?:not )?(?:going|supposed|meant|due|about|planning|hoping|thinking"
    r"|talking|considering|looking forward|scheduled|to)\b"
    r"(?: to\b)?(?: \w+)?"
    r"|(?:would|could|should|might|must)(?: ?n't)?(?: not)?(?: ?'ve| have) \w+"
    r"|(?:would|'d) rather|(?:would|'d) (?:have )?(?:liked?|loved?|preferred) to have \w+"
    r"|got to (?!bed|sleep|work|school|town|the|my|our|your|his|her|their)\w+"  # "I got to see her", "you got to go"
    r"|had (?:planned|hoped|wanted|meant|intended)|(?:i|we|he|she|they) wish(?:ed"
    r"|es)?\b(?:.{0,40}? had \w+)?|if only"
    r"|(?:(?:has|have|had|'s|'ve) )?sold out\b"
    rf"|(?:(?:was|were|got|gets|being|(?:has|have|had|'s|'ve) {_ADVERBS}been) |(?:has|have|had|'s|'ve) {_ADVERBS})?"
    r"(?:planned|considered|contemplated|discussed|booked|reserved|scheduled|arranged|organi[sz]ed|invited|settled"
    r"|agreed|decided|proposed(?!$| (?:on|at|last|in|during|when|to (?:me|him|her|us|my|his))\b)"
    r"|suggested|cancell?ed|postponed|rescheduled|called off|delayed|announced"
    r"|confirmed|finali[sz]ed|registered|enroll?ed|signed (?:\w+ )?up|applied|auditioned|hired)\b"
    r"|(?:thought|talked|dreamt|dreamed|worried|spoke|heard|knew|asked) (?:of|about)\b"
    r"|if (?:\w+ ){1,5}?had\b(?! to\b)"
    r"|(?:thought|assumed|figured|believed|guessed|said|heard|knew|told \w+)(?: \w+){0,5}? (?:was|were|wasn't"
    r"|weren't)\b"
    r"|(?:remembers?|recall|reminds? (?:me|us|him|her) of)\b(?! (?:to|that)\b)"
    rf"|(?:(?:has|have|had|'s|'ve) {_ADVERBS})?(?:decided|agreed|promised|planned|wanted|hoped|offered|asked|told"
    r"|expected|arranged|invited|refused|intended|threatened|swore|vowed|scheduled|chose|advised|recommended|reminded|encouraged|urged|begged"
    r"|instructed|ordered|warned|persuaded|convinced)"
    rf"(?: (?:{_DETERMINERS} )?\w+)?(?: not)? to \w+"
    r"|said (?:not )?to (?!(?:me|you|him|her|us|them|my|your|his|our|their|the|every\w+|mum|mom|dad)\b)\w+"
    r"|(?:recommended|advised) \w+ing\b"
    r"|(?:gave|given|got|gotten|made|found|received|accepted|secured|offered)(?: \w+){0,4}? "
    r"(?:appointment|reservation|booking|invitation|invite|interview|slot|viewing|ticket|seat)s?\b",
    "polite": r"(?:would|'d) (?:you |it |that |anyone |he |she |they |we |i )?(?:be )?(?:like|love|mind|suit|prefer"
    r"|work)\b"
    r"|(?:could|can|will|won't|would) (?:you|we|i|someone|anyone|he|she|they)\b|'d better"
    r"|(?:would|could|might|does)\Z",  # "would Friday work?"
    "offer": rf"(?:i|we|you) could (?:\w+ly |also |just |maybe |perhaps |even |always )*(?:{'|'.join(_ARRANGED)})\b",
    "conditional": r"would(?:n't)?\b|'d\b|could(?:n't)?\b|as if\b",
    "got": r"(?:have|has|'ve|haven't|hasn't)(?: (?:you|we|they|i|he|she|it|anyone))? got\b(?! (?:married|engaged"
    r"|divorced|worse|better|used|\w+ed)\b)",
    "perfect": rf"(?:have|has|'ve|haven't|hasn't|having)(?: (?:i|you|we|they|he|she|it|anyone))? {_ADVERBS}"
    rf"(?:\w{{2,}}ed|{'|'.join(_PARTICIPLES)}|got(?= married| engaged| divorced))\b",
    "ahead": r"(?:will|won't|shall|shan't)\b|'ll\b|going to|gonna|wanna|gotta|let ?'s|let us|lets\b"
    r"|(?:plan|plans|planning|hope|hopes|hoping|want|wants|wanting|need|needs|have|has|intend|intends) to\b"
    r"|(?:hopefully|upcoming|coming up|due|deadline|expires?)\b|looking? forward|can't wait|cannot wait"
    r"|(?<!to )see you|excited (?:for|to|about)|should\b|must\b|might\b|(?:i|we|he|she|it|they|you|who) may\b"
    r"|may (?:i|we|be)\b"
    r"|can(?:'t|not)?\b|aim(?:ing)? to|about to|set to|scheduled (?:for|to)"
    rf"|{_BE} {_ADVERBS}(?:supposed|meant|due|expected|scheduled|set|about|ready|able|free) to\b"
    rf"|{_BE} (?:(?:you|we|they|i|he|she|it|your \w+|the \w+|my \w+) )?{_ADVERBS}(?!(?:nothing|something|anything"
    rf"|everything|during|morning|evening)\b)\w{{2,}}ing\b"
    r"|'s (?!(?:nothing|something|anything|everything|during|morning|evening)\b)\w{2,}ing\b(?= |$)"
    r"|\bno later than|don't forget|remember to|remind (?:me|us|him|her|them)"
    r"|good luck|wish (?:me|us|him|her|them) luck\b",
    "scheduled": rf"gets? (?:married|engaged|divorced)\b|(?:{'|'.join(_SCHEDULED)})\b(?! to\b)|(?:have|has|'ve) (?:an?"
    rf"|another|two|three)\b|works? for (?:me|us|you)\b|suits? (?:me|us|you)\b"
    r"|(?:fl(?:y|ies)|moves?|returns?|sails?) to\b(?! (?:be|\w+ing)\b)",
    "present": rf"do (?:you|we|they|i)\b|does (?:he|she|it|the \w+|your \w+)\b|{_BE} {_ADVERBS}\w{{3,}}ed\b"
    rf"|{_BE}(?= |$|,)|(?<=\w )'s$|(?:{'|'.join(_ALSO_USUAL)})\b(?! to\b)",
    "back": rf"had {_ADVERBS}(?:{'|'.join(_PARTICIPLES)})\b"
    rf"|(?:{'|'.join(_IRREGULAR)})\b|{_NO_PAST}\w{{2,}}ed\b|(?:thank(?:s| you)(?: again| so much)?"
    rf"|congrat(?:s|ulations)) (?:for|on)\b|ago\b",
}
_SIGN = re.compile(r"(?<![\w])(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _SIGNS.items()) + ")")
_NO_VERB_AFTER = re.compile(r"\b(?:to|the|a|an|my|our|your|his|her|their|its|of|for|at|from|on) $")  # "on leave"
_PASSIVE = re.compile(r"\b(?:be|get|gets|being|getting|have)(?: \w+ly| all| not)? $")
_HAS_IT_DONE = re.compile(  # "we need the car fixed by Friday", "I'm getting my hair cut"
    r"(?<!\w)(?:needs?|wants?|gets?|getting|have|has|having|would like|'d like)"
    r" (?:(?:an?|the|my|your|our|his|her|its|their|this|that|these|those|both|all|some|one|two|three)(?: \w+){1,3}"
    r"|it|them|him|her|me|us|you|everything|\w+s) $"
)
_BARE_AFTER = re.compile(r"\b(?:let|made|saw|heard|watched|helped|felt|had|seen|make|help)(?: \w+){1,3} $")
_POSSESSIVE_PLACE = re.compile(r"\b(?:at|to|from|by|in|near|outside|round|around|past)(?: \w+){1,3} $")
_GERUND_OPENING = re.compile(
    r"(?:\w+ly |just |now |and |so )*(?:heading|going|leaving|flying|moving|meeting|seeing|starting|having|getting"
    r"|taking|driving"
    r"|travell?ing|visiting|coming|picking|hosting|throwing|launching|running|doing|playing|performing|returning"
    r"|off to)\b"
)
_CONTRACTED = re.compile(r"(?<=\w)(?='(?:ll|m|re|ve|d|s)\b)")
_SAME_IN_PAST = re.compile(r"(?:put|set|read|cut|hit|quit|shut|spread|beat|let|cost|hurt)\b")  # an order or a report
_HABIT = re.compile(
    r"\b(?:always|usually|often|normally|generally|typically|sometimes|occasionally|rarely|seldom|every"
    r"|each(?! other)|whenever|used to"
    r"|as a rule|regularly|most (?:weeks|years|months)|nowadays|these days|once a|twice a|weekly|monthly|yearly"
    r"|annually)\b"
)
_NEVER = re.compile(r"\bnever\b")
_ON_PLURAL = re.compile(r"\bon (?:mon|tues|wednes|thurs|fri|satur|sun)days\b")
_CONDITION = re.compile(  # "if it rains on Saturday"
    r"(?:(?:if|unless|in case|even if)|.* (?:in case|even if)) (?:it|he|she|they|we|you|i|there|the \w+|my \w+) "
    r"(?:(?:don't|doesn't|isn't|aren't|can't|not) )?[a-z]+"
)
_WITH_INFINITIVE = frozenset(("unclear", "polite", "offer", "conditional", "ahead"))
_PAST_SIGNS = frozenset(("back", "perfect"))
_CLOCK = re.compile(
    r",?\s*(?:at|@)\s*(?:\d|noon|midnight|half|quarter|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven"
    r"|twelve)\b)"
)
_SENTENCE_END = re.compile(r"[!?\n;…]|\.(?=\s|$)")
_CLAUSE_END = re.compile(
    r"[,:()—–]| - |\b(?=(?:and|but|so|because|that|which|who|whom|while|if|unless|although|though|whereas|then|when"
    r"|as|or)\b)"
)
_CONJUNCTION = re.compile(r"(?:and|but|so|because|that|which|while|if|then|when|as|or|early|late|just|only)?")
_IMPERATIVE_OPENING = re.compile(
    r"(?:(?:please|so|then|and|ok|okay|just|also|well|hey|yes|no|oh|now|but)\b[ ,]*)*"
    rf"(?:{'|'.join(_IMPERATIVE)})\b(?! of\b)"
)


def look_around(text: str, start: int, end: int) -> Look:
    """Where the clause around `text[start:end]` looks. `text` is folded: lower case, straight apostrophes."""
    return _look(text[max(0, start - _REACH) : start], text[end : end + _REACH])


@lru_cache(maxsize=2048)  # several handlers ask about the same words, and a list of dates repeats what is around them
def _look(before: str, after: str) -> Look:
    """Where the clause looks that `before` and `after` make around what is asked about."""
    ends_before = list(_SENTENCE_END.finditer(before))
    if ends_before:
        before = before[ends_before[-1].end() :]
    ends_after = _SENTENCE_END.search(after)
    asks = ends_after is not None and ends_after[0] == "?"
    if ends_after:
        after = after[: ends_after.start()]
    *earlier, own_before = _clauses(before)
    own_after, *later = _clauses(after)
    clauses_before, clauses_after = [*filter(None, earlier), own_before], [own_after, *filter(None, later)]
    own = f"{clauses_before[-1]} {clauses_after[0]}"
    opens = _CONJUNCTION.fullmatch(clauses_before[-1]) is not None
    way = _own_clause(clauses_before, clauses_after)
    if way is None:
        way = _other_clauses(clauses_before, clauses_after, opens)
    if way is None:  # "dentist on Friday at nine"
        way = Look("ahead", strong=False) if asks or _CLOCK.match(after) else Look("open")
    habit = _HABIT.search(own) or (opens and len(clauses_after) > 1 and _HABIT.search(clauses_after[1]))
    habit = habit or (not way.strong and _ON_PLURAL.search(f"{before} {after}"))
    if habit or (_NEVER.search(own) and way.way != "back" and not way.strong):
        way = Look("habit")
    return way._replace(asks=asks)


def _clauses(text: str) -> list[str]:
    """The clauses in order, words apart by one space, contractions as words: "we 'll"."""
    return [" ".join(_CONTRACTED.sub(" ", clause).split()) for clause in _CLAUSE_END.split(text)]


def _own_clause(before: list[str], after: list[str]) -> Look | None:
    """The sign of the clause that the words are in."""
    signs = list(_signs(before[-1]))
    first_clause = len(before) == 1 or not any(before[:-1])
    if first_clause or before[-1]:
        opening = _IMPERATIVE_OPENING.match(before[-1])
        if opening and not any(name in ("back", "unclear") and end > opening.end() for name, end in signs):
            return Look("ahead")
    if _SAME_IN_PAST.match(before[-1]) and len(signs) == 1:
        return Look("unclear")
    if signs:
        name, place = signs[-1]
        if name == "back" and before[-1].startswith("if ") and _says_would(before[:-1] + after):
            return Look("unclear")  # "if he came on Friday, I'd be glad"
        if name == "offer" and any(other in _PAST_SIGNS for one in before + after for other, _ in _signs(one)):
            return Look("unclear")  # "it was so hot that we could go swimming"
        return _read(name, beside=place == len(before[-1]))
    if _CONDITION.match(before[-1]):
        usual = any(_HABIT.search(one) or _NEVER.search(one) for one in before + after)
        return Look("habit") if usual else Look("ahead")
    if first_clause and _GERUND_OPENING.match(before[-1]):
        return Look("ahead")
    following = list(_signs(after[0]))
    if following:
        return _read(following[0][0], beside=False)._replace(follows=True)
    return None


def _says_would(clauses: list[str]) -> bool:
    return any(name in ("conditional", "offer") for clause in clauses for name, _ in _signs(clause))


def _other_clauses(before: list[str], after: list[str], opens: bool) -> Look | None:
    """The sign of the nearest clause around that has one: what follows first, where the words open their clause."""
    earlier = [signs[-1][0] for clause in reversed(before[:-1]) if (signs := list(_signs(clause)))]
    later = [signs[0][0] for clause in after[1:] if (signs := list(_signs(clause)))]
    if opens and later and _IMPERATIVE_OPENING.match(after[1]):
        return Look("ahead")
    order = later[:1] + earlier[:1] if opens else earlier[:1] + later[:1]
    imperative = any(_IMPERATIVE_OPENING.match(clause) for clause in (after[1:2] if opens else before[:1]))
    if order:
        return _read(order[0], beside=False)
    return Look("ahead") if imperative else None


def _signs(clause: str) -> list[tuple[str, int]]:
    """The names of the signs in a clause, in order, with where each ends."""
    signs: list[tuple[str, int]] = []
    auxiliary = False  # "did you see", "I'd rather move": the verb after it says nothing about time
    for match in _SIGN.finditer(clause):
        name = str(match.lastgroup)
        if name in ("scheduled", "present") and _NO_VERB_AFTER.search(clause, max(0, match.start() - 8), match.start()):
            continue
        if name == "back" and _PASSIVE.search(clause, max(0, match.start() - 24), match.start()):
            continue  # "it has to be paid", "she gets married"
        if name == "back" and _HAS_IT_DONE.search(clause, max(0, match.start() - 48), match.start()):
            name = "ahead"
        if name in ("scheduled", "present") and _is_bare_infinitive(clause, match):
            continue
        is_infinitive = auxiliary or clause[: match.start()].endswith("to ")
        if name == "back" and is_infinitive and _SAME_IN_PAST.match(match[0]):
            continue  # "I'll let you know", "time to read it"
        if name == "ahead" and match[0] in ("due", "deadline") and signs and signs[-1][0] in _PAST_SIGNS:
            name = "unclear"  # "we missed the deadline"
        if auxiliary and (name == "perfect" or (name in ("scheduled", "present") and not match[0].endswith("s"))):
            continue
        signs.append((name, match.end()))
        auxiliary = name in _WITH_INFINITIVE or match[0].startswith(("did", "do ", "does "))
    return signs


def _is_bare_infinitive(clause: str, match: re.Match[str]) -> bool:
    """Whether what looks like a present tense is none: "she helped us move", or "'s" of a place, "at Anna's"."""
    before = max(0, match.start() - 48), match.start()
    if match[0] == "'s":
        return _POSSESSIVE_PLACE.search(clause, *before) is not None
    return not match[0].endswith("s") and _BARE_AFTER.search(clause, *before) is not None


def _read(name: str, beside: bool) -> Look:
    if name in _PAST_SIGNS:
        return Look("back", beside=beside)
    if name in ("ahead", "polite", "offer", "scheduled", "got"):
        return Look("ahead", beside=beside)
    if name == "present":
        return Look("ahead", strong=False, beside=beside)
    return Look("unclear")
