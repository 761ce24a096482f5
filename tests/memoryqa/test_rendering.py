from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conversations, ids_in, long_texts, num_examples, texts

from memoryqa.language.dating.time_spans import WEEKDAYS
from memoryqa.language.lexicon.word_lists import FILLER_WORDS
from memoryqa.passages import WHOLE_TOKENS, cut
from memoryqa.rendering import (
    Line,
    Tally,
    ToRender,
    count_lines,
    drop_filler,
    empty_line,
    is_filler,
    render,
    render_turn,
    render_turns,
    shorten_caption,
    with_clock,
)
from memoryqa.search.packing import pack
from memoryqa.tokens import count_tokens
from memoryqa.turns import MONTHS, Turn, printable, render_header

NAMES = frozenset({"ines", "bo"})
DAY = datetime(2023, 5, 25)


def lines_of(turns: list[Turn]) -> list[Line]:
    """In full, the session's header that of its first turn: as a memory renders them."""
    headers: dict[int, str] = {}
    for turn in turns:
        headers.setdefault(turn.session, render_header(turn.session, turn.time))
    return [line for turn in turns for line in render_turn(turn, NAMES, headers[turn.session])[0]]


def address(line: Line) -> tuple[int, int, int]:
    return line.key


def line_of(text: str, caption: str = "", time: datetime | None = DAY) -> tuple[Line, Line]:
    """The line of a short turn, in full and in brief."""
    (full,), (brief,) = render_turn(Turn(1, 2, "Ines", text, time, caption), NAMES, "[D1, 25 May 2023]")
    return full, brief


def parts_of(text: str, caption: str = "") -> list[Line]:
    return render_turn(Turn(1, 2, "Ines", text, DAY, caption), NAMES, "[D1, 25 May 2023]")[0]


# -- filler ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentence",
    [
        "Wow!",
        "Hi Bo, how are you?",
        "Thanks, Ines!",
        "That's so great.",
        "I agree!",
        "Glad it was fun.",
        "Yeah...",
        " ",
    ],
)
def test_greetings_thanks_and_praise_are_filler(sentence: str) -> None:
    assert is_filler(sentence, NAMES)


@pytest.mark.parametrize(
    "sentence",
    [
        "Yes, I did.",
        "I have been there.",
        "We love it!",
        "Thanks for the 3!",
        "See you on Friday!",
        "See you in May!",
        "How is Lena?",
        "Great soup!",
        "🎉",
        "谢谢",
    ],
)
def test_what_may_carry_a_fact_is_not_filler(sentence: str) -> None:
    assert not is_filler(sentence, NAMES)


def test_no_month_weekday_or_count_is_a_filler_word() -> None:
    facts = {name.lower() for name in (*MONTHS, *WEEKDAYS)} - {"may"} | {
        "two",
        "three",
        "today",
        "yesterday",
        "tomorrow",
    }
    assert FILLER_WORDS.isdisjoint(facts)
    assert "may" not in FILLER_WORDS


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Wow! I moved to Porto. That's great!", "I moved to Porto."),
        ("I moved to Porto", "I moved to Porto"),
        ('"Wow!" Ines, we won.', "Ines, we won."),
        ("We left at 5 p.m. in the U.S. with Lena.", "We left at 5 p.m. in the U.S. with Lena."),
        ("Release v2.0.", "Release v2.0."),
        ("Wow!!! So cool...", ""),
        ("昨天我去了博物馆。很好看！", "昨天我去了博物馆。很好看！"),
        ("", ""),
    ],
)
def test_only_filler_sentences_are_dropped(text: str, kept: str) -> None:
    assert drop_filler(text, NAMES) == kept


@given(texts)
def test_dropping_filler_only_takes_characters_away_and_is_done_once(text: str) -> None:
    kept = drop_filler(text, NAMES)
    rest = iter(text)
    assert all(character in rest for character in kept), "a subsequence"
    assert drop_filler(kept, NAMES) == kept


