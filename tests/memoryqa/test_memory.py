from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import WORDS, conversations, dialogues, ids_in, sentences, texts

from memoryqa.compaction.entries import TurnEntry
from memoryqa.config import COMPACTIONS
from memoryqa.memory import AdaptiveMemory, Evidence, Scope
from memoryqa.tokens import count_tokens
from memoryqa.turns import Turn

MAY = datetime(2023, 5, 8)
SCOPES: tuple[Scope, ...] = ("all", "working")


def memory_of(turns: list[Turn], budget_tokens: int = 20_000) -> AdaptiveMemory:
    memory = AdaptiveMemory(budget_tokens)
    memory.extend(turns)
    return memory


def chat(num_turns: int, per_session: int = 20) -> list[Turn]:
    """Facts with numbers, every third one wrapped in courtesies."""
    turns = []
    for index in range(num_turns):
        fact = f"I {WORDS[index % 7]}ed {index} kites near {WORDS[index % 5]}{index % 11}."
        text = f"Wow, that's great! {fact} Thanks so much!" if index % 3 == 0 else fact
        session, number = index // per_session + 1, index % per_session + 1
        turns.append(Turn(session, number, ("Ines", "Bo")[index % 2], text, MAY + timedelta(session)))
    return turns


def check(evidence: Evidence, budget_tokens: int) -> None:
    """What holds for whatever a search returns."""
    assert count_tokens(evidence.text) == evidence.tokens <= budget_tokens
    assert len(set(evidence.ids)) == len(evidence.ids)
    shown = ids_in(evidence.text)
    addresses = [tuple(int(part) for part in turn_id[1:].split(":")) for turn_id in shown]
    assert addresses == sorted(addresses), "in time order"
    assert sorted(shown) == sorted(evidence.ids), "every line is a turn that was found"
    headers = [line for line in evidence.text.splitlines() if line.startswith("[")]
    in_order = sorted(evidence.lines, key=lambda line: line.key)
    assert headers == [header for header, _ in groupby(line.header for line in in_order)], "one a session and day"
    assert {header.partition(",")[0] for header in headers} == {f"[D{turn.session}" for turn in evidence.turns}


budgets = st.one_of(st.integers(1, 50), st.integers(1, 900))
questions = st.one_of(sentences, texts)


# -- the budget of the working memory ----------------------------------------------------------------------------------


@pytest.mark.slow
@given(conversations(), budgets, st.sampled_from(COMPACTIONS))
@settings(max_examples=150)
@example([Turn(1, 1, "Ines", '");')], 8, "coverage")
@example(
    [Turn(1, 1, "Ines", "We row.", None), Turn(1, 2, "Bo", "We sail.", MAY), Turn(1, 3, "Bo", "No 7!", MAY)],
    20,
    "coverage",
)
def test_after_every_add_the_rendered_memory_is_within_the_budget(
    turns: list[Turn], budget: int, compaction: str
) -> None:
    memory = AdaptiveMemory(budget, compaction=compaction)
    for turn in turns:
        memory.add(turn)
        assert count_tokens(memory.render()) == memory.tokens <= budget


@pytest.mark.parametrize("budget", [1, 20, 60, 5000])
def test_a_turn_larger_than_the_budget_is_held_in_part_and_kept_whole(budget: int) -> None:
    novel = Turn(1, 1, "Ines", "The otters of the mill. " * 2000, MAY)
    memory = memory_of([novel, Turn(1, 2, "Bo", "I row.", MAY)], budget)
    assert count_tokens(memory.render()) == memory.tokens <= budget
    assert (memory.tokens > 4_500) == (budget == 5_000)
    assert memory.expand("mem:D1:1") is novel
    assert "mem:D1:1" in memory.archived()


@given(conversations(), budgets)
def test_by_recency_the_newest_turns_are_held_without_a_gap(turns: list[Turn], budget: int) -> None:
    memory = AdaptiveMemory(budget, compaction="recency")
    for turn in turns:
        memory.add(turn)
        says_something = list(dict.fromkeys(full.turn.id for full, brief in memory.lines() if brief.text))
        held = set(ids_in(memory.render())).intersection(says_something)
        assert held == set(says_something[len(says_something) - len(held) :])


