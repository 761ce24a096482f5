"""Dates beside verbs that look the same in the past, beside "back", and beside what was said or arranged to come."""

from __future__ import annotations

from datetime import date

import pytest

from memoryqa.language.dating.dates import resolve

WEDNESDAY = date(2024, 3, 13)

AHEAD = (  # verbs that look the same in the past, after an auxiliary or "to"
    ("I will read it on Sunday", "17 March 2024"),
    ("I want to read it on Sunday", "17 March 2024"),
    ("He'll let you know on Thursday", "14 March 2024"),
    ("I'll put it up on Friday", "15 March 2024"),
    ("Let's cut the cake on Sunday", "17 March 2024"),
    ("It's time to cut it on Sunday", "17 March 2024"),
    ("Does it hurt on Sunday?", "17 March 2024"),
    ("I've got to leave on Sunday", "17 March 2024"),
    # "back" that is a return
    ("I'll be back in May", "May 2024"),
    ("I'm back in May", "May 2024"),
    ("We're flying back in May", "May 2024"),
    ("She comes back in April", "April 2024"),
    ("Can you call me back in June?", "June 2024"),
    ("The money will be paid back in July", "July 2024"),
    ("School is back in September", "September 2024"),
    ("Come back in January", "January 2025"),
)
BEHIND = (
    ("We let the cat out on Sunday", "10 March 2024"),
    ("Did you read it on Sunday?", "10 March 2024"),
    ("It hurt on Sunday", "10 March 2024"),
    ("We had to put him down on Sunday", "10 March 2024"),
    ("I had let it go by Friday", "8 March 2024"),
    ("We got to the hotel on Sunday", "10 March 2024"),
    ("I was on leave from Monday to Wednesday", "4 to 6 March 2024"),
    ("I got my exam results on Friday", "8 March 2024"),
    ("She told the kids a story on Friday", "8 March 2024"),
    ("I said to her on Friday that I leave", "8 March 2024"),
    ("She reminded me on Friday", "8 March 2024"),
    ("Back in May I was ill", "May 2023"),
    ("I was in Rome back in May", "May 2023"),
    ("She came back in May", "May 2023"),
    ("I got it back in May", "May 2023"),
    ("Remember back in June when we met?", "June 2023"),
)
NEITHER = (  # said or arranged then, of a day that may lie before or after the message
    "They said to apply again in autumn",
    "They told me to come back in May",
    "The doctor said to take it until Friday",
    "He reminded me to pay it on the 3rd",
    "I told my boss to pay me on Friday",
    "He warned me not to call on Friday",
    "They recommended applying in autumn",
    "I've decided to quit in June",
    "We have finally agreed to meet on Friday",
    "The dentist gave me an appointment on Thursday",
    "We got an invitation for the 14th",
    "We missed the deadline on Friday",
    "I got to see her on Sunday",
    "He promised he'd be back in May",
)


@pytest.mark.parametrize(("text", "value"), [*AHEAD, *BEHIND])
def test_the_auxiliary_tells_which_way_a_verb_looks(text: str, value: str) -> None:
    assert [found.value for found in resolve(text, WEDNESDAY)] == [value]


@pytest.mark.parametrize("text", NEITHER)
def test_what_was_to_come_then_has_no_day(text: str) -> None:
    assert [found.value for found in resolve(text, WEDNESDAY)] == []