# -- captions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "short"),
    [
        ("a photo of a bowl", "bowl"),
        ("A close up photo of the sea", "sea"),
        ("screenshot of an email", "email"),
        ("a photography of two dogs", "two dogs"),
        ("two dogs on display", "two dogs on display"),
        ("photo album", "photo album"),
        ("photograph offered for sale", "photograph offered for sale"),
        ("", ""),
    ],
)
def test_a_caption_loses_the_words_that_say_it_is_a_photo(caption: str, short: str) -> None:
    assert shorten_caption(caption) == short


# -- lines -------------------------------------------------------------------------------------------------------------


def test_a_turn_in_brief_is_without_filler_and_in_full_is_whole() -> None:
    full, brief = line_of("Hi Bo! I moved to Porto last week. Thanks!", "a photo of a door")
    assert brief.text == "2 Ines: I moved to Porto last week (= the week before 25 May 2023). (photo: door)"
    assert full.text.startswith("2 Ines: Hi Bo! I moved")
    assert full.text.endswith("Thanks! (photo: door)")
    assert brief.tokens < full.tokens


def test_a_turn_without_filler_is_the_same_line_twice() -> None:
    full, brief = line_of("I moved to Porto.")
    assert full is brief


@pytest.mark.parametrize(("text", "caption"), [("Wow, thanks!", ""), ("", ""), ("\n", "a photo of "), ("\u2028", "\t")])
def test_a_turn_that_says_nothing_has_no_line_in_brief(text: str, caption: str) -> None:
    assert line_of(text, caption)[1] == empty_line(line_of(text, caption)[1].turn)


def test_dates_are_resolved_once_and_only_against_a_known_day() -> None:
    text = line_of("I rowed yesterday.")[0].text
    assert text.count("(= ") == 1
    assert line_of(text.removeprefix("2 Ines: "))[0].text == text
    assert "(= " not in line_of("I rowed yesterday.", time=None)[0].text


@given(conversations(max_turns=1))
def test_rendering_a_rendered_turn_changes_nothing(turns: list[Turn]) -> None:
    for line in lines_of(turns):
        body = line.text.partition(": ")[2]
        if line.text and not line.turn.caption and ":" not in line.turn.speaker and line.part is None:
            again = Turn(line.turn.session, line.turn.number, line.turn.speaker, body, line.turn.time)
            (full,), _ = render_turn(again, NAMES, line.header)
            assert full.text.split() == line.text.split()
            assert full.text == line.text or "\n" in line.text, "code is indented by one more space"


@pytest.mark.slow
@given(conversations())
@settings(max_examples=150)
def test_the_tokens_of_a_text_are_exactly_those_of_its_lines(turns: list[Turn]) -> None:
    lines = lines_of(turns)
    text = render(lines)
    assert count_tokens(text) == count_lines(lines)
    assert ids_in(text) == list(dict.fromkeys(line.turn.id for line in sorted(lines, key=address) if line.text))
    assert render(reversed(lines)) == text, "in time order, whatever the order of the lines"


@pytest.mark.slow
@given(conversations(), st.data())
@settings(max_examples=100)
def test_tokens_add_up_with_the_time_of_day_too(turns: list[Turn], data: st.DataObject) -> None:
    lines = [with_clock(line) for line in lines_of(turns)]
    chosen = data.draw(st.lists(st.sampled_from(lines), unique_by=address)) if lines else []
    tally = Tally()
    for line in chosen:
        before, cost = tally.tokens, tally.cost(line)
        tally.add(line)
        assert tally.tokens == before + cost
    assert count_tokens(render(chosen)) == tally.tokens
    assert [with_clock(line) for line in lines] == lines, "it is shown once"


@pytest.mark.parametrize("text", ["otter " * 600, "short"])
def test_a_line_with_its_time_of_day_has_it_after_its_number(text: str) -> None:
    turn = Turn(1, 2, "Ines", text, datetime(2023, 5, 25, 7, 5))
    plain = render_turn(turn, NAMES, "[D1, 25 May 2023]")[0]
    shown, timed = render(plain), render(map(with_clock, plain))
    assert timed == shown.replace("\n2 Ines:", "\n2 07:05 Ines:")
    assert count_tokens(timed) == count_lines(map(with_clock, plain))
    without = Turn(1, 2, "Ines", text)
    assert [*map(with_clock, render_turn(without, NAMES, "")[0])] == render_turn(without, NAMES, "")[0]


