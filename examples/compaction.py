"""Keep the memory of a session small: four recipes on one history, a pinned step, a chat, an LM's summary checked.

    python examples/compaction.py
    python examples/compaction.py --recipe minimal_memory --steps 40

Needs no key and no network. The last line on stdout is one JSON document, sizes in entries, characters and tokens.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # examples are run from a checkout, never installed

from memoryqa.compaction import CompactionConfig, ConversationMemory, MemoryCompactor, REPLHistory

RECIPES = {
    "high_throughput": CompactionConfig.high_throughput,  # benchmarks: early, no LM calls
    "long_research": CompactionConfig.long_research,  # long sessions: late, the LM writes if there is one
    "minimal_memory": CompactionConfig.minimal_memory,  # small context windows
    "none": CompactionConfig.none,  # large context windows
}
TASK = "Find the branch whose March ledger does not add up."


def step(history: REPLHistory, number: int) -> REPLHistory:
    """`history` and one more step of an invented audit; every seventh step fails and the next one recovers."""
    if number % 7 == 3:
        output = "Traceback (most recent call last):\n  ...\nKeyError: 'branch_id'"
    else:
        output = (
            f"branch: Quarth-{number}, revenue: {48_000 + 1_731 * number}\nchecked {310 + number} receipts, all signed"
        )
    return history.append(
        reasoning=f"Branch {number} is next. Its receipts should add up to the revenue in the ledger.",
        code=f"frame = ledger.query('branch_id == {number}')\nprint(report(frame))",
        output=output,
    )


def run_recipe(name: str, num_steps: int) -> dict[str, Any]:
    """A session of `num_steps` under one recipe, compacted whenever it is due, as an agent's loop would do it."""
    compactor = MemoryCompactor(RECIPES[name]())
    history = REPLHistory()
    for number in range(num_steps):
        history = step(history, number)
        if compactor.should_compact(history):
            result = compactor.compact(history, task=TASK)
            history = compactor.apply_compaction(history, result)
    print(f"\n== {name}: {num_steps} steps, {compactor.stats.compactions} compactions, {len(history)} entries now")
    if compactor.stats.compactions:
        print(f"   {history.entries[0].reasoning}\n   {history.entries[0].output}")
    return {"entries": len(history), "compactions": compactor.stats.compactions}


def show_report(num_steps: int) -> dict[str, Any]:
    """One compaction into 400 tokens with a pinned step: what it keeps, what it drops, how to get a step back."""
    history = REPLHistory()
    for number in range(num_steps):
        history = step(history, number)
    pinned = history.entries[0].id
    compactor = MemoryCompactor(CompactionConfig(target_tokens=400, max_key_findings=100))
    result = compactor.compact(history, task=TASK, force=True, pinned=[pinned])
    print(f"\n== {num_steps} steps into 400 tokens, the first one pinned")
    print(f"   {result.original_tokens} -> {result.compacted_tokens} tokens; {len(result.dropped)} facts are dropped,")
    print(f"   {result.retention:.0%} of the numbers, dates and names are still there. The best that are not:")
    for fact in result.dropped[:3]:
        print(f"   - {fact.text}  [{fact.handle}] -> {result.expand(fact.handle).code.splitlines()[0]}")
    return {
        "tokens_before": result.original_tokens,
        "tokens_after": result.compacted_tokens,
        "retention": round(result.retention, 3),
        "dropped": len(result.dropped),
    }


def show_checked_lm(num_steps: int) -> dict[str, Any]:
    """An LM (here a function that invents one sentence) writes the summary; the invented sentence is left out."""

    def inventive_lm(prompt: str) -> str:
        return "The revenue of branch 2 was 51462. The auditor Zebedee signed for 99999. All receipts were signed."

    history = REPLHistory()
    for number in range(num_steps):
        history = step(history, number)
    compactor = MemoryCompactor(lm=inventive_lm)
    result = compactor.compact(history, task=TASK, force=True)
    print(f"\n== an LM's summary, checked: {result.summary}")
    print(f"   sentences left out: {compactor.stats.lm_sentences_rejected}")
    return {"used_llm": result.used_llm, "sentences_rejected": compactor.stats.lm_sentences_rejected}


def show_chat(num_turns: int) -> dict[str, Any]:
    """A chat that keeps four turns word for word and summarises the rest."""
    memory = ConversationMemory(max_turns=4)
    for number in range(num_turns):
        memory.add_turn(
            f"And what did branch {number} take?", f"Branch {number} took {48_000 + 1_731 * number} crowns."
        )
    print(f"\n== a chat of {num_turns} turns\n{memory.get_context()}")
    return {"turns": len(memory), "context_chars": len(memory.get_context()), "dropped": len(memory.dropped())}


def main(argv: list[str] | None = None) -> int:
    """Run one recipe or all; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", choices=sorted(RECIPES), help="only this recipe, and nothing else")
    parser.add_argument("--steps", type=int, default=24, help="length of the session, at least 12 (default: 24)")
    args = parser.parse_args(argv)
    if args.steps < 12:
        parser.error(f"--steps must be at least 12, so that there is something to compact; got {args.steps}")
    names = [args.recipe] if args.recipe else list(RECIPES)
    figures: dict[str, Any] = {"recipes": {name: run_recipe(name, args.steps) for name in names}}
    if not args.recipe:
        figures["report"] = show_report(args.steps)
        figures["lm"] = show_checked_lm(args.steps)
        figures["chat"] = show_chat(args.steps)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
