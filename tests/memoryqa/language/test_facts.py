"""Facts: numbers, names and pairs as they are found, quoted and ranked."""

from __future__ import annotations

from datetime import datetime

import pytest
from cpu_time import assert_linear
from hypothesis import given
from hypothesis import strategies as st
from strategies import texts

from memoryqa.compaction.summaries import flat
from memoryqa.language.facts import (
    MAX_FACT_CHARS,
    Fact,
    facts_of,
    find_facts,
    names,
    number_forms,
    numbers,
    probes,
    rank,
    sentences,
    shown,
    specificity,
)
from memoryqa.turns import Turn


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        ("1,523.5 of 12 at 12:30", {"1523.5", "12", "12:30"}),
        ("scores 1,2,3", {"1", "2", "3"}),
        ("10,000,000 and 1,00", {"10000000", "1", "00"}),
        ("on 2023-05-08, v2", {"2023-05-08", "2"}),
        ("no digits", set()),
    ],
)
def test_numbers_are_found_as_written(text: str, found: set[str]) -> None:
    assert numbers(text) == found


def test_a_date_tells_its_parts() -> None:
    assert {"2023-05-08", "2023", "5", "8"} <= number_forms("2023-05-08")
    assert "5" not in number_forms("0.5")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The audit names Ines Vela and Lisbon's office.", {"ines", "vela", "lisbon"}),
        ("Maria left. Completed all. I think I'm done. Finally, Bo came.", {"maria", "bo"}),
        ("Result: Porto won", {"porto"}),
        ("it raised a KeyError in GHCQ", {"keyerror", "ghcq"}),
        ("The Found Analysis of Things", {"found", "analysis", "things"}),  # capitals inside a sentence are a name's
        ("no names here, 昨天", set()),
        ("Zebedee rowed. Invoices came. Maria sang. KeyError again", {"zebedee", "maria", "keyerror"}),
    ],
)
def test_names_are_capitalised_words_that_do_not_merely_open_a_sentence(text: str, found: set[str]) -> None:
    assert names(text) == found


@given(texts, texts)
def test_a_text_shows_its_own_probes_and_those_of_what_it_holds(text: str, other: str) -> None:
    assert probes(text) <= shown(text)
    assert probes(text) <= shown(f"{other}\n{text}\n{other}")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Dr. Lee came at 5 p.m. on foot. Then? Rest!", ["Dr. Lee came at 5 p.m. on foot.", "Then?", "Rest!"]),
        ("rows: 3.5\n\n total \t 7", ["rows: 3.5", "total 7"]),
        ("很好看！真的。是", ["很好看！", "真的。", "是"]),
        ("", []),
    ],
)
def test_sentences_end_at_full_stops_and_lines(text: str, found: list[str]) -> None:
    assert sentences(text) == found


@given(st.one_of(texts, st.text(max_size=600)))
def test_no_word_of_a_text_is_in_no_fact(text: str) -> None:
    facts = find_facts(text, "mem:1")
    assert "".join("".join(fact.text.split()) for fact in facts) == "".join(text.split())
    assert all(0 < len(fact.text) <= MAX_FACT_CHARS and fact.handle == "mem:1" for fact in facts)


def test_pairs_of_a_report_are_written_short_and_those_of_a_line_stay_together() -> None:
    report = "accuracy: 0.87, total: 1523\n{'city': 'Lisbon', \"n\": 12}\nstatus = ok"
    found = [fact.text for fact in find_facts(report, "mem:1", with_pairs=True)]
    assert found == ["accuracy=0.87, total=1523", "city=Lisbon, n=12", "status=ok"]


@pytest.mark.parametrize(
    "text", ["time 12:30 http://a.b/c", "KeyError: 'a'", "Branch 7 of all: found 21 patterns", "a: b: c", "= 3", ":"]
)
def test_what_only_looks_like_a_pair_stays_as_it_is(text: str) -> None:
    assert [fact.text for fact in find_facts(text, "mem:1", with_pairs=True)] == [text]


def test_a_speaker_is_named_before_each_fact() -> None:
    assert [f.text for f in find_facts("We row. I swim.", "m", speaker=" Mary\nAnn ")] == [
        "Mary Ann: We row.",
        "Mary Ann: I swim.",
    ]


def test_more_numbers_and_names_in_fewer_words_are_more_specific() -> None:
    assert specificity("and so on") == 0.0
    assert specificity("it was 774410") > specificity("it was 7")
    assert specificity("invoice=774410") > specificity("invoice 774410")
    assert specificity("Maria won 7") > specificity("in the end it was Maria who won 7 of all of them")
    assert specificity("7 rows") > specificity("7")


def test_facts_rank_by_specificity_then_newest_and_repeats_once() -> None:
    old, new, other = Fact("n=7", "mem:1", 0.5), Fact("N=7", "mem:3", 0.5), Fact("k=7", "mem:2", 0.5)
    vague, sharp = Fact("so", "mem:4", 0.0), Fact("id=774410", "mem:0", 0.9)
    assert rank([sharp, old, other, new, vague]) == (sharp, new, other, vague)


def test_the_facts_of_a_turn_are_its_dated_sentences_and_its_photo() -> None:
    turn = Turn(8, 6, "Ana", "I moved yesterday. It rained!", datetime(2023, 5, 25), caption="a  red  van")
    facts = facts_of(turn)
    assert [fact.text for fact in facts] == [
        "Ana: I moved yesterday (= 24 May 2023).",
        "Ana: It rained!",
        "Ana: (photo: a red van)",
    ]
    assert {fact.handle for fact in facts} == {"mem:D8:6"}
    assert facts_of(Turn(1, 1, "Ana", "")) == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", [".", "…", "!?", "e.g. ", "Dr. ", '."', ".) ", "U.S.", "No. ", "a.b. ", "。", ". . ", "x! ", "?\t", "vs. "]
)
@pytest.mark.parametrize("end", ["", "x", " "])
def test_sentences_take_linear_time(unit: str, end: str) -> None:
    def read(times: int) -> None:
        text = unit * times + end
        sentences(text)
        flat(text)

    assert_linear(read, 15_000)
