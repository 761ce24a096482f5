"""Every way of calling that rlm-code documents (docs/core/memory-compaction.md at 878df0d), with another import."""

from __future__ import annotations

import pytest

from memoryqa.compaction import CompactionConfig, CompactionResult, ConversationMemory, MemoryCompactor, REPLHistory
from memoryqa.errors import UsageError


class Connector:
    """What the reference calls an LLM connector."""

    def __init__(self, answer: str = "Chunk 3 was read and 9 patterns were found.") -> None:
        self.answer, self.prompts = answer, list[str]()

    def generate_response(self, *, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.answer


def history_of(number: int) -> REPLHistory:
    history = REPLHistory()
    for step in range(number):
        history = history.append(
            reasoning=f"Step {step}: analyzing chunk {step}",
            code=f"result_{step} = analyze(chunks[{step}])",
            output=f"Processed chunk {step}: found {step * 3} patterns",
        )
    return history


def test_the_config_takes_every_documented_field_and_has_the_documented_defaults() -> None:
    documented = {
        "min_entries_for_compaction": 5,
        "max_entries_before_compaction": 10,
        "max_chars_before_compaction": 8000,
        "summary_max_sentences": 3,
        "preserve_last_n_entries": 2,
        "include_key_findings": True,
        "use_llm_for_summary": True,
        "fallback_to_deterministic": True,
    }
    defaults = CompactionConfig()
    assert {name: getattr(defaults, name) for name in documented} == documented
    assert CompactionConfig(**documented) == defaults


def test_a_compactor_is_made_with_the_documented_keywords() -> None:
    connector = Connector()
    config = CompactionConfig(max_entries_before_compaction=8, preserve_last_n_entries=3)
    compactor = MemoryCompactor(config=config, llm_connector=connector)
    result = compactor.compact(history_of(8), task="Analyze the dataset")
    assert (compactor.config, result.used_llm, len(connector.prompts)) == (config, True, 1)
    later = MemoryCompactor()
    later.set_llm_connector(connector)
    assert later.compact(history_of(12)).used_llm
    assert not MemoryCompactor(config=CompactionConfig(use_llm_for_summary=False)).compact(history_of(12)).used_llm


def test_a_result_has_every_documented_field_and_the_applied_history_the_documented_form() -> None:
    history = history_of(12)
    compactor = MemoryCompactor()
    assert compactor.should_compact(history)
    result: CompactionResult = compactor.compact(history, task="Analyze data")
    said = [
        f"Compressed {result.original_entries} entries to {result.compacted_entries}",
        f"Character reduction: {result.original_chars} -> {result.compacted_chars}",
        f"Compression ratio: {result.compression_ratio:.1%}",
        f"Used LLM: {result.used_llm}",
        f"Summary: {result.summary}",
        f"Preserved {len(result.preserved_entries)} recent entries at {result.timestamp}",
    ]
    assert said[0] == "Compressed 12 entries to 3"
    assert 0 < result.compression_ratio < 1
    compacted = compactor.apply_compaction(history, result)
    first = compacted.entries[0]
    assert first.reasoning.startswith("[COMPACTED] Working on: Analyze data")
    assert first.code == "# Previous steps summarized above"
    assert first.output == "(Compacted 10 steps)"
    nothing = compactor.compact(history_of(3))
    assert (nothing.summary, len(nothing.preserved_entries)) == ("", 3)
    assert compactor.compact(history_of(8), force=True).summary


def test_the_memory_of_a_conversation_is_used_as_documented() -> None:
    memory = ConversationMemory(max_turns=20)
    memory.add_turn(
        user_message="What's in the dataset?",
        assistant_response="The dataset contains 1000 records with 5 columns...",
        task="Analyze dataset",
    )
    memory.add_turn(user_message="Find the outliers", assistant_response="I found 12 outliers in column 'price'...")
    assert "User: Find the outliers\nAssistant: I found 12 outliers" in memory.get_context()
    memory.clear()
    assert memory.get_context() == ""
    assert ConversationMemory(compactor=MemoryCompactor(), max_turns=3).max_turns == 3


def test_the_end_to_end_example_runs_and_keeps_its_promise() -> None:
    config = CompactionConfig(
        max_entries_before_compaction=8,
        max_chars_before_compaction=5000,
        preserve_last_n_entries=2,
        summary_max_sentences=2,
        use_llm_for_summary=False,
    )
    compactor = MemoryCompactor(config=config)
    history = history_of(10)
    assert compactor.should_compact(history)
    result = compactor.compact(history, task="Analyze all data chunks")
    compacted = compactor.apply_compaction(history, result)
    assert f"{result.compression_ratio:.0%}".endswith("%")
    assert f"Entries: {len(history)} -> {len(compacted)}" == "Entries: 10 -> 3"


def test_the_recipes_are_configs() -> None:
    CompactionConfig(
        min_entries_for_compaction=8,
        max_entries_before_compaction=15,
        max_chars_before_compaction=15000,
        use_llm_for_summary=True,
        fallback_to_deterministic=True,
        preserve_last_n_entries=3,
        summary_max_sentences=4,
        include_key_findings=True,
    )
    never = CompactionConfig(
        min_entries_for_compaction=999, max_entries_before_compaction=999, max_chars_before_compaction=999999
    )
    assert not MemoryCompactor(config=never).should_compact(history_of(50))


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "null",
        "502 Bad Gateway",
        "Sure! Here is the summary:",
        '{"error": {"message": "quota"}}',
        "<think>The user wants a summary",
        "[summary]",
        "Let us talk about the weather instead, shall we.",
        "",
    ],
)
def test_what_is_no_summary_is_counted_and_replaced(answer: str) -> None:
    compactor = MemoryCompactor(llm_connector=Connector(answer))
    plain = MemoryCompactor().compact(history_of(12), task="Analyze")
    result = compactor.compact(history_of(12), task="Analyze")
    assert (result.used_llm, result.summary) == (False, plain.summary)
    assert result.lm_error
    assert compactor.stats.lm_failures == 1
    strict = MemoryCompactor(CompactionConfig(fallback_to_deterministic=False), llm_connector=Connector(answer))
    with pytest.raises(ValueError, match="the LM"):
        strict.compact(history_of(12), task="Analyze")


@pytest.mark.parametrize("before", ["Sure! Here is the summary:\n", "<think>Draft: chunk 1</think>", "**Summary:** "])
def test_only_the_summary_of_an_answer_is_kept(before: str) -> None:
    said = "Chunk 3 was read and 9 patterns were found."
    result = MemoryCompactor(llm_connector=Connector(before + said)).compact(history_of(12))
    assert (result.used_llm, result.summary) == (True, said)


def test_a_wrong_lm_is_one_clear_error() -> None:
    with pytest.raises(TypeError, match=r"generate_response\(prompt=\.\.\.\) is an `llm_connector`"):
        MemoryCompactor(lm=Connector())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="str has none"):
        MemoryCompactor(llm_connector="gpt")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not both"):
        MemoryCompactor(lm=str, llm_connector=Connector())
    with pytest.raises(TypeError, match="config must be a CompactionConfig"):
        MemoryCompactor(Connector())  # type: ignore[arg-type]