def test_by_recency_a_large_memory_forgets_the_oldest_first() -> None:
    memory = AdaptiveMemory(300, compaction="recency")
    memory.extend(chat(200))
    held = ids_in(memory.render())
    assert 250 < memory.tokens <= 300
    assert held == [turn.id for turn in chat(200)][-len(held) :]


def test_everything_is_kept_in_full_while_it_fits() -> None:
    memory = memory_of(chat(30))
    assert list(memory.archived()) == []
    assert memory.render() == memory.transcript().text
    assert memory.stats().turns_shortened == 0


def test_a_memory_uses_its_budget() -> None:
    memory = memory_of(chat(400), 1000)
    assert 900 <= memory.tokens <= 1000
    assert memory.stats().turns_archived > 0


@pytest.mark.parametrize("budget", range(120, 1100, 35))
def test_filler_is_dropped_before_any_fact_is_archived(budget: int) -> None:
    memory = memory_of(chat(40), budget)
    stats = memory.stats()
    if stats.turns_archived:
        assert "Thanks so much" not in memory.render()
        assert "Wow" not in memory.render()
    elif stats.turns_shortened:
        assert memory.render().count("I ") == 40, "every fact is there"
    else:
        assert memory.render() == memory.transcript().text


def test_the_cases_above_include_shortening_alone_archiving_and_neither() -> None:
    found = {
        (bool(stats.turns_archived), bool(stats.turns_shortened))
        for budget in range(120, 1100, 35)
        for stats in [memory_of(chat(40), budget).stats()]
    }
    assert {(True, True), (False, True), (False, False)} <= found


def test_a_greeting_leaves_before_a_line_with_a_date_a_number_or_a_name() -> None:
    facts = [
        Turn(1, number, "Ines", text) for number, text in enumerate(("Born on 3 May.", "Room 17.", "Lena Fry."), 1)
    ]
    greetings = [Turn(1, 10 + number, "Bo", "Hi Ines, great to hear from you!") for number in range(5)]
    needed = memory_of(facts).tokens
    memory = memory_of([*facts, *greetings], needed)
    assert [memory.expand(handle) for handle in memory.archived()] == greetings


def test_plain_words_are_archived_before_rare_ones() -> None:
    plain = [Turn(1, number, "Bo", "We went to the shop and the shop was open") for number in range(1, 20)]
    rare = Turn(1, 50, "Ines", "Kestrels nest in Zanzibar 1964")
    memory = memory_of([rare, *plain], 60)
    assert rare.id in ids_in(memory.render())
    assert memory.stats().turns_archived > 10


# -- nothing is lost ---------------------------------------------------------------------------------------------------


@given(conversations(), budgets)
def test_every_turn_is_held_or_archived_and_can_be_had_back(turns: list[Turn], budget: int) -> None:
    memory = memory_of(turns, budget)
    held = ids_in(memory.render())
    archived = [handle.removeprefix("mem:") for handle in memory.archived()]
    whole = [turn_id for turn_id in held if turn_id not in archived]  # a long turn may be held in part
    assert sorted(whole + archived) == sorted(turn.id for turn in turns)
    parts = {turn.id: sum(full.turn is turn for full, _ in memory.lines()) for turn in turns}
    assert all(parts[turn_id] > 1 for turn_id in set(held) - set(whole))
    for turn in turns:
        assert memory.expand(f"mem:{turn.id}") is memory.expand(turn.id) is turn
    stats = memory.stats()
    assert (stats.turns, stats.turns_working, stats.turns_archived) == (len(memory), len(whole), len(archived))
    assert stats.tokens == memory.tokens
    assert stats.turns_shortened <= len(held)


@pytest.mark.slow
@given(conversations(), budgets, budgets)
@settings(max_examples=150)
def test_after_every_add_a_larger_budget_holds_a_superset(turns: list[Turn], one: int, other: int) -> None:
    small, large = AdaptiveMemory(min(one, other)), AdaptiveMemory(max(one, other))
    for turn in turns:
        small.add(turn)
        large.add(turn)
        assert set(ids_in(small.render())) <= set(ids_in(large.render()))


