"""Ranks the sentences of the evidence by how well they answer the question: the first half of the offline reader.

The ranking is lexical: a windowed BM25 over the lines of the prompt, plus the speaker asked about and the date named.
The constants were tuned for picking one sentence from evidence that was retrieved already, on every second LoCoMo
training question of categories 1, 2 and 4: mean reciprocal rank of the first gold line 0.64 -> 0.67 (n = 376), and
0.57 -> 0.60 on the others (n = 375).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

import regex
import Stemmer

from memoryqa.language.folding import normalise
from memoryqa.language.lexicon.word_lists import COMMON_IRREGULAR, FUNCTION_WORDS
from memoryqa.language.names import find_mentions
from memoryqa.language.terms import idf
from memoryqa.offline_reader.tables import without_tables
from memoryqa.turns import MONTHS, PHOTO_PREFIX, id_of_turn

# English as the weights of this package were fitted with it: words keep their clitics here ("can't").
STOPWORDS = FUNCTION_WORDS | frozenset(
    """
    can't didn't doesn't don't he's i'd i'll i'm i've isn't it's let's like may might mine must really shall she's
    that's there's they're wasn't we're what's you're
    """.split()
)
_IRREGULAR = COMMON_IRREGULAR | {"child": "kid", "children": "kid", "hurt": "injury", "goes": "go", "does": "do"}
MONTH_PATTERN = "|".join(MONTHS)  # capitals only: "may" and "march" are mostly not months

_WORD = re.compile(r"[^\W_]+(?:['’&:./-][^\W_]+)*")
_WORD_WITH_MARKS = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}]*(?:['’&:./-][\p{L}\p{N}\p{M}]+)*")  # Hindi, Thai
_MARK = regex.compile(r"\p{M}")
_CLITIC = re.compile(r"'(?:s|t|re|ve|d|ll|m)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!\b[DMS]r\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bProf\.)(?<!\bSt\.)\s+(?=[^a-z])")
_HEADER = re.compile(r"\[D(\d+), ([^\]]*)\]")
_LINE = re.compile(r"(\d+) (?:\d\d:\d\d )?([^:]*): ?(.*)")  # a speaker may have no name, or a long one
_BREAK = re.compile(r"[,;.:!?()]|\b(?:and|but|while)\b")
_CONTINUED = re.compile(r"\n +(?=\S)")
_FIRST_PERSON = re.compile(r"\b(?:I|I['’]m|I['’]ve|[Mm]y|[Ww]e|[Oo]ur)\b")
_NAMED_DATE = re.compile(
    rf"(?:\b(?P<day_before>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?\b(?P<month>{MONTH_PATTERN})\b"
    r"(?: (?P<day_after>\d{1,2})(?:st|nd|rd|th)?\b)?(?:,? (?P<year>\d{4}))?"
)

# neighbours speak about the same thing: (distance in lines, negative before; share that the line there counts)
_WINDOW = ((0, 1.0), (-1, 0.6), (-2, 0.4), (-3, 0.2), (1, 0.15), (2, 0.1), (3, 0.05))
_WINDOW_SUM = 2.4
_K1, _B = 0.9, 0.75
_SPEAKER, _MONTH, _DAY, _NEXT_MONTH, _DATE_IN_TEXT = 0.25, 0.3, 0.5, 0.1, 0.05
_OVERLAP, _ASKS, _SHORT, _CAPTION, _REPLIES, _OWN_STORY = 0.5, 0.35, 0.1, 0.1, 0.1, 0.05
_SHORT_WORDS = 4
_BEFORE = 5
_NEAR_CHARS = 160


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One line of the evidence. `date` is its session's date as written in the header."""

    session: int
    number: int
    speaker: str
    text: str
    caption: str
    date: str

    @property
    def id(self) -> str:
        """The turn's id, for example `D8:6`."""
        return id_of_turn(self.session, self.number)


@dataclass(frozen=True)
class Tokens:
    """A text cut into words: `words[i]` is `text[spans[i][0]:spans[i][1]]`, `stems[i]` its stem."""

    text: str
    words: tuple[str, ...]
    stems: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @cached_property
    def stem_set(self) -> frozenset[str]:
        return frozenset(self.stems)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a photo's caption in line number `index`. A higher `score` is better; `overlap` is in [0, 1]."""

    index: int
    line: EvidenceLine
    tokens: Tokens
    is_caption: bool
    overlap: float
    score: float


