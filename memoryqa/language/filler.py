"""Which sentences say nothing that is asked for later (greetings, thanks, praise), and which turns reply."""

from __future__ import annotations

from memoryqa.language.dating.english.date_words import DIGIT
from memoryqa.language.lexicon.word_lists import (
    ANSWERING,
    COURTESY_WORDS,
    FILLER_WORDS,
    FIRST_PERSON,
    PLEASANTRIES,
    YES_OR_NO,
)
from memoryqa.language.locales.detection import LETTERS, words_of
from memoryqa.language.names import speaker_key
from memoryqa.turns import Turn


def is_filler(sentence: str, names: frozenset[str]) -> bool:
    """Whether `sentence` is only greeting, thanks or praise: no digit, no date, no name except `names` (lower case)."""
    lower = sentence.lower()
    for match in LETTERS.finditer(lower):
        if match[0] not in FILLER_WORDS and match[0] not in names:
            return False  # nearly every sentence, at its first words
    found = words_of(lower)
    if DIGIT.search(sentence):
        return False
    if len(found) == 1 and found[0] in YES_OR_NO:
        return False  # the answer to a question
    if not found and sentence.strip(" .!?…"):
        return False  # an emoji or other symbols
    return FIRST_PERSON.isdisjoint(found) or not COURTESY_WORDS.isdisjoint(found)


def may_answer(sentence: str) -> bool:
    """Whether `sentence`, were it filler elsewhere, may be the answer to a question: "Very.", "Ben.", "Not really."."""
    found = set(words_of(sentence.lower()))
    if not found or sentence.rstrip().endswith("?"):
        return False
    return PLEASANTRIES.isdisjoint(found) or not ANSWERING.isdisjoint(found)


class Replies:
    """Follows a conversation's turns and says which reply to a question.

    A turn does when the other speaker's messages right before those of its own speaker hold a question mark, in the
    same session: people ask and answer in several messages.
    """

    def __init__(self) -> None:
        self._previous: Turn | None = None
        self._asks = self._other_asks = False  # the running messages of one speaker, and those before them

    def note(self, turn: Turn) -> bool:
        """Whether `turn`, the next one, replies."""
        if self._previous is None or self._previous.session != turn.session:
            self._asks = self._other_asks = False
        elif speaker_key(self._previous.speaker) != speaker_key(turn.speaker):
            self._other_asks, self._asks = self._asks, False
        self._asks |= "?" in turn.text
        self._previous = turn
        return self._other_asks

    def state(self) -> tuple[bool, bool]:
        """What `resume` needs besides the last turn."""
        return self._asks, self._other_asks

    @classmethod
    def resume(cls, last: Turn, asks: bool, other_asks: bool) -> Replies:
        """The follower whose `state` that is, after the turn `last`."""
        found = cls()
        found._previous, found._asks, found._other_asks = last, asks, other_asks
        return found