@given(st.text("();:'\"/\n*{}[]<>=_!.…-# a1", max_size=12), st.text("();\"'/}]>_", min_size=1, max_size=4))
@settings(max_examples=num_examples(200))
def test_tokens_add_up_after_the_punctuation_of_code_too(text: str, end: str) -> None:
    """The vocabulary has hundreds of tokens like `");` with its newline, shorter than the same without it."""
    lines = lines_of([Turn(1, 1, "Ines", text + end), Turn(1, 2, "Bo", end), Turn(2, 1, "", text + end)])
    assert count_tokens(render(lines)) == count_lines(lines)


# -- long turns --------------------------------------------------------------------------------------------------------

LONG = [
    "otter " * 600,
    "👩‍🚀" * 400,
    "博物馆" * 600,
    "x" * 9000,
    "!?" * 4000,
    "a = b[0];\n" * 400,
    "- one\n- two\n" * 300,
]


@pytest.mark.parametrize("text", LONG)
def test_all_passages_of_a_long_turn_show_the_whole_text(text: str) -> None:
    lines = parts_of(text)
    assert len(lines) > 1
    assert "".join(render(lines).split()) == "".join(f"[D1, 25 May 2023]\n2 Ines: {text}".split())
    assert "…" not in render(lines)


@pytest.mark.parametrize("text", LONG)
def test_a_part_of_a_long_turn_says_with_an_ellipsis_where_text_is_left_out(text: str) -> None:
    lines = parts_of(text)
    first, last, inner = lines[0], lines[-1], lines[1]
    assert first.text.endswith(" …")
    assert not first.text.startswith("2 Ines: …")
    assert last.text.startswith("2 Ines: …")
    assert not last.text.endswith("…")
    assert inner.text.startswith("2 Ines: …")
    assert inner.text.endswith(" …") == (inner is not last)


def test_a_message_of_few_characters_and_many_tokens_is_cut() -> None:
    text = "我👩\u200d👩\u200d👧\u200d👦 🇵🇹 " * 14
    assert len(text) < WHOLE_TOKENS < count_tokens(text)
    assert all(count_tokens(piece.text) <= WHOLE_TOKENS for piece in cut(text))


@pytest.mark.slow
@given(long_texts, st.sampled_from(("", "a photo of a mill")))
@settings(max_examples=150)
def test_passages_are_short_and_together_the_whole_text(text: str, caption: str) -> None:
    pieces = cut(text)
    assert all(count_tokens(piece.text) <= WHOLE_TOKENS for piece in pieces)
    assert "".join("".join(piece.text.split()) for piece in pieces) == "".join(text.split())
    lines = parts_of(text, caption)
    undated = render_turn(replace(lines[0].turn, time=None), NAMES, "[D1, 25 May 2023]")[0]
    shown = render(undated).removeprefix("[D1, 25 May 2023]\n2 Ines:")
    assert "".join(shown.split()) == "".join(printable(f"{text}{' (photo: mill)' if caption else ''}").split())


@pytest.mark.slow
@given(long_texts, st.data())
@settings(max_examples=200)
def test_tokens_of_any_part_of_a_long_turn_add_up_and_its_order_and_gaps_are_shown(
    text: str, data: st.DataObject
) -> None:
    lines = parts_of(text)
    around = lines_of([Turn(1, 1, "Bo", "()", DAY), Turn(1, 3, "Bo", "/", DAY), Turn(2, 1, "Bo", text, DAY)])
    chosen = data.draw(st.lists(st.sampled_from([*lines, *around]), unique_by=address)) if lines else []
    tally = Tally()
    for line in chosen:
        before, cost = tally.tokens, tally.cost(line)
        tally.add(line)
        assert tally.tokens == before + cost
    assert count_tokens(render(chosen)) == tally.tokens
    for line in data.draw(st.permutations(chosen)):
        chosen.remove(line)
        tally.remove(line)
        assert count_tokens(render(chosen)) == tally.tokens


