"""MemoryCompactor: the interface it keeps, and the guarantees it gives on any history."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from histories import OUTPUTS, ScriptedLM, audit, histories
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from openai_server import OpenAIServer, shaped
from strategies import conversations, num_examples

from memoryqa.compaction import (
    CompactionConfig,
    CompactionResult,
    MemoryCompactor,
    PinnedEntriesError,
    REPLEntry,
    REPLHistory,
    SummaryEntry,
    UnusableSummaryError,
)
from memoryqa.compaction.entries import as_entry, count_chars, render_entries
from memoryqa.language.facts import sentences
from memoryqa.lms.roles import build, resolve
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

DENSE = REPLHistory((REPLEntry("", "", "\U000124ab" * 3),) * 12)  # few characters, many tokens
EMPTY = REPLHistory((REPLEntry(),) * 12)
NOVEL = REPLHistory((*audit(11).entries, REPLEntry("", "", "The otters of Porto, 1987. " * 600)))


def compactor(**settings: object) -> MemoryCompactor:
    return MemoryCompactor(replace(CompactionConfig(), **settings))  # type: ignore[arg-type]


def compacted(history: REPLHistory, by: MemoryCompactor, **options: object) -> tuple[REPLHistory, CompactionResult]:
    result = by.compact(history, **options)  # type: ignore[arg-type]
    return by.apply_compaction(history, result), result


def fact_texts(result: CompactionResult) -> set[str]:
    assert result.coverage is not None
    return {fact.text.casefold() for fact in result.coverage.facts}


targets = st.integers(40, 400)


# -- the interface that is kept ----------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_reference() -> None:
    config = CompactionConfig()
    assert (config.min_entries_for_compaction, config.max_entries_before_compaction) == (5, 10)
    assert (config.max_chars_before_compaction, config.summary_max_sentences) == (8000, 3)
    assert (config.preserve_last_n_entries, config.include_key_findings) == (2, True)
    assert (config.use_llm_for_summary, config.fallback_to_deterministic) == (True, True)


@pytest.mark.parametrize(
    ("history", "due"),
    [
        (audit(4), False),
        (REPLHistory((REPLEntry("x" * 3000),) * 4), False),  # below the minimum, whatever the size
        (audit(9), False),
        (audit(10), True),
        (REPLHistory((REPLEntry("r", "c", "o"),) * 10), True),
        (REPLHistory((REPLEntry("x" * 1599),) * 5), False),
        (REPLHistory((REPLEntry("x" * 1600),) * 5), True),
    ],
)
def test_a_history_is_due_by_minimum_then_entries_then_characters(history: REPLHistory, due: bool) -> None:
    assert MemoryCompactor().should_compact(history) is due


def test_a_history_is_due_by_tokens() -> None:
    history = audit(6)
    tokens = count_tokens(history.render())
    assert compactor(max_tokens_before_compaction=tokens).should_compact(history)
    assert not compactor(max_tokens_before_compaction=tokens + 1).should_compact(history)
    assert compactor(target_tokens=tokens - 1).should_compact(history)
    assert not compactor(target_tokens=tokens).should_compact(history)


def test_the_summary_entry_has_the_documented_format_and_the_newest_follow() -> None:
    history = audit(12)
    after, result = compacted(history, MemoryCompactor(), task="Audit the ledger")
    assert len(after) == result.compacted_entries == 3
    assert after.entries[0].reasoning == f"[COMPACTED] {result.summary}"
    assert after.entries[0].code == "# Previous steps summarized above"
    assert after.entries[0].output == "(Compacted 10 steps)"
    assert list(after.entries[1:]) == result.preserved_entries == list(history.entries[-2:])
    assert result.original_entries == 12
    assert result.covered_ids == tuple(entry.id for entry in history.entries[:10])
    assert result.summary.startswith("Working on: Audit the ledger. Completed 10 steps (10 successful). Key findings: ")
    assert not result.used_llm
    assert datetime.fromisoformat(result.timestamp).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_sizes_are_those_of_the_history_that_is_given_back() -> None:
    history = audit(12)
    after, result = compacted(history, MemoryCompactor())
    for entries, chars, tokens in (
        (history, result.original_chars, result.original_tokens),
        (after, result.compacted_chars, result.compacted_tokens),
    ):
        assert chars == sum(len(e.reasoning) + len(e.code) + len(e.output) for e in entries)
        assert tokens == count_tokens(entries.render())
    assert result.compression_ratio == 1 - result.compacted_chars / result.original_chars > 0.5


def test_a_result_can_be_made_from_the_fields_of_the_reference() -> None:
    kept = [REPLEntry("a"), REPLEntry("b")]
    result = CompactionResult(10, 3, 1000, 250, "We looked.", kept)
    assert result.compression_ratio == 0.75
    assert CompactionResult(0, 0, 0, 0, "", []).compression_ratio == 0.0
    after = MemoryCompactor().apply_compaction(audit(10), result)
    assert after.entries[0].output == "(Compacted 8 steps)"


def test_nothing_is_compacted_below_the_triggers() -> None:
    history = audit(9)
    by = MemoryCompactor(lm=ScriptedLM([]))
    after, result = compacted(history, by)
    assert after is history
    assert (result.summary, result.reason) == ("", "the history is below every trigger")
    assert result.preserved_entries == list(history.entries)
    assert by.stats.no_ops == 1


@pytest.mark.parametrize("num_steps", [0, 1, 2])
def test_forcing_a_short_history_is_a_no_op_that_says_why(num_steps: int) -> None:
    history = audit(num_steps)
    after, result = compacted(history, MemoryCompactor(lm=ScriptedLM([])), force=True)
    assert after is history
    assert result.summary == ""
    assert result.reason == f"there is nothing older than the {num_steps} entries that are kept"
    assert result.compression_ratio == 0.0


def test_forcing_compacts_what_is_not_due() -> None:
    after, result = compacted(audit(6), MemoryCompactor(), force=True)
    assert after.entries[0].output == "(Compacted 4 steps)"
    assert result.reason == ""


def test_a_history_is_immutable_and_its_entries_keep_identity() -> None:
    history = REPLHistory()
    grown = history.append(reasoning="r", code="c", output="o", llm_calls=[{"prompt": "p"}], timestamp="t", id="s1")
    assert len(history) == 0
    assert grown.entries == (REPLEntry("r", "c", "o", ({"prompt": "p"},), "t", "s1"),)
    with pytest.raises(AttributeError):
        grown.entries = ()  # type: ignore[misc]
    with pytest.raises(TypeError, match="output of a step must be a str, got int"):
        REPLEntry("a", "b", 3)  # type: ignore[arg-type]


def test_the_id_of_an_entry_is_one_with_its_content() -> None:
    assert REPLEntry("ab", "", "c").id == REPLEntry("ab", "", "c", timestamp="then").id
    assert len({REPLEntry("ab", "", "c").id, REPLEntry("a", "b", "c").id, REPLEntry("", "ab", "c").id}) == 3


# -- configurations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"preserve_last_n_entries": 9}, "preserve_last_n_entries=9 can make no progress.*preserve at most 8"),
        ({"max_entries_before_compaction": 3, "min_entries_for_compaction": 2}, "can make no progress"),
        ({"max_tokens_before_compaction": 500, "target_tokens": 500}, "must be below max_tokens_before_compaction=500"),
        ({"target_tokens": 39}, "holds no summary: give target_tokens of at least 40"),
        ({"max_tokens_before_compaction": 60}, "a target of 36 tokens holds no summary"),
        ({"summary_max_sentences": 0}, "summary_max_sentences must be at least 1, got 0"),
        ({"preserve_last_n_entries": -1}, "preserve_last_n_entries must be at least 0"),
        ({"max_chars_before_compaction": 0}, "max_chars_before_compaction must be at least 1"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_with_the_reason(settings: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        CompactionConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"target_tokens": 50.5}, {"max_key_findings": True}, {"use_llm_for_summary": 1}])
def test_a_setting_of_the_wrong_type_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=next(iter(settings))):
        CompactionConfig(**settings)  # type: ignore[arg-type]


def test_the_recipes_are_those_of_the_reference() -> None:
    def numbers(config: CompactionConfig) -> tuple[object, ...]:
        return (
            config.min_entries_for_compaction,
            config.max_entries_before_compaction,
            config.max_chars_before_compaction,
            config.summary_max_sentences,
            config.preserve_last_n_entries,
            config.use_llm_for_summary,
        )

    assert numbers(CompactionConfig.high_throughput()) == (3, 5, 3000, 2, 1, False)
    assert numbers(CompactionConfig.long_research()) == (8, 15, 15_000, 4, 3, True)
    assert numbers(CompactionConfig.minimal_memory()) == (2, 4, 2000, 1, 1, False)
    assert not MemoryCompactor(CompactionConfig.none()).should_compact(REPLHistory((REPLEntry("x" * 900),) * 1200))


# -- guarantees, on any history ----------------------------------------------------------------------------------------


@pytest.mark.slow
@given(histories(), targets, st.integers(0, 4), st.booleans())
@example(NOVEL, 40, 2, True)
@example(EMPTY, 40, 2, True)
@settings(max_examples=150)
def test_the_rendered_size_never_exceeds_the_target(
    history: REPLHistory, target: int, preserve: int, findings: bool
) -> None:
    by = compactor(target_tokens=target, preserve_last_n_entries=preserve, include_key_findings=findings)
    after, _ = compacted(history, by, task="Audit 7 of the Lisbon ledgers. Then rest.", force=True)
    assert count_tokens(after.render()) <= target
    due, _ = compacted(history, by)
    if len(history) >= 5:
        assert count_tokens(due.render()) <= target


@pytest.mark.slow
@given(histories(), st.one_of(st.none(), targets), st.booleans())
@example(EMPTY, None, True)
@example(NOVEL, None, True)
@example(DENSE, None, True)
@example(DENSE, 400, True)
@settings(max_examples=150)
def test_the_result_is_never_larger_than_the_input(history: REPLHistory, target: int | None, force: bool) -> None:
    after, result = compacted(history, compactor(target_tokens=target), force=force, task="Audit")
    assert count_tokens(after.render()) <= count_tokens(history.render())
    assert len(after) <= max(1, len(history))
    if target is None or count_tokens(history.render()) <= target:  # above it, the promise is in tokens
        assert count_chars(after) <= count_chars(history)
    assert bool(result.summary) != bool(result.reason)


@pytest.mark.slow
@given(histories(), st.one_of(st.none(), targets), st.integers(0, 4))
@example(NOVEL, 60, 2)
@settings(max_examples=150)
def test_compacting_twice_equals_once(history: REPLHistory, target: int | None, preserve: int) -> None:
    by = compactor(target_tokens=target, preserve_last_n_entries=preserve)
    once, result = compacted(history, by, force=True)
    assume(result.summary)
    twice, again = compacted(once, by, force=True)
    assert twice is once
    assert again.reason
    assert not by.should_compact(once), "or a loop would never end"


@given(histories(), st.one_of(st.none(), targets))
def test_without_an_lm_the_same_history_gives_the_same_result(history: REPLHistory, target: int | None) -> None:
    one, other = (compactor(target_tokens=target).compact(history, "Audit", force=True) for _ in range(2))
    assert one == other
    assert one.timestamp  # which alone may differ


@pytest.mark.slow
@given(histories(min_size=4), targets, st.integers(0, 400), st.integers(0, 6))
@example(audit(14), 120, 100, 4)
@settings(max_examples=200)
def test_a_larger_target_keeps_a_superset(history: REPLHistory, target: int, more: int, preserve: int) -> None:
    assume(count_tokens(history.render()) > target)
    small = compactor(target_tokens=target, preserve_last_n_entries=preserve).compact(history, force=True)
    large = compactor(target_tokens=target + more, preserve_last_n_entries=preserve).compact(history, force=True)
    kept = {entry.id for entry in large.preserved_entries}
    assert {entry.id for entry in small.preserved_entries} <= kept
    if large.summary:
        in_kept = {fact.text.casefold() for entry in large.preserved_entries for fact in entry.facts}
        assert fact_texts(small) <= fact_texts(large) | in_kept


@pytest.mark.slow
@given(histories(min_size=3), st.one_of(st.none(), st.integers(60, 400)), st.data())
@example(audit(12), 60, None)
@settings(max_examples=150)
def test_pinned_entries_stay_or_it_is_an_error(
    history: REPLHistory, target: int | None, data: st.DataObject | None
) -> None:
    ids = [entry.id for entry in history]
    pinned = data.draw(st.lists(st.sampled_from(ids), max_size=3)) if data else ids[:3]
    by = compactor(target_tokens=target)
    try:
        after, _ = compacted(history, by, force=True, pinned=pinned)
    except PinnedEntriesError:
        alone = [entry for entry in history if entry.id in pinned]
        assert target is not None
        assert count_tokens(render_entries(alone)) > target - 60
        return
    assert set(pinned) <= {entry.id for entry in after}
    if target is not None:
        assert count_tokens(after.render()) <= target


def test_pinned_entries_larger_than_the_target_are_an_error_with_the_fix() -> None:
    history = audit(12)
    with pytest.raises(PinnedEntriesError, match="pin fewer entries, or raise target_tokens"):
        compactor(target_tokens=100).compact(history, pinned=[entry.id for entry in history.entries[:3]])
    with pytest.raises(PinnedEntriesError):
        compactor(target_tokens=100).compact(history, pinned=[entry.id for entry in history])


def test_only_entries_of_the_history_can_be_pinned() -> None:
    after, _ = compacted(audit(12), MemoryCompactor())
    for unknown in ("nobody", after.entries[0].id):
        with pytest.raises(ValueError, match=f"only entries of the history can be pinned.*{unknown}"):
            MemoryCompactor().compact(after, pinned=[unknown])


@given(histories(), st.one_of(st.none(), targets), st.data())
def test_order_ids_and_whole_entries_are_kept(history: REPLHistory, target: int | None, data: st.DataObject) -> None:
    result = compactor(target_tokens=target).compact(history, force=True)
    places = {id(entry): place for place, entry in enumerate(history)}
    kept = [places[id(entry)] for entry in result.preserved_entries]  # the very objects: nothing is cut or copied
    covered = [places[id(entry)] for entry in result.covered_entries]
    assert kept == sorted(kept)
    assert covered == sorted(covered)
    assert sorted(kept + covered) == list(range(len(history)))


@pytest.mark.slow
@given(histories(min_size=6), histories(min_size=1), st.one_of(st.none(), targets), st.booleans())
@settings(max_examples=150)
def test_facts_of_earlier_compactions_survive_or_are_listed_as_dropped(
    history: REPLHistory, later: REPLHistory, target: int | None, with_lm: bool
) -> None:
    by = compactor(target_tokens=target)
    if with_lm:
        by.set_lm(ScriptedLM(["All was done in the first half. It was good.", "Nothing is left."]))
    once, first = compacted(history, by, force=True)
    twice, second = compacted(REPLHistory((*once.entries, *later.entries)), by, force=True)
    assume(first.summary and second.summary)
    accounted = fact_texts(second) | {fact.text.casefold() for fact in second.dropped}
    assert fact_texts(first) <= accounted
    # and N counts both
    assert second.coverage is not None
    assert twice.entries[0].output == f"(Compacted {second.coverage.steps} steps)"
    assert second.coverage.steps == len(first.covered_entries) + len(second.covered_entries) - 1


@given(histories(), st.one_of(st.none(), targets))
def test_every_dropped_unit_has_a_handle_that_gives_it_back(history: REPLHistory, target: int | None) -> None:
    result = compactor(target_tokens=target).compact(history, force=True)
    for fact in result.dropped:
        assert fact.text in {one.text for one in result.expand(fact.handle).facts}
    specificities = [fact.specificity for fact in result.dropped]
    assert specificities == sorted(specificities, reverse=True)
    assert 0 <= result.retention <= 1
    if not result.summary:
        assert (result.dropped, result.retention) == ((), 1.0)


@given(histories(), st.one_of(st.none(), targets))
def test_what_a_covered_entry_says_is_shown_or_listed_as_dropped(history: REPLHistory, target: int | None) -> None:
    result = compactor(target_tokens=target).compact(history, force=True)
    if result.summary:
        said = {fact.text.casefold() for entry in result.covered_entries for fact in entry.facts}
        assert said == fact_texts(result) | {fact.text.casefold() for fact in result.dropped}


@pytest.mark.slow
@given(st.lists(histories(max_size=4), max_size=8), st.one_of(st.none(), targets))
@settings(max_examples=60)
def test_a_loop_of_compactions_ends_and_calls_the_lm_at_most_once_each(
    additions: list[REPLHistory], target: int | None
) -> None:
    lm = ScriptedLM(["The work goes on."] * 100)
    by = MemoryCompactor(replace(CompactionConfig.minimal_memory(), target_tokens=target, use_llm_for_summary=True), lm)
    history = REPLHistory()
    for added in additions:
        history = REPLHistory((*history.entries, *added.entries))
        calls = len(lm.prompts)
        history, _ = compacted(history, by)
        assert len(lm.prompts) <= calls + 1
    assert by.stats.lm_calls == len(lm.prompts) <= by.stats.compactions <= len(additions)
    assert by.stats.compactions + by.stats.no_ops == len(additions)


@given(conversations(max_turns=14), st.one_of(st.none(), targets))
@settings(max_examples=num_examples(80))
def test_turns_of_a_conversation_are_compacted_by_the_same_rules(turns: list[Turn], target: int | None) -> None:
    by = compactor(target_tokens=target)
    result = by.compact(turns, force=True)
    after = by.apply_compaction(turns, result)
    size = count_tokens(render_entries(after))
    assert size <= count_tokens(render_entries(turns))
    if target is not None:
        assert size <= target
    if result.summary:
        assert isinstance(after[0], SummaryEntry)
        assert list(after[1:]) == result.preserved_entries
        assert all(isinstance(result.expand(fact.handle), Turn) for fact in result.dropped)
    else:
        assert after is turns


# -- what the reference gets wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_facts", "survive"), [(12, ["774410"]), (80, ["774410", "customer=Vela", "deadline=2024-05-31"])]
)
def test_facts_survive_compaction_after_compaction(max_facts: int, survive: list[str]) -> None:
    by = compactor(max_key_findings=max_facts)
    early = audit(8).append(output="invoice: 774410, customer: Vela").append(output="deadline: 2024-05-31")
    history = early.append().append()
    for start in (0, 20, 40, 60):
        history, result = compacted(REPLHistory((*history.entries, *audit(start // 2, first=start).entries)), by)
        for fact in survive:
            assert fact in result.summary
    assert history.entries[0].output == "(Compacted 70 steps)"


def test_a_summary_read_back_from_text_carries_on() -> None:
    once, first = compacted(audit(8).append(output="invoice: 774410").append().append(), MemoryCompactor())
    as_text = REPLHistory(tuple(REPLEntry(e.reasoning, e.code, e.output) for e in once))
    _, result = compacted(REPLHistory((*as_text.entries, *audit(12, first=20).entries)), MemoryCompactor())
    assert first.coverage is not None
    assert result.coverage is not None
    assert result.coverage.steps == first.coverage.steps + 12
    assert "invoice=774410" in result.summary


def test_summaries_anywhere_in_a_history_are_merged_not_preserved() -> None:
    summary = MemoryCompactor().compact(audit(12))
    entry = MemoryCompactor().apply_compaction(audit(12), summary).entries[0]
    history = REPLHistory((*audit(8, first=20).entries, entry, *audit(1, first=40).entries))
    after, result = compacted(history, MemoryCompactor())
    assert result.preserved_entries == [history.entries[-1]]
    assert after.entries[0].output == "(Compacted 18 steps)"


def test_a_summary_that_is_itself_larger_than_the_target_is_shortened() -> None:
    long_summary = "[COMPACTED] " + " ".join(f"Ledger {n} held {n * 977} euros." for n in range(60))
    foreign = REPLEntry(long_summary, "# Previous steps summarized above", "(Compacted 30 steps)")
    by = compactor(target_tokens=120)
    after, result = compacted(REPLHistory((foreign, *audit(1).entries)), by, force=True)
    assert count_tokens(after.render()) <= 120
    assert result.coverage is not None
    assert result.coverage.steps == 30
    assert result.dropped


def test_verbatim_entries_are_bounded_by_the_characters_that_trigger() -> None:
    history = REPLHistory((*audit(8).entries, REPLEntry("", "", "a" * 5000), REPLEntry("", "", "b" * 5000)))
    after, result = compacted(history, MemoryCompactor())
    assert [entry.output[0] for entry in result.preserved_entries] == ["b"]
    assert count_chars(after) < 8000


def test_a_compaction_that_would_free_almost_nothing_does_not_happen_and_costs_no_call() -> None:
    config = CompactionConfig(min_entries_for_compaction=2, max_entries_before_compaction=50, preserve_last_n_entries=5)
    by = MemoryCompactor(config, ScriptedLM([]))
    facts = " ".join(f"Ledger {n} says {n * 1001} {'and so on ' * 13}." for n in range(1, 16))
    history = REPLHistory((REPLEntry("", "", facts), *(REPLEntry("", "", letter * 1170) for letter in "abcde")))
    assert by.should_compact(history)
    after, result = compacted(history, by)
    assert after is history
    assert "of the history, less than 10%" in result.reason
    assert (by.stats.lm_calls, by.stats.no_ops) == (0, 1)
    forced, _ = compacted(history, MemoryCompactor(config), force=True)
    assert count_chars(history) * 0.9 < count_chars(forced) < count_chars(history)


def test_a_step_with_zero_errors_is_a_success_and_a_resolved_error_is_named() -> None:
    history = audit(6)
    for output in ("0 errors, all tests passed", OUTPUTS[5], "fixed: order_id", OUTPUTS[6], "no errors", "ok", "ok"):
        history = history.append(output=output)
    result = MemoryCompactor().compact(history)
    assert "Completed 11 steps (9 successful)" in result.summary
    assert "Resolved issues: KeyError, ValueError" in result.summary


def test_an_error_after_which_nothing_succeeded_is_unresolved() -> None:
    history = audit(9).append(output="TypeError: no").append(output="OSError: disk").append(output="KeyError: 'a'")
    result = compactor(preserve_last_n_entries=0).compact(history)
    assert result.summary.endswith("Unresolved issues: TypeError, OSError, KeyError.")


def test_llm_sub_calls_are_counted_over_all_compactions() -> None:
    by = compactor(summary_max_sentences=9)
    history = audit(9).append(llm_calls=[{}, {}]).append(llm_calls=[{}]).append().append()
    once, result = compacted(history, by)
    assert "Made 3 LLM sub-calls." in result.summary
    more = REPLHistory((*once.entries, *audit(10, first=30).append(llm_calls=[{}]).append().append().entries))
    assert "Made 4 LLM sub-calls." in by.compact(more).summary


@pytest.mark.parametrize("max_sentences", [1, 2, 3, 4, 9])
def test_the_number_of_sentences_is_honoured(max_sentences: int) -> None:
    history = audit(8).append(output=OUTPUTS[5], llm_calls=[{}]).append(output="Dr. Lee came. St. Ives, 3.5 km.")
    result = compactor(summary_max_sentences=max_sentences).compact(
        REPLHistory((*history.entries, *audit(3, first=40).entries)), task="Do this. Then do that! Why? Because."
    )
    assert 1 <= result.summary.count(". ") + 1 <= max_sentences
    assert "Completed 11 steps" in result.summary
    assert "! " not in result.summary
    assert "? " not in result.summary


@given(histories(min_size=5), st.integers(1, 4), st.text(max_size=120), st.booleans())
def test_no_summary_has_more_sentences_than_asked_for(
    history: REPLHistory, max_sentences: int, text: str, with_lm: bool
) -> None:
    by = compactor(summary_max_sentences=max_sentences)
    if with_lm:
        by.set_lm(ScriptedLM([["The work went on. It is done! Is it? 是。 So be it. Yes.\nNo."]]))
    result = by.compact(history, task=text, force=True)
    assert len(sentences(result.summary)) <= max_sentences


def test_evidence_is_retained_as_far_as_its_facts_are_quoted() -> None:
    evidence = REPLEntry("", "", "invoice: 774410\npaid: 3\nbooked: 4", id="inv")
    history = REPLHistory((*audit(9).entries, evidence, *audit(2, 30).entries))
    result = MemoryCompactor().compact(history)
    newest = history.entries[-1].id
    assert result.evidence_retention([newest]) == 1.0
    assert 0 < compactor(max_key_findings=1).compact(history).evidence_retention(["inv"]) < 1.0
    assert compactor(max_key_findings=99).compact(history).evidence_retention(["inv"]) == 1.0
    assert compactor(include_key_findings=False).compact(history).evidence_retention(["inv", newest]) == 0.5
    assert MemoryCompactor().compact(audit(3)).evidence_retention([audit(3).entries[0].id]) == 1.0
    with pytest.raises(ValueError, match="these are not: \\['D9:9'\\]"):
        result.evidence_retention(["D9:9"])
    with pytest.raises(ValueError, match="evidence must be entries"):
        result.evidence_retention([])
    with pytest.raises(KeyError, match="none of the 10 entries"):
        result.expand("mem:D9:9")


def test_retention_is_the_share_of_numbers_dates_and_names_still_shown() -> None:
    history = REPLHistory(tuple(REPLEntry("", "", f"{n * 1001} was it" + ", and so on" * 9) for n in range(1, 13)))
    only = compactor(max_key_findings=5).compact(history)
    assert only.retention == pytest.approx(0.5)
    assert compactor(max_key_findings=0).compact(history).retention == 0.0


# -- LMs ---------------------------------------------------------------------------------------------------------------


def test_an_lm_writes_the_summary_in_one_call() -> None:
    lm = ScriptedLM(["Branch 3 had revenue 1111. All ten branches were in the ledger."])
    after, result = compacted(audit(12), MemoryCompactor(lm=lm), task="Audit the ledger")
    assert result.used_llm
    assert result.summary == "Branch 3 had revenue 1111. All ten branches were in the ledger."
    assert after.entries[0].reasoning == f"[COMPACTED] {result.summary}"
    (prompt,) = lm.prompts
    for needed in ("Audit the ledger", "at most 3", "Step 10:", "Branch 9 in", "frame = ledger"):
        assert needed in prompt
    assert "Step 11:" not in prompt


@pytest.mark.parametrize("answer", [["All branches were read."], [{"text": "All branches were read."}]])
def test_what_a_dspy_lm_returns_is_understood(answer: object) -> None:
    assert MemoryCompactor(lm=ScriptedLM([answer])).compact(audit(12)).summary == "All branches were read."


def test_an_llm_connector_is_understood() -> None:
    class Connector:
        def generate_response(self, *, prompt: str) -> str:
            return f"All branches were read, {prompt.count('Reasoning:')} of them."

    by = MemoryCompactor()
    by.set_llm_connector(Connector())
    assert by.compact(audit(12)).summary == "All branches were read, 10 of them."
    by.set_llm_connector(None)
    assert not by.compact(audit(12)).used_llm
    by.set_lm(ScriptedLM(["All branches were read."]))
    assert by.compact(audit(12)).used_llm


def test_no_lm_is_called_when_the_configuration_says_so() -> None:
    by = MemoryCompactor(CompactionConfig(use_llm_for_summary=False), ScriptedLM([]))
    assert not by.compact(audit(12)).used_llm
    assert by.stats.lm_calls == 0


@pytest.mark.parametrize(
    "answer", ["", " \n ", None, 7, [], [None], {}, RuntimeError("rate limit"), "Zebedee made 99999."]
)
def test_an_unusable_answer_is_replaced_reported_and_counted(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    by = MemoryCompactor(lm=ScriptedLM([answer]))
    with caplog.at_level(logging.WARNING):
        result = by.compact(audit(12))
    assert result == replace(MemoryCompactor().compact(audit(12)), lm_error=result.lm_error)
    assert not result.used_llm
    assert result.lm_error
    assert "no summary by the LM" in caplog.text
    assert (by.stats.lm_calls, by.stats.lm_failures) == (1, 1)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        ({"finish_reason": "length"}, "was cut at its 2,048 tokens"),
        ({"finish_reason": "content_filter"}, "content filter"),
        ({"usage": {"prompt_tokens": 512, "completion_tokens": 9}}, "the server read 512 tokens of a prompt of about"),
        ({"usage": {"prompt_tokens": 90, "completion_tokens": 9}}, "the server read 90 tokens of a prompt of about"),
    ],
)
def test_a_summary_that_was_cut_or_is_of_a_part_is_replaced(shape: dict[str, Any], why: str) -> None:
    with OpenAIServer(shaped("Branch 3 had revenue 1111.", **shape)) as server:
        lm = build(resolve("compaction", model="hosted_vllm/m", api_base=server.api_base), cache=False)
        by = MemoryCompactor(lm=lm)
        result = by.compact(audit(60))
    assert why in result.lm_error
    assert not result.used_llm
    assert by.stats.lm_failures == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [(RuntimeError("rate limit"), RuntimeError), ("", UnusableSummaryError), (7, TypeError)],
)
def test_errors_come_through_when_there_is_to_be_no_fallback(answer: object, error: type[Exception]) -> None:
    by = MemoryCompactor(CompactionConfig(fallback_to_deterministic=False), ScriptedLM([answer]))
    with pytest.raises(error):
        by.compact(audit(12))
    assert by.stats.lm_failures == 1


def test_sentences_that_name_what_the_history_does_not_are_left_out() -> None:
    answer = "Branch 3 had revenue 1111. Branch 4 had revenue 5000. Zebedee audited it. The ledger was read."
    by = MemoryCompactor(lm=ScriptedLM([answer]))
    assert by.compact(audit(12)).summary == "Branch 3 had revenue 1111. The ledger was read."
    assert by.stats.lm_sentences_rejected == 2


def test_the_lm_s_sentences_are_cut_to_the_number_asked_for_and_to_the_target() -> None:
    answer = "The ledger was read. " * 6
    three = MemoryCompactor(lm=ScriptedLM([answer])).compact(audit(12))
    assert three.summary == ("The ledger was read. " * 3).strip()
    by = MemoryCompactor(CompactionConfig(target_tokens=45, summary_max_sentences=50), ScriptedLM([answer * 20]))
    after, result = compacted(audit(12), by)
    assert result.used_llm
    assert count_tokens(after.render()) <= 45


def test_an_earlier_summary_is_shown_to_the_lm_and_what_it_forgets_is_listed() -> None:
    lm = ScriptedLM(["Branch 3 had revenue 1111.", "The ledger was read to its end."])
    by = MemoryCompactor(lm=lm)
    once, _ = compacted(audit(12), by)
    _, result = compacted(REPLHistory((*once.entries, *audit(12, first=20).entries)), by)
    assert "Summary of the 10 steps before:\nBranch 3 had revenue 1111." in lm.prompts[1]
    assert "revenue 1111" in lm.prompts[1]
    assert "Step 11:" in lm.prompts[1]
    assert "Branch 3 had revenue 1111." in {fact.text for fact in result.dropped}
    assert result.coverage is not None
    assert result.coverage.steps == 22


@pytest.mark.slow
@given(histories(min_size=5), st.text(max_size=200), targets)
@settings(max_examples=80)
def test_whatever_an_lm_answers_the_guarantees_hold(history: REPLHistory, answer: str, target: int) -> None:
    by = MemoryCompactor(CompactionConfig(target_tokens=target), ScriptedLM([answer]))
    logging.disable(logging.WARNING)
    try:
        after, _ = compacted(history, by, force=True)
    finally:
        logging.disable(logging.NOTSET)
    assert count_tokens(after.render()) <= target
    assert by.stats.lm_calls <= 1


def test_a_compactor_may_be_shared_by_threads() -> None:
    by = MemoryCompactor()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: by.compact(audit(12)), range(40)))
    assert all(result == results[0] for result in results)
    assert by.stats.compactions == 40


def test_items_that_are_entries_already_are_taken_as_they_are() -> None:
    entry = as_entry(Turn(1, 2, "Ines", "We row.", datetime(2023, 5, 8)))
    assert as_entry(entry) is entry
