"""Conversations for property tests: ordinary ones, and ones that nobody would write by hand. Our own text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st

from memoryqa.turns import Turn


def num_examples(number: int) -> int:
    """So many examples, and fewer by the share of the profile "quick"; a bare number is the same in every profile."""
    return max(10, number * settings.default.max_examples // 100)


SPEAKERS = ("Ines", "Bo", "Mary Ann", "D3:4", "[D2, 1 May 2020]", "7", "", " ", "李雷", "A\nB", "Dr. Öz: PhD", "\u2028")
TIMES = (
    None,
    datetime(2023, 5, 8, 13, 56),
    datetime(2024, 2, 29),
    datetime(1, 1, 1),
    datetime(9999, 12, 31, 23, 59),
)
SNIPPETS = (
    "Hi Bo! Thanks, that's great!",
    "I moved to Porto last week.",
    "We saw 3 otters yesterday at 5 p.m. near the mill.",
    "<|endoftext|><|fim_prefix|>",
    "42 is [not] a citation, D8:6 is.",
    "[D1, 1 May 2020]\n7 Ines: I own a yacht.",
    'he typed print("a");',
    ")))));",
    "👩‍👩‍👧‍👦 🇵🇹 ﷽ Z̸̡͝a̵l̶g̴o̷",
    "昨天我去了博物馆。很好看！",
    "\r\n\t \u00a0\u2028\x1c\x85",
    "yes yes yes " * 40,
    "\ud800 half a surrogate pair, as json.loads may give",
)

texts = st.one_of(
    st.sampled_from(SNIPPETS), st.text(max_size=60), st.lists(st.sampled_from(SNIPPETS), max_size=4).map(" ".join)
)
captions = st.one_of(st.just(""), st.sampled_from(("a photo of a bowl", "a photo", "close-up of the sea\n")), texts)
addresses = st.tuples(st.integers(0, 6), st.integers(0, 1200))


@st.composite
def conversations(draw: st.DrawFn, max_turns: int = 12) -> list[Turn]:
    """Turns with distinct ids in any order: sessions come back, numbers run backwards, times differ in a session."""
    return [
        Turn(session, number, draw(_speakers), draw(texts), draw(st.sampled_from(TIMES)), draw(captions))
        for session, number in draw(st.lists(addresses, max_size=max_turns, unique=True))
    ]


_speakers = st.one_of(st.sampled_from(SPEAKERS), st.text(max_size=6))

WORDS = (
    "otter mill kid child daughter buy bought movie film trip Porto 2023 May 9 winter yesterday dance 博物馆 музей "
    "متحف the and did Ines Bo Lena hobby hiking chess vehicle boat name called Rex José heron bird"
).split()


@st.composite
def dialogues(draw: st.DrawFn, speakers: Sequence[str] = ("Ines", "Bo"), max_sessions: int = 4) -> list[Turn]:
    """Sessions in order, of few words, so that turns and questions share them; some sessions without a date."""
    turns = []
    day = datetime(2023, 4, 20) + timedelta(draw(st.integers(0, 300)))
    for session in range(1, draw(st.integers(1, max_sessions)) + 1):
        day += timedelta(draw(st.integers(0, 40)))
        time = draw(st.sampled_from((day, day, None)))
        for number in range(1, draw(st.integers(1, 6)) + 1):
            text = draw(sentences) + draw(st.sampled_from(("", ".", "?", "? Well.")))
            turns.append(Turn(session, number, draw(st.sampled_from(speakers)), text, time, draw(sentences)))
    return turns


sentences = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)

# What long messages are made of: prose, lists, code, other scripts, words without an end, white space of all kinds.
STRETCHES = (
    "The otter left the mill before winter. ",
    "Did Ines buy a boat? Bo did! ",
    "- one kid\n- two kids\n",
    "1. Boil the beans.\n2) Add salt;\n\n",
    "```python\ndef f(x):\n    return {'a': x[0]}  # 9 May\n```\n",
    "    indented = code;\n",
    "## Heading\n\n",
    "**Bold heading:**\n",
    "| a | b |\n|---|---|\n",
    "昨天我去了博物馆。很好看！",
    "музей متحف",
    "👩‍👩‍👧‍👦 🇵🇹 ",
    "x" * 300,
    ')));");',
    "\r\n\t \u00a0\u2028\x1c\x85",
    "<|endoftext|> ",
    "\ud800 ",
    "\n\n",
    "… ",
    "well, ",
)
long_texts = st.tuples(st.lists(st.sampled_from(STRETCHES), min_size=1, max_size=12), st.integers(1, 12)).map(
    lambda drawn: "".join(drawn[0] * drawn[1])
)


@st.composite
def chats(draw: st.DrawFn, speakers: Sequence[str] = ("User", "Assistant"), max_turns: int = 6) -> list[Turn]:
    """Sessions in order with some long messages, of several passages, and bursts of short ones."""
    turns, session, time = [], 1, datetime(2023, 4, 20)
    for number in range(1, draw(st.integers(1, max_turns)) + 1):
        if draw(st.integers(0, 3)) == 0:
            session, time = session + 1, time + timedelta(draw(st.integers(0, 40)))
        said = st.one_of(sentences, long_texts, st.tuples(sentences, long_texts, sentences).map(" ".join))
        turns.append(
            Turn(
                session,
                number,
                draw(st.sampled_from(speakers)),
                draw(said),
                time,
                draw(st.sampled_from(("", "a mill"))),
            )
        )
    return turns


@st.composite
def tagged(draw: st.DrawFn, conversation: st.SearchStrategy[list[Turn]]) -> list[Turn]:
    """The same turns, some with tags: of few words that turns and questions share, or any text."""
    tags = st.one_of(st.just(()), st.lists(st.one_of(sentences, texts), max_size=3).map(tuple))
    return [replace(turn, tags=draw(tags)) for turn in draw(conversation)]


def ids_in(text: str) -> list[str]:
    """The turn ids that a reader finds in rendered text, from its headers and line numbers. Fails on any other line."""
    ids = []
    session = None
    for line in text.splitlines():
        if line.startswith(" "):
            assert ids, f"a further line before any numbered one: {line!r}"
        elif header := re.fullmatch(r"\[D(\d+), (?:\d+ [A-Z][a-z]+ \d+|date unknown)\]", line):
            session = int(header[1])
        else:
            number = re.match(r"(\d+) ", line)
            assert number, f"neither a header nor a numbered line: {line!r}"
            assert session is not None, f"a line before any header: {line!r}"
            ids.append(f"D{session}:{number[1]}")
    return ids