@given(long_texts, st.data())
@settings(max_examples=num_examples(100))
def test_a_turn_shows_its_passages_in_order_with_an_ellipsis_wherever_text_is_left_out(
    text: str, data: st.DataObject
) -> None:
    lines = [line for line in parts_of(text.replace("…", ".")) if line.text]
    if len(lines) < 2:
        return
    shown = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=1)))
    expected = "" if shown[0] == 0 else "…"
    for place, number in enumerate(shown):
        expected += "".join(lines[number].body.split())
        is_end = number == len(lines) - 1 if place == len(shown) - 1 else shown[place + 1] == number + 1
        expected += "" if is_end else "…"
    body = render([lines[number] for number in shown]).partition("2 Ines:")[2]
    assert "".join(body.split()) == expected
    assert all(line.startswith(" ") for line in body.split("\n")[1:] if line), "a further line is no line of its own"


def test_line_breaks_are_kept_where_they_carry_meaning_and_nowhere_else() -> None:
    text = "To do:\n1. Boil\n   the beans.\n2. Salt.\n\nThen\nrest.\n```\nx = 1\n  y\n```\nDone\n\n\nnow."
    assert line_of(text)[0].text == (
        "2 Ines: To do:\n 1. Boil the beans.\n 2. Salt.\n Then rest.\n ```\n x = 1\n   y\n ```\n Done now."
    )


def test_a_session_has_one_header_and_lines_without_text_are_left_out() -> None:
    turns = [
        Turn(2, 1, "Bo", "We sail."),
        Turn(1, 10, "Bo", "We row."),
        Turn(1, 9, "Ines", ""),
        Turn(1, 2, "Bo", "So?"),
    ]
    assert render(lines_of(turns)) == (
        "[D1, date unknown]\n2 Bo: So?\n10 Bo: We row.\n[D2, date unknown]\n1 Bo: We sail.\n"
    )
    assert render([]) == ""


# -- packing -----------------------------------------------------------------------------------------------------------


@given(conversations(), st.integers(0, 300), st.data())
def test_packing_keeps_to_the_budget_and_takes_each_line_once(
    turns: list[Turn], budget: int, data: st.DataObject
) -> None:
    lines = lines_of(turns)
    ranked = data.draw(st.permutations(lines)) + lines
    taken = lines[: data.draw(st.integers(0, 3))]
    chosen = pack(ranked, budget, taken)
    assert count_tokens(render(chosen)) == count_lines(chosen) <= budget
    keys = [line.key for line in chosen]
    assert len(set(keys)) == len(keys)
    assert all(line.text for line in chosen)
    places = [[*taken, *ranked].index(line) for line in chosen]
    assert places == sorted(places), "in the order given, those taken first"


@given(conversations())
def test_everything_is_packed_when_it_fits(turns: list[Turn]) -> None:
    lines = [line for line in lines_of(turns) if line.text]
    assert pack(lines, count_lines(lines) + 600) == lines


def test_a_line_that_does_not_fit_is_skipped_for_a_shorter_one() -> None:
    long, short = lines_of([Turn(1, 1, "Ines", "otters " * 50), Turn(1, 2, "Bo", "We row.")])
    assert pack([long, short], short.tokens + short.header_tokens) == [short]
    assert pack([long, short], short.tokens + short.header_tokens - 1) == []


def test_a_header_is_paid_once_for_its_session() -> None:
    one, two = lines_of([Turn(1, 1, "Ines", "We row."), Turn(1, 2, "Bo", "We sail.")])
    assert pack([one, two], one.tokens + two.tokens + one.header_tokens) == [one, two]


def test_a_bare_yes_or_no_is_an_answer_and_stays() -> None:
    assert not is_filler("Yes.", NAMES)
    assert not is_filler("No!", NAMES)


def test_many_turns_are_rendered_as_each_alone() -> None:
    texts = [
        "Hi Bo! I moved to Porto last week. Thanks!",
        "",
        "Thanks!",
        "No.",
        "- one\n- two",
        "Otters. " * 150,
        "ok " * 90,
    ]
    turns = [
        Turn(1, number, "Ines", text, time, caption)
        for number, (text, time, caption) in enumerate(product(texts, (DAY, None), ("", "a photo of a door")))
    ]
    for replies in (False, True):
        asked = [ToRender(turn, NAMES, "[D1, 25 May 2023]", replies) for turn in turns]
        assert render_turns(asked) == [render_turn(*one) for one in asked]
