"""Answers what somebody or something is called, and who has a part: with a name, or not at all.

    What is the name of Ana's boat?    4 Ana: We painted the boat. She is called Dorotea now.    Dorotea
    Who is Ana's coach?                7 Ana: My coach Ilse wants me to swim more.               Ilse

The noun that the question asks for must be in the sentence, or in the lines said just before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memoryqa.language.lexicon.kinds import kinds
from memoryqa.language.lexicon.ordinary_words import is_ordinary
from memoryqa.offline_reader.ranking import STOPWORDS, Ranking, Sentence, lines_before, tokenize
from memoryqa.turns import MONTHS

_ASKED = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"what(?:['’]s| is| was| are| were) (?:the )?(?:\w+ )?names? of (?P<thing>.+)",
        r"what(?:['’]s| is| was| are| were) (?P<thing>.+?)(?:['’]s?)? names?",
        r"what(?:['’]s| is| was| are| were) (?P<thing>.+?) (?:called|named)",
        r"(?:what|how) (?:does|did|do|has|have) (?:\S+ )(?:call|name)d? (?P<thing>.+)",
        r"who(?:['’]s| is| was| are| were) (?P<thing>(?:my|our|your|the|\S+['’]s?)(?: [a-z][\w-]*){1,3})",
    )
)
_CUT = re.compile(r" (?:that|who|which|whom|she|he|they|it|i|we|in|at|from|for|on|with|of|about)\b.*|,.*", re.I)
_SEVERAL = re.compile(r"what (?:are|were)\b|who (?:are|were)\b", re.I)
_TITLE = r"(?:(?:Mr|Mrs|Ms|Dr|Prof|Sr|Sra|Professor|Doctor|Aunt|Uncle|Coach|Captain)\.? )?"
_WORD = r"[^\W\d_a-z](?:[\w'’-]*\w)?"
_LINK = r"(?:of|the|de|der|den|van|von|und|da|du|des|do|dos|di|del|la|al|el|y|et|zum|zur)"
_ONE = rf'(?:["“‘]?{_TITLE}{_WORD}(?: (?:{_LINK} )?{_WORD}){{0,5}})'
_NAMES = rf'(?P<names>{_ONE}["”]?(?:, {_ONE}["”]?){{0,6}}(?:,? (?:and|&) {_ONE}["”]?)?)'
_DETERMINER = r"(?:my|our|his|her|their|its|the|your|this|that|[\w-]+['’]s)"
_CALLED = re.compile(rf"\b(?:nick)?(?:called|named) (?:(?:him|her|it|them) )?{_NAMES}")
_NAME_IS = re.compile(rf"\b[Nn]ames?(?:['’]s| is| was| are| were|:| will be)(?: now| going to be)? {_NAMES}")
_NAMING = re.compile(
    r"\b(?:named|name|call|called|calls|christened|baptised) "
    rf"(?:him|her|it|them|{_DETERMINER} (?P<thing>[a-z][\w-]*(?: [a-z][\w-]*)?)) {_NAMES}"
)
_PHONED = re.compile(
    r"\b(?:I|he|she|we|they|you|who|just|then|and|have|has|had|not|to|\w+ed) called (?!him |her |it )", re.I
)
_SHOWN = re.compile(
    r"\b(?:[Mm]eet|[Tt]his is|[Ss]ay (?:hi|hello) to|[Aa]sk for|[Ww]elcome|[Tt]hese are|[Ii]t['’]s|[Tt]hat['’]s) "
    rf"{_NAMES}"
)
_BEHIND = re.compile(rf"(?:,? |: | (?:is|was|are|were|will be) |\s\(){_NAMES}")
_AHEAD = re.compile(rf"{_NAMES}(?:,| is| was| are| were|['’]s| \(| -) {_DETERMINER} (?:[a-z][\w-]* ){{0,2}}$")
_AHEAD_CHARS = 80
_BEFORE_CHARS = 160
_A_NAME = re.compile(_ONE)
_MYSELF = re.compile(r"(?:and |so |yes |then )?I(?:['’](?:ve|m|ll))?(?: \w+){0,4}", re.I)
_WHO_DOES = re.compile(
    r"who (?!(?:is|was|are|were|do|does|did|will|would|can|could|should|may|might)\b)[a-z]+ .+", re.I
)
_WHO_WITHIN, _WHO_OVERLAP = 3, 0.5
_NOT_NAMES = frozenset(
    "i i'm i'll i've i'd monday tuesday wednesday thursday friday saturday sunday english german french "
    "spanish italian danish polish christmas easter mom dad mum wow haha yes no oh ok okay god lol tv pm "
    "am the a an my our his her their it he she they we you this that what who where when why how".split()
) | {month.lower() for month in MONTHS}
_IN_SENTENCE, _NEAR, _SHOWS = 0.6, 0.3, 0.1
_SEVERAL_WITHIN = 0.8
_LEAST_SCORE = 1.0  # below the best sentence


@dataclass(frozen=True, slots=True)
class Named:
    """Names that answer, as the sentence has them."""

    text: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class _Thing:
    """What is asked for: the stem of its noun, that of kinds of it, and of what else is said of it."""

    noun: str
    alike: frozenset[str]
    others: frozenset[str]
    several: bool


def asked_thing(question: str) -> str:
    """The thing whose name is asked for, in the question's words; "" for a question that asks for no name."""
    bare = question.rstrip(" ?.!")
    match = next((found for pattern in _ASKED if (found := pattern.fullmatch(bare))), None)
    return _CUT.sub("", match["thing"]) if match else ""


