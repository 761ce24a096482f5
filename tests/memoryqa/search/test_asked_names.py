"""A question for a name looks for a name, not for "called", and for kinds of what it asks about."""

from __future__ import annotations

import pytest

from memoryqa.language.names import says_name
from memoryqa.language.question import read_query
from memoryqa.memory import AdaptiveMemory

CALLS = [
    "My mother called twice today.",
    "The bank called about the card.",
    "I called the plumber this morning.",
    "She called it a day at five.",
    "They called off the meeting again.",
    "We were called back to the desk.",
]


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("We adopted a whippet last week, Biscuit!", "What is the dog called?"),
        ("Our spaniel Nutmeg is asleep on the sofa.", "What's the name of their dog?"),
        ("The siamese, Miso, broke a cup.", "What is the cat's name?"),
        ("We hired a dinghy, the Albatross.", "What was the boat called?"),
        ("I bought a bassoon and it is Otto now.", "What did she name the instrument, what is it called?"),
        ("There is a heron at the pond, Greta we say.", "What is the bird called?"),
        ("The new bistro is great, Chez Nous.", "What is the restaurant called?"),
        ("Our poodle Truffle is ill.", "What is the dog named?"),
        ("Grandma has a hamster, Peanut.", "What is her pet called?"),
        ("We sold the tractor, old Bertha.", "What was the vehicle called?"),
        ("I planted a hornbeam, I greet Wilma daily.", "What do you know, how is the tree called?"),
    ],
)
def test_what_is_called_is_found_among_calls(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    for text in (*CALLS, told, *CALLS):
        memory.add(text, speaker="Ines")
    assert next(iter(memory.search(question, budget_tokens=200))).text == told


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("What is the dog called?", ("dog",)),
        ("What was her cat named?", ("cat",)),
        ("What are Melanie's pets' names?", ("pet",)),
        ("What is the name of Melanie's boat?", ("boat",)),
        ("Which name did they choose?", ("choos",)),
        ("what's your dog's name", ("dog",)),
        ("What is his band called now?", ("band",)),
        ("What is the novel titled?", ("novel",)),
        ("What names did the twins get?", ("twin", "get")),
        ("What was the hamster's nickname?", ("hamster",)),
        ("Tell me the name of the hotel", ("hotel",)),
        ("What is she called?", ("call",)),  # no other word
    ],
)
def test_words_for_naming_are_the_questions_own(question: str, terms: tuple[str, ...]) -> None:
    query = read_query(question, ("Melanie", "Bo"), ())
    assert query.asks_name
    assert query.terms == terms


@pytest.mark.parametrize(
    "question", ["Who called Maria yesterday?", "Why did she name the dog Tilly?", "When did she call?", "Did he call?"]
)
def test_a_call_is_no_question_for_a_name(question: str) -> None:
    assert not read_query(question, ("Bo",), ()).asks_name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("We got a puppy, Biscuit!", True),
        ("she is called luna", True),
        ("his name is rex", True),
        ("Biscuit!", True),
        ("I had tea in Porto.", True),
        ("We met on Monday in May.", False),
        ("Thanks so much, Bo!", False),
        ("It was late. We went home.", False),
    ],
)
def test_a_text_says_a_name_by_its_shape(text: str, says: bool) -> None:
    assert says_name(text, frozenset(("bo", "ines"))) is says
