"""What was said, rendered once: long messages in reach, and repeats shown once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cpu_time import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import WORDS, chats, conversations, num_examples

from memoryqa.language.terms import terms
from memoryqa.memories import Memories
from memoryqa.memory import AdaptiveMemory
from memoryqa.rendering import join_passages
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

DAY = datetime(2024, 5, 3)
PILL = "Take the blue pill before breakfast."


def memory_of(turns: list[Turn], memory_tokens: int = 20_000) -> AdaptiveMemory:
    memory = AdaptiveMemory(memory_tokens)
    memory.extend(turns)
    return memory


def said(texts: list[str], speaker: str = "Ines", days: int = 1) -> list[Turn]:
    return [
        Turn(number, 1, speaker, text, DAY + timedelta(days * (number - 1))) for number, text in enumerate(texts, 1)
    ]


# -- long messages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 700, 1500, 2999])
def test_every_word_of_a_long_message_is_found_wherever_it_stands(place: int) -> None:
    words = [f"filler{number % 40}" for number in range(3000)]
    words[place] = "zeppelin"
    memory = memory_of([Turn(1, 1, "User", "Hello there."), Turn(1, 2, "Assistant", " ".join(words))])
    found = memory.search("zeppelin", 300)
    assert "zeppelin" in found.text
    assert found.ids[0] == "D1:2"


@given(chats(), st.data())
@settings(max_examples=num_examples(60))
def test_any_term_of_a_long_message_brings_all_its_passages_that_hold_it(
    turns: list[Turn], data: st.DataObject
) -> None:
    memory = memory_of(turns)
    passages = [line for line, _ in memory.lines() if line.part is not None]
    if spoken := sorted({term for line in passages for term in terms(line.content)}):
        term = data.draw(st.sampled_from(spoken))
        shown = memory.search(term, 100_000)
        assert {line.key for line in passages if term in terms(line.content)} <= {line.key for line in shown.lines}


def test_the_passages_of_a_turn_have_ids_by_which_a_search_keeps_them() -> None:
    text = " ".join(f"Item {number} is bread." for number in range(200))
    memory = memory_of([Turn(1, 1, "Ines", text), Turn(1, 2, "Bo", "The kestrel has landed.")])
    found = memory.search("item 150", 250)
    assert sum(one.startswith("D1:1/") for one in found.line_ids) >= 1
    assert found.shown["D1:1"]
    kept = memory.search("kestrel", 300, keep=found.line_ids)
    assert kept.line_ids[: len(found.line_ids)] == found.line_ids
    assert set(memory.search("kestrel", 100_000, keep=["D1:1"]).ids) == {"D1:1", "D1:2"}
    with pytest.raises(KeyError, match="no turn 'D1:1/99'"):
        memory.search("kestrel", keep=["D1:1/99"])


@pytest.mark.slow
@given(chats(max_turns=10), st.integers(1, 900), st.integers(1, 900))
@settings(max_examples=100)
def test_of_long_messages_too_a_larger_working_memory_holds_a_superset_and_none_is_too_large(
    turns: list[Turn], one: int, other: int
) -> None:
    small, large = AdaptiveMemory(min(one, other)), AdaptiveMemory(max(one, other))
    for turn in turns:
        small.add(turn)
        large.add(turn)
        assert small._working.lines.keys() <= large._working.lines.keys()
        assert count_tokens(small.render()) == small.tokens <= min(one, other)
        assert count_tokens(large.render()) == large.tokens <= max(one, other)


@pytest.mark.slow
def test_adding_one_long_message_takes_time_in_proportion_to_its_length() -> None:
    # 24,000 words are more than is held already.
    assert_linear(lambda num_words: memory_of([Turn(1, 1, "Ines", "otter " * num_words)]), 24_000)


# -- contexts are rebuilt from what a prediction carries ---------------------------------------------------------------


@pytest.mark.slow
@given(st.one_of(chats(), conversations()), st.sampled_from(WORDS), st.integers(0, 600))
@settings(max_examples=100)
def test_a_context_is_rebuilt_from_its_ids_the_lines_and_how_they_were_shown(
    turns: list[Turn], question: str, budget: int
) -> None:
    memory = memory_of([*turns, *(Turn(90, number, "Ines", PILL) for number in range(3))])
    rendered = Memories({"chat": memory}).rendered_lines()["chat"]
    for found, full in ((memory.search(question, budget), False), (memory.transcript(), True)):
        text, session = "", ""
        for turn_id in sorted(found.ids, key=lambda one: [int(part) for part in one[1:].split(":")]):
            header, brief, whole = rendered["turns"][turn_id]
            shown = found.shown.get(turn_id, whole if full else brief)
            if header != session:
                text += f"{header}\n"
                session = header
            lines = rendered["passages"].get(turn_id)
            text += (shown if isinstance(shown, str) else join_passages(whole, lines, shown)) + "\n"
        assert text == found.text


# -- repeats -----------------------------------------------------------------------------------------------------------


def test_what_is_said_again_and_again_is_shown_once_with_how_often_and_when() -> None:
    texts = [PILL, *(PILL.upper().replace(".", "!!") for _ in range(39)), "The pill is called Zorb."]
    memory = memory_of(said(texts))
    found = memory.search("Which pill before breakfast?", 500)
    assert found.text.casefold().count("before breakfast") == 1
    assert "(said 40 times, 3 May to 11 June 2024)" in found.text
    assert "Zorb" in found.text
    assert count_tokens(found.text) == found.tokens <= 500
    assert len(found.ids) == 2


@pytest.mark.parametrize(
    ("days", "when"),
    [(0, ", on 3 May 2024"), (1, ", 3 May to 5 May 2024"), (150, ", 3 May 2024 to 27 February 2025"), (None, "")],
)
def test_the_days_of_repeats_are_named_as_far_as_they_are_known(days: int | None, when: str) -> None:
    turns = said([PILL] * 3, days=days or 0)
    if days is None:
        turns = [Turn(1, number, "Ines", PILL) for number in range(3)]
    assert f"breakfast. (said 3 times{when})" in memory_of(turns).search("pill").text
    assert memory_of(turns[:2]).search("pill").text.count("blue pill") == 2


@pytest.mark.parametrize(
    "other",
    [
        Turn(2, 1, "Bo", PILL, DAY),  # another speaker
        Turn(2, 1, "Ines", "Take the blue pill before dinner.", DAY),
        Turn(2, 1, "Ines", "Take the 2 blue pills before breakfast.", DAY),
    ],
)
def test_what_differs_in_a_word_or_its_speaker_is_no_repeat(other: Turn) -> None:
    found = memory_of([Turn(1, 1, "Ines", PILL, DAY), Turn(1, 2, "Ines", PILL, DAY), other]).search("pill")
    assert len(found.ids) == 3
    assert "times" not in found.text


def test_plans_of_other_days_in_the_same_words_are_no_repeats_nor_are_short_answers() -> None:
    turns = said(["We met Lena at the mill yesterday."] * 3 + ["Two green otters."] * 3)
    found = memory_of(turns).search("Lena mill otters")
    assert len(found.ids) == 6
    assert "2 May 2024" in found.text
    assert "3 May 2024" in found.text


def test_repeats_are_kept_and_searched_for_once_too() -> None:
    memory = memory_of(said([PILL] * 5))
    assert len(memory.search("pill", keep=["D3:1", "D4:1"]).ids) == 1
    assert memory.search("pill", keep=["D3:1", "D4:1"]).ids == ("D3:1",)
    assert len(memory.recent(500)) == 5
    assert len(memory.rank("pill")) == 5


# -- short answers -----------------------------------------------------------------------------------------------------

SHORT = [
    ("Are you allergic to peanuts?", "Very."),
    ("Who won the regatta?", "Bo."),
    ("Do you still paint?", "Not really."),
    ("Did you ever sail to Porto?", "Never."),
    ("Do you drink coffee?", "Always!"),
    ("Is the old mill open?", "Maybe."),
    ("Will you come to the wedding?", "Definitely!"),
    ("Should we sell the boat?", "Absolutely not."),
    ("Have you finished the novel?", "Not yet."),
    ("When does the ferry leave?", "Soon."),
    ("How many kestrels did you see?", "Many."),
    ("Who baked the bread?", "Me."),
    ("Whose kayak is it?", "Yours."),
    ("Does your knee still hurt?", "A lot."),
    ("Is Lena your sister?", "Yep."),
    ("Are you coming alone?", "Together with you guys."),
    ("Can you swim?", "A little."),
    ("Do you like the new flat?", "Yeah."),
    ("Do you want the lamp?", "No, thanks!"),
    ("Was the soup any good?", "Not bad!"),
    ("Is it true about the lottery?", "Exactly."),
    ("Do you trust the captain?", "I do."),
    ("Is the harbour far?", "Hey! Oh, not so far."),
]


@pytest.mark.parametrize(("question", "answer"), SHORT)
def test_a_short_answer_is_found_with_its_question(question: str, answer: str) -> None:
    turns = [
        Turn(1, 1, "Ines", question),
        Turn(1, 2, "Bo", answer),
        *(Turn(1, number, "Ines", f"The {number} lamps hang near the stove.") for number in range(3, 30)),
    ]
    found = memory_of(turns).search(question, 60)
    assert "D1:2" in found.ids
    assert answer.removeprefix("Hey! ") in found.text


@pytest.mark.parametrize(
    "courtesy",
    ["Thanks!", "Wow!", "Hey!", "Hi Ines!", "Thank you so much, Ines!", "That's so great.", "Aw, lovely!", "..."],
)
def test_pleasantries_after_a_question_stay_filler(courtesy: str) -> None:
    turns = [Turn(1, 1, "Ines", "Did you see the otters?"), Turn(1, 2, "Bo", courtesy)]
    assert memory_of(turns).search("otters").ids == ("D1:1",)


def test_only_the_first_sentence_of_a_reply_is_taken_for_an_answer_and_only_of_a_reply() -> None:
    question = Turn(1, 1, "Ines", "Do you like company?")
    reply = Turn(1, 2, "Bo", "Not really. I prefer the mill. Totally.")
    assert "2 Bo: Not really. I prefer the mill.\n" in memory_of([question, reply]).search("company").text
    own = Turn(1, 2, "Ines", "Not really. I prefer the mill.")
    assert "2 Ines: I prefer the mill." in memory_of([question, own]).search("company").text
    later = Turn(2, 1, "Bo", "Not really. I prefer the mill.")
    assert "1 Bo: I prefer the mill." in memory_of([question, later]).search("company").text
