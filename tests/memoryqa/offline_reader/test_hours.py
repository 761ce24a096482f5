from __future__ import annotations

import pytest

from memoryqa.offline_reader.extraction import read

EVIDENCE = """\
[D1, 14 May 2024]
1 Rui: The pharmacy is open until 8 pm on Saturdays.
2 Ana: The museum is open from 10:00 to 17:30, closed on Mondays.
3 Rui: The party starts at half past seven.
4 Ana: The library closes at 18:00 in summer.
5 Rui: The bakery sells bread from 7 till 1.
6 Rui: On Fridays I work 9am-5pm at the harbour.
7 Tom: I stay in Lisbon until 3 June (= 3 June 2024).
8 Ana: The train was twenty minutes late.
9 Rui: The gym opens at six and closes at 11 p.m.
10 Ana: We were at the concert until midnight.
11 Ana: Dinner is at eight.
[D2, 20 May 2024]
1 Eva: Die Apotheke hat bis 20 Uhr offen.
2 Eva: Das Schwimmbad ist von 10 bis 18 Uhr geöffnet.
3 Pia: El mercado abre de 9 a 14 h.
4 Pia: La boulangerie est ouverte jusqu'à 19h30.
"""


@pytest.mark.parametrize(
    ("question", "answer", "line"),
    [
        ("Until when is the pharmacy open?", "8 pm", "D1:1"),
        ("How late is the pharmacy open?", "8 pm", "D1:1"),
        ("From when to when is the museum open?", "10:00 to 17:30", "D1:2"),
        ("What are the opening hours of the museum?", "10:00 to 17:30", "D1:2"),
        ("Until when is the museum open?", "17:30", "D1:2"),
        ("At what time does the party start?", "half past seven", "D1:3"),
        ("When does the library close?", "18:00", "D1:4"),
        ("Till when does the bakery sell bread?", "1", "D1:5"),
        ("From when does the bakery sell bread?", "7", "D1:5"),
        ("From when to when does Rui work on Fridays?", "9am-5pm", "D1:6"),
        ("Until when does Tom stay in Lisbon?", "3 June 2024", "D1:7"),  # a day, and no hour
        ("How late was the train?", "twenty minutes", "D1:8"),
        ("How late is the gym open?", "11 p.m.", "D1:9"),
        ("How early does the gym open?", "six", "D1:9"),
        ("Until when were they at the concert?", "midnight", "D1:10"),
        ("At what time is dinner?", "at eight", "D1:11"),
        ("Bis wann hat die Apotheke offen?", "20 Uhr", "D2:1"),
        ("Von wann bis wann ist das Schwimmbad geöffnet?", "10 bis 18 Uhr", "D2:2"),
        ("¿De qué hora a qué hora abre el mercado?", "9 a 14 h", "D2:3"),
        ("¿Hasta cuándo abre el mercado?", "14 h", "D2:3"),
        ("Jusqu'à quand la boulangerie est-elle ouverte?", "19h30", "D2:4"),
    ],
)
def test_hours_are_answered_where_the_lines_have_them(question: str, answer: str, line: str) -> None:
    found = read(question, EVIDENCE)
    assert (found.answer, found.evidence_ids) == (answer, (line,))


@pytest.mark.parametrize(
    ("said", "day"),
    [("I am in Porto until 3 June (= 3 June 2024).", "3 June 2024"), ("I have 2 to 3 cats in Porto.", "14 May 2024")],
)
def test_numbers_that_are_no_hours(said: str, day: str) -> None:
    assert read("Until when is Ana in Porto?", f"[D1, 14 May 2024]\n1 Ana: {said}\n").answer == day
