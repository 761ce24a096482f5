"""What every format is read into: conversations, questions, and the data set of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from locomo.kinds import LOCOMO, Kind, Kinds
from locomo.rows import USUAL_BUDGETS_TOKENS
from memoryqa.errors import UsageError
from memoryqa.turns import Session, Turn


class DataError(UsageError):
    """The data cannot be used as they are. The message is one line: file, place, what is wrong, how to mend it."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Dated sessions of turns, in order; sessions without a turn are left out."""

    id: str
    speakers: tuple[str, ...]
    sessions: tuple[Session, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns, oldest session first."""
        return tuple(turn for session in self.sessions for turn in session.turns)


@dataclass(frozen=True, slots=True)
class Question:
    """One question and what is known about it. Only `inputs()` may reach the program under test.

    id: `conv-26:12`, the conversation's id and the question's place in its data set.
    gold: the reference answer, `""` for a question that is to be declined and has none.
    category: the number of its kind in `kinds`, those of its data set; 1..5 in LoCoMo.
    evidence: ids of the turns that hold the answer (`D8:6`), each an existing turn, none twice; may be empty.
    adversarial_answer: the wrong answer that a LoCoMo question of category 5 invites, else `""`.
    """

    id: str
    conversation_id: str
    text: str
    gold: str
    category: int
    evidence: tuple[str, ...]
    adversarial_answer: str = ""
    kinds: Kinds = field(default=LOCOMO, repr=False, compare=False)

    @property
    def kind(self) -> Kind:
        """The kind that `category` is the number of."""
        return self.kinds.kind(self.category)

    @property
    def is_declined(self) -> bool:
        """Whether the conversation does not hold the answer, so that the right one is to say so."""
        return self.category in self.kinds.declined

    def inputs(self) -> dict[str, str]:
        """All that the program under test is given: no gold answer, no category, no evidence, no trap."""
        return {"conversation_id": self.conversation_id, "question": self.text}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file held.

    notes: one line each, on what was left out of it. kinds: those of its questions.
    budgets_tokens: sizes of the evidence that its searches are scored at.
    """

    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    kinds: Kinds = LOCOMO
    budgets_tokens: tuple[int, ...] = USUAL_BUDGETS_TOKENS


@dataclass(frozen=True, slots=True)
class Dataset:
    """The conversations and questions of one file or folder.

    name: the file's, without its ending. sha256: of its bytes, or of the names and digests of a folder's files.
    is_sample: whether it is the bundled sample, not LoCoMo.
    notes: one line each on what the user has to know: what was left out, and why the sample is used.
    format: the name of its format (locomo/formats/detect.py).
    """

    name: str
    path: Path
    sha256: str
    conversations: tuple[Conversation, ...]
    questions: tuple[Question, ...]
    is_sample: bool
    notes: tuple[str, ...]
    kinds: Kinds = LOCOMO
    format: str = "locomo"
    budgets_tokens: tuple[int, ...] = USUAL_BUDGETS_TOKENS
