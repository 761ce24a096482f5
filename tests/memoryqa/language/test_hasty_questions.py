"""Questions as people type them: apostrophes left out, short forms, words that only lead up to what is asked."""

from __future__ import annotations

import pytest

from memoryqa.language.names import in_first_person
from memoryqa.language.question import read_query
from memoryqa.memory import AdaptiveMemory

PEOPLE = ("Anna", "Paul", "Will", "Chris")


def _terms(question: str) -> set[str]:
    return set(read_query(question, PEOPLE, {2026}).terms)


@pytest.mark.parametrize(
    ("hasty", "written"),
    [
        ("whats the gate code", "what's the gate code"),
        ("Wheres the key?", "Where's the key?"),
        ("whens the meeting", "when's the meeting"),
        ("who hasnt signed", "who hasn't signed"),
        ("why wont the printer start", "why won't the printer start"),
        ("how cant we lose", "how can't we lose"),
        ("annas new flat", "anna's new flat"),
        ("When is Pauls operation?", "When is Paul's operation?"),
        ("chriss sister", "chris's sister"),
    ],
)
def test_a_question_without_its_apostrophe_is_read_as_with_it(hasty: str, written: str) -> None:
    assert read_query(hasty, PEOPLE, {2026}) == read_query(written, PEOPLE, {2026})


@pytest.mark.parametrize("question", ["who wills it", "what are roses", "is there a bos taurus", "the annalss"])
def test_a_word_that_only_ends_in_s_names_nobody(question: str) -> None:
    assert not read_query(question, ("Will", "Rose", "Bo", "Annal"), {2026}).named


def test_an_owner_without_apostrophe_says_my() -> None:
    assert in_first_person("Where is Annas cat?", PEOPLE) == "Where is my cat?"


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("anything about allergies", {"allergi"}),
        ("the thing with the boiler", {"boiler"}),
        ("something on the fridge?", {"fridg"}),
        ("what was the problem with the boiler", {"boiler"}),
        ("what's wrong with the boiler", {"boiler"}),
        ("what happened to the boiler", {"boiler"}),
        ("has the boiler ever leaked", {"boiler", "leak"}),
        ("where can I find the form", {"form"}),
        ("does anyone know the gate code", {"gate", "code"}),
        ("can somebody send me the gate code", {"gate", "code"}),
        ("show me the gate code", {"gate", "code"}),
        ("anything?", {"anyth"}),  # with no other word it is all that there is to look for
        ("Is something wrong?", {"someth", "wrong"}),
        ("Did Paul find the form?", {"find", "form"}),
        ("Did Paul show me the form?", {"show", "form"}),
    ],
)
def test_words_that_lead_up_to_the_question_are_not_looked_for(question: str, terms: set[str]) -> None:
    assert _terms(question) == terms


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("We changed the password, it's plum-tractor now.", "netflix pw"),
        ("Her birthday is on 9 May.", "when is her bday"),
        ("Ella's bday is on 9 May.", "When is the birthday?"),
        ("The appointment is at ten.", "appt?"),
    ],
)
def test_a_short_form_finds_the_word_and_the_word_its_short_form(told: str, question: str) -> None:
    memory = AdaptiveMemory()
    for text in ("The train was late again.", "We had soup.", told, "The garden needs water.", "Monday is fine."):
        memory.add(text, speaker="Anna")
    assert told in [turn.text for turn in memory.search(question, 25)]


def test_a_short_form_is_one_in_english_only() -> None:
    assert read_query("Wo ist der Fernseher, temp oder tel?", PEOPLE, {2026}, ("de",)).others == ()
