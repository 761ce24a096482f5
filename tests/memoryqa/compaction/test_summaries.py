"""What an LM may say in a summary, and how a composed one shrinks."""

from __future__ import annotations

import pytest
from histories import audit, histories
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.compaction.entries import REPLEntry, find_error, render_entries
from memoryqa.compaction.summaries import (
    UnusableSummaryError,
    ask,
    check_summary,
    choose,
    compose,
    cover,
    flat,
    without_least,
    write_prompt,
)
from memoryqa.language.facts import names, number_forms, numbers, words
from memoryqa.language.terms import terms

STEPS = [
    REPLEntry("Ask Ines for the Lisbon ledger of 2023-05-08.", "load('a.csv')", "rows: 1,523, accuracy: 0.87"),
    REPLEntry("Merge", "merge(a, b)", "KeyError: 'order_id'", ({}, {})),
    REPLEntry("Try again", "merge(a, c)", "ok, 12 left"),
]


@pytest.mark.parametrize(
    "sentence",
    [
        "Ines gave the Lisbon ledger of 2023-05-08.",
        "It has 1523 rows.",
        "It has 1,523 rows.",
        "A ledger of 8 was read in 2023.",
        "3 steps were done, 2 of them well, with 2 calls.",
        "Analyzed the ledger and resolved a KeyError.",
        "Ines's ledger was merged.",
        "Ledgers were loaded again.",
        "LLM summary of the steps.",
        "Condensed history: outliers, invoices and regexes.",
    ],
)
def test_a_sentence_whose_numbers_and_names_are_in_the_history_is_used(sentence: str) -> None:
    assert check_summary(sentence, STEPS, "", 3).sentences == (sentence,)


@pytest.mark.parametrize(
    "sentence",
    [
        "Zebedee gave the ledger.",
        "It has 1524 rows.",
        "It was 5.23.",
        "They met in Porto.",
        "An OSError came up.",
        "Then Ledgers left.",
        "Q'A was read.",
        "87% passed.",
    ],
)
def test_a_sentence_with_a_number_or_a_name_of_its_own_is_refused(sentence: str) -> None:
    checked = check_summary(f"{sentence} The rest was read.", STEPS, "", 3)
    assert (checked.sentences, checked.rejected) == (("The rest was read.",), 1)
    with pytest.raises(UnusableSummaryError, match="names something that the history does not"):
        check_summary(sentence, STEPS, "", 3)


def test_the_task_is_a_source_too() -> None:
    assert check_summary("Zebedee asked.", STEPS, "For Zebedee", 3).sentences == ("Zebedee asked.",)


def test_a_list_is_read_as_sentences() -> None:
    checked = check_summary("- The ledger was read.\n2. Ines helped.\n", STEPS, "", 3)
    assert checked.sentences == ("The ledger was read.", "Ines helped.")


@given(histories(min_size=1), st.text(max_size=300), st.integers(1, 4))
def test_nothing_passes_the_check_that_is_not_in_the_history(
    history: list[REPLEntry], answer: str, max_sentences: int
) -> None:
    entries = list(history)
    try:
        checked = check_summary(answer, entries, "", max_sentences)
    except UnusableSummaryError:
        return
    said = render_entries(entries)
    counts = {str(number) for number in range(len(entries) * 2 + 1)}
    assert 1 <= len(checked.sentences) <= max_sentences
    for sentence in checked.sentences:
        assert numbers(sentence) <= number_forms(said) | counts
        new_names = names(sentence) - words(said)
        assert not new_names or set() < set(terms(sentence.split()[0])) <= set(terms(said))  # another form of a word


@given(histories(min_size=1))
def test_a_composed_summary_says_only_what_the_history_does(history: list[REPLEntry]) -> None:
    entries = list(history)
    coverage = cover(entries, (), "")
    text = compose(coverage, choose(coverage, frozenset(), 10_000, len, 50), 9)
    known = number_forms(render_entries(entries)) | {str(number) for number in range(len(entries) * 2 + 1)}
    shown_facts = "\n".join(fact.text for fact in coverage.facts)
    assert numbers(text) <= known | numbers(flat(shown_facts)) | number_forms(shown_facts)


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("0 errors, all tests passed", ""),
        ("no exception; Error handling is fine", ""),
        ("RMSError: 0.02", ""),
        ("StandardError: 1,024.5%", ""),
        ("the KeyError: was caught", ""),
        ("KeyError: 'a'", "KeyError"),
        ("KeyError", "KeyError"),
        ("json.decoder.JSONDecodeError: Expecting value", "JSONDecodeError"),
        ("ok\nError: no such file", "Error"),
        ("Traceback (most recent call last):\n  File 'a'\nValueError: 3", "error"),  # a number alone may be a value
        ("Traceback (most recent call last):\n  ...", "error"),
        ("KeyError: 'a'\n\nDuring handling:\n\nTypeError: no", "TypeError"),
        ("KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_an_error_is_a_traceback_or_an_error_at_the_start_of_a_line(output: str, error: str) -> None:
    if output == "Traceback (most recent call last):\n  File 'a'\nValueError: 3":
        error = (
            "error"  # what follows the colon is a number alone; the traceback tells that it is an error all the same
        )
    assert find_error(output) == error


def test_a_composed_summary_loses_the_least_important_first_and_the_count_never() -> None:
    coverage = cover(STEPS, (), "Merge the ledgers")
    shown_of = choose(coverage, frozenset(), 10_000, len, 2)
    texts = []
    while shown_of is not None:
        texts.append(compose(coverage, shown_of, 9))
        shown_of = without_least(shown_of)
    assert texts[0].startswith(
        "Working on: Merge the ledgers. Completed 3 steps (2 successful). Made 2 LLM sub-calls. "
    )
    assert texts[0].endswith("Resolved issues: KeyError.")
    assert texts[-2] == "Working on: Merge the ledgers. Completed 3 steps (2 successful)."
    assert texts[-1] == "Completed 3 steps (2 successful)."
    assert [len(text) for text in texts] == sorted((len(text) for text in texts), reverse=True)
    assert len(texts) == 1 + 2 + 1 + 1 + 1  # facts, calls, the error, the task


def test_a_long_task_is_cut_to_its_first_hundred_characters() -> None:
    coverage = cover(STEPS, (), "t" * 300)
    assert f"Working on: {'t' * 100}." in compose(coverage, choose(coverage, frozenset(), 999, len, 0), 9)


def test_the_prompt_previews_each_step_within_the_documented_lengths() -> None:
    prompt = write_prompt([REPLEntry("r" * 500, "c" * 500, "o" * 500, id="1")], "", 2)
    assert prompt.count("r" * 150) == 1
    assert "r" * 200 not in prompt.replace("…", "")
    assert "c" * 150 not in prompt
    assert "o" * 100 not in prompt
    assert "Task: not stated" in prompt
    assert "at most 2 plain sentences" in prompt


def test_an_answer_that_is_no_text_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="must return text or a list of texts, got int"):
        ask(lambda _: 3, "p")
    assert ask(lambda prompt: [prompt.upper()], "p") == "P"


def test_every_step_of_a_history_is_in_the_prompt() -> None:
    prompt = write_prompt(list(audit(30)), "Audit", 3)
    assert all(f"Step {number}:" in prompt for number in range(1, 31))
