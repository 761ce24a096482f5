"""Facts in a text: its sentences in pieces short enough to quote, weighed by numbers, names, dates and pairs.

A name is a capitalised word that does not merely open its sentence. In scripts without capitals no names are found, but
numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from memoryqa.language.dating.dates import dated_text
from memoryqa.language.lexicon.word_lists import COURTESY_WORDS, FILLER_WORDS, STOPWORDS
from memoryqa.tokens import encode
from memoryqa.turns import HANDLE_PREFIX, Turn, photo

MAX_FACT_CHARS = 160  # a longer sentence becomes several facts, so that each fits into a small summary

_COURTEOUS = STOPWORDS | FILLER_WORDS | COURTESY_WORDS
_ABBREVIATION = re.compile(r"(?:\b(?:[A-Za-z]|Drs?|Mrs?|Ms|Prof|St|vs|etc|No|Inc|Jr|Sr)|\b[a-z]\.[a-z])\.$")

_MOST_KEPT, _LONGEST_KEPT = 65_536, 64  # words of which it is remembered whether they are names, and their characters
_LONGEST_END = 16  # characters in which an abbreviation with its stop is looked for

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# in ASCII text, those that have a capital, perhaps behind an apostrophe
_WITH_CAPITAL = re.compile(r"(?<![A-Za-z])(?<![A-Za-z]')(?=[a-z']*+[A-Z])[A-Za-z]++(?:'[A-Za-z]++)*+")
_OPENERS = frozenset(".!?…。！？:;")  # after these a word opens a sentence, with white space or these between:
_BEFORE_OPENING = frozenset("\"“”'‘’([{*•>#-")
# a run of stops is looked at from its first one only: from each of them, a long run would take quadratic time
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]+[\"”’')\]]*\s+|[。！？]+[”’」』）]*")
_PAIR = re.compile(
    r"['\"]?([^\W\d][\w .%-]{0,30}?)['\"]?\s*(?:=|:(?=\s))\s*"  # key, = or :
    r"['\"]?([^\s'\"=:](?:(?!:\s)[^'\"=]){0,38}?)['\"]?"
)
_PAIR_BREAK = re.compile(r"[,;]\s+")


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of what was said: one line of at most `MAX_FACT_CHARS`, after the speaker's name if there is one.

    `handle` names the entry that contains the whole text. `specificity` grows with numbers, dates and names per length;
    0.0 means that the piece is not worth quoting.
    """

    text: str
    handle: str
    specificity: float


def numbers(text: str) -> frozenset[str]:
    """The numbers of `text` as written, without commas of thousands: "1523.5" for `1,523.5`, "12:30" for `12:30`."""
    if not (written := _NUMBER.findall(text)):
        return frozenset()
    found = (_THOUSANDS.sub("", one).split(",") for one in written)
    return frozenset(number for group in found for number in group)


def number_forms(text: str) -> frozenset[str]:
    """`numbers`, and the parts of dates, times and ranges: a reader of `2023-05-08` has read "8"."""
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
    """Whether `word` (lower case) is an ordinary word rather than a name, so that it may open a sentence.

    Ordinary words are single tokens, and the tokenizer learned the form without a capital first: it is more frequent.
    """
    stem = re.split("['’]", word)[0]
    if stem in _COURTEOUS:
        return True
    lower, upper = (encode(f" {form}") for form in (stem, stem.capitalize()))
    if len(lower) > 1 and len(upper) > 1 and len(stem) > 5 and stem.endswith("s"):
        return _is_ordinary(stem[:-1])  # "ledgers" is too rare for the vocabulary
    return len(lower) == 1 and (len(upper) > 1 or lower < upper)


class _NameWords(dict[str, str]):
    """By word, as it is written, what it is as a name; "" for one that is none, wherever it stands."""

    def __missing__(self, word: str) -> str:
        bare = "" if word.islower() or word == word.lower() else _bare(word)
        if len(bare) < 2 or bare in STOPWORDS or re.match("i['’]", bare):  # "I'm"
            bare = ""
        if len(word) <= _LONGEST_KEPT:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[word] = bare
        return bare


_NAME_WORDS = _NameWords()
_name_of = _NAME_WORDS.__getitem__


def names(text: str) -> frozenset[str]:
    """The names in `text`, in lower case, word by word."""
    found = set()
    for match in (_WITH_CAPITAL if text.isascii() else _WORD).finditer(text):
        word = match[0]
        if not (bare := _name_of(word)):
            continue
        may_open = word[1:].islower() or word.isupper()
        if not (may_open and _opens_sentence(text, match.start()) and _is_ordinary(bare)):
            found.add(bare)
    return frozenset(found)


