"""A question for a link, a number, a password, a price in few words is answered with it alone."""

from __future__ import annotations

import pytest
from cpu_time import assert_linear

from memoryqa.language.shapes import shapes_asked, shapes_in
from memoryqa.offline_reader.extraction import read
from memoryqa.offline_reader.ranking import rank
from memoryqa.offline_reader.values import answer_value, asked_value

EVIDENCE = """\
[D1, 14 May 2024]
1 Rui: Call Petrov about the boiler, his number is 0151 555 0172.
2 Ana: The sign-up form is at https://forms.example.org/ulm-26, until Friday.
3 Rui: The guest wifi password is now tulip-harbor-92.
4 Ana: What is the code of the gate?
5 Rui: 0815B
6 Ana: The boathouse code is 4471 since yesterday (= 13 May 2024), delete the old 2290.
7 Rui: The build breaks since 2.3.1, the fix is in 2.3.2.
8 Ana: The importer has ticket FAL-212, the billing page FAL-219.
9 Rui: We fly to Lisbon with TP 571.
10 Ana: For the club: AT61 1904 3002 3457 3201.
11 Rui: Elena's address for mail is elena@example.org.
[D2, 20 May 2024]
1 Rui: My new number from June: 0170 555 0199.
2 Ana: A new lock is 45 euros.
3 Ana: The hotel is in Murnau, 11 to 13 June, 129 per night.
4 Rui: The parcel weighs 12 kilos.
5 Ana: Ella's birthday is on 9 June.
6 Rui: The deadline for the report is 20 June.
7 Ana: 17 people signed up, of whom 11 passed.
8 Rui: You can cancel until 30 May.
"""


@pytest.mark.parametrize(
    ("question", "answer", "line"),
    [
        ("What's Petrov's phone number?", "0151 555 0172", "D1:1"),
        ("phone number petrov", "0151 555 0172", "D1:1"),
        ("what is ruis new number", "0170 555 0199", "D2:1"),
        ("what was the link to the form", "https://forms.example.org/ulm-26", "D1:2"),
        ("wifi password?", "tulip-harbor-92", "D1:3"),
        ("What's the wifi pw", "tulip-harbor-92", "D1:3"),
        ("gate code", "0815B", "D1:5"),
        ("what is the code for the boathouse", "4471", "D1:6"),
        ("which version broke the build?", "2.3.1", "D1:7"),
        ("importer ticket", "FAL-212", "D1:8"),
        ("flight number lisbon", "TP 571", "D1:9"),
        ("iban", "AT61 1904 3002 3457 3201", "D1:10"),
        ("email of elena", "elena@example.org", "D1:11"),
        ("price of a new lock", "45 euros", "D2:2"),
        ("hotel price", "129 per night", "D2:3"),  # no day of a range of days
        ("weight of the parcel", "12 kilos", "D2:4"),
        ("what's the parcel's weight", "12 kilos", "D2:4"),
        ("ella bday", "9 June", "D2:5"),
        ("latest deadline for the report", "20 June", "D2:6"),
        ("how many people", "17", "D2:7"),
        ("how many passed", "11", "D2:7"),
        ("until when can we cancel", "30 May", "D2:8"),
    ],
)
def test_the_value_alone_is_the_answer(question: str, answer: str, line: str) -> None:
    found = read(question, EVIDENCE)
    assert (found.answer, found.evidence_ids) == (answer, (line,))


@pytest.mark.parametrize(
    "question",
    [
        "What did Ana say on the phone?",
        "Where does Rui work on the code?",
        "What did he send by mail?",
        "Who has the code?",
        "Is the link fixed?",
        "What is the link between sleep and stress?",
        "What are the codes of conduct about?",
        "which room number",
        "What phone does Ana have?",
        "When does the ticket come?",
    ],
)
def test_a_question_that_only_has_the_word_asks_for_no_value(question: str) -> None:
    assert asked_value(question) == ""


def test_the_only_number_to_call_is_the_one_asked_for() -> None:
    assert read("plumber phone", "[D1, 14 May 2024]\n1 Rui: Ask Petrov, 0151 555 0172.").answer == "0151 555 0172"


def test_a_value_of_something_else_is_no_password() -> None:
    assert answer_value(rank("bicycle password", "[D1, 14 May 2024]\n1 Rui: The gate code is 2290.")) is None


@pytest.mark.parametrize(
    "unit", ["a-", "a.", "12 ", "AB12 ", "code is ", "https://", "a@", "link of ", "number s ", " "]
)
def test_long_text_takes_linear_time(unit: str) -> None:
    def look(length: int) -> object:
        text = (unit * length)[:length]
        return (
            asked_value(text),
            shapes_asked(text),
            list(shapes_in(text)),
            read("gate code", f"[D1, 1 May 2024]\n1 A: {text}"),
        )

    assert_linear(look, 20_000)