@pytest.mark.slow
@pytest.mark.parametrize("num_turns", [130, 400, 1000])
def test_larger_budgets_hold_supersets_of_long_histories_too(num_turns: int) -> None:
    held = [set(ids_in(memory_of(chat(num_turns), budget).render())) for budget in (60, 200, 700, 1500, 4000, 20_000)]
    for smaller, larger in pairwise(held):
        assert smaller <= larger
    assert len(held[0]) < len(held[-2])


def test_lines_that_repeat_what_is_held_leave_before_lines_on_something_else() -> None:
    same = [Turn(1, number, "Bo", "My kestrel Pip nests near Zanzibar.", MAY) for number in range(1, 30)]
    other = [Turn(2, 1, "Ines", "We row on the river near the old mill.", MAY)]
    memory = memory_of([*same[:15], *other, *same[15:]], 150)
    assert memory.stats().turns_archived > 15
    assert "D2:1" in ids_in(memory.render())


def test_a_question_leaves_before_the_statement_of_the_same_words() -> None:
    turns = [Turn(1, 1, "Bo", "Does a kestrel nest in Zanzibar?"), Turn(1, 2, "Bo", "The kestrel nests in Zanzibar.")]
    assert ids_in(memory_of(turns, 25).render()) == ["D1:2"]


def test_a_line_that_fills_the_budget_alone_does_not_keep_the_others_out() -> None:
    novel = Turn(1, 1, "Ines", " ".join(f"Zanzibar {number}, Lena {number}." for number in range(60)), MAY)
    facts = [Turn(2, number, "Bo", f"The kites flew {number} times.", MAY) for number in range(1, 40)]
    for turns in ([novel, *facts], [*facts, novel]):
        memory = memory_of(turns, 300)
        assert 250 < memory.tokens <= 300
        assert "D1:1" not in ids_in(memory.render())
    more = [Turn(3, number, "Bo", f"We rowed past {number} mills.", MAY) for number in range(1, 200)]
    assert "D1:1" in ids_in(memory_of([novel, *facts, *more], 2200).render()), "once enough else is held"


# -- what is lost is reported ------------------------------------------------------------------------------------------


@given(conversations(), budgets)
def test_every_fact_that_left_is_listed_with_the_handle_of_its_turn(turns: list[Turn], budget: int) -> None:
    memory = memory_of(turns, budget)
    losses = memory.losses()
    assert [f"mem:{turn_id}" for turn_id in losses.archived_ids] == list(memory.archived())
    assert sorted(losses.held_ids) == sorted(set(ids_in(memory.render())).difference(losses.archived_ids))
    assert 0 <= losses.retention <= 1
    specificities = [fact.specificity for fact in losses.dropped]
    assert specificities == sorted(specificities, reverse=True)
    said: dict[bool, set[str]] = {True: set(), False: set()}
    facts = set()
    for place, (full, _) in enumerate(memory.lines()):
        of_passage = TurnEntry(replace(full.turn, text=full.said, caption=full.caption)).facts
        facts.update(of_passage)
        said[place in memory._working.lines].update(fact.text.casefold() for fact in of_passage)
    assert facts.issuperset(losses.dropped), "with the handles of their turns"
    assert {fact.text.casefold() for fact in losses.dropped} == said[False] - said[True]
    if not losses.archived_ids:
        assert (losses.retention, losses.dropped) == (1.0, ())


def test_retention_is_the_share_of_the_lost_numbers_dates_and_names_that_is_still_shown() -> None:
    turns = [
        Turn(1, 1, "Ines", "We owe Lena 1964 euros."),
        Turn(1, 2, "Bo", "It was 1964 when we met Pip and 77 sailed."),
    ]
    losses = memory_of(turns, memory_of(turns).tokens - 1).losses()
    (left,) = losses.archived_ids
    assert losses.retention == pytest.approx({"D1:1": 1 / 2, "D1:2": 1 / 3}[left])
    assert [fact.handle for fact in losses.dropped] == [f"mem:{left}"]


