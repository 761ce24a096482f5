"""Who did something, and what somebody does: from a clause that says just that, and from no other."""

from __future__ import annotations

import pytest

from memoryqa.offline_reader.doings import answer_doing
from memoryqa.offline_reader.extraction import read
from memoryqa.offline_reader.ranking import rank

SAID = """\
[D1, 10 June 2024]
1 Jonas: I'll bring the potato salad and two folding chairs.
2 Leila: I can bring lemonade, if that helps.
3 Marta: Great. I'm making a rhubarb cake.
4 Jonas: My brother Felix will take the grill.
5 Leila: My mother feeds the cat.
6 Marta: Rui wants a hammock in the garden, haha.
7 Jonas: I want to swim across the lake.
8 Marta: The handle of the window is broken again.
9 Jonas: I'll repair it on Sunday.
10 Leila: Nora from the club called.
11 Marta: Rui and Eva built the shed.
12 Jonas: I lost my sunglasses. Leila found them under a seat.
13 Leila: I love strawberries, and Marta hates olives and Rui eats them all.
14 Marta: I'd like to take a pizza course with Salvatore.
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("Who brings the potato salad?", "Jonas", "D1:1"),
        ("What does Jonas bring?", "the potato salad and two folding chairs", "D1:1"),
        ("What does Leila bring?", "lemonade", "D1:2"),
        ("Who is making a cake?", "Marta", "D1:3"),
        ("Who takes the grill?", "Felix", "D1:4"),
        ("Who feeds the cat?", "Leila's mother", "D1:5"),
        ("What does Rui want?", "a hammock in the garden", "D1:6"),
        ("What does Jonas want?", "swim across the lake", "D1:7"),
        ("Who repairs the window?", "Jonas", "D1:9"),
        ("Who called from the club?", "Nora", "D1:10"),
        ("Who built the shed?", "Rui and Eva", "D1:11"),
        ("Who found the sunglasses?", "Leila", "D1:12"),
        ("What does Leila like?", "strawberries", "D1:13"),
        ("What does Marta hate?", "olives", "D1:13"),
        ("What would Marta like to take?", "a pizza course with Salvatore", "D1:14"),
    ],
)
def test_a_clause_that_says_it_answers(question: str, answer: str, cited: str) -> None:
    found = read(question, SAID)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


NOT_SAID = """\
[D1, 4 March 2024]
1 Ana: I won't bring the cake.
2 Bo: Jonas was supposed to bring the cake.
3 Ana: I think Rui brings the cake.
4 Bo: If it rains, I'll bring the tent.
5 Ana: She bought the tickets.
6 Bo: Somebody stole the boat.
7 Ana: Maybe Eva repaired the lamp.
8 Bo: Bruno hit the wall with the van.
9 Ana: I'd like to bring a guitar.
10 Bo: Will Eva paint the fence?
11 Ana: My sister said Tom plays the oboe.
12 Bo: I'll sell the piano next year.
13 Bo: Nobody watered the ferns.
14 Ana: We want a dog.
15 Ana: I never liked olives.
16 Bo: The doctor told me that Eva sold the barn.
17 Bo: I'd like to paint the hall.
"""


@pytest.mark.parametrize(
    "question",
    [
        "Who brings the cake?",
        "Who brings the tent?",
        "Who bought the tickets?",
        "Who stole the boat?",
        "Who repaired the lamp?",
        "Who hit Bruno?",
        "Who brings a guitar?",
        "What does Ana bring?",
        "Who paints the fence?",
        "Who plays the oboe?",
        "Who sold the piano?",
        "Who watered the ferns?",
        "What does Ana want?",
        "What does Ana like?",
        "What does Bo like?",
        "Who sold the barn?",
        "Who is Bruno?",
        "What does Ana do?",
        "who",
        "What does Ana?",
    ],
)
def test_what_is_denied_wished_asked_or_hearsay_answers_nothing(question: str) -> None:
    assert answer_doing(rank(question, NOT_SAID)) is None
