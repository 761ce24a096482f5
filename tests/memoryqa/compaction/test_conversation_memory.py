"""ConversationMemory: everything said is in view, or listed and given back."""

from __future__ import annotations

import pytest
from histories import ScriptedLM, audit
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts

from memoryqa.compaction import CompactionConfig, ConversationMemory, MemoryCompactor, REPLHistory
from memoryqa.language.facts import probes, shown
from memoryqa.tokens import count_tokens


def chat(memory: ConversationMemory, num_turns: int, start: int = 0) -> ConversationMemory:
    for index in range(start, start + num_turns):
        memory.add_turn(f"How many rows has ledger {index}?", f"Ledger {index} has {5000 + index} rows.")
    return memory


def test_nothing_is_summarised_up_to_max_turns_and_all_turns_are_in_view() -> None:
    context = chat(ConversationMemory(max_turns=20), 20).get_context()
    assert context.startswith("User: How many rows has ledger 0?\nAssistant: Ledger 0 has 5000 rows.\n\nUser: How")
    assert "[Previous conversation" not in context
    assert context.count("User: ") == 20


def test_when_max_turns_is_exceeded_the_older_half_becomes_the_summary() -> None:
    context = chat(ConversationMemory(max_turns=20), 21).get_context()
    summary, *recent = context.split("\n\n")
    assert summary.startswith(
        "[Previous conversation (11 turns): Q: How many rows has ledger 0? A: Ledger 0 has 5000 rows. | Q: How many"
    )
    assert summary.endswith("]")
    assert len(recent) == 10
    assert recent[-1] == "User: How many rows has ledger 20?\nAssistant: Ledger 20 has 5020 rows."


def test_summaries_merge_and_never_overwrite() -> None:
    memory = chat(ConversationMemory(max_turns=6), 40)
    context = memory.get_context()
    assert "[Previous conversation (36 turns): " in context
    assert context.count("User: ") == 4
    for index in range(40):
        assert f"{5000 + index} rows" in context
    assert memory.dropped() == ()
    assert len(memory) == 40


def test_a_long_message_is_previewed_and_its_later_facts_are_quoted() -> None:
    memory = ConversationMemory(max_turns=2)
    memory.add_turn("Look. " * 40, "Well, " * 40 + "in the end. The invoice is 774410.")
    chat(memory, 3)
    summary = memory.get_context().split("\n\n")[0]
    assert f"Q: {('Look. ' * 40)[:100]}... A: " in summary
    assert "Key findings: The invoice is 774410" in summary


@pytest.mark.parametrize("max_turns", [1, 2, 3])
def test_the_smallest_memories_keep_their_limit(max_turns: int) -> None:
    memory = ConversationMemory(max_turns=max_turns)
    for index in range(9):
        chat(memory, 1, start=index)
        assert memory.get_context().count("User: ") <= max_turns
    assert all(f"{5000 + index} rows" in memory.get_context() for index in range(9))


def test_a_memory_without_turns_is_refused() -> None:
    with pytest.raises(ValueError, match="max_turns must be at least 1, got 0"):
        ConversationMemory(max_turns=0)


@pytest.mark.slow
@given(st.lists(st.tuples(texts, texts), max_size=14), st.integers(1, 5), st.integers(40, 120))
@settings(max_examples=80)
def test_what_was_said_is_in_view_or_listed_with_a_handle_that_gives_it_back(
    said: list[tuple[str, str]], max_turns: int, target: int
) -> None:
    memory = ConversationMemory(MemoryCompactor(CompactionConfig(target_tokens=target)), max_turns)
    for user, assistant in said:
        memory.add_turn(user, assistant)
    listed: dict[str, str] = {}
    for fact in memory.dropped():
        listed[fact.handle] = listed.get(fact.handle, "") + "\n" + fact.text
        assert fact.text in {one.text for one in memory.expand(fact.handle).facts}
    visible = shown(memory.get_context() + "\n" + "\n".join(listed.values()))
    for number, (user, assistant) in enumerate(said, 1):
        turn = memory.expand(f"mem:turn-{number}")
        assert (turn.user, turn.assistant) == (user, assistant)
        for fact in turn.facts:
            assert probes(fact.text) <= visible
    specificities = [fact.specificity for fact in memory.dropped()]
    assert specificities == sorted(specificities, reverse=True)


