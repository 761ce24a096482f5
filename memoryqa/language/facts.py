"""Facts in a text: the numbers, names, dates and `key: value` pairs in it, in pieces short enough to quote.

A name is a capitalised word that does not merely open its sentence. Scripts without capitals have no names here; their
numbers are found all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from memoryqa.language.dates import dated_text
from memoryqa.language.word_lists import COURTESY_WORDS, FILLER_WORDS, STOPWORDS
from memoryqa.tokens import encoding
from memoryqa.turns import HANDLE_PREFIX, Turn

MAX_FACT_CHARS = 160  # a longer sentence becomes several facts, so that one of them fits a small summary

_COURTEOUS = STOPWORDS | FILLER_WORDS | COURTESY_WORDS
_ABBREVIATION = re.compile(r"(?:\b(?:[A-Za-z]|Drs?|Mrs?|Ms|Prof|St|vs|etc|No|Inc|Jr|Sr)|\b[a-z]\.[a-z])\.$")

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_OPENING = re.compile(r"(?:^|[.!?…。！？:;\n])[\s\"“”'‘’(\[{*•>#-]*")
_SENTENCE_END = re.compile(r"[.!?…]+[\"”’')\]]*\s+|[。！？]+[”’」』）]*")
_PAIR = re.compile(
    r"['\"]?([^\W\d][\w .%-]{0,30}?)['\"]?\s*(?:=|:(?=\s))\s*"  # key, = or :
    r"['\"]?([^\s'\"=:](?:(?!:\s)[^'\"=]){0,38}?)['\"]?"
)
_PAIR_BREAK = re.compile(r"[,;]\s+")


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of what was said: one line of at most `MAX_FACT_CHARS`, after the speaker's name if there is one.

    `handle` names the entry it comes from, whole. `specificity` grows with numbers, dates and names per length; 0.0 is
    a piece that is not worth quoting.
    """

    text: str
    handle: str
    specificity: float


def numbers(text: str) -> frozenset[str]:
    """The numbers of `text` as written, without the commas of thousands: `1,523.5` is "1523.5", `12:30` "12:30"."""
    found = (_THOUSANDS.sub("", written).split(",") for written in _NUMBER.findall(text))
    return frozenset(number for group in found for number in group)


def number_forms(text: str) -> frozenset[str]:
    """`numbers`, and the parts of dates, times and ranges too: whoever wrote `2023-05-08` has said "8"."""
    found = numbers(text)
    parts = (part for number in found for part in re.split(r"[:/-]", number))
    return found | {part.lstrip("0") or "0" for part in parts} | {part for n in found for part in re.split("[:/-]", n)}


def _bare(word: str) -> str:
    return word.removesuffix("'s").removesuffix("’s").casefold()


def words(text: str) -> frozenset[str]:
    """The words of `text` in lower case, without a possessive 's."""
    return frozenset(_bare(word) for word in _WORD.findall(text))


@lru_cache(maxsize=65_536)
def _is_ordinary(word: str) -> bool:
    """Whether `word` (lower case) is one that may open a sentence, rather than a name: it is in the tokenizer's
    vocabulary, and was learned earlier there, that is met more often, without a capital than with one."""
    stem = re.split("['’]", word)[0]
    if stem in _COURTEOUS:
        return True
    lower, upper = (encoding().encode_ordinary(f" {form}") for form in (stem, stem.capitalize()))
    if len(lower) > 1 and len(upper) > 1 and len(stem) > 5 and stem.endswith("s"):
        return _is_ordinary(stem[:-1])  # "ledgers" is too rare for the vocabulary
    return len(lower) == 1 and (len(upper) > 1 or lower < upper)


def names(text: str) -> frozenset[str]:
    """The names in `text`, in lower case, word by word."""
    openings = {match.end() for match in _OPENING.finditer(text)}
    found = set()
    for match in _WORD.finditer(text):
        word = match[0]
        if word == word.lower():
            continue
        bare = _bare(word)
        if len(bare) < 2 or bare in STOPWORDS:
            continue
        opens_only = match.start() in openings and (word[1:].islower() or word.isupper()) and _is_ordinary(bare)
        if not opens_only and not re.match("i['’]", bare):  # "I'm"
            found.add(bare)
    return frozenset(found)