def answer_name(ranking: Ranking) -> Named | None:
    """The name asked for; None where the best sentences have none."""
    thing = _thing(ranking)
    if thing is None or not ranking.sentences:
        return None
    found: list[tuple[float, Named]] = []
    for sentence in ranking.sentences:
        if sentence.is_caption or sentence.score < ranking.sentences[0].score - _LEAST_SCORE:
            continue
        for bonus, names in _names(ranking, sentence, thing):
            others = 0.3 * len(thing.others & sentence.tokens.stem_set)
            found.append((sentence.score + bonus + others, Named(names, sentence)))
    if not found:
        return None
    found.sort(key=lambda one: -one[0])
    best = found[0][1]
    if not thing.several:
        return best
    texts: dict[str, None] = {}
    for score, named in found:
        if score < found[0][0] - _SEVERAL_WITHIN:
            break
        texts.update(dict.fromkeys(_separate(named.text)))
    return Named(", ".join(texts), best.sentence)


def _thing(ranking: Ranking) -> _Thing | None:
    said = asked_thing(ranking.question)
    words = [
        one
        for word, one in zip(tokenize(said).words, tokenize(said).stems, strict=True)
        if word.lower() not in STOPWORDS and one in ranking.stems
    ]
    if not words:
        return None
    noun = words[-1]
    several = bool(_SEVERAL.match(ranking.question)) or " names" in ranking.question
    return _Thing(noun, frozenset((noun, *kinds(noun))), frozenset(words[:-1]), several)


def _names(ranking: Ranking, sentence: Sentence, thing: _Thing) -> Iterator[tuple[float, str]]:
    """(bonus, names) for each place of the sentence that gives the thing a name."""
    text = sentence.tokens.text
    for place, one in enumerate(sentence.tokens.stems):
        if one in thing.alike:
            start, end = sentence.tokens.spans[place]
            yield from ((_IN_SENTENCE, names) for names in _beside(ranking, text, start, end))
    for pattern in (_NAME_IS, _CALLED, _NAMING):
        for match in pattern.finditer(text):
            if pattern is _CALLED and _PHONED.search(text[: match.start("names")], max(0, match.start() - 12)):
                continue
            names = _checked(ranking, match["names"])
            before = tokenize(_just_before(match)).stem_set
            if names and not thing.alike.isdisjoint(before):
                yield _IN_SENTENCE, names
            elif names and not _other_thing(match) and _is_spoken_of(ranking, sentence, thing):
                yield _NEAR, names
    for match in _SHOWN.finditer(text):
        if (names := _checked(ranking, match["names"])) and _is_spoken_of(ranking, sentence, thing):
            yield _SHOWS, names