def test_evidence_is_retained_as_far_as_its_turns_are_held() -> None:
    memory = memory_of(chat(100), 400)
    losses = memory.losses()
    held, archived = losses.held_ids[0], losses.archived_ids[0]
    assert losses.evidence_retention([held]) == 1.0
    assert losses.evidence_retention([archived, held, archived]) == 0.5
    with pytest.raises(ValueError, match=r"these are not: \['D9:99'\]"):
        losses.evidence_retention([held, "D9:99"])
    with pytest.raises(ValueError, match="evidence must be turns of this memory"):
        losses.evidence_retention([])


# -- recovery ----------------------------------------------------------------------------------------------------------


@given(conversations(), budgets, st.lists(questions, min_size=1, max_size=3), st.integers(0, 400), st.data())
def test_with_recovery_off_nothing_archived_is_ever_found(
    turns: list[Turn], budget: int, queries: list[str], search_budget: int, data: st.DataObject
) -> None:
    memory = AdaptiveMemory(budget, recovery=False)
    memory.extend(turns)
    held = set(ids_in(memory.render()))
    keep = data.draw(st.lists(st.sampled_from(turns).map(lambda turn: turn.id), max_size=3) if turns else st.just([]))
    found = memory.search(queries, search_budget, keep=keep)
    check(found, search_budget)
    assert set(found.ids) <= held
    assert {turn.id for turn in memory.rank(queries)} <= held
    assert found == memory.search(queries, search_budget, keep=keep, scope="working")


def test_recovery_spends_the_same_tokens_on_what_has_left_too() -> None:
    turns = chat(300)
    on, off = memory_of(turns, 300), AdaptiveMemory(300, recovery=False)
    off.extend(turns)
    assert on.render() == off.render()
    left = on.expand(next(iter(on.archived())))
    found, not_found = on.search(left.text, 200), off.search(left.text, 200)
    assert left.id in found.ids
    assert left.id not in not_found.ids
    check(found, 200)
    check(not_found, 200)
    assert on.search(left.text, 200, scope="working") == not_found
    assert off.search(left.text, 200, scope="all") == found


def test_an_unknown_recovery_is_refused() -> None:
    with pytest.raises(ValueError, match="recovery must be True or False, got 'maybe'"):
        AdaptiveMemory(recovery="maybe")


def test_an_archived_turn_is_found_by_a_search_of_all_and_not_of_the_working_memory() -> None:
    distinct = [replace(turn, text=f"{turn.text} {7919 * place} sang.") for place, turn in enumerate(chat(300), 1)]
    turns = [*distinct, Turn(99, 1, "Bo", "The kestrel is called Pip.", MAY)]
    memory = memory_of(turns, 300)
    for handle in list(memory.archived())[:20]:
        turn = memory.expand(handle)
        assert memory.search(turn.text, 200).ids[0] == turn.id
        assert turn.id not in memory.search(turn.text, 20_000, scope="working").ids


@pytest.mark.parametrize("name", ["D9:9", "mem:D9:9", "", "mem:"])
def test_an_unknown_handle_is_a_key_error(name: str) -> None:
    memory = memory_of(chat(3))
    with pytest.raises(KeyError, match=r"D9:9|''"):
        memory.expand(name)
    with pytest.raises(KeyError):
        memory.search("otter", 100, keep=[name])


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_memory_iterates_over_its_turns_and_knows_what_is_in_it() -> None:
    memory, other = AdaptiveMemory(), AdaptiveMemory()
    added = memory.extend({"role": name, "content": f"{name} waves"} for name in ("Ines", "Bo"))
    assert list(memory) == added
    assert all(one in memory for one in ("D1:2", "mem:D1:2", *added))
    changed = replace(added[0], text="Ines leaves")
    assert not any(one in memory for one in ("D1:3", changed, 5, None))
    assert other.extend(memory) == added  # of one memory to another


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_below_one_token_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"memory_tokens must be at least 1, got {budget}"):
        AdaptiveMemory(budget)


