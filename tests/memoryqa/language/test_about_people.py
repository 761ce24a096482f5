"""A question about nothing but a person is answered by what names them and by what they said."""

from __future__ import annotations

import pytest

from memoryqa.language.question import Asking, read_query
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory

ABOUT = (
    "Who is Hao?",
    "who's hao again",
    "Tell me about Hao",
    "Tell me everything you know about Hao, please",
    "What do you know about Hao?",
    "What's Hao like?",
    "How is Hao doing?",
    "What happened to Hao?",
    "Anything new from Hao?",
    "What did Hao say?",
    "Give me a summary of Hao",
    "Hao?",
    "Wer ist Hao?",
    "Was weißt du über Hao?",
    "¿Quién es Hao?",
    "Háblame de Hao",
    "Qui est Hao ?",
    "Chi è Hao?",
    "Wie is Hao?",
)
NOT_ABOUT = (
    "Who is Hao's friend?",
    "What does Hao like?",
    "What does Hao have?",
    "What does Hao do?",
    "Where does Hao work?",
    "What did Hao say about the laptop?",
    "What happened to Hao in May?",
    "What happened yesterday?",
    "Tell me about the laptop",
)
OTHERS = (
    "The standup is at ten from Monday on.",
    "I'd say we migrate in March.",
    "Did anybody tell the bank about the invoice?",
    "The audit was fine, we know of two findings.",
    "The printer is out of paper again.",
)


def work_chat() -> AdaptiveMemory:
    memory = AdaptiveMemory()
    memory.add("My friend Hao is looking for a job.", speaker="Li", time="2025-02-20")
    for text in OTHERS:
        memory.add(text, speaker="Priya", time="2025-03-04")
    memory.add("We have hired Hao for the servers.", speaker="Priya", time="2025-04-08")
    for text in OTHERS:
        memory.add(text, speaker="Li", time="2025-05-04")
    memory.add("First day! My laptop has no charger.", speaker="Hao", time="2025-06-02")
    return memory


@pytest.mark.parametrize("question", ABOUT)
def test_a_person_is_found_by_name_and_by_what_they_said(question: str) -> None:
    found = work_chat().search(question, 120, min_score=0.3)
    assert {turn.text for turn in found.turns[:3]} == {
        "First day! My laptop has no charger.",
        "My friend Hao is looking for a job.",
        "We have hired Hao for the servers.",
    }


@pytest.mark.parametrize("question", NOT_ABOUT)
def test_other_questions_are_about_more_than_a_person(question: str) -> None:
    assert not read_query(question, ("Li", "Priya", "Hao"), {2025}).asks_person


def test_somebody_whom_nobody_names_is_found_by_what_they_said() -> None:
    memory = work_chat()
    found = memory.search("Who is Li?", 200, min_score=0.3)
    assert {turn.speaker for turn in found} == {"Li"}
    assert len(found.turns) == 1 + len(OTHERS)


def test_all_speakers_may_be_asked_about() -> None:
    memory = AdaptiveMemory()
    memory.add("I sing in a choir.", speaker="Ana", time="2025-02-20")
    assert memory.search("Who is Ana?", 100, min_score=0.3).ids == ("D1:1",)
    memory.add("I paint.", speaker="Bo", time="2025-02-20")
    assert set(memory.search("Tell me about Ana and Bo", 100, min_score=0.3).ids) == {"D1:1", "D1:2"}


@pytest.mark.parametrize("question", ["Who am I?", "What do you know about me?", "Tell me about myself"])
def test_whoever_asks_an_assistant_may_ask_about_themselves(question: str) -> None:
    query = read_query(question, ("user", "assistant"), ())
    assert query.asks_person
    assert query.named == {"user"}
    assert read_query(question, ("Ana", "Bo"), (), asking=Asking(owner="Bo")).named == {"Bo"}
    assert not read_query(question, ("Ana", "Bo"), ()).asks_person


def test_a_person_is_found_among_all_chats() -> None:
    family = AdaptiveMemory()
    for text in OTHERS:
        family.add(text, speaker="Mum", time="2025-02-20")
    found = Memories({"family": family, "work": work_chat()}).search("Who is Hao?", 100, min_score=0.3)
    assert {chat for chat, _ in found} == {"work"}
    assert len(found.ranked) >= 3