def _just_before(match: re.Match[str]) -> str:
    start = match.start("names")
    return match.string[max(0, start - _BEFORE_CHARS) : start]


def _other_thing(match: re.Match[str]) -> bool:
    """Whether the sentence itself says that something else bears the name: "the boat is called ..."."""
    pronouns = {"he", "she", "it", "they", "his", "her", "their", "its", "one", "him", "them"}
    return pronouns.isdisjoint(word.lower() for word in tokenize(_just_before(match)).words)


def _beside(ranking: Ranking, text: str, start: int, end: int) -> Iterator[str]:
    """Names right beside a noun: "my coach Ilse", "Ilse, my coach", "Ilse is my coach", "my coach is Ilse"."""
    after = _BEHIND.match(text, end)
    if after and (names := _checked(ranking, after["names"])):
        is_addressed = text[end] == "," and names in {line.speaker for line in ranking.lines}
        if not is_addressed:
            yield names
    before = _AHEAD.search(text[max(0, start - _AHEAD_CHARS) : start])
    if before and (names := _checked(ranking, before["names"])):
        yield names


def _is_spoken_of(ranking: Ranking, sentence: Sentence, thing: _Thing) -> bool:
    """Whether the line, or one just before it, says the thing."""
    lines = (sentence.line, *lines_before(ranking, sentence.index))
    return any(not thing.alike.isdisjoint(tokenize(line.text).stem_set) for line in lines)


def _checked(ranking: Ranking, names: str) -> str:
    """The names without what is no name; "" where nothing is left, or where the question has them all."""
    kept = [one for one in _separate(names) if _is_name(ranking, one)]
    if len(kept) == len(_separate(names)):
        return names.strip(' "“”‘')
    return ", ".join(kept)


def _is_name(ranking: Ranking, name: str) -> bool:
    words = [word.lower().replace("’", "'").removesuffix("'s") for word in tokenize(name).words]
    asked = {word.lower().replace("’", "'").removesuffix("'s") for word in tokenize(ranking.question).words}
    return bool(words) and words[0] not in _NOT_NAMES and not asked.issuperset(words)


def _separate(names: str) -> list[str]:
    return [one.strip(' "“”‘') for one in re.split(r",? (?:and|&) |, ", names) if one.strip(' "“”‘')]


def answer_who(ranking: Ranking) -> Named | None:
    """Who did what the question says: the name before its words in a good sentence, else who says it of themselves.

    Only where the question asks for the subject: "Who got a letter?", and not "Who did Ana meet?".
    """
    if not _WHO_DOES.fullmatch(ranking.question.rstrip(" ?.!")):
        return None
    speakers = {line.speaker for line in ranking.lines}
    for sentence in ranking.sentences[:_WHO_WITHIN]:
        text = sentence.tokens.text
        if sentence.is_caption or sentence.overlap < _WHO_OVERLAP or text.rstrip().endswith("?"):
            continue
        places = [at for at, one in enumerate(sentence.tokens.stems) if one in ranking.stems]
        before = text[: sentence.tokens.spans[places[0]][0]]
        clause = re.split(r"[,;:.!?]", before)[-1]
        names = [one[0] for one in _A_NAME.finditer(clause) if _is_name(ranking, one[0])]
        if names and (names[-1] in speakers or not is_ordinary(names[-1].lower())):
            return Named(names[-1], sentence)
        is_mine = not clause.strip() or _MYSELF.fullmatch(clause.strip())
        if is_mine and sentence.line.speaker and sentence.line.speaker not in ranking.named:
            return Named(sentence.line.speaker, sentence)
    return None