def test_a_known_id_is_refused_and_leaves_the_memory_as_it_was() -> None:
    memory = memory_of(chat(5))
    before = (memory.render(), memory.search("kites", 500), memory.stats())
    with pytest.raises(ValueError, match="turn D1:3 is in this memory already"):
        memory.add(Turn(1, 3, "Bo", "another"))
    assert (memory.render(), memory.search("kites", 500), memory.stats()) == before


@pytest.mark.parametrize("bad", [{"text": None}, {"speaker": None}, {"caption": 7}, {"time": "May"}])
def test_a_turn_that_cannot_be_rendered_leaves_the_memory_as_it_was(bad: dict[str, Any]) -> None:
    memory = memory_of(chat(5))
    before = (memory.render(), memory.search("kites", 500), memory.stats())
    with pytest.raises((TypeError, AttributeError)):
        memory.add(replace(Turn(9, 1, "Lena", "I row.", MAY), **bad))
    assert (memory.render(), memory.search("kites", 500), memory.stats()) == before
    memory.add(Turn(9, 1, "Lena", "Kestrels nest.", MAY))
    assert memory.search("kestrels", 500).ids[0] == "D9:1"


def test_an_unknown_scope_and_an_empty_list_of_queries_are_refused() -> None:
    memory = memory_of(chat(3))
    with pytest.raises(ValueError, match=r'scope must be "all" or "working", got \'archive\''):
        memory.search("kites", 100, scope="archive")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one query"):
        memory.search([], 100)


def test_an_empty_memory_answers_with_nothing() -> None:
    memory = AdaptiveMemory()
    nothing = Evidence((), "", 0)
    assert memory.search("otter", 100) == memory.recent(100) == memory.transcript() == memory.pack([], 100) == nothing
    assert (memory.render(), memory.rank("otter"), list(memory.archived()), len(memory)) == ("", [], [], 0)


# -- searching ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@given(conversations(), budgets, st.lists(questions, min_size=1, max_size=3), st.integers(0, 400), st.data())
@settings(max_examples=150)
def test_no_search_exceeds_its_budget_and_every_line_is_citable(
    turns: list[Turn], budget: int, queries: list[str], search_budget: int, data: st.DataObject
) -> None:
    memory = memory_of(turns, budget)
    held = set(ids_in(memory.render()))
    keep = data.draw(st.lists(st.sampled_from(turns).map(lambda turn: turn.id), max_size=3) if turns else st.just([]))
    for scope in SCOPES:
        check(memory.search(queries, search_budget, scope=scope, keep=keep), search_budget)
        found = memory.search(queries, search_budget, scope=scope)
        check(found, search_budget)
        assert scope == "all" or set(found.ids) <= held
    check(memory.recent(search_budget), search_budget)
    check(memory.pack(reversed(turns), search_budget), search_budget)
    check(memory.transcript(), memory.transcript().tokens)


@given(conversations(), questions)
def test_a_search_with_room_for_all_finds_every_turn_that_says_something(turns: list[Turn], query: str) -> None:
    memory = memory_of(turns)
    found = memory.search(query, 100_000)
    ranked = memory.rank(query)
    assert sorted(turn.id for turn in ranked) == sorted(turn.id for turn in turns)
    assert list(found.turns) == [turn for turn in ranked if turn in found.turns], "in order of rank"
    assert memory.pack(ranked, 100_000) == found


@given(dialogues(), sentences, st.integers(20, 200), st.integers(0, 200))
def test_what_was_found_before_stays_first_and_inside_a_larger_budget(
    turns: list[Turn], query: str, first: int, more: int
) -> None:
    memory = memory_of(turns)
    before = memory.search("otter mill film", first)
    after = memory.search([query, "dance"], first + more, keep=before.ids)
    assert after.ids[: len(before.ids)] == before.ids
    check(after, first + more)


