"""Dates in short messages of a chat: invitations, thanks, wishes, fragments, names of days that are no dates."""

from __future__ import annotations

from datetime import datetime

import pytest

from memoryqa.language.dating.dates import resolve

WEDNESDAY = datetime(2024, 5, 15, 10, 30)

DATED = {  # the days, the month or the year that are meant, said on 15 May 2024
    "2023-06": (
        "We got married in June.",
        "I've wanted this since June.",
        "By June we had run out of money.",
    ),
    "2023-12-01/2024-02-29": ("Last winter the pipes froze.",),
    "2024-01": ("In January I joined a gym.",),
    "2024-03-01/2024-05-31": (
        "In the spring we planted tulips.",
        "This spring we planted tulips.",
    ),
    "2024-04-30": ("My visa expired on the 30th.",),
    "2024-05-10": (
        "Hope your exam went well on Friday.",
        "Had an interview on Friday.",
        "Friday's concert was amazing.",
        "I turned 30 on Friday.",
        "Supposedly it rained on Friday.",
        "I heard it rained on Friday.",
        "June Carter sang on Friday.",
        "I loved Friday's dinner.",
    ),
    "2024-05-11": (
        "Thanks for coming on Saturday!",
        "Sorry I missed you on Saturday.",
    ),
    "2024-05-12": (
        "I haven't eaten meat since Sunday.",
        "Flew back on Sunday.",
        "Just back from Crete, we landed on Sunday.",
        "Did you watch Sunday's game?",
        "What about Sunday, was it fun?",
    ),
    "2024-05-12 2024-05-17": ("My parents got here on Sunday and leave on Friday.",),
    "2024-05-13": (
        "He's been calling every day since Monday.",
        "She wasn't at school on Monday.",
        "Didn't you see him on Monday?",
        "Why were you late on Monday?",
        "I started on Monday and I'm already tired.",
    ),
    "2024-05-14": ("It was supposed to come on Monday but came yesterday.",),
    "2024-05-16": (
        "Starting tomorrow I'm on a diet.",
        "Dentist tomorrow at 9.",
        "They say it will snow tomorrow.",
    ),
    "2024-05-17": (
        "What about lunch on Friday?",
        "Fancy a drink on Friday?",
        "See you on Friday!",
        "Hope your exam goes well on Friday.",
        "Interview on Friday, wish me luck!",
        "I booked a table for Friday.",
        "I turn 30 on Friday.",
        "I should go to bed, see you on Friday.",
        "I hear it'll rain on Friday.",
        "Ask April on Friday.",
    ),
    "2024-05-18": (
        "Anyone up for tennis on Saturday?",
        "Have a great time on Saturday!",
        "Sorry, I can't on Saturday.",
        "I bought tickets for Saturday's game.",
    ),
    "2024-05-19": (
        "Flying back on Sunday.",
        "Off to Crete on Sunday!",
        "Will you watch Sunday's game?",
    ),
    "2024-05-20": (
        "She won't be at school on Monday.",
        "Won't you come on Monday?",
        "Why don't we meet on Monday?",
        "How about Monday?",
        "I start on Monday and I'm already nervous.",
        "The meeting has been moved to Monday.",
    ),
    "2024-05-30": ("My visa expires on the 30th.",),
    "2024-06": (
        "We're getting married in June.",
        "We get married in June.",
        "By June we'll have run out of money.",
    ),
    "2024-06-01": ("Effective June 1, fares go up.",),
    "2024-08": ("My baby is due in August.",),
    "2025-03": ("In March it will be ten years.",),
    "2025-03-01/2025-05-31": ("Next spring we're moving.",),
}

UNDATED = (
    "We were on the 3rd floor.",
    "I got it on the 1st try.",
    "Meet me on the 5th floor.",
    "My son is in the 5th grade.",
    "It happened on 42nd Street.",
    "The shop is open 24/7.",
    "I remember 9/11.",
    "A week ago Friday we moved.",
    "The following Friday he left.",
    "The Friday after, we broke up.",
    "That Saturday it rained.",
    "She has invited us on Saturday.",
    "The shop has just confirmed delivery on Saturday.",
    "They've been invited on Saturday.",
    "The previous Monday he had called.",
    "Months ago I bought a bike.",
    "It was years ago.",
    "Ages ago we went to Rome.",
    "He was born in June.",
    "It rains a lot in April.",
    "It's always cold here in January.",
    "In 2019, in March, we met.",
    "We met in March 2019.",
    "I'm off in August every year.",
    "In spring I plant tulips.",
    "He could have come on Friday.",
    "Pretend it's Friday.",
    "As if it were Sunday.",
    "Wednesday is my day off.",
    "Wednesday's my day off.",
    "Today's Wednesday, so trash day.",
    "The Wednesday club meets at noon.",
    "My Tuesday class is fun.",
    "Our Monday meeting ran late.",
    "Sunday School was fun.",
    "Sunday drivers annoy me.",
    "I've a case of the Mondays.",
    "He's my Man Friday.",
    "Bloody Sunday is a sad memory.",
    "I live on May Street.",
    "Theresa May resigned.",
    "August Wilson wrote Fences.",
    "Summer is my sister's name.",
    "I watched Wednesday's first season.",
)


@pytest.mark.parametrize(("days", "text"), [(days, text) for days, texts in DATED.items() for text in texts])
def test_a_date_is_found_where_one_is_meant(days: str, text: str) -> None:
    found, wanted = resolve(text, WEDNESDAY), [one.partition("/") for one in days.split()]
    assert len(found) == len(wanted)
    for one, (first, _, last) in zip(found, wanted, strict=True):
        assert one.first.isoformat().startswith(first)
        assert one.last.isoformat().startswith(last or first)


@pytest.mark.parametrize("text", UNDATED)
def test_what_is_no_date_or_leaves_the_day_open_has_none(text: str) -> None:
    assert resolve(text, WEDNESDAY) == []
