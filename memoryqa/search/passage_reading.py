"""Reads passages for the index: their terms, and what else the ranking asks of each. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memoryqa.language.bound_terms import all_terms
from memoryqa.language.dating.dates import has_time_expression
from memoryqa.language.first_person import says_i
from memoryqa.language.languages import Language, language
from memoryqa.language.lexicon.emoji import emoji_in
from memoryqa.language.locales.detection import ENGLISH
from memoryqa.language.locales.files import LATIN
from memoryqa.language.names import says_name
from memoryqa.language.shapes import shapes_in
from memoryqa.language.terms import marked, terms_within
from memoryqa.rendering import Line
from memoryqa.turns import Turn

ENDS_IN_QUESTION, FOLLOWS_QUESTION, OPENS_SESSION, NAMES_TIME, SAYS_NAME, SAYS_I = (1 << bit for bit in range(6))
FLAGS = 64  # combinations of these bits of a passage
_CODES = (ENGLISH, *LATIN)
NOT_COUNTED = 128
_CODE_SIGNS = '{}()[]=<>;_/"|'


class Heard(NamedTuple):
    """A turn, and what reading its passages takes besides.

    speaker: its number. names: the words of all speakers' names so far. opens: the turn is the first of a block.
    replies: it answers a question. code: its language, if it is in Latin letters.
    """

    turn: Turn
    speaker: int
    names: frozenset[str]
    opens: bool
    replies: bool
    code: str

    def tag_terms(self) -> list[str]:
        """The terms of the turn's tags, each once."""
        if not self.turn.tags:
            return []
        return list(map(tag_term, dict.fromkeys(all_terms(" ".join(self.turn.words), language(self.code)))))


def kept_code(code: str, counted: bool) -> int:
    """A byte for the language of a turn; counted: it is one of the chat's languages in Latin letters."""
    return _CODES.index(code) | (0 if counted else NOT_COUNTED)


def code_of(kept: int) -> str:
    """The language that `kept_code` made a byte of."""
    return _CODES[kept & ~NOT_COUNTED]


def is_counted(kept: int) -> bool:
    return kept < NOT_COUNTED


class Reading(NamedTuple):
    """Of a passage. beside: by what it is found besides, apart from its terms and its length: words inside of words,
    words whose marks are folded as they are written, emoji, shapes of links and numbers. flags: of the bits above."""

    terms: list[str]
    beside: Sequence[str]
    flags: int
    code_share: float


def read(passages: Sequence[tuple[Line, Heard]]) -> list[Reading]:
    """The reading of each passage, step by step for all: a step's tables then stay in the processor's cache."""
    contents = [line.content for line, _ in passages]
    found = [all_terms(text, language(heard.code)) for text, (_, heard) in zip(contents, passages, strict=True)]
    beside = [_beside(text, language(heard.code)) for text, (_, heard) in zip(contents, passages, strict=True)]
    with_times = [NAMES_TIME * has_time_expression(line.said) for line, _ in passages]
    with_names = [SAYS_NAME * says_name(line.said, heard.names) for line, heard in passages]
    of_oneself = [SAYS_I * says_i(line.said, heard.code) for line, heard in passages]
    places = [_place_of(line, heard) for line, heard in passages]
    flags = map(sum, zip(with_times, with_names, of_oneself, places, strict=True))
    shares = [code_share(line.said) for line, _ in passages]
    return list(map(Reading, found, beside, flags, shares))


def _beside(text: str, spoken: Language) -> Sequence[str]:
    found = [*terms_within(text, spoken), *shapes_in(text)]
    if text.isascii():
        return found
    return [*found, *(written_term(word) for _, word in marked(text, spoken)), *emoji_in(text)]


def _place_of(line: Line, heard: Heard) -> int:
    """The flags that say what comes before and after."""
    leads = line.part is None or not line.part.number
    return (
        ENDS_IN_QUESTION * line.said.rstrip().endswith("?")
        | FOLLOWS_QUESTION * (leads and heard.replies)
        | OPENS_SESSION * (leads and heard.opens)
    )


def tag_term(term: str) -> str:
    """The name under which a term of a turn's tags is indexed, apart from the words that were said."""
    return f"#{term}"


def written_term(word: str) -> str:
    """The name under which a word whose marks are folded is indexed as it is written, besides its term."""
    return f"={word}"


def code_share(text: str) -> float:
    """Share of the signs in `text` that are common in code and rare in prose, 0 to 1."""
    return sum(map(text.count, _CODE_SIGNS)) / len(text) if text else 0.0