@dataclass(frozen=True)
class Ranking:
    """The ranked evidence of a question. `sentences`: best first; `named`: the speakers that the question names."""

    question: str
    stems: tuple[str, ...]
    named: frozenset[str]
    lines: tuple[EvidenceLine, ...]
    sentences: tuple[Sentence, ...]
    document_frequency: Counter[str]
    stem_weight: float

    def idf(self, stem: str) -> float:
        """Inverse document frequency of `stem` among the lines; about 5 for a word that occurs once."""
        return idf(self.document_frequency[stem], len(self.lines))

    def overlap(self, stems: frozenset[str]) -> float:
        """Share of the question's words that are in `stems`, weighted by idf."""
        return sum(self.idf(stem) for stem in self.stems if stem in stems) / self.stem_weight

    def speaker_bonus(self, line: EvidenceLine) -> float:
        """The part of the score for the line's speaker: positive for the one speaker who is asked about."""
        if len(self.named) != 1:
            return 0.0
        return _SPEAKER if line.speaker in self.named else -_SPEAKER


def parse_evidence(text: str) -> list[EvidenceLine]:
    """The numbered lines below headers like `[D8, 15 July 2023]`; all other lines of `text` are ignored.

    A line that begins with a space continues the one before it: a list, a table or code of a long message.
    """
    lines: list[EvidenceLine] = []
    session: tuple[int, str] | None = None
    joined = _CONTINUED.sub(" ", text)
    for raw in joined.splitlines():
        if header := _HEADER.fullmatch(raw.strip()):
            session = (int(header[1]), header[2])
        elif session and (match := _LINE.fullmatch(raw.strip())):
            body, caption = match[3], ""
            if body.endswith(")") and PHOTO_PREFIX in body:
                body, _, caption = body[:-1].rpartition(PHOTO_PREFIX)
            lines.append(EvidenceLine(session[0], int(match[1]), match[2], body.strip(), caption, session[1]))
    return lines


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 0)  # no cache of its own: `stem` has one that is safe between threads


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """The Snowball stem of a word's base form, without `'s` and the like."""
    base = _CLITIC.sub("", word.lower().replace("’", "'"))
    return str(_stemmer().stemWord(_IRREGULAR.get(base, base)))


@lru_cache(maxsize=1 << 13)
def tokenize(text: str) -> Tokens:
    """Cut `text` into words. Cached, because consecutive questions share most of their evidence."""
    has_marks = not text.isascii() and _MARK.search(text)
    matches = list((_WORD_WITH_MARKS if has_marks else _WORD).finditer(text))
    words = tuple(match[0] for match in matches)
    return Tokens(text, words, tuple(stem(word) for word in words), tuple(match.span() for match in matches))


def rank(question: str, evidence: str) -> Ranking:
    """Read `question` and order the sentences of `evidence` by how well each may answer it."""
    lines = parse_evidence(evidence)
    texts = [tokenize(f"{line.text} {line.caption}") for line in lines]
    frequency = Counter(stem for text in texts for stem in text.stem_set)
    stems, named = _read_question(question, dict.fromkeys(line.speaker for line in lines))
    weight = sum(idf(frequency[stem], len(lines)) for stem in stems) or 1.0
    ranking = Ranking(question, stems, named, tuple(lines), (), frequency, weight)
    relevance = _relevance(ranking, texts)
    dates = list(_NAMED_DATE.finditer(question))
    sentences: list[Sentence] = []
    for index, line in enumerate(lines):
        base = relevance[index] + ranking.speaker_bonus(line) + _date_term(line, dates)
        sentences += _sentences(ranking, index, base)
    sentences.sort(key=lambda sentence: -sentence.score)
    return Ranking(question, stems, named, tuple(lines), tuple(sentences), frequency, weight)