@given(st.integers(10, 60))
@settings(max_examples=10)
def test_the_summary_is_bounded_by_the_compactor_s_target(num_turns: int) -> None:
    memory = chat(ConversationMemory(MemoryCompactor(CompactionConfig(target_tokens=200)), max_turns=4), num_turns)
    summary = memory.get_context().split("\n\n")[0]
    assert summary.startswith("[Previous conversation (")
    assert count_tokens(summary) <= 230, "the target, and the brackets"


def test_an_lm_writes_the_running_summary_and_sees_the_one_before() -> None:
    lm = ScriptedLM(["Ledgers were counted, 5001 rows in ledger 1.", "All ledgers were counted."])
    memory = chat(ConversationMemory(MemoryCompactor(lm=lm), max_turns=4), 5)
    assert "| Ledgers were counted, 5001 rows in ledger 1.]" in memory.get_context()
    chat(memory, 3, start=5)
    assert "Summary of the 3 steps before:\nLedgers were counted, 5001 rows in ledger 1." in lm.prompts[1]
    assert "| All ledgers were counted.]" in memory.get_context()


def test_a_turn_is_remembered_when_the_lm_fails_and_the_next_one_tries_again() -> None:
    lm = ScriptedLM([RuntimeError("rate limit"), "All ledgers were counted."])
    config = CompactionConfig(fallback_to_deterministic=False)
    memory = chat(ConversationMemory(MemoryCompactor(config, lm), max_turns=4), 4)
    with pytest.raises(RuntimeError, match="rate limit"):
        chat(memory, 1, start=4)
    assert memory.get_context().count("User: ") == 5
    chat(memory, 1, start=5)
    assert "[Previous conversation (4 turns): " in memory.get_context()
    assert "| All ledgers were counted.]" in memory.get_context()


def test_the_steps_of_a_turn_are_compacted_and_their_facts_are_carried() -> None:
    memory = ConversationMemory(max_turns=2)
    steps = REPLHistory((*audit(11).append(output="invoice: 774410").entries, *audit(1).entries))
    memory.add_turn("Audit them.", "It is done.", history=steps, task="Audit")
    kept = memory.expand("mem:turn-1").history
    assert kept is not None
    assert len(kept) == 3
    chat(memory, 3)
    assert "invoice=774410" in memory.get_context()


def test_a_cleared_memory_is_as_new() -> None:
    memory = chat(ConversationMemory(max_turns=2), 5)
    memory.clear()
    assert memory.get_context() == ""
    assert (len(memory), memory.dropped()) == (0, ())
    with pytest.raises(KeyError, match="none of the 0 turns"):
        memory.expand("mem:turn-1")
    assert chat(memory, 1).expand("turn-1").user == "How many rows has ledger 0?"


def test_turns_too_short_to_be_summarised_at_once_are_summarised_with_the_next() -> None:
    config = CompactionConfig(target_tokens=100, max_key_findings=3)
    memory = ConversationMemory(MemoryCompactor(config), max_turns=1)
    memory.add_turn("id?", "invoice: 774410")
    memory.add_turn("ok", "ok")
    assert memory.compactor.stats.no_ops == 1, "one short turn is shorter than a summary of it"
    for index in range(20):
        memory.add_turn("Go on.", f"Page {index} was read, and nothing on it was of any use to us at all.")
    summary = memory.get_context().split("\n\n")[0]
    assert "A: invoice: 774410" not in summary, "its preview has left"
    assert "invoice=774410" in summary


@pytest.mark.parametrize(
    "message", [None, 5, b"hello", ["hello"], [{"type": "text", "text": "hello"}], {"text": "hello"}]
)
def test_a_message_that_is_no_text_is_refused_at_the_door(message: object) -> None:
    memory = ConversationMemory(max_turns=4)
    for number in range(6):
        memory.add_turn(f"question {number}", f"answer {number}")
    before = memory.get_context()
    with pytest.raises(TypeError, match="user_message must be text, got"):
        memory.add_turn(message, "fine")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="assistant_response must be text, got"):
        memory.add_turn("fine", message)  # type: ignore[arg-type]
    assert (len(memory), memory.get_context()) == (6, before)
    memory.add_turn("question 6", "answer 6")