@pytest.mark.slow
@given(dialogues(), st.lists(sentences, min_size=1, max_size=3), st.integers(1, 300), st.integers(1, 300))
def test_two_memories_built_alike_answer_alike(
    turns: list[Turn], queries: list[str], budget: int, search_budget: int
) -> None:
    one, other = memory_of(turns, budget), AdaptiveMemory(budget)
    for turn in turns:
        other.add(turn)
        other.search(queries, 50)  # asking in between changes nothing
    assert one.render() == other.render()
    assert one.stats() == other.stats()
    for scope in SCOPES:
        assert one.search(queries, search_budget, scope=scope) == other.search(queries, search_budget, scope=scope)
        assert one.rank(queries, scope=scope) == other.rank(queries, scope=scope)


def test_one_query_alone_or_in_a_list_is_the_same_search() -> None:
    memory = memory_of(chat(60))
    assert memory.search("kites near Porto", 200) == memory.search(["kites near Porto"], 200)


def test_recent_turns_come_newest_first() -> None:
    turns = chat(50)
    found = memory_of(turns).recent(200)
    assert list(found.turns) == turns[::-1][: len(found.turns)]
    assert found.tokens > 150


def test_a_transcript_holds_every_turn_in_full_whatever_the_budget() -> None:
    turns = chat(50)
    transcript = memory_of(turns, 100).transcript()
    assert list(transcript.turns) == turns
    assert all(turn.text in transcript.text for turn in turns)


def test_relevant_turns_are_packed_first() -> None:
    turns = [*chat(100), Turn(50, 1, "Ines", "Kestrels nest in the old tower.", MAY), *chat(160)[100:]]
    assert memory_of(turns).search("Where do the kestrels nest?", 40).ids == ("D50:1",)


# -- threads and cost --------------------------------------------------------------------------------------------------


def test_searches_from_many_threads_agree_with_one() -> None:
    memory = memory_of(chat(300), 1500)
    queries = [["kites near Porto"], ["What did Bo movie?", "otter 17"], ["May 2023"], ["nothing of it"]] * 10
    alone = [memory.search(query, 300) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: memory.search(query, 300), queries)) == alone


def test_searches_while_turns_are_added_stay_within_their_budget() -> None:
    memory = AdaptiveMemory(800)
    done = threading.Event()

    def read(worker: int) -> int:
        times = 0
        while not done.is_set() or not times:
            check(memory.search(["kites near otter3", "Porto"], 150, scope=SCOPES[worker % 2]), 150)
            assert count_tokens(memory.render()) <= 800
            assert memory.tokens <= 800
            stats = memory.stats()
            assert stats.turns == stats.turns_working + stats.turns_archived
            times += 1
        return times

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, worker) for worker in range(4)]
        try:
            memory.extend(chat(250))
        finally:
            done.set()
        assert all(reader.result() > 0 for reader in readers)
    assert len(memory) == 250