def _read_question(question: str, speakers: dict[str, None]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The question's content stems without the speakers' names, and the speakers it names ("Mel" is Melanie)."""
    normal = normalise(question)
    mentions = find_mentions(normal, speakers)
    tokens = tokenize(normal)
    stems: dict[str, None] = {}  # ordered, so that sums over it are the same in every process
    for word, (start, end) in zip(tokens.words, tokens.spans, strict=True):
        base = word.lower().replace("’", "'").removesuffix("'s")
        is_name = any(mention.sure and mention.start < end and start < mention.end for mention in mentions)
        if not is_name and base not in STOPWORDS and len(base) > 1:
            stems[stem(word)] = None
    return tuple(stems), frozenset().union(*(mention.speakers for mention in mentions))


def _relevance(ranking: Ranking, texts: list[Tokens]) -> list[float]:
    """Windowed BM25 of each line, about 0 to 1.9: term counts of neighbours are added before saturation."""
    hits = [Counter(stem for stem in text.stems if stem in ranking.stems) for text in texts]
    mean_words = sum(len(text.words) for text in texts) / len(texts) if texts else 0.0
    idf = {stem: ranking.idf(stem) for stem in ranking.stems}
    scores: list[float] = []
    for index, line in enumerate(ranking.lines):
        counts = dict.fromkeys(ranking.stems, 0.0)
        num_words = 0.0
        for offset, weight in _WINDOW:
            other = index + offset
            if 0 <= other < len(texts) and _is_near(line, ranking.lines[other]):
                num_words += weight * len(texts[other].words)
                for word, count in hits[other].items():
                    counts[word] += weight * count
        saturation = _K1 * (1 - _B + _B * num_words / (_WINDOW_SUM * mean_words or 1.0))
        total = sum(idf[word] * (1 + _K1) * count / (count + saturation) for word, count in counts.items())
        scores.append(total / ranking.stem_weight)
    return scores


def _is_near(line: EvidenceLine, other: EvidenceLine) -> bool:
    return line.session == other.session and abs(line.number - other.number) <= 3


def _date_term(line: EvidenceLine, dates: list[re.Match[str]]) -> float:
    """The match of the line's session with the best of the dates that the question names."""
    best = 0.0
    for asked in dates:
        month, year = asked["month"], asked["year"]
        day = asked["day_before"] or asked["day_after"]
        following = MONTHS[(MONTHS.index(month) + 1) % 12]  # people speak about the month that is over
        term = 0.0
        if month in line.date and (year is None or year in line.date):
            term = _MONTH + (_DAY if day and line.date.startswith(f"{int(day)} ") else 0.0)
        elif following in line.date:
            term = _NEXT_MONTH
        if month in line.text:
            term += _DATE_IN_TEXT + (_DAY / 2 if day and f"{int(day)} {month}" in line.text else 0.0)
        best = max(best, term)
    return best


@lru_cache(maxsize=1 << 13)
def _split(text: str) -> tuple[str, ...]:
    return tuple(part for piece in without_tables(text) for part in _SENTENCE_END.split(piece) if part)


def _sentences(ranking: Ranking, index: int, base: float) -> list[Sentence]:
    """The sentences of one line and its caption, with scores that start from the line's score `base`."""
    line = ranking.lines[index]
    before = previous_line(ranking, index)
    replies = _REPLIES if before is not None and before.text.endswith("?") else 0.0
    found: list[Sentence] = []
    for text, is_caption in [*((part, False) for part in _split(line.text)), (line.caption, True)]:
        if not text:
            continue
        tokens = tokenize(text)
        overlap = ranking.overlap(tokens.stem_set)
        score = base + _OVERLAP * overlap + replies - _CAPTION * is_caption - _ASKS * text.rstrip().endswith("?")
        score += _OWN_STORY * bool(_FIRST_PERSON.search(text)) - _SHORT * (len(tokens.words) < _SHORT_WORDS)
        found.append(Sentence(index, line, tokens, is_caption, overlap, score))
    return found


def previous_line(ranking: Ranking, index: int) -> EvidenceLine | None:
    """The line that was said just before line `index`, if the evidence contains it."""
    line = ranking.lines[index]
    before = ranking.lines[index - 1] if index else None
    return before if before and before.session == line.session and before.number == line.number - 1 else None


def lines_before(ranking: Ranking, index: int) -> list[EvidenceLine]:
    """The lines that were said just before line `index`, nearest first: at most five, of the same session."""
    line = ranking.lines[index]
    near = reversed(ranking.lines[max(0, index - _BEFORE) : index])
    return [one for one in near if one.session == line.session and line.number - one.number <= _BEFORE]


def nearness(tokens: Tokens, start: int, stems: Collection[str]) -> float:
    """How near to one of the stems the place `start` of the text is, 0 to 1; a break between them is five words."""
    least = 20
    first = bisect_left(tokens.spans, (start - _NEAR_CHARS, 0))
    last = bisect_left(tokens.spans, (start + _NEAR_CHARS, 0))
    for one, (begin, end) in zip(tokens.stems[first:last], tokens.spans[first:last], strict=True):
        if one in stems:
            between = tokens.text[min(end, start) : max(begin, start)]
            least = min(least, len(between.split()) + 5 * len(_BREAK.findall(between)))
    return 1 / (1 + least / 4)
