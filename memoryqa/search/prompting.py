"""What an embedding model wants before a question and before a text, and what all of its vectors have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from memoryqa.arrays import Vectors


@dataclass(frozen=True, slots=True)
class Prompts:
    """Put before a question, and before a text to be found."""

    query: str = ""
    passage: str = ""


# of models whose files name no prompts, by their names, as their model cards ask for
_BY_FAMILY = (
    (re.compile(r"\be5-(?:small|base|large)\b(?!.*instruct)"), Prompts("query: ", "passage: ")),
    (
        re.compile(r"\bbge-(?:small|base|large)-en\b"),
        Prompts(query="Represent this sentence for searching relevant passages: "),
    ),
    (re.compile(r"\bnomic-embed-text\b"), Prompts("search_query: ", "search_document: ")),
)


def prompts_of(name: str, named: Mapping[str, str | None]) -> Prompts:
    """The prompts of the model `name`; `named`: those that its files name, by "query", "document" or "passage"."""
    found = Prompts(named.get("query") or "", named.get("document") or named.get("passage") or "")
    if found != Prompts():
        return found
    return next((prompts for family, prompts in _BY_FAMILY if family.search(name.lower())), found)


# Sentences about nothing in particular. What the vectors of all of them share, those of any text share.
EVERYDAY = (
    "We went to the lake on Sunday and the water was too cold to swim.",
    "Can you send me the address of the new office?",
    "My sister is getting married in June.",
    "I finally fixed the bicycle, the chain was rusty.",
    "The function returns a list of numbers sorted in ascending order.",
    "That sounds great, see you tomorrow!",
    "Did you ever finish reading that novel about the lighthouse?",
    "I have been working on the budget report all week.",
    "The doctor said I should rest and drink more water.",
    "Our team won the match by two goals.",
    "Please summarise the main points of the meeting.",
    "I love the smell of fresh bread in the morning.",
    "He moved to Canada three years ago for a job.",
    "The train was late again, so I missed the interview.",
    "What is the best way to store passwords in a database?",
    "My dog hates fireworks and hides under the bed.",
    "Thanks for the photo, the kids look so happy.",
    "I am thinking about learning to play the guitar.",
    "She painted the kitchen yellow last month.",
    "The recipe needs two eggs, flour and a little sugar.",
    "How do I install the package on my laptop?",
    "It was raining all day, so we stayed in and watched films.",
    "I got the promotion!",
    "The museum opens at nine and closes at five.",
    "Let me know when you arrive at the airport.",
    "My grandmother taught me how to knit.",
    "The error says that the file was not found.",
    "We adopted a kitten from the shelter.",
    "I feel tired and a little anxious about the exam.",
    "Congratulations on your new house!",
    "The concert tickets cost forty dollars each.",
    "I would prefer a meeting on Thursday afternoon.",
)
_LONG = 0.5  # all-MiniLM-L6-v2's mean is shorter, that of E5 models .9


def shared_part(vectors: Vectors) -> Vectors | None:
    """The mean of unit `vectors` of unrelated texts, shape (d,), where it is most of each of them; else None.

    Some models put all texts into a narrow cone (Ethayarajh 2019, "How Contextual are Contextualized Word
    Representations?"): unrelated texts have a cosine of .8 there, related ones of .9. Without the mean the cosines are
    on the scale of other models.
    """
    mean = np.asarray(vectors.mean(axis=0), dtype=np.float32)
    return mean if float(np.linalg.norm(mean)) > _LONG else None