def _opens_sentence(text: str, start: int) -> bool:
    """Whether what begins at `start` opens a sentence or a line."""
    for place in range(start - 1, -1, -1):
        sign = text[place]
        if sign == "\n" or sign in _OPENERS:
            return True
        if not sign.isspace() and sign not in _BEFORE_OPENING:
            return False
    return True


def probes(text: str) -> frozenset[str]:
    """What a later question may ask about `text`: its numbers, names and dates (as numbers and month names)."""
    return numbers(text) | names(text)


def shown(text: str) -> frozenset[str]:
    """All probes that a reader of `text` can answer."""
    return number_forms(text) | words(text)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, line by line, white space collapsed. "Dr." and "p.m." do not end a sentence."""
    found = []
    for line in text.splitlines():
        start = 0
        for match in _SENTENCE_END.finditer(line):
            end = match.start() + len(match[0].rstrip())
            if not _ABBREVIATION.search(line[max(start, end - _LONGEST_END) : end]):
                found.append(line[start : match.end()])
                start = match.end()
        found.append(line[start:])
    return [flat for sentence in found if (flat := " ".join(sentence.split()))]


def _pieces(sentence: str) -> Iterator[str]:
    """Cuts `sentence` between words into pieces of at most `MAX_FACT_CHARS`; a longer word is cut inside."""
    while len(sentence) > MAX_FACT_CHARS:
        cut = sentence.rfind(" ", 1, MAX_FACT_CHARS + 1)
        cut = MAX_FACT_CHARS if cut < 1 else cut
        yield sentence[:cut]
        sentence = sentence[cut:].lstrip(" ")
    if sentence:
        yield sentence


def _as_pairs(sentence: str) -> str:
    """Rewrites `accuracy: 0.87, total: 1523` as `accuracy=0.87, total=1523`; returns any other sentence unchanged."""
    inner = sentence.strip("{}[]() ")
    matches = [_PAIR.fullmatch(part) for part in _PAIR_BREAK.split(inner)]
    if not all(match and len(match[1].split()) <= 2 and len(match[2].split()) <= 2 for match in matches):
        return sentence
    if any(match and match[1].endswith(("Error", "Exception")) for match in matches):
        return sentence
    return ", ".join(f"{match[1].strip()}={match[2].strip()}" for match in matches if match)


def specificity(text: str) -> float:
    """Numbers, dates and names per length. Plain words count little, courtesies nothing.

    A longer number counts more, a pair counts for naming its number, and a number without words counts half.
    """
    weight = sum(0.5 + 0.5 * min(sum(c.isdigit() for c in number), 6) for number in numbers(text))
    weight += 1.5 * len(names(text))
    weight += 1.0 if re.fullmatch(r"[^=:]{1,31}=.+", text) else 0.0
    weight += 0.1 * len(words(text) - _COURTEOUS)
    return weight / (4 + len(text) / 5) * (1.0 if _WORD.search(text) else 0.5)


def find_facts(text: str, handle: str, *, speaker: str = "", with_pairs: bool = False) -> tuple[Fact, ...]:
    """Cut all of `text` into facts, in order; every word is in one of them.

    `speaker` is put before each fact. `with_pairs`: `text` is a program's output, where `a: 1` is a pair, not speech.
    """
    lead = f"{' '.join(speaker.split())[:40]}: " if speaker.strip() else ""
    facts = []
    for sentence in sentences(text):
        for piece in _pieces(_as_pairs(sentence) if with_pairs else sentence):
            facts.append(Fact(lead + piece, handle, specificity(piece)))
    return tuple(facts)


def facts_of(turn: Turn) -> tuple[Fact, ...]:
    """The sentences of a turn, relative dates resolved, and its photo's caption, after the speaker's name."""
    caption = photo(turn.caption) if turn.caption.strip() else ""
    return find_facts(f"{dated_text(turn)}\n{caption}", HANDLE_PREFIX + turn.id, speaker=turn.speaker)


def rank(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sort `facts`, given oldest first, by specificity, highest first; the newer one first among equals.

    Repeats are removed; the newest stays.
    """
    newest: dict[str, Fact] = {}
    for fact in facts:
        newest.pop(fact.text.casefold(), None)
        newest[fact.text.casefold()] = fact
    newest_first = list(newest.values())[::-1]
    return tuple(sorted(newest_first, key=lambda fact: -fact.specificity))