def probes(text: str) -> frozenset[str]:
    """What a later question may ask of `text`: its numbers, dates (as numbers and month names) and names."""
    return numbers(text) | names(text)


def shown(text: str) -> frozenset[str]:
    """Every probe that a reader of `text` could answer."""
    return number_forms(text) | words(text)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, line by line, white space collapsed. "Dr." and "p.m." end none."""
    found = []
    for line in text.splitlines():
        start = 0
        for match in _SENTENCE_END.finditer(line):
            if not _ABBREVIATION.search(line[start : match.end()].rstrip()):
                found.append(line[start : match.end()])
                start = match.end()
        found.append(line[start:])
    return [flat for sentence in found if (flat := " ".join(sentence.split()))]


def _pieces(sentence: str) -> Iterator[str]:
    """`sentence` in pieces of at most `MAX_FACT_CHARS`, cut between words; a longer word is cut too."""
    while len(sentence) > MAX_FACT_CHARS:
        cut = sentence.rfind(" ", 1, MAX_FACT_CHARS + 1)
        cut = MAX_FACT_CHARS if cut < 1 else cut
        yield sentence[:cut]
        sentence = sentence[cut:].lstrip(" ")
    if sentence:
        yield sentence


def _as_pairs(sentence: str) -> str:
    """`accuracy: 0.87, total: 1523` as `accuracy=0.87, total=1523`; `sentence` itself when it is anything else."""
    inner = sentence.strip("{}[]() ")
    matches = [_PAIR.fullmatch(part) for part in _PAIR_BREAK.split(inner)]
    if not all(match and len(match[1].split()) <= 2 and len(match[2].split()) <= 2 for match in matches):
        return sentence
    if any(match and match[1].endswith(("Error", "Exception")) for match in matches):
        return sentence
    return ", ".join(f"{match[1].strip()}={match[2].strip()}" for match in matches if match)


def specificity(text: str) -> float:
    """Numbers, dates and names per length; plain words count little, and courtesies nothing.

    A longer number says more, a pair says what its number is of, and a number alone says little.
    """
    weight = sum(0.5 + 0.5 * min(sum(c.isdigit() for c in number), 6) for number in numbers(text))
    weight += 1.5 * len(names(text))
    weight += 1.0 if re.fullmatch(r"[^=:]{1,31}=.+", text) else 0.0
    weight += 0.1 * len(words(text) - _COURTEOUS)
    return weight / (4 + len(text) / 5) * (1.0 if _WORD.search(text) else 0.5)


def find_facts(text: str, handle: str, *, speaker: str = "", with_pairs: bool = False) -> tuple[Fact, ...]:
    """All of `text` as facts, in order: no word of it is in none. `with_pairs`: reports of a program, where `a: 1` is a
    pair and no speech. `speaker` is put before each."""
    lead = f"{' '.join(speaker.split())[:40]}: " if speaker.strip() else ""
    facts = []
    for sentence in sentences(text):
        for piece in _pieces(_as_pairs(sentence) if with_pairs else sentence):
            facts.append(Fact(lead + piece, handle, specificity(piece)))
    return tuple(facts)


def facts_of(turn: Turn) -> tuple[Fact, ...]:
    """The sentences of a turn, relative dates resolved, and its photo's caption, after the speaker's name."""
    caption = f"(photo: {' '.join(turn.caption.split())})" if turn.caption.strip() else ""
    return find_facts(f"{dated_text(turn)}\n{caption}", HANDLE_PREFIX + turn.id, speaker=turn.speaker)


def rank(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Most specific first, and of equals the newest; `facts` are given oldest first. Of repeats the newest stays."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        newest.pop(fact.text.casefold(), None)
        newest[fact.text.casefold()] = fact
    newest_first = list(newest.values())[::-1]
    return tuple(sorted(newest_first, key=lambda fact: -fact.specificity))