def executed_lines(work: Callable[[], None]) -> int:
    """Lines of our memory that Python executes during `work`: its cost, whatever else the machine does."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if "memory" not in str(frame.f_globals.get("__name__")).split("."):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("budget", [400, 100_000], ids=["archiving", "all held"])
def test_a_later_turn_costs_no_more_than_an_earlier_one(budget: int) -> None:
    turns = chat(1200)
    memory = memory_of(turns[:400], budget)
    earlier = executed_lines(lambda: memory.extend(turns[400:800]))
    later = executed_lines(lambda: memory.extend(turns[800:]))
    assert earlier > 400
    assert later <= 1.25 * earlier


@pytest.mark.slow
def test_archiving_a_turn_costs_far_less_than_in_proportion_to_the_working_memory() -> None:
    turns = chat(1200)
    small, large = memory_of(turns[:800], 300), memory_of(turns[:800], 6000)
    assert large.stats().turns_working > 16 * small.stats().turns_working
    cost_small = executed_lines(lambda: small.extend(turns[800:]))
    cost_large = executed_lines(lambda: large.extend(turns[800:]))
    assert cost_large <= 4 * cost_small


def test_a_question_about_something_else_scores_little_and_finds_nothing_above_a_least_score() -> None:
    memory = AdaptiveMemory()
    memory.extend(
        [
            Turn(1, 1, "Ana", "I adopted a parrot called Pico from the shelter.", datetime(2023, 5, 1)),
            Turn(1, 2, "Ben", "Lovely weather for a walk by the harbour today.", datetime(2023, 5, 1)),
        ]
    )
    here, elsewhere = (
        "Which shelter did the parrot come from?",
        "What did the insurance say about the broken windscreen?",
    )
    assert memory.search(here, min_score=0.3).ids[0] == "D1:1"
    assert memory.search(elsewhere).scores[0] < 0.3 < memory.search(here).scores[0]
    assert len(memory.search(elsewhere, min_score=0.3)) == 0
    assert memory.search(elsewhere, min_score=0.3, keep=["D1:2"]).ids == ("D1:2",), "what is kept is not judged"
    assert memory.search(here, min_score=0.0) == memory.search(here)
    assert all(score >= 0.5 for score in memory.search(here, min_score=0.5).scores)


def test_a_score_floor_keeps_the_best_and_drops_only_what_ranks_below() -> None:
    memory = AdaptiveMemory()
    memory.extend(
        [
            Turn(1, 1, "Ana", "I adopted a parrot called Pico from the shelter.", datetime(2023, 5, 1)),
            Turn(1, 2, "Ben", "Lovely weather for a walk by the harbour today.", datetime(2023, 5, 1)),
            Turn(2, 1, "Ana", "The parrot bit me while I was feeding it.", datetime(2023, 6, 1)),
            Turn(2, 2, "Ben", "My train was late again this morning, an hour.", datetime(2023, 6, 1)),
        ]
    )
    question = "What parrot did Ana adopt from the shelter?"
    everything = memory.search(question, 1000)
    assert memory.search(question, 1000, score_floor=0.0) == everything
    some = memory.search(question, 1000, score_floor=0.5)
    assert some.ids == everything.ids[: len(some.ids)]
    assert 0 < len(some.ids) < len(everything.ids)
    assert some.tokens < everything.tokens
    assert memory.search(question, 1000, score_floor=1.0).ids == everything.ids[:1]


def test_the_transcript_holds_a_long_turn_whole_while_the_search_shows_its_best_part() -> None:
    memory = AdaptiveMemory()
    long = " ".join(f"word{number}" for number in range(900))
    memory.add(Turn(1, 1, "Ana", long, datetime(2023, 5, 1)))
    assert long in memory.transcript().text
    shown = memory.search("word700", 400)
    assert shown.ids == ("D1:1",)
    assert "word700 " in shown.text
    assert long not in shown.text
    assert memory.search("word700", 4000).text == memory.transcript().text
    assert 0 < shown.tokens < 600


# -- hours -------------------------------------------------------------------------------------------------------------


def test_hours_are_shown_where_asked_within_the_budget() -> None:
    memory = AdaptiveMemory()
    memory.add("The ferry leaves at night.", speaker="Ana", time="2024-05-13T23:50", session=1, number=1)
    memory.add("We are on it.", speaker="Bo", time="2024-05-14T00:10", session=1, number=2)
    assert memory.transcript(clock=True).text == (
        "[D1, 13 May 2024]\n1 23:50 Ana: The ferry leaves at night.\n[D1, 14 May 2024]\n2 00:10 Bo: We are on it.\n"
    )
    assert memory.around("D1:2", 0, clock=True).text == "[D1, 14 May 2024]\n2 00:10 Bo: We are on it.\n"
    for budget in range(0, 60, 3):
        check(memory.search("When does the ferry leave?", budget, clock=True), budget)
    assert "23:50" not in memory.search("When does the ferry leave?").text


def test_days_that_are_no_hours_are_not_shown_as_midnight() -> None:
    memory = AdaptiveMemory()
    memory.add("I moved to Porto.", speaker="Ana", time="2023-05-25")
    assert memory.transcript(clock=True) == memory.transcript()


def test_a_transcript_may_be_of_some_days_alone() -> None:
    memory = AdaptiveMemory()
    for day in range(1, 6):
        memory.add(f"Day {day}.", speaker="Ana", time=f"2024-05-0{day}T09:00")
    found = memory.transcript(since="2024-05-02", until="2024-05-03")
    assert [turn.text for turn in found] == ["Day 2.", "Day 3."]
