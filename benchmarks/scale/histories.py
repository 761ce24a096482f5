"""Histories of any length, made of the sessions of real conversations, and the questions to ask of them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from locomo.schema import Conversation, Question
    from memoryqa.turns import Turn

SESSIONS_A_DAY = 4
NAMES = (
    "Ada Bruno Carla Dmitri Elif Farid Greta Hugo Ingrid Jonas Keiko Lars Mina Noor Otto Petra Quentin Rosa Stefan "
    "Tomas Ursula Viktor Wanda Xenia Yusuf Zora Amara Bashir Celeste Dorian Esra Fabian Gudrun Hassan Isolde Jarek"
).split()


def rename(conversation: Conversation, number: int) -> Callable[[str], str]:
    """Puts the names of pass `number` in place of the speakers', in any text; two speakers never get the same."""
    first = (number * 7 + sum(conversation.id.encode())) % len(NAMES)
    names = {speaker: NAMES[(first + i) % len(NAMES)] for i, speaker in enumerate(conversation.speakers)}
    pattern = re.compile(rf"\b(?:{'|'.join(re.escape(name) for name in names)})\b")
    return lambda text: pattern.sub(lambda match: names[match[0]], text)


def history(conversations: Sequence[Conversation], start: int = 0) -> Iterator[Turn]:
    """Turns without end: the conversations' sessions again and again from the `start`-th on, dated one after another.

    Every turn has a text of its own, as if it had just come in.
    """
    began = min(session.time for one in conversations for session in one.sessions if session.time)
    number = 0
    for place in count():
        conversation = conversations[(start + place) % len(conversations)]
        renamed = rename(conversation, place // len(conversations))
        for session in conversation.sessions:
            date = began + timedelta(days=number // SESSIONS_A_DAY, hours=number % SESSIONS_A_DAY)
            number += 1
            for turn in session.turns:
                yield replace(
                    turn,
                    session=number,
                    time=date,
                    speaker=renamed(turn.speaker),
                    text=_copy(renamed(turn.text)),
                    caption=_copy(renamed(turn.caption)),
                )


def _copy(text: str) -> str:
    """Equal, and another object: memory is counted."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass")


def asked(
    conversations: Sequence[Conversation], questions: Sequence[Question], num_turns: int, rng: random.Random
) -> list[str]:
    """The questions, each under the names of a pass that a history of `num_turns` holds whole (else of the first)."""
    turns_a_pass = sum(len(session.turns) for one in conversations for session in one.sessions)
    by_id = {one.id: one for one in conversations}
    passes = max(1, num_turns // turns_a_pass)
    return [rename(by_id[one.conversation_id], rng.randrange(passes))(one.text) for one in questions]
