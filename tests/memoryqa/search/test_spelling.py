"""What is typed differently is found, what is typed exactly comes first, and spellings of a speaker are one speaker."""

from __future__ import annotations

import pytest

from memoryqa.memory import AdaptiveMemory

FILL = [
    "The otters were out early this morning.",
    "We cooked pasta and talked until late.",
    "I finished the puzzle at last.",
    "The mill by the lake is open again.",
    "My cousin sent a postcard from Porto.",
]


def first_found(told: str, question: str, *others: str) -> bool:
    memory = AdaptiveMemory()
    for text in (*FILL, *others, told, *FILL):
        memory.add(text, speaker="Ines")
    found = memory.search(question, budget_tokens=25)
    return told.rstrip(".") in str(found)


@pytest.mark.parametrize(
    ("told", "question"),
    [
        ("I met José at the gym.", "Where did she meet Jose?"),
        ("I met Jose at the gym.", "Where did she meet José?"),
        ("The flight to Zürich was late.", "Which flight to Zurich?"),
        ("We had crème brûlée.", "who had creme brulee"),
        ("Die Straße ist gesperrt.", "strasse gesperrt?"),
        ("Łódź was cold.", "How was Lodz?"),
        ("ＡＢＣ１２３ is the code.", "what is abc123"),
        ("My so\u00adfa is blue.", "What colour is the sofa?"),
        ("The ham\u200bmer is in the shed.", "Where is the hammer?"),
        ("我的密码是48213", "48213"),
        ("我家的WiFi叫Otter", "What is the wifi?"),
        ("我养了一只猫", "猫"),
        ("รหัสประตูคือ9917", "9917"),
        ("She moved to the US for work.", "When did she move to the US?"),
        ("He does IT for a bank.", "Does he work in IT?"),
        ("We saw The Who on Sunday.", "When did they see The Who?"),
        ("I learn C++ now.", "Who learns C++?"),
        ("I wrote it in C# instead.", "What is in C#?"),
        ("Then we go to plan B.", "What is plan B?"),
        ("The doctor says I need vitamin D.", "Does she need vitamin D?"),
        ("I always take bus 7.", "Who takes bus 7?"),
        ("Send me an e-mail about it.", "Who wants an email?"),
        ("The wifi is broken.", "What is wrong with the Wi-Fi?"),
        ("They paid 12,500 for it.", "What cost 12500?"),
        ("Call me on +49 170 123 4567.", "Whose number is +491701234567?"),
        ("The order is 4821-3077.", "What is with order 48213077?"),
        ("It weighs 5 kg.", "What weighs 5kg?"),
    ],
)
def test_a_line_is_found_by_another_spelling(told: str, question: str) -> None:
    assert first_found(told, question)


@pytest.mark.parametrize(
    ("typed", "other"),
    [("José", "Jose"), ("Müller", "Muller"), ("résumé", "resume"), ("Zoë", "Zoe"), ("Ślęza", "Sleza")],
)
def test_the_spelling_with_its_marks_comes_before_the_folded_one(typed: str, other: str) -> None:
    told = f"{typed} was at the market today."
    assert first_found(told, f"Was {typed} at the market today?", f"{other} was at the market today.")


def test_one_speaker_under_several_spellings_is_asked_for_as_one() -> None:
    memory = AdaptiveMemory()
    for number, speaker in enumerate(["José", "Bo", "Jose", "Bo", "Jose\u0301", "Bo", "J\u200bosé", "Bo"]):
        memory.add(f"My garden is nice, says number {number}0.", speaker=speaker)
    found = memory.search("What about the garden of José?", budget_tokens=1000)
    best_first = [turn.speaker for turn in found]
    assert "Bo" not in best_first[:4]
    assert {"José", "Jose"} <= set(best_first[:4]), "and each is shown as it was written"
